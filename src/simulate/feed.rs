//! An ISP's datagrams one by one, as a clock asks for them: what the
//! demonstration sends.
//!
//! One hour of datagrams is held; the next is drawn in small parts in between
//! and taken over when the hour is used up.

use std::convert::Infallible;
use std::ops::Range;

use super::isp::{Isp, Sent};
use crate::model::time::Timestamp;

/// A datagram that waits for its time.
#[derive(Clone, Debug)]
struct Waiting {
    at: Timestamp,
    router: usize,
    port: u16,
    payload: Range<usize>,
}

/// A datagram whose time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due<'a> {
    /// When it should be sent.
    pub at: Timestamp,
    /// Which router sends it.
    pub router: usize,
    /// The collector's port by custom.
    pub port: u16,
    /// The datagram.
    pub payload: &'a [u8],
}

/// An ISP and the datagrams of its current hour.
#[derive(Debug)]
pub struct Feed {
    isp: Isp,
    waiting: Vec<Waiting>,
    /// The payloads of all of them.
    bytes: Vec<u8>,
    /// How many of them have been given out.
    given: usize,
}

impl Feed {
    /// A feed of `isp`, whose first hour is drawn at once.
    pub fn new(isp: Isp) -> Self {
        let mut feed = Self { isp, waiting: Vec::new(), bytes: Vec::new(), given: 0 };
        feed.take_hour();
        feed
    }

    /// The ISP.
    pub fn isp(&self) -> &Isp {
        &self.isp
    }

    /// The next datagram if it is to be sent by `now`.
    pub fn due(&mut self, now: Timestamp) -> Option<Due<'_>> {
        while self.given == self.waiting.len() {
            if !self.take_hour() {
                return None;
            }
        }
        let Waiting { at, router, port, payload } = self.waiting.get(self.given)?.clone();
        if at > now {
            return None;
        }
        self.given += 1;
        Some(Due { at, router, port, payload: self.bytes.get(payload)? })
    }

    /// Draws up to `lines` more lines of the next hour; false when there is
    /// nothing to draw until this hour is used up.
    pub fn prepare(&mut self, lines: usize) -> bool {
        self.isp.prepare(lines)
    }

    /// Puts the next hour in the place of the one that is used up.
    fn take_hour(&mut self) -> bool {
        let Self { isp, waiting, bytes, given } = self;
        waiting.clear();
        bytes.clear();
        *given = 0;
        let took = isp.next_hour(|sent: Sent<'_>| {
            let start = bytes.len();
            bytes.extend_from_slice(sent.payload);
            let payload = start..bytes.len();
            waiting.push(Waiting { at: sent.at, router: sent.router, port: sent.port, payload });
            Ok::<(), Infallible>(())
        });
        matches!(took, Ok(true))
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::super::tests::{settings, signatures};
    use super::*;

    #[test]
    fn a_feed_gives_every_datagram_at_its_time_and_none_before() {
        let settings = settings(100, 2, 100, 1);
        let mut isp = Isp::new(&signatures(), settings).unwrap();
        let mut expected = Vec::new();
        while isp
            .next_hour(|sent| {
                expected.push((sent.at, sent.payload.to_vec()));
                Ok::<(), Infallible>(())
            })
            .unwrap()
        {}
        let mut feed = Feed::new(Isp::new(&signatures(), settings).unwrap());
        assert_eq!(feed.due(settings.start), None, "nothing is due at the start");
        let mut given = Vec::new();
        let mut now = settings.start;
        while given.len() < expected.len() {
            now = now.plus(std::time::Duration::from_secs(7));
            while let Some(due) = feed.due(now) {
                assert!(due.at <= now);
                given.push((due.at, due.payload.to_vec()));
            }
            feed.prepare(13);
        }
        assert!(given == expected, "the same datagrams in the same order");
        assert_eq!(feed.due(Timestamp::MAX), None, "there are no more");
    }
}
