//! Addresses of Google Cloud: resource names are taken apart by Google's character rules, and every URL is rebuilt from the parts.
//!
//! Sources: Cloud KMS REST reference, `projects.locations.keyRings` and `cryptoKeys` (ids match `[a-zA-Z0-9_-]{1,63}`); Resource Manager, "Creating
//! and managing projects" (project ids); Cloud KMS locations, "Regional endpoints" (`cloudkms.LOCATION.rep.googleapis.com`).

/// A symmetric key, checked: `projects/P/locations/L/keyRings/R/cryptoKeys/K`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyName {
    project: String,
    location: String,
    key_ring: String,
    key: String,
}

impl KeyName {
    /// # Errors
    /// What is wrong with the name, to be put behind the path of the setting.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        const FORM: &str = "projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY";
        let parts: Vec<&str> = text.split('/').collect();
        let [projects, project, locations, location, rings, key_ring, keys, key, rest @ ..] = parts.as_slice() else {
            return Err(format!("is not of the form {FORM}"));
        };
        if [*projects, *locations, *rings, *keys] != ["projects", "locations", "keyRings", "cryptoKeys"] {
            return Err(format!("is not of the form {FORM}"));
        }
        match rest {
            [] => {}
            ["cryptoKeyVersions", ..] => {
                let message = "names a version of the key: name the key alone, so that its primary version encrypts and rotation works";
                return Err(message.to_owned());
            }
            _ => return Err(format!("is not of the form {FORM}")),
        }
        if project.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err("has a project number: give the project id, which answers name".to_owned());
        }
        if !is_project(project) {
            return Err(
                "has a project that is not 6 to 30 of a-z 0-9 - (with a prefix such as example.com: where it has one)"
                    .to_owned(),
            );
        }
        if !is_location(location) {
            return Err("has a location that is not 2 to 63 of a-z 0-9 -, beginning with a letter".to_owned());
        }
        if !is_id(key_ring) || !is_id(key) {
            return Err("has a key ring or a key that is not 1 to 63 of A-Z a-z 0-9 _ -".to_owned());
        }
        let [project, location, key_ring, key] = [project, location, key_ring, key].map(|part| (*part).to_owned());
        Ok(Self { project, location, key_ring, key })
    }

    pub(crate) fn location(&self) -> &str {
        &self.location
    }

    /// Whether `name`, as an answer gives it, is a version of this key.
    pub(super) fn is_version(&self, name: &str) -> bool {
        let rest = name.strip_prefix(&self.to_string()).and_then(|rest| rest.strip_prefix("/cryptoKeyVersions/"));
        rest.is_some_and(|number| (1..=20).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit()))
    }
}

impl std::fmt::Display for KeyName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { project, location, key_ring, key } = self;
        write!(formatter, "projects/{project}/locations/{location}/keyRings/{key_ring}/cryptoKeys/{key}")
    }
}

/// A service account's address, checked, such as `vault@my-project.iam.gserviceaccount.com`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ServiceAccount(String);

impl ServiceAccount {
    /// # Errors
    /// What is wrong with it, to be put behind the path of the setting.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let is_label = |label: &str| {
            let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(is_plain)
        };
        let checked = text.split_once('@').filter(|(name, domain)| {
            is_label(name)
                && domain.ends_with(".gserviceaccount.com")
                && domain.len() <= 253
                && domain.split('.').all(is_label)
        });
        match checked {
            Some(_) => Ok(Self(text.to_owned())),
            None => Err("is not a service account such as NAME@PROJECT.iam.gserviceaccount.com".to_owned()),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A Google Cloud that is apart from the others, with host names of its own. Nothing but these is ever dialled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Universe {
    #[default]
    Public,
    /// Trusted cloud by S3NS, France.
    S3ns,
    /// Google Cloud Dedicated, Germany.
    Dedicated,
}

impl Universe {
    /// By the domain of its APIs, as credential files give it (`universe_domain`).
    pub(crate) fn of(domain: &str) -> Option<Self> {
        [Self::Public, Self::S3ns, Self::Dedicated].into_iter().find(|universe| universe.domain() == domain)
    }

    pub(crate) fn domain(self) -> &'static str {
        match self {
            Self::Public => "googleapis.com",
            Self::S3ns => "s3nsapis.fr",
            Self::Dedicated => "apis-berlin-build0.goog",
        }
    }
}

/// A service that is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Kms,
    /// Impersonation.
    IamCredentials,
    /// Workload identity federation.
    SecurityTokens,
    /// Refreshing a user's credentials.
    OAuth,
    /// Of the virtual machine, container or function that the program runs in: plain HTTP on a link-local address.
    Metadata,
}

impl Service {
    fn host(self, universe: Universe) -> String {
        let name = match self {
            Self::Kms => "cloudkms",
            Self::IamCredentials => "iamcredentials",
            Self::SecurityTokens => "sts",
            Self::OAuth => "oauth2",
            Self::Metadata => return "metadata.google.internal".to_owned(),
        };
        format!("{name}.{}", universe.domain())
    }

    /// Scheme and host.
    pub(super) fn origin(self, universe: Universe) -> String {
        let scheme = if self == Self::Metadata { "http" } else { "https" };
        format!("{scheme}://{}", self.host(universe))
    }
}

/// Scheme and host that serve a key: the global endpoint, or the one of the key's location, where no request leaves that location.
pub(super) fn kms_origin(universe: Universe, name: &KeyName, is_regional: bool) -> String {
    match is_regional {
        true => format!("https://cloudkms.{}.rep.{}", name.location, universe.domain()),
        false => Service::Kms.origin(universe),
    }
}

/// 6 to 30 of a-z, 0-9 and hyphens, begun by a letter, not ended by a hyphen; a domain or a universe may stand before it: `example.com:my-project`.
fn is_project(text: &str) -> bool {
    let (prefix, id) = text.split_once(':').map_or((None, text), |(prefix, id)| (Some(prefix), id));
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_label = |label: &str| {
        !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.bytes().all(is_plain)
    };
    let is_prefix = |prefix: &str| prefix.len() <= 63 && prefix.split('.').all(is_label);
    prefix.is_none_or(is_prefix)
        && (6..=30).contains(&id.len())
        && id.starts_with(|first: char| first.is_ascii_lowercase())
        && is_label(id)
}

/// Such as `europe-west3`, `eur4` or `global`. It may become a label of a host: one that says of itself that it is encoded (`xn--`) is none.
fn is_location(text: &str) -> bool {
    (2..=63).contains(&text.len())
        && !text.starts_with("xn--")
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn is_id(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

#[cfg(test)]
mod tests;
