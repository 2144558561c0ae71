//! `hayrake ready`: ask a running service for its `/readyz`.
//!
//! A container without a shell has no other program to ask, and an operator
//! needs no flags for TLS: the configuration says where the service is and
//! which certificate it shows.

mod tls;

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use serde::Deserialize;

use super::Outcome;

/// Longest wait for a connection, and for each part of the answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// Largest answer that is read: warnings are a few sentences.
const MOST: u64 = 64 << 10;

/// Ask a running service whether it takes in flows.
///
/// Prints what it waits for and what it warns of. Ends with 0 when it is ready,
/// with 1 when it is not or when nobody answers, and with 2 when it could not be
/// asked. Fit for a container's health check.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  hayrake ready
  hayrake ready -c /etc/hayrake/hayrake.yaml   (also where it serves TLS)
  hayrake ready --http 192.0.2.10:8080 --json")]
pub(super) struct Ready {
    /// The configuration of the service: says where it serves, and by which
    /// certificate it is known.
    #[arg(short, long, value_name = "FILE", conflicts_with = "http")]
    config: Option<PathBuf>,
    /// Where it serves in the clear.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    http: SocketAddr,
    /// Print what the service says as JSON.
    #[arg(long)]
    json: bool,
}

/// What `/readyz` says.
#[derive(Deserialize)]
struct Answer {
    ready: bool,
    waiting_for: Vec<String>,
    warnings: Vec<String>,
}

impl Ready {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        let (address, certificate) = match &self.config {
            None => (self.http, None),
            Some(path) => {
                let config = super::config(path)?;
                (near(config.http), config.tls.map(|tls| tls.cert))
            }
        };
        let asked = match &certificate {
            None => connect(address).and_then(ask),
            Some(path) => {
                let known = tls::Known::read(path)?;
                connect(address).and_then(|stream| ask(known.talk(stream)?))
            }
        };
        let body = match asked {
            Ok(body) => body,
            Err(error) => {
                println!("not ready: no answer from {address}: {error}");
                return Ok(Outcome::Findings);
            }
        };
        let answer: Answer = serde_json::from_str(&body)
            .with_context(|| format!("{address} answers, but not as hayrake does"))?;
        if self.json {
            println!("{body}");
        } else {
            println!("{}", if answer.ready { "ready" } else { "not ready" });
            answer.waiting_for.iter().for_each(|what| println!("waiting for: {what}"));
            answer.warnings.iter().for_each(|what| println!("warning: {what}"));
        }
        Ok(if answer.ready { Outcome::Fine } else { Outcome::Findings })
    }
}

/// Who listens on every address is asked on this machine's own.
fn near(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// The body of the answer. Its status says the same as `ready` in it.
fn ask(mut stream: impl Read + Write) -> io::Result<String> {
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: hayrake\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(MOST).read_to_end(&mut answer)?;
    let wrong = || io::Error::new(io::ErrorKind::InvalidData, "no answer of HTTP");
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let head = match response.parse(&answer) {
        Ok(httparse::Status::Complete(length)) => length,
        _ => return Err(wrong()),
    };
    String::from_utf8(answer.split_off(head)).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_listens_everywhere_is_asked_here() {
        let near = |text: &str| near(text.parse().unwrap()).to_string();
        assert_eq!(near("0.0.0.0:8080"), "127.0.0.1:8080");
        assert_eq!(near("[::]:8443"), "[::1]:8443");
        assert_eq!(near("192.0.2.10:80"), "192.0.2.10:80");
    }
}
