//! ARNs of keys and roles: parsed to typed parts, every one of them checked. Nothing of their text is dialled: `endpoint.rs` rebuilds the hosts.

use super::endpoint::{EndpointVariant, Partition, Service};

/// `arn:partition:kms:region:account:key/id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyArn {
    text: String,
    partition: &'static Partition,
    region: String,
    account: String,
    id: String,
}

impl KeyArn {
    /// # Errors
    /// What is wrong, for the error message.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(':').collect();
        let &["arn", partition, "kms", region, account, resource] = parts.as_slice() else {
            return Err("is not of the form arn:aws:kms:REGION:ACCOUNT:key/ID".to_owned());
        };
        let partition = Partition::named(partition)?;
        if Partition::of_region(region) != Some(partition) {
            return Err(format!("has a region that partition {} does not have", partition.name));
        }
        check_account(account)?;
        let Some(id) = resource.strip_prefix("key/") else {
            return Err("does not name a key: give the key's ARN (…:key/ID), not an alias".to_owned());
        };
        if !is_key_id(id) {
            return Err("has a key id that is neither a UUID nor mrk- and 32 hexadecimal digits".to_owned());
        }
        Ok(Self {
            text: text.to_owned(),
            partition,
            region: region.to_owned(),
            account: account.to_owned(),
            id: id.to_owned(),
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    /// What is one owner's alone: replicas of a multi-Region key are one key in several regions of one account.
    pub(crate) fn owned(&self) -> String {
        let Self { partition, account, id, .. } = self;
        match id.starts_with("mrk-") {
            true => format!("arn:{}:kms:*:{account}:key/{id}", partition.name),
            false => self.text.clone(),
        }
    }

    /// Where a service is asked about the key: in its region.
    pub(super) fn endpoint(&self, service: Service, variant: EndpointVariant) -> String {
        self.partition.endpoint(service, &self.region, variant)
    }
}

/// `arn:partition:iam::account:role/path/name`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RoleArn(String);

impl RoleArn {
    /// # Errors
    /// What is wrong, for the error message.
    pub(crate) fn parse(text: &str, key: &KeyArn) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(':').collect();
        let &["arn", partition, "iam", "", account, resource] = parts.as_slice() else {
            return Err("is not of the form arn:aws:iam::ACCOUNT:role/NAME".to_owned());
        };
        if Partition::named(partition)? != key.partition {
            return Err(format!("is in another partition than the key, which is in {}", key.partition.name));
        }
        check_account(account)?;
        // IAM user guide, "IAM and AWS STS quotas": names of 64 characters, paths of 512 with both their slashes.
        let names = resource.strip_prefix("role/").unwrap_or_default();
        let (path, name) = names.rsplit_once('/').unwrap_or(("", names));
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
        let is_name = |name: &str| !name.is_empty() && name.bytes().all(is_plain);
        if name.len() > 64 || path.len() > 510 || !names.split('/').all(is_name) {
            return Err("does not name a role: …:role/NAME or …:role/PATH/NAME".to_owned());
        }
        Ok(Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

fn check_account(text: &str) -> Result<(), String> {
    let is_account = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_account { Ok(()) } else { Err("has an account that is not 12 digits".to_owned()) }
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
mod tests;
