use super::*;

const KEY: &str = "projects/my-project/locations/europe-west3/keyRings/Ring_1/cryptoKeys/key-1";

#[test]
fn names_are_rebuilt_from_their_parts() {
    for name in [
        KEY,
        "projects/example.com:my-project/locations/global/keyRings/r/cryptoKeys/k",
        "projects/eu0:my-project/locations/u-germany-northeast1/keyRings/r/cryptoKeys/k",
        "projects/a23456/locations/eur4/keyRings/0/cryptoKeys/_",
        &format!("projects/my-project/locations/us/keyRings/{0}/cryptoKeys/{0}", "k".repeat(63)),
    ] {
        assert_eq!(KeyName::parse(name).unwrap().to_string(), name);
    }
    assert_eq!(KeyName::parse(KEY).unwrap().location(), "europe-west3");
}

#[test]
fn endpoints_come_from_the_list() {
    let key = KeyName::parse(KEY).unwrap();
    for (universe, is_regional, origin) in [
        (Universe::Public, false, "https://cloudkms.googleapis.com"),
        (Universe::Public, true, "https://cloudkms.europe-west3.rep.googleapis.com"),
        (Universe::S3ns, false, "https://cloudkms.s3nsapis.fr"),
        (Universe::Dedicated, false, "https://cloudkms.apis-berlin-build0.goog"),
    ] {
        assert_eq!(kms_origin(universe, &key, is_regional), origin);
    }
    assert_eq!(Service::SecurityTokens.origin(Universe::Public), "https://sts.googleapis.com");
    assert_eq!(Service::IamCredentials.origin(Universe::S3ns), "https://iamcredentials.s3nsapis.fr");
    assert_eq!(Service::Metadata.origin(Universe::Public), "http://metadata.google.internal");
    for domain in
        ["", "evil.example", "googleapis.com.", "GOOGLEAPIS.COM", "googleapis.com.evil.example", "evil/googleapis.com"]
    {
        assert_eq!(Universe::of(domain), None, "{domain:?}");
    }
}

#[test]
fn whatever_could_lead_elsewhere_is_refused() {
    let long = "k".repeat(64);
    for name in [
        "",
        "key-1",
        "https://evil.example/",
        &format!("https://cloudkms.googleapis.com/v1/{KEY}"),
        &format!("//cloudkms.googleapis.com/{KEY}"),
        &format!("/{KEY}"),
        &format!("{KEY}/"),
        &format!(" {KEY}"),
        &format!("{KEY}\n"),
        &format!("{KEY}?alt=media"),
        &format!("{KEY}#x"),
        &format!("{KEY}:encrypt"),
        &format!("{KEY}/../other"),
        &format!("{KEY}/cryptoKeyVersions/1"),
        &format!("{KEY}/cryptoKeyVersions"),
        &format!("{KEY}%2f..%2fother"),
        &KEY.replace("key-1", ".."),
        &KEY.replace("key-1", "."),
        &KEY.replace("key-1", ""),
        &KEY.replace("key-1", "k%65y"),
        &KEY.replace("key-1", "ключ"),
        &KEY.replace("key-1", &long),
        &KEY.replace("Ring_1", ""),
        &KEY.replace("Ring_1", "a.b"),
        &KEY.replace("Ring_1", "a b"),
        &KEY.replace("Ring_1", &long),
        &KEY.replace("my-project", ""),
        &KEY.replace("my-project", "123456789012"),
        &KEY.replace("my-project", "user@evil"),
        &KEY.replace("my-project", "user:pw@evil.example"),
        &KEY.replace("my-project", "My-Project"),
        &KEY.replace("my-project", "-my-project"),
        &KEY.replace("my-project", "my-project-"),
        &KEY.replace("my-project", "short"),
        &KEY.replace("my-project", &"p".repeat(31)),
        &KEY.replace("my-project", "a:b:my-project"),
        &KEY.replace("my-project", ":my-project"),
        &KEY.replace("my-project", "..:my-project"),
        &KEY.replace("my-project", "-"),
        &KEY.replace("europe-west3", ""),
        &KEY.replace("europe-west3", "-"),
        &KEY.replace("europe-west3", "Europe-West3"),
        &KEY.replace("europe-west3", "evil.example"),
        &KEY.replace("europe-west3", "evil.example#"),
        &KEY.replace("europe-west3", "x@evil"),
        &KEY.replace("europe-west3", "europe-west3."),
        &KEY.replace("europe-west3", "europe-west3:443"),
        &KEY.replace("europe-west3", "europe-west3%2f"),
        &KEY.replace("europe-west3", "xn--europe-west3"),
        &KEY.replace("europe-west3", "127.0.0.1"),
        &KEY.replace("europe-west3", "europe\u{2024}west3"),
        &KEY.replace("europe-west3", "europe\u{2010}west3"),
        &KEY.replace("europe-west3", &"l".repeat(64)),
        &KEY.replace("projects", "Projects"),
        &KEY.replace("keyRings", "keyrings"),
        &KEY.replace("locations/europe-west3/", ""),
        &KEY.replace('/', "\\"),
        &KEY.replace('/', "\u{2215}"),
    ] {
        assert!(KeyName::parse(name).is_err(), "{name:?}");
    }
    let version = KeyName::parse(&format!("{KEY}/cryptoKeyVersions/1")).unwrap_err();
    assert!(version.contains("name the key alone"), "{version}");
}

#[test]
fn only_versions_of_the_key_itself_are_its_versions() {
    let key = KeyName::parse(KEY).unwrap();
    assert!(key.is_version(&format!("{KEY}/cryptoKeyVersions/1")));
    assert!(key.is_version(&format!("{KEY}/cryptoKeyVersions/4711")));
    for name in [
        "",
        KEY,
        &format!("{KEY}/cryptoKeyVersions/"),
        &format!("{KEY}/cryptoKeyVersions/x"),
        &format!("{KEY}/cryptoKeyVersions/1/x"),
        &format!("{KEY}0/cryptoKeyVersions/1"),
        &format!("/{KEY}/cryptoKeyVersions/1"),
        &format!("{}/cryptoKeyVersions/1", KEY.replace("my-project", "other-project")),
        &format!("{KEY}/cryptoKeyVersions/{}", "1".repeat(21)),
    ] {
        assert!(!key.is_version(name), "{name:?}");
    }
}

#[test]
fn only_service_accounts_are_impersonated() {
    for account in [
        "vault@my-project.iam.gserviceaccount.com",
        "123-compute@developer.gserviceaccount.com",
        "a@p.eu0.iam.gserviceaccount.com",
    ] {
        assert_eq!(ServiceAccount::parse(account).unwrap().as_str(), account);
    }
    for account in [
        "",
        "vault",
        "vault@evil.example",
        "vault@iam.gserviceaccount.com.evil.example",
        "vault@.gserviceaccount.com",
        "vault@evilgserviceaccount.com",
        "a/b@my-project.iam.gserviceaccount.com",
        "a@b@my-project.iam.gserviceaccount.com",
        "a:generateAccessToken?x=@my-project.iam.gserviceaccount.com",
        "vault@my-project/x.iam.gserviceaccount.com",
        "vault@my%2fproject.iam.gserviceaccount.com",
        "..@my-project.iam.gserviceaccount.com",
        "Vault@my-project.iam.gserviceaccount.com",
        "vault@my-project.iam.gserviceaccount.com\n",
    ] {
        assert!(ServiceAccount::parse(account).is_err(), "{account:?}");
    }
}
