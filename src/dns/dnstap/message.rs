//! The dnstap message around a DNS message (dnstap.info, `dnstap.proto`), as
//! Protocol Buffers. Only what is needed has a field here: whatever else was
//! sent, above all who asked, is skipped by the parser and never becomes a
//! value.

use std::fmt;

use prost::Message as _;
use serde::{Serialize, Serializer};

use crate::model::time::Timestamp;

/// A dnstap message that is about a DNS message (`Dnstap.Type`).
const MESSAGE: i32 = 1;

/// `dnstap.Dnstap`.
#[derive(Clone, PartialEq, prost::Message)]
struct Dnstap {
    #[prost(message, optional, tag = "14")]
    message: Option<Tapped>,
    #[prost(int32, tag = "15")]
    kind: i32,
}

/// `dnstap.Message`.
#[derive(Clone, PartialEq, prost::Message)]
struct Tapped {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(uint64, optional, tag = "12")]
    response_time_sec: Option<u64>,
    #[prost(fixed32, optional, tag = "13")]
    response_time_nsec: Option<u32>,
    #[prost(bytes = "vec", optional, tag = "14")]
    response_message: Option<Vec<u8>>,
}

/// A response as a server sent or got it (`dnstap.Message.Type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessageType {
    /// What an authoritative server sent.
    AuthResponse = 2,
    /// What a resolver got from an authoritative server.
    ResolverResponse = 4,
    /// What a resolver sent to a client.
    ClientResponse = 6,
    /// What a resolver got from the server that it forwards to.
    ForwarderResponse = 8,
}

impl MessageType {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::AuthResponse, Self::ResolverResponse, Self::ClientResponse, Self::ForwarderResponse];

    /// As it is written in a configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AuthResponse => "auth_response",
            Self::ResolverResponse => "resolver_response",
            Self::ClientResponse => "client_response",
            Self::ForwarderResponse => "forwarder_response",
        }
    }
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The kinds of messages that answers are taken from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MessageTypes(u16);

impl MessageTypes {
    /// What resolvers got from authoritative servers, and nothing else.
    pub const RESOLVER: Self = Self(1 << MessageType::ResolverResponse as u16);

    /// Whether messages of this kind are taken.
    pub fn contains(self, kind: MessageType) -> bool {
        self.has(kind as i32)
    }

    /// The kinds that are taken.
    pub fn iter(self) -> impl Iterator<Item = MessageType> {
        MessageType::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }

    fn has(self, number: i32) -> bool {
        (0..16).contains(&number) && self.0 & (1 << number) != 0
    }
}

impl FromIterator<MessageType> for MessageTypes {
    fn from_iter<T: IntoIterator<Item = MessageType>>(kinds: T) -> Self {
        Self(kinds.into_iter().fold(0, |set, kind| set | 1 << kind as i32))
    }
}

impl Default for MessageTypes {
    /// What resolvers got from authoritative servers: it is nobody's answer in
    /// particular.
    fn default() -> Self {
        Self::RESOLVER
    }
}

impl fmt::Debug for MessageTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for MessageTypes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(MessageType::as_str))
    }
}

/// A DNS response out of a frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Response {
    /// When it was sent or got, if that was said.
    pub(super) at: Option<Timestamp>,
    /// The DNS message.
    pub(super) message: Vec<u8>,
}

/// Reads a data frame; `None` if it is not of the kinds asked for.
pub(super) fn read_frame(frame: &[u8], types: MessageTypes) -> Result<Option<Response>, String> {
    let dnstap = Dnstap::decode(frame).map_err(|error| error.to_string())?;
    let Some(tapped) = dnstap.message.filter(|_| dnstap.kind == MESSAGE) else {
        return Err("a dnstap frame without a message".to_owned());
    };
    if !types.has(tapped.kind) {
        return Ok(None);
    }
    let Some(message) = tapped.response_message else {
        return Err("a response without its DNS message".to_owned());
    };
    let at = tapped.response_time_sec.map(|seconds| {
        let millis = u64::from(tapped.response_time_nsec.unwrap_or(0) / 1_000_000).min(999);
        Timestamp::from_millis(seconds.saturating_mul(1_000).saturating_add(millis))
    });
    Ok(Some(Response { at, message }))
}

/// A frame of this kind as a server would send it, for tests and labs.
pub fn frame(kind: MessageType, at: Option<Timestamp>, message: &[u8]) -> Vec<u8> {
    let millis = at.map(Timestamp::as_millis);
    let tapped = Tapped {
        kind: kind as i32,
        response_time_sec: millis.map(|millis| millis / 1_000),
        response_time_nsec: millis
            .and_then(|millis| u32::try_from(millis % 1_000 * 1_000_000).ok()),
        response_message: Some(message.to_vec()),
    };
    Dnstap { message: Some(tapped), kind: MESSAGE }.encode_to_vec()
}
