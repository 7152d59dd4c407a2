//! The bytes of envelopes and bundles, as `docs/envelope.md` specifies them. Pure: no keys are fetched and no I/O is done here.

mod inspect;
mod keys;
mod layout;
mod parse;
mod payload;
mod write;

pub use inspect::{
    INSPECTED_BYTES, InspectedShare, InspectedWrap, Inspection, decrypted_length, inspect, inspect_start,
};
pub(crate) use keys::{BindInput, MessageKeys, combine_shares, context_tag, share_bound_to, wrap_plaintext};
pub use layout::Policy;
pub(crate) use layout::{
    ANY_BINDING, BUNDLE_MAC_LENGTH, COMMITMENT_LENGTH, CONTEXT_TAG_LENGTH, DecisionByte, Form, HEADER_LENGTH, Id,
    MANAGED_BINDING, MANAGED_BLOB, MAX_BLOB, MAX_BUNDLE, MAX_COUNT, MAX_FRAME_LOG, MESSAGE_ID_LENGTH, MIN_FRAME_LOG,
    PREFIX_LENGTH, Purpose, WRAP_PLAINTEXT, hexadecimal,
};
pub(crate) use parse::{Beginning, Bundle, ContextPart, Envelope, Share};
pub(crate) use payload::{
    FrameAad, FrameCipher, MAX_ONE_SHOT, check_last_frame, frame_length, open_payload, payload_length, seal_payload,
    sealed_length,
};
pub(crate) use write::{Blob, BundleDraft, WrapDraft, header, prefix};
