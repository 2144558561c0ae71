//! Which file is read, what becomes of the others, and that a table which
//! changes while it is written is written all the same.

use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crossbeam_channel::{bounded, unbounded};

use super::*;
use crate::dns::{Answer, AnswerData, Coverage, Knowledge, Sieve};
use crate::metrics::Metrics;
use crate::model::time::{Day, Timestamp};
use crate::service::clock::Clock;

fn folder(path: &Path) -> Folder {
    Folder::open(path).unwrap()
}

fn install(folder: &Folder, content: &[u8]) {
    let mut file = folder.create(Kind::Dns, 1).unwrap();
    file.write(content).unwrap();
    folder.install(Kind::Dns, file).unwrap();
}

/// What is read, and how many files were set aside.
fn read(folder: &Folder, refuse: &str) -> (Option<String>, u64) {
    let metrics = Metrics::new().unwrap().checkpoints;
    let found = folder.read(Kind::Dns, 1, &metrics, |content| {
        let mut text = String::new();
        content.read_to_string(&mut text).map_err(|error| error.to_string())?;
        if text == refuse { Err("it is not wanted".to_owned()) } else { Ok(text) }
    });
    (found, metrics.set_aside.with_label_values(&["dns"]).get())
}

#[test]
fn the_newest_is_read_and_the_one_before_when_that_is_no_use() {
    let dir = tempfile::tempdir().unwrap();
    let folder = folder(dir.path());
    let file = |end: &str| dir.path().join(format!("dns.checkpoint{end}"));
    assert_eq!(read(&folder, ""), (None, 0), "nothing is there and nothing is wrong");
    for content in ["one", "two", "three"] {
        install(&folder, content.as_bytes());
    }
    let found = |text: &str| Some(text.to_owned());
    assert_eq!(read(&folder, ""), (found("three"), 0));
    assert_eq!(read(&folder, "three"), (found("two"), 1), "the content itself is no use");
    assert!(file(".damaged").exists() && !file("").exists());
    // Between the two renamings of an installation there is no newest.
    assert_eq!(read(&folder, ""), (found("two"), 0));
    install(&folder, b"four");
    assert_eq!(read(&folder, "four"), (found("two"), 1), "one is kept of all before it");
    fs::write(file(""), "hayrake").unwrap();
    fs::write(file(".1"), "").unwrap();
    assert_eq!(read(&folder, ""), (None, 2));
    // One that is given up leaves nothing, and one that was left is replaced.
    folder.create(Kind::Dns, 1).unwrap();
    install(&folder, b"five");
    drop(folder.create(Kind::Dns, 1).unwrap());
    folder.discard(Kind::Dns);
    assert_eq!(read(&folder, ""), (found("five"), 0));
    assert!(!file(".new").exists());
}

#[test]
fn a_folder_belongs_to_one_service_as_long_as_that_lives() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state");
    let first = folder(&path);
    assert!(matches!(Folder::open(&path), Err(FolderError::InUse(_))));
    assert!(first.is_there());
    // Another one by its name, or none, is not the one that is held.
    fs::rename(&path, dir.path().join("away")).unwrap();
    assert!(!first.is_there());
    let other = folder(&path);
    assert!(!first.is_there() && other.is_there());
    drop(other);
    fs::remove_dir_all(&path).unwrap();
    fs::rename(dir.path().join("away"), &path).unwrap();
    assert!(first.is_there());
    drop(first);
    drop(folder(&path));
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Folder::open(&file.join("state")).unwrap_err().to_string();
    assert!(error.contains("file/state cannot be used: "), "{error}");
}

/// A table with a lot of addresses that nobody looks for.
fn table(addresses: u32) -> Knowledge {
    let mut dns = Knowledge::with_room(Sieve::default(), 1 << 30, 100);
    (0..addresses).for_each(|n| tell(&mut dns, n));
    dns
}

fn tell(dns: &mut Knowledge, n: u32) {
    let at = Timestamp::from_secs(1_795_000_000);
    let answer = Answer {
        name: format!("www.shop{n}.com").parse().unwrap(),
        data: AnswerData::Address(IpAddr::V4((0x0800_0000 + n).into())),
        first: at,
        last: at,
        count: 1,
        coverage: Coverage::Population,
    };
    dns.insert(answer, crate::service::sources::RESOLVER).unwrap();
}

fn saved(dns: &mut Knowledge) -> Saved<'_, impl Fn(&str) -> bool> {
    Saved { dns, learning: Some(Day(7)), live: |_: &str| true }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the writer is a thread of its own")]
fn a_table_that_keeps_changing_is_written_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let metrics = Metrics::new().unwrap().checkpoints;
    let (to, input) = bounded(QUEUE);
    let (outcomes, came) = unbounded();
    let outcomes = [outcomes, unbounded().0, unbounded().0];
    let writer = Writer { path: dir.path().to_owned(), folder: None, input, outcomes };
    let writer = thread::spawn(move || writer.run());
    let mut saving = Saving::new(to, came, Duration::ZERO, Clock::Real, metrics.clone());
    let mut dns = table(5_000);
    assert!(!saving.step(saved(&mut dns)));
    assert_eq!(saving.patience(Duration::from_secs(9)), Duration::from_secs(9), "nothing is new");
    saving.note_change();
    // Whatever is begun is worth nothing at the next step, so what is written
    // in the end was written in one.
    let mut steps = 0;
    while metrics.last_success.with_label_values(&["dns"]).get() == 0 {
        saving.step(saved(&mut dns));
        dns.expire(Timestamp::EPOCH);
        steps += 1;
        assert!(steps < 30_000, "it is never written");
        thread::sleep(Duration::from_millis(1));
    }
    tell(&mut dns, 5_000);
    saving.note_change();
    saving.finish(saved(&mut dns));
    writer.join().unwrap();
    assert_eq!(metrics.failures.with_label_values(&["dns"]).get(), 0);

    let now = Timestamp::from_secs(1_795_000_000);
    let (back, learning) = restore(&folder(dir.path()), &[], now, &metrics, &|| table(0));
    let all = |dns: &Knowledge| dns.size().facts + dns.size().traces;
    assert_eq!((all(&back), learning), (all(&dns), Some(Day(7))));
    assert_eq!(all(&back), 5_001);
}
