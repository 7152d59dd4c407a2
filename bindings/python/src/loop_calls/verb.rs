//! The verbs that an event loop waits for, in every way to run one, and what they give.

use libvault::{Context, Downgrade, Error, RewrapOptions, StreamOptions, WipedBytes};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::Started;
use crate::call::{self, Call};
use crate::streams::Encryptor;
use crate::{errors, results};

/// A verb with what it takes besides data, context and AAD.
pub(super) enum Verb {
    Encrypt,
    Decrypt,
    CreateDataKey,
    DecryptDataKey,
    Rewrap(RewrapOptions),
    Reencrypt(Downgrade),
    Rekey(Context, Downgrade),
    Encryptor(StreamOptions),
}

impl Verb {
    /// Whether it is known beforehand that it has to.
    pub(super) fn calls_a_kms(&self, vault: &libvault::Vault, call: &Call) -> bool {
        match self {
            Self::Rekey(new_context, _) if vault.needs_network(new_context) => true,
            _ => vault.needs_network(&call.context),
        }
    }

    /// Whether a lease may give the data key.
    pub(super) fn uses_leases(&self) -> bool {
        matches!(self, Self::Encrypt | Self::Decrypt)
    }

    /// Whether it waits for nothing: both contexts of a rekey have to be looked up, so it never is.
    pub(super) fn is_immediate(&self, vault: &libvault::Vault, call: &Call) -> bool {
        !matches!(self, Self::Rekey(..)) && vault.is_immediate(&call.context)
    }

    pub(super) fn now(&self, vault: &libvault::Vault, call: &Call) -> Result<Value, Error> {
        let (data, context) = (call.data(), &call.context);
        match self {
            Self::Encrypt => vault.encrypt_now(data, context, call.aad()).map(Value::bytes),
            Self::Decrypt => vault.decrypt_now(data, context, call.aad()).map(Value::bytes),
            Self::CreateDataKey => vault.create_data_key_now(context).map(Value::DataKey),
            Self::DecryptDataKey => vault.decrypt_data_key_now(data, context).map(Value::DataKey),
            Self::Rewrap(options) => vault.rewrap_now(data, context, *options).map(Value::bytes),
            Self::Reencrypt(downgrade) => vault.reencrypt_now(data, context, call.aad(), *downgrade).map(Value::bytes),
            Self::Rekey(new, downgrade) => vault.rekey_now(data, context, new, *downgrade).map(Value::bytes),
            Self::Encryptor(options) => vault.encryptor_now(context, call.aad(), *options).map(Value::encryptor),
        }
    }

    /// With the interpreter released; long results are written in place.
    pub(super) fn locally<'py>(self, py: Python<'py>, vault: &libvault::Vault, call: &Call) -> Started<'py> {
        match self {
            Self::Encrypt => Ok(call::encrypt_locally(py, vault, call)?.map(Bound::into_any)),
            Self::Decrypt => Ok(call::decrypt_locally(py, vault, call)?.map(Bound::into_any)),
            _ => match errors::call_now_detached(py, || self.now(vault, call))? {
                Some(value) => value.into_python(py).map(Some),
                None => Ok(None),
            },
        }
    }

    pub(super) async fn run(self, vault: &libvault::Vault, call: &Call) -> Result<Value, Error> {
        let (data, context) = (call.data(), &call.context);
        match self {
            Self::Encrypt => vault.encrypt(data, context, call.aad()).await.map(Value::bytes),
            Self::Decrypt => vault.decrypt(data, context, call.aad()).await.map(Value::bytes),
            Self::CreateDataKey => vault.create_data_key(context).await.map(Value::DataKey),
            Self::DecryptDataKey => vault.decrypt_data_key(data, context).await.map(Value::DataKey),
            Self::Rewrap(options) => vault.rewrap(data, context, options).await.map(Value::bytes),
            Self::Reencrypt(downgrade) => vault.reencrypt(data, context, call.aad(), downgrade).await.map(Value::bytes),
            Self::Rekey(new, downgrade) => vault.rekey(data, context, &new, downgrade).await.map(Value::bytes),
            Self::Encryptor(options) => vault.encryptor(context, call.aad(), options).await.map(Value::encryptor),
        }
    }
}

/// What a call gave, before it becomes an object of Python. Wiped when it is dropped.
pub(super) enum Value {
    Bytes(WipedBytes),
    DataKey(libvault::DataKey),
    Encryptor(Box<libvault::Encryptor>),
}

impl Value {
    fn bytes(bytes: Vec<u8>) -> Self {
        Self::Bytes(WipedBytes::new(bytes))
    }

    fn encryptor(encryptor: libvault::Encryptor) -> Self {
        Self::Encryptor(Box::new(encryptor))
    }

    pub(super) fn into_python(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        match self {
            Self::Bytes(bytes) => Ok(PyBytes::new(py, &bytes).into_any()),
            Self::DataKey(key) => Ok(Bound::new(py, results::DataKey(key))?.into_any()),
            Self::Encryptor(encryptor) => Ok(Bound::new(py, Encryptor::wrap(*encryptor))?.into_any()),
        }
    }
}
