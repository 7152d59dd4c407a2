//! A vault on a string, for tests that are written in another language: reads commands as lines of JSON, answers each with a line.
//!
//! `kms_probe init DIRECTORY` makes a root key, a store and a configuration. `kms_probe CONFIG` opens the vault and answers `{"ok": ""}`, then:
//!
//! - `{"do": "encrypt", "data": BASE64, "context": {…}}` and `decrypt` likewise with `{"ok": BASE64}`. With `"threads": N` that many threads begin the
//!   call together, and the answer is `{"all": […]}`. With `"begin": N` so many threads begin it, and the answer comes at once: `{"ok": ""}`.
//! - `{"do": "begun"}` with `{"pending": COUNT, "all": […]}`: of the threads that were begun how many have no answer yet, and the answers of the others.
//! - `{"do": "stats"}` with `{"stats": {…}}`.
//!
//! Where something fails it answers `{"error": NAME, "message": …, "request_id": …}`.

use std::collections::BTreeMap;
use std::io::{BufRead as _, Write as _};
use std::sync::{Arc, Barrier};
use std::thread::JoinHandle;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libvault::{Config, Context, Error, Vault};
use serde::Deserialize;
use serde_json::{Map, Value, json};

type Failure = Box<dyn std::error::Error>;

#[derive(Deserialize)]
struct Command {
    r#do: String,
    #[serde(default)]
    data: String,
    #[serde(default)]
    context: BTreeMap<String, String>,
    threads: Option<usize>,
    begin: Option<usize>,
}

/// Threads that were begun and not waited for.
type Begun = Vec<JoinHandle<Value>>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let path = match arguments.as_slice() {
        [init, directory] if init == "init" => return libvault::init(directory.as_ref()).map(drop).map_err(Into::into),
        [config] => config,
        _ => return Err("usage: kms_probe CONFIG | init DIRECTORY".into()),
    };
    let vault = match Config::from_file(path).and_then(Vault::open) {
        Ok(vault) => Arc::new(vault),
        Err(error) => return answer(&refusal(&error)),
    };
    let mut begun = Begun::new();
    answer(&json!({ "ok": "" }))?;
    for line in std::io::stdin().lock().lines() {
        let command: Command = serde_json::from_str(&line?)?;
        answer(&match command.r#do.as_str() {
            "stats" => {
                let stats: Map<String, Value> =
                    vault.stats().fields().map(|(name, value)| (name.to_owned(), value.into())).collect();
                json!({ "stats": stats })
            }
            "begun" => {
                let (ended, pending): (Begun, Begun) = begun.into_iter().partition(JoinHandle::is_finished);
                begun = pending;
                json!({ "pending": begun.len(), "all": ended.into_iter().map(|thread| joined(thread.join())).collect::<Vec<_>>() })
            }
            _ => call(&vault, command, &mut begun)?,
        })?;
    }
    Ok(())
}

fn call(vault: &Arc<Vault>, command: Command, begun: &mut Begun) -> Result<Value, Failure> {
    let data = STANDARD.decode(&command.data)?;
    if let Some(threads) = command.begin {
        let (vault, command) = (Arc::clone(vault), Arc::new(command));
        let begin = |_| {
            let (vault, command, data) = (Arc::clone(&vault), Arc::clone(&command), data.clone());
            std::thread::spawn(move || done(&vault, &command, &data))
        };
        begun.extend((0..threads).map(begin));
        return Ok(json!({ "ok": "" }));
    }
    Ok(match command.threads {
        None => done(vault, &command, &data),
        Some(threads) => json!({ "all": together(threads, || done(vault, &command, &data)) }),
    })
}

fn joined(outcome: std::thread::Result<Value>) -> Value {
    outcome.unwrap_or_else(|_| json!({ "error": "panicked" }))
}

fn done(vault: &Vault, command: &Command, data: &[u8]) -> Value {
    let outcome = Context::new(command.context.clone()).and_then(|context| match command.r#do.as_str() {
        "encrypt" => vault.encrypt_blocking(data, &context, None),
        _ => vault.decrypt_blocking(data, &context, None),
    });
    match outcome {
        Ok(bytes) => json!({ "ok": STANDARD.encode(bytes) }),
        Err(error) => refusal(&error),
    }
}

/// What each thread got, all of them having begun at once.
fn together(threads: usize, call: impl Fn() -> Value + Sync) -> Vec<Value> {
    let start = Barrier::new(threads);
    std::thread::scope(|scope| {
        let one = || {
            start.wait();
            call()
        };
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        running.into_iter().map(|thread| joined(thread.join())).collect()
    })
}

fn refusal(error: &Error) -> Value {
    json!({ "error": error.code().name(), "message": error.message(), "request_id": error.request_id() })
}

fn answer(value: &Value) -> Result<(), Failure> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{value}")?;
    Ok(output.flush()?)
}
