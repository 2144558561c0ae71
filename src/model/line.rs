//! A subscriber line, as everything outside `orient` knows it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The keyed pseudonym of a subscriber line.
///
/// Only `orient` makes one from an address; nothing turns it back. Written as
/// 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineId(pub u128);

impl fmt::Display for LineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for LineId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // `from_str_radix` alone would take a sign and any length.
        if text.len() == 32 && text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            u128::from_str_radix(text, 16).map(Self).map_err(|error| error.to_string())
        } else {
            Err("a line is 32 hexadecimal digits".to_owned())
        }
    }
}

impl Serialize for LineId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LineId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The region of a line, by its place in [`Regions`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionId(pub u16);

/// Names of regions.
///
/// The table only grows: a reload carries it over and appends, so that a
/// [`RegionId`] in evidence keeps its meaning. Region 0 is the empty name, for
/// lines whose prefix has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Regions(Vec<Arc<str>>);

impl Default for Regions {
    fn default() -> Self {
        Self(vec!["".into()])
    }
}

impl Regions {
    /// The id of `name`, appended if it is new. When all ids are used up the
    /// line falls into the nameless region 0.
    pub fn intern(&mut self, name: &str) -> RegionId {
        let position = self.0.iter().position(|known| &**known == name).unwrap_or_else(|| {
            self.0.push(name.into());
            self.0.len() - 1
        });
        RegionId(u16::try_from(position).unwrap_or(0))
    }

    /// The region's name; empty for lines whose prefix has none.
    pub fn name(&self, region: RegionId) -> Arc<str> {
        self.0.get(usize::from(region.0)).cloned().unwrap_or_else(|| "".into())
    }

    /// All regions with their names, region 0 first.
    pub fn iter(&self) -> impl Iterator<Item = (RegionId, &Arc<str>)> {
        self.0
            .iter()
            .enumerate()
            .filter_map(|(i, name)| Some((RegionId(u16::try_from(i).ok()?), name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_back_as_written() {
        let line = LineId(0xfeed);
        assert_eq!(line.to_string().parse::<LineId>().unwrap(), line);
        assert!("+0000000000000000000000000000feed".parse::<LineId>().is_err());
        assert!("feed".parse::<LineId>().is_err());
    }

    #[test]
    fn a_region_keeps_its_id_when_others_come() {
        let mut regions = Regions::default();
        let north = regions.intern("north");
        regions.intern("south");
        assert_eq!(regions.intern("north"), north);
        assert_eq!(&*regions.name(north), "north");
        assert_eq!(&*regions.name(RegionId(0)), "");
    }
}
