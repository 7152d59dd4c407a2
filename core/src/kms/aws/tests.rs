//! The provider against a service on this machine that says what the test says: what it asks, and what it makes of the answers. `tests/kms_aws` has
//! the emulator.

use std::sync::Mutex;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::clock::HeldClock;
use crate::kms::Timeouts;
use crate::kms::network::{HttpClients, Network, NetworkConfig, ProxyRule};
use crate::runtime::block_on;

const ARN: &str = "arn:aws:kms:eu-central-1:111122223333:key/mrk-1234567890abcdef1234567890abcdef";
const ALIAS: &str = "arn:aws:kms:eu-central-1:111122223333:alias/app";
const ELSEWHERE: &str = "arn:aws:kms:us-east-1:111122223333:key/mrk-1234567890abcdef1234567890abcdef";
const SESSION: &str = "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
    <AccessKeyId>ASIASESSION000000000</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>\
    <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";

type Answer = (u16, String);

/// Answers by what a request says; what it was asked can be read.
struct Service {
    endpoint: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Service {
    async fn start(answer: impl Fn(&str) -> Option<Answer> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (Arc::clone(&requests), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                tokio::spawn(async move {
                    let request = read_request(&mut stream).await;
                    seen.lock().unwrap().push(request.clone());
                    // Without an answer the connection stays open and silent.
                    let (status, body) = match answer(&request) {
                        Some(answer) => answer,
                        None => std::future::pending().await,
                    };
                    let length = body.len();
                    let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
                    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
                });
            }
        });
        Self { endpoint, requests }
    }

    fn count(&self, what: &str) -> usize {
        self.requests.lock().unwrap().iter().filter(|request| request.contains(what)).count()
    }

    fn last(&self, what: &str) -> String {
        self.requests.lock().unwrap().iter().rfind(|request| request.contains(what)).unwrap().clone()
    }
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let length = stream.read(&mut piece).await.unwrap_or(0);
        read.extend_from_slice(&piece[..length]);
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let head = head.to_ascii_lowercase();
        let expected = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        if length == 0 || body.len() >= expected.unwrap_or(0) {
            return text;
        }
    }
}

fn wrapped_by(arn: &str) -> Option<Answer> {
    Some((200, format!("{{\"KeyId\":\"{arn}\",\"CiphertextBlob\":\"d3JhcA==\"}}")))
}

fn is_sts(request: &str) -> bool {
    request.contains("Action=AssumeRole")
}

fn refusal_of_sts(status: u16, name: &str) -> Option<Answer> {
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{name}</Code><Message>of 111122223333</Message></Error></ErrorResponse>"
    );
    Some((status, body))
}

struct Scene {
    service: Service,
    clock: Arc<HeldClock>,
    clients: Arc<AwsClients>,
    log: Arc<Log>,
}

impl Scene {
    async fn new(answer: impl Fn(&str) -> Option<Answer> + Send + Sync + 'static) -> Self {
        Self::with_patience(Duration::from_secs(60), answer).await
    }

    async fn with_patience(attempt: Duration, answer: impl Fn(&str) -> Option<Answer> + Send + Sync + 'static) -> Self {
        let service = Service::start(answer).await;
        let timeouts = Timeouts { connect: attempt, attempt, total: attempt };
        let network = Network::new(&NetworkConfig { proxy: ProxyRule::Direct, ca_bundle: None }).unwrap();
        let identity = AwsIdentity::Static {
            access_key_id: "AKIAVENDOR0000000000".to_owned(),
            secret_access_key: "secret".to_owned(),
            session_token: None,
        };
        let http = HttpClients::new(Arc::new(network), timeouts.connect, None);
        let clock = Arc::new(HeldClock::at(1_000_000));
        let shared_clock: Arc<dyn crate::clock::Clock> = Arc::clone(&clock) as _;
        let clients = AwsClients::new(identity, timeouts, Some(service.endpoint.clone()), http, shared_clock);
        Self { service, clock, clients: Arc::new(clients), log: Arc::default() }
    }

