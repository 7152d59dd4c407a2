//! Reading the bytes: stage 1 of `docs/envelope.md` §7. Nothing is allocated, nothing is looked up; each error says the offset and the rule.

use super::layout::*;
use crate::context::{Context, MAX_CANONICAL_BYTES};
use crate::error::{Error, ErrorCode, Result};

/// An envelope cut into its parts.
#[derive(Debug)]
pub(crate) struct Envelope<'a> {
    pub(crate) prefix: &'a [u8; PREFIX_LENGTH],
    pub(crate) form: Form,
    pub(crate) bundle: Bundle<'a>,
    pub(crate) message_id: &'a [u8; MESSAGE_ID_LENGTH],
    pub(crate) frames: &'a [u8],
}

/// The key bundle: all shares and wraps of one data key.
#[derive(Debug)]
pub(crate) struct Bundle<'a> {
    pub(crate) decision: DecisionByte,
    pub(crate) commitment: &'a [u8; COMMITMENT_LENGTH],
    pub(crate) context: ContextPart<'a>,
    shares: [Option<Share<'a>>; MAX_COUNT],
    /// What the bundle MAC covers besides version and suite.
    pub(crate) authenticated: &'a [u8],
    pub(crate) mac: &'a [u8; BUNDLE_MAC_LENGTH],
}

/// How the bundle says which context it is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ContextPart<'a> {
    Tag(&'a [u8; CONTEXT_TAG_LENGTH]),
    Canonical(&'a [u8]),
}

/// One share: any of its wraps gives it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share<'a> {
    pub(crate) binding_id: Id,
    wrap_count: u8,
    wraps: &'a [u8],
}

/// A share, encrypted by one KEK (or under all managed KEKs it names).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wrap<'a> {
    key_ids: &'a [[u8; 16]],
    pub(crate) blob: &'a [u8],
}

/// What the first bytes of an envelope say.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it lives for one match, and parsing allocates nothing")]
pub(crate) enum Beginning<'a> {
    /// Everything before the payload is there; `frames` holds what has come of it, and its length is not judged yet.
    Whole(Envelope<'a>),
    /// No rule is broken so far; at least so many bytes are needed to tell more.
    Needs(usize),
}

impl<'a> Envelope<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self> {
        let envelope = Self::read(&mut Reader::new(bytes))?;
        super::payload::check_frames(envelope.form, envelope.frames, bytes.len() - envelope.frames.len())?;
        Ok(envelope)
    }

    /// As `parse`, for bytes that may go on: only the rules are applied whose bytes are there.
    pub(crate) fn parse_beginning(bytes: &'a [u8]) -> Result<Beginning<'a>> {
        let mut reader = Reader::new(bytes);
        match (Self::read(&mut reader), reader.needed) {
            (Err(_), Some(needed)) => Ok(Beginning::Needs(needed)),
            (result, _) => result.map(Beginning::Whole),
        }
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self> {
        let bytes = reader.bytes;
        reader.header(Purpose::Envelope)?;
        let form = Form::from_flags(reader.byte()?)?;
        let bundle = Bundle::parse(reader, Purpose::Envelope)?;
        let message_id = reader.array()?;
        let frames = reader.rest();
        let prefix = bytes.first_chunk().ok_or_else(|| Error::internal("the prefix was read before"))?;
        Ok(Self { prefix, form, bundle, message_id, frames })
    }
}

impl<'a> Bundle<'a> {
    /// A bare bundle, as `create_data_key` makes it.
    pub(crate) fn parse_bare(bytes: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(bytes);
        reader.header(Purpose::DataKey)?;
        let bundle = Self::parse(&mut reader, Purpose::DataKey)?;
        match reader.rest() {
            [] => Ok(bundle),
            rest => Err(malformed(bytes.len() - rest.len(), "bytes after the bundle", "R21")),
        }
    }

    fn parse(reader: &mut Reader<'a>, purpose: Purpose) -> Result<Self> {
        let start = reader.position;
        // The limit counts magic, version and suite, but not the flags of an envelope.
        let bundle_start = start - HEADER_LENGTH;
        let decision_at = reader.position;
        let decision = DecisionByte::from_byte(reader.byte()?)
            .ok_or_else(|| unsupported(decision_at, "a reserved bit of the decision is set", "R6"))?;
        if decision.purpose != purpose || (purpose == Purpose::DataKey && !decision.full_context) {
            return Err(malformed(decision_at, "purpose or context mode does not fit the magic", "R7"));
        }
        let share_count = reader.count("share count")?;
        let commitment = reader.array()?;
        let context = reader.context_part(decision.full_context)?;
        let mut shares = [None; MAX_COUNT];
        let mut previous = None;
        for slot in &mut shares[..share_count] {
            let share = reader.share(previous, bundle_start)?;
            previous = Some(share.binding_id);
            *slot = Some(share);
        }
        let authenticated = &reader.bytes[start..reader.position];
        if !shares_fit(decision.policy, &shares[..share_count]) {
            return Err(malformed(reader.position, "the shares do not fit the policy", "R18"));
        }
        let mac = reader.array()?;
        reader.check_bundle_length(bundle_start)?;
        Ok(Self { decision, commitment, context, shares, authenticated, mac })
    }

    pub(crate) fn shares(&self) -> impl Iterator<Item = &Share<'a>> {
        self.shares.iter().flatten()
    }

    pub(crate) fn share_count(&self) -> u8 {
        self.shares().count() as u8
    }
}

