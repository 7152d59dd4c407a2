//! Changing the keys of existing data: `rewrap`, `reencrypt` and `rekey` (`docs/envelope.md` §8).

use std::sync::Arc;

use libvault_memory::WipedBytes;

use super::draw::Draw;
use super::open::{CustomerShare, Opening};
use super::seal::{Protection, write_bundle};
use super::wrap::BundleKind;
use super::{Snapshot, StoreAccess};
use crate::call::Task;
use crate::context::Context;
use crate::envelope::{
    Beginning, Bundle, DecisionByte, Envelope, FrameAad, MESSAGE_ID_LENGTH, PREFIX_LENGTH, Policy, Purpose,
};
use crate::error::{Error, ErrorCode, Result};
use crate::registry::{Binding, Outcome};
use crate::secret::Secret;
use crate::stream::NewPayload;

/// Whether a change may make data easier to open than it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Downgrade {
    /// `DowngradeRefused` instead.
    #[default]
    Refuse,
    /// The caller has the separate permission to do so.
    Allow,
}

/// How [`crate::Vault::rewrap`] works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RewrapOptions {
    /// Rewrap also where keys that open an older copy are left behind: that revokes nothing, and is marked as `moved` for good.
    pub keep_data_key: bool,
    /// Whether the result may be easier to open.
    pub downgrade: Downgrade,
}

/// What `rewrap` takes.
pub(crate) enum Rewrappable<'a> {
    Envelope(Envelope<'a>),
    DataKey(Bundle<'a>),
}

impl<'a> Rewrappable<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self> {
        if bytes.starts_with(Purpose::DataKey.magic()) {
            return Bundle::parse_bare(bytes).map(Self::DataKey);
        }
        Envelope::parse(bytes).map(Self::Envelope)
    }

    /// Of an envelope the start is enough.
    pub(crate) fn parse_start(bytes: &'a [u8]) -> Result<Self> {
        if bytes.starts_with(Purpose::DataKey.magic()) {
            return Bundle::parse_bare(bytes).map(Self::DataKey);
        }
        match Envelope::parse_beginning(bytes)? {
            Beginning::Needs(_) => Self::parse(bytes),
            Beginning::Whole(envelope) => Ok(Self::Envelope(envelope)),
        }
    }

    pub(crate) fn bundle(&self) -> &Bundle<'a> {
        match self {
            Self::Envelope(envelope) => &envelope.bundle,
            Self::DataKey(bundle) => bundle,
        }
    }
}

/// A change that is allowed: the old bundle passed stages 1 to 3, the new keys are decided and loaded. No customer key was used yet.
pub(crate) struct Change<'a> {
    opening: Opening<'a>,
    protection: Protection,
    leaves_keys_behind: bool,
    /// It is weaker, and the caller may do that.
    pub(crate) is_downgrade: bool,
}

impl Change<'_> {
    pub(crate) fn needs_network(&self) -> bool {
        self.opening.needs_network() || self.protection.needs_network()
    }
}

