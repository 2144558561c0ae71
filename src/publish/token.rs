//! The bearer token that opens what is about single lines.

use std::hint::black_box;

/// Shortest token that is taken. Shorter ones are guessed too easily.
const SHORTEST: usize = 8;

/// A secret that is compared in constant time and never printed.
pub struct Token(Vec<u8>);

impl Token {
    /// The token in a file's content: the text without the space around it.
    pub fn from_file_content(content: &str) -> Result<Self, String> {
        let text = content.trim();
        if text.len() < SHORTEST || text.chars().any(char::is_whitespace) {
            return Err(format!(
                "the token is not allowed, expected one word of at least {SHORTEST} characters"
            ));
        }
        Ok(Self(text.as_bytes().to_vec()))
    }

    /// Whether `offered` is the token. The time it takes tells the length of
    /// what was offered and nothing about the token's content.
    pub fn matches(&self, offered: &str) -> bool {
        let mut difference = self.0.len() ^ offered.len();
        for (place, byte) in offered.bytes().enumerate() {
            // The token is never empty.
            let own = self.0[place % self.0.len()];
            difference = black_box(difference | usize::from(own ^ byte));
        }
        difference == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_matches() {
        let token = Token::from_file_content("correct-horse\n").unwrap();
        assert!(token.matches("correct-horse"));
        for offered in ["", "correct-hors", "correct-horse\n", "correct-horsecorrect-horse", "x"] {
            assert!(!token.matches(offered), "{offered:?}");
        }
    }

    #[test]
    fn a_token_that_protects_nothing_is_refused() {
        for content in ["", "\n", "short", "two words here"] {
            assert!(Token::from_file_content(content).is_err(), "{content:?}");
        }
    }
}
