//! Wrapping the shares of a data key by every key that a decision asks for.

use tokio::time::Instant;

use super::Snapshot;
use super::draw::Draw;
use super::seal::Protection;
use crate::audit::{KeyUse, Use};
use crate::call::Task;
use crate::context::Context;
use crate::envelope::{
    ANY_BINDING, BindInput, Blob, BundleDraft, COMMITMENT_LENGTH, DecisionByte, HEADER_LENGTH, Id, MANAGED_BINDING,
    MAX_BUNDLE, MessageKeys, Policy, Purpose, WrapDraft, combine_shares, wrap_plaintext,
};
use crate::error::{Error, ErrorCode, Result};
use crate::kms::derived::SALT_LENGTH;
use crate::kms::{KmsFailure, WrapRequest, derived};
use crate::lease::Consent;
use crate::managed::ContextKeys;
use crate::registry::{Binding, CustomerKey};
use crate::secret::Secret;

/// What a bundle says beside its keys, and how it comes about.
#[derive(Clone, Copy)]
pub(super) struct BundleKind {
    pub(super) purpose: Purpose,
    pub(super) moved: bool,
    pub(super) full_context: bool,
    /// Keys that cannot be reached may be missing, as far as `min_wraps` allows.
    pub(super) may_miss_wraps: bool,
}

/// A data key with all its shares wrapped, not yet written.
pub(super) struct WrappedDataKey<'a> {
    pub(super) data_key: Secret<32>,
    pub(super) keys: MessageKeys,
    commitment: [u8; COMMITMENT_LENGTH],
    decision: DecisionByte,
    wraps: Vec<WrapDraft<'a>>,
}

impl WrappedDataKey<'_> {
    pub(super) fn draft<'d>(&'d self, context: &'d Context) -> BundleDraft<'d> {
        BundleDraft { decision: self.decision, commitment: &self.commitment, context, wraps: &self.wraps }
    }
}

/// The wraps of customers' keys while they are made.
struct Wraps<'a> {
    made: Vec<WrapDraft<'a>>,
    missing: Vec<Missing<'a>>,
    keys_left: usize,
}

/// A key that could not be reached, and whose wrap is missing.
struct Missing<'a> {
    binding: &'a Binding,
    error: Error,
}

/// A share that a binding's keys are to wrap.
#[derive(Clone, Copy)]
struct Target<'a> {
    binding: &'a Binding,
    binding_id: Id,
    index: u8,
    /// How many keys may be missing because they cannot be reached.
    may_miss: usize,
}

