//! Streams in order and out of order, from bytes to answers.

use super::frames::{LONGEST_CONTROL, LONGEST_DATA, control_frame};
use super::*;
use crate::dns::{AnswerData, Coverage, read};

/// A DNS response: `name` has one A record, 198.51.100.`last`.
fn response(name: &str, last: u8) -> Vec<u8> {
    let mut bytes = vec![0, 1, 0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0];
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.as_bytes());
    }
    bytes.extend([0, 0, 1, 0, 1, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198, 51, 100, last]);
    bytes
}

/// A data frame with that response.
fn told(last: u8) -> Vec<u8> {
    let at = Timestamp::from_millis(1_795_255_200_250);
    let dns = response("api.example.com", last);
    data(&message::frame(MessageType::ResolverResponse, Some(at), &dns))
}

fn data(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap();
    [&length.to_be_bytes(), content].concat()
}

fn start() -> Vec<u8> {
    control_frame(ControlKind::Start)
}

fn stop() -> Vec<u8> {
    control_frame(ControlKind::Stop)
}

const READING: Reading = Reading::new(Coverage::Population, Timestamp::MAX);

fn read_file(bytes: &[u8]) -> (Vec<Answer>, ReadReport) {
    let mut answers = Vec::new();
    let report = read(bytes, &READING, &mut |answer| answers.push(answer)).unwrap();
    (answers, report)
}

#[test]
fn a_file_is_told_by_its_content_and_dated_by_its_messages() {
    let (answers, report) = read_file(&[start(), told(1), told(2), stop()].concat());
    assert_eq!((report.format, report.units, report.answers), (Format::Dnstap, 2, 2));
    assert_eq!((report.damaged, report.ending), (0, Ending::Complete));
    assert_eq!(answers[1].name.as_str(), "api.example.com");
    assert_eq!(answers[1].data, AnswerData::Address([198, 51, 100, 2].into()));
    assert_eq!(answers[1].last.as_millis(), 1_795_255_200_250);
    assert_eq!(answers[1].coverage, Coverage::Population);
}

#[test]
fn only_the_kinds_asked_for_are_taken() {
    let frames = MessageType::ALL.map(|kind| {
        let at = Some(Timestamp::from_secs(9));
        data(&message::frame(kind, at, &response("a.example.com", kind as u8)))
    });
    let bytes = [start(), frames.concat(), stop()].concat();
    for kind in MessageType::ALL {
        let reading = Reading { types: [kind].into_iter().collect(), ..READING };
        let mut answers = Vec::new();
        let report = read(&*bytes, &reading, &mut |answer| answers.push(answer)).unwrap();
        assert_eq!((report.units, report.other_types), (1, 3), "{kind}");
        assert_eq!(answers[0].data, AnswerData::Address([198, 51, 100, kind as u8].into()));
    }
}

#[test]
fn who_asked_is_nowhere_in_what_is_read() {
    // Field 4 of dnstap.Message, `query_address`, in front of what we know.
    let plain = message::frame(MessageType::ResolverResponse, None, &response("a.example.com", 1));
    // `plain` is: tag 14, its length in one byte, the inner message, the kind.
    let inner = &plain[2..2 + usize::from(plain[1])];
    let with_client = [&[0x22, 4, 203, 0, 113, 77], inner].concat();
    let length = u8::try_from(with_client.len()).unwrap();
    let outer = &plain[2 + inner.len()..];
    let frame = [&[plain[0], length], &*with_client, outer].concat();
    let types = READING.types;
    let with = message::read_frame(&frame, types).unwrap().unwrap();
    assert_eq!(with, message::read_frame(&plain, types).unwrap().unwrap());
    assert!(!format!("{with:?}").contains("203"));
}

#[test]
fn frames_that_cannot_be_understood_are_skipped_and_counted() {
    let question = {
        let mut bytes = response("a.example.com", 1);
        bytes[2] = 0;
        bytes
    };
    let at = Some(Timestamp::from_secs(9));
    let kind = MessageType::ResolverResponse;
    let damaged = [
        ("no protobuf", vec![0xff; 9]),
        ("no message", vec![0x78, 1]),
        ("no DNS", message::frame(kind, at, b"hello")),
        ("a question", message::frame(kind, at, &question)),
        ("too long", message::frame(kind, at, &vec![0x84; 65_536])),
        ("no time", message::frame(kind, None, &response("a.example.com", 1))),
        ("cut", {
            let whole = message::frame(kind, at, &response("a.example.com", 1));
            whole[..whole.len() - 9].to_vec()
        }),
    ];
    for (what, frame) in damaged {
        let (answers, report) = read_file(&[start(), data(&frame), told(1), stop()].concat());
        assert_eq!((report.damaged, report.units, answers.len()), (1, 2, 1), "{what}: {report:?}");
        assert_eq!(report.problems[0].place, 1, "{what}");
        assert_eq!(report.ending, Ending::Complete, "{what}");
    }
}

#[test]
fn a_file_that_ends_early_keeps_what_it_had() {
    let whole = [start(), told(1), told(2), stop()].concat();
    for end in start().len()..whole.len() {
        let (answers, report) = read_file(&whole[..end]);
        assert_eq!((report.damaged, report.ending), (0, Ending::CutOff), "{end}");
        let first = start().len() + told(1).len();
        let expected = usize::from(end >= first) + usize::from(end >= first + told(2).len());
        assert_eq!(answers.len(), expected, "{end}");
    }
}

#[test]
fn files_strung_together_are_one() {
    let one = [start(), told(1), stop()].concat();
    let (answers, report) = read_file(&[one.clone(), one].concat());
    assert_eq!((answers.len(), report.damaged, report.ending), (2, 0, Ending::Complete));
}