    fn key(&self, role: Option<&str>) -> AwsKey {
        self.named(ARN, role, &Arc::default())
    }

    fn named(&self, arn: &str, role: Option<&str>, pins: &Arc<Pins>) -> AwsKey {
        let key = KeyReference::parse(arn).unwrap();
        let role = role.map(|name| AssumedRole {
            arn: RoleArn::parse(&format!("arn:aws:iam::111122223333:role/{name}"), key.place()).unwrap(),
            external_id: ExternalId::parse(&format!("id-of-{name}")).unwrap(),
        });
        let access = AwsAccess { place: key.place().clone(), endpoint: EndpointVariant::default(), role };
        let pin = || Arc::clone(pins) as Arc<dyn AliasPin>;
        AwsKey::new(AwsAddress { key, access }, pin, Arc::clone(&self.clients), "key_org", &self.log)
    }
}

/// Remembers the first ARN only.
#[derive(Default)]
struct Pins(Mutex<Option<(String, String)>>);

impl AliasPin for Pins {
    fn pin(&self, arn: &str, owned: String) -> crate::error::Result<()> {
        let new = (arn.to_owned(), owned);
        let mut pinned = self.0.lock().unwrap();
        match &*pinned {
            Some(old) if *old != new => Err(crate::error::Error::new(ErrorCode::Conflict, "another key")),
            _ => {
                *pinned = Some(new);
                Ok(())
            }
        }
    }
}

async fn wrap(key: &AwsKey) -> Result<KmsReply<Vec<u8>>, KmsFailure> {
    let plaintext = Secret::zero();
    key.wrap(WrapRequest { plaintext: &plaintext, bind: &[7; 32], selector: &[], deadline: None }).await
}

#[test]
fn a_role_is_assumed_with_its_external_id_for_a_quarter_of_an_hour_and_once() {
    block_on(async {
        let scene =
            Scene::new(|request| if is_sts(request) { Some((200, SESSION.to_owned())) } else { wrapped_by(ARN) }).await;
        let key = scene.key(Some("libvault"));
        for _ in 0..3 {
            assert_eq!(wrap(&key).await.unwrap().value, b"wrap");
        }
        assert_eq!((scene.service.count("Action=AssumeRole"), scene.service.count("TrentService.Encrypt")), (1, 3));
        let asked = scene.service.last("Action=AssumeRole");
        for part in
            ["role%2Flibvault", "ExternalId=id-of-libvault", "DurationSeconds=900", "Credential=AKIAVENDOR0000000000/"]
        {
            assert!(asked.contains(part), "{part}: {asked}");
        }
        assert!(scene.service.last("TrentService.Encrypt").contains("Credential=ASIASESSION000000000/"));
        // Another role has a session of its own, and a key without one is used as the vendor.
        wrap(&scene.key(Some("other"))).await.unwrap();
        assert_eq!(scene.service.count("Action=AssumeRole"), 2);
        wrap(&scene.key(None)).await.unwrap();
        assert!(scene.service.last("TrentService.Encrypt").contains("Credential=AKIAVENDOR0000000000/"));
        // Ten minutes later it is renewed.
        scene.clock.set(1_000_000 + 601_000);
        wrap(&key).await.unwrap();
        assert_eq!(scene.service.count("Action=AssumeRole"), 3);
    });
}

