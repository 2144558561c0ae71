//! A disk that fails while the service runs: it goes on detecting, says what a
//! restart would lose and says it once, and when there is room again everything is
//! kept, also what came meanwhile.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a panic is how a test fails, these tests run in real time and say what they skip"
)]

mod support;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use support::{CLASS, Exporter, Hayrake, KETTLE, Site, eventually, line};

const MADE: &str = "hayrake_sightings_total{outcome=\"made\"}";
const IN_DAY: &str = "hayrake_sightings_total{outcome=\"in_day\"}";
/// What the site here has to keep.
const KINDS: [&str; 2] = ["exporters", "evidence"];

fn of(hayrake: &Hayrake, kind: &str, what: &str) -> u64 {
    hayrake.metric(&format!("hayrake_checkpoint_{what}_total{{kind=\"{kind}\"}}"))
}

/// A site that writes every second.
fn site() -> Site {
    let site = Site::new();
    site.configure("checkpoint: {every: 1s}\n");
    site
}

/// Its service, which has written once.
fn begin(site: &Site, command: &mut Command) -> Hayrake {
    let hayrake = Hayrake::start_by(command, &site.path("hayrake.yaml"));
    see(&hayrake, 1);
    wait(&hayrake, 2);
    eventually("all is written", || KINDS.iter().all(|kind| of(&hayrake, kind, "written") > 0));
    assert_eq!(warnings(&hayrake), [] as [String; 0]);
    hayrake
}

/// The checkpoints in a folder.
fn checkpoints(folder: &Path) -> [Vec<u8>; 2] {
    KINDS.map(|kind| fs::read(folder.join(format!("{kind}.checkpoint"))).unwrap())
}

fn plain() -> Command {
    Command::new(env!("CARGO_BIN_EXE_hayrake"))
}

/// Shows the class on one more line.
fn see(hayrake: &Hayrake, last: u8) {
    let mut exporter = Exporter::new(hayrake.udp);
    let before = hayrake.metric(IN_DAY);
    exporter.send_template();
    exporter.send_flows(&[line(last)], &KETTLE);
    eventually("it is seen", || hayrake.metric(IN_DAY) == before + 2);
}

/// Flows of one more line, whose template does not come.
fn wait(hayrake: &Hayrake, last: u8) {
    let before = hayrake.metric("hayrake_records_queued");
    Exporter::new(hayrake.udp).send_flows_of(900, &[line(last)], &KETTLE);
    eventually("they wait", || hayrake.metric("hayrake_records_queued") == before + 1);
}

fn warnings(hayrake: &Hayrake) -> Vec<String> {
    let (status, ready) = hayrake.get("/readyz");
    assert_eq!((status, &ready["ready"]), (200, &true.into()), "flows are taken in");
    listed(&ready)
}

fn listed(answer: &serde_json::Value) -> Vec<String> {
    let all = answer["warnings"].as_array().unwrap();
    all.iter().map(|warning| warning.as_str().unwrap().to_owned()).collect()
}

/// That it goes on detecting while nothing can be written, and says so. `reason`
/// is what the system says.
fn go_on(hayrake: &mut Hayrake, reason: &str) {
    see(hayrake, 3);
    wait(hayrake, 4);
    eventually("it is tried again and again", || {
        KINDS.iter().all(|kind| of(hayrake, kind, "failures") >= 2)
    });
    let said = warnings(hayrake).join("\n");
    for what in ["the templates of exporters", "the evidence of open windows"] {
        assert!(said.contains(&format!("{what} would not survive a restart")), "{said}");
    }
    assert!(said.contains(reason), "{said}");
    eventually("the console says the same", || {
        listed(&hayrake.get("/api/v1/status").1) == warnings(hayrake)
    });
    see(hayrake, 5);
    let log = hayrake.log_so_far();
    for kind in KINDS {
        let of_kind = |line: &&str| {
            line.contains("no checkpoint could be written")
                && line.contains(&format!("kind=\"{kind}\""))
        };
        let said: Vec<_> = log.lines().filter(of_kind).collect();
        assert!(said.len() == 1 && said[0].contains(reason), "once: {log}");
    }
}

