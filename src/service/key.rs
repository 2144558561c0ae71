//! The file with the secret under which pseudonyms of lines are made.
//!
//! It is made when it is missing, readable by its owner only, because who has
//! it can turn pseudonyms back into addresses by trying all addresses. Losing
//! it gives every line another pseudonym.
//!
//! A new key comes into force when the next UTC day begins, so that no window is
//! split. Until then the file has two lines, so that a restart changes nothing:
//!
//! ```text
//! 0123456789abcdef0123456789abcdef
//! fedcba9876543210fedcba9876543210 from 2026-11-22
//! ```
//!
//! A day after the change the old key is taken out of it: it would link old
//! pseudonyms to new ones.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use rand::TryRng;
use rand::rngs::SysRng;
use thiserror::Error;

use super::clock::Clock;
use crate::model::time::{Day, Timestamp};
use crate::orient::{LineKey, LineKeys};

/// Bytes of a key; written as twice as many hexadecimal digits.
const BYTES: usize = 16;

/// Why there is no key.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The file cannot be read or made.
    #[error("key file {path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The file holds something else.
    #[error(
        "key file {path}: {found} characters that are no key, allowed: 32 hexadecimal digits, and in a second line the next key with `from` and a day"
    )]
    Content {
        /// The file.
        path: PathBuf,
        /// How many characters stand there; never which.
        found: usize,
    },
    /// The system gives no randomness.
    #[error("cannot make a key for {path}: the system gives no random bytes")]
    NoRandomness {
        /// The file.
        path: PathBuf,
    },
}

/// The key for today, or a new one when there is no file.
pub fn line_key(path: &Path) -> Result<LineKey, KeyError> {
    let now = Clock::Real.now();
    Ok(line_keys(path, now)?.at(now).clone())
}

/// Reads the keys, or makes one when there is no file. An old key whose time
/// is over is taken out of the file.
pub(super) fn line_keys(path: &Path, now: Timestamp) -> Result<LineKeys, KeyError> {
    match read(path) {
        Err(KeyError::File { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => {
            let secret = random(path)?;
            make(path, &secret).map_err(|cause| failed(path, cause))?;
            tracing::info!(path = %path.display(), "made a new key for the pseudonyms of lines");
            Ok(secret.key().into())
        }
        read => Ok(settle(path, parse(path, &read?)?.keys(), now)),
    }
}

/// Reads the file again: what has to be in force from now on, when `keys` are.
/// A key that simply stands there in place of another comes into force with
/// the next day.
pub(super) fn follow(path: &Path, keys: &LineKeys, now: Timestamp) -> Result<LineKeys, KeyError> {
    let found = parse(path, &read(path)?)?.keys();
    // Until a day after the change late flows need the key before.
    let in_change = keys.change().is_some_and(|from| now < from.end());
    if found.last() == keys.last() && found.change().is_none() && in_change {
        return Ok(keys.clone());
    }
    if found.at(now) == keys.at(now) {
        return Ok(found);
    }
    let (key, from) = (keys.at(now).clone(), now.day().next());
    Ok(LineKeys::changing(key, from, found.last().clone()))
}

/// What is left of `keys` a day after they have changed. The old one leaves the
/// file, too, if that is still so in it.
pub(super) fn settle(path: &Path, keys: LineKeys, now: Timestamp) -> LineKeys {
    if keys.change().is_none_or(|from| now < from.end()) {
        return keys;
    }
    let settled = read(path).and_then(|text| parse(path, &text)).and_then(|written| {
        let over = written.next.as_ref().is_some_and(|(from, _)| now >= from.end());
        let Some((_, next)) = written.next.filter(|_| over) else { return Ok(()) };
        replace(path, &Written { key: next, next: None }).map_err(|cause| failed(path, cause))
    });
    match settled {
        Ok(()) => tracing::info!("the line key before the last is gone"),
        Err(error) => tracing::warn!("the old line key stays in its file: {error}"),
    }
    keys.last().clone().into()
}

/// Makes a new key that comes into force when the next UTC day begins, and
/// returns that day. One that was to come before is not kept.
pub fn rotate(path: &Path) -> Result<Day, KeyError> {
    rotate_at(path, Clock::Real.now())
}

fn rotate_at(path: &Path, now: Timestamp) -> Result<Day, KeyError> {
    let written = parse(path, &read(path)?)?;
    let key = match written.next {
        Some((from, next)) if now >= from.start() => next,
        _ => written.key,
    };
    let from = now.day().next();
    let next = Some((from, random(path)?));
    replace(path, &Written { key, next }).map_err(|cause| failed(path, cause))?;
    Ok(from)
}

/// The bytes of a key.
#[derive(Clone)]
struct Secret([u8; BYTES]);

impl Secret {
    fn key(&self) -> LineKey {
        LineKey::new(self.0)
    }

    fn text(&self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.0))
    }

    fn parse(text: &str) -> Option<Self> {
        // `from_str_radix` alone would take a sign.
        if text.len() != 2 * BYTES || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        u128::from_str_radix(text, 16).ok().map(|secret| Self(secret.to_be_bytes()))
    }
}

