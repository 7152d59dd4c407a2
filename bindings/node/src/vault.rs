//! The vault: opening, the verbs, and what can be asked of it.

use std::path::Path;

use libvault::{Config, Context, Error, Vault};
use napi::bindgen_prelude::{AsyncTask, External};
use napi_derive::napi;

use crate::buffer::{Input, Output};
use crate::errors::{Outcome, outcome};
use crate::log::{LogRecord, take_records};
use crate::tasks::{Background, DataKeyParts, Operation, Verb};

/// Where the configuration comes from: a file, or an object that `lib/config.js` turned into JSON. Neither: an error that says how to make one.
#[napi(object, object_to_js = false)]
pub(crate) struct ConfigSource {
    /// A TOML file.
    pub path: Option<String>,
    /// A JSON text.
    pub json: Option<String>,
    /// With `json`: what its relative paths are relative to.
    pub base_directory: Option<String>,
}

/// A vault and what was logged while it was opened.
#[napi(object, object_from_js = false)]
pub(crate) struct Opened {
    /// The handle that the other functions take.
    pub vault: External<Vault>,
    /// Its first records.
    pub records: Vec<LogRecord>,
}

/// The decision for a context.
#[napi(object, object_from_js = false)]
pub(crate) struct Decision {
    /// Its policy, such as `customer_gated`.
    pub policy: String,
    /// The bindings that match, sorted as their shares are in a bundle; none: managed keys.
    pub bindings: Vec<MatchedBinding>,
}

/// A binding that matches a context.
#[napi(object, object_from_js = false)]
pub(crate) struct MatchedBinding {
    /// Its id.
    pub id: String,
    /// Its owner.
    pub owner: String,
    /// The ids of its keys.
    pub key_ids: Vec<String>,
}

/// A counter. JavaScript's numbers hold it exactly up to 2^53.
#[napi(object, object_from_js = false)]
pub(crate) struct Counter {
    /// Its name in the core.
    pub name: String,
    /// Its value.
    pub value: i64,
}

/// Opens on the calling thread.
#[napi]
pub(crate) fn open_sync(source: ConfigSource) -> Outcome<Opened> {
    outcome(|| open_vault(source))
}

/// Opens on libuv's pool.
#[napi]
pub(crate) fn open(source: ConfigSource) -> AsyncTask<Background<Opened>> {
    Background::start(|| open_vault(source))
}

/// Replaces the configuration on the calling thread.
#[napi]
pub(crate) fn reload_sync(vault: &External<Vault>, source: ConfigSource) -> Outcome<bool> {
    outcome(|| reload_vault(vault, &source))
}

/// Replaces the configuration on libuv's pool.
#[napi]
pub(crate) fn reload(vault: &External<Vault>, source: ConfigSource) -> AsyncTask<Background<bool>> {
    let vault = Vault::clone(vault);
    Background::start(move || reload_vault(&vault, &source))
}

/// Encrypts; the promise's value is the envelope.
#[napi]
pub(crate) fn encrypt(
    vault: &External<Vault>,
    context: &External<Context>,
    data: Input<'_>,
    aad: Option<Input<'_>>,
) -> AsyncTask<Operation> {
    Operation::start(vault, context, Verb::Encrypt { data: data.to_wiped(), aad: aad.map(|aad| aad.to_vec()) })
}

/// Decrypts; the promise's value is the plaintext.
#[napi]
pub(crate) fn decrypt(
    vault: &External<Vault>,
    context: &External<Context>,
    envelope: Input<'_>,
    aad: Option<Input<'_>>,
) -> AsyncTask<Operation> {
    Operation::start(vault, context, Verb::Decrypt { envelope: envelope.to_vec(), aad: aad.map(|aad| aad.to_vec()) })
}

/// Makes a data key; the promise's value is [`DataKeyParts`].
#[napi]
pub(crate) fn create_data_key(vault: &External<Vault>, context: &External<Context>) -> AsyncTask<Operation> {
    Operation::start(vault, context, Verb::CreateDataKey)
}

/// Unwraps a data key; the promise's value is [`DataKeyParts`].
#[napi]
pub(crate) fn decrypt_data_key(
    vault: &External<Vault>,
    context: &External<Context>,
    bundle: Input<'_>,
) -> AsyncTask<Operation> {
    Operation::start(vault, context, Verb::DecryptDataKey { bundle: bundle.to_vec() })
}

