//! Bindings, and the rules by which a key context finds its keys (`docs/matching.md`). No I/O.

use std::collections::HashMap;
use std::sync::Arc;

mod binding;
mod decision;
mod index;
mod matcher;
#[cfg(test)]
mod oracle;
mod owners;

#[cfg(feature = "aws")]
pub(crate) use binding::owned_id;
pub(crate) use binding::{Binding, CustomerKey, State, binding_id, key_id};
pub use decision::{Decision, MatchedBinding};
pub(crate) use matcher::{ManagedUse, MatchRules, Outcome, suspended};
pub(crate) use owners::Owners;

use crate::envelope::{Id, MAX_COUNT};
use crate::error::{Error, ErrorCode, Result};
use index::SelectorIndex;
use matcher::BoundNames;

/// All bindings of a configuration. Immutable: a change makes a new registry.
pub(crate) struct Registry {
    bindings: Vec<Arc<Binding>>,
    by_id: HashMap<Id, usize>,
    by_key_id: HashMap<Id, usize>,
    /// Bindings that take part in matching: active and suspended.
    live: SelectorIndex,
    /// Pending bindings that deny managed keys meanwhile.
    denying: SelectorIndex,
    bound_names: BoundNames,
    rules: MatchRules,
}

impl Registry {
    /// `owners` learns what the keys claim.
    ///
    /// # Errors
    /// `Conflict` where two bindings contradict each other.
    pub(crate) fn new(bindings: Vec<Binding>, rules: MatchRules, owners: &Owners) -> Result<Self> {
        let bindings: Vec<Arc<Binding>> = bindings.into_iter().map(Arc::new).collect();
        let (by_id, by_key_id) = index_ids(&bindings)?;
        check_selectors(&bindings)?;
        check_addresses(&bindings, owners)?;
        let select = |wanted: fn(&Binding) -> bool| {
            SelectorIndex::new(bindings.iter().enumerate().filter(|(_, b)| wanted(b)).map(|(i, b)| (i, &b.selector)))
        };
        let live = select(Binding::is_live);
        let denying = select(|binding| binding.state == State::Pending && binding.deny_while_pending);
        let bound_names = BoundNames::new(bindings.iter().filter(|binding| binding.is_live()), &rules.shred_items);
        Ok(Self { by_id, by_key_id, live, denying, bound_names, rules, bindings })
    }

    /// A binding by the id that bundles carry.
    pub(crate) fn binding(&self, id: Id) -> Option<&Arc<Binding>> {
        self.by_id.get(&id).map(|index| &self.bindings[*index])
    }

    /// The binding that a key belongs to: every key belongs to one.
    pub(crate) fn binding_of_key(&self, key_id: Id) -> Option<&Arc<Binding>> {
        self.by_key_id.get(&key_id).map(|index| &self.bindings[*index])
    }

    /// A customer's key by the id that bundles carry.
    pub(crate) fn key(&self, id: Id) -> Option<&Arc<CustomerKey>> {
        self.binding_of_key(id)?.key(id)
    }

    pub(crate) fn bindings(&self) -> impl Iterator<Item = &Arc<Binding>> {
        self.bindings.iter()
    }
}

type IdIndex = HashMap<Id, usize>;

fn index_ids(bindings: &[Arc<Binding>]) -> Result<(IdIndex, IdIndex)> {
    let (mut by_id, mut by_key_id) = (HashMap::with_capacity(bindings.len()), HashMap::new());
    for (index, binding) in bindings.iter().enumerate() {
        if by_id.insert(binding.id, index).is_some() {
            return Err(conflict(format!("two bindings have the id {}", binding.name)));
        }
        for key in &binding.keys {
            if by_key_id.insert(key.id, index).is_some() {
                return Err(conflict(format!("two keys have the id {}", key.name)));
            }
        }
    }
    Ok((by_id, by_key_id))
}

fn check_selectors(bindings: &[Arc<Binding>]) -> Result<()> {
    let mut by_selector: HashMap<&[u8], Vec<&Binding>> = HashMap::new();
    for binding in bindings.iter().filter(|binding| binding.state != State::Retired) {
        let others = by_selector.entry(binding.selector.canonical()).or_default();
        if others.len() >= MAX_COUNT {
            let message = format!(
                "more than {MAX_COUNT} bindings share the selector of {}: no bundle could hold them",
                binding.name
            );
            return Err(Error::new(ErrorCode::LimitExceeded, message));
        }
        for other in &*others {
            let (name, other_name) = (&binding.name, &other.name);
            if binding.owner == other.owner {
                let message = format!("bindings {other_name} and {name} of one owner have the same selector");
                return Err(conflict(message));
            }
            if !(binding.shared && other.shared) {
                let message = format!(
                    "bindings {other_name} and {name} of two owners have the same selector and are not both shared"
                );
                return Err(conflict(message));
            }
        }
        others.push(binding);
    }
    Ok(())
}

/// One key address, or one role, belongs to one owner: else one customer could name another's as his own.
fn check_addresses(bindings: &[Arc<Binding>], owners: &Owners) -> Result<()> {
    for binding in bindings {
        for key in &binding.keys {
            for owned in &key.owned {
                owners.claim(owned.clone(), &binding.owner, &key.name)?;
            }
        }
    }
    Ok(())
}

fn conflict(message: String) -> Error {
    Error::new(ErrorCode::Conflict, message)
}