#[test]
fn a_role_that_cannot_be_assumed_is_a_failure_of_its_key() {
    block_on(async {
        for (answer, code) in [
            (refusal_of_sts(403, "AccessDenied"), ErrorCode::AccessDenied),
            (refusal_of_sts(403, "RegionDisabledException"), ErrorCode::AccessDenied),
            (refusal_of_sts(400, "Throttling"), ErrorCode::Throttled),
            (refusal_of_sts(503, "ServiceUnavailable"), ErrorCode::KmsUnavailable),
            (Some((200, "<html>".to_owned())), ErrorCode::KmsUnavailable),
            (Some((302, String::new())), ErrorCode::KmsUnavailable),
            (Some((200, "x".repeat(1 << 20))), ErrorCode::KmsUnavailable),
            (None, ErrorCode::Timeout),
        ] {
            let named = format!("{:?}", answer.as_ref().map(|(status, body)| (status, &body[..body.len().min(90)])));
            let patience = Duration::from_secs(if answer.is_some() { 60 } else { 1 });
            let scene = Scene::with_patience(patience, move |_| answer.clone()).await;
            let failure = wrap(&scene.key(Some("libvault"))).await.map(|_| ()).unwrap_err();
            assert_eq!(failure.code, code, "{named}: {}", failure.message);
            assert!(failure.message.contains("role"), "{named}: {}", failure.message);
            assert!(!failure.message.contains("1111"), "the service's text stays out: {}", failure.message);
            assert_eq!(
                scene.service.count("TrentService"),
                0,
                "without the role nothing is asked, least of all as the vendor"
            );
        }
    });
}

