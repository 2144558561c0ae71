//! TLS by the real binary: who is let in with which certificate, and new
//! certificates without a restart.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use support::{Hayrake, PATIENCE, Site, eventually};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Who signs certificates.
struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, PEM.
struct Signed {
    cert: String,
    key: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn sign(&self, name: &str) -> Signed {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let cert = params.signed_by(&key, &self.0).unwrap();
        Signed { cert: cert.pem(), key: key.serialize_pem() }
    }
}

/// GET over TLS, with a client certificate if there is one: status and body, or
/// what went wrong.
fn get(
    http: SocketAddr,
    path: &str,
    trusted: &Authority,
    client: Option<&Signed>,
) -> Result<(u16, String), std::io::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.0.pem().as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match client {
        None => config.with_no_client_auth(),
        Some(client) => {
            let cert = CertificateDer::from_pem_slice(client.cert.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(client.key.as_bytes()).unwrap();
            config.with_client_auth_cert(vec![cert], key).unwrap()
        }
    };
    let name = ServerName::try_from("hayrake.test").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = TcpStream::connect(http)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut stream = StreamOwned::new(connection, stream);
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    Ok((head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned()))
}

fn write_private(site: &Site, name: &str, content: &str, mode: u32) {
    site.write(name, content);
    let mode = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(site.path(name), mode).unwrap();
}

/// A service that shows a certificate of `server` and believes those of
/// `clients`.
fn run(server: &Authority, clients: &Authority) -> (Site, Hayrake) {
    let site = Site::new();
    let signed = server.sign("hayrake.test");
    site.write("cert.pem", &signed.cert);
    write_private(&site, "key.pem", &signed.key, 0o600);
    site.write("clients.pem", &clients.0.pem());
    site.configure("http: {listen: 127.0.0.1:0, tls: {cert: cert.pem, key: key.pem, client_ca: clients.pem}}\n");
    let hayrake = site.run();
    (site, hayrake)
}

const LINE: &str = "/api/v1/lines/00000000000000010000000000000003";

#[test]
fn a_client_certificate_opens_single_lines_and_a_strange_one_nothing() {
    let (server, clients) = (Authority::new(), Authority::new());
    let (_site, hayrake) = run(&server, &clients);
    let client = clients.sign("scraper");
    let strange = server.sign("scraper");
    let (status, text) = get(hayrake.http, "/healthz", &server, None).unwrap();
    assert_eq!((status, &*text), (200, "ok\n"), "what is open needs no certificate");
    let (status, text) = get(hayrake.http, LINE, &server, None).unwrap();
    assert_eq!(status, 401, "{text}");
    let (status, text) = get(hayrake.http, LINE, &server, Some(&client)).unwrap();
    assert_eq!(status, 404, "it may ask, and nothing is claimed there: {text}");
    get(hayrake.http, "/healthz", &server, Some(&strange)).unwrap_err();
    get(hayrake.http, "/healthz", &clients, None).unwrap_err();
    eventually("both are counted", || {
        let (_, metrics) = get(hayrake.http, "/metrics", &server, None).unwrap();
        let refused = metrics.lines().find(|line| line.contains("reason=\"handshake\""));
        refused.is_some_and(|line| line.ends_with(" 2"))
    });
    // Who speaks no TLS is no guest.
    let mut plain = TcpStream::connect(hayrake.http).unwrap();
    plain.set_read_timeout(Some(PATIENCE)).unwrap();
    plain.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    assert!(hayrake.terminate().success());
}

#[test]
fn new_certificates_are_taken_and_those_that_do_not_fit_refused() {
    let (old, new, clients) = (Authority::new(), Authority::new(), Authority::new());
    let (site, mut hayrake) = run(&old, &clients);
    get(hayrake.http, "/healthz", &new, None).unwrap_err();

    // A certificate without its key: what was in force stays so.
    let signed = new.sign("hayrake.test");
    site.write("cert.pem", &signed.cert);
    hayrake.signal("-HUP");
    let told = hayrake.wait_for_log("reload refused");
    assert!(told.contains("key.pem: not the key of"), "{told}");
    get(hayrake.http, "/healthz", &old, None).unwrap();

    write_private(&site, "key.pem", &signed.key, 0o600);
    hayrake.signal("-HUP");
    eventually("the new one is shown", || get(hayrake.http, "/healthz", &new, None).is_ok());
    get(hayrake.http, "/healthz", &old, None).unwrap_err();

    write_private(&site, "key.pem", &signed.key, 0o644);
    hayrake.signal("-HUP");
    let told = hayrake.wait_for_log("which everybody can use");
    assert!(told.contains("key.pem") && told.contains("0644"), "{told}");
    assert!(!hayrake.log_so_far().contains("PRIVATE KEY"));
    assert!(hayrake.terminate().success());
}

#[test]
fn ready_asks_the_service_that_the_configuration_names() {
    // A port that was free a moment ago.
    let http = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (server, other) = (Authority::new(), Authority::new());
    let site = Site::new();
    let signed = server.sign("hayrake.test");
    site.write("cert.pem", &signed.cert);
    write_private(&site, "key.pem", &signed.key, 0o600);
    site.configure(&format!("http: {{listen: '{http}', tls: {{cert: cert.pem, key: key.pem}}}}\n"));
    let ready = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_hayrake"));
        let output = command.arg("ready").args(arguments).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let config = site.path("hayrake.yaml");
    let by_config = ["-c", config.to_str().unwrap()];
    let (code, said) = ready(&by_config);
    assert_eq!(code, 1, "{said}");
    assert!(said.starts_with(&format!("not ready: no answer from {http}")), "{said}");

    let hayrake = site.run();
    eventually("it is ready", || ready(&by_config) == (0, "ready\n".to_owned()));
    let (code, said) = ready(&["-c", config.to_str().unwrap(), "--json"]);
    let answer: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &answer["ready"]), (0, &true.into()));
    // In the clear it is no service of HTTP.
    assert_eq!(ready(&["--http", &http.to_string()]).0, 1);
    // Whoever else answers there is not this service.
    site.write("cert.pem", &other.sign("hayrake.test").cert);
    let (code, said) = ready(&by_config);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("another certificate"), "{said}");
    assert!(hayrake.terminate().success());
}
