//! Data keys from leases: what `encrypt`, `decrypt` and the streams look for before they ask a KMS. A change of keys always asks.

use std::sync::Arc;

use super::open::Opening;
use super::seal::Protection;
use super::wrap::WrappedDataKey;
use super::{Process, Snapshot};
use crate::aead::sha256;
use crate::call::{Attempt, Call, Source, Task};
use crate::context::Context;
use crate::envelope::{Bundle, MESSAGE_ID_LENGTH, MessageKeys};
use crate::error::Result;
use crate::lease::{Hold, Lease, Loaded, Sealing, Slot};
use crate::registry::CustomerKey;

/// A data key that this call got from its KMS, or one of a lease.
pub(super) enum DataKey<F, T> {
    Fresh(F),
    Leased(Arc<Lease<T>>),
}

/// A data key and its bundle, ready for a message.
pub(super) type SealingKey<'a> = DataKey<WrappedDataKey<'a>, Sealing>;
/// The keys of a data key that was unwrapped.
pub(super) type OpenedKey = DataKey<MessageKeys, MessageKeys>;

impl SealingKey<'_> {
    pub(super) fn body_length(&self, context: &Context) -> usize {
        match self {
            Self::Fresh(wrapped) => wrapped.draft(context).body_length(),
            Self::Leased(lease) => lease.value.body.len(),
        }
    }

    /// Writes the bundle's body to the front of `output`, which has room for it.
    pub(super) fn write_body(&self, context: &Context, output: &mut [u8]) -> Result<()> {
        match self {
            Self::Fresh(wrapped) => wrapped.draft(context).write_body(&wrapped.keys, output).map(drop),
            Self::Leased(lease) => {
                output[..lease.value.body.len()].copy_from_slice(&lease.value.body);
                Ok(())
            }
        }
    }

    pub(super) fn keys(&self) -> &MessageKeys {
        match self {
            Self::Fresh(wrapped) => &wrapped.keys,
            Self::Leased(lease) => &lease.value.keys,
        }
    }
}

impl OpenedKey {
    pub(super) fn keys(&self) -> &MessageKeys {
        match self {
            Self::Fresh(keys) => keys,
            Self::Leased(lease) => &lease.value,
        }
    }
}

impl Attempt<'_> {
    /// A data key for a message of `bytes`, from a lease where one may be used, and the message's id.
    pub(super) async fn sealing_key<'p>(
        &mut self,
        protection: &'p Protection,
        context: &Context,
        bytes: usize,
    ) -> Result<(SealingKey<'p>, [u8; MESSAGE_ID_LENGTH])> {
        let Self { call, snapshot, task, process } = self;
        let leases = &snapshot.leases;
        if !(leases.are_given() && may_be_leased(protection.keys().map(|(_, key)| key))) {
            task.deadline = call.deadline(snapshot, protection.needs_network())?;
            let (wrapped, message_id) =
                call.drive(task.deadline, snapshot.wrap_for_message(protection, context, task)).await?;
            return Ok((SealingKey::Fresh(wrapped), message_id));
        }
        let mut message_id = [0; MESSAGE_ID_LENGTH];
        snapshot.random.fill(&mut message_id)?;
        let (slot, bytes) = (*context.digest(), bytes as u64);
        let lease = match leases.hit(&leases.writing, &slot, bytes) {
            Some(lease) => {
                task.source = Source::Lease(Arc::clone(&lease.terms));
                lease
            }
            None => {
                let deadline = call.deadline(snapshot, true)?;
                task.deadline = deadline;
                let process = *process;
                let mut asked = false;
                let load = async || {
                    asked = true;
                    let loaded = snapshot.load_sealing(protection, context, process, task).await?;
                    snapshot.open_lease(call, task).await?;
                    Ok(loaded)
                };
                let opened = leases.join_or_load(&leases.writing, slot, bytes, deadline, load);
                let lease = call.drive(deadline, opened).await?;
                task.source = Source::of(asked, &lease.terms);
                lease
            }
        };
        task.trail.data_key(protection.policy, &lease.value.commitment);
        Ok((SealingKey::Leased(lease), message_id))
    }

    /// The data key of a bundle, from a lease where one may be used, for a message of `bytes`.
    pub(super) async fn opened_key(&mut self, opening: &Opening<'_>, bytes: usize) -> Result<OpenedKey> {
        let Self { call, snapshot, task, process } = self;
        let leases = &snapshot.leases;
        if !(leases.are_given() && may_be_leased(opening.keys())) {
            task.deadline = call.deadline(snapshot, opening.needs_network())?;
            let (_, keys) = call.drive(task.deadline, snapshot.unwrap(opening, task)).await?;
            return Ok(OpenedKey::Fresh(keys));
        }
        let (slot, bytes) = (slot_of(opening.bundle, opening.context), bytes as u64);
        task.trail.data_key(opening.bundle.decision.policy, opening.bundle.commitment);
        if let Some(lease) = leases.hit(&leases.reading, &slot, bytes) {
            task.source = Source::Lease(Arc::clone(&lease.terms));
            return Ok(OpenedKey::Leased(lease));
        }
        let deadline = call.deadline(snapshot, true)?;
        task.deadline = deadline;
        let process = *process;
        let mut asked = false;
        let load = async || {
            asked = true;
            let loaded = snapshot.load_opened(opening, process, task).await?;
            snapshot.open_lease(call, task).await?;
            Ok(loaded)
        };
        let opened = leases.join_or_load(&leases.reading, slot, bytes, deadline, load);
        let lease = call.drive(deadline, opened).await?;
        task.source = Source::of(asked, &lease.terms);
        Ok(OpenedKey::Leased(lease))
    }
}