impl Snapshot {
    /// Wraps every share by every key that the protection asks for. Any failure fails the whole, except that a binding's `min_wraps` allows keys that
    /// cannot be reached to be missing: there is nothing to fall back to.
    pub(super) async fn wrap<'a>(
        &self,
        protection: &'a Protection,
        context: &Context,
        kind: BundleKind,
        draw: &Draw,
        task: &mut Task,
    ) -> Result<WrappedDataKey<'a>> {
        let data_key = combine_shares(draw.shares());
        let keys = MessageKeys::derive(&data_key, context, kind.purpose);
        let commitment = keys.commitment();
        let (policy, purpose) = (protection.policy, kind.purpose);
        task.trail.data_key(policy, &commitment);
        let share_count = draw.shares().len() as u8;
        let binder = BindInput { purpose, policy, share_count, commitment: &commitment, context };
        let mut remaining = draw.shares().zip(0_u8..);
        let mut wraps = Wraps {
            made: Vec::with_capacity(share_count.into()),
            missing: Vec::new(),
            keys_left: protection.bindings().iter().map(|binding| binding.keys.len()).sum(),
        };
        if let Some(managed) = protection.managed() {
            let (share, index) = remaining.next().ok_or_else(|| Error::internal("no share is left to wrap"))?;
            wraps.made.push(self.wrap_managed(managed, &binder, index, share, &draw.managed_salt, task)?);
        }
        let any_of = policy == Policy::AnyOf;
        let mut current = None;
        for binding in protection.bindings() {
            if current.is_none() || !any_of {
                current = remaining.next();
            }
            let (share, index) = current.ok_or_else(|| Error::internal("no share is left to wrap"))?;
            let binding_id = if any_of { ANY_BINDING } else { binding.id };
            let may_miss = if kind.may_miss_wraps { binding.keys.len() - binding.min_wraps } else { 0 };
            let target = Target { binding, binding_id, index, may_miss };
            self.wrap_by_binding(target, &binder, share, &mut wraps, task).await?;
        }
        let decision = DecisionByte { policy, moved: kind.moved, purpose, full_context: kind.full_context };
        let wrapped = WrappedDataKey { data_key, keys, commitment, decision, wraps: wraps.made };
        if HEADER_LENGTH + wrapped.draft(context).body_length() > MAX_BUNDLE {
            let message = "the wraps of this context's keys exceed the 65,536 bytes of a bundle";
            return Err(Error::new(ErrorCode::LimitExceeded, message));
        }
        for Missing { binding, error } in wraps.missing {
            self.counters.missing_wraps.count();
            let message = format!("a wrap of binding {} is missing until a rewrap adds it: {error}", binding.name);
            self.log.warn("missing_wrap", message);
        }
        Ok(wrapped)
    }

    async fn wrap_by_binding<'a>(
        &self,
        target: Target<'a>,
        binder: &BindInput<'_>,
        share: &[u8; 32],
        wraps: &mut Wraps<'a>,
        task: &mut Task,
    ) -> Result<()> {
        let Target { binding, may_miss, .. } = target;
        let mut missing = 0;
        task.consent.asks_at(self.leases.now());
        for key in &binding.keys {
            // A key that may be missing must not use up the time of those that may not.
            let deadline = if may_miss > 0 { task.deadline_of_one(wraps.keys_left) } else { task.deadline };
            wraps.keys_left -= 1;
            let seen = Consent::look(key);
            let failure = match self.wrap_by_key(target, key, binder, share, deadline, task).await {
                Ok(wrap) => {
                    wraps.made.push(wrap);
                    task.consent.depends_on(key, seen, true);
                    continue;
                }
                Err(failure) => failure,
            };
            let may_be_missing = failure.is_unavailability() && missing < may_miss;
            let error = failure.into_error(key.kek.provider(), &key.name, "wrap");
            if !may_be_missing {
                return Err(error);
            }
            missing += 1;
            // It stands by: its refusal would have stopped the operation.
            task.consent.depends_on(key, seen, false);
            wraps.missing.push(Missing { binding, error });
        }
        Ok(())
    }

    fn wrap_managed<'a>(
        &self,
        managed: &'a ContextKeys,
        binder: &BindInput<'_>,
        index: u8,
        share: &[u8; 32],
        salt: &[u8; SALT_LENGTH],
        task: &mut Task,
    ) -> Result<WrapDraft<'a>> {
        let bind = binder.digest(index, MANAGED_BINDING, managed.ids());
        task.consent.ends_at(managed.fresh_until());
        self.counters.managed_wraps.count();
        task.trail.key_use(|| KeyUse::managed(Use::Wrap, managed.ids(), None));
        let blob = derived::wrap_salted(managed.chain_key(), salt, &bind, &wrap_plaintext(share, &bind))?;
        Ok(WrapDraft { binding_id: MANAGED_BINDING, key_ids: managed.ids(), blob: Blob::Managed(blob) })
    }

    async fn wrap_by_key<'a>(
        &self,
        target: Target<'a>,
        key: &'a CustomerKey,
        binder: &BindInput<'_>,
        share: &[u8; 32],
        deadline: Option<Instant>,
        task: &mut Task,
    ) -> Result<WrapDraft<'a>, KmsFailure> {
        let Target { binding, binding_id, index, .. } = target;
        let bind = binder.digest(index, binding_id, &key.id.0);
        let plaintext = wrap_plaintext(share, &bind);
        self.counters.kms_wraps.count();
        let request = WrapRequest { plaintext: &plaintext, bind: &bind, selector: &binding.selector_items, deadline };
        let reply = task.trail.customer_use(Use::Wrap, &binding.name, key, key.kek.wrap(request)).await?;
        Ok(WrapDraft { binding_id, key_ids: &key.id.0, blob: Blob::Customer(reply.value) })
    }
}
