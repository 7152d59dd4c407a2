//! A binding: which customer keys protect the contexts that a selector is contained in.

use std::fmt;
use std::sync::Arc;

use crate::aead::sha256;
use crate::context::Context;
use crate::envelope::{Id, Policy};
use crate::kms::Kek;

pub(crate) struct Binding {
    /// The id as the configuration has it.
    pub(crate) name: String,
    pub(crate) id: Id,
    pub(crate) owner: String,
    pub(crate) selector: Context,
    /// The selector's items, as an AWS encryption context carries them.
    pub(crate) selector_items: Vec<(String, String)>,
    pub(crate) state: State,
    /// Never `Managed`.
    pub(crate) policy: Policy,
    /// Refuse instead of using managed keys while the binding is pending.
    pub(crate) deny_while_pending: bool,
    pub(crate) shared: bool,
    /// How many keys have to wrap at encryption; the others may be missing while they cannot be reached.
    pub(crate) min_wraps: usize,
    /// At decryption, a refusal by one key leads on to the next.
    pub(crate) fail_over_on_refusal: bool,
    /// Decryption refuses what has no share of this binding.
    pub(crate) enforced: bool,
    pub(crate) keys: Vec<Arc<CustomerKey>>,
}

/// What a binding does depends on its state (`docs/matching.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Pending,
    Active,
    Suspended,
    Retired,
}

/// A customer's key in a binding.
pub(crate) struct CustomerKey {
    /// The id as the configuration has it.
    pub(crate) name: String,
    pub(crate) id: Id,
    /// Where the key is; never in a ciphertext, never taken from one.
    pub(crate) address: String,
    /// The address is a name that stands for a key, which is settled at the first use.
    pub(crate) is_alias: bool,
    /// What only one owner may name: the address and the like, and what each is called.
    pub(crate) owned: Vec<(&'static str, String)>,
    pub(crate) kek: Box<dyn Kek>,
}

impl Binding {
    /// Whether the binding takes part in matching.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.state, State::Active | State::Suspended)
    }

    /// Whether every item of the selector is in `context`.
    pub(crate) fn selects(&self, context: &Context) -> bool {
        self.selector.is_contained_in(context)
    }

    pub(crate) fn key(&self, id: Id) -> Option<&Arc<CustomerKey>> {
        self.keys.iter().find(|key| key.id == id)
    }
}

impl fmt::Debug for CustomerKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CustomerKey").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The 16 bytes by which bundles name a binding.
pub(crate) fn binding_id(name: &str) -> Id {
    short_digest(b"libvault/v1/binding", name)
}

/// The 16 bytes by which bundles name a customer's key.
pub(crate) fn key_id(name: &str) -> Id {
    short_digest(b"libvault/v1/key", name)
}

/// Where the store remembers who has a key that an alias stands for, beside the addresses of keys.
#[cfg(feature = "aws")]
pub(crate) fn owned_id(address: &str) -> Id {
    short_digest(b"libvault/v1/owned", address)
}

fn short_digest(label: &[u8], name: &str) -> Id {
    let mut id = Id([0; 16]);
    id.0.copy_from_slice(&sha256(&[label, name.as_bytes()])[..16]);
    id
}
