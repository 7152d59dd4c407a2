//! A key in a region that the configuration does not allow. It is known, so that data under it is not taken for unknown, and never called.

use super::{BoxFuture, Kek, KmsFailure, KmsReply, UnwrapRequest, WrapRequest};
use crate::envelope::{MAX_BLOB, WRAP_PLAINTEXT};
use crate::error::ErrorCode;
use crate::secret::Secret;

pub(crate) struct OutOfRegion {
    provider: &'static str,
    region: String,
}

impl OutOfRegion {
    pub(crate) fn new(provider: &'static str, region: String) -> Self {
        Self { provider, region }
    }

    fn refuse<T>(&self) -> BoxFuture<'_, Result<T, KmsFailure>> {
        let message = format!("the key is in region {}, which allowed_regions does not name", self.region);
        Box::pin(async { Err(KmsFailure::new(ErrorCode::RegionNotAllowed, message)) })
    }
}

impl Kek for OutOfRegion {
    fn provider(&self) -> &'static str {
        self.provider
    }

    fn needs_network(&self) -> bool {
        false
    }

    fn blob_length_limit(&self) -> usize {
        MAX_BLOB
    }

    fn wrap<'a>(&'a self, _request: WrapRequest<'a>) -> BoxFuture<'a, Result<KmsReply<Vec<u8>>, KmsFailure>> {
        self.refuse()
    }

    fn unwrap<'a>(
        &'a self,
        _request: UnwrapRequest<'a>,
    ) -> BoxFuture<'a, Result<KmsReply<Secret<WRAP_PLAINTEXT>>, KmsFailure>> {
        self.refuse()
    }
}
