use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName};
use serde_json::{Value, json};

use super::transport::Wire;
use super::*;
use crate::clock::{Clock, HeldClock, SystemClock};
use crate::kms::network::Reply;
use crate::runtime::block_on;

const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const VAULT: &str = "https://contoso.vault.azure.net/keys/cmk";
const HSM: &str = "https://contoso.managedhsm.azure.net/keys/cmk";
const VERSION: &str = "28896fb9ab14473abeb73705c3d86646";

fn reply(status: u16, headers: &[(&str, &str)], body: &Value) -> Reply {
    let headers =
        headers.iter().map(|(name, value)| (HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap()));
    Reply {
        status: StatusCode::from_u16(status).unwrap(),
        headers: HeaderMap::from_iter(headers),
        body: body.to_string().into(),
    }
}

fn challenge_of(authority: &str, resource: &str) -> Reply {
    let challenge = format!(r#"Bearer authorization="{authority}", resource="{resource}""#);
    reply(401, &[("www-authenticate", &challenge), ("x-ms-request-id", "challenge")], &json!({}))
}

/// What was asked, without the first request of each client, which asks for a challenge.
type Seen = Arc<Mutex<Vec<(String, Value)>>>;

/// A key whose vault answers with `answer` to the body of a request, once a token has been got.
fn key_at(
    url: &str,
    region: Option<&str>,
    answer: impl Fn(&str, &Value) -> Reply + Send + Sync + 'static,
) -> (AzureKey, Seen) {
    let parsed = KeyUrl::parse(url).unwrap();
    let resource = parsed.resource();
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    let script = move |request: &reqwest::Request| {
        let url = request.url();
        if url.host_str() == Some("login.microsoftonline.com") {
            assert_eq!(url.path(), format!("/{TENANT}/oauth2/v2.0/token"));
            let form = String::from_utf8(request.body().unwrap().as_bytes().unwrap().to_vec()).unwrap();
            let scope: String = format!("{resource}/.default").replace(':', "%3A").replace('/', "%2F");
            assert!(form.contains(&format!("scope={scope}")), "{form}");
            return reply(200, &[], &json!({ "token_type": "Bearer", "expires_in": 3599, "access_token": "token" }));
        }
        if !request.headers().contains_key("authorization") {
            assert!(
                request.body().and_then(reqwest::Body::as_bytes).is_none_or(<[u8]>::is_empty),
                "nothing before the token"
            );
            return challenge_of(&format!("https://login.microsoftonline.com/{TENANT}"), resource);
        }
        let body: Value = serde_json::from_slice(request.body().unwrap().as_bytes().unwrap()).unwrap();
        log.lock().unwrap().push((url.path().to_owned(), body.clone()));
        answer(url.path(), &body)
    };
    (key_over(url, region, script), seen)
}

fn key_over(
    url: &str,
    region: Option<&str>,
    script: impl Fn(&reqwest::Request) -> Reply + Send + Sync + 'static,
) -> AzureKey {
    key_by_clock(url, region, script, Arc::new(SystemClock))
}

fn key_by_clock(
    url: &str,
    region: Option<&str>,
    script: impl Fn(&reqwest::Request) -> Reply + Send + Sync + 'static,
    clock: Arc<dyn Clock>,
) -> AzureKey {
    let identity = AzureIdentity {
        tenant_id: TENANT.to_owned(),
        client_id: Some("app".to_owned()),
        credential: AzureCredential::ClientSecret("secret".to_owned()),
    };
    let clients = AzureClients::scripted(identity, Wire::Scripted(Arc::new(script)), clock).unwrap();
    let origin_key = Arc::new(Secret::copy_of(&[7; 32]));
    AzureKey::new(KeyUrl::parse(url).unwrap(), None, region.map(str::to_owned), origin_key, Arc::new(clients))
}

fn result(key_id: &str, value: &[u8]) -> Value {
    json!({ "kid": key_id, "value": URL_SAFE_NO_PAD.encode(value) })
}

fn wrap(key: &AzureKey) -> Result<KmsReply<Vec<u8>>, KmsFailure> {
    let plaintext = Secret::copy_of(&[5; 64]);
    block_on(key.wrap(WrapRequest { plaintext: &plaintext, bind: &[9; 32], selector: &[], deadline: None }))
}

fn unwrap(key: &AzureKey, bind: [u8; 32], blob: &[u8]) -> Result<KmsReply<Secret<WRAP_PLAINTEXT>>, KmsFailure> {
    block_on(key.unwrap(UnwrapRequest { blob, bind: &bind, selector: &[], deadline: None }))
}

/// A vault that encrypts by writing a plaintext before zeros, as long as an RSA ciphertext or an AES one.
fn honest(url: &'static str, length: usize) -> (AzureKey, Seen) {
    key_at(url, None, move |path, body| {
        let mut value = URL_SAFE_NO_PAD.decode(body["value"].as_str().unwrap()).unwrap();
        value.resize(if path.ends_with("/wrapkey") { length } else { 64 }, 0);
        reply(200, &[("x-ms-request-id", "b7f4")], &result(&format!("{url}/{VERSION}"), &value))
    })
}

#[test]
fn a_wrap_holds_the_version_that_answered_and_unwraps_by_it() {
    for (url, length, algorithm) in [(VAULT, 256, "RSA-OAEP-256"), (VAULT, 512, "RSA-OAEP-256"), (HSM, 72, "A256KW")] {
        let (key, seen) = honest(url, length);
        let wrapped = wrap(&key).unwrap();
        assert_eq!(wrapped.value.len(), 16 + length + 16);
        assert_eq!(wrapped.request_id.as_deref(), Some("b7f4"));
        let plaintext = unwrap(&key, [9; 32], &wrapped.value).unwrap().value;
        assert_eq!(*plaintext, [5; 64]);
        let seen = seen.lock().unwrap();
        assert_eq!(seen[0].0, "/keys/cmk//wrapkey");
        assert_eq!(seen[1].0, format!("/keys/cmk/{VERSION}/unwrapkey"));
        assert!(seen.iter().all(|(_, body)| body["alg"] == algorithm));
    }
}

#[test]
fn whatever_is_not_ours_is_refused_before_any_call() {
    for (url, length) in [(VAULT, 256), (HSM, 72)] {
        let (key, seen) = honest(url, length);
        let blob = wrap(&key).unwrap().value;
        seen.lock().unwrap().clear();
        let refused = |blob: &[u8], bind: [u8; 32]| {
            let failure = unwrap(&key, bind, blob).map(|_| ()).err().unwrap();
            assert_eq!(failure.code, ErrorCode::AuthenticationFailed);
        };
        for position in [0, 15, 16, 40, blob.len() - 17, blob.len() - 16, blob.len() - 1] {
            let mut forged = blob.clone();
            forged[position] ^= 1;
            refused(&forged, [9; 32]);
        }
        refused(&blob, [8; 32]);
        for length in [0, 1, 16, 31, 32, 33, blob.len() - 1] {
            refused(&blob[..length], [9; 32]);
        }
        // With a tag that is right, but of a ciphertext that the key cannot have made.
        let mut short = blob[..40].to_vec();
        short.extend_from_slice(&key.origin_tag(&[9; 32], &short));
        refused(&short, [9; 32]);
        assert_eq!(seen.lock().unwrap().len(), 0);
    }
}

#[test]
fn a_pinned_version_is_the_only_one() {
    let pinned = format!("{VAULT}/{VERSION}");
    let (newer, _) = honest(VAULT, 256);
    let blob = wrap(&newer).unwrap().value;
    let (key, seen) =
        key_at(&pinned, None, move |_, _| reply(200, &[], &result(&format!("{VAULT}/{VERSION}"), &[1; 256])));
    wrap(&key).unwrap();
    assert_eq!(seen.lock().unwrap()[0].0, format!("/keys/cmk/{VERSION}/wrapkey"));
    assert!(key.open_blob(&[9; 32], &blob).is_some());
    let (other, _) = honest("https://contoso.vault.azure.net/keys/cmk/00000000000000000000000000000000", 256);
    assert!(other.open_blob(&[9; 32], &blob).is_none());
}

#[test]
fn an_answer_of_another_key_version_or_shape_is_not_used() {
    use ErrorCode::{AuthenticationFailed, KmsUnavailable};
    let (honest, _) = honest(VAULT, 256);
    let blob = wrap(&honest).unwrap().value;
    let ours = format!("{VAULT}/{VERSION}");
    let other_version = format!("{VAULT}/00000000000000000000000000000001");
    let other_key = format!("https://contoso.vault.azure.net/keys/other/{VERSION}");
    let other_vault = format!("https://fabrikam.vault.azure.net/keys/cmk/{VERSION}");
    for (body, wrapping, unwrapping) in [
        (result(&other_key, &[1; 256]), Some(AuthenticationFailed), AuthenticationFailed),
        (result(&other_vault, &[1; 256]), Some(AuthenticationFailed), AuthenticationFailed),
        (result(VAULT, &[1; 256]), Some(AuthenticationFailed), AuthenticationFailed),
        (result(&other_version, &[1; 256]), None, AuthenticationFailed),
        (result(&ours, &[1; 63]), Some(KmsUnavailable), AuthenticationFailed),
        (result(&ours, &[1; 1024]), Some(KmsUnavailable), AuthenticationFailed),
        (result(&ours, &[]), Some(KmsUnavailable), AuthenticationFailed),
        (json!({ "kid": ours }), Some(KmsUnavailable), KmsUnavailable),
        (json!({ "value": "AAAA" }), Some(KmsUnavailable), KmsUnavailable),
        (json!({ "kid": ours, "value": "!" }), Some(KmsUnavailable), KmsUnavailable),
        (json!({ "kid": ours, "value": 3 }), Some(KmsUnavailable), KmsUnavailable),
        (json!([]), Some(KmsUnavailable), KmsUnavailable),
    ] {
        let answered = body.clone();
        let (key, _) = key_at(VAULT, None, move |_, _| reply(200, &[], &answered));
        assert_eq!(wrap(&key).err().map(|failure| failure.code), wrapping, "{body}");
        assert_eq!(unwrap(&key, [9; 32], &blob).err().map(|failure| failure.code), Some(unwrapping), "{body}");
    }
}

#[test]
fn every_answer_has_to_name_the_declared_region() {
    for (answered, code) in [
        (Some("westeurope"), None),
        (Some("WestEurope"), None),
        (Some("eastus"), Some(ErrorCode::RegionNotAllowed)),
        (None, Some(ErrorCode::RegionNotAllowed)),
    ] {
        let (key, _) = key_at(VAULT, Some("westeurope"), move |_, _| {
            let headers: Vec<_> = answered.map(|region| ("x-ms-keyvault-region", region)).into_iter().collect();
            reply(200, &headers, &result(&format!("{VAULT}/{VERSION}"), &[1; 256]))
        });
        assert_eq!(wrap(&key).err().map(|failure| failure.code), code, "{answered:?}");
    }
}

#[test]
fn a_challenge_of_another_tenant_audience_or_place_gets_no_token() {
    let good = format!("https://login.windows.net/{TENANT}");
    for (authority, resource, tokens) in [
        (good.as_str(), "https://vault.azure.net", 1),
        ("https://login.windows.net/00000000-0000-0000-0000-000000000000", "https://vault.azure.net", 0),
        (&format!("https://evil.example/{TENANT}"), "https://vault.azure.net", 0),
        (&format!("http://login.windows.net/{TENANT}"), "https://vault.azure.net", 0),
        (&good, "https://managedhsm.azure.net", 0),
        (&good, "https://graph.microsoft.com", 0),
        (&good, "https://azure.net", 0),
        (&good, "https://vault.azure.net.evil.example", 0),
        (&good, "", 0),
        ("", "https://vault.azure.net", 0),
    ] {
        let answer = (authority.to_owned(), resource.to_owned());
        let sent = Arc::new(Mutex::new(0));
        let count = Arc::clone(&sent);
        let key = key_over(VAULT, None, move |request| {
            if request.url().host_str() == Some("login.microsoftonline.com") {
                assert_eq!(request.url().path(), format!("/{TENANT}/oauth2/v2.0/token"));
                return reply(
                    200,
                    &[],
                    &json!({ "token_type": "Bearer", "expires_in": 3599, "access_token": "token" }),
                );
            }
            *count.lock().unwrap() += i32::from(request.headers().contains_key("authorization"));
            challenge_of(&answer.0, &answer.1)
        });
        let failure = wrap(&key).err().unwrap();
        assert_eq!(failure.code, ErrorCode::AccessDenied, "{authority} {resource}");
        assert_eq!(failure.request_id.as_deref(), Some("challenge"));
        assert_eq!(*sent.lock().unwrap(), tokens, "{authority} {resource}");
    }
}

/// Azure forgets tokens, and learns of permissions, without telling: whoever is refused under an old token tries a new one, and others go on meanwhile.
#[test]
fn a_refused_token_is_replaced_when_it_is_old() {
    for status in [401, 403] {
        let clock = Arc::new(HeldClock::at(1_000_000));
        let (given, refused) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let (count, revoked) = (Arc::clone(&given), Arc::clone(&refused));
        let script = move |request: &reqwest::Request| {
            if request.url().host_str() == Some("login.microsoftonline.com") {
                let token = format!("token {}", count.fetch_add(1, Ordering::SeqCst) + 1);
                let body = json!({ "token_type": "Bearer", "expires_in": 3599, "access_token": token });
                return reply(200, &[], &body);
            }
            match request.headers().get("authorization").map(|value| value.to_str().unwrap()) {
                None => challenge_of(&format!("https://login.microsoftonline.com/{TENANT}"), "https://vault.azure.net"),
                Some(value) if value == format!("Bearer token {}", revoked.load(Ordering::SeqCst)) && status == 401 => {
                    challenge_of(&format!("https://login.microsoftonline.com/{TENANT}"), "https://vault.azure.net")
                }
                Some(value) if value == format!("Bearer token {}", revoked.load(Ordering::SeqCst)) => {
                    reply(403, &[], &json!({ "error": { "code": "Forbidden" } }))
                }
                Some(_) => reply(200, &[], &result(&format!("{VAULT}/{VERSION}"), &[7; 256])),
            }
        };
        let key = key_by_clock(VAULT, None, script, Arc::clone(&clock) as Arc<dyn Clock>);
        wrap(&key).unwrap();
        refused.store(1, Ordering::SeqCst);
        assert_eq!(wrap(&key).err().unwrap().code, ErrorCode::AccessDenied);
        assert_eq!(wrap(&key).err().unwrap().code, ErrorCode::AccessDenied);
        assert_eq!(given.load(Ordering::SeqCst), 1, "it was got just now");
        clock.set(1_000_000 + 60_001);
        assert_eq!(wrap(&key).err().unwrap().code, ErrorCode::AccessDenied);
        wrap(&key).unwrap();
        assert_eq!(given.load(Ordering::SeqCst), 2, "status {status}");
    }
}

#[test]
fn failures_come_through_the_sdk_as_they_are() {
    let (key, seen) = key_at(VAULT, None, |_, _| {
        let headers = [("x-ms-request-id", "b7f4"), ("retry-after", "2")];
        reply(429, &headers, &json!({ "error": { "code": "Throttled" } }))
    });
    let failure = wrap(&key).err().unwrap();
    assert_eq!((failure.code, failure.retry_after), (ErrorCode::Throttled, Some(std::time::Duration::from_secs(2))));
    assert_eq!(failure.request_id.as_deref(), Some("b7f4"));
    assert_eq!(seen.lock().unwrap().len(), 1, "the SDK does not retry");

    let refused = |request: &reqwest::Request| match request.url().host_str() {
        Some("login.microsoftonline.com") => {
            reply(401, &[], &json!({ "error": "invalid_client", "error_codes": [7000215] }))
        }
        _ => challenge_of(&format!("https://login.windows.net/{TENANT}"), "https://vault.azure.net"),
    };
    let failure = wrap(&key_over(VAULT, None, refused)).err().unwrap();
    assert_eq!(failure.code, ErrorCode::AccessDenied);
    assert!(failure.message.contains("AADSTS7000215"), "{}", failure.message);

    let down = |request: &reqwest::Request| match request.url().host_str() {
        Some("login.microsoftonline.com") => reply(503, &[], &json!("down")),
        _ => challenge_of(&format!("https://login.windows.net/{TENANT}"), "https://vault.azure.net"),
    };
    assert_eq!(wrap(&key_over(VAULT, None, down)).err().unwrap().code, ErrorCode::KmsUnavailable);

    let redirect = |_: &reqwest::Request| reply(307, &[("location", "https://evil.example/")], &json!({}));
    assert_eq!(wrap(&key_over(VAULT, None, redirect)).err().unwrap().code, ErrorCode::KmsUnavailable);
}

/// Answers of the real service (see the README of the test server).
#[test]
fn the_recording_of_the_real_service_is_understood() {
    let recording: Value =
        serde_json::from_str(include_str!("../../../../tests/servers/azure/recording/wrap-unwrap.json")).unwrap();
    let entry = |verb: &str| {
        let entries = recording["entries"].as_array().unwrap().clone();
        entries.into_iter().find(|entry| entry["request"]["path"].as_str().unwrap().ends_with(verb)).unwrap()
    };
    let (wrapped, unwrapped) = (entry("/wrapkey"), entry("/unwrapkey"));
    let url = wrapped["body"]["kid"].as_str().unwrap();
    let (wrap_body, unwrap_body) = (wrapped["body"].clone(), unwrapped["body"].clone());
    let (key, seen) = key_at(url, None, move |path, _| {
        let headers = [("content-type", "application/json; charset=utf-8")];
        reply(200, &headers, if path.ends_with("/unwrapkey") { &unwrap_body } else { &wrap_body })
    });
    let decode = |value: &Value| URL_SAFE_NO_PAD.decode(value.as_str().unwrap()).unwrap();
    let blob = wrap(&key).unwrap().value;
    let (version, ciphertext) = key.open_blob(&[9; 32], &blob).unwrap();
    assert_eq!(ciphertext, decode(&wrapped["body"]["value"]));
    // What was recorded wraps 32 bytes.
    let answer = block_on(key.ask(Operation::Unwrap, Some(version), ciphertext.to_vec())).unwrap();
    assert_eq!(answer.value.as_slice(), decode(&unwrapped["body"]["value"]));
    let seen = seen.lock().unwrap();
    for ((path, body), recorded) in seen.iter().zip([&wrapped, &unwrapped]) {
        assert_eq!(path, recorded["request"]["path"].as_str().unwrap());
        assert_eq!(body["alg"], recorded["request"]["body"]["alg"]);
    }
    assert_eq!(seen[1].1["value"], unwrapped["request"]["body"]["value"]);
}
