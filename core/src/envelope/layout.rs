//! The numbers of the format (`docs/envelope.md` §3).

use std::fmt;

pub(crate) use crate::aead::SUITE;
use crate::error::{Error, ErrorCode, Result};

pub(crate) const ENVELOPE_MAGIC: &[u8; 3] = b"LVE";
pub(crate) const BUNDLE_MAGIC: &[u8; 3] = b"LVK";
pub(crate) const VERSION: u8 = 1;
/// Magic, version and suite.
pub(crate) const HEADER_LENGTH: usize = 5;
/// The header and the flags of an envelope.
pub(crate) const PREFIX_LENGTH: usize = 6;
pub(crate) const COMMITMENT_LENGTH: usize = 32;
pub(crate) const CONTEXT_TAG_LENGTH: usize = 8;
pub(crate) const BUNDLE_MAC_LENGTH: usize = 16;
pub(crate) const MESSAGE_ID_LENGTH: usize = 16;
/// Most shares of a bundle, wraps of a share, and key ids of a wrap.
pub(crate) const MAX_COUNT: usize = 10;
pub(crate) const MAX_BLOB: usize = 1_024;
pub(crate) const MAX_BUNDLE: usize = 65_536;
/// A share and its bind digest.
pub(crate) const WRAP_PLAINTEXT: usize = 64;
/// salt(16) ‖ 64 bytes ‖ tag(16)
pub(crate) const MANAGED_BLOB: usize = 96;
pub(crate) const MIN_FRAME_LOG: u8 = 12;
pub(crate) const MAX_FRAME_LOG: u8 = 20;

/// The binding id of a managed share.
pub(crate) const MANAGED_BINDING: Id = Id([0; 16]);
/// The binding id of a share that any of the matched bindings opens.
pub(crate) const ANY_BINDING: Id = Id([0xff; 16]);

/// A binding or a key as a bundle names it: opaque, never an address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Id(pub(crate) [u8; 16]);

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hexadecimal(&self.0))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Ids and commitments, as people and the audit trail read them.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Which authorities have to agree before the data can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Policy {
    /// The vendor's managed keys: no customer key matched.
    Managed,
    /// Every matching customer; no managed key ever opens the data.
    CustomerGated,
    /// The vendor and every matching customer together.
    DualControl,
    /// Any one of the matching customers' keys.
    AnyOf,
}

impl Policy {
    /// The name in configurations and decisions, such as `customer_gated`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Managed => "managed",
            Self::CustomerGated => "customer_gated",
            Self::DualControl => "dual_control",
            Self::AnyOf => "any_of",
        }
    }

    pub(crate) fn bits(self) -> u8 {
        match self {
            Self::Managed => 0,
            Self::CustomerGated => 1,
            Self::DualControl => 2,
            Self::AnyOf => 3,
        }
    }
}

/// What a data key is for; bound into everything that is derived from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    Envelope,
    DataKey,
}

impl Purpose {
    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::Envelope => 0,
            Self::DataKey => 1,
        }
    }

    pub(crate) fn magic(self) -> &'static [u8; 3] {
        match self {
            Self::Envelope => ENVELOPE_MAGIC,
            Self::DataKey => BUNDLE_MAGIC,
        }
    }
}

/// The one-shot form, or frames of 2^k bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    OneShot,
    Framed { frame_log: u8 },
}

impl Form {
    pub(crate) fn flags(self) -> u8 {
        match self {
            Self::OneShot => 0,
            Self::Framed { frame_log } => 0x80 | frame_log,
        }
    }

    pub(crate) fn from_flags(flags: u8) -> Result<Self> {
        match (flags & 0x80 != 0, flags & 0x7f) {
            (false, 0) => Ok(Self::OneShot),
            (true, frame_log @ MIN_FRAME_LOG..=MAX_FRAME_LOG) => Ok(Self::Framed { frame_log }),
            _ => Err(Error::new(
                ErrorCode::UnsupportedFormat,
                format!("offset 5: flags {flags:#04x} are not known (R5)"),
            )),
        }
    }
}

/// The byte that says how the bundle protects its data key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DecisionByte {
    pub(crate) policy: Policy,
    /// A rewrap kept the data key while an authority was removed.
    pub(crate) moved: bool,
    pub(crate) purpose: Purpose,
    pub(crate) full_context: bool,
}

impl DecisionByte {
    pub(crate) fn byte(self) -> u8 {
        self.policy.bits() << 6
            | u8::from(self.moved) << 5
            | self.purpose.byte() << 4
            | u8::from(self.full_context) << 3
    }

    /// `None` if a reserved bit is set.
    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        let policy = match byte >> 6 {
            0 => Policy::Managed,
            1 => Policy::CustomerGated,
            2 => Policy::DualControl,
            _ => Policy::AnyOf,
        };
        let purpose = if byte & 0x10 == 0 { Purpose::Envelope } else { Purpose::DataKey };
        let decision = Self { policy, moved: byte & 0x20 != 0, purpose, full_context: byte & 0x08 != 0 };
        (byte & 0x07 == 0).then_some(decision)
    }
}
