//! `hayrake lab capture`: captures of devices in, what each device did out.

use std::fs::File;
use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};

use crate::cli::Outcome;
use crate::cli::progress::FileProgress;
use crate::dns::read::{LARGEST_CAPTURE, unpacked};
use crate::lab::capture::{Identity, Recorder};
use crate::lab::manifest::{self, Entry};
use crate::lab::traffic::{Captured, Mode};

/// Tell what devices did: domains, addresses, ports and packets an hour.
///
/// Domains are learnt from DNS answers to the device, the server names of TLS
/// and QUIC and the Host of HTTP. Captures are pcap or pcapng, plain or packed
/// with gzip, zstd or xz. Name one device by --mac or --address, or several in
/// a manifest; docs/lab.md shows one. The device's own addresses are not
/// printed. Ends with 1 when a capture has nothing of its device or cannot be
/// read to its end.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  hayrake lab capture --manifest devices.yaml --json > traffic.json
  hayrake lab capture --mac 00:17:88:68:5f:61 --device hue --maker Philips hue.pcap")]
pub(super) struct Capture {
    /// YAML file that says which captures show which device.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["captures", "mac", "address"])]
    manifest: Option<PathBuf>,
    /// Ethernet address of the device.
    #[arg(long, value_name = "MAC", conflicts_with = "address")]
    mac: Option<String>,
    /// IP address of the device, for captures without Ethernet addresses.
    #[arg(long, value_name = "ADDRESS")]
    address: Option<IpAddr>,
    /// What to call the device.
    #[arg(long, value_name = "NAME", default_value = "device")]
    device: String,
    /// Who made it.
    #[arg(long, value_name = "NAME", default_value = "")]
    maker: String,
    /// What it is.
    #[arg(long, value_name = "NAME", default_value = "")]
    product: String,
    /// Whether somebody used it meanwhile.
    #[arg(long, value_enum, default_value = "unknown")]
    mode: ModeArgument,
    /// Captures of the device.
    #[arg(value_name = "CAPTURE", required_unless_present = "manifest")]
    captures: Vec<PathBuf>,
    /// Print JSON, which the other steps of the lab read.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum ModeArgument {
    Idle,
    Active,
    Unknown,
}

impl Capture {
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        let json = self.json;
        let (captured, outcome) = match &self.manifest {
            Some(path) => read_manifest(path)?,
            None => read_all(vec![self.entry()?], Path::new(""))?,
        };
        if json {
            println!("{}", captured.to_json()?);
        } else {
            print!("{captured}");
        }
        Ok(outcome)
    }

    fn entry(self) -> anyhow::Result<Entry> {
        let identity = match (&self.mac, self.address) {
            (Some(text), _) => Identity::Mac(manifest::mac(text).ok_or_else(|| {
                anyhow!("--mac `{text}` is no Ethernet address such as 00:17:88:68:5f:61")
            })?),
            (None, Some(address)) => Identity::Address(address),
            (None, None) => bail!("whose packets? --mac MAC, --address ADDRESS or --manifest FILE"),
        };
        let mode = match self.mode {
            ModeArgument::Idle => Mode::Idle,
            ModeArgument::Active => Mode::Active,
            ModeArgument::Unknown => Mode::Unknown,
        };
        let path = |path: PathBuf| {
            path.into_os_string().into_string().map_err(|_| anyhow!("a path that is not UTF-8"))
        };
        let captures = self.captures.into_iter().map(|file| Ok((path(file)?, mode)));
        let captures = captures.collect::<anyhow::Result<_>>()?;
        let Self { device, maker, product, .. } = self;
        Ok(Entry { device, maker, product, identity, captures })
    }
}

/// Reads the captures that a manifest names; their paths begin where it is.
pub(super) fn read_manifest(path: &Path) -> anyhow::Result<(Captured, Outcome)> {
    let file = path.display().to_string();
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {file}"))?;
    let entries = manifest::read(&file, &bytes).map_err(crate::cli::findings)?;
    read_all(entries, path.parent().unwrap_or(Path::new("")))
}

/// Reads the captures of every device. What was read is said on standard error.
fn read_all(entries: Vec<Entry>, folder: &Path) -> anyhow::Result<(Captured, Outcome)> {
    let mut outcome = Outcome::Fine;
    let mut devices = Vec::new();
    for entry in entries {
        let mut recorder = Recorder::new(entry.identity);
        for (file, mode) in &entry.captures {
            let path = folder.join(file);
            let bytes = open(&path)
                .with_context(|| format!("cannot read the capture {}", path.display()))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let report = recorder.read(&name, *mode, &bytes);
            eprintln!("{}: {}: {report}", path.display(), entry.device);
            if report.own == 0 || report.problem.is_some() {
                outcome = Outcome::Findings;
            }
        }
        devices.push(recorder.finish(&entry.device, &entry.maker, &entry.product));
    }
    Ok((Captured::new(devices)?, outcome))
}

/// A capture, unpacked.
pub(super) fn open(path: &Path) -> anyhow::Result<Vec<u8>> {
    let (_, input) = unpacked(FileProgress::of(path, File::open(path)?))?;
    let mut bytes = Vec::new();
    input.take(LARGEST_CAPTURE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_CAPTURE {
        bail!("it is larger than {LARGEST_CAPTURE} bytes");
    }
    Ok(bytes)
}