impl<'a> Share<'a> {
    pub(crate) fn is_managed(&self) -> bool {
        self.binding_id == MANAGED_BINDING
    }

    pub(crate) fn wraps(&self) -> impl Iterator<Item = Wrap<'a>> + use<'a> {
        let mut reader = Reader::new(self.wraps);
        // They were parsed once already, so none is lost to an error here.
        (0..self.wrap_count).map_while(move |_| reader.wrap_unchecked())
    }
}

impl<'a> Wrap<'a> {
    pub(crate) fn key_ids(&self) -> impl ExactSizeIterator<Item = Id> + use<'a> {
        self.key_ids.iter().map(|id| Id(*id))
    }

    pub(crate) fn key_id_bytes(&self) -> &'a [u8] {
        self.key_ids.as_flattened()
    }
}

fn shares_fit(policy: Policy, shares: &[Option<Share<'_>>]) -> bool {
    let managed = shares.iter().flatten().filter(|share| share.is_managed()).count();
    let any = shares.iter().flatten().filter(|share| share.binding_id == ANY_BINDING).count();
    let customer = shares.len() - managed - any;
    match policy {
        Policy::Managed => managed == 1 && any == 0 && customer == 0,
        Policy::CustomerGated => any == 0 && customer >= 1,
        Policy::DualControl => managed == 1 && any == 0 && customer >= 1,
        Policy::AnyOf => any == 1 && customer == 0,
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
    /// Set once the bytes ended inside a field: where that field ends.
    needed: Option<usize>,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0, needed: None }
    }

    fn header(&mut self, purpose: Purpose) -> Result<()> {
        if self.array::<3>()? != purpose.magic() {
            let what = match purpose {
                Purpose::Envelope => "these bytes are not a libvault envelope",
                Purpose::DataKey => "these bytes are not a libvault data-key bundle",
            };
            return Err(unsupported(0, what, "R2"));
        }
        if self.byte()? != VERSION {
            return Err(unsupported(3, "the format version is not known", "R3"));
        }
        if self.byte()? != SUITE {
            return Err(unsupported(4, "the algorithm suite is not known", "R4"));
        }
        Ok(())
    }

    fn context_part(&mut self, full: bool) -> Result<ContextPart<'a>> {
        if !full {
            return Ok(ContextPart::Tag(self.array()?));
        }
        let at = self.position;
        let length = self.length()?;
        if length > MAX_CANONICAL_BYTES {
            return Err(exceeded(at, "the stored context is longer than 8,192 bytes", "R10"));
        }
        let canonical = self.take(length)?;
        match Context::from_canonical(canonical) {
            Some(_) => Ok(ContextPart::Canonical(canonical)),
            None => Err(malformed(at, "the stored context is not in canonical form", "R11")),
        }
    }

    fn share(&mut self, previous: Option<Id>, bundle_start: usize) -> Result<Share<'a>> {
        let at = self.position;
        let binding_id = Id(*self.array()?);
        if previous.is_some_and(|previous| binding_id <= previous) {
            return Err(malformed(at, "binding ids are not in ascending order", "R17"));
        }
        let managed = binding_id == MANAGED_BINDING;
        let at = self.position;
        let wrap_count = self.count("wrap count")?;
        if managed && wrap_count != 1 {
            return Err(malformed(at, "a managed share has exactly one wrap", "R12"));
        }
        let start = self.position;
        for _ in 0..wrap_count {
            self.wrap(managed)?;
            self.check_bundle_length(bundle_start)?;
        }
        let wraps = &self.bytes[start..self.position];
        let share = Share { binding_id, wrap_count: wrap_count as u8, wraps };
        if !key_ids_are_distinct(&share) {
            return Err(malformed(start, "a key id stands twice in one share", "R16"));
        }
        Ok(share)
    }

    fn wrap(&mut self, managed: bool) -> Result<()> {
        let at = self.position;
        let key_count = self.count("key count")?;
        if !managed && key_count != 1 {
            return Err(malformed(at, "a customer key's wrap has exactly one key id", "R13"));
        }
        self.take(16 * key_count)?;
        let at = self.position;
        let blob_length = self.length()?;
        if blob_length > MAX_BLOB {
            return Err(exceeded(at, "a wrapped share is longer than 1,024 bytes", "R15"));
        }
        if blob_length == 0 || (managed && blob_length != MANAGED_BLOB) {
            return Err(malformed(at, "a wrapped share has an impossible length", "R14"));
        }
        self.take(blob_length).map(|_| ())
    }

    fn wrap_unchecked(&mut self) -> Option<Wrap<'a>> {
        let key_count = usize::from(self.byte().ok()?);
        let (key_ids, _) = self.take(16 * key_count).ok()?.as_chunks();
        let blob_length = self.length().ok()?;
        Some(Wrap { key_ids, blob: self.take(blob_length).ok()? })
    }

    fn count(&mut self, what: &str) -> Result<usize> {
        let at = self.position;
        match usize::from(self.byte()?) {
            0 => Err(malformed(at, format_args!("{what} is 0"), "R8")),
            count @ 1..=MAX_COUNT => Ok(count),
            _ => Err(exceeded(at, format_args!("{what} is above {MAX_COUNT}"), "R9")),
        }
    }

    fn check_bundle_length(&self, bundle_start: usize) -> Result<()> {
        if self.position - bundle_start > MAX_BUNDLE {
            return Err(exceeded(self.position, "the bundle is longer than 65,536 bytes", "R19"));
        }
        Ok(())
    }

    fn byte(&mut self) -> Result<u8> {
        self.array::<1>().map(|[byte]| *byte)
    }

    fn length(&mut self) -> Result<usize> {
        self.array().map(|bytes| usize::from(u16::from_be_bytes(*bytes)))
    }

    fn array<const N: usize>(&mut self) -> Result<&'a [u8; N]> {
        let array = self.bytes[self.position..].first_chunk().ok_or_else(|| self.truncated(N))?;
        self.position += N;
        Ok(array)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let taken = self.bytes[self.position..].get(..length).ok_or_else(|| self.truncated(length))?;
        self.position += length;
        Ok(taken)
    }

    fn rest(&mut self) -> &'a [u8] {
        let rest = &self.bytes[self.position..];
        self.position = self.bytes.len();
        rest
    }

    fn truncated(&mut self, length: usize) -> Error {
        self.needed = Some(self.position + length);
        malformed(
            self.bytes.len(),
            format_args!("the bytes end inside the field that starts at {}", self.position),
            "R1",
        )
    }
}

fn key_ids_are_distinct(share: &Share<'_>) -> bool {
    let mut seen = [MANAGED_BINDING; MAX_COUNT];
    for (count, id) in share.wraps().flat_map(|wrap| wrap.key_ids()).enumerate() {
        if seen[..count].contains(&id) {
            return false;
        }
        // One managed wrap names at most 10 keys, and at most 10 customer wraps name one each.
        seen[count] = id;
    }
    true
}

pub(super) fn malformed(at: impl std::fmt::Display, what: impl std::fmt::Display, rule: &str) -> Error {
    Error::new(ErrorCode::Malformed, format!("offset {at}: {what} ({rule})"))
}

fn unsupported(at: usize, what: &str, rule: &str) -> Error {
    Error::new(ErrorCode::UnsupportedFormat, format!("offset {at}: {what} ({rule})"))
}

fn exceeded(at: usize, what: impl std::fmt::Display, rule: &str) -> Error {
    Error::new(ErrorCode::LimitExceeded, format!("offset {at}: {what} ({rule})"))
}
