//! The Public Suffix List, with its private section.
//!
//! The list is code, which the compiler copies into every caller: 600 kB of
//! program and twenty seconds of compiling for each. So it is asked here and
//! nowhere else, in one place.

/// The public suffix that `name` ends with, which may be all of it.
pub fn public_suffix(name: &str) -> Option<&str> {
    let suffix = find(name)?.as_bytes();
    std::str::from_utf8(suffix).ok()
}

/// The registrable domain that `name` ends with: one label and its public suffix.
/// `None` if `name` is a public suffix itself.
pub fn registrable(name: &str) -> Option<&str> {
    let above = name.strip_suffix(public_suffix(name)?)?.strip_suffix('.')?;
    let label = above.rsplit('.').next().filter(|label| !label.is_empty())?;
    name.get(above.len() - label.len()..)
}

/// Whether `name` is a suffix in the private section: a company runs it.
pub fn is_private_suffix(name: &str) -> bool {
    find(name).is_some_and(|suffix| suffix == name && suffix.typ() == Some(psl::Type::Private))
}

#[inline(never)]
fn find(name: &str) -> Option<psl::Suffix<'_>> {
    psl::suffix(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registrable_domain_is_one_label_below_the_longest_suffix() {
        for (name, suffix, domain) in [
            ("a.b.example.co.uk", "co.uk", Some("example.co.uk")),
            ("example.com", "com", Some("example.com")),
            ("com", "com", None),
            ("any.example.s3.amazonaws.com", "s3.amazonaws.com", Some("example.s3.amazonaws.com")),
            ("s3.amazonaws.com", "s3.amazonaws.com", None),
            ("kettle.unheard-of", "unheard-of", Some("kettle.unheard-of")),
        ] {
            assert_eq!(public_suffix(name), Some(suffix), "{name}");
            assert_eq!(registrable(name), domain, "{name}");
        }
        assert!(is_private_suffix("s3.amazonaws.com") && !is_private_suffix("co.uk"));
        assert_eq!(registrable(".com"), None);
    }
}
