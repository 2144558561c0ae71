//! Names at the beginning of a connection: the server name of a TLS ClientHello
//! (RFC 6066 §3) and the Host field of an HTTP request (RFC 9110 §7.2).

use tls_parser::{
    TlsExtension, TlsMessage, TlsMessageHandshake, TlsRecordType,
    parse_tls_client_hello_extensions, parse_tls_message_handshake, parse_tls_raw_record,
};

use crate::lab::traffic::Evidence;
use crate::model::domain::DomainName;

/// Fields of a request that are looked at.
const MOST_FIELDS: usize = 64;
/// Records that a ClientHello is put together from.
const MOST_RECORDS: usize = 16;

/// What the beginning of a stream says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A name.
    Name(DomainName, Evidence),
    /// Nothing, and more bytes will not change that.
    Nothing,
    /// Too little to tell.
    TooLittle,
}

/// What a client's first bytes say.
pub(super) fn read(bytes: &[u8]) -> Said {
    match bytes {
        [] => Said::TooLittle,
        [22, ..] => tls(bytes),
        [b'A'..=b'Z', ..] => http(bytes),
        _ => Said::Nothing,
    }
}

/// A ClientHello may be spread over several records (RFC 8446 §5.1).
fn tls(bytes: &[u8]) -> Said {
    let mut rest = bytes;
    let mut handshake = Vec::new();
    for _ in 0..MOST_RECORDS {
        match parse_tls_raw_record(rest) {
            Ok((left, record)) if record.hdr.record_type == TlsRecordType::Handshake => {
                handshake.extend_from_slice(record.data);
                rest = left;
            }
            Ok(_) => return Said::Nothing,
            Err(tls_parser::Err::Incomplete(_)) => return Said::TooLittle,
            Err(_) => return Said::Nothing,
        }
        match client_hello(&handshake) {
            Said::TooLittle => {}
            said => return said,
        }
    }
    Said::Nothing
}

/// The server name of a handshake message that is a ClientHello.
pub(super) fn client_hello(handshake: &[u8]) -> Said {
    if handshake.first().is_some_and(|kind| *kind != 1) {
        return Said::Nothing;
    }
    let hello = match parse_tls_message_handshake(handshake) {
        Ok((_, TlsMessage::Handshake(TlsMessageHandshake::ClientHello(hello)))) => hello,
        Err(tls_parser::Err::Incomplete(_)) => return Said::TooLittle,
        _ => return Said::Nothing,
    };
    let Some(Ok((_, extensions))) = hello.ext.map(parse_tls_client_hello_extensions) else {
        return Said::Nothing;
    };
    // Type 0 is a host name, and there is no other (RFC 6066 §3).
    let names = extensions.iter().filter_map(|extension| match extension {
        TlsExtension::SNI(names) => names.iter().find(|(kind, _)| kind.0 == 0),
        _ => None,
    });
    let mut named = names.filter_map(|(_, name)| host(std::str::from_utf8(name).ok()?));
    named.next().map_or(Said::Nothing, |name| Said::Name(name, Evidence::TlsSni))
}

fn http(bytes: &[u8]) -> Said {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(bytes) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Said::TooLittle,
        Err(_) => return Said::Nothing,
    }
    let field = request.headers.iter().find(|field| field.name.eq_ignore_ascii_case("host"));
    let value = field.and_then(|field| std::str::from_utf8(field.value).ok());
    let name = value.and_then(|value| host(value.split(':').next().unwrap_or(value).trim()));
    name.map_or(Said::Nothing, |name| Said::Name(name, Evidence::HttpHost))
}

/// A host that is a name of the Internet, no address and no single word.
fn host(text: &str) -> Option<DomainName> {
    if text.parse::<std::net::IpAddr>().is_ok() {
        return None;
    }
    let name: DomainName = text.parse().ok()?;
    name.as_str().contains('.').then_some(name)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A ClientHello with the server name `name` as a handshake message.
    pub(in super::super) fn hello(name: &str) -> Vec<u8> {
        let short = |length: usize| u16::try_from(length).unwrap().to_be_bytes();
        let mut sni = vec![0, 0];
        sni.extend(short(name.len() + 5));
        sni.extend(short(name.len() + 3));
        sni.push(0);
        sni.extend(short(name.len()));
        sni.extend(name.as_bytes());
        let mut body = vec![3, 3];
        body.extend([9; 32]);
        body.extend([0, 0, 2, 0x13, 1, 1, 0]);
        // An unknown extension before it.
        body.extend(short(sni.len() + 6));
        body.extend([0xfa, 0xfa, 0, 2, 1, 2]);
        body.extend(sni);
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[1][..], &length[1..], &body].concat()
    }

    /// `handshake` in records of at most `size` bytes.
    pub(in super::super) fn records(handshake: &[u8], size: usize) -> Vec<u8> {
        let record = |part: &[u8]| {
            let length = u16::try_from(part.len()).unwrap().to_be_bytes();
            [&[22, 3, 1][..], &length, part].concat()
        };
        handshake.chunks(size).flat_map(record).collect()
    }

    fn name(text: &str, by: Evidence) -> Said {
        Said::Name(text.parse().unwrap(), by)
    }

    #[test]
    fn a_server_name_is_read_however_its_records_are_cut() {
        let handshake = hello("Api.Example.com");
        for size in [20, 40, 16_000] {
            let bytes = records(&handshake, size);
            assert_eq!(read(&bytes), name("api.example.com", Evidence::TlsSni), "{size}");
            for end in 0..bytes.len() {
                assert_eq!(read(&bytes[..end]), Said::TooLittle, "{end} of {size}");
            }
        }
    }

    #[test]
    fn a_request_names_its_host() {
        let request = b"POST /report HTTP/1.1\r\nContent-Length: 3\r\nHOST: update.example.com:8080\r\n\r\nabc";
        assert_eq!(read(request), name("update.example.com", Evidence::HttpHost));
        assert_eq!(read(&request[..40]), Said::TooLittle);
    }

    #[test]
    fn what_names_nobody_says_nothing() {
        for bytes in [
            &b"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00"[..],
            b"\x17\x03\x01\x00\x05aaaaa",
            b"\x10\x2a\x00\x04MQTT",
            b"GET / HTTP/1.0\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: printer\r\n\r\n",
            b"SSH-2.0-OpenSSH\x00\r\n",
        ] {
            assert_eq!(read(bytes), Said::Nothing, "{bytes:?}");
        }
        assert_eq!(read(&records(&hello("192.0.2.9"), 9_000)), Said::Nothing);
    }
}
