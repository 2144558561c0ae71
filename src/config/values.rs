//! Values as they are written in a configuration: durations, prefixes,
//! addresses, paths.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnetwork::IpNetwork;

use super::settings::DNS_PORT;
use crate::signature::document::Node;
use crate::signature::fields::Report;

/// Units of sizes, the largest first.
const SIZES: [(&str, u64); 2] = [("GB", 1_000_000_000), ("MB", 1_000_000)];

/// How durations are written.
pub(super) const DURATION: &str = "a whole number with its unit, such as 30s, 5m, 1h or 2d";

/// A duration such as `30s`, `5m`, `1h`, `2d`.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let number = parse_digits(&text[..text.len() - unit.len_utf8()])?;
    Some(Duration::from_secs(number.checked_mul(seconds)?))
}

/// A duration in its largest whole unit, as [`parse_duration`] reads it.
pub(super) fn print_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (size, unit) = [(86_400, 'd'), (3_600, 'h'), (60, 'm')]
        .into_iter()
        .find(|(size, _)| seconds > 0 && seconds.is_multiple_of(*size))
        .unwrap_or((1, 's'));
    format!("{}{unit}", seconds / size)
}

/// A number of digits only; `parse` alone takes a sign.
pub(super) fn parse_digits(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// A size such as `512MB` or `2GB`, in bytes.
fn parse_size(text: &str) -> Option<u64> {
    SIZES.iter().find_map(|(unit, size)| parse_digits(text.strip_suffix(unit)?)?.checked_mul(*size))
}

/// A size in its largest whole unit, as [`parse_size`] reads it.
pub(super) fn print_size(bytes: u64) -> String {
    let (unit, size) =
        SIZES.into_iter().find(|(_, size)| bytes.is_multiple_of(*size)).unwrap_or(SIZES[1]);
    format!("{}{unit}", bytes / size)
}

/// Reads a size between two bounds.
pub(super) fn read_size(
    node: &Node,
    what: &str,
    least: u64,
    most: u64,
    report: &mut Report,
) -> Option<u64> {
    let allowed = format!(
        "a whole number with its unit, such as 512MB or 2GB, from {} to {}",
        print_size(least),
        print_size(most)
    );
    node.parsed(what, &allowed, report, |text| {
        parse_size(text).filter(|size| (least..=most).contains(size))
    })
}

/// Reads a duration between two bounds.
pub(super) fn read_duration(
    node: &Node,
    what: &str,
    least: Duration,
    most: Duration,
    report: &mut Report,
) -> Option<Duration> {
    let allowed = format!("{DURATION}, from {} to {}", print_duration(least), print_duration(most));
    node.parsed(what, &allowed, report, |text| {
        parse_duration(text).filter(|duration| (least..=most).contains(duration))
    })
}

/// Reads a whole number between two bounds.
pub(super) fn read_number(
    node: &Node,
    what: &str,
    least: u64,
    most: u64,
    report: &mut Report,
) -> Option<u64> {
    let allowed = if least == most {
        least.to_string()
    } else {
        format!("a whole number from {least} to {most}")
    };
    node.parsed(what, &allowed, report, |text| {
        parse_digits(text).filter(|number| (least..=most).contains(number))
    })
}

/// Reads `true` or `false`.
pub(super) fn read_switch(node: &Node, what: &str, report: &mut Report) -> Option<bool> {
    node.parsed(what, "true, false", report, |text| text.parse().ok())
}

/// Reads a prefix. An address alone is a prefix of one address; bits set
/// beyond the length are refused, since they mean that somebody erred.
pub(super) fn read_prefix(
    text: &str,
    line: usize,
    what: &str,
    report: &mut Report,
) -> Option<IpNetwork> {
    let allowed = "a prefix such as 192.0.2.0/24 or 2001:db8::/32";
    let Some(net) = text.parse::<IpNetwork>().ok() else {
        let found = format!("{what} {}", crate::signature::fields::quote(text));
        report.error(line, found, allowed);
        return None;
    };
    if net.ip() != net.network() {
        report.error(
            line,
            format!("{what} `{net}` with bits set beyond its length"),
            format!("{}/{}", net.network(), net.prefix()),
        );
        return None;
    }
    Some(net)
}

/// Reads an address with a port, to listen on.
pub(super) fn read_listener(node: &Node, what: &str, report: &mut Report) -> Option<SocketAddr> {
    let allowed = "an address with a port, such as 0.0.0.0:2055 or \"[::]:2055\"";
    node.parsed(what, allowed, report, |text| text.parse().ok())
}

/// Reads a resolver: an address, with a port when it is not 53.
pub(super) fn read_server(node: &Node, report: &mut Report) -> Option<SocketAddr> {
    let allowed = "an address such as 192.0.2.53 or 192.0.2.53:5353";
    node.parsed("server", allowed, report, |text| {
        let server: SocketAddr = text
            .parse()
            .ok()
            .or_else(|| Some(SocketAddr::new(text.parse::<IpAddr>().ok()?, DNS_PORT)))?;
        let usable = !server.ip().is_unspecified() && !server.ip().is_multicast();
        (usable && server.port() != 0).then_some(server)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_read_with_their_unit_only() {
        assert_eq!(parse_duration("5m"), Some(Duration::from_secs(300)));
        assert_eq!(parse_duration("2d"), Some(Duration::from_secs(172_800)));
        for text in
            ["", "5", "m", "+5m", "-5m", "1.5h", "5 m", "5min", "99999999999999999999s", "9µ"]
        {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_printed_duration_reads_back(seconds in 0u64..10_000_000) {
            let duration = Duration::from_secs(seconds);
            prop_assert_eq!(parse_duration(&print_duration(duration)), Some(duration));
        }
    }
}
