//! Key URLs: parsed to typed parts, and hosts rebuilt from them, so that an address can only ever lead to Azure.
//!
//! Sources: "About keys, secrets, and certificates" (Key Vault documentation) for the form of identifiers, the names and the hosts of each cloud; private
//! endpoints have the same hosts.

use std::fmt;

/// `https://NAME.vault.azure.net/keys/KEY`, optionally with `/VERSION`, with every part checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyUrl {
    vault: String,
    service: Service,
    cloud: Cloud,
    key: String,
    version: Option<KeyVersion>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Vault,
    ManagedHsm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Cloud {
    Public,
    China,
    UsGovernment,
}

/// The version of a key: Azure writes it as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyVersion(pub(super) [u8; 16]);

/// Every suffix that a host may have. A host that is not `NAME.` and one of these is none of Azure's.
const SUFFIXES: [(&str, Service, Cloud); 6] = [
    ("vault.azure.net", Service::Vault, Cloud::Public),
    ("managedhsm.azure.net", Service::ManagedHsm, Cloud::Public),
    ("vault.azure.cn", Service::Vault, Cloud::China),
    ("managedhsm.azure.cn", Service::ManagedHsm, Cloud::China),
    ("vault.usgovcloudapi.net", Service::Vault, Cloud::UsGovernment),
    ("managedhsm.usgovcloudapi.net", Service::ManagedHsm, Cloud::UsGovernment),
];

impl KeyUrl {
    /// # Errors
    /// What is wrong, for the error message.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let form = || "is not of the form https://NAME.vault.azure.net/keys/KEY".to_owned();
        let rest = text.strip_prefix("https://").ok_or_else(form)?;
        let parts: Vec<&str> = rest.split('/').collect();
        let (host, key, version) = match *parts.as_slice() {
            [host, "keys", key] => (host, key, None),
            [host, "keys", key, version] => (host, key, Some(version)),
            _ => return Err(form()),
        };
        let (vault, suffix) = host.split_once('.').ok_or_else(form)?;
        let Some(&(_, service, cloud)) = SUFFIXES.iter().find(|(known, ..)| *known == suffix) else {
            let known = SUFFIXES.map(|(suffix, ..)| suffix).join(", ");
            return Err(format!("has a host that is none of Azure's; these suffixes are known: {known}"));
        };
        if !is_vault_name(vault) {
            return Err("has a vault name that is not 3 to 24 of a-z 0-9 -, from a letter on".to_owned());
        }
        if !(1..=127).contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err("has a key name that is not 1 to 127 of A-Z a-z 0-9 -".to_owned());
        }
        let version = match version.map(KeyVersion::parse) {
            Some(None) => return Err("has a key version that is not 32 hexadecimal digits".to_owned()),
            version => version.flatten(),
        };
        Ok(Self { vault: vault.to_owned(), service, cloud, key: key.to_owned(), version })
    }

    /// One text for one key: Azure does not tell names of keys by their case.
    pub(crate) fn canonical(&self) -> String {
        let version = self.version.map(|version| format!("/{version}")).unwrap_or_default();
        format!("{}/keys/{}{version}", self.vault_url(), self.key.to_ascii_lowercase())
    }

    /// The vault's own address, without a path.
    pub(crate) fn vault_url(&self) -> String {
        format!("https://{}", self.host())
    }

    pub(super) fn host(&self) -> String {
        let suffix = SUFFIXES.iter().find(|(_, service, cloud)| (*service, *cloud) == (self.service, self.cloud));
        format!("{}.{}", self.vault, suffix.map_or("", |(suffix, ..)| suffix))
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn version(&self) -> Option<KeyVersion> {
        self.version
    }

    pub(super) fn service(&self) -> Service {
        self.service
    }

    pub(super) fn cloud(&self) -> Cloud {
        self.cloud
    }

    /// Whose tokens the vault takes: the audience, in Azure's words the resource.
    pub(super) fn resource(&self) -> &'static str {
        match (self.service, self.cloud) {
            (Service::Vault, Cloud::Public) => "https://vault.azure.net",
            (Service::ManagedHsm, Cloud::Public) => "https://managedhsm.azure.net",
            (Service::Vault, Cloud::China) => "https://vault.azure.cn",
            (Service::ManagedHsm, Cloud::China) => "https://managedhsm.azure.cn",
            (Service::Vault, Cloud::UsGovernment) => "https://vault.usgovcloudapi.net",
            (Service::ManagedHsm, Cloud::UsGovernment) => "https://managedhsm.usgovcloudapi.net",
        }
    }

    /// Whether a key id in an answer is one of this key, and the version that it names. It is compared, and nothing of it is dialled.
    pub(super) fn answered(&self, key_id: &str) -> Option<KeyVersion> {
        let parts: Vec<&str> = key_id.strip_prefix("https://")?.split('/').collect();
        let &[host, "keys", key, version] = parts.as_slice() else { return None };
        let is_ours = host.eq_ignore_ascii_case(&self.host()) && key.eq_ignore_ascii_case(&self.key);
        KeyVersion::parse(version).filter(|_| is_ours)
    }
}

