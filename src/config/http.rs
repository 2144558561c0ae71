//! The section `http`: where the API is served, by what it is protected, and
//! the files of TLS made into what a server needs.
//!
//! TLS 1.3 only, by rustls with ring: whatever reads this API is younger than
//! 2018. A private key that everybody can read is refused; one that a group can
//! read is how distributions share a host's certificate, and is taken.

use std::fs::File;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{Error as TlsError, RootCertStore, ServerConfig};

use super::read::{Named, or, read_path};
use super::settings::default_http;
use super::values::read_listener;
use crate::signature::document::{Node, Value};
use crate::signature::fields::{Fields, Report};

/// Largest file of certificates or keys: some hundred certificates.
const MAX_BYTES: u64 = 1 << 20;

/// The files of TLS.
#[derive(Clone, Debug, PartialEq)]
pub struct Tls {
    /// The server's certificate and those between it and the root, PEM.
    pub cert: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// Certificates of those who sign clients' certificates, PEM.
    pub client_ca: Option<PathBuf>,
}

impl Tls {
    /// What a server needs, or what is wrong with which file.
    pub fn load(&self) -> Result<Arc<ServerConfig>, String> {
        let said = |path: &Path, what: &str| format!("{}: {what}", path.display());
        let chain = certificates(&self.cert)?;
        let (bytes, mode) = read(&self.key)?;
        if mode & 0o007 != 0 {
            let what = format!(
                "a private key with mode {mode:04o}, which everybody can use; allowed: mode 0600, or 0640"
            );
            return Err(said(&self.key, &what));
        }
        let key = PrivateKeyDer::from_pem_slice(&bytes)
            .map_err(|_| said(&self.key, "no private key; allowed: PEM, not encrypted"))?;
        let provider = Arc::new(ring::default_provider());
        let server = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&TLS13])
            .map_err(|error| error.to_string())?;
        let server = match &self.client_ca {
            None => server.with_no_client_auth(),
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(path)? {
                    roots.add(certificate).map_err(|error| said(path, &error.to_string()))?;
                }
                // Who shows no certificate may see what is open to all; who
                // shows one that does not hold is not connected.
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                        .allow_unauthenticated()
                        .build()
                        .map_err(|error| said(path, &error.to_string()))?;
                server.with_client_cert_verifier(verifier)
            }
        };
        let mut server = server.with_single_cert(chain, key).map_err(|error| match error {
            TlsError::InconsistentKeys(_) => {
                said(&self.key, &format!("not the key of {}", self.cert.display()))
            }
            error => said(&self.cert, &error.to_string()),
        })?;
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        // A ticket would let a client go on without its certificate being
        // looked at again after a reload.
        server.send_tls13_tickets = 0;
        Ok(Arc::new(server))
    }

    /// The files.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.cert, &self.key].into_iter().chain(&self.client_ca)
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let failed = || format!("{}: no certificate; allowed: PEM", path.display());
    let (bytes, _) = read(path)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    read.ok().filter(|chain| !chain.is_empty()).ok_or_else(failed)
}

/// The content of a file and its mode.
fn read(path: &Path) -> Result<(Vec<u8>, u32), String> {
    let read = || -> io::Result<_> {
        let file = File::open(path)?;
        let mode = file.metadata()?.mode() & 0o777;
        let mut bytes = Vec::new();
        file.take(MAX_BYTES).read_to_end(&mut bytes)?;
        Ok((bytes, mode))
    };
    read().map_err(|error| format!("{}: {error}", path.display()))
}

/// What the section says.
pub(super) struct Http {
    pub(super) listen: SocketAddr,
    pub(super) token_file: Option<PathBuf>,
    pub(super) tls: Option<Tls>,
}

impl Default for Http {
    fn default() -> Self {
        Self { listen: default_http(), token_file: None, tls: None }
    }
}

