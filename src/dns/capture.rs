//! DNS in a capture: every response from UDP port 53, dated by its packet. The
//! place of a problem is the number of the UDP datagram.
//!
//! Who asked is never looked at.

use super::answer::Answer;
use super::message::read_message;
use super::read::Reading;
use super::report::{Ending, Format, ReadReport};
use crate::model::time::Timestamp;
use crate::receive::pcap::{self, CaptureProblemKind};

/// Where name servers answer from (RFC 1035 §4.2.1).
const PORT: u16 = 53;

pub(super) fn read_capture(
    bytes: &[u8],
    reading: &Reading,
    sink: &mut dyn FnMut(Answer),
) -> ReadReport {
    let mut report = ReadReport::new(Format::Capture);
    for (place, captured) in (1..).zip(pcap::datagrams(bytes)) {
        match captured {
            Ok(captured) if captured.source_port == PORT => {
                let (payload, at) = (&captured.payload, captured.received);
                take_message(payload, at, place, reading, &mut report, sink);
            }
            Ok(_) => {}
            Err(problem) => {
                if problem.kind == CaptureProblemKind::CutOff {
                    report.ending = Ending::CutOff;
                }
                report.damage(problem.packet, problem.to_string());
            }
        }
    }
    report
}

/// Takes one message that was seen at the instant `at`.
pub(super) fn take_message(
    bytes: &[u8],
    at: Timestamp,
    place: u64,
    reading: &Reading,
    report: &mut ReadReport,
    sink: &mut dyn FnMut(Answer),
) {
    let told = match read_message(bytes) {
        Ok(Some(told)) => told,
        Ok(None) => return,
        Err(what) => {
            report.units += 1;
            return report.damage(place, what);
        }
    };
    report.units += 1;
    report.unrelated += told.unrelated;
    if told.links.is_empty() {
        report.irrelevant += 1;
    }
    for _ in 0..told.unusable {
        report.damage(place, "a name that is not a host name");
    }
    for (name, data) in told.links {
        let coverage = reading.coverage;
        let answer = Answer { name, data, first: at, last: at, count: 1, coverage };
        match answer.screened(reading.now) {
            Ok(answer) => {
                report.answers += 1;
                sink(answer);
            }
            Err(why) => report.refuse(place, why),
        }
    }
}
