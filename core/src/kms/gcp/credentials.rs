//! Who the vendor is to Google: the files that Google gives out, read into what can be used. Hosts that they name are compared with ours, never dialled.
//!
//! Sources: Google Cloud, "Application Default Credentials" (AIP-4110), "Workload identity federation" (AIP-4117), "Service account keys".

use std::path::{Path, PathBuf};

use libvault_memory::WipedBytes;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::address::{Service, ServiceAccount, Universe};
use super::jwt::SigningKey;
use crate::error::ErrorCode;
use crate::kms::{KmsFailure, bounded};

/// Far above every file of credentials and every token in one.
const MAX_FILE: u64 = 64 * 1024;

/// `gcp.credentials` of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum GcpIdentity {
    /// The file that `GOOGLE_APPLICATION_CREDENTIALS` names, else the one that `gcloud auth application-default login` made, else the metadata server.
    #[default]
    Default,
    ServiceAccountKey(PathBuf),
    /// The service account of the virtual machine, container or function.
    Metadata,
    /// Workload identity federation.
    ExternalAccount(PathBuf),
}

/// Where tokens come from.
pub(super) enum Source {
    /// It signs its own.
    ServiceAccount(Box<SigningKey>),
    /// A person, for development.
    User {
        client_id: String,
        client_secret: Zeroizing<String>,
        refresh_token: Zeroizing<String>,
        /// Whose quota the person's calls count against: the client that signed them in has none for Cloud KMS, and Google refuses them without.
        quota_project: Option<String>,
    },
    Metadata,
    External(ExternalAccount),
}

/// A workload of another identity provider, whose tokens lie in a file.
pub(super) struct ExternalAccount {
    pub(super) audience: String,
    pub(super) subject_token_type: String,
    token_file: PathBuf,
    /// The field of a JSON file; none for a file that is the token.
    token_field: Option<String>,
    /// Whom the file wants it to act as.
    pub(super) acts_as: Option<ServiceAccount>,
}

impl Source {
    /// Whom a request with a token of this source counts against, if Google has to be told.
    pub(super) fn quota_project(&self) -> Option<&str> {
        match self {
            Self::User { quota_project, .. } => quota_project.as_deref(),
            Self::ServiceAccount(_) | Self::Metadata | Self::External(_) => None,
        }
    }
}

impl GcpIdentity {
    /// The source that the configuration names; none for the default, which is looked for when it is first needed.
    ///
    /// # Errors
    /// What is wrong with the file, without its contents.
    pub(super) fn source(&self, universe: Universe) -> Result<Option<Source>, String> {
        match self {
            Self::Default => Ok(None),
            Self::Metadata => Ok(Some(Source::Metadata)),
            Self::ServiceAccountKey(path) => match read(path, universe)? {
                source @ Source::ServiceAccount(_) => Ok(Some(source)),
                _ => Err(format!("{}: is not the key of a service account", path.display())),
            },
            Self::ExternalAccount(path) => match read(path, universe)? {
                source @ Source::External(_) => Ok(Some(source)),
                _ => Err(format!("{}: does not configure an external account", path.display())),
            },
        }
    }
}

/// Application default credentials, as this process's environment has them now.
///
/// # Errors
/// `AccessDenied` if a file is named or there, but cannot be used: what comes after it might be another identity.
pub(super) fn default_source(universe: Universe) -> Result<Source, KmsFailure> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let of_gcloud = || {
        let directory = variable("CLOUDSDK_CONFIG").or_else(|| Some(variable("HOME")?.join(".config/gcloud")))?;
        Some(directory.join("application_default_credentials.json")).filter(|path| path.exists())
    };
    match variable("GOOGLE_APPLICATION_CREDENTIALS").or_else(of_gcloud) {
        Some(path) => read(&path, universe).map_err(|why| {
            let message = format!("the default credentials of Google Cloud cannot be used: {}", bounded(&why));
            KmsFailure::new(ErrorCode::AccessDenied, message)
        }),
        None => Ok(Source::Metadata),
    }
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum File {
    ServiceAccount {
        client_email: String,
        private_key_id: String,
        private_key: String,
        universe_domain: Option<String>,
    },
    AuthorizedUser {
        client_id: String,
        client_secret: String,
        refresh_token: String,
        quota_project_id: Option<String>,
        universe_domain: Option<String>,
    },
    ExternalAccount {
        audience: String,
        subject_token_type: String,
        token_url: String,
        credential_source: CredentialSource,
        service_account_impersonation_url: Option<String>,
        universe_domain: Option<String>,
    },
}