/// Encrypts without the network into the caller's memory; how many bytes were written.
#[napi]
pub(crate) fn encrypt_into_sync(
    vault: &External<Vault>,
    context: &External<Context>,
    mut data: Input<'_>,
    mut aad: Option<Input<'_>>,
    mut output: Output<'_>,
) -> Outcome<i64> {
    outcome(|| {
        let slices = output.split(&mut data, &mut aad);
        vault.encrypt_into_now(slices.data, context, slices.aad, slices.output).map(|length| length as i64)
    })
}

/// Decrypts without the network into the caller's memory; how many bytes were written.
#[napi]
pub(crate) fn decrypt_into_sync(
    vault: &External<Vault>,
    context: &External<Context>,
    mut envelope: Input<'_>,
    mut aad: Option<Input<'_>>,
    mut output: Output<'_>,
) -> Outcome<i64> {
    outcome(|| {
        let slices = output.split(&mut envelope, &mut aad);
        vault.decrypt_into_now(slices.data, context, slices.aad, slices.output).map(|length| length as i64)
    })
}

/// Makes a data key without the network.
#[napi]
pub(crate) fn create_data_key_sync(vault: &External<Vault>, context: &External<Context>) -> Outcome<DataKeyParts> {
    outcome(|| vault.create_data_key_now(context).map(DataKeyParts::from))
}

/// Unwraps a data key without the network.
#[napi]
pub(crate) fn decrypt_data_key_sync(
    vault: &External<Vault>,
    context: &External<Context>,
    bundle: Input<'_>,
) -> Outcome<DataKeyParts> {
    outcome(|| vault.decrypt_data_key_now(bundle.bytes(), context).map(DataKeyParts::from))
}

/// The longest envelope that encryption of so many bytes may give.
#[napi]
pub(crate) fn encrypted_length_limit(
    vault: &External<Vault>,
    context: &External<Context>,
    data_length: i64,
) -> Outcome<i64> {
    outcome(|| {
        let data_length = usize::try_from(data_length).map_err(|_| Error::internal("a negative length"))?;
        vault.encrypted_length_limit(data_length, context).map(|length| length as i64)
    })
}

/// The decision for a context.
#[napi]
pub(crate) fn match_context(vault: &External<Vault>, context: &External<Context>) -> Outcome<Decision> {
    outcome(|| {
        let decision = vault.match_context(context)?;
        let bindings = decision.bindings.into_iter();
        Ok(Decision {
            policy: decision.policy.name().to_owned(),
            bindings: bindings
                .map(|binding| MatchedBinding { id: binding.id, owner: binding.owner, key_ids: binding.key_ids })
                .collect(),
        })
    })
}

/// The counters since the vault was opened.
#[napi]
pub(crate) fn stats(vault: &External<Vault>) -> Outcome<Vec<Counter>> {
    outcome(|| {
        let stats = vault.stats();
        Ok(stats.fields().map(|(name, value)| Counter { name: name.to_owned(), value: value as i64 }).collect())
    })
}

/// Draws fresh randomness and drops cached keys.
#[napi]
pub(crate) fn after_restore(vault: &External<Vault>) -> Outcome<bool> {
    outcome(|| vault.after_restore().map(|()| true))
}

/// Closes the vault; later calls fail with `Closed`.
#[napi]
pub(crate) fn close(vault: &External<Vault>) -> Outcome<bool> {
    outcome(|| {
        vault.close();
        Ok(true)
    })
}

fn reload_vault(vault: &Vault, source: &ConfigSource) -> Result<bool, Error> {
    vault.reload(config_of(source)?)?;
    Ok(true)
}

fn open_vault(source: ConfigSource) -> Result<Opened, Error> {
    let vault = Vault::open(config_of(&source)?)?;
    let records = take_records(&vault);
    Ok(Opened { vault: External::new(vault), records })
}

fn config_of(source: &ConfigSource) -> Result<Config, Error> {
    match (&source.path, &source.json, &source.base_directory) {
        (Some(path), None, None) => Config::from_file(path),
        (None, Some(json), Some(base)) => Config::from_json(json, Path::new(base)),
        _ => Err(libvault::no_config_error()),
    }
}