/// A control frame with any body.
fn control(body: &[u8]) -> Vec<u8> {
    [&[0; 4], &*data(body)].concat()
}

#[test]
fn a_stream_ends_where_its_framing_is_lost_and_says_why() {
    let too_long = u32::try_from(LONGEST_DATA).unwrap() + 1;
    let other = {
        let mut body = vec![0, 0, 0, 2, 0, 0, 0, 1];
        body.extend(data(b"protobuf:other.Thing"));
        control(&body)
    };
    let cases = [
        ("oversized", too_long.to_be_bytes().to_vec(), FrameError::DataTooLong(too_long)),
        ("absurd", vec![0xff; 4], FrameError::DataTooLong(u32::MAX)),
        ("long control", [0, 0, 0, 0, 0, 0, 2, 1].to_vec(), FrameError::ControlTooLong(513)),
        ("START twice", start(), FrameError::OutOfPlace(ControlKind::Start)),
        (
            "READY late",
            control_frame(ControlKind::Ready),
            FrameError::OutOfPlace(ControlKind::Ready),
        ),
        ("ours", control_frame(ControlKind::Accept), FrameError::OutOfPlace(ControlKind::Accept)),
        ("unknown", control(&[0, 0, 0, 9]), FrameError::ControlUnknown(9)),
        ("empty", control(&[]), FrameError::ControlDamaged),
        ("half a field", control(&[0, 0, 0, 3, 0, 0]), FrameError::ControlDamaged),
        (
            "a field beyond the frame",
            control(&[0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 9, 1]),
            FrameError::ControlDamaged,
        ),
        ("other content", other.clone(), FrameError::OtherContent),
    ];
    for (what, bytes, error) in cases {
        let (answers, report) = read_file(&[start(), told(1), bytes, told(2)].concat());
        assert_eq!(answers.len(), 1, "{what}: what came before counts");
        assert_eq!(report.problems[0].what, error.to_string(), "{what}");
        assert_eq!((report.damaged, &report.ending), (1, &Ending::CutOff), "{what}");
    }
    let (_, report) = read_file(&other);
    assert_eq!(report.problems[0].what, FrameError::OtherContent.to_string());
    let (_, report) = read_file(&[stop(), told(1)].concat());
    assert_eq!(report.problems[0].what, FrameError::OutOfPlace(ControlKind::Stop).to_string());
}

/// What a stream replies to these bytes, and whether it has ended.
fn serve(tap: &mut Tap, bytes: &[u8]) -> Result<Due, FrameError> {
    let mut report = ReadReport::new(Format::Dnstap);
    tap.take(bytes, None, &READING, &mut report, &mut |_| {})
}

#[test]
fn a_sender_that_waits_is_answered_step_by_step() {
    let mut tap = Tap::default();
    let accepted = serve(&mut tap, &control_frame(ControlKind::Ready)).unwrap();
    assert_eq!(accepted, Due { reply: control_frame(ControlKind::Accept), ended: false });
    assert!(!tap.is_started());
    assert_eq!(serve(&mut tap, &start()).unwrap(), Due::default());
    assert!(tap.is_started());
    assert_eq!(serve(&mut tap, &told(1)).unwrap(), Due::default());
    let finished = serve(&mut tap, &stop()).unwrap();
    assert_eq!(finished, Due { reply: control_frame(ControlKind::Finish), ended: true });
}

#[test]
fn a_sender_that_does_not_wait_is_told_nothing() {
    let mut tap = Tap::default();
    let all = [start(), told(1), stop()].concat();
    assert_eq!(serve(&mut tap, &all).unwrap(), Due { reply: Vec::new(), ended: true });
}

#[test]
fn frames_before_start_and_other_offers_are_refused() {
    let offer = |content: &[u8]| {
        let mut body = vec![0, 0, 0, 4, 0, 0, 0, 1];
        body.extend(data(content));
        control(&body)
    };
    assert_eq!(serve(&mut Tap::default(), &told(1)), Err(FrameError::DataBeforeStart));
    assert_eq!(serve(&mut Tap::default(), &offer(b"x")), Err(FrameError::OtherContent));
    // Of several offers one that fits is enough.
    let mut body = vec![0, 0, 0, 4];
    for content in [b"x".as_slice(), super::frames::CONTENT_TYPE] {
        body.extend([0, 0, 0, 1]);
        body.extend(data(content));
    }
    assert!(serve(&mut Tap::default(), &control(&body)).is_ok());
    let ready = control_frame(ControlKind::Ready);
    let early = serve(&mut Tap::default(), &[ready, told(1)].concat());
    assert_eq!(early, Err(FrameError::DataBeforeStart));
    assert!(body.len() < LONGEST_CONTROL);
}

#[test]
fn how_bytes_are_cut_makes_no_difference_and_little_is_held() {
    let whole = [
        control_frame(ControlKind::Ready),
        start(),
        told(1),
        data(&vec![7; LONGEST_DATA]),
        told(2),
        stop(),
    ]
    .concat();
    for size in [1_usize, 3, 17, 4_096, whole.len()] {
        let mut tap = Tap::default();
        let mut report = ReadReport::new(Format::Dnstap);
        let (mut answers, mut replies, mut ended) = (0, Vec::new(), false);
        for chunk in whole.chunks(size) {
            let due = tap.take(chunk, None, &READING, &mut report, &mut |_| answers += 1).unwrap();
            replies.extend(due.reply);
            ended |= due.ended;
            assert!(tap.stream.rest() <= LONGEST_DATA + 4);
        }
        assert!(ended, "{size}");
        assert_eq!((answers, report.units, report.damaged), (2, 3, 1), "{size}");
        let both = [ControlKind::Accept, ControlKind::Finish].map(control_frame).concat();
        assert_eq!(replies, both, "{size}");
    }
}
