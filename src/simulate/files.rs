//! The configuration that fits a simulated ISP.

use std::fmt::Write as _;
use std::path::Path;

use super::Isp;

/// The text of `hayrake.yaml` for `isp`: its prefixes and regions, its
/// routers, and everything else as a user would start with it. `signatures` is
/// the folder of signatures, unless they are the shipped ones.
pub fn configuration(isp: &Isp, signatures: Option<&Path>) -> String {
    let mut out = String::from(
        "# The collector of a simulated ISP, made by `hayrake simulate`.\n\
         listen: [\"127.0.0.1:2055\", \"127.0.0.1:4739\", \"127.0.0.1:6343\"]\n\
         exporters: {allow: [\"192.0.2.0/24\", \"127.0.0.0/8\"]}\n\
         vantage: isp\n\
         lines:\n  prefixes:\n",
    );
    for prefix in isp.prefixes() {
        let length = if prefix.net.is_ipv6() {
            format!(", length: {}", prefix.length)
        } else {
            String::new()
        };
        // Writing to a string cannot fail.
        let _ =
            writeln!(out, "    - {{net: \"{}\"{length}, region: {}}}", prefix.net, prefix.region);
    }
    if let Some(dir) = signatures {
        let _ = writeln!(out, "signatures: {dir:?}");
    }
    out.push_str(
        "  key_file: line.key\n\
         dns: {feeds: [{file: dns.jsonl, coverage: population}]}\n\
         state: state\n\
         http: 127.0.0.1:8080\n",
    );
    out
}
