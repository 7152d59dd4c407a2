//! The rules of `docs/matching.md`, in their order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use libvault_memory::ForkLocal;

use super::index::Hit;
use super::{Binding, Registry, State};
use crate::context::Context;
use crate::envelope::{MAX_COUNT, Policy};
use crate::error::{Error, ErrorCode, Result};

/// The options that matching depends on.
#[derive(Clone, Debug)]
pub(crate) struct MatchRules {
    /// Contexts without a customer's key use managed keys; otherwise they are refused.
    pub(crate) fallback: bool,
    pub(crate) strict_names: bool,
    pub(crate) required_names: Vec<String>,
    /// Names of items whose managed keys hold a share of customers' data.
    pub(crate) shred_items: Vec<String>,
}

/// What the matcher decided for an encryption.
pub(crate) enum Outcome {
    /// No customer's key matched, and falling back is allowed.
    Managed(ManagedUse),
    /// These customers' keys protect the data.
    Customer(CustomerMatch),
}

/// The permission to wrap under the managed keys of these items. Only the matcher makes one, so no error path can fall back by accident.
pub(crate) struct ManagedUse(Context);

impl ManagedUse {
    /// The items whose keys may be used, all together.
    pub(crate) fn items(&self) -> &Context {
        &self.0
    }
}

pub(crate) struct CustomerMatch {
    pub(crate) policy: Policy,
    /// Sorted by binding id.
    pub(crate) bindings: Vec<Arc<Binding>>,
    /// Under dual control the vendor's managed keys hold a share of their own; elsewhere those of the items to be shredded.
    pub(crate) managed: Option<ManagedUse>,
}

impl Outcome {
    /// The bindings whose keys protect the data; none under managed keys.
    pub(crate) fn bindings(&self) -> &[Arc<Binding>] {
        match self {
            Self::Managed(_) => &[],
            Self::Customer(matched) => &matched.bindings,
        }
    }

    pub(crate) fn policy(&self) -> Policy {
        match self {
            Self::Managed(_) => Policy::Managed,
            Self::Customer(matched) => matched.policy,
        }
    }

    /// The items whose managed keys hold a share.
    pub(crate) fn managed_items(&self) -> Option<&Context> {
        match self {
            Self::Managed(fallback) => Some(fallback.items()),
            Self::Customer(matched) => matched.managed.as_ref().map(ManagedUse::items),
        }
    }
}

impl Registry {
    /// Decides which keys protect new data.
    ///
    /// # Errors
    /// `InvalidContext`, `UnknownContextName`, `KeySuspended`, `KeyNotReady`, `NoMatchingKey`, `LimitExceeded`.
    pub(crate) fn decide(&self, context: &Context, warn: impl Fn(String)) -> Result<Outcome> {
        self.check_names(context, warn)?;
        let hits = self.live.find(context);
        self.refuse_suspended(&hits)?;
        let bindings = self.most_specific(&hits);
        if bindings.is_empty() {
            return self.fall_back(context).map(Outcome::Managed);
        }
        let policy = combined_policy(&bindings);
        let managed_items =
            if policy == Policy::DualControl { Some(context.clone()) } else { self.items_to_shred(context)? };
        let managed = managed_items.map(ManagedUse);
        check_limits(policy, &bindings, managed.is_some())?;
        Ok(Outcome::Customer(CustomerMatch { policy, bindings, managed }))
    }

    /// Refuses what a suspension stops, also for data under managed keys (R23), and what lacks the share of an enforced binding (R32).
    ///
    /// # Errors
    /// `KeySuspended`, `PolicyMismatch`.
    pub(crate) fn check_readable(&self, context: &Context, has_share: impl Fn(&Binding) -> bool) -> Result<()> {
        let hits = self.live.find(context);
        self.refuse_suspended(&hits)?;
        if !hits.iter().any(|hit| self.bindings[hit.binding].enforced) {
            return Ok(());
        }
        match self.most_specific(&hits).iter().find(|binding| binding.enforced && !has_share(binding)) {
            Some(binding) => {
                let message = format!("binding {} is enforced, and the bundle has no share of it (R32)", binding.name);
                Err(Error::new(ErrorCode::PolicyMismatch, message))
            }
            None => Ok(()),
        }
    }

    /// Refuses what a suspension stops.
    ///
    /// # Errors
    /// `KeySuspended`.
    pub(crate) fn check_not_suspended(&self, context: &Context) -> Result<()> {
        self.refuse_suspended(&self.live.find(context))
    }

    /// The items of the context whose managed keys hold a share of customers' data.
    pub(crate) fn items_to_shred(&self, context: &Context) -> Result<Option<Context>> {
        if self.rules.shred_items.is_empty() {
            return Ok(None);
        }
        context.subset(|_, name| self.rules.shred_items.iter().any(|item| item == name))
    }

    /// A kill switch holds whatever else matches, also where the same owner's narrower binding is active.
    fn refuse_suspended(&self, hits: &[Hit]) -> Result<()> {
        let bindings = hits.iter().map(|hit| &self.bindings[hit.binding]);
        match bindings.filter(|binding| binding.state == State::Suspended).min_by_key(|binding| binding.id) {
            Some(binding) => Err(suspended(binding)),
            None => Ok(()),
        }
    }

    /// The match: without the bindings that the same owner narrows down, sorted by binding id.
    fn most_specific(&self, hits: &[Hit]) -> Vec<Arc<Binding>> {
        let kept = hits.iter().filter(|hit| !self.is_narrowed_down(hit, hits));
        let mut bindings: Vec<_> = kept.map(|hit| Arc::clone(&self.bindings[hit.binding])).collect();
        bindings.sort_unstable_by_key(|binding| binding.id);
        bindings
    }

