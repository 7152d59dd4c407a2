//! What an envelope or a bundle says about itself. No keys are needed, and nothing said here is authenticated.

use serde::Serialize;

use super::layout::*;
use super::parse::{Beginning, Bundle, ContextPart, Envelope};
use super::payload::{payload_length, payload_length_of};
use crate::context::Context;
use crate::error::{Error, Result};

/// The readable parts of an envelope or of a data-key bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Inspection {
    /// `envelope` or `data_key`.
    pub purpose: &'static str,
    /// The format version.
    pub version: u8,
    /// The algorithm suite.
    pub suite: &'static str,
    /// `one_shot`, `framed`, or none for a bare bundle.
    pub form: Option<&'static str>,
    /// Bytes of a full frame of the framed form.
    pub frame_size: Option<usize>,
    /// `managed`, `customer_gated`, `dual_control` or `any_of`.
    pub policy: &'static str,
    /// A rewrap kept the data key while an authority was removed.
    pub moved: bool,
    /// The data key's stable id: 64 hexadecimal digits.
    pub data_key_id: String,
    /// The context, where it is stored in full, as name and value in order of the names.
    pub context: Option<Vec<(String, String)>>,
    /// Every share; all are needed.
    pub shares: Vec<InspectedShare>,
    /// Bytes of the decrypted payload; none for a bare bundle, or where the length of the envelope is not known.
    pub payload_length: Option<usize>,
}

/// One share of the data key; any one of its wraps gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct InspectedShare {
    /// `managed`, `any` or the binding's id: 32 hexadecimal digits.
    pub binding: String,
    /// Every wrap of the share.
    pub wraps: Vec<InspectedWrap>,
}

/// One wrap of a share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct InspectedWrap {
    /// The ids of the keys that this wrap needs: 32 hexadecimal digits each.
    pub key_ids: Vec<String>,
    /// Bytes of the wrapped share.
    pub length: usize,
}

impl Inspection {
    /// The same as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// `frames` is the length of all frames, where it is known.
    fn of_envelope(envelope: &Envelope<'_>, frames: Option<usize>) -> Self {
        let (form, frame_size) = match envelope.form {
            Form::OneShot => ("one_shot", None),
            Form::Framed { frame_log } => ("framed", Some(1 << frame_log)),
        };
        let payload_length = frames.map(|frames| payload_length_of(envelope.form, frames));
        Self { form: Some(form), frame_size, payload_length, ..Self::of_bundle(&envelope.bundle) }
    }

    fn of_bundle(bundle: &Bundle<'_>) -> Self {
        let context = match bundle.context {
            ContextPart::Tag(_) => None,
            ContextPart::Canonical(canonical) => Context::from_canonical(canonical)
                .map(|context| context.items().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()),
        };
        let shares = bundle.shares().map(|share| {
            let wraps = share.wraps().map(|wrap| InspectedWrap {
                key_ids: wrap.key_ids().map(|id| id.to_string()).collect(),
                length: wrap.blob.len(),
            });
            InspectedShare { binding: binding_name(share.binding_id), wraps: wraps.collect() }
        });
        Self {
            purpose: match bundle.decision.purpose {
                Purpose::Envelope => "envelope",
                Purpose::DataKey => "data_key",
            },
            version: VERSION,
            suite: "AES-256-GCM+HKDF-SHA-256",
            form: None,
            frame_size: None,
            policy: bundle.decision.policy.name(),
            moved: bundle.decision.moved,
            data_key_id: hexadecimal(bundle.commitment),
            context,
            shares: shares.collect(),
            payload_length: None,
        }
    }
}

/// As many bytes hold the header of every envelope: what [`inspect_start`] needs.
pub const INSPECTED_BYTES: usize = 80 * 1024;

/// Reads the format, the policy, the key ids and, where it is stored, the context.
///
/// # Errors
/// `Malformed`, `UnsupportedFormat` or `LimitExceeded`, with the offset and the rule of `docs/envelope.md` §7.
pub fn inspect(envelope_or_bundle: &[u8]) -> Result<Inspection> {
    if envelope_or_bundle.starts_with(BUNDLE_MAGIC) {
        return Bundle::parse_bare(envelope_or_bundle).map(|bundle| Inspection::of_bundle(&bundle));
    }
    let envelope = Envelope::parse(envelope_or_bundle)?;
    Ok(Inspection::of_envelope(&envelope, Some(envelope.frames.len())))
}

/// [`inspect`] of an envelope that is too long for memory: `start` is its first [`INSPECTED_BYTES`] or more, `length` its length where that is known.
/// What is missing or damaged behind `start` goes unnoticed.
///
/// # Errors
/// As [`inspect`].
pub fn inspect_start(start: &[u8], length: Option<u64>) -> Result<Inspection> {
    if start.starts_with(BUNDLE_MAGIC) {
        return inspect(start);
    }
    match Envelope::parse_beginning(start)? {
        Beginning::Needs(_) => inspect(start),
        Beginning::Whole(envelope) => {
            let unseen = length.map(|length| length.saturating_sub(start.len() as u64) as usize);
            Ok(Inspection::of_envelope(&envelope, unseen.map(|unseen| envelope.frames.len() + unseen)))
        }
    }
}

/// The exact length of the payload, read from the envelope's structure alone.
///
/// # Errors
/// As [`inspect`].
pub fn decrypted_length(envelope: &[u8]) -> Result<usize, Error> {
    Envelope::parse(envelope).map(|envelope| payload_length(&envelope))
}

fn binding_name(id: Id) -> String {
    match id {
        MANAGED_BINDING => "managed".to_owned(),
        ANY_BINDING => "any".to_owned(),
        id => id.to_string(),
    }
}