/// What stands in the file.
struct Written {
    key: Secret,
    next: Option<(Day, Secret)>,
}

impl Written {
    fn keys(&self) -> LineKeys {
        match &self.next {
            None => self.key.key().into(),
            Some((from, next)) => LineKeys::changing(self.key.key(), *from, next.key()),
        }
    }

    fn text(&self) -> String {
        let next = self.next.as_ref().map(|(from, next)| format!("{} from {from}\n", next.text()));
        format!("{}\n{}", self.key.text(), next.unwrap_or_default())
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.trim().lines();
        let key = Secret::parse(lines.next()?.trim())?;
        let next = match lines.next() {
            None => None,
            Some(line) => {
                let (next, from) = line.trim().split_once(" from ")?;
                let from: Timestamp = format!("{from}T00:00:00Z").parse().ok()?;
                Some((from.day(), Secret::parse(next)?))
            }
        };
        lines.next().is_none().then_some(Self { key, next })
    }
}

fn failed(path: &Path, cause: io::Error) -> KeyError {
    KeyError::File { path: path.to_owned(), cause }
}

fn read(path: &Path) -> Result<String, KeyError> {
    let text = fs::read_to_string(path).map_err(|cause| failed(path, cause))?;
    warn_when_readable(path);
    Ok(text)
}

fn parse(path: &Path, text: &str) -> Result<Written, KeyError> {
    Written::parse(text).ok_or_else(|| KeyError::Content {
        path: path.to_owned(),
        found: text.trim().chars().count(),
    })
}

fn random(path: &Path) -> Result<Secret, KeyError> {
    let mut secret = [0; BYTES];
    SysRng
        .try_fill_bytes(&mut secret)
        .map_err(|_| KeyError::NoRandomness { path: path.to_owned() })?;
    Ok(Secret(secret))
}

fn make(path: &Path, secret: &Secret) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // Never over a key that another process has made meanwhile.
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{}", secret.text())?;
    file.sync_all()
}

