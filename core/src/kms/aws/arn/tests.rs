use super::*;

const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";
const FIPS: EndpointVariant = EndpointVariant { fips: true, dual_stack: false };

fn parse(arn: &str) -> Result<KeyReference, String> {
    KeyReference::parse(arn)
}

fn key_arn(arn: &str) -> KeyArn {
    match parse(arn) {
        Ok(KeyReference::Key(key)) => key,
        other => panic!("{arn}: {other:?}"),
    }
}

fn key() -> KeyArn {
    key_arn(&format!("arn:aws:kms:eu-central-1:111122223333:key/{ID}"))
}

#[test]
fn the_endpoint_is_rebuilt_from_the_parts() {
    let mrk = "mrk-1234567890abcdef1234567890abcdef";
    for (arn, variant, endpoint) in [
        (
            format!("arn:aws:kms:eu-central-1:111122223333:key/{ID}"),
            EndpointVariant::default(),
            "kms.eu-central-1.amazonaws.com",
        ),
        (format!("arn:aws:kms:eu-central-1:111122223333:key/{ID}"), FIPS, "kms-fips.eu-central-1.amazonaws.com"),
        (
            format!("arn:aws-cn:kms:cn-north-1:111122223333:key/{ID}"),
            EndpointVariant::default(),
            "kms.cn-north-1.amazonaws.com.cn",
        ),
        (
            format!("arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/{ID}"),
            EndpointVariant::default(),
            "kms.us-gov-west-1.amazonaws.com",
        ),
        (
            format!("arn:aws-eusc:kms:eusc-de-east-1:111122223333:key/{ID}"),
            EndpointVariant::default(),
            "kms.eusc-de-east-1.amazonaws.eu",
        ),
        (
            format!("arn:aws-iso:kms:us-iso-east-1:111122223333:key/{ID}"),
            EndpointVariant::default(),
            "kms.us-iso-east-1.c2s.ic.gov",
        ),
        (
            format!("arn:aws:kms:us-east-1:111122223333:key/{mrk}"),
            EndpointVariant::default(),
            "kms.us-east-1.amazonaws.com",
        ),
    ] {
        assert_eq!(parse(&arn).unwrap().place().endpoint(Service::Kms, variant), format!("https://{endpoint}"));
    }
}

/// What may stand in place of a region, an account or an id to lead elsewhere.
const ATTACKS: [&str; 33] = [
    "",
    " ",
    "*",
    "..",
    "../x",
    "%2e%2e%2fx",
    "x%2f",
    "x%00",
    "x\0",
    "x\n",
    "x\r\nHost: evil.example",
    "evil.example",
    "evil.example/",
    "evil.example#-1",
    "evil.example?-1",
    "evil.example:443",
    "eu-central-1.evil.example",
    "eu-central-1.evil.example#-1",
    "eu-central-1@evil.example",
    "user:word@evil.example",
    "eu-central-1.",
    ".eu-central-1",
    "eu-central-1/",
    "eu-central-1:8443",
    "eu-central-1\\",
    "eu--1",
    "EU-CENTRAL-1",
    "eu\u{2010}central\u{2010}1",
    "eu-central\u{3002}1",
    "eu-central-\u{ff11}",
    "169.254.169.254",
    "[::1]",
    "2130706433",
];

#[test]
fn no_part_of_a_key_arn_leads_elsewhere() {
    for attack in ATTACKS {
        for arn in [
            attack.to_owned(),
            format!("arn:aws:kms:{attack}:111122223333:key/{ID}"),
            format!("arn:{attack}:kms:eu-central-1:111122223333:key/{ID}"),
            format!("arn:aws:{attack}:eu-central-1:111122223333:key/{ID}"),
            format!("arn:aws:kms:eu-central-1:{attack}:key/{ID}"),
            format!("arn:aws:kms:eu-central-1:111122223333:key/{attack}"),
            format!("arn:aws:kms:{attack}:111122223333:alias/app"),
            format!("arn:aws:kms:eu-central-1:{attack}:alias/app"),
            format!("arn:aws:kms:eu-central-1:111122223333:{attack}/{ID}"),
            format!("{attack}:arn:aws:kms:eu-central-1:111122223333:key/{ID}"),
            format!("https://{attack}/arn:aws:kms:eu-central-1:111122223333:key/{ID}"),
        ] {
            assert!(parse(&arn).is_err(), "{arn:?}");
        }
        if !attack.is_empty() {
            for arn in [format!("{}{attack}", key().as_str()), format!("{attack}{}", key().as_str())] {
                assert!(parse(&arn).is_err(), "{arn:?}");
            }
        }
    }
}

#[test]
fn replicas_are_one_key_and_others_are_not() {
    let owned = |arn: &str| key_arn(arn).owned();
    let mrk = "key/mrk-1234567890abcdef1234567890abcdef";
    let primary = owned(&format!("arn:aws:kms:eu-central-1:111122223333:{mrk}"));
    assert_eq!(primary, owned(&format!("arn:aws:kms:us-east-1:111122223333:{mrk}")));
    assert_ne!(primary, owned(&format!("arn:aws:kms:eu-central-1:111122224444:{mrk}")));
    assert_ne!(primary, owned(&format!("arn:aws-cn:kms:cn-north-1:111122223333:{mrk}")));
    let [here, there] =
        ["eu-central-1", "us-east-1"].map(|region| owned(&format!("arn:aws:kms:{region}:111122223333:key/{ID}")));
    assert_ne!(here, there);
}

