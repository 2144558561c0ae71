//! Sequence numbers: what was lost between the exporter and us.
//!
//! The unit differs: v9 counts packets, IPFIX data records, v5 and v7 flows,
//! sFlow datagrams. A gap is counted as lost only when it was not filled within
//! the next few datagrams, since UDP reorders; a jump back, or too far ahead
//! to be loss, is a restart of the exporter and no loss at all (docs/exporters.md
//! 24). Streams are told apart by source port where their numbers differ, and
//! are one stream where the numbers continue from port to port.

use smallvec::SmallVec;

/// Streams followed per exporter and format.
const MAX_STREAMS: usize = 16;
/// A gap that later datagrams have not filled after this many is loss.
const REORDER_WINDOW: u32 = 32;
/// Open gaps held per stream; the oldest is counted as lost for a new one.
const MAX_GAPS: usize = 8;
/// A jump ahead of more units than this is a restart: a router at 1 M records
/// per second would have been silent for a quarter of a minute.
const LARGEST_LOSS: u32 = 1 << 24;
/// A stream seen for the first time from a port continues another port's
/// stream if its number is at most this far ahead.
const SAME_STREAM: u32 = 1_000;

/// What one datagram's number shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Observed {
    /// Units now counted as lost.
    pub(crate) lost: u64,
    /// The exporter restarted its numbers.
    pub(crate) restarted: bool,
}

/// Units between two datagrams that have not come.
#[derive(Clone, Copy, Debug)]
struct Gap {
    begin: u32,
    units: u32,
    age: u32,
}

#[derive(Clone, Debug)]
struct Stream {
    port: u16,
    /// Number and units of the datagram before.
    last: u32,
    next: Option<u32>,
    /// The exporter counts a message before numbering it (softflowd's IPFIX).
    counts_first: bool,
    /// Where the numbers stood before they jumped back: a lone duplicate must
    /// not look like a restart.
    before_jump: Option<u32>,
    gaps: SmallVec<[Gap; 2]>,
}

/// The number of one datagram or message, and how far it moves the count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbered {
    pub(crate) port: u16,
    pub(crate) number: u32,
    /// `None` when it cannot be known: it holds sets without template.
    pub(crate) units: Option<u32>,
}

/// The sequence numbers of one exporter, domain and format.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sequence {
    streams: SmallVec<[Stream; 1]>,
    /// Units counted as lost.
    pub(crate) lost: u64,
    /// Restarts counted.
    pub(crate) restarts: u64,
}

impl Sequence {
    /// Takes the number of a datagram.
    pub(crate) fn observe(&mut self, datagram: Numbered) -> Observed {
        let Some(position) = self.position(datagram) else {
            if self.streams.len() >= MAX_STREAMS {
                // The stream that was not heard of for longest stands first.
                let gone = self.streams.remove(0);
                self.lost += gone.open();
            }
            self.streams.push(Stream::new(datagram));
            return Observed::default();
        };
        let mut stream = self.streams.remove(position);
        let observed = stream.observe(datagram);
        self.streams.push(stream);
        self.lost += observed.lost;
        self.restarts += u64::from(observed.restarted);
        observed
    }

    /// Units missing so far, of which some may still come.
    pub(crate) fn missing(&self) -> u64 {
        self.lost + self.open()
    }

    /// Units missing so far that may still come.
    pub(crate) fn open(&self) -> u64 {
        self.streams.iter().map(Stream::open).sum()
    }

    fn position(&self, datagram: Numbered) -> Option<usize> {
        let ahead = |stream: &Stream| stream.next.map(|next| datagram.number.wrapping_sub(next));
        self.streams
            .iter()
            .position(|stream| stream.port == datagram.port)
            .filter(|place| self.streams.get(*place).and_then(ahead) == Some(0))
            .or_else(|| self.streams.iter().position(|stream| ahead(stream) == Some(0)))
            .or_else(|| self.streams.iter().position(|stream| stream.port == datagram.port))
            .or_else(|| {
                let only = self.streams.len() == 1;
                self.streams
                    .iter()
                    .position(|stream| ahead(stream).is_some_and(|ahead| ahead <= SAME_STREAM))
                    .filter(|_| only)
            })
    }
}

impl Stream {
    fn new(first: Numbered) -> Self {
        Self {
            port: first.port,
            last: first.number,
            next: first.units.map(|units| first.number.wrapping_add(units)),
            counts_first: false,
            before_jump: None,
            gaps: SmallVec::new(),
        }
    }

    fn open(&self) -> u64 {
        self.gaps.iter().map(|gap| u64::from(gap.units)).sum()
    }

