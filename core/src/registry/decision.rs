//! What matching says, for people and logs.

use serde::Serialize;

use super::matcher::Outcome;
use crate::envelope::Policy;

/// Which keys protect a context.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decision {
    /// How the keys work together; `Managed` if no customer's key matched.
    pub policy: Policy,
    /// The matching bindings, sorted by binding id, as their shares stand in a bundle.
    pub bindings: Vec<MatchedBinding>,
}

/// A binding that matched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MatchedBinding {
    /// The binding's id.
    pub id: String,
    /// Whose it is.
    pub owner: String,
    /// Its keys: each wraps, any one unwraps.
    pub key_ids: Vec<String>,
}

impl Decision {
    /// `{"policy": "customer_gated", "bindings": [{"id": …, "owner": …, "key_ids": […]}]}`
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Shape<'a> {
            policy: &'static str,
            bindings: &'a [MatchedBinding],
        }
        serde_json::to_string(&Shape { policy: self.policy.name(), bindings: &self.bindings }).unwrap_or_default()
    }
}

impl From<&Outcome> for Decision {
    fn from(outcome: &Outcome) -> Self {
        let bindings = outcome.bindings().iter().map(|binding| MatchedBinding {
            id: binding.name.clone(),
            owner: binding.owner.clone(),
            key_ids: binding.keys.iter().map(|key| key.name.clone()).collect(),
        });
        Self { policy: outcome.policy(), bindings: bindings.collect() }
    }
}