#[test]
fn what_does_not_fit_together_is_refused() {
    for arn in [
        ID,
        &format!("arn:aws:kms:cn-north-1:111122223333:key/{ID}"),
        &format!("arn:aws:kms:us-gov-west-1:111122223333:key/{ID}"),
        &format!("arn:aws:kms:us-iso-east-1:111122223333:key/{ID}"),
        &format!("arn:aws-cn:kms:eu-central-1:111122223333:key/{ID}"),
        &format!("arn:aws-iso:kms:us-isob-east-1:111122223333:key/{ID}"),
        &format!("arn:aws-evil:kms:eu-central-1:111122223333:key/{ID}"),
        &format!("arn:AWS:kms:eu-central-1:111122223333:key/{ID}"),
        &format!("arn:aws:s3:eu-central-1:111122223333:key/{ID}"),
        &format!("arn:aws:kms:eu-central-1:11112222333:key/{ID}"),
        &format!("arn:aws:kms:eu-central-1:111122223333:key/{}", ID.to_uppercase()),
        &format!("arn:aws:kms:eu-central-1:111122223333:key/mrk-{ID}"),
        &format!("arn:aws:kms:eu-central-1:111122223333:key/{ID}:x"),
    ] {
        assert!(parse(arn).is_err(), "{arn:?}");
    }
}

#[test]
fn a_role_is_named_whole() {
    let longest = format!("arn:aws:iam::111122223333:role/{}", "r".repeat(64));
    for arn in
        ["arn:aws:iam::111122223333:role/libvault", "arn:aws:iam::111122223333:role/a/b/lib+v=a,u.l@t_-9", &longest]
    {
        assert_eq!(RoleArn::parse(arn, &key().place).unwrap().as_str(), arn);
    }
}

#[test]
fn no_part_of_a_role_arn_leads_elsewhere() {
    for attack in ATTACKS {
        for arn in [
            attack.to_owned(),
            format!("arn:{attack}:iam::111122223333:role/libvault"),
            format!("arn:aws:{attack}::111122223333:role/libvault"),
            format!("arn:aws:iam::{attack}:role/libvault"),
            format!("arn:aws:iam::111122223333:{attack}/libvault"),
            format!("arn:aws:iam::111122223333:role/{attack}/\u{20}libvault"),
        ] {
            assert!(RoleArn::parse(&arn, &key().place).is_err(), "{arn:?}");
        }
    }
    for arn in [
        "arn:aws:iam:eu-central-1:111122223333:role/libvault",
        "arn:aws:iam::111122223333:user/libvault",
        "arn:aws:iam::111122223333:role/",
        "arn:aws:iam::111122223333:role//libvault",
        "arn:aws:iam::111122223333:role/libvault/",
        "arn:aws:iam::111122223333:role/lib*",
        "arn:aws:iam::111122223333:role/lib%2fvault",
        "arn:aws:sts::111122223333:assumed-role/libvault/session",
        "arn:aws-cn:iam::111122223333:role/libvault",
        &format!("arn:aws:iam::111122223333:role/{}", "r".repeat(65)),
        &format!("arn:aws:iam::111122223333:role/{}/r", "p".repeat(511)),
    ] {
        assert!(RoleArn::parse(arn, &key().place).is_err(), "{arn:?}");
    }
}

#[test]
fn an_alias_is_a_name_and_nothing_else() {
    for name in ["app", "App/prod_1-a", &"a".repeat(250)] {
        let arn = format!("arn:aws:kms:eu-central-1:111122223333:alias/{name}");
        assert!(matches!(parse(&arn), Ok(KeyReference::Alias(alias)) if alias.as_str() == arn), "{name}");
    }
    for name in ["", "aws/s3", "a b", "a.b", "a:b", "a%2fb", "a\u{2010}b", "a\n", "*", &"a".repeat(251)] {
        let arn = format!("arn:aws:kms:eu-central-1:111122223333:alias/{name}");
        assert!(parse(&arn).is_err(), "{name}");
    }
}

#[test]
fn an_alias_stands_for_a_key_of_its_own_account_and_region() {
    let Ok(KeyReference::Alias(alias)) = parse("arn:aws:kms:eu-central-1:111122223333:alias/app") else { panic!() };
    assert_eq!(alias.target(key().as_str()), Some(key()));
    for answered in [
        format!("arn:aws:kms:us-east-1:111122223333:key/{ID}"),
        format!("arn:aws:kms:eu-central-1:111122224444:key/{ID}"),
        "arn:aws:kms:eu-central-1:111122223333:alias/other".to_owned(),
        ID.to_owned(),
        String::new(),
    ] {
        assert_eq!(alias.target(&answered), None, "{answered}");
    }
}
