//! What a visitor of the demonstration's console needs: a token that opens
//! single lines, made anew for each run, and a made-up line worth looking up.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use rand::TryRng as _;
use rand::rngs::SysRng;

use crate::config::Config;
use crate::model::line::{LineId, Regions};
use crate::orient::reveal::line_named;
use crate::publish::view::Current;
use crate::service::key::line_key;
use crate::service::prefixes;
use crate::simulate::Isp;

/// Bytes of the token.
const TOKEN: usize = 8;
/// Lines among which one to look up is chosen.
const HOMES: usize = 1_000;

/// The token and the lines.
pub(super) struct Visit {
    token: String,
    homes: Vec<(LineId, String)>,
}

impl Visit {
    /// Makes a token, writes it into `folder` and lets it open what it opens.
    pub(super) fn prepare(isp: &Isp, folder: &Path, config: &mut Config) -> anyhow::Result<Self> {
        let mut secret = [0; TOKEN];
        SysRng.try_fill_bytes(&mut secret)?;
        let token: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let file = folder.join("token");
        fs::write(&file, &token)?;
        config.token_file = Some(file);
        let key = line_key(&config.lines.key_file)?;
        let prefixes = prefixes(&config.lines, &mut Regions::default());
        let lines = isp.truth().map(|entry| entry.line_text());
        let homes = lines.filter_map(|line| Some((line_named(&line, &key, &prefixes)?, line)));
        Ok(Self { token, homes: homes.take(HOMES).collect() })
    }

    /// Where everything is.
    pub(super) fn heading(&self, http: SocketAddr) -> String {
        format!(
            "console  http://{http}/\n\
             API      http://{http}/api/v1/counts  (also /classes, /exporters, /history, /openapi.json)\n\
             metrics  http://{http}/metrics\n\
             token    {}  (opens http://{http}/lines)\n",
            self.token
        )
    }

    /// The line of which most is claimed, once there is one, and only once.
    pub(super) fn home(&mut self, current: &Current) -> Option<String> {
        let claims = |line: LineId| current.line(line).len();
        let (line, home) = self.homes.iter().max_by_key(|(line, _)| claims(*line))?;
        if claims(*line) < 2 {
            return None;
        }
        let told = format!("         look up the made-up line {home} there\n");
        self.homes.clear();
        Some(told)
    }
}
