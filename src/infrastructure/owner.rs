//! Who owns a name: its registrable domain, through the owner aliases.
//!
//! The Public Suffix List is used with its private section, so that each
//! tenant below `cloudfront.net` or `compute-1.amazonaws.com` is an owner of
//! its own. A name that is itself a public suffix owns itself.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::dns::{Knowledge, NameId};
use crate::model::domain::DomainName;
use crate::signature::Owners;

/// The owner of `name`.
pub fn owner_of<'a>(owners: &'a Owners, name: &'a DomainName) -> &'a str {
    owners.owner(name.registrable())
}

/// Owners looked up once for each name: the suffix list is slow to ask for
/// every name on a crowded address.
#[derive(Debug, Default)]
pub(super) struct OwnerMemo(HashMap<NameId, Arc<str>>);

impl OwnerMemo {
    pub(super) fn owner(&mut self, owners: &Owners, dns: &Knowledge, name: NameId) -> Arc<str> {
        self.0.entry(name).or_insert_with(|| owner_of(owners, dns.name(name)).into()).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_of_one_cloud_are_different_owners() {
        let owners = Owners::new([("meethue.com".to_owned(), "philips-hue".into())]);
        let owner = |name: &str| owner_of(&owners, &name.parse().unwrap()).to_owned();
        assert_eq!(owner("a.b.example.co.uk"), "example.co.uk");
        assert_eq!(owner("d111.cloudfront.net"), "d111.cloudfront.net");
        assert_eq!(owner("x.d222.cloudfront.net"), "d222.cloudfront.net");
        assert_eq!(
            owner("ec2-198-51-100-1.compute-1.amazonaws.com"),
            "ec2-198-51-100-1.compute-1.amazonaws.com"
        );
        assert_eq!(owner("com"), "com", "a public suffix owns itself");
        assert_eq!(owner("ws.meethue.com"), "philips-hue");
    }
}
