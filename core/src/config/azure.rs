//! `[azure]` of the configuration, checked.

use std::path::{Path, PathBuf};

use super::bindings::{BindingConfig, KeyAddress};
use super::raw;
use crate::error::{Error, Result};
use crate::kms::azure::{AzureCredential, AzureIdentity, is_tenant_id};

/// Set by the webhook of Entra Workload ID in every pod that it serves.
const TOKEN_FILE_VARIABLE: &str = "AZURE_FEDERATED_TOKEN_FILE";
const MAX_CLIENT_ID_LENGTH: usize = 64;

impl raw::Azure {
    /// None if the section is not there.
    pub(super) fn identity(self, base: &Path) -> Result<Option<AzureIdentity>> {
        use raw::AzureCredentials::{ClientCertificate, ClientSecret, ManagedIdentity, WorkloadIdentity};
        let given = [
            ("tenant_id", self.tenant_id.is_some(), None),
            ("client_id", self.client_id.is_some(), None),
            ("client_secret", self.client_secret.is_some(), Some(ClientSecret)),
            ("certificate", self.certificate.is_some(), Some(ClientCertificate)),
            ("token_file", self.token_file.is_some(), Some(WorkloadIdentity)),
        ];
        let Some(credentials) = self.credentials else {
            return match given.into_iter().any(|(_, is_given, _)| is_given) {
                true => Err(missing("credentials")),
                false => Ok(None),
            };
        };
        let is_foreign = |kind: Option<raw::AzureCredentials>| kind.is_some_and(|kind| kind != credentials);
        if let Some((name, ..)) = given.into_iter().find(|(_, is_given, kind)| *is_given && is_foreign(*kind)) {
            let message = "does not go with this kind of azure.credentials";
            return Err(Error::config(format!("azure.{name}"), message));
        }
        let tenant_id = self.tenant_id.ok_or_else(|| missing("tenant_id"))?;
        if !is_tenant_id(&tenant_id) {
            return Err(Error::config("azure.tenant_id", "is not the id of a tenant, a UUID in lower case"));
        }
        if self.client_id.is_none() && credentials != ManagedIdentity {
            return Err(missing("client_id"));
        }
        let is_client_id = |id: &str| {
            (1..=MAX_CLIENT_ID_LENGTH).contains(&id.len())
                && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if self.client_id.as_deref().is_some_and(|id| !is_client_id(id)) {
            return Err(Error::config("azure.client_id", "is not the id of an application, a UUID"));
        }
        let credential = match credentials {
            ClientSecret => {
                let secret = self.client_secret.filter(|secret| !secret.is_empty());
                AzureCredential::ClientSecret(secret.ok_or_else(|| missing("client_secret"))?)
            }
            ClientCertificate => {
                let path = self.certificate.ok_or_else(|| missing("certificate"))?;
                AzureCredential::ClientCertificate(base.join(path))
            }
            WorkloadIdentity => {
                let path = self.token_file.or_else(|| std::env::var_os(TOKEN_FILE_VARIABLE).map(PathBuf::from));
                AzureCredential::WorkloadIdentity(base.join(path.ok_or_else(|| missing("token_file"))?))
            }
            ManagedIdentity => AzureCredential::ManagedIdentity,
        };
        Ok(Some(AzureIdentity { tenant_id, client_id: self.client_id, credential }))
    }
}

/// Keys in Azure need somebody who asks for them.
pub(super) fn check_identity(identity: Option<&AzureIdentity>, bindings: &[BindingConfig]) -> Result<()> {
    let keys = bindings.iter().flat_map(|binding| &binding.keys);
    let is_foreign =
        |key: &KeyAddress, own: &str| matches!(key, KeyAddress::Azure { tenant: Some(tenant), .. } if tenant != own);
    for key in keys.filter(|key| matches!(key.address, KeyAddress::Azure { .. })) {
        match identity {
            None => return Err(missing("credentials")),
            // The identity of a machine belongs to one tenant.
            Some(AzureIdentity { tenant_id, credential: AzureCredential::ManagedIdentity, .. })
                if is_foreign(&key.address, tenant_id) =>
            {
                let field = key.field.replace(".url", ".tenant_id");
                return Err(Error::config(
                    field,
                    "is not azure.tenant_id: a managed identity has tokens of its own tenant only",
                ));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn missing(name: &str) -> Error {
    Error::config(format!("azure.{name}"), "is missing")
}