#[derive(Deserialize)]
struct CredentialSource {
    file: Option<PathBuf>,
    #[serde(default)]
    format: Format,
}

#[derive(Deserialize, Default)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Format {
    #[default]
    Text,
    Json {
        subject_token_field_name: String,
    },
}

fn read(path: &Path, universe: Universe) -> Result<Source, String> {
    let source = read_file(path).and_then(|text| parse(&text, universe));
    source.map_err(|why| format!("{}: {why}", path.display()))
}

fn parse(text: &[u8], universe: Universe) -> Result<Source, String> {
    // The parser's own message quotes the file.
    let file = serde_json::from_slice(text).map_err(|_| {
        "is not a service account's key, an external account or an authorized user in Google's form".to_owned()
    })?;
    match file {
        File::ServiceAccount { client_email, private_key_id, private_key, universe_domain } => {
            check_universe(universe_domain.as_deref(), universe)?;
            let pem = WipedBytes::new(private_key.into_bytes());
            Ok(Source::ServiceAccount(Box::new(SigningKey::new(&pem, private_key_id, client_email)?)))
        }
        File::AuthorizedUser { client_id, client_secret, refresh_token, quota_project_id, universe_domain } => {
            check_universe(universe_domain.as_deref(), universe)?;
            let [client_secret, refresh_token] = [client_secret, refresh_token].map(Zeroizing::new);
            if !quota_project_id.as_deref().is_none_or(is_project) {
                return Err("has a quota_project_id that is not the id of a project".to_owned());
            }
            Ok(Source::User { client_id, client_secret, refresh_token, quota_project: quota_project_id })
        }
        File::ExternalAccount {
            audience,
            subject_token_type,
            token_url,
            credential_source,
            service_account_impersonation_url,
            universe_domain,
        } => {
            check_universe(universe_domain.as_deref(), universe)?;
            let expected = format!("{}/v1/token", Service::SecurityTokens.origin(universe));
            if token_url != expected {
                return Err(format!("has a token_url that is not {expected}"));
            }
            let Some(token_file) = credential_source.file else {
                return Err("has a credential_source that is not a file: others are not supported".to_owned());
            };
            let acts_as = service_account_impersonation_url.map(|url| impersonated(&url, universe)).transpose()?;
            let token_field = match credential_source.format {
                Format::Text => None,
                Format::Json { subject_token_field_name } => Some(subject_token_field_name),
            };
            Ok(Source::External(ExternalAccount { audience, subject_token_type, token_file, token_field, acts_as }))
        }
    }
}

impl ExternalAccount {
    /// The subject token as it lies there now: whoever issues it replaces it long before it ends.
    pub(super) fn subject_token(&self) -> Result<Zeroizing<String>, KmsFailure> {
        let refuse =
            || KmsFailure::new(ErrorCode::AccessDenied, "the file of the external account's token cannot be read");
        let text = read_file(&self.token_file).map_err(|_| refuse())?;
        let token = match &self.token_field {
            None => std::str::from_utf8(&text).ok().map(|text| text.trim().to_owned()),
            Some(field) => {
                let value: Option<serde_json::Value> = serde_json::from_slice(&text).ok();
                value.and_then(|value| value.get(field)?.as_str().map(str::to_owned))
            }
        };
        token.filter(|token| !token.is_empty()).map(Zeroizing::new).ok_or_else(refuse)
    }
}

/// Whom a `service_account_impersonation_url` speaks of.
fn impersonated(url: &str, universe: Universe) -> Result<ServiceAccount, String> {
    let prefix = format!("{}/v1/projects/-/serviceAccounts/", Service::IamCredentials.origin(universe));
    let account = url.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(":generateAccessToken"));
    let account = account.and_then(|account| ServiceAccount::parse(account).ok());
    account.ok_or_else(|| {
        format!("has a service_account_impersonation_url that is not {prefix}ACCOUNT:generateAccessToken")
    })
}

/// Ids of projects, and their older form `example.com:my-project`.
fn is_project(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b':'))
}

fn check_universe(domain: Option<&str>, universe: Universe) -> Result<(), String> {
    match domain.unwrap_or(Universe::Public.domain()) == universe.domain() {
        true => Ok(()),
        false => {
            Err(format!("belongs to another universe_domain than {}, which gcp.universe gives", universe.domain()))
        }
    }
}

