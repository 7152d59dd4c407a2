//! Opening what was protected: `decrypt` and `decrypt_data_key`, in the stages of `docs/envelope.md` §7.

use std::sync::Arc;

use super::seal::room_for;
use super::{Snapshot, StoreAccess};
use crate::audit::{KeyUse, Use};
use crate::call::{Attempt, Task};
use crate::context::Context;
use crate::envelope::{
    ANY_BINDING, BindInput, Bundle, ContextPart, Envelope, Id, MessageKeys, Policy, Share, combine_shares, context_tag,
    open_payload, payload_length, share_bound_to,
};
use crate::error::{Error, ErrorCode, Result};
use crate::kms::{UnwrapRequest, derived};
use crate::lease::Consent;
use crate::managed::Located;
use crate::registry::{Binding, CustomerKey, State, suspended};
use crate::secret::{Secret, constant_time_equal};
use crate::stream::DecryptorStart;

/// A bundle that passed stages 1 to 3: its context is the expected one and every key it names is known and allowed. No key was used yet.
pub(crate) struct Opening<'a> {
    pub(super) bundle: &'a Bundle<'a>,
    pub(super) context: &'a Context,
    pub(super) managed: Option<ManagedShare<'a>>,
    pub(super) shares: Vec<CustomerShare<'a>>,
}

pub(super) struct ManagedShare<'a> {
    pub(super) located: Located,
    blob: &'a [u8],
    bind: [u8; 32],
}

/// A share that any one of its wraps gives.
pub(super) struct CustomerShare<'a> {
    pub(super) wraps: Vec<CustomerWrap<'a>>,
}

pub(super) struct CustomerWrap<'a> {
    pub(super) binding: &'a Arc<Binding>,
    pub(super) key: &'a Arc<CustomerKey>,
    blob: &'a [u8],
    bind: [u8; 32],
}

impl Opening<'_> {
    pub(crate) fn needs_network(&self) -> bool {
        self.keys().any(|key| key.kek.needs_network())
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &Arc<CustomerKey>> {
        self.shares.iter().flat_map(|share| &share.wraps).map(|wrap| wrap.key)
    }
}

