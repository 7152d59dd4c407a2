//! Protecting new data: `encrypt` and `create_data_key`.

use std::sync::Arc;

use super::draw::Draw;
use super::leased::SealingKey;
use super::wrap::{BundleKind, WrappedDataKey};
use super::{Snapshot, StoreAccess};
use crate::call::{Attempt, Task};
use crate::context::Context;
use crate::envelope::{
    BUNDLE_MAC_LENGTH, COMMITMENT_LENGTH, CONTEXT_TAG_LENGTH, Form, FrameAad, FrameCipher, HEADER_LENGTH, MANAGED_BLOB,
    MESSAGE_ID_LENGTH, PREFIX_LENGTH, Policy, Purpose, header, prefix, seal_payload, sealed_length,
};
use crate::error::{Error, Result};
use crate::managed::{ContextKeys, ManagedKeys};
use crate::registry::{Binding, CustomerKey, Outcome};
use crate::secret::Secret;
use crate::stream::EncryptorStart;

/// Which keys will protect a new data key: decided, and the managed ones loaded.
pub(crate) struct Protection {
    pub(super) policy: Policy,
    managed: Option<Arc<ContextKeys>>,
    bindings: Vec<Arc<Binding>>,
}

impl Protection {
    pub(crate) fn needs_network(&self) -> bool {
        self.keys().any(|(_, key)| key.kek.needs_network())
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = (&Arc<Binding>, &Arc<CustomerKey>)> {
        self.bindings.iter().flat_map(|binding| binding.keys.iter().map(move |key| (binding, key)))
    }

    pub(super) fn share_count(&self) -> usize {
        let customer = if self.policy == Policy::AnyOf { 1 } else { self.bindings.len() };
        usize::from(self.managed.is_some()) + customer
    }

    pub(super) fn managed(&self) -> Option<&ContextKeys> {
        self.managed.as_deref()
    }

    pub(super) fn bindings(&self) -> &[Arc<Binding>] {
        &self.bindings
    }
}

impl Snapshot {
    /// Decides, and loads the managed keys that the decision needs.
    pub(crate) async fn protect(&self, context: &Context, access: StoreAccess) -> Result<Protection> {
        self.load(self.decide(context)?, access).await
    }

    /// Loads the managed keys that a decision needs, and makes those that there are none of yet.
    pub(super) async fn load(&self, outcome: Outcome, access: StoreAccess) -> Result<Protection> {
        let (policy, bindings, managed_use) = match outcome {
            Outcome::Managed(fallback) => (Policy::Managed, Vec::new(), Some(fallback)),
            Outcome::Customer(matched) => (matched.policy, matched.bindings, matched.managed),
        };
        let managed = match managed_use {
            None => None,
            Some(managed_use) => match self.managed.cached(managed_use.items()) {
                Some(keys) => Some(keys),
                None => {
                    let load =
                        move |managed: Arc<ManagedKeys>| async move { managed.for_encryption(&managed_use).await };
                    Some(self.with_store(access, load).await?)
                }
            },
        };
        Ok(Protection { policy, managed, bindings })
    }

    /// An envelope around `data` in either form, with a data key that nothing else uses.
    pub(super) async fn encrypt_anew(
        &self,
        protection: &Protection,
        form: Form,
        data: &[u8],
        context: &Context,
        aad: Option<&[u8]>,
        task: &mut Task,
    ) -> Result<Vec<u8>> {
        let payload_length = sealed_length(form, data.len())?;
        let (wrapped, message_id) = self.wrap_for_message(protection, context, task).await?;
        envelope_around(data, payload_length, &SealingKey::Fresh(wrapped), form, &message_id, context, aad)
    }

    /// The beginning of a framed envelope, up to its first frame, and the cipher of its frames; with a data key that nothing else uses.
    pub(super) async fn begin_anew(
        &self,
        protection: &Protection,
        context: &Context,
        aad: FrameAad,
        form: Form,
        task: &mut Task,
    ) -> Result<(Vec<u8>, FrameCipher)> {
        let (wrapped, message_id) = self.wrap_for_message(protection, context, task).await?;
        begin_frames(&SealingKey::Fresh(wrapped), form, &message_id, context, aad)
    }

