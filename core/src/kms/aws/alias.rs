//! Aliases: names that a customer can give to another key at any time. The first use of one settles which key it means, and that is remembered for
//! good, so that nobody moves a customer's data to another key by moving a name (`docs/decisions/0015-aliases-are-settled-once.md`).

use std::sync::{Arc, OnceLock};

use super::arn::{AliasArn, KeyArn};
use crate::error::{ErrorCode, Result as SettledResult};
use crate::kms::KmsFailure;

/// Who remembers which key an alias was settled on.
pub(crate) trait AliasPin: Send + Sync {
    /// Remembers the key's ARN under the id that the configuration gives the key. `owned` is what is one owner's alone. It waits on its thread.
    ///
    /// # Errors
    /// `Conflict` if another ARN is remembered, or if the key is another owner's; `StoreUnavailable`.
    fn pin(&self, arn: &str, owned: String) -> SettledResult<()>;
}

pub(super) struct Alias {
    arn: AliasArn,
    pin: Arc<dyn AliasPin>,
    key: OnceLock<KeyArn>,
}

impl Alias {
    pub(super) fn new(arn: AliasArn, pin: Arc<dyn AliasPin>) -> Self {
        Self { arn, pin, key: OnceLock::new() }
    }

    pub(super) fn as_str(&self) -> &str {
        self.arn.as_str()
    }

    /// The key, once it is settled.
    pub(super) fn settled(&self) -> Option<&KeyArn> {
        self.key.get()
    }

    /// Settles the alias on what the KMS answered, unless it was settled on another key before.
    ///
    /// # Errors
    /// `AuthenticationFailed` for an answer that no alias can have, and those of the pin.
    pub(super) async fn settle(&self, answered: Option<&str>) -> Result<&KeyArn, KmsFailure> {
        let nameless = || KmsFailure::new(ErrorCode::KmsUnavailable, "the KMS's answer names no key");
        let key = self.arn.target(answered.ok_or_else(nameless)?).ok_or_else(KmsFailure::unauthentic)?;
        let (pin, arn, owned) = (Arc::clone(&self.pin), key.as_str().to_owned(), key.owned());
        let pinned = tokio::task::spawn_blocking(move || pin.pin(&arn, owned)).await;
        let pinned = pinned.unwrap_or_else(|_| Err(crate::error::Error::internal("an alias could not be settled")));
        pinned.map_err(|error| KmsFailure::new(error.code(), error.message()))?;
        Ok(self.key.get_or_init(|| key))
    }
}

/// What `DescribeKey` failed with.
pub(super) fn failure(failure: KmsFailure) -> KmsFailure {
    let hint = match failure.code {
        ErrorCode::AccessDenied => {
            ": an alias needs the permission kms:DescribeKey on its key, or give the key's ARN instead"
        }
        ErrorCode::KeyNotFound => ": there is no such alias",
        _ => "",
    };
    KmsFailure { message: format!("the key of the alias could not be looked up: {}{hint}", failure.message), ..failure }
}