fn read_file(path: &Path) -> Result<WipedBytes, String> {
    use std::io::Read as _;
    let file = std::fs::File::open(path).map_err(|error| format!("cannot be opened: {error}"))?;
    let mut text = WipedBytes::with_capacity(MAX_FILE as usize + 1);
    file.take(MAX_FILE + 1).read_to_end(&mut text).map_err(|error| format!("cannot be read: {error}"))?;
    match text.len() as u64 > MAX_FILE {
        true => Err("is too long".to_owned()),
        false => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parsed(file: &Value) -> Result<Source, String> {
        parse(file.to_string().as_bytes(), Universe::Public)
    }

    fn external() -> Value {
        json!({
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": "https://sts.googleapis.com/v1/token",
            "credential_source": { "file": "/var/run/token" },
            "service_account_impersonation_url":
                "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@my-project.iam.gserviceaccount.com:generateAccessToken",
        })
    }

    #[test]
    fn the_files_that_google_gives_out_are_understood() {
        let (_, pem) = super::super::jwt::tests::new_key();
        let key = json!({
            "type": "service_account",
            "client_email": "a@my-project.iam.gserviceaccount.com",
            "private_key_id": "k",
            "private_key": pem,
            "token_uri": "https://evil.example/",
            "universe_domain": "googleapis.com",
        });
        assert!(matches!(parsed(&key), Ok(Source::ServiceAccount(_))));
        let mut user = json!({ "type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r", "account": "" });
        assert_eq!(parsed(&user).unwrap().quota_project(), None);
        for project in ["my-project", "example.com:my-project"] {
            user["quota_project_id"] = json!(project);
            assert_eq!(parsed(&user).unwrap().quota_project(), Some(project));
        }
        user["quota_project_id"] = json!("my-project\r\nx: y");
        assert!(parsed(&user).is_err());
        let Ok(Source::External(account)) = parsed(&external()) else { panic!() };
        assert_eq!(account.acts_as.unwrap().as_str(), "a@my-project.iam.gserviceaccount.com");
    }

    #[test]
    fn a_file_cannot_send_tokens_elsewhere() {
        let account = "/v1/projects/-/serviceAccounts/a@my-project.iam.gserviceaccount.com:generateAccessToken";
        for (name, value) in [
            ("token_url", json!("https://sts.googleapis.com.evil.example/v1/token")),
            ("token_url", json!("http://sts.googleapis.com/v1/token")),
            ("token_url", json!("https://sts.googleapis.com@evil.example/v1/token")),
            ("service_account_impersonation_url", json!(format!("https://evil.example{account}"))),
            (
                "service_account_impersonation_url",
                json!(format!("https://iamcredentials.googleapis.com{account}/../x")),
            ),
            ("credential_source", json!({ "url": "http://169.254.169.254/" })),
            ("credential_source", json!({ "executable": { "command": "/bin/true" } })),
            ("universe_domain", json!("evil.example")),
            ("type", json!("impersonated_service_account")),
        ] {
            let mut file = external();
            file[name] = value.clone();
            assert!(parsed(&file).is_err(), "{name} {value}");
        }
    }

    #[test]
    fn errors_quote_nothing_of_the_file() {
        for file in ["{\"private_key\": \"hunter2\"", "hunter2", "{\"type\": \"hunter2\"}"] {
            let why = parse(file.as_bytes(), Universe::Public).err().unwrap();
            assert!(!why.contains("hunter2"), "{why}");
        }
    }

    #[test]
    fn a_subject_token_is_read_anew_each_time() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        let mut file = external();
        file["credential_source"] =
            json!({ "file": path, "format": { "type": "json", "subject_token_field_name": "id" } });
        let Ok(Source::External(account)) = parsed(&file) else { panic!() };
        assert_eq!(account.subject_token().unwrap_err().code, ErrorCode::AccessDenied);
        for token in ["one", "two"] {
            std::fs::write(&path, json!({ "id": token }).to_string()).unwrap();
            assert_eq!(account.subject_token().unwrap().as_str(), token);
        }
        file["credential_source"] = json!({ "file": path });
        std::fs::write(&path, "three\n").unwrap();
        let Ok(Source::External(account)) = parsed(&file) else { panic!() };
        assert_eq!(account.subject_token().unwrap().as_str(), "three");
    }
}
