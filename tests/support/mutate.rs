//! Input that is nearly in order: what is read first of it must not keep the rest
//! from being reached.

#![allow(dead_code, reason = "each test file uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs;
use std::path::Path;

use rand::{Rng, RngExt};

/// Writes inputs that a fuzz target begins with into its corpus.
pub(crate) fn save(target: &str, seeds: &[Vec<u8>]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    fs::create_dir_all(&folder).unwrap();
    for (number, seed) in seeds.iter().enumerate() {
        fs::write(folder.join(format!("seed-{number}")), seed).unwrap();
    }
}

/// Changes bytes, lengths and ends as broken exporters and attackers do.
pub(crate) fn mutate(rng: &mut impl Rng, bytes: &mut Vec<u8>, others: &[Vec<u8>]) {
    for _ in 0..rng.random_range(0..4) {
        if bytes.is_empty() {
            return;
        }
        let at = rng.random_range(0..bytes.len());
        match rng.random_range(0..8) {
            0 => bytes[at] ^= 1 << rng.random_range(0..8),
            1 => bytes[at] = rng.random(),
            2 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][rng.random_range(0..5)],
            3 => bytes.truncate(at),
            // A length or a count, wherever it may stand.
            4 if at + 2 <= bytes.len() => {
                let value: u16 =
                    [0, 1, 3, 4, 5, 255, 256, 65_535, rng.random()][rng.random_range(0..9)];
                bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
            }
            5 => {
                let other = &others[rng.random_range(0..others.len())];
                let from = rng.random_range(0..other.len());
                bytes.truncate(at);
                bytes.extend(&other[from..]);
            }
            6 => {
                let end = rng.random_range(at..bytes.len().min(at + 64));
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            _ => bytes.extend((0..rng.random_range(0..9)).map(|_| rng.random::<u8>())),
        }
    }
    bytes.truncate(9_000);
}
