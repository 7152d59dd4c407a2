use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::kms::network::{NetworkConfig, ProxyRule, Secretive};
use crate::runtime::block_on;

/// Answers every connection with `answer`, and tells what it was asked.
async fn server(answer: Vec<u8>) -> (SocketAddr, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let length = stream.read(&mut request).await.unwrap_or(0);
            let _ = tell.send(String::from_utf8_lossy(&request[..length]).into_owned());
            let _ = stream.write_all(&answer).await;
        }
    });
    (address, told)
}

fn clients(proxy: ProxyRule, route: Option<SocketAddr>) -> HttpClients {
    let network = Network::new(&NetworkConfig { proxy, ca_bundle: None }).unwrap();
    HttpClients::new(Arc::new(network), Duration::from_secs(2), route)
}

async fn get(clients: &HttpClients, url: &str) -> Result<Reply, KmsFailure> {
    let client = clients.for_this_runtime()?;
    send(&client, client.get(url).build().unwrap()).await
}

#[test]
fn a_redirect_is_a_reply_and_names_stay_on_a_route() {
    block_on(async {
        let answer = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/evil\r\nSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\nno";
        let (address, mut told) = server(answer.to_vec()).await;
        let clients = clients(ProxyRule::Direct, Some(address));
        for _ in 0..2 {
            let reply = get(&clients, "http://name.vault.example/keys").await.unwrap();
            assert_eq!((reply.status.as_u16(), reply.body.as_slice()), (302, b"no".as_slice()));
            let request = told.recv().await.unwrap();
            assert!(request.contains("host: name.vault.example\r\n"), "{request}");
            assert!(!request.contains("cookie") && !request.contains("accept-encoding"), "{request}");
        }
    });
}

#[test]
fn a_reply_is_cut_off_at_the_limit() {
    block_on(async {
        let reply = |length: usize| {
            let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").into_bytes();
            answer.resize(answer.len() + length, b'x');
            answer
        };
        let (address, _told) = server(reply(MAX_REPLY)).await;
        let whole = get(&clients(ProxyRule::Direct, Some(address)), "http://a.example/").await.unwrap();
        assert_eq!(whole.body.len(), MAX_REPLY);
        let (address, _told) = server(reply(MAX_REPLY + 1)).await;
        let failure = get(&clients(ProxyRule::Direct, Some(address)), "http://a.example/").await.unwrap_err();
        assert_eq!(failure.code, ErrorCode::KmsUnavailable);
        assert!(failure.message.contains("65536 bytes"), "{}", failure.message);
    });
}

#[test]
fn a_truncated_reply_and_a_closed_port_are_outages_that_name_no_address() {
    block_on(async {
        let (address, _told) = server(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_vec()).await;
        let failure = get(&clients(ProxyRule::Direct, Some(address)), "http://secret.example/path").await.unwrap_err();
        assert_eq!(failure.code, ErrorCode::KmsUnavailable);
        assert!(!failure.message.contains("secret.example"), "{}", failure.message);
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let failure = get(&clients(ProxyRule::Direct, Some(closed)), "http://secret.example/path").await.unwrap_err();
        assert_eq!(failure.code, ErrorCode::KmsUnavailable);
        assert!(!failure.message.contains("secret.example"), "{}", failure.message);
    });
}

#[test]
fn a_proxy_is_for_https_and_never_for_this_machine() {
    block_on(async {
        let (proxy, mut told) = server(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n".to_vec()).await;
        let (origin, _) = server(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()).await;
        let clients = clients(ProxyRule::Url(Secretive(format!("http://user:word@{proxy}"))), None);
        assert_eq!(get(&clients, &format!("http://{origin}/")).await.unwrap().status.as_u16(), 204);
        // Not TLS: the call fails, but not at the proxy.
        get(&clients, &format!("https://{origin}/")).await.unwrap_err();
        assert!(told.try_recv().is_err());
        let failure = get(&clients, "https://name.vault.azure.net/").await.unwrap_err();
        assert!(!failure.message.contains("word"), "{}", failure.message);
        let request = told.recv().await.unwrap();
        assert!(request.starts_with("CONNECT name.vault.azure.net:443 "), "{request}");
        assert!(request.to_ascii_lowercase().contains("proxy-authorization: basic"), "{request}");
    });
}

#[test]
fn what_cannot_be_a_proxy_or_a_bundle_is_refused_when_the_vault_is_opened() {
    for text in ["", "ftp://proxy", "proxy:8080", "Environment", "user:word@proxy"] {
        let error = ProxyRule::parse(text).unwrap_err();
        assert_eq!((error.code(), error.field()), (ErrorCode::InvalidConfig, Some("network.proxy")), "{text}");
        assert!(text.is_empty() || !error.message().contains(text), "{text}");
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.pem");
    for contents in
        [None, Some(""), Some("no certificate"), Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")]
    {
        if let Some(contents) = contents {
            std::fs::write(&path, contents).unwrap();
        }
        let config = NetworkConfig { proxy: ProxyRule::Direct, ca_bundle: Some(path.clone()) };
        let error = Network::new(&config).map(|_| ()).unwrap_err();
        assert_eq!(error.field(), Some("network.ca_bundle"), "{contents:?}");
    }
}

#[test]
fn each_runtime_has_its_own_client() {
    let clients = clients(ProxyRule::Direct, None);
    assert_eq!(clients.for_this_runtime().unwrap_err().code, ErrorCode::InvalidArgument);
    block_on(async { clients.for_this_runtime().map(|_| ()) }).unwrap();
}