impl Snapshot {
    /// Everything that can refuse a rewrap before a key is used.
    pub(crate) async fn examine_rewrap<'a>(
        &'a self,
        bundle: &'a Bundle<'a>,
        context: &'a Context,
        options: RewrapOptions,
        access: StoreAccess,
    ) -> Result<Change<'a>> {
        let (opening, outcome, is_downgrade) =
            self.examine_change(bundle, context, context, options.downgrade, access).await?;
        let leaves_keys_behind = leaves_keys_behind(&opening, &outcome);
        if leaves_keys_behind && !options.keep_data_key {
            return Err(refused(
                "a rewrap keeps the data key, and an older copy of this bundle could still be opened by keys that the new one leaves out (C4): use \
                 reencrypt, or allow it with keep_data_key",
            ));
        }
        Ok(Change { opening, protection: self.load(outcome, access).await?, leaves_keys_behind, is_downgrade })
    }

    /// The same data under the same data key, wrapped anew.
    pub(crate) async fn rewrap(
        &self,
        change: &Change<'_>,
        data: &Rewrappable<'_>,
        context: &Context,
        task: &mut Task,
    ) -> Result<Vec<u8>> {
        let Change { opening, protection, leaves_keys_behind, .. } = change;
        let DecisionByte { moved, purpose, full_context, .. } = opening.bundle.decision;
        let (data_key, _) = self.unwrap(opening, task).await?;
        let draw = Draw::for_data_key(&data_key, protection, &*self.random)?;
        let kind = BundleKind { purpose, moved: moved | leaves_keys_behind, full_context, may_miss_wraps: false };
        let wrapped = self.wrap(protection, context, kind, &draw, task).await?;
        let Rewrappable::Envelope(envelope) = data else {
            return write_bundle(&wrapped, context);
        };
        let draft = wrapped.draft(context);
        let body_end = PREFIX_LENGTH + draft.body_length();
        let mut output = vec![0; body_end + MESSAGE_ID_LENGTH + envelope.frames.len()];
        output[..PREFIX_LENGTH].copy_from_slice(envelope.prefix);
        draft.write_body(&wrapped.keys, &mut output[PREFIX_LENGTH..body_end])?;
        output[body_end..][..MESSAGE_ID_LENGTH].copy_from_slice(envelope.message_id);
        output[body_end + MESSAGE_ID_LENGTH..].copy_from_slice(envelope.frames);
        Ok(output)
    }

    /// Everything that can refuse a re-encryption before a key is used.
    pub(crate) async fn examine_reencrypt<'a>(
        &'a self,
        bundle: &'a Bundle<'a>,
        context: &'a Context,
        downgrade: Downgrade,
        access: StoreAccess,
    ) -> Result<Change<'a>> {
        let (opening, outcome, is_downgrade) = self.examine_change(bundle, context, context, downgrade, access).await?;
        let protection = self.load(outcome, access).await?;
        Ok(Change { opening, protection, leaves_keys_behind: false, is_downgrade })
    }

    /// The same data in the same form, encrypted with a new data key. The AAD is needed to open it and stays: the new envelope is bound to it as well.
    pub(crate) async fn reencrypt(
        &self,
        change: &Change<'_>,
        envelope: &Envelope<'_>,
        context: &Context,
        aad: Option<&[u8]>,
        task: &mut Task,
    ) -> Result<Vec<u8>> {
        let data = WipedBytes::new(self.decrypt(&change.opening, envelope, aad, task).await?);
        self.encrypt_anew(&change.protection, envelope.form, &data, context, aad, task).await
    }

    /// [`Snapshot::reencrypt`] up to the payload: the key of the old one, and the beginning of the new one.
    pub(crate) async fn begin_reencryption(
        &self,
        change: &Change<'_>,
        envelope: &Envelope<'_>,
        context: &Context,
        aad: FrameAad,
        task: &mut Task,
    ) -> Result<(Secret<32>, NewPayload)> {
        let (_, keys) = self.unwrap(&change.opening, task).await?;
        let old_key = keys.message_key(envelope.prefix, envelope.message_id);
        let (header, cipher) = self.begin_anew(&change.protection, context, aad, envelope.form, task).await?;
        Ok((old_key, NewPayload { header, cipher, form: envelope.form }))
    }

    /// Everything that can refuse a rekeying before a key is used.
    pub(crate) async fn examine_rekey<'a>(
        &'a self,
        bundle: &'a Bundle<'a>,
        old_context: &'a Context,
        new_context: &'a Context,
        downgrade: Downgrade,
        access: StoreAccess,
    ) -> Result<Change<'a>> {
        let (opening, outcome, is_downgrade) =
            self.examine_change(bundle, old_context, new_context, downgrade, access).await?;
        let leaves_keys_behind = leaves_keys_behind(&opening, &outcome);
        Ok(Change { opening, protection: self.load(outcome, access).await?, leaves_keys_behind, is_downgrade })
    }

    /// The same data key in a bundle for another context.
    pub(crate) async fn rekey(&self, change: &Change<'_>, new_context: &Context, task: &mut Task) -> Result<Vec<u8>> {
        let Change { opening, protection, leaves_keys_behind, .. } = change;
        let (data_key, _) = self.unwrap(opening, task).await?;
        let draw = Draw::for_data_key(&data_key, protection, &*self.random)?;
        let moved = opening.bundle.decision.moved | leaves_keys_behind;
        let kind = BundleKind { purpose: Purpose::DataKey, moved, full_context: true, may_miss_wraps: false };
        write_bundle(&self.wrap(protection, new_context, kind, &draw, task).await?, new_context)
    }

    /// Stages 1 to 3 for what is there, matching for what is to be, and whether that is weaker: refused, unless the caller may do it.
    async fn examine_change<'a>(
        &'a self,
        bundle: &'a Bundle<'a>,
        old_context: &'a Context,
        new_context: &Context,
        downgrade: Downgrade,
        access: StoreAccess,
    ) -> Result<(Opening<'a>, Outcome, bool)> {
        let opening = self.examine(bundle, old_context, access).await?;
        let outcome = self.decide(new_context)?;
        let kept = refuse_lost_owners(&opening, &outcome)
            .and_then(|()| refuse_lost_managed_share(&opening, &outcome, new_context));
        match kept {
            Err(weaker) if downgrade == Downgrade::Refuse => Err(weaker),
            kept => Ok((opening, outcome, kept.is_err())),
        }
    }
}

