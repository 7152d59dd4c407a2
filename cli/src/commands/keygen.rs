//! `libvault keygen`.

use serde_json::json;

use crate::arguments::KeygenArguments;
use crate::report::{Failure, Reporter};

pub(super) fn run(arguments: &KeygenArguments, reporter: Reporter) -> Result<(), Failure> {
    libvault::create_key_file(&arguments.file)?;
    let file = arguments.file.display();
    if reporter.is_json() {
        return reporter.object(&json!({ "key_file": file.to_string() }));
    }
    let name = arguments.file.file_name().unwrap_or_default().display();
    reporter.result(&format!(
        "\
made {file}  a random key, for your eyes only: without it, what it protects is unreadable for ever

Next, in a binding of libvault.toml (the path is relative to that file):
  [[bindings.keys]]
  id = \"key_abc\"
  provider = \"local\"
  path = \"{name}\""
    ))
}
