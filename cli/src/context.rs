//! The key context, from the command line and from a JSON file.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;
use libvault::{Context, ErrorCode};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use crate::input;
use crate::report::Failure;

/// A canonical context has at most 8,192 bytes; JSON escapes make six bytes of one.
const LONGEST_JSON: u64 = 64 * 1024;

#[derive(Args, Debug)]
#[group(required = true, multiple = true)]
pub(crate) struct ContextArguments {
    /// An item of the key context, split at the first `=`; may be given up to 10 times
    #[arg(long, value_name = "NAME=VALUE")]
    context: Vec<OsString>,
    /// A file with a JSON object of further items, for values that other users of this machine must not see in the
    /// list of processes; `-` is standard input
    #[arg(long, value_name = "FILE|-")]
    context_json: Option<PathBuf>,
}

/// The key context that something moves to.
#[derive(Args, Debug)]
#[group(required = true, multiple = true)]
pub(crate) struct NewContextArguments {
    /// An item of the new key context, split at the first `=`; may be given up to 10 times
    #[arg(long, value_name = "NAME=VALUE")]
    new_context: Vec<OsString>,
    /// A file with a JSON object of further items of the new key context; `-` is standard input
    #[arg(long, value_name = "FILE|-")]
    new_context_json: Option<PathBuf>,
}

impl ContextArguments {
    pub(crate) fn load(&self) -> Result<Context, Failure> {
        load("--context", &self.context, self.context_json.as_deref())
    }

    pub(crate) fn reads_standard_input(&self) -> bool {
        self.context_json.as_deref().is_some_and(|path| path == Path::new("-"))
    }
}

impl NewContextArguments {
    pub(crate) fn load(&self) -> Result<Context, Failure> {
        load("--new-context", &self.new_context, self.new_context_json.as_deref())
    }

    pub(crate) fn reads_standard_input(&self) -> bool {
        self.new_context_json.as_deref().is_some_and(|path| path == Path::new("-"))
    }
}

fn load(option: &str, items: &[OsString], json: Option<&Path>) -> Result<Context, Failure> {
    let from_file = match json {
        Some(path) => read_json(option, path)?,
        None => Vec::new(),
    };
    let from_arguments = items.iter().enumerate().map(|(index, item)| split(option, index, item));
    let mut items = from_arguments.collect::<Result<Vec<_>, _>>()?;
    items.extend(from_file.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
    Ok(Context::from_bytes(items)?)
}

/// The argument is not repeated in the error: without its `=` nobody knows whether it is a name or a secret value.
fn split<'a>(option: &str, index: usize, item: &'a OsStr) -> Result<(&'a [u8], &'a [u8]), Failure> {
    let bytes = item.as_encoded_bytes();
    let Some(position) = bytes.iter().position(|&byte| byte == b'=') else {
        return Err(Failure::new(
            ErrorCode::InvalidContext,
            format!("{option} number {} has no '='", index + 1),
            format!("Write {option} NAME=VALUE."),
        ));
    };
    Ok((&bytes[..position], &bytes[position + 1..]))
}

fn read_json(option: &str, path: &Path) -> Result<Vec<(String, String)>, Failure> {
    let text = input::read(path, LONGEST_JSON)?;
    let items: Items = serde_json::from_slice(&text).map_err(|error| {
        // The parser's own message can quote a context value.
        let message =
            format!("{option}-json is not a JSON object of strings (line {}, column {})", error.line(), error.column());
        Failure::new(ErrorCode::InvalidContext, message, "Write {\"name\": \"value\"} with 1 to 10 items.")
    })?;
    Ok(items.0)
}

/// The members of a JSON object as they stand: a map would hide duplicate names, which the context refuses.
struct Items(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Items {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ItemsVisitor;

        impl<'de> Visitor<'de> for ItemsVisitor {
            type Value = Items;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Items, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = members.next_entry()? {
                    items.push(item);
                }
                Ok(Items(items))
            }
        }

        deserializer.deserialize_map(ItemsVisitor)
    }
}