#[test]
fn a_role_whose_service_is_silent_delays_no_other() {
    block_on(async {
        let scene = Scene::new(|request| match is_sts(request) {
            true if request.contains("id-of-silent") => None,
            true => Some((200, SESSION.to_owned())),
            false => wrapped_by(ARN),
        });
        let scene = scene.await;
        let silent = scene.key(Some("silent"));
        let mut waiting = Box::pin(wrap(&silent));
        let asked = async |times| {
            while scene.service.count("id-of-silent") < times {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = &mut waiting => panic!("it has no answer"),
            () = asked(1) => {}
        }
        wrap(&scene.key(Some("working"))).await.unwrap();
        wrap(&scene.key(None)).await.unwrap();
        drop(waiting);
        // And nobody inherits the wait of a caller that went away.
        tokio::select! {
            _ = wrap(&silent) => panic!("it has no answer"),
            () = asked(2) => {}
        }
    });
}

#[test]
fn a_refusal_puts_only_an_old_session_in_doubt() {
    block_on(async {
        let refused = r#"{"__type":"AccessDeniedException","message":"no"}"#;
        let scene = Scene::new(move |request| match is_sts(request) {
            true => Some((200, SESSION.to_owned())),
            false => Some((400, refused.to_owned())),
        });
        let scene = scene.await;
        let key = scene.key(Some("libvault"));
        for _ in 0..3 {
            assert_eq!(wrap(&key).await.map(|_| ()).unwrap_err().code, ErrorCode::AccessDenied);
        }
        assert_eq!(scene.service.count("Action=AssumeRole"), 1, "a customer who refuses costs no calls to STS");
        scene.clock.set(1_000_000 + 61_000);
        wrap(&key).await.map(|_| ()).unwrap_err();
        wrap(&key).await.map(|_| ()).unwrap_err();
        assert_eq!(scene.service.count("Action=AssumeRole"), 2);
    });
}

#[test]
fn the_answer_of_another_replica_is_not_used() {
    block_on(async {
        for (arn, code) in [(ARN, None), (ELSEWHERE, Some(ErrorCode::AuthenticationFailed))] {
            let scene = Scene::new(move |_| wrapped_by(arn)).await;
            assert_eq!(wrap(&scene.key(None)).await.map(|_| ()).err().map(|failure| failure.code), code, "{arn}");
        }
    });
}

#[test]
fn a_request_goes_where_the_configuration_says_or_nowhere() {
    let reach = super::transport::Reach::Endpoint("https://kms.eu-central-1.amazonaws.com".to_owned());
    assert!(reach.check(&"https://kms.eu-central-1.amazonaws.com/".parse().unwrap()).is_ok());
    for url in [
        "http://kms.eu-central-1.amazonaws.com/",
        "https://kms.eu-central-1.amazonaws.com:8443/",
        "https://kms.us-east-1.amazonaws.com/",
        "https://evil.example/kms.eu-central-1.amazonaws.com",
    ] {
        assert_eq!(reach.check(&url.parse().unwrap()).unwrap_err().code, ErrorCode::Internal, "{url}");
    }
}

/// Key material from outside AWS has an end, if whoever imported it wanted so.
#[test]
fn the_end_of_imported_key_material_is_warned_of() {
    block_on(async {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        for (days, warnings) in [(29, 1), (31, 0)] {
            let end = now + days * 24 * 3600 + 3600;
            let metadata = format!("{{\"KeyMetadata\":{{\"KeyId\":\"x\",\"Arn\":\"{ARN}\",\"ValidTo\":{end}.5}}}}");
            let scene = Scene::new(move |request| match request.contains("TrentService.DescribeKey") {
                true => Some((200, metadata.clone())),
                false => wrapped_by(ARN),
            });
            let scene = scene.await;
            let key = scene.named(ALIAS, None, &Arc::default());
            for _ in 0..3 {
                wrap(&key).await.unwrap();
            }
            let warned = scene.log.waiting_warnings();
            assert_eq!(warned.len(), warnings, "{warned:?}");
            assert!(
                warned.iter().all(|text| text.contains("key_org") && text.contains("(days left: 29)")),
                "{warned:?}"
            );
        }
    });
}

fn described(arn: &str) -> Option<Answer> {
    Some((200, format!("{{\"KeyMetadata\":{{\"KeyId\":\"x\",\"Arn\":\"{arn}\"}}}}")))
}

#[test]
fn an_alias_is_looked_up_once_and_its_key_is_asked() {
    block_on(async {
        let scene = Scene::new(|request| match request.contains("TrentService.DescribeKey") {
            true => described(ARN),
            false => wrapped_by(ARN),
        });
        let scene = scene.await;
        let pins = Arc::default();
        let key = scene.named(ALIAS, None, &pins);
        for _ in 0..3 {
            wrap(&key).await.unwrap();
        }
        assert_eq!(
            (scene.service.count("TrentService.DescribeKey"), scene.service.count("TrentService.Encrypt")),
            (1, 3)
        );
        assert!(scene.service.last("TrentService.DescribeKey").contains(ALIAS));
        let asked = scene.service.last("TrentService.Encrypt");
        assert!(asked.contains(ARN) && !asked.contains(ALIAS), "{asked}");
        let everywhere = ARN.replace("eu-central-1", "*");
        assert_eq!(*pins.0.lock().unwrap(), Some((ARN.to_owned(), everywhere)));
    });
}

#[test]
fn an_alias_that_cannot_be_settled_is_not_used() {
    block_on(async {
        let refused = |name: &str| Some((400, format!("{{\"__type\":\"{name}\",\"message\":\"no\"}}")));
        let moved = ARN.replace("mrk-1", "mrk-2");
        for (answer, code, hint) in [
            (refused("AccessDeniedException"), ErrorCode::AccessDenied, "kms:DescribeKey"),
            (refused("NotFoundException"), ErrorCode::KeyNotFound, "no such alias"),
            (refused("DependencyTimeoutException"), ErrorCode::Timeout, "looked up"),
            (described(ELSEWHERE), ErrorCode::AuthenticationFailed, ""),
            (described(&ARN.replace("1111", "9999")), ErrorCode::AuthenticationFailed, ""),
            (described(ALIAS), ErrorCode::AuthenticationFailed, ""),
            (described(""), ErrorCode::AuthenticationFailed, ""),
            (Some((200, "{}".to_owned())), ErrorCode::KmsUnavailable, "names no key"),
            (described(&moved), ErrorCode::Conflict, "another key"),
        ] {
            let scene = Scene::new(move |_| answer.clone()).await;
            let pins = Arc::new(Pins(Mutex::new(Some((ARN.to_owned(), ARN.replace("eu-central-1", "*"))))));
            let failure = wrap(&scene.named(ALIAS, None, &pins)).await.map(|_| ()).unwrap_err();
            assert_eq!(failure.code, code, "{}", failure.message);
            assert!(failure.message.contains(hint), "{}", failure.message);
            assert_eq!(scene.service.count("TrentService.Encrypt"), 0);
        }
    });
}
