//! Sealing under the line key: for bytes that have subscribers' addresses in them
//! and must wait in a file until the service runs again.
//!
//! What is sealed can be read with the line key alone, and no changed bit of it
//! goes unnoticed: ChaCha20-Poly1305 (RFC 8439), by ring. Key and nonce are made
//! by HKDF-SHA-256 (RFC 5869) from the line key and a salt that is drawn for each
//! seal, so no pair of them is used twice however often is sealed, and what is
//! sealed tells nothing about pseudonyms under the same line key.
//!
//! A seal is the salt (16 bytes), as many bytes as were sealed, and a tag (16).
//! The salt comes in as an argument; where seals are kept is the service's.

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};

use super::pseudonym::{LineKey, LineKeys};

/// Bytes of a salt: two are the same after 2^64 seals.
pub const SALT: usize = 16;
/// Bytes of a key (RFC 8439 §2.8).
const KEY: usize = 32;
/// What these keys are for and no others that anybody may make of a line key.
const PURPOSE: &[u8] = b"hayrake: what waits in a file, version 1";

impl LineKey {
    /// Seals `text` for who has this key. `context` is not in the seal and has
    /// to be the same when it is opened. `None` only when that cannot be done,
    /// which no length in memory makes so.
    pub fn seal(&self, salt: [u8; SALT], context: &[u8], mut text: Vec<u8>) -> Option<Vec<u8>> {
        let (key, nonce) = self.derive(&salt)?;
        key.seal_in_place_append_tag(nonce, Aad::from(context), &mut text).ok()?;
        text.splice(..0, salt);
        Some(text)
    }

    /// What was sealed; `None` if that was under another key or context, or if
    /// it was changed.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (salt, sealed) = sealed.split_first_chunk::<SALT>()?;
        let (key, nonce) = self.derive(salt)?;
        let mut text = sealed.to_vec();
        let length = key.open_in_place(nonce, Aad::from(context), &mut text).ok()?.len();
        text.truncate(length);
        Some(text)
    }

    fn derive(&self, salt: &[u8; SALT]) -> Option<(LessSafeKey, Nonce)> {
        let mut made = [0; KEY + NONCE_LEN];
        let secret = Salt::new(HKDF_SHA256, salt).extract(self.secret());
        secret.expand(&[PURPOSE], Made).ok()?.fill(&mut made).ok()?;
        let (key, nonce) = made.split_first_chunk::<KEY>()?;
        let key = UnboundKey::new(&CHACHA20_POLY1305, key).ok()?;
        Some((LessSafeKey::new(key), Nonce::try_assume_unique_for_key(nonce).ok()?))
    }
}

impl LineKeys {
    /// Seals under the key that comes last: of two it is the one that stays.
    pub fn seal(&self, salt: [u8; SALT], context: &[u8], text: Vec<u8>) -> Option<Vec<u8>> {
        self.last().seal(salt, context, text)
    }

    /// Opens with whichever key of these it was sealed under.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        self.all().find_map(|key| key.open(context, sealed))
    }
}

/// The length of what is made of a line key.
struct Made;

impl KeyType for Made {
    fn len(&self) -> usize {
        KEY + NONCE_LEN
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::time::Day;

    const CONTEXT: &[u8] = b"version 1";

    fn key(byte: u8) -> LineKey {
        LineKey::new([byte; 16])
    }

    proptest! {
        /// Who has the key reads what was sealed; nobody else does, and nothing
        /// that was changed is read.
        #[test]
        fn only_the_key_opens_and_no_change_goes_unnoticed(
            text in prop::collection::vec(any::<u8>(), 0..300),
            salt in any::<[u8; SALT]>(),
            secret in any::<[u8; 16]>(),
            other in any::<[u8; 16]>(),
            at in any::<prop::sample::Index>(),
            bit in 0..8_u8,
        ) {
            let key = LineKey::new(secret);
            let sealed = key.seal(salt, CONTEXT, text.clone()).unwrap();
            prop_assert_eq!(sealed.len(), SALT + text.len() + CHACHA20_POLY1305.tag_len());
            prop_assert_eq!(key.open(CONTEXT, &sealed), Some(text));
            prop_assert_eq!(key.open(b"version 2", &sealed), None);
            if other != secret {
                prop_assert_eq!(LineKey::new(other).open(CONTEXT, &sealed), None);
            }
            let at = at.index(sealed.len());
            let mut changed = sealed.clone();
            changed[at] ^= 1 << bit;
            prop_assert_eq!(key.open(CONTEXT, &changed), None);
            prop_assert_eq!(key.open(CONTEXT, &sealed[..at]), None, "cut off");
            changed.push(0);
            changed[at] ^= 1 << bit;
            prop_assert_eq!(key.open(CONTEXT, &changed), None, "longer");
        }
    }

    #[test]
    fn nothing_of_what_is_sealed_can_be_seen() {
        let text = b"198.51.100.7 198.51.100.7 198.51.100.7".to_vec();
        let one = key(1).seal([1; SALT], CONTEXT, text.clone()).unwrap();
        let other = key(1).seal([2; SALT], CONTEXT, text.clone()).unwrap();
        for sealed in [&one, &other] {
            assert!(text.windows(4).all(|part| !sealed.windows(4).any(|found| found == part)));
        }
        assert!(
            one[SALT..].iter().zip(&other[SALT..]).filter(|(one, other)| one == other).count() < 8
        );
    }

    #[test]
    fn a_seal_outlives_a_change_of_keys_as_long_as_its_key_is_known() {
        let day = Day(20_000);
        let before = LineKeys::from(key(1));
        let during = LineKeys::changing(key(1), day, key(2));
        let after = LineKeys::from(key(2));
        let sealed =
            |keys: &LineKeys| keys.seal([3; SALT], CONTEXT, b"what waits".to_vec()).unwrap();
        let opens = |keys: &LineKeys, sealed: &[u8]| keys.open(CONTEXT, sealed).is_some();
        assert!(opens(&during, &sealed(&before)) && !opens(&after, &sealed(&before)));
        assert!(opens(&during, &sealed(&during)) && opens(&after, &sealed(&during)));
        assert!(!opens(&before, &sealed(&during)));
    }
}
