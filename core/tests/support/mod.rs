//! What the integration tests share: a vault of their own, and a KMS endpoint whose answers a test holds back.

#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used)]

use std::fs;
use std::io::{BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libvault::{Config, Context, Vault, init};

pub const ARN: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// A vault in a directory of its own, and the text of its configuration.
pub struct Place {
    pub directory: tempfile::TempDir,
    base: String,
}

impl Place {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let made = init(directory.path()).unwrap();
        let base = fs::read_to_string(made.config).unwrap();
        Self { directory, base }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The configuration that `init` made, with more at its end.
    pub fn config(&self, more: &str) -> Config {
        Config::from_toml(&format!("{}\n{more}", self.base), self.path()).unwrap()
    }

    pub fn open(&self, more: &str) -> Vault {
        Vault::open(self.config(more)).unwrap()
    }
}

/// `org_123` with a key at `endpoint`, whose deadline is far beyond any test.
pub fn customer(endpoint: &str, state: &str) -> String {
    format!(
        r#"
[leases]
max_age = 0
[timeouts]
connect = 60000
attempt = 60000
total = 60000
[aws]
credentials = "static"
access_key_id = "test"
secret_access_key = "test"
endpoint = "{endpoint}"
[development]
allow_endpoint = true
[[bindings]]
id = "bnd_org_123"
owner = "org_123"
state = "{state}"
selector = {{ organization_id = "org_123" }}
keys = [{{ id = "key_org_123", provider = "aws", arn = "{ARN}" }}]
"#
    )
}

pub fn context(organization: &str) -> Context {
    Context::new([("organization_id", organization)]).unwrap()
}

/// A KMS endpoint of our own that holds no key: it answers `Encrypt` with made-up bytes, each answer only when the test lets it go.
pub struct HeldKms {
    pub endpoint: String,
    /// Receives a message for each request that arrived.
    pub arrived: Receiver<()>,
    release: Sender<()>,
}

impl HeldKms {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (arrival, arrived) = channel();
        let (release, released) = channel();
        let released = Arc::new(Mutex::new(released));
        std::thread::spawn(move || {
            while let Ok((connection, _)) = listener.accept() {
                let (arrival, released) = (arrival.clone(), Arc::clone(&released));
                std::thread::spawn(move || serve(&connection, &arrival, &released));
            }
        });
        Self { endpoint, arrived, release }
    }

    /// Lets one answer go.
    pub fn release(&self) {
        self.release.send(()).unwrap();
    }
}

fn serve(connection: &TcpStream, arrival: &Sender<()>, released: &Mutex<Receiver<()>>) {
    let mut reader = BufReader::new(connection);
    while let Some(length) = read_head(&mut reader) {
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err()
            || arrival.send(()).is_err()
            || released.lock().unwrap().recv().is_err()
        {
            return;
        }
        let answer = format!(r#"{{"CiphertextBlob":"{}","KeyId":"{ARN}"}}"#, STANDARD.encode([7; 100]));
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1\r\nx-amzn-requestid: request-1\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        );
        let mut writer = connection;
        if writer.write_all(head.as_bytes()).and_then(|()| writer.write_all(answer.as_bytes())).is_err() {
            return;
        }
    }
}

/// Reads a request's head; gives the length of its body.
fn read_head(reader: &mut impl std::io::BufRead) -> Option<usize> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            return Some(length);
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
}
