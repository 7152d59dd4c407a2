//! What only one owner may name: addresses of keys, roles and their external ids.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::conflict;
use crate::error::Result;

/// Who claims what under one configuration, for as long as aliases may still turn out to be keys.
#[derive(Default)]
pub(crate) struct Owners(Mutex<HashMap<(&'static str, String), Claim>>);

struct Claim {
    owner: String,
    key: String,
}

impl Owners {
    /// Whether nobody but `owner` has claimed it.
    #[cfg_attr(not(feature = "aws"), allow(dead_code))]
    pub(crate) fn is_free_for(&self, owned: &(&'static str, String), owner: &str) -> bool {
        self.lock().get(owned).is_none_or(|claim| claim.owner == owner)
    }

    /// `owned` is what it is called in an error, and the thing itself.
    ///
    /// # Errors
    /// `Conflict` if it is another owner's.
    pub(crate) fn claim(&self, owned: (&'static str, String), owner: &str, key: &str) -> Result<()> {
        let what = owned.0;
        let mut claims = self.lock();
        let claim = claims.entry(owned).or_insert_with(|| Claim { owner: owner.to_owned(), key: key.to_owned() });
        if claim.owner == owner {
            return Ok(());
        }
        Err(conflict(format!("keys {} and {key} of two owners have the same {what}", claim.key)))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(&'static str, String), Claim>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    #[test]
    fn what_is_one_owners_no_other_may_name() {
        let owners = Owners::default();
        let role = || ("role_arn", "arn:aws:iam::111122223333:role/libvault".to_owned());
        owners.claim(role(), "org_123", "key_1").unwrap();
        owners.claim(role(), "org_123", "key_2").unwrap();
        assert!(owners.is_free_for(&role(), "org_123") && !owners.is_free_for(&role(), "org_456"));
        let error = owners.claim(role(), "org_456", "key_3").unwrap_err();
        assert_eq!(error.code(), ErrorCode::Conflict);
        assert_eq!(error.message(), "keys key_1 and key_3 of two owners have the same role_arn");
        // The same text as something else is something else.
        owners.claim(("external_id", role().1), "org_456", "key_3").unwrap();
    }
}