impl Attempt<'_> {
    /// Until when a stream may use a key that this attempt got.
    pub(super) fn hold<F, T>(&mut self, key: &DataKey<F, T>) -> Hold {
        match key {
            DataKey::Leased(lease) => Hold::of_lease(lease),
            DataKey::Fresh(_) => {
                self.snapshot.leases.hold_of_stream(std::mem::take(&mut self.task.consent), self.process)
            }
        }
    }

    /// Whether the keys that protect this context agree still: asked as for another message.
    pub(crate) async fn ask_again_to_write(&mut self, context: &Context) -> Result<Hold> {
        let protection = self.snapshot.protect(context, self.call.store_access()).await?;
        let (key, _) = self.sealing_key(&protection, context, 0).await?;
        Ok(self.hold(&key))
    }
}

impl Snapshot {
    async fn load_sealing(
        &self,
        protection: &Protection,
        context: &Context,
        process: Process,
        task: &mut Task,
    ) -> Result<Loaded<Sealing>> {
        let wrapped = self.wrap_for_lease(protection, context, task).await?;
        let draft = wrapped.draft(context);
        let mut body = vec![0; draft.body_length()];
        draft.write_body(&wrapped.keys, &mut body)?;
        let value = Sealing { body, commitment: wrapped.keys.commitment(), keys: wrapped.keys };
        Ok(Loaded { value, consent: std::mem::take(&mut task.consent), ledger: task.trail.ledger(), process })
    }

    async fn load_opened(
        &self,
        opening: &Opening<'_>,
        process: Process,
        task: &mut Task,
    ) -> Result<Loaded<MessageKeys>> {
        let (_, value) = self.unwrap(opening, task).await?;
        Ok(Loaded { value, consent: std::mem::take(&mut task.consent), ledger: task.trail.ledger(), process })
    }

    /// Records the key uses by which a lease is opened, before anybody uses it.
    async fn open_lease(&self, call: &Call<'_>, task: &mut Task) -> Result<()> {
        call.record(task.trail.split(), None).await?;
        // Within the runtime that made the calls.
        self.leases.keep_swept(self.audit.as_ref());
        Ok(())
    }
}

/// Only keys behind a network are worth a lease, and only their refusals are heard of.
fn may_be_leased<'a>(mut keys: impl Iterator<Item = &'a Arc<CustomerKey>>) -> bool {
    keys.any(|key| key.kek.health().is_some())
}

/// The exact bytes of the bundle and the canonical context: never an id that a bundle carries.
fn slot_of(bundle: &Bundle<'_>, context: &Context) -> Slot {
    sha256(&[b"libvault/v1/lease", context.digest(), bundle.mac, bundle.authenticated])
}
