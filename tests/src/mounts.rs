//! A machine that can be written to and is not: the mounts of a sandbox.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};

use crate::sanitizers;

/// Where the rig keeps what is its own.
pub const LAB: &str = "/run/lab";

/// Kept readable, written to a layer that vanishes. /tmp and /root may hold the very tests that run.
const LAYERED: [&str; 3] = ["/etc", "/root", "/tmp"];
/// Empty at the start of every test.
const EMPTY: [&str; 6] = ["/home", "/var/lib", "/var/log", "/var/spool", "/var/mail", "/var/tmp"];

/// Lays the mounts. Whatever is not private afterwards is read-only, so a test that goes astray fails.
pub fn lay() {
    tmpfs(Path::new("/run"), "mode=755");
    make_dir(LAB, 0o755);
    if sanitizers::are_on() {
        make_dir(sanitizers::FOLDER, 0o1777);
    }
    make_dir("/run/sshd", 0o755);
    make_dir("/run/lock", 0o1777);
    for path in LAYERED {
        overlay(path);
    }
    for path in EMPTY {
        tmpfs(Path::new(path), "mode=755");
    }
    make_dir("/var/spool/cron/crontabs", 0o1730);
    fs::set_permissions("/var/tmp", fs::Permissions::from_mode(0o1777)).expect("/var/tmp is ours");
    lay_devices();
    read_only("/proc/sys");
    read_only("/");
}

/// A layer over `path` that takes every write.
pub fn overlay(path: &str) {
    layer_over(Path::new(path), Path::new(path));
}

/// What is in `lower`, at `path`, where a layer takes every write.
pub fn layer_over(lower: &Path, path: &Path) {
    let layer = format!("{LAB}/layers{}", path.display());
    let (upper, work) = (format!("{layer}/upper"), format!("{layer}/work"));
    make_dir(&upper, 0o755);
    make_dir(&work, 0o755);
    make_dir_at(path);
    let mode = fs::metadata(lower).expect("what is layered exists").permissions();
    fs::set_permissions(&upper, mode).expect("the layer is ours");
    let options = format!("lowerdir={},upperdir={upper},workdir={work}", lower.display());
    mount(Some("overlay"), path, Some("overlay"), MsFlags::empty(), Some(options.as_str()))
        .unwrap_or_else(|error| panic!("cannot lay an overlay over {}: {error}", path.display()));
}

fn make_dir_at(path: &Path) {
    if !path.exists() {
        fs::create_dir(path).unwrap_or_else(|error| panic!("cannot make {}: {error}", path.display()));
    }
}

/// An empty file system in memory at `path`; `options` as mount(8) takes them.
pub fn tmpfs(path: &Path, options: &str) {
    mount(Some("tmpfs"), path, Some("tmpfs"), MsFlags::empty(), Some(options))
        .unwrap_or_else(|error| panic!("cannot mount a tmpfs at {}: {error}", path.display()));
}

/// Makes the mount at `path` (or `path` itself, as a mount of its own) refuse writes.
pub fn read_only(path: &str) {
    if path != "/" {
        mount(Some(path), path, None::<&str>, MsFlags::MS_BIND, None::<&str>).expect("a bind mount");
    }
    remount(path, MsFlags::MS_RDONLY);
}

/// Changes the flags of the mount at `path`.
pub fn remount(path: &str, flags: MsFlags) {
    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | flags;
    mount(None::<&str>, path, None::<&str>, flags, None::<&str>)
        .unwrap_or_else(|error| panic!("cannot remount {path}: {error}"));
}

/// Shows the file `from` at `to` as well, whoever may read the folders above `from`.
pub fn show(from: &Path, to: &Path) {
    fs::write(to, "").unwrap_or_else(|error| panic!("cannot create {}: {error}", to.display()));
    mount(Some(from), to, None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .unwrap_or_else(|error| panic!("cannot bind {}: {error}", from.display()));
}

fn lay_devices() {
    tmpfs(Path::new("/dev"), "mode=755");
    let kinds = [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9)];
    for (name, major, minor) in kinds.into_iter().chain([("tty", 5, 0)]) {
        let path = format!("/dev/{name}");
        let mode = Mode::from_bits_truncate(0o666);
        mknod(path.as_str(), SFlag::S_IFCHR, mode, makedev(major, minor)).expect("root makes device nodes");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("the node is ours");
    }
    make_dir("/dev/pts", 0o755);
    make_dir("/dev/shm", 0o1777);
    let options = Some("newinstance,ptmxmode=0666,mode=620,gid=5");
    mount(Some("devpts"), "/dev/pts", Some("devpts"), MsFlags::empty(), options).expect("our own terminals");
    for (name, target) in [("ptmx", "pts/ptmx"), ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0")] {
        symlink(target, format!("/dev/{name}")).expect("/dev is ours");
    }
}

fn make_dir(path: &str, mode: u32) {
    fs::create_dir_all(path)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(mode)))
        .unwrap_or_else(|error| panic!("cannot make {path}: {error}"));
}
