//! Many people: brought in, listed, and enrolled one by one, by the command line as an administrator has it.

use crate::people::CROWD;
use crate::raw::Raw;
use crate::size::Size;
use crate::{Site, once, people};
use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub(crate) fn run(raw: &mut Raw, site: &Site, size: Size) {
    let count = size.moved();
    let totpctl = Totpctl::new(site);
    totpctl.run(&["init"]);
    let source = site.here.join("bulk.oath");
    people::users_file(&source, count);
    eprintln!("bench: {count} people are imported");
    raw.take("import", count, totpctl.run(&[OsStr::new("import"), "oath".as_ref(), source.as_os_str()]));
    let &many = size.users().iter().rfind(|&&users| users <= 100_000).expect("some are enrolled");
    eprintln!("bench: {many} people are listed");
    raw.take("list", many, Totpctl::with(site, people::settings(&site.here, many)).run(&["list"]));
    let enrolled = size.enrolled();
    eprintln!("bench: {enrolled} people are enrolled");
    for number in 0..enrolled {
        let name = format!("p{}", CROWD as usize + 10_000_000 + number);
        let words = ["enroll", &name, "--no-confirm", "--qr", "none"];
        raw.take("enroll", 1, totpctl.run(&words));
    }
}

impl Raw {
    fn take(&mut self, what: &str, count: usize, used: Used) {
        self.put("bulk", what, count, "-", "ns", used.nanoseconds);
        self.put("bulk", what, count, "-", "peak KiB", used.peak);
    }
}

struct Used {
    nanoseconds: u128,
    /// The most memory that it had, in KiB.
    peak: u64,
}

struct Totpctl {
    program: PathBuf,
    settings: PathBuf,
    /// Where the name service is that knows everybody.
    names: PathBuf,
}

impl Totpctl {
    fn new(site: &Site) -> Self {
        let settings = site.here.join("bulk.toml");
        fs::write(&settings, format!("[store]\ndirectory = {:?}\n", site.here.join("bulk")))
            .expect("a new file");
        Self::with(site, settings)
    }

    fn with(site: &Site, settings: PathBuf) -> Self {
        Self { program: site.programs.join("totpctl"), settings, names: site.modules.clone() }
    }

    fn run(&self, words: &[impl AsRef<OsStr>]) -> Used {
        let mut command = Command::new(&self.program);
        command.args(words).arg("--config").arg(&self.settings).env("LD_LIBRARY_PATH", &self.names);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let start = Instant::now();
        let mut child = command.spawn().expect("totpctl is built");
        let (process, ended) = (child.id(), AtomicBool::new(false));
        let (status, nanoseconds, peak) = std::thread::scope(|scope| {
            let watcher = scope.spawn(|| watched(process, &ended));
            let status = child.wait().expect("a child");
            let taken = start.elapsed().as_nanos();
            ended.store(true, Ordering::Relaxed);
            (status, taken, watcher.join().expect("a thread"))
        });
        assert!(status.success(), "totpctl: {status}");
        Used { nanoseconds, peak }
    }
}

/// The most memory that the process was seen to have until it ended.
fn watched(process: u32, ended: &AtomicBool) -> u64 {
    let mut peak = 0;
    while !ended.load(Ordering::Relaxed) {
        peak = once::peak(process).max(peak);
        std::thread::sleep(Duration::from_millis(1));
    }
    peak
}
