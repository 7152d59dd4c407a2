//! `allowed_regions`, of the whole configuration and of a binding: where customers' keys may be.

use crate::error::{Error, Result};

const MAX_REGION_LENGTH: usize = 64;

/// The regions that a list names; every one where there is no list.
pub(super) struct AllowedRegions(Option<Vec<String>>);

/// Where a key is.
pub(super) enum Place<'a> {
    Region(&'a str),
    /// The provider's addresses do not tell it, and nobody said it.
    #[cfg_attr(not(feature = "azure"), allow(dead_code))]
    Undeclared,
    /// A key file, wherever the program runs: it is not judged.
    Nowhere,
}

impl AllowedRegions {
    pub(super) fn check(names: Option<Vec<String>>, field: &str) -> Result<Self> {
        let Some(names) = names else { return Ok(Self(None)) };
        if names.is_empty() {
            return Err(Error::config(field, "allows no region at all; leave it out to allow every one"));
        }
        for (index, name) in names.iter().enumerate() {
            check_region(name, &format!("{field}[{index}]"))?;
        }
        Ok(Self(Some(names)))
    }
}

/// The region, if one of the lists is there and does not name it.
pub(super) fn refused(place: Place<'_>, lists: [&AllowedRegions; 2], key_field: &str) -> Result<Option<String>> {
    let lists: Vec<&Vec<String>> = lists.into_iter().filter_map(|list| list.0.as_ref()).collect();
    match place {
        Place::Region(region) => {
            let is_refused = lists.iter().any(|list| !list.iter().any(|name| name == region));
            Ok(is_refused.then(|| region.to_owned()))
        }
        Place::Undeclared if !lists.is_empty() => {
            let message = "is missing: with allowed_regions, the region of a key has to be declared where its address does not tell it";
            Err(Error::config(format!("{key_field}.region"), message))
        }
        Place::Undeclared | Place::Nowhere => Ok(None),
    }
}

/// As the providers write them: `eu-central-1`, `westeurope`, `europe-west3`.
pub(super) fn check_region(name: &str, field: &str) -> Result<()> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !(1..=MAX_REGION_LENGTH).contains(&name.len()) || !name.bytes().all(is_plain) {
        return Err(Error::config(field, format!("is not 1 to {MAX_REGION_LENGTH} of a-z 0-9 -")));
    }
    Ok(())
}