impl Snapshot {
    /// Stages 2 and 3: the context, and the keys that the bundle names.
    pub(crate) async fn examine<'a>(
        &'a self,
        bundle: &'a Bundle<'a>,
        context: &'a Context,
        access: StoreAccess,
    ) -> Result<Opening<'a>> {
        check_context(bundle, context)?;
        self.registry.check_readable(context, |binding| has_share_of(bundle, binding))?;
        let binder = BindInput {
            purpose: bundle.decision.purpose,
            policy: bundle.decision.policy,
            share_count: bundle.share_count(),
            commitment: bundle.commitment,
            context,
        };
        let (mut managed, mut shares) = (None, Vec::new());
        for (share, index) in bundle.shares().zip(0_u8..) {
            if share.is_managed() {
                managed = Some(self.locate_managed(share, index, &binder, access).await?);
            } else {
                shares.push(self.locate_customer(share, index, &binder)?);
            }
        }
        Ok(Opening { bundle, context, managed, shares })
    }

    /// Stage 4 up to the payload: every share, the data key, its commitment and the bundle MAC.
    pub(crate) async fn unwrap(&self, opening: &Opening<'_>, task: &mut Task) -> Result<(Secret<32>, MessageKeys)> {
        let mut shares = Vec::with_capacity(opening.shares.len() + 1);
        task.trail.data_key(opening.bundle.decision.policy, opening.bundle.commitment);
        if let Some(managed) = &opening.managed {
            shares.push(self.unwrap_managed(managed, task)?);
        }
        for share in &opening.shares {
            shares.push(self.unwrap_customer(share, opening.bundle.decision.policy == Policy::AnyOf, task).await?);
        }
        let bundle = opening.bundle;
        let data_key = combine_shares(shares.iter().map(|share| &**share));
        let keys = MessageKeys::derive(&data_key, opening.context, bundle.decision.purpose);
        if !keys.commits_to(bundle.commitment) {
            return Err(Error::unauthentic("R29"));
        }
        if !constant_time_equal(&keys.bundle_mac(bundle.authenticated), bundle.mac) {
            return Err(Error::unauthentic("R30"));
        }
        Ok((data_key, keys))
    }

    /// The payload of an envelope whose bundle was examined.
    pub(crate) async fn decrypt(
        &self,
        opening: &Opening<'_>,
        envelope: &Envelope<'_>,
        aad: Option<&[u8]>,
        task: &mut Task,
    ) -> Result<Vec<u8>> {
        let (_, keys) = self.unwrap(opening, task).await?;
        let mut output = vec![0; payload_length(envelope)];
        open_with(&keys, envelope, aad, &mut output)?;
        Ok(output)
    }

    async fn locate_managed<'a>(
        &self,
        share: &Share<'a>,
        index: u8,
        binder: &BindInput<'_>,
        access: StoreAccess,
    ) -> Result<ManagedShare<'a>> {
        let wrap = share.wraps().next().ok_or_else(|| Error::internal("a share without a wrap"))?;
        let all_items = matches!(binder.policy, Policy::Managed | Policy::DualControl);
        let cached = match self.managed.locate_cached(binder.context, wrap.key_ids()) {
            None if !all_items => {
                let shredded = self.registry.items_to_shred(binder.context)?;
                shredded.and_then(|items| self.managed.locate_cached(&items, wrap.key_ids()))
            }
            located => located,
        };
        let located = match cached {
            Some(located) => located,
            None => {
                let (context, ids) = (binder.context.clone(), wrap.key_ids());
                self.with_store(access, {
                    let ids: Vec<Id> = ids.collect();
                    move |managed| async move { managed.locate(&context, &ids, all_items).await }
                })
                .await?
            }
        };
        Ok(ManagedShare { located, blob: wrap.blob, bind: binder.digest(index, share.binding_id, wrap.key_id_bytes()) })
    }

    fn locate_customer<'a>(
        &'a self,
        share: &Share<'a>,
        index: u8,
        binder: &BindInput<'_>,
    ) -> Result<CustomerShare<'a>> {
        let is_any = share.binding_id == ANY_BINDING;
        // A share names one binding, which is judged once and before its keys; under `any_of` each key leads to its own.
        let named = match is_any {
            true => None,
            false => {
                Some(self.usable_binding(self.registry.binding(share.binding_id), share.binding_id, binder.context)?)
            }
        };
        let mut wraps = Vec::new();
        for wrap in share.wraps() {
            let key_id = wrap.key_ids().next().ok_or_else(|| Error::internal("a wrap without a key id"))?;
            let binding = match named {
                Some(binding) => binding,
                None => self.usable_binding(self.registry.binding_of_key(key_id), key_id, binder.context)?,
            };
            let key = binding.key(key_id).ok_or_else(|| unknown("key", key_id))?;
            let bind = binder.digest(index, share.binding_id, &key_id.0);
            wraps.push(CustomerWrap { binding, key, blob: wrap.blob, bind });
        }
        Ok(CustomerShare { wraps })
    }

    fn usable_binding<'a>(
        &'a self,
        binding: Option<&'a Arc<Binding>>,
        id: Id,
        context: &Context,
    ) -> Result<&'a Arc<Binding>> {
        let binding = binding.ok_or_else(|| unknown("binding", id))?;
        if !binding.selects(context) {
            let message = format!("binding {}, which the bundle names, does not protect this context", binding.name);
            return Err(Error::new(ErrorCode::PolicyMismatch, message));
        }
        match binding.state {
            State::Suspended => Err(suspended(binding)),
            State::Pending => {
                let message = format!("binding {}, which the bundle names, is pending", binding.name);
                Err(Error::new(ErrorCode::KeyNotReady, message))
            }
            State::Active | State::Retired => Ok(binding),
        }
    }

    fn unwrap_managed(&self, share: &ManagedShare<'_>, task: &mut Task) -> Result<Secret<32>> {
        let keys = self.managed.keys_of(&share.located)?;
        task.consent.ends_at(keys.fresh_until());
        self.counters.managed_unwraps.count();
        let opened = match derived::unwrap(keys.chain_key(), &share.bind, share.blob) {
            None => Err(Error::unauthentic("R27")),
            Some(plaintext) => share_bound_to(&*plaintext, &share.bind).ok_or_else(|| Error::unauthentic("R28")),
        };
        task.trail.key_use(|| KeyUse::managed(Use::Unwrap, &share.located.ids(), opened.as_ref().err()));
        opened
    }

    /// Tries the wraps in their order. Only a key that cannot be reached leads on to the next: a refusal by any key of a binding stops the
    /// operation, or disabling one of two keys would switch nothing off. `any_of` and `failover = "on_refusal"` opt out of that.
    async fn unwrap_customer(&self, share: &CustomerShare<'_>, any_of: bool, task: &mut Task) -> Result<Secret<32>> {
        let (mut unreachable, mut refused) = (None, None);
        let leads_on_refusal = |wrap: &CustomerWrap<'_>| any_of || wrap.binding.fail_over_on_refusal;
        let seen: Vec<_> = share.wraps.iter().map(|wrap| Consent::look(wrap.key)).collect();
        task.consent.asks_at(self.leases.now());
        for (index, wrap) in share.wraps.iter().enumerate() {
            self.counters.kms_unwraps.count();
            let request = UnwrapRequest {
                blob: wrap.blob,
                bind: &wrap.bind,
                selector: &wrap.binding.selector_items,
                deadline: task.deadline_of_one(share.wraps.len() - index),
            };
            let asked = wrap.key.kek.unwrap(request);
            let failure = match task.trail.customer_use(Use::Unwrap, &wrap.binding.name, wrap.key, asked).await {
                Ok(reply) => {
                    // A refusal by any key of the share stops its use, unless it would have led on to this one.
                    for (other, seen) in share.wraps.iter().zip(&seen) {
                        let agreed = Arc::ptr_eq(other.key, wrap.key);
                        if agreed || !leads_on_refusal(other) {
                            task.consent.depends_on(other.key, *seen, agreed);
                        }
                    }
                    return share_bound_to(&*reply.value, &wrap.bind).ok_or_else(|| Error::unauthentic("R28"));
                }
                Err(failure) => failure,
            };
            let is_unavailability = failure.is_unavailability();
            let leads_on = is_unavailability || (failure.is_refusal() && leads_on_refusal(wrap));
            let error = failure.into_error(wrap.key.kek.provider(), &wrap.key.name, "unwrap");
            if !leads_on {
                return Err(error);
            }
            if index + 1 < share.wraps.len() {
                self.counters.failovers.count();
                self.log.warn("failover", error.message());
            }
            let first = if is_unavailability { &mut unreachable } else { &mut refused };
            first.get_or_insert(error);
        }
        // What was not reached may be there at the next try, so it says more than a refusal.
        Err(unreachable.or(refused).unwrap_or_else(|| Error::internal("a share without a wrap")))
    }
}