/// Puts another file in its place, whole or not at all, for the same owner.
fn replace(path: &Path, written: &Written) -> io::Result<()> {
    let before = fs::metadata(path)?;
    let new = path.with_extension("new");
    // One that a crash has left behind would be somebody else's mode.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(&new)?;
    let made = file.metadata()?;
    if (made.uid(), made.gid()) != (before.uid(), before.gid()) {
        fchown(&file, Some(before.uid()), Some(before.gid()))?;
    }
    file.write_all(written.text().as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

fn warn_when_readable(path: &Path) {
    let Ok(found) = fs::metadata(path) else { return };
    if found.mode() & 0o077 != 0 {
        tracing::warn!(
            path = %path.display(),
            "others can read the key file, so they can turn pseudonyms back into addresses; give it mode 0600"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orient::{Orientation, Prefixes, orient};

    fn pseudonym(key: &LineKey) -> crate::model::line::LineId {
        let mut prefixes = Prefixes::default();
        let prefix =
            crate::orient::LinePrefix { length: 32, region: crate::model::line::RegionId(0) };
        prefixes.insert("198.51.100.0/24".parse().unwrap(), prefix);
        let flow = crate::model::flow::FlowRecord {
            source: "198.51.100.1".parse().unwrap(),
            destination: "203.0.113.1".parse().unwrap(),
            ..crate::model::flow::FlowRecord::EMPTY
        };
        let Orientation::Line(oriented) = orient(&prefixes, flow.source, flow.destination) else {
            panic!("no line")
        };
        key.pseudonym(&oriented.line(&flow))
    }

    #[test]
    fn a_missing_key_is_made_once_and_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state/line.key");
        let made = line_key(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(pseudonym(&made), pseudonym(&line_key(&path).unwrap()), "read back");
        let other = line_key(&dir.path().join("other.key")).unwrap();
        assert_ne!(pseudonym(&made), pseudonym(&other));
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_rotated_key_waits_for_midnight_over_restarts_and_the_old_one_leaves() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("line.key");
        let noon = at("2026-11-21T12:00:00Z");
        let old = line_keys(&path, noon).unwrap().last().clone();
        assert_eq!(rotate_at(&path, noon).unwrap(), noon.day().next());
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let restarted = line_keys(&path, noon).unwrap();
        let midnight = noon.day().end();
        assert!(*restarted.at(noon) == old && *restarted.at(midnight) != old);
        let new = restarted.last().clone();
        // Late flows of the day before need the old key for a day.
        let keys = line_keys(&path, at("2026-11-22T23:59:59Z")).unwrap();
        assert!(*keys.at(noon) == old);
        // A second one on the next day replaces the new one from then on.
        rotate_at(&path, at("2026-11-22T12:00:00Z")).unwrap();
        let keys = line_keys(&path, at("2026-11-22T13:00:00Z")).unwrap();
        assert!(*keys.at(at("2026-11-22T13:00:00Z")) == new);
        let after = at("2026-11-24T00:00:00Z");
        let settled = line_keys(&path, after).unwrap();
        assert!(settled.change().is_none() && settled.last() == keys.last());
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 1, "the old one is gone");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left behind");
    }

    #[test]
    fn a_key_put_in_place_of_another_waits_for_midnight() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("line.key");
        let noon = at("2026-11-21T12:00:00Z");
        let old = line_keys(&path, noon).unwrap();
        let same = follow(&path, &old, noon).unwrap();
        assert!(same.change().is_none());
        fs::write(&path, "000102030405060708090a0b0c0d0e0f\n").unwrap();
        let keys = follow(&path, &old, noon).unwrap();
        assert_eq!(keys.change(), Some(noon.day().next()));
        assert!(keys.at(noon) == old.last() && *keys.last() != *old.last());
        // Looked at again before and after midnight: late flows keep their line.
        for now in ["2026-11-21T13:00:00Z", "2026-11-22T00:01:00Z"] {
            let again = follow(&path, &keys, at(now)).unwrap();
            assert!(again.at(noon) == old.last() && again.last() == keys.last(), "{now}");
        }
        assert!(settle(&path, keys, at("2026-11-23T00:00:00Z")).change().is_none());
        fs::remove_file(&path).unwrap();
        assert!(follow(&path, &old, noon).is_err(), "not made anew in passing");
    }

    #[test]
    fn a_file_that_is_no_key_is_refused_without_showing_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("line.key");
        let key = "0".repeat(32);
        let pairs = [
            format!("{key}\n{key}"),
            format!("{key}\n{key} from secret"),
            format!("{key}\n{key} from 2026-11-22\n{key}"),
        ];
        let singles = ["", "secret", "+0000000000000000000000000000001", "zz"];
        for content in singles.into_iter().chain(pairs.iter().map(String::as_str)) {
            fs::write(&path, content).unwrap();
            let error = line_key(&path).err().unwrap().to_string();
            assert!(error.contains("32 hexadecimal digits"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
