//! systemd as process 1 of the sandbox's machine, in namespaces and a control group of its own.
//!
//! It sees the sandbox's files and no unit but those that are named here: what else lies in the folders of the
//! machine's systemd loads modules, empties /tmp and starts services.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use nix::mount::{MsFlags, mount};

use crate::artefacts;
use crate::daemon::SOCKET;
use crate::lab::{Lab, run, write};
use crate::mounts;

/// Where the units say that the daemon is.
pub const PROGRAM: &str = "/usr/sbin/enrolld";
const SYSTEMD: &str = "/lib/systemd/systemd";
const UNITS: &str = "/run/lab/units";
const GROUPS: &str = "/run/lab/cgroup";
/// What units without a word about it lean on.
const TARGETS: [&str; 5] =
    ["basic.target", "nss-user-lookup.target", "shutdown.target", "sockets.target", "sysinit.target"];
/// In a mount and a control group namespace; the latter begins where this shell was put.
const BOOT: &str = "\
    mount -t proc proc /proc && mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && \
    umount /run/lab/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec \"$@\"";

/// A machine that systemd has booted, with the units of packaging/systemd as they are.
pub struct Booted {
    namespaces: Child,
    group: PathBuf,
    /// systemd, as this process sees it.
    init: i32,
}

impl Booted {
    /// Boots, and returns when the socket is there. `Err` says why this machine has no control groups for it:
    /// without them there is no systemd.
    ///
    /// # Errors
    /// What mount(2) or mkdir(2) says.
    ///
    /// # Panics
    /// When systemd does not come up within ten seconds.
    pub fn start(lab: &Lab) -> Result<Self, String> {
        let group = control_group()?;
        lay_units(lab);
        lay_log();
        let namespaces = boot(&group).spawn().expect("sh is part of every Debian");
        let mut booted = Self { namespaces, group, init: 0 };
        let up = within(Duration::from_secs(10), || Path::new(SOCKET).exists(), |there| *there);
        assert!(up.is_some(), "systemd did not come up");
        booted.init = booted.find_init();
        Ok(booted)
    }

    /// A command inside.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.init.to_string(), "--mount", "--pid", "--cgroup"]).args(words);
        command.stdin(Stdio::null());
        command
    }

    /// `systemctl`, which must succeed, and what it printed.
    pub fn systemctl(&self, words: &[&str]) -> String {
        let mut command = self.command(&["systemctl", "--no-pager"]);
        String::from_utf8(run(command.args(words)).stdout).expect("systemctl prints UTF-8").trim().to_owned()
    }

    /// A property of the service.
    pub fn property(&self, name: &str) -> String {
        self.systemctl(&["show", "--value", "--property", name, "enrolld.service"])
    }

    /// The daemon's process as this process sees it, if there is one.
    pub fn daemon(&self) -> Option<u32> {
        let inside = self.property("MainPID");
        processes()
            .find(|(_, inner)| inner.len() == 2 && inner[1] == inside)
            .map(|(pid, _)| pid.cast_unsigned())
    }

    /// Adds to the service's unit.
    pub fn drop_in(&self, text: &str) {
        let folder = Path::new(UNITS).join("enrolld.service.d");
        fs::create_dir_all(&folder).expect("the folder is ours");
        write(folder.join("lab.conf"), text);
        self.systemctl(&["daemon-reload"]);
    }

    fn find_init(&self) -> i32 {
        pid_of_child(self.namespaces.id()).expect("systemd is a child of unshare")
    }
}

impl Drop for Booted {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let status = self.command(&["systemctl", "--no-pager", "status", "enrolld.service"]).output();
            let status = status.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
            eprintln!("{}", status.unwrap_or_default());
        }
        let _ = self.namespaces.kill();
        let _ = self.namespaces.wait();
        // The kernel ends the processes of a namespace one by one.
        let gone = |removed: &std::io::Result<()>| removed.is_ok();
        let _ = within(Duration::from_secs(5), || remove_groups(&self.group), gone);
    }
}