    fn is_narrowed_down(&self, hit: &Hit, hits: &[Hit]) -> bool {
        let owner = &self.bindings[hit.binding].owner;
        hits.iter().any(|other| {
            other.items != hit.items
                && other.items & hit.items == hit.items
                && self.bindings[other.binding].owner == *owner
        })
    }

    fn fall_back(&self, context: &Context) -> Result<ManagedUse> {
        if let Some(hit) = self.denying.find(context).first() {
            let message = format!("binding {} is pending: its setup is not complete", self.bindings[hit.binding].name);
            return Err(Error::new(ErrorCode::KeyNotReady, message));
        }
        if !self.rules.fallback {
            let message = "no customer key matches this context, and fallback is \"deny\"";
            return Err(Error::new(ErrorCode::NoMatchingKey, message));
        }
        Ok(ManagedUse(context.clone()))
    }

    fn check_names(&self, context: &Context, warn: impl Fn(String)) -> Result<()> {
        for name in &self.rules.required_names {
            if context.value(name).is_none() {
                let message = format!("the context lacks the required name {name:?}");
                return Err(Error::new(ErrorCode::InvalidContext, message).with_field(name));
            }
        }
        let Some((name, bound)) = self.bound_names.misspelt(context) else {
            return Ok(());
        };
        if self.rules.strict_names {
            let message = format!(
                "context name {name:?} is not bound, but {bound:?} is: it would silently miss the customer's key"
            );
            return Err(Error::new(ErrorCode::UnknownContextName, message).with_field(name));
        }
        if self.bound_names.first_sight(name) {
            warn(format!("context name {name:?} is not bound, but {bound:?} is: is it misspelt?"));
        }
        Ok(())
    }
}

pub(crate) fn suspended(binding: &Binding) -> Error {
    Error::new(ErrorCode::KeySuspended, format!("binding {} is suspended", binding.name))
}

fn combined_policy(bindings: &[Arc<Binding>]) -> Policy {
    if bindings.iter().all(|binding| binding.policy == Policy::AnyOf) {
        Policy::AnyOf
    } else if bindings.iter().any(|binding| binding.policy == Policy::DualControl) {
        Policy::DualControl
    } else {
        Policy::CustomerGated
    }
}

/// A bundle has to be able to hold what was decided.
fn check_limits(policy: Policy, bindings: &[Arc<Binding>], has_managed_share: bool) -> Result<()> {
    let (needed, what) = match policy {
        Policy::AnyOf => (bindings.iter().map(|binding| binding.keys.len()).sum(), "wraps of one share"),
        _ => (bindings.len() + usize::from(has_managed_share), "shares of a bundle"),
    };
    if needed > MAX_COUNT {
        let message =
            format!("the {} bindings that match this context need {needed} of the {MAX_COUNT} {what}", bindings.len());
        return Err(Error::new(ErrorCode::LimitExceeded, message));
    }
    Ok(())
}

/// The names that selectors of live bindings and `shred_items` use, and how they are told from misspelt ones.
pub(super) struct BoundNames {
    names: BTreeSet<String>,
    by_form: BTreeMap<String, BTreeSet<String>>,
    warned: ForkLocal<Mutex<BTreeSet<String>>>,
}

/// Warnings are given once per name, but names come from callers: beyond this many none is remembered or warned about.
const MAX_WARNED_NAMES: usize = 1_000;

impl BoundNames {
    pub(super) fn new<'a>(bindings: impl Iterator<Item = &'a Arc<Binding>>, shred_items: &'a [String]) -> Self {
        let mut names = BTreeSet::new();
        let mut by_form: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let selector_names = bindings.flat_map(|binding| &binding.selector_items).map(|(name, _)| name);
        for name in selector_names.chain(shred_items) {
            if names.insert(name.clone()) {
                by_form.entry(form(name)).or_default().insert(name.clone());
            }
        }
        Self { names, by_form, warned: ForkLocal::new() }
    }

    /// The first name of the context that is spelt differently from a bound name that the context lacks, and that bound name.
    fn misspelt<'a>(&'a self, context: &'a Context) -> Option<(&'a str, &'a str)> {
        if self.names.is_empty() {
            return None;
        }
        context.items().map(|(name, _)| name).filter(|name| !self.names.contains(*name)).find_map(|name| {
            let bound = self.by_form.get(&form(name))?.iter().find(|bound| context.value(bound).is_none())?;
            Some((name, bound.as_str()))
        })
    }

    fn first_sight(&self, name: &str) -> bool {
        let warned = self.warned.get_or_make(|_| Mutex::default());
        let mut warned = warned.lock().unwrap_or_else(PoisonError::into_inner);
        warned.len() < MAX_WARNED_NAMES && warned.insert(name.to_owned())
    }
}

/// ASCII letters in lower case, without underscores and hyphens.
fn form(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-')).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_warned_about_once_and_not_every_name_that_callers_make_up() {
        let names = BoundNames::new(std::iter::empty(), &[]);
        assert!(names.first_sight("organizationId"));
        assert!(!names.first_sight("organizationId"));
        let more = (0..MAX_WARNED_NAMES).filter(|number| names.first_sight(&number.to_string())).count();
        assert_eq!(more, MAX_WARNED_NAMES - 1);
        assert!(!names.first_sight("one too many"));
    }
}