impl Attempt<'_> {
    pub(crate) async fn decrypt(
        &mut self,
        envelope: &Envelope<'_>,
        context: &Context,
        aad: Option<&[u8]>,
    ) -> Result<Vec<u8>> {
        let snapshot = Arc::clone(&self.snapshot);
        let opening = snapshot.examine(&envelope.bundle, context, self.call.store_access()).await?;
        let key = self.opened_key(&opening, payload_length(envelope)).await?;
        let mut output = vec![0; payload_length(envelope)];
        open_with(key.keys(), envelope, aad, &mut output)?;
        Ok(output)
    }

    /// As `decrypt`, into the front of `output`; returns the payload's length.
    pub(crate) async fn decrypt_into(
        &mut self,
        envelope: &Envelope<'_>,
        context: &Context,
        aad: Option<&[u8]>,
        output: &mut [u8],
    ) -> Result<usize> {
        let snapshot = Arc::clone(&self.snapshot);
        let opening = snapshot.examine(&envelope.bundle, context, self.call.store_access()).await?;
        let output = room_for(output, payload_length(envelope))?;
        let key = self.opened_key(&opening, output.len()).await?;
        open_with(key.keys(), envelope, aad, output)?;
        Ok(output.len())
    }

    /// The key of the frames of an envelope, and the configuration under which it was given.
    pub(crate) async fn message_key(&mut self, envelope: &Envelope<'_>, context: &Context) -> Result<DecryptorStart> {
        let snapshot = Arc::clone(&self.snapshot);
        let opening = snapshot.examine(&envelope.bundle, context, self.call.store_access()).await?;
        let opened = self.opened_key(&opening, 0).await?;
        let key = opened.keys().message_key(envelope.prefix, envelope.message_id);
        let hold = self.hold(&opened);
        Ok(DecryptorStart { snapshot: Arc::clone(&snapshot), key, hold })
    }
}

/// Whether the bundle cannot be opened without the binding, or can be opened with it where that is the binding's own policy: a binding that
/// is to be asked every time is not satisfied by a share that others open without it.
fn has_share_of(bundle: &Bundle<'_>, binding: &Binding) -> bool {
    bundle.shares().any(|share| {
        share.binding_id == binding.id
            || (share.binding_id == ANY_BINDING
                && binding.policy == Policy::AnyOf
                && share.wraps().flat_map(|wrap| wrap.key_ids()).any(|id| binding.key(id).is_some()))
    })
}

/// Stage 2. Which context an envelope is for is no secret, but comparing in constant time costs nothing.
fn check_context(bundle: &Bundle<'_>, context: &Context) -> Result<()> {
    let same = match bundle.context {
        ContextPart::Tag(tag) => constant_time_equal(tag, &context_tag(bundle.commitment, context)),
        ContextPart::Canonical(canonical) => constant_time_equal(canonical, context.canonical()),
    };
    if same {
        return Ok(());
    }
    Err(Error::new(ErrorCode::ContextMismatch, "the data was encrypted for another key context (R22)"))
}

fn open_with(keys: &MessageKeys, envelope: &Envelope<'_>, aad: Option<&[u8]>, output: &mut [u8]) -> Result<()> {
    open_payload(&keys.message_key(envelope.prefix, envelope.message_id), aad, envelope, output)
}

fn unknown(what: &str, id: Id) -> Error {
    Error::new(ErrorCode::KeyNotFound, format!("{what} {id}, which the bundle names, is not registered"))
}
