//! `libvault init`.

use serde_json::json;

use crate::arguments::InitArguments;
use crate::report::{Failure, Reporter};

pub(super) fn run(arguments: &InitArguments, reporter: Reporter) -> Result<(), Failure> {
    let made = libvault::init(&arguments.directory)?;
    let (config, root_key, store) = (made.config.display(), made.root_key.display(), made.store.display());
    if reporter.is_json() {
        let made = json!({
            "config": config.to_string(),
            "root_key": root_key.to_string(),
            "store": store.to_string(),
        });
        return reporter.result(&made.to_string());
    }
    reporter.result(&format!(
        "\
made {config}  the configuration
made {root_key}  the root key, for your eyes only: it protects the managed keys
made {store}  the store: the managed keys, wrapped by the root key

Back up root.key and vault.db, apart from each other. Without either, managed data is unreadable
for ever; whoever has both can read all of it.

Next:
  export LIBVAULT_CONFIG={config}
  echo 'hello' | libvault encrypt --context user_id=u1 --output hello.vault
  libvault decrypt --context user_id=u1 --input hello.vault"
    ))
}