    fn observe(&mut self, datagram: Numbered) -> Observed {
        let Numbered { port, number, units } = datagram;
        let mut observed = Observed { lost: self.age_gaps(), restarted: false };
        self.port = port;
        let Some(next) = self.next else {
            self.go_on(number, units);
            return observed;
        };
        let counted_first = units.map(|units| self.last.wrapping_add(units));
        if number == next {
            self.counts_first &= counted_first == Some(next);
            self.before_jump = None;
        } else if counted_first == Some(number) {
            // What looks like a gap is the other way of counting.
            self.counts_first = true;
            self.before_jump = None;
        } else if self.before_jump == Some(number) {
            // The jump back was one late or repeated datagram.
            self.before_jump = None;
        } else if number == self.last {
            // The same datagram twice.
            return observed;
        } else {
            let expected = if self.counts_first { counted_first.unwrap_or(next) } else { next };
            let ahead = number.wrapping_sub(expected);
            if ahead <= LARGEST_LOSS {
                observed.lost += self.open_gap(expected, ahead);
                self.before_jump = None;
            } else if self.fill(number, units.unwrap_or(1)) {
                return observed;
            } else {
                observed.restarted = self.before_jump.is_none();
                self.before_jump = Some(next);
            }
        }
        self.go_on(number, units);
        observed
    }

    fn go_on(&mut self, number: u32, units: Option<u32>) {
        self.last = number;
        self.next = units.map(|units| number.wrapping_add(units));
    }

    /// Units of the gaps that have been open for too long.
    fn age_gaps(&mut self) -> u64 {
        let mut lost = 0;
        self.gaps.retain(|gap| {
            gap.age += 1;
            if gap.age > REORDER_WINDOW {
                lost += u64::from(gap.units);
            }
            gap.age <= REORDER_WINDOW
        });
        lost
    }

    fn open_gap(&mut self, begin: u32, units: u32) -> u64 {
        let mut lost = 0;
        if self.gaps.len() >= MAX_GAPS {
            lost = u64::from(self.gaps.remove(0).units);
        }
        self.gaps.push(Gap { begin, units, age: 0 });
        lost
    }

    /// Takes a late datagram out of the gap it belongs to.
    fn fill(&mut self, number: u32, units: u32) -> bool {
        for place in 0..self.gaps.len() {
            let Some(gap) = self.gaps.get(place).copied() else { break };
            let before = number.wrapping_sub(gap.begin);
            if before >= gap.units {
                continue;
            }
            self.gaps.remove(place);
            let after = (gap.units - before).saturating_sub(units);
            for (begin, units) in
                [(gap.begin, before), (gap.begin.wrapping_add(before).wrapping_add(units), after)]
            {
                if units > 0 {
                    self.gaps.push(Gap { begin, units, age: gap.age });
                }
            }
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(numbers: &[(u32, u32)]) -> Sequence {
        let mut sequence = Sequence::default();
        for (number, units) in numbers {
            sequence.observe(Numbered { port: 1, number: *number, units: Some(*units) });
        }
        sequence
    }

    #[test]
    fn a_gap_is_as_many_units_as_are_missing() {
        assert_eq!(feed(&[(0, 24), (24, 10), (58, 24)]).missing(), 24);
        assert_eq!(feed(&[(u32::MAX, 1), (0, 1), (3, 1)]).missing(), 2, "over the wrap");
    }

    #[test]
    fn a_late_datagram_fills_its_gap() {
        let sequence = feed(&[(0, 1), (2, 1), (3, 1), (1, 1), (4, 1)]);
        assert_eq!((sequence.missing(), sequence.restarts), (0, 0));
    }

    #[test]
    fn a_gap_is_lost_when_nothing_fills_it() {
        let mut numbers = vec![(0, 1)];
        numbers.extend((5..60).map(|number| (number, 1)));
        assert_eq!(feed(&numbers).lost, 4);
    }

    #[test]
    fn a_restart_is_not_four_billion_lost() {
        let sequence = feed(&[(90_000, 1), (90_001, 1), (0, 1), (1, 1), (2, 1)]);
        assert_eq!((sequence.missing(), sequence.restarts), (0, 1));
    }

    #[test]
    fn a_repeated_datagram_is_neither_loss_nor_restart() {
        let sequence = feed(&[(7, 1), (8, 1), (8, 1), (9, 1), (10, 1)]);
        assert_eq!((sequence.missing(), sequence.restarts), (0, 0));
    }

    #[test]
    fn counting_before_numbering_is_recognised() {
        // softflowd: 24 flows numbered 24, then 10 numbered 34, then 24 numbered 58.
        let sequence = feed(&[(24, 24), (34, 10), (58, 24), (60, 2)]);
        assert_eq!((sequence.missing(), sequence.restarts), (0, 0));
        assert_eq!(feed(&[(24, 24), (34, 10), (82, 24), (84, 2)]).missing(), 24);
    }

    #[test]
    fn one_stream_over_two_ports_has_no_gap_and_two_streams_have_none_either() {
        let mut sequence = Sequence::default();
        for (port, number) in [(1, 10), (2, 11), (1, 12), (2, 14), (1, 15)] {
            sequence.observe(Numbered { port, number, units: Some(1) });
        }
        assert_eq!(sequence.missing(), 1);
        let mut sequence = Sequence::default();
        for step in 0..50 {
            sequence.observe(Numbered { port: 1, number: 1_000_000 + step, units: Some(1) });
            sequence.observe(Numbered { port: 2, number: step, units: Some(1) });
        }
        assert_eq!((sequence.missing(), sequence.restarts), (0, 0));
    }
}
