//! Key ARNs: parsed to typed parts, and the endpoint rebuilt from them, so that an address can only ever lead to AWS KMS.

/// `arn:partition:kms:region:account:key/id`, with every part checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyArn {
    text: String,
    region: String,
    domain: &'static str,
}

impl KeyArn {
    /// # Errors
    /// What is wrong, for the error message.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(':').collect();
        let &["arn", partition, "kms", region, account, resource] = parts.as_slice() else {
            return Err("is not of the form arn:aws:kms:REGION:ACCOUNT:key/ID".to_owned());
        };
        let domain = match partition {
            "aws" => "amazonaws.com",
            "aws-cn" => "amazonaws.com.cn",
            "aws-us-gov" => "amazonaws.com",
            _ => return Err("has an unknown partition: aws, aws-cn and aws-us-gov are known".to_owned()),
        };
        if !is_region(region) || partition_of(region) != partition {
            return Err(format!("has a region that partition {partition} does not have"));
        }
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("has an account that is not 12 digits".to_owned());
        }
        let Some(id) = resource.strip_prefix("key/") else {
            return Err("does not name a key: give the key's ARN (…:key/ID), not an alias".to_owned());
        };
        if !is_key_id(id) {
            return Err("has a key id that is neither a UUID nor mrk- and 32 hexadecimal digits".to_owned());
        }
        Ok(Self { text: text.to_owned(), region: region.to_owned(), domain })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    /// The public endpoint of the key's region.
    pub(crate) fn endpoint(&self) -> String {
        format!("https://kms.{}.{}", self.region, self.domain)
    }
}

fn partition_of(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// Such as `eu-central-1` or `us-gov-west-1`: words of lower-case letters and a final number, joined by hyphens.
fn is_region(text: &str) -> bool {
    let words: Vec<&str> = text.split('-').collect();
    let [first, middle @ .., number] = words.as_slice() else {
        return false;
    };
    let is_word = |word: &&str| (2..=12).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_lowercase());
    (2..=3).contains(&first.len())
        && is_word(first)
        && (1..=2).contains(&middle.len())
        && middle.iter().all(is_word)
        && (1..=2).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_key_id(text: &str) -> bool {
    let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    match text.strip_prefix("mrk-") {
        Some(digits) => digits.len() == 32 && is_hex(digits),
        None => {
            let groups: Vec<&str> = text.split('-').collect();
            groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && groups.into_iter().all(is_hex)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

    #[test]
    fn the_endpoint_is_rebuilt_from_the_parts() {
        for (arn, endpoint) in [
            (format!("arn:aws:kms:eu-central-1:111122223333:key/{ID}"), "https://kms.eu-central-1.amazonaws.com"),
            (format!("arn:aws-cn:kms:cn-north-1:111122223333:key/{ID}"), "https://kms.cn-north-1.amazonaws.com.cn"),
            (
                format!("arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/{ID}"),
                "https://kms.us-gov-west-1.amazonaws.com",
            ),
            (
                "arn:aws:kms:us-east-1:111122223333:key/mrk-1234567890abcdef1234567890abcdef".to_owned(),
                "https://kms.us-east-1.amazonaws.com",
            ),
        ] {
            assert_eq!(KeyArn::parse(&arn).unwrap().endpoint(), endpoint);
        }
    }

    #[test]
    fn whatever_could_lead_elsewhere_is_refused() {
        for arn in [
            "",
            ID,
            "https://evil.example/",
            &format!("arn:aws:kms:evil.example/:111122223333:key/{ID}"),
            &format!("arn:aws:kms:us-east-1.evil.example#-1:111122223333:key/{ID}"),
            &format!("arn:aws:kms:eu-central-1@evil:111122223333:key/{ID}"),
            &format!("arn:aws:kms:EU-CENTRAL-1:111122223333:key/{ID}"),
            &format!("arn:aws:kms:eu\u{2d}central\u{2024}1:111122223333:key/{ID}"),
            &format!("arn:aws:kms::111122223333:key/{ID}"),
            &format!("arn:aws:kms:cn-north-1:111122223333:key/{ID}"),
            &format!("arn:aws-evil:kms:eu-central-1:111122223333:key/{ID}"),
            &format!("arn:aws:s3:eu-central-1:111122223333:key/{ID}"),
            &format!("arn:aws:kms:eu-central-1:11112222333:key/{ID}"),
            &format!("arn:aws:kms:eu-central-1:111122223333:alias/{ID}"),
            &format!("arn:aws:kms:eu-central-1:111122223333:key/{ID}/../x"),
            &format!("arn:aws:kms:eu-central-1:111122223333:key/{}", ID.to_uppercase()),
            &format!("arn:aws:kms:eu-central-1:111122223333:key/{ID}:x"),
            &format!(" arn:aws:kms:eu-central-1:111122223333:key/{ID}"),
            &format!("arn:aws:kms:eu-central-1:111122223333:key/{ID}\n"),
        ] {
            assert!(KeyArn::parse(arn).is_err(), "{arn:?}");
        }
    }
}
