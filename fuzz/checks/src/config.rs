//! Configurations, as TOML and as JSON. No file that one names is opened.

use std::path::Path;

use libvault::{Config, ErrorCode};

/// Input: `{` begins JSON, anything else is TOML.
pub fn config_toml(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let base = Path::new("/nonexistent");
    let parsed =
        if data.first() == Some(&b'{') { Config::from_json(text, base) } else { Config::from_toml(text, base) };
    if let Err(error) = parsed {
        let code = error.code();
        assert!(matches!(code, ErrorCode::InvalidConfig | ErrorCode::Conflict | ErrorCode::LimitExceeded), "{error}");
    }
}