    /// The most bytes an envelope can take; exact where all wraps have a fixed length.
    pub(crate) fn encrypted_length_limit(
        &self,
        protection: &Protection,
        data_length: usize,
        context: &Context,
    ) -> Result<usize> {
        Ok(self.length_limit(protection, sealed_length(Form::OneShot, data_length)?, context))
    }

    fn length_limit(&self, protection: &Protection, payload_length: usize, context: &Context) -> usize {
        let context_length = if self.full_context { 2 + context.canonical().len() } else { CONTEXT_TAG_LENGTH };
        let managed = protection.managed.as_ref().map_or(0, |keys| 3 + keys.ids().len() + MANAGED_BLOB);
        let customer: usize = protection.keys().map(|(_, key)| 3 + 16 + key.kek.blob_length_limit()).sum();
        let shares = 17 * protection.share_count();
        PREFIX_LENGTH
            + 2
            + COMMITMENT_LENGTH
            + context_length
            + shares
            + managed
            + customer
            + BUNDLE_MAC_LENGTH
            + payload_length
    }

    /// A new data key for a caller who encrypts with it, and the bundle that gives it back.
    pub(crate) async fn create_data_key(
        &self,
        protection: &Protection,
        context: &Context,
        task: &mut Task,
    ) -> Result<(Vec<u8>, Secret<32>)> {
        let draw = Draw::for_bundle(protection, &*self.random)?;
        let kind = BundleKind { purpose: Purpose::DataKey, moved: false, full_context: true, may_miss_wraps: true };
        let wrapped = self.wrap(protection, context, kind, &draw, task).await?;
        Ok((write_bundle(&wrapped, context)?, wrapped.data_key))
    }

    pub(super) async fn wrap_for_message<'a>(
        &self,
        protection: &'a Protection,
        context: &Context,
        task: &mut Task,
    ) -> Result<(WrappedDataKey<'a>, [u8; MESSAGE_ID_LENGTH])> {
        let draw = Draw::for_message(protection, &*self.random)?;
        Ok((self.wrap(protection, context, self.envelope_kind(), &draw, task).await?, draw.message_id))
    }

    /// A data key for many messages.
    pub(super) async fn wrap_for_lease<'a>(
        &self,
        protection: &'a Protection,
        context: &Context,
        task: &mut Task,
    ) -> Result<WrappedDataKey<'a>> {
        let draw = Draw::for_bundle(protection, &*self.random)?;
        self.wrap(protection, context, self.envelope_kind(), &draw, task).await
    }

    fn envelope_kind(&self) -> BundleKind {
        BundleKind { purpose: Purpose::Envelope, moved: false, full_context: self.full_context, may_miss_wraps: true }
    }
}

impl Attempt<'_> {
    /// An envelope around `data`.
    pub(crate) async fn encrypt(&mut self, data: &[u8], context: &Context, aad: Option<&[u8]>) -> Result<Vec<u8>> {
        let payload_length = sealed_length(Form::OneShot, data.len())?;
        let protection = self.snapshot.protect(context, self.call.store_access()).await?;
        let (key, message_id) = self.sealing_key(&protection, context, data.len()).await?;
        envelope_around(data, payload_length, &key, Form::OneShot, &message_id, context, aad)
    }

    /// As `encrypt`, into the front of `output`; returns the envelope's length.
    pub(crate) async fn encrypt_into(
        &mut self,
        data: &[u8],
        context: &Context,
        aad: Option<&[u8]>,
        output: &mut [u8],
    ) -> Result<usize> {
        let payload_length = sealed_length(Form::OneShot, data.len())?;
        let protection = self.snapshot.protect(context, self.call.store_access()).await?;
        if protection.bindings.is_empty() {
            // The length is known, so a buffer that is too small costs no key use.
            room_for(output, self.snapshot.length_limit(&protection, payload_length, context))?;
        }
        let (key, message_id) = self.sealing_key(&protection, context, data.len()).await?;
        let length = PREFIX_LENGTH + key.body_length(context) + payload_length;
        let output = room_for(output, length)?;
        write_envelope(&key, Form::OneShot, &message_id, data, context, aad, output)?;
        Ok(length)
    }

    /// The beginning of an encrypting stream.
    pub(crate) async fn begin_frames(
        &mut self,
        context: &Context,
        aad: FrameAad,
        frame_log: u8,
    ) -> Result<EncryptorStart> {
        let protection = self.snapshot.protect(context, self.call.store_access()).await?;
        let (key, message_id) = self.sealing_key(&protection, context, 0).await?;
        let (header, cipher) = begin_frames(&key, Form::Framed { frame_log }, &message_id, context, aad)?;
        let hold = self.hold(&key);
        Ok(EncryptorStart { snapshot: Arc::clone(&self.snapshot), header, cipher, frame_log, hold })
    }
}

