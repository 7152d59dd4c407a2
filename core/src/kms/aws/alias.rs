//! Aliases: names that a customer can give to another key at any time. The first use of one settles which key it means, and that is remembered for
//! good, so that nobody moves a customer's data to another key by moving a name (`docs/decisions/0015-aliases-are-settled-once.md`).

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::arn::{AliasArn, KeyArn};
use crate::clock::Clock;
use crate::error::{ErrorCode, Result as SettledResult};
use crate::fork::undivided;
use crate::kms::KmsFailure;
use crate::kms::tokens::{Token, Tokens};

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
    /// Of those who find it unsettled one asks; the others hear what became of it.
    settling: Tokens<(), ()>,
}

/// The result of settling is kept in the alias itself; this only has to outlive those who wait.
const SHARED: Duration = Duration::from_secs(3_600);

impl Alias {
    pub(super) fn new(arn: AliasArn, pin: Arc<dyn AliasPin>, clock: Arc<dyn Clock>) -> Self {
        Self { arn, pin, key: OnceLock::new(), settling: Tokens::new(clock) }
    }

    pub(super) fn as_str(&self) -> &str {
        self.arn.as_str()
    }

    /// The key, which `ask` is asked for if that is not settled yet: what the KMS answers.
    ///
    /// # Errors
    /// Those of `ask`, `AuthenticationFailed` for an answer that no alias can have, and those of the pin.
    pub(super) async fn key<F>(&self, ask: impl FnOnce() -> F) -> Result<&KeyArn, KmsFailure>
    where
        F: Future<Output = Result<Option<String>, KmsFailure>>,
    {
        if let Some(key) = self.key.get() {
            return Ok(key);
        }
        let settle = async || {
            self.settle(ask().await?.as_deref()).await?;
            Ok(Token { value: (), life: SHARED })
        };
        self.settling.get((), settle).await?;
        self.key.get().ok_or_else(|| KmsFailure::new(ErrorCode::Internal, "an alias was settled and is not"))
    }

    /// Settles the alias on what the KMS answered, unless it was settled on another key before.
    async fn settle(&self, answered: Option<&str>) -> Result<(), KmsFailure> {
        let nameless = || KmsFailure::new(ErrorCode::KmsUnavailable, "the KMS's answer names no key");
        let key = self.arn.target(answered.ok_or_else(nameless)?).ok_or_else(KmsFailure::unauthentic)?;
        let (pin, arn, owned) = (Arc::clone(&self.pin), key.as_str().to_owned(), key.owned());
        let pinned = tokio::task::spawn_blocking(move || pin.pin(&arn, owned)).await;
        let pinned = pinned.unwrap_or_else(|_| Err(crate::error::Error::internal("an alias could not be settled")));
        pinned.map_err(|error| KmsFailure::new(error.code(), error.message()))?;
        let _undivided = undivided();
        self.key.get_or_init(|| key);
        Ok(())
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
