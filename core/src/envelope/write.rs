//! Writing the bytes of a bundle (`docs/envelope.md` §8).

use super::keys::{MessageKeys, context_tag};
use super::layout::*;
use crate::context::Context;
use crate::error::{Error, Result};

/// Everything a bundle is made of once its shares are wrapped.
pub(crate) struct BundleDraft<'a> {
    pub(crate) decision: DecisionByte,
    pub(crate) commitment: &'a [u8; COMMITMENT_LENGTH],
    pub(crate) context: &'a Context,
    /// In the order of the shares; wraps of one share stand together and have one binding id.
    pub(crate) wraps: &'a [WrapDraft<'a>],
}

/// One wrapped share.
pub(crate) struct WrapDraft<'a> {
    pub(crate) binding_id: Id,
    /// The concatenated ids.
    pub(crate) key_ids: &'a [u8],
    pub(crate) blob: Blob,
}

/// A managed wrap has a fixed size and needs no allocation.
pub(crate) enum Blob {
    Managed([u8; MANAGED_BLOB]),
    Customer(Vec<u8>),
}

impl Blob {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Managed(bytes) => bytes,
            Self::Customer(bytes) => bytes,
        }
    }
}

impl BundleDraft<'_> {
    /// Bytes of the body, the bundle MAC included.
    pub(crate) fn body_length(&self) -> usize {
        let shares = self.shares().count();
        let wraps: usize = self.wraps.iter().map(|wrap| 3 + wrap.key_ids.len() + wrap.blob.bytes().len()).sum();
        2 + COMMITMENT_LENGTH + self.context_length() + 17 * shares + wraps + BUNDLE_MAC_LENGTH
    }

    /// Writes the body to the front of `output` and returns its length.
    pub(crate) fn write_body(&self, keys: &MessageKeys, output: &mut [u8]) -> Result<usize> {
        let mut writer = Writer { output, position: 0 };
        writer.put(&[self.decision.byte(), self.shares().count() as u8])?;
        writer.put(self.commitment)?;
        if self.decision.full_context {
            writer.put_with_length(self.context.canonical())?;
        } else {
            writer.put(&context_tag(self.commitment, self.context))?;
        }
        for share in self.shares() {
            writer.put(&share[0].binding_id.0)?;
            writer.put(&[share.len() as u8])?;
            for wrap in share {
                writer.put(&[(wrap.key_ids.len() / 16) as u8])?;
                writer.put(wrap.key_ids)?;
                writer.put_with_length(wrap.blob.bytes())?;
            }
        }
        let mac = keys.bundle_mac(&writer.output[..writer.position]);
        writer.put(&mac)?;
        Ok(writer.position)
    }

    fn shares(&self) -> impl Iterator<Item = &[WrapDraft<'_>]> {
        self.wraps.chunk_by(|wrap, next| wrap.binding_id == next.binding_id)
    }

    fn context_length(&self) -> usize {
        if self.decision.full_context { 2 + self.context.canonical().len() } else { CONTEXT_TAG_LENGTH }
    }
}

/// Magic, version and suite; for an envelope the flags follow.
pub(crate) fn header(purpose: Purpose) -> [u8; HEADER_LENGTH] {
    let magic = purpose.magic();
    [magic[0], magic[1], magic[2], VERSION, SUITE]
}

/// The first bytes of an envelope.
pub(crate) fn prefix(form: Form) -> [u8; PREFIX_LENGTH] {
    let mut prefix = [0; PREFIX_LENGTH];
    prefix[..HEADER_LENGTH].copy_from_slice(&header(Purpose::Envelope));
    prefix[HEADER_LENGTH] = form.flags();
    prefix
}

struct Writer<'a> {
    output: &'a mut [u8],
    position: usize,
}

impl Writer<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        let end = self.position + bytes.len();
        let room = self.output.get_mut(self.position..end);
        room.ok_or_else(|| Error::internal("a bundle is longer than was computed"))?.copy_from_slice(bytes);
        self.position = end;
        Ok(())
    }

    fn put_with_length(&mut self, bytes: &[u8]) -> Result<()> {
        let length = u16::try_from(bytes.len()).map_err(|_| Error::internal("a field is longer than 2^16 bytes"))?;
        self.put(&length.to_be_bytes())?;
        self.put(bytes)
    }
}