/// Where to serve: an address, or a mapping that also names the token file and
/// the files of TLS.
pub(super) fn read_http(
    node: &Node,
    base: &Path,
    named: &mut Named,
    report: &mut Report,
) -> Option<Http> {
    let http = if matches!(node.value, Value::Mapping(_)) {
        read_mapping(node, base, named, report)?
    } else {
        Http { listen: read_listener(node, "http", report)?, ..Http::default() }
    };
    if let Some(warning) = open_to_others(http.listen, http.tls.is_some()) {
        report.warning(
            node.line,
            warning,
            "an address of this machine such as 127.0.0.1:8080, or `tls`",
        );
    }
    Some(http)
}

/// What is to be said of an API that others can reach without TLS.
pub fn open_to_others(listen: SocketAddr, tls: bool) -> Option<String> {
    (!tls && !listen.ip().to_canonical().is_loopback()).then(|| {
        format!("http on {listen} without `tls`: others on the network can read and change what is answered, so single lines and small counts are given to this machine only")
    })
}

fn read_mapping(node: &Node, base: &Path, named: &mut Named, report: &mut Report) -> Option<Http> {
    let fields = Fields::read(node, "http", &["listen", "token_file", "tls"], report)?;
    let listen = or(&fields, "listen", default_http, |node| read_listener(node, "listen", report));
    let token_file = or(
        &fields,
        "token_file",
        || None,
        |node| {
            let path = read_path(node, "token_file", base, report)?;
            named.token = Some((path.clone(), node.line));
            Some(Some(path))
        },
    );
    let tls = or(
        &fields,
        "tls",
        || None,
        |node| {
            let tls = read_tls(node, base, report)?;
            named.tls = Some((tls.clone(), node.line));
            Some(Some(tls))
        },
    );
    Some(Http { listen: listen?, token_file: token_file?, tls: tls? })
}

fn read_tls(node: &Node, base: &Path, report: &mut Report) -> Option<Tls> {
    let fields = Fields::read(node, "tls", &["cert", "key", "client_ca"], report)?;
    let mut file = |key: &str| {
        let node = fields.required(key, "the path of a PEM file", report)?;
        read_path(node, key, base, report)
    };
    let (cert, key) = (file("cert"), file("key"));
    let client_ca = or(
        &fields,
        "client_ca",
        || None,
        |node| read_path(node, "client_ca", base, report).map(Some),
    );
    Some(Tls { cert: cert?, key: key?, client_ca: client_ca? })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    struct Files(tempfile::TempDir);

    impl Files {
        fn write(&self, name: &str, content: &str, mode: u32) -> PathBuf {
            let path = self.0.path().join(name);
            std::fs::write(&path, content).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            path
        }
    }

    #[test]
    fn what_is_wrong_with_tls_names_the_file() {
        let files = Files(tempfile::tempdir().unwrap());
        let made = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (one, other) = (made(), made());
        let cert = files.write("cert.pem", &one.cert.pem(), 0o644);
        let key = files.write("key.pem", &one.signing_key.serialize_pem(), 0o640);
        let tls = |cert: &Path, key: &Path, ca: Option<&Path>| Tls {
            cert: cert.to_owned(),
            key: key.to_owned(),
            client_ca: ca.map(Path::to_owned),
        };
        tls(&cert, &key, Some(&cert)).load().unwrap();
        let others = files.write("other.pem", &other.signing_key.serialize_pem(), 0o600);
        let open = files.write("open.pem", &one.signing_key.serialize_pem(), 0o644);
        let empty = files.write("empty.pem", "", 0o600);
        let missing = files.0.path().join("missing.pem");
        for (tls, named, why) in [
            (tls(&cert, &others, None), &others, "not the key of"),
            (tls(&cert, &open, None), &open, "mode 0644"),
            (tls(&cert, &empty, None), &empty, "no private key"),
            (tls(&cert, &cert, None), &cert, "mode 0644"),
            (tls(&empty, &key, None), &empty, "no certificate"),
            (tls(&cert, &key, Some(&empty)), &empty, "no certificate"),
            (tls(&missing, &key, None), &missing, "No such file"),
        ] {
            let wrong = tls.load().err().unwrap();
            assert!(wrong.starts_with(&named.display().to_string()), "{wrong}");
            assert!(wrong.contains(why), "{wrong}");
        }
    }
}