/// That everything is kept again: what came before, meanwhile and after. `shell`
/// runs what is started after a kill.
fn recover(site: &Site, mut hayrake: Hayrake, shell: Command) {
    hayrake.wait_for_log("checkpoints are written again");
    eventually("nothing is to be said any more", || warnings(&hayrake).is_empty());
    see(&hayrake, 6);
    let written = || KINDS.map(|kind| of(&hayrake, kind, "written"));
    let before = written();
    let mut exporter = Exporter::new(hayrake.udp);
    // Of two that begin from here on, the second has everything.
    eventually("all is written", || {
        exporter.send_template();
        exporter.send_flows(&[line(9)], &KETTLE[..1]);
        written().iter().zip(before).all(|(now, before)| *now > before + 1)
    });
    hayrake.signal("-KILL");
    drop(hayrake);
    let hayrake = site.run_and_close_by(shell);
    assert_eq!(hayrake.metric("hayrake_records_carried_over_total"), 2);
    Exporter::new(hayrake.udp).send_template_as(900);
    eventually("what waited is decoded", || hayrake.metric(MADE) == 4);
    assert!(hayrake.terminate().success());
    let detections = site.detections();
    let day: Vec<_> = detections.iter().filter(|d| d["window"] == "24h").collect();
    assert!(day.iter().all(|detection| detection["class"] == CLASS));
    // 1, 3, 5 and 6 were seen, 2 and 4 waited; 9 was half seen, which is enough.
    assert_eq!(day.len(), 7, "{day:?}");
}

/// Disks as a test wants them, for those it runs here: a mount namespace, held by a
/// program that does nothing.
struct Disks {
    holder: Child,
}

impl Disks {
    /// `None` where this may not mount.
    fn new() -> Option<Self> {
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "--propagation", "private", "sh", "-c", "echo; exec cat"]);
        let piped = unshare.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut disks = Self { holder: piped.spawn().ok()? };
        disks.holder.stdout.as_mut()?.read_exact(&mut [0]).ok()?;
        Some(disks)
    }

    fn run(&self, program: &str) -> Command {
        let mut nsenter = Command::new("nsenter");
        nsenter.arg(format!("--mount=/proc/{}/ns/mnt", self.holder.id())).arg(program);
        nsenter
    }

    fn hayrake(&self) -> Command {
        self.run(env!("CARGO_BIN_EXE_hayrake"))
    }

    fn mount(&self, options: &[&str], on: &Path) {
        assert!(self.run("mount").args(options).arg(on).status().unwrap().success());
    }

    fn mount_read_only(&self, folder: &Path) {
        self.mount(&["--bind", "-o", "ro", folder.to_str().unwrap()], folder);
    }

    fn unmount(&self, from: &Path) {
        assert!(self.run("umount").arg(from).status().unwrap().success());
    }

    /// Where one who is not here finds a file.
    fn path(&self, path: &Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(path.strip_prefix("/").unwrap())
    }
}

