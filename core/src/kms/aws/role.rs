//! Roles in customers' accounts that the vendor takes on for one of their keys, by the identifier that the customer's trust policy asks for (P10).
//!
//! Sources: IAM user guide, "Access to AWS accounts owned by third parties" for the external id; STS API reference, `AssumeRole`.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_kms::config::Credentials;
use aws_sdk_sts::operation::RequestId as _;

use super::arn::RoleArn;
use super::failure;
use crate::clock::Clock;
use crate::error::ErrorCode;
use crate::kms::tokens::{Token, Tokens};
use crate::kms::{KmsFailure, attempts, bounded};

/// The shortest session that STS gives. Who takes the role away from the vendor waits for its end at most; who refuses the key itself does not wait.
const SESSION: Duration = Duration::from_secs(900);
/// What the customer sees in its CloudTrail.
const SESSION_NAME: &str = "libvault";
/// A refusal under an older session may be the session's fault; under a newer one it is not, and STS is not to be asked for every refused call.
const DOUBTFUL_AGE: Duration = Duration::from_secs(60);

/// A role, and the external id by which it is assumed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AssumedRole {
    pub(crate) arn: RoleArn,
    pub(crate) external_id: ExternalId,
}

/// Made by the vendor and different for every owner, so that one customer cannot have the vendor use another's role. It is no secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ExternalId(String);

impl ExternalId {
    /// # Errors
    /// What is wrong, for the error message.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&byte);
        if !(2..=1224).contains(&text.len()) || !text.bytes().all(is_plain) {
            return Err("is not 2 to 1224 of A-Z a-z 0-9 _ + = , . @ : / -".to_owned());
        }
        Ok(Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The sessions of all roles of a vault: one for each role and STS endpoint, renewed before it ends.
pub(super) struct Sessions(Tokens<(AssumedRole, String), Credentials>);

impl Sessions {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self(Tokens::new(clock))
    }

    /// Credentials of the role, from STS at `endpoint` if there are none yet.
    pub(super) async fn credentials(
        &self,
        role: &AssumedRole,
        endpoint: &str,
        sts: aws_sdk_sts::Client,
    ) -> Result<Credentials, KmsFailure> {
        let slot = (role.clone(), endpoint.to_owned());
        let (session, _) = self.0.get(slot, || assume(sts, role)).await?;
        Ok(Credentials::clone(&session.value))
    }

    /// The KMS refused what was asked under a session of the role.
    pub(super) fn doubt(&self, role: &AssumedRole, endpoint: &str) {
        self.0.forget_older(&(role.clone(), endpoint.to_owned()), DOUBTFUL_AGE);
    }

    pub(super) fn clear(&self) {
        self.0.clear();
    }
}

async fn assume(sts: aws_sdk_sts::Client, role: &AssumedRole) -> Result<Token<Credentials>, KmsFailure> {
    let call = sts
        .assume_role()
        .role_arn(role.arn.as_str())
        .role_session_name(SESSION_NAME)
        .external_id(role.external_id.as_str())
        .duration_seconds(i32::try_from(SESSION.as_secs()).unwrap_or(i32::MAX));
    let reply = attempts::apart(async move { call.send().await.map_err(|error| failure::from_sdk(&error, "STS")) });
    let reply = reply.await.map_err(|failure| KmsFailure {
        message: format!("the role of the key could not be assumed: {}", failure.message),
        ..failure
    })?;
    let request_id = reply.request_id().map(bounded);
    let Some(session) = reply.credentials else {
        let message = "the role of the key could not be assumed: STS answered without credentials";
        return Err(KmsFailure { request_id, ..KmsFailure::new(ErrorCode::KmsUnavailable, message) });
    };
    let credentials = Credentials::new(
        session.access_key_id,
        session.secret_access_key,
        Some(session.session_token),
        None,
        SESSION_NAME,
    );
    Ok(Token { value: credentials, life: SESSION })
}
