//! ARNs of keys, aliases and roles: parsed to typed parts, every one of them checked. Nothing of their text is dialled: `endpoint.rs` rebuilds the
//! hosts.

use super::endpoint::{EndpointVariant, Partition, Service};

/// A customer's key as the configuration names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyReference {
    Key(KeyArn),
    Alias(AliasArn),
}

/// Where a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    partition: &'static Partition,
    region: String,
    account: String,
}

/// `arn:partition:kms:region:account:key/id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyArn {
    text: String,
    place: Place,
    id: String,
}

/// `arn:partition:kms:region:account:alias/name`: a name that its owner can give to another key at any time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AliasArn {
    text: String,
    place: Place,
}

impl KeyReference {
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
        let (text, region, account) = (text.to_owned(), region.to_owned(), account.to_owned());
        let place = Place { partition, region, account };
        match resource.split_once('/') {
            Some(("key", id)) if is_key_id(id) => Ok(Self::Key(KeyArn { text, place, id: id.to_owned() })),
            Some(("key", _)) => {
                Err("has a key id that is neither a UUID nor mrk- and 32 hexadecimal digits".to_owned())
            }
            Some(("alias", name)) if name.starts_with("aws/") => {
                Err("is an alias of a key that AWS manages, which no customer can switch off".to_owned())
            }
            Some(("alias", name)) if is_alias_name(name) => Ok(Self::Alias(AliasArn { text, place })),
            Some(("alias", _)) => Err("has an alias that is not 1 to 250 of A-Z a-z 0-9 / _ -".to_owned()),
            _ => Err("names neither a key (…:key/ID) nor an alias (…:alias/NAME)".to_owned()),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Key(key) => &key.text,
            Self::Alias(alias) => &alias.text,
        }
    }

    pub(crate) fn place(&self) -> &Place {
        match self {
            Self::Key(key) => &key.place,
            Self::Alias(alias) => &alias.place,
        }
    }
}

impl Place {
    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    /// Where a service is asked about what is here: in the region.
    pub(super) fn endpoint(&self, service: Service, variant: EndpointVariant) -> String {
        self.partition.endpoint(service, &self.region, variant)
    }
}

impl KeyArn {
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// What is one owner's alone: replicas of a multi-Region key are one key in several regions of one account.
    pub(crate) fn owned(&self) -> String {
        let Self { place: Place { partition, account, .. }, id, .. } = self;
        match id.starts_with("mrk-") {
            true => format!("arn:{}:kms:*:{account}:key/{id}", partition.name),
            false => self.text.clone(),
        }
    }
}

impl AliasArn {
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The key that the KMS says it stands for: one of the same account and region, as AWS has it.
    pub(super) fn target(&self, answered: &str) -> Option<KeyArn> {
        match KeyReference::parse(answered) {
            Ok(KeyReference::Key(key)) if key.place == self.place => Some(key),
            _ => None,
        }
    }
}

/// `arn:partition:iam::account:role/path/name`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RoleArn(String);

impl RoleArn {
    /// # Errors
    /// What is wrong, for the error message.
    pub(crate) fn parse(text: &str, key: &Place) -> Result<Self, String> {
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

/// KMS developer guide, "Aliases": 256 characters with `alias/`.
fn is_alias_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_-".contains(&byte);
    (1..=250).contains(&text.len()) && text.bytes().all(is_plain)
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