/// What `look` gives once it is as wanted; `None` if it is not within this time.
pub fn within<T>(time: Duration, mut look: impl FnMut() -> T, wanted: impl Fn(&T) -> bool) -> Option<T> {
    let deadline = Instant::now() + time;
    loop {
        let seen = look();
        if wanted(&seen) {
            return Some(seen);
        }
        if Instant::now() > deadline {
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A child of this process, by its number here.
pub(crate) fn pid_of_child(parent: u32) -> Option<i32> {
    let parent = format!("PPid:\t{parent}");
    let is_child = |pid: i32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.lines().any(|line| line == parent)
    };
    processes().map(|(pid, _)| pid).find(|pid| is_child(*pid))
}

/// Every process, with its ids from the namespace of this process on inwards.
fn processes() -> impl Iterator<Item = (i32, Vec<String>)> {
    let all = fs::read_dir("/proc").expect("proc is mounted").flatten();
    all.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let status = fs::read_to_string(entry.path().join("status")).ok()?;
        let ids = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
        Some((pid, ids.split_whitespace().map(str::to_owned).collect()))
    })
}

fn boot(group: &Path) -> Command {
    let mut command = Command::new("sh");
    // Process 1 has to be born in the group at which its namespace begins.
    command.args(["-c", "echo 0 > \"$1/cgroup.procs\" && shift && exec \"$@\"", "boot"]).arg(group);
    command.args([
        "unshare",
        "--mount",
        "--pid",
        "--cgroup",
        "--fork",
        "--kill-child",
        "sh",
        "-c",
        BOOT,
        "boot",
    ]);
    command.args([SYSTEMD, "--unit=lab.target", "--log-target=null", "--show-status=0"]);
    command.args(["--default-standard-output=null", "--default-standard-error=null"]);
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("container", "lab");
    command.env("SYSTEMD_UNIT_PATH", UNITS).env("SYSTEMD_GENERATOR_PATH", "/run/lab/no-generators");
    command.stdin(Stdio::null());
    command
}

/// A control group for all of it. Those that tests left behind which were killed are taken away.
pub(crate) fn control_group() -> Result<PathBuf, String> {
    fs::create_dir_all(GROUPS).expect("the folder is ours");
    mount(Some("cgroup2"), GROUPS, Some("cgroup2"), MsFlags::empty(), None::<&str>)
        .map_err(|errno| format!("cgroup2: {errno}"))?;
    sweep();
    let id = fs::read_to_string("/proc/sys/kernel/random/uuid").expect("proc is mounted");
    let group = Path::new(GROUPS).join(format!("acceptance-{}", id.trim()));
    fs::create_dir(&group).map_err(|error| format!("{}: {error}", group.display()))?;
    Ok(group)
}

fn sweep() {
    let old = |path: &Path| {
        let changed = fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        let age = changed.and_then(|time| SystemTime::now().duration_since(time).ok());
        age.is_some_and(|age| age > Duration::from_secs(3600))
    };
    for entry in fs::read_dir(GROUPS).expect("it is mounted").flatten() {
        if entry.file_name().to_string_lossy().starts_with("acceptance-") && old(&entry.path()) {
            // One that is in use cannot be removed.
            let _ = remove_groups(&entry.path());
        }
    }
}

pub(crate) fn remove_groups(group: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(group)?.flatten() {
        if entry.file_type()?.is_dir() {
            remove_groups(&entry.path())?;
        }
    }
    fs::remove_dir(group)
}

fn lay_units(lab: &Lab) {
    mounts::overlay("/usr/sbin");
    fs::copy(lab.program("enrolld"), PROGRAM).expect("the folder has a layer of ours");
    fs::create_dir(UNITS).expect("the folder is ours");
    for name in ["enrolld.service", "enrolld.socket"] {
        let from = artefacts::workspace().join("packaging/systemd").join(name);
        fs::copy(from, Path::new(UNITS).join(name)).expect("packaging/systemd has it");
    }
    for name in TARGETS {
        let of_systemd = Path::new("/lib/systemd/system").join(name);
        symlink(of_systemd, Path::new(UNITS).join(name)).expect("the folder is ours");
    }
    // As `systemctl enable` does.
    let wants = Path::new(UNITS).join("sockets.target.wants");
    fs::create_dir(&wants).expect("the folder is ours");
    symlink("../enrolld.socket", wants.join("enrolld.socket")).expect("the folder is ours");
    write(Path::new(UNITS).join("lab.target"), "[Unit]\nRequires=basic.target sockets.target\n");
}

/// Under PrivateDevices= the log is where systemd's journal has it: the sandbox's receiver stands there too.
fn lay_log() {
    fs::create_dir_all("/run/systemd/journal").expect("/run is the sandbox's own");
    mounts::show(Path::new("/dev/log"), Path::new("/run/systemd/journal/dev-log"));
}

/// Which file a process runs, whatever its name leads to by now.
pub fn program_of(pid: u32) -> u64 {
    fs::metadata(format!("/proc/{pid}/exe")).expect("it runs").ino()
}
