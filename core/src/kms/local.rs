//! The provider `local`: a customer key in a key file, for development and on-premises use.

use std::sync::Arc;

use super::key_file::{BLOB_LENGTH, KeyFile};
use super::{BoxFuture, Kek, KmsFailure, KmsReply, UnwrapRequest, WrapRequest};
use crate::aead::Random;
use crate::envelope::WRAP_PLAINTEXT;
use crate::error::ErrorCode;
use crate::secret::Secret;

pub(crate) struct LocalKey {
    file: KeyFile,
    random: Arc<dyn Random>,
}

impl LocalKey {
    pub(crate) fn new(file: KeyFile, random: Arc<dyn Random>) -> Self {
        Self { file, random }
    }
}

impl Kek for LocalKey {
    fn provider(&self) -> &'static str {
        "local"
    }

    fn needs_network(&self) -> bool {
        false
    }

    fn blob_length_limit(&self) -> usize {
        BLOB_LENGTH
    }

    fn wrap<'a>(&'a self, request: WrapRequest<'a>) -> BoxFuture<'a, Result<KmsReply<Vec<u8>>, KmsFailure>> {
        Box::pin(async move {
            self.file
                .wrap(&*self.random, request.bind, request.plaintext)
                .map(|blob| KmsReply { value: blob.to_vec(), request_id: None })
                .map_err(|error| KmsFailure::new(ErrorCode::Internal, error.message()))
        })
    }

    fn unwrap<'a>(
        &'a self,
        request: UnwrapRequest<'a>,
    ) -> BoxFuture<'a, Result<KmsReply<Secret<WRAP_PLAINTEXT>>, KmsFailure>> {
        Box::pin(async move {
            let value = self.file.unwrap(request.bind, request.blob).ok_or_else(KmsFailure::unauthentic)?;
            Ok(KmsReply { value, request_id: None })
        })
    }
}