impl Drop for Disks {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// A checkpoint that still found room may be in place a moment later.
fn let_what_is_being_written_be() {
    std::thread::sleep(Duration::from_millis(200));
}

/// A site on disks of its own, and its state folder. `None`, and why, where this may
/// not mount.
fn site_on_disks() -> Option<(Disks, Site, PathBuf)> {
    let Some(disks) = Disks::new() else {
        println!("skipped: unshare(1) may not make a mount namespace here");
        return None;
    };
    let site = site();
    let state = site.path("state");
    fs::create_dir(&state).unwrap();
    Some((disks, site, state))
}

#[test]
fn a_disk_that_is_full_stops_nothing_and_is_used_again_when_there_is_room() {
    let Some((disks, site, state)) = site_on_disks() else { return };
    disks.mount(&["-t", "tmpfs", "-o", "size=2m", "test"], &state);
    let mut hayrake = begin(&site, &mut disks.hayrake());
    let seen_from_here = disks.path(&state);
    let filler = seen_from_here.join("filler");
    let fill = |filler: &Path| {
        let written = fs::write(filler, vec![1; 4 << 20]);
        assert!(written.is_err(), "there is no room for so much");
    };
    fill(&filler);
    let_what_is_being_written_be();
    // What it took the place of may have left room.
    let rest = seen_from_here.join("rest");
    fill(&rest);
    let before = checkpoints(&seen_from_here);
    go_on(&mut hayrake, "No space left on device");
    assert!(before == checkpoints(&seen_from_here), "the last good ones stay");
    fs::remove_file(filler).unwrap();
    fs::remove_file(rest).unwrap();
    recover(&site, hayrake, disks.run("bash"));
}

#[test]
fn a_read_only_disk_stops_nothing_and_is_used_again_when_it_is_writable() {
    let Some((disks, site, state)) = site_on_disks() else { return };
    let mut hayrake = begin(&site, &mut disks.hayrake());
    disks.mount_read_only(&state);
    go_on(&mut hayrake, "Read-only file system");
    disks.unmount(&state);
    recover(&site, hayrake, disks.run("bash"));
}

#[test]
fn a_disk_that_is_read_only_from_the_start_is_said_and_used_when_it_is_writable() {
    let Some((disks, site, state)) = site_on_disks() else { return };
    disks.mount_read_only(&state);
    let mut hayrake = Hayrake::start_by(&mut disks.hayrake(), &site.path("hayrake.yaml"));
    see(&hayrake, 1);
    wait(&hayrake, 2);
    go_on(&mut hayrake, "Read-only file system");
    let said = warnings(&hayrake).join("\n");
    assert!(said.contains("counts of windows are not added to the history"), "{said}");
    disks.unmount(&state);
    recover(&site, hayrake, disks.run("bash"));
}

#[test]
fn a_folder_that_cannot_be_written_while_it_runs_stops_nothing_and_is_mended() {
    let site = site();
    let mut hayrake = begin(&site, &mut plain());
    // Nobody can write into a file as if it were a folder, not even root.
    fs::rename(site.path("state"), site.path("away")).unwrap();
    site.write("state", "");
    go_on(&mut hayrake, "state cannot be used: File exists");
    fs::remove_file(site.path("state")).unwrap();
    fs::rename(site.path("away"), site.path("state")).unwrap();
    recover(&site, hayrake, Command::new("bash"));
}

#[test]
fn a_folder_that_is_gone_is_made_anew_and_held() {
    let site = site();
    let hayrake = begin(&site, &mut plain());
    fs::rename(site.path("state"), site.path("away")).unwrap();
    // Nothing is told of exporters, but what was written of them is gone as well.
    let mut exporter = Exporter::new(hayrake.udp);
    let before = hayrake.metric(IN_DAY);
    exporter.send_flows(&[line(3)], &KETTLE);
    eventually("it is seen", || hayrake.metric(IN_DAY) == before + 2);
    eventually("all is in a new one", || {
        KINDS.iter().all(|kind| site.path(&format!("state/{kind}.checkpoint")).exists())
    });
    eventually("and a history", || site.path("state/history.sqlite").exists());
    eventually("nothing is to be said any more", || warnings(&hayrake).is_empty());
    let mut second = plain();
    let second = second.args(["run", "-c"]).arg(site.path("hayrake.yaml")).output().unwrap();
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(!second.status.success() && said.contains("used by another service"), "{said}");
    hayrake.signal("-KILL");
    drop(hayrake);
    let hayrake = site.run_and_close();
    assert_eq!(hayrake.metric("hayrake_records_carried_over_total"), 1);
    assert!(hayrake.terminate().success());
    assert_eq!(site.detections().iter().filter(|d| d["window"] == "24h").count(), 2);
}

#[test]
fn a_disk_that_fills_while_it_runs_stops_nothing_and_keeps_what_was_written() {
    let mut shell = Command::new("bash");
    let ignoring = format!("trap '' XFSZ; exec {} \"$@\"", env!("CARGO_BIN_EXE_hayrake"));
    let site = site();
    let mut hayrake = begin(&site, shell.args(["-c", &ignoring, "hayrake"]));
    let pid = hayrake.pid().to_string();
    let limit = |bytes: &str| {
        Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={bytes}:")]).status()
    };
    // No file grows over this, which is what a full disk does.
    match limit("60") {
        Ok(done) if done.success() => {}
        other => return println!("skipped: no prlimit(1) that may do this here: {other:?}"),
    }
    let_what_is_being_written_be();
    let before = checkpoints(&site.path("state"));
    go_on(&mut hayrake, "File too large");
    let said = warnings(&hayrake).join("\n");
    assert!(said.contains("counts of windows are not added to the history"), "{said}");
    assert!(before == checkpoints(&site.path("state")), "the last good ones stay");
    for kind in KINDS {
        assert!(!site.path(&format!("state/{kind}.checkpoint.new")).exists(), "{kind}");
    }
    assert!(limit("unlimited").unwrap().success());
    recover(&site, hayrake, Command::new("bash"));
}