impl Cloud {
    /// Where tokens come from.
    pub(super) fn login_host(self) -> &'static str {
        match self {
            Self::Public => "login.microsoftonline.com",
            Self::China => "login.chinacloudapi.cn",
            Self::UsGovernment => "login.microsoftonline.us",
        }
    }

    /// The hosts that a challenge may name as the place of tokens: the above and its older name.
    pub(super) fn login_hosts(self) -> &'static [&'static str] {
        match self {
            Self::Public => &["login.microsoftonline.com", "login.windows.net"],
            Self::China => &["login.chinacloudapi.cn", "login.partner.microsoftonline.cn"],
            Self::UsGovernment => &["login.microsoftonline.us", "login-us.microsoftonline.com"],
        }
    }
}

impl KeyVersion {
    fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 32 || !text.bytes().all(is_digit) {
            return None;
        }
        u128::from_str_radix(text, 16).ok().map(|number| Self(number.to_be_bytes()))
    }
}

impl fmt::Display for KeyVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", u128::from_be_bytes(self.0))
    }
}

fn is_vault_name(name: &str) -> bool {
    (3..=24).contains(&name.len())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && !name.ends_with('-')
        && !name.contains("--")
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: &str = "28896fb9ab14473abeb73705c3d86646";

    #[test]
    fn addresses_are_rebuilt_from_the_parts() {
        for (text, canonical, login) in [
            ("https://contoso.vault.azure.net/keys/cmk", "", "login.microsoftonline.com"),
            (
                "https://contoso.managedhsm.azure.net/keys/CMK-1",
                "https://contoso.managedhsm.azure.net/keys/cmk-1",
                "login.microsoftonline.com",
            ),
            (&format!("https://a-1.vault.azure.cn/keys/k/{VERSION}"), "", "login.chinacloudapi.cn"),
            ("https://contoso.managedhsm.azure.cn/keys/k", "", "login.chinacloudapi.cn"),
            ("https://contoso.vault.usgovcloudapi.net/keys/k", "", "login.microsoftonline.us"),
            ("https://contoso.managedhsm.usgovcloudapi.net/keys/k", "", "login.microsoftonline.us"),
        ] {
            let url = KeyUrl::parse(text).unwrap();
            assert_eq!(url.canonical(), if canonical.is_empty() { text } else { canonical });
            assert_eq!(url.cloud().login_host(), login);
            assert!(url.host().ends_with(url.resource().strip_prefix("https://").unwrap()), "{text}");
            assert!(url.cloud().login_hosts().contains(&login));
        }
    }

    #[test]
    fn whatever_could_lead_elsewhere_is_refused() {
        for text in [
            "",
            "contoso",
            "http://contoso.vault.azure.net/keys/cmk",
            "HTTPS://contoso.vault.azure.net/keys/cmk",
            "ftp://contoso.vault.azure.net/keys/cmk",
            "//contoso.vault.azure.net/keys/cmk",
            " https://contoso.vault.azure.net/keys/cmk",
            "https://contoso.vault.azure.net/keys/cmk ",
            "https://contoso.vault.azure.net/keys/cmk\n",
            "https://contoso.vault.azure.net",
            "https://contoso.vault.azure.net/",
            "https://contoso.vault.azure.net/keys/",
            "https://contoso.vault.azure.net/secrets/cmk",
            "https://contoso.vault.azure.net/Keys/cmk",
            "https://contoso.vault.azure.net/keys/cmk/",
            "https://contoso.vault.azure.net//keys/cmk",
            "https://contoso.vault.azure.net/keys//cmk",
            "https://contoso.vault.azure.net/keys/../cmk",
            "https://contoso.vault.azure.net/keys/cmk/../x",
            "https://contoso.vault.azure.net/keys/cmk/latest",
            "https://contoso.vault.azure.net/keys/cmk/28896FB9AB14473ABEB73705C3D86646",
            "https://contoso.vault.azure.net/keys/cmk/+8896fb9ab14473abeb73705c3d86646",
            &format!("https://contoso.vault.azure.net/keys/cmk/{VERSION}0"),
            &format!("https://contoso.vault.azure.net/keys/cmk/{VERSION}/x"),
            "https://contoso.vault.azure.net/keys/cmk?api-version=7.4",
            "https://contoso.vault.azure.net/keys/cmk#x",
            "https://contoso.vault.azure.net/keys/c%2fk",
            "https://contoso.vault.azure.net/keys%2fcmk",
            "https://contoso.vault.azure.net\\keys\\cmk",
            "https://contoso.vault.azure.net/keys/c\\k",
            "https://contoso.vault.azure.net/keys/cm_k",
            "https://contoso.vault.azure.net/keys/cm\u{212a}",
            "https://contoso.vault.azure.net:443/keys/cmk",
            "https://contoso.vault.azure.net:8443/keys/cmk",
            "https://contoso.vault.azure.net./keys/cmk",
            "https://user@contoso.vault.azure.net/keys/cmk",
            "https://user:word@contoso.vault.azure.net/keys/cmk",
            "https://contoso.vault.azure.net@evil.example/keys/cmk",
            "https://evil.example#.vault.azure.net/keys/cmk",
            "https://localhost#.vault.azure.net/keys/cmk",
            "https://2130706433?.vault.azure.net/keys/cmk",
            "https://contoso@localhost\\.vault.azure.net/keys/cmk",
            "https://evil.example?.vault.azure.net/keys/cmk",
            "https://evil.example\\.vault.azure.net/keys/cmk",
            "https://evil.example/.vault.azure.net/keys/cmk",
            "https://contoso.vault.azure.net.evil.example/keys/cmk",
            "https://contoso.vault.azure.net.evil.com/keys/cmk",
            "https://contosovault.azure.net/keys/cmk",
            "https://vault.azure.net/keys/cmk",
            "https://.vault.azure.net/keys/cmk",
            "https://a.b.vault.azure.net/keys/cmk",
            "https://contoso.privatelink.vaultcore.azure.net/keys/cmk",
            "https://contoso.evilvault.azure.net/keys/cmk",
            "https://contoso.vault.azure.com/keys/cmk",
            "https://contoso.vault.microsoftazure.de/keys/cmk",
            "https://Contoso.vault.azure.net/keys/cmk",
            "https://contoso.VAULT.azure.net/keys/cmk",
            "https://contoso\u{2024}vault.azure.net/keys/cmk",
            "https://contoso.vault\u{3002}azure.net/keys/cmk",
            "https://contoso\u{ff0e}vault\u{ff0e}azure\u{ff0e}net/keys/cmk",
            "https://c\u{43e}ntoso.vault.azure.net/keys/cmk",
            "https://xn--contoso.vault.azure.net/keys/cmk",
            "https://contoso%2evault.azure.net/keys/cmk",
            "https://contoso%00.vault.azure.net/keys/cmk",
            "https://1contoso.vault.azure.net/keys/cmk",
            "https://contoso-.vault.azure.net/keys/cmk",
            "https://ab.vault.azure.net/keys/cmk",
            "https://abcdefghijklmnopqrstuvwxy.vault.azure.net/keys/cmk",
            "https://127.0.0.1/keys/cmk",
            "https://169.254.169.254/keys/cmk",
            "https://[::1]/keys/cmk",
            "https://2130706433/keys/cmk",
            "https://0x7f.1/keys/cmk",
            "https://localhost/keys/cmk",
            &format!("https://contoso.vault.azure.net/keys/{}", "k".repeat(128)),
        ] {
            assert!(KeyUrl::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_answer_is_of_the_key_or_it_is_not() {
        let url = KeyUrl::parse("https://contoso.vault.azure.net/keys/cmk").unwrap();
        let version = url.answered(&format!("https://contoso.vault.azure.net/keys/CMK/{VERSION}")).unwrap();
        assert_eq!(version.to_string(), VERSION);
        for other in [
            "",
            VERSION,
            "https://contoso.vault.azure.net/keys/cmk",
            "https://contoso.vault.azure.net/keys/cmk/",
            "https://contoso.vault.azure.net/keys/cmk/1",
            &format!("https://contoso.vault.azure.net/keys/other/{VERSION}"),
            &format!("https://fabrikam.vault.azure.net/keys/cmk/{VERSION}"),
            &format!("https://contoso.managedhsm.azure.net/keys/cmk/{VERSION}"),
            &format!("https://contoso.vault.azure.net:443/keys/cmk/{VERSION}"),
            &format!("https://contoso.vault.azure.net/keys/cmk/{VERSION}/x"),
            &format!("http://contoso.vault.azure.net/keys/cmk/{VERSION}"),
        ] {
            assert_eq!(url.answered(other), None, "{other}");
        }
    }
}
