//! Verbs that change what protects data: rewrap, reencrypt, rekey.

use libvault::{Context, Downgrade, RewrapOptions, Vault};
use napi::bindgen_prelude::{AsyncTask, External};
use napi_derive::napi;

use crate::buffer::{Bytes, Input};
use crate::errors::{Outcome, outcome};
use crate::tasks::{Operation, Verb};

/// Wraps the same data key anew; the promise's value is the new envelope or bundle.
#[napi]
pub(crate) fn rewrap(
    vault: &External<Vault>,
    context: &External<Context>,
    bytes: Input<'_>,
    keep_data_key: bool,
    allow_downgrade: bool,
) -> AsyncTask<Operation> {
    let options = rewrap_options(keep_data_key, allow_downgrade);
    Operation::start(vault, context, Verb::Rewrap { bytes: bytes.to_vec(), options })
}

/// As [`rewrap`], without the network.
#[napi]
pub(crate) fn rewrap_sync(
    vault: &External<Vault>,
    context: &External<Context>,
    bytes: Input<'_>,
    keep_data_key: bool,
    allow_downgrade: bool,
) -> Outcome<Bytes> {
    let options = rewrap_options(keep_data_key, allow_downgrade);
    outcome(|| vault.rewrap_now(bytes.bytes(), context, options).map(Bytes::Public))
}

/// Encrypts anew; the promise's value is the new envelope.
#[napi]
pub(crate) fn reencrypt(
    vault: &External<Vault>,
    context: &External<Context>,
    envelope: Input<'_>,
    aad: Option<Input<'_>>,
    allow_downgrade: bool,
) -> AsyncTask<Operation> {
    let aad = aad.map(|aad| aad.to_vec());
    let verb = Verb::Reencrypt { envelope: envelope.to_vec(), aad, downgrade: downgrade(allow_downgrade) };
    Operation::start(vault, context, verb)
}

/// As [`reencrypt`], without the network.
#[napi]
pub(crate) fn reencrypt_sync(
    vault: &External<Vault>,
    context: &External<Context>,
    envelope: Input<'_>,
    aad: Option<Input<'_>>,
    allow_downgrade: bool,
) -> Outcome<Bytes> {
    let aad = aad.as_ref().map(Input::bytes);
    outcome(|| vault.reencrypt_now(envelope.bytes(), context, aad, downgrade(allow_downgrade)).map(Bytes::Public))
}

/// Moves a data key to another context; the promise's value is the new bundle.
#[napi]
pub(crate) fn rekey(
    vault: &External<Vault>,
    old_context: &External<Context>,
    bundle: Input<'_>,
    new_context: &External<Context>,
    allow_downgrade: bool,
) -> AsyncTask<Operation> {
    let new_context = Context::clone(new_context);
    let verb = Verb::Rekey { bundle: bundle.to_vec(), new_context, downgrade: downgrade(allow_downgrade) };
    Operation::start(vault, old_context, verb)
}

/// As [`rekey`], without the network.
#[napi]
pub(crate) fn rekey_sync(
    vault: &External<Vault>,
    old_context: &External<Context>,
    bundle: Input<'_>,
    new_context: &External<Context>,
    allow_downgrade: bool,
) -> Outcome<Bytes> {
    outcome(|| {
        let moved = vault.rekey_now(bundle.bytes(), old_context, new_context, downgrade(allow_downgrade));
        moved.map(Bytes::Public)
    })
}

fn rewrap_options(keep_data_key: bool, allow_downgrade: bool) -> RewrapOptions {
    RewrapOptions { keep_data_key, downgrade: downgrade(allow_downgrade) }
}

fn downgrade(is_allowed: bool) -> Downgrade {
    if is_allowed { Downgrade::Allow } else { Downgrade::Refuse }
}
