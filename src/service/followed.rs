//! What a running service follows: files that it reads again when they change,
//! and the settings for which it must be started anew.

use std::path::{Path, PathBuf};

use crate::config::{Config, SignatureSource};

/// The files that a running service follows.
pub(super) fn watched(config_path: Option<&Path>, config: &Config) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = config_path.map(Path::to_owned).into_iter().collect();
    if let SignatureSource::Dir(dir) = &config.signatures {
        paths.push(dir.clone());
    }
    paths.extend(config.dns.feeds.iter().map(|feed| feed.path.clone()));
    paths.extend(config.dns.ranges.iter().map(|list| list.path.clone()));
    paths.extend(config.dns.scans.iter().cloned());
    paths.push(config.lines.key_file.clone());
    paths.extend(config.token_file.clone());
    paths.extend(config.lines.opt_out.file.clone());
    paths.extend(config.tls.iter().flat_map(|tls| tls.files().cloned()));
    paths
}

/// Settings that differ and are read at the start only.
pub(super) fn needing_restart(old: &Config, new: &Config) -> Vec<&'static str> {
    let differs = [
        ("listen", old.listen != new.listen),
        ("udp_gro", old.udp_gro != new.udp_gro),
        ("http", old.http != new.http),
        ("state", old.state != new.state),
        ("history", old.history != new.history),
        ("checkpoint", old.checkpoint != new.checkpoint),
        ("dns.resolve", old.dns.resolve != new.dns.resolve),
        ("dns.feeds (dnstap)", old.dns.dnstap != new.dns.dnstap),
        ("detections", old.detections != new.detections),
        ("workers", old.workers != new.workers),
        ("lateness", old.lateness != new.lateness),
        ("k", old.k != new.k),
        ("vantage", old.vantage != new.vantage),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}