/// A bare bundle.
pub(super) fn write_bundle(wrapped: &WrappedDataKey<'_>, context: &Context) -> Result<Vec<u8>> {
    let draft = wrapped.draft(context);
    let mut bundle = vec![0; HEADER_LENGTH + draft.body_length()];
    let (start, body) = bundle.split_at_mut(HEADER_LENGTH);
    start.copy_from_slice(&header(Purpose::DataKey));
    draft.write_body(&wrapped.keys, body)?;
    Ok(bundle)
}

fn envelope_around(
    data: &[u8],
    payload_length: usize,
    key: &SealingKey<'_>,
    form: Form,
    message_id: &[u8; MESSAGE_ID_LENGTH],
    context: &Context,
    aad: Option<&[u8]>,
) -> Result<Vec<u8>> {
    let mut output = vec![0; PREFIX_LENGTH + key.body_length(context) + payload_length];
    write_envelope(key, form, message_id, data, context, aad, &mut output)?;
    Ok(output)
}

fn begin_frames(
    key: &SealingKey<'_>,
    form: Form,
    message_id: &[u8; MESSAGE_ID_LENGTH],
    context: &Context,
    aad: FrameAad,
) -> Result<(Vec<u8>, FrameCipher)> {
    let mut header = vec![0; PREFIX_LENGTH + key.body_length(context) + MESSAGE_ID_LENGTH];
    let (_, message_key) = write_header(key, form, message_id, context, &mut header)?;
    Ok((header, FrameCipher::new(&message_key, aad)?))
}

fn write_envelope(
    key: &SealingKey<'_>,
    form: Form,
    message_id: &[u8; MESSAGE_ID_LENGTH],
    data: &[u8],
    context: &Context,
    aad: Option<&[u8]>,
    output: &mut [u8],
) -> Result<()> {
    let (length, message_key) = write_header(key, form, message_id, context, output)?;
    seal_payload(&message_key, form, aad, data, &mut output[length..])
}

/// Writes all that comes before the payload to the front of `output`; returns its length, and the key of the payload.
fn write_header(
    key: &SealingKey<'_>,
    form: Form,
    message_id: &[u8; MESSAGE_ID_LENGTH],
    context: &Context,
    output: &mut [u8],
) -> Result<(usize, Secret<32>)> {
    let prefix = prefix(form);
    let (start, rest) = output.split_at_mut(PREFIX_LENGTH);
    start.copy_from_slice(&prefix);
    let body_length = key.body_length(context);
    key.write_body(context, rest)?;
    rest[body_length..][..MESSAGE_ID_LENGTH].copy_from_slice(message_id);
    let length = PREFIX_LENGTH + body_length + MESSAGE_ID_LENGTH;
    Ok((length, key.keys().message_key(&prefix, message_id)))
}

/// The front of `output`, if it is long enough.
pub(super) fn room_for(output: &mut [u8], needed: usize) -> Result<&mut [u8]> {
    let given = output.len();
    output.get_mut(..needed).ok_or_else(|| Error::buffer_too_small(needed, given))
}
