//! A KMS of our own that speaks AWS's protocol for a few keys, each of which a test can break in a way of its own.

#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// What a key does instead of its work: a service error with its HTTP status.
pub type Fault = (&'static str, u16);

pub const THROTTLED: Fault = ("ThrottlingException", 400);
pub const UNAVAILABLE: Fault = ("KMSInternalException", 500);
pub const SLOW_DEPENDENCY: Fault = ("DependencyTimeoutException", 503);
pub const DENIED: Fault = ("AccessDeniedException", 400);
pub const DISABLED: Fault = ("DisabledException", 400);
pub const NOT_FOUND: Fault = ("NotFoundException", 400);
pub const INVALID_STATE: Fault = ("KMSInvalidStateException", 400);
pub const INVALID_CIPHERTEXT: Fault = ("InvalidCiphertextException", 400);

/// The errors that stand for a key that cannot be reached, and for one that its owner switched off.
pub const UNAVAILABILITIES: [(Fault, &str); 3] =
    [(THROTTLED, "Throttled"), (UNAVAILABLE, "KmsUnavailable"), (SLOW_DEPENDENCY, "Timeout")];
pub const REFUSALS: [(Fault, &str); 4] =
    [(DENIED, "AccessDenied"), (DISABLED, "KeyDisabled"), (NOT_FOUND, "KeyNotFound"), (INVALID_STATE, "KeyDisabled")];

#[derive(Default)]
struct State {
    faults: HashMap<String, Fault>,
    calls: Vec<(String, String)>,
    before_answer: Option<Box<dyn FnOnce() + Send>>,
}

#[derive(Clone)]
pub struct FakeKms {
    pub endpoint: String,
    state: Arc<Mutex<State>>,
}

/// The address of the key with this number.
pub fn arn(key: u32) -> String {
    format!("arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-4000-8000-{key:012}")
}

impl FakeKms {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            while let Ok((connection, _)) = listener.accept() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(&connection, &state));
            }
        });
        Self { endpoint, state }
    }

    pub fn breaks(&self, key: u32, fault: Fault) {
        self.state.lock().unwrap().faults.insert(arn(key), fault);
    }

    pub fn heals(&self) {
        self.state.lock().unwrap().faults.clear();
    }

    /// Runs `action` once, before the next answer.
    pub fn before_next_answer(&self, action: impl FnOnce() + Send + 'static) {
        self.state.lock().unwrap().before_answer = Some(Box::new(action));
    }

    /// The calls since the last time this was asked, as operation and key number. A retry is one more call.
    pub fn calls(&self) -> Vec<(String, u32)> {
        let calls = std::mem::take(&mut self.state.lock().unwrap().calls);
        calls.into_iter().map(|(operation, arn)| (operation, arn[arn.len() - 12..].parse().unwrap())).collect()
    }

    /// The part of a configuration that points to this KMS. Deadlines are far beyond any test.
    pub fn config(&self) -> String {
        format!(
            "[leases]\nmax_age = 0\n[timeouts]\nconnect = 60000\nattempt = 60000\ntotal = 60000\n[aws]\ncredentials = \"static\"\n\
             access_key_id = \"test\"\nsecret_access_key = \"test\"\nendpoint = \"{}\"\n[development]\nallow_endpoint = true\n",
            self.endpoint
        )
    }
}

fn serve(connection: &TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(connection);
    while let Some((operation, body)) = read_request(&mut reader) {
        let arn = body["KeyId"].as_str().unwrap_or_default().to_owned();
        let (fault, action) = {
            let mut state = state.lock().unwrap();
            state.calls.push((operation.clone(), arn.clone()));
            (state.faults.get(&arn).copied(), state.before_answer.take())
        };
        if let Some(action) = action {
            action();
        }
        let (status, answer) = match fault {
            Some((name, status)) => (status, json!({ "__type": name, "message": "broken on purpose" })),
            None => answer(&operation, &arn, &body),
        };
        let answer = answer.to_string();
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.1\r\nx-amzn-requestid: request-1\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        );
        let mut writer = connection;
        if writer.write_all(head.as_bytes()).and_then(|()| writer.write_all(answer.as_bytes())).is_err() {
            return;
        }
    }
}

/// No secrecy, but the wrap of one key and encryption context is not that of another.
fn answer(operation: &str, arn: &str, body: &Value) -> (u16, Value) {
    let label = format!("{arn} {}\n", body["EncryptionContext"]).into_bytes();
    let field = |name: &str| STANDARD.decode(body[name].as_str().unwrap_or_default()).unwrap();
    if operation == "Encrypt" {
        let blob = [label, field("Plaintext")].concat();
        return (200, json!({ "KeyId": arn, "CiphertextBlob": STANDARD.encode(blob) }));
    }
    match field("CiphertextBlob").strip_prefix(&label[..]) {
        Some(plaintext) => (200, json!({ "KeyId": arn, "Plaintext": STANDARD.encode(plaintext) })),
        None => (400, json!({ "__type": INVALID_CIPHERTEXT.0, "message": "" })),
    }
}

fn read_request(reader: &mut BufReader<&TcpStream>) -> Option<(String, Value)> {
    let (mut operation, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "x-amz-target" => operation = value.rsplit('.').next()?.trim().to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((operation, serde_json::from_slice(&body).ok()?))
}
