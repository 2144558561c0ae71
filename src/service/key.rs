//! The file with the secret under which pseudonyms of lines are made.
//!
//! It is made when it is missing, readable by its owner only, because who has
//! it can turn pseudonyms back into addresses by trying all addresses. Losing
//! it gives every line another pseudonym.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rand::TryRng;
use rand::rngs::SysRng;
use thiserror::Error;

use crate::orient::LineKey;

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
    #[error("key file {path}: {found} characters that are no key, allowed: 32 hexadecimal digits")]
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

/// Reads the key, or makes one when there is no file.
pub fn line_key(path: &Path) -> Result<LineKey, KeyError> {
    let failed = |cause| KeyError::File { path: path.to_owned(), cause };
    match fs::read_to_string(path) {
        Ok(text) => {
            warn_when_readable(path);
            parse(&text).ok_or_else(|| KeyError::Content {
                path: path.to_owned(),
                found: text.trim().chars().count(),
            })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let mut secret = [0; BYTES];
            SysRng
                .try_fill_bytes(&mut secret)
                .map_err(|_| KeyError::NoRandomness { path: path.to_owned() })?;
            write(path, &secret).map_err(failed)?;
            tracing::info!(path = %path.display(), "made a new key for the pseudonyms of lines");
            Ok(LineKey::new(secret))
        }
        Err(error) => Err(failed(error)),
    }
}

fn parse(text: &str) -> Option<LineKey> {
    let text = text.trim();
    // `from_str_radix` alone would take a sign.
    if text.len() != 2 * BYTES || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(text, 16).ok().map(|secret| LineKey::new(secret.to_be_bytes()))
}

fn write(path: &Path, secret: &[u8; BYTES]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // Never over a key that another process has made meanwhile.
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{:032x}", u128::from_be_bytes(*secret))?;
    file.sync_all()
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
        let Orientation::Line(oriented) = orient(&prefixes, &flow) else { panic!("no line") };
        key.pseudonym(&oriented.line)
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

    #[test]
    fn a_file_that_is_no_key_is_refused_without_showing_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("line.key");
        for content in ["", "secret", "+0000000000000000000000000000001", "zz"] {
            fs::write(&path, content).unwrap();
            let error = line_key(&path).err().unwrap().to_string();
            assert!(error.contains("32 hexadecimal digits"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