/// C1: without another context it is a rewrap, which has rules of its own.
pub(crate) fn refuse_equal_contexts(old_context: &Context, new_context: &Context) -> Result<()> {
    if old_context == new_context {
        let message = "rekey needs two different contexts (C1): for one and the same context there is rewrap";
        return Err(Error::new(ErrorCode::InvalidContext, message));
    }
    Ok(())
}

/// C2: every owner whose agreement was needed is needed afterwards, and no other owner's key becomes an alternative.
fn refuse_lost_owners(opening: &Opening<'_>, outcome: &Outcome) -> Result<()> {
    let agreed = |new: &[Arc<Binding>], old: &CustomerShare<'_>| {
        new.iter().all(|binding| old.wraps.iter().any(|wrap| wrap.binding.owner == binding.owner))
    };
    // One share for each binding, or under `any_of` one for all of them.
    let new_shares: Vec<&[Arc<Binding>]> = match outcome {
        Outcome::Managed(_) => Vec::new(),
        Outcome::Customer(matched) if matched.policy == Policy::AnyOf => vec![&matched.bindings],
        Outcome::Customer(matched) => matched.bindings.chunks(1).collect(),
    };
    for old in &opening.shares {
        if !new_shares.iter().any(|new| agreed(new, old)) {
            let names: Vec<_> = old.wraps.iter().map(|wrap| wrap.binding.name.as_str()).collect();
            let message =
                format!("the agreement of {} is needed now, and would not be afterwards (C2)", names.join(" or "));
            return Err(refused(message));
        }
    }
    Ok(())
}

/// C3: where the vendor's managed keys are needed beside a customer's, they are needed afterwards. Items that a rekeying takes out of the context
/// cannot be named any more.
fn refuse_lost_managed_share(opening: &Opening<'_>, outcome: &Outcome, new_context: &Context) -> Result<()> {
    let (Some(old), false) = (&opening.managed, opening.shares.is_empty()) else {
        return Ok(());
    };
    let is_kept = |new: &Context| {
        let mut items = old.located.items().canonical_items();
        items.all(|item| !has_item(new_context, item) || has_item(new, item))
    };
    if outcome.managed_items().is_some_and(is_kept) {
        return Ok(());
    }
    Err(refused("managed keys are needed beside the customers' now, and would not all be needed afterwards (C3)"))
}

/// Whether an older copy of the bundle opens with keys that the new one does not name, or without those that it asks for first.
fn leaves_keys_behind(opening: &Opening<'_>, outcome: &Outcome) -> bool {
    let bindings = outcome.bindings();
    let key_stays = |id| bindings.iter().any(|binding| binding.key(id).is_some());
    let keys_stay = opening.shares.iter().flat_map(|share| &share.wraps).all(|wrap| key_stays(wrap.key.id));
    let items_stay = opening
        .managed
        .as_ref()
        .is_none_or(|old| outcome.managed_items().is_some_and(|new| old.located.items().is_contained_in(new)));
    let comes_under_customer_keys = opening.shares.is_empty() && !bindings.is_empty();
    !keys_stay || !items_stay || comes_under_customer_keys
}

fn has_item(context: &Context, item: &[u8]) -> bool {
    context.canonical_items().any(|candidate| candidate == item)
}

fn refused(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorCode::DowngradeRefused, message)
}
