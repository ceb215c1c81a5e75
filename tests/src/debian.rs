//! A fresh Debian (tests/debian) in the sandbox, for packages to be installed into: its own files under a layer
//! that vanishes, its own systemd as process 1, its own sshd and sudo as they come.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use crate::booted::{control_group, pid_of_child, remove_groups, within};
use crate::lab::{PASSWORD, PASSWORD_HASH, run, write};
use crate::{artefacts, mounts};

const ROOT: &str = "/run/lab/debian";
/// In namespaces of its own. $1: whether there are control groups; the rest is process 1.
const BOOT: &str = "\
    cd /run/lab/debian && groups=$1 && shift && \
    mount -t proc proc proc && mount --bind proc/sys proc/sys && mount -o remount,bind,ro proc/sys && \
    mount -t sysfs -o ro sysfs sys && mount -t tmpfs -o mode=755 tmpfs run && \
    mount -t tmpfs -o mode=755 tmpfs dev && mkdir dev/pts dev/shm run/sshd && \
    cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty dev/ && \
    mount --bind /dev/pts dev/pts && ln -s pts/ptmx dev/ptmx && ln -s /proc/self/fd dev/fd && \
    if [ \"$groups\" = yes ]; then umount /run/lab/cgroup && mount -t cgroup2 cgroup2 sys/fs/cgroup; fi && \
    pivot_root . mnt && umount -l mnt && exec \"$@\"";
const ASKED: &str = "/usr/local/bin/answer";
/// Whoever asks for a password or a code by a program (ssh, sudo -A) gets it from here.
const ANSWER: &str = "#!/bin/sh\n\
    case $1 in *'Verification code: ') echo \"$CODE\" ;; *) echo \"$PASSWORD\" ;; esac\n";

/// Makes the root where there is none yet: this takes the network, and so happens outside of a sandbox.
pub fn bring_up_to_date() {
    let mut command = Command::new("bash");
    command.arg(artefacts::workspace().join("tests/debian")).env("CARGO_TARGET_DIR", target());
    let made = run(&mut command).stdout;
    assert_eq!(Path::new(String::from_utf8_lossy(&made).trim()), made_root());
}

fn target() -> PathBuf {
    let program = artefacts::path("totpctl");
    let folder = program.parent().and_then(Path::parent).expect("a profile lies in the target folder");
    folder.to_owned()
}

fn made_root() -> PathBuf {
    target().join("debian/root")
}

/// A machine that has booted. It ends with this value.
pub struct Debian {
    namespaces: Child,
    group: Option<PathBuf>,
    init: i32,
}

impl Debian {
    /// Boots one with an sshd that asks for passwords in a conversation, and with these people, who may sudo.
    /// Where there are no control groups, and so no systemd, its sshd is started by hand, and that is said.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn start(people: &[&str]) -> Self {
        mounts::layer_over(&made_root(), Path::new(ROOT));
        arrange();
        let group = control_group();
        if let Err(why) = &group {
            eprintln!(
                "\n*** NOT TRIED: systemd as process 1 ({why}). What it does for a package did not happen.\n"
            );
        }
        let group = group.ok();
        let namespaces = boot(group.as_deref()).spawn().expect("sh is part of every Debian");
        let init = within(Duration::from_secs(10), || pid_of_child(namespaces.id()), Option::is_some);
        let init = init.flatten().expect("unshare has a child");
        let debian = Self { namespaces, group, init };
        // Before it has its own root, it has the sandbox's.
        let entered = || debian.command(&["test", "-x", ASKED]).status().is_ok_and(|status| status.success());
        assert!(within(Duration::from_secs(20), entered, |is| *is).is_some(), "it did not boot");
        if !debian.has_systemd() {
            debian.run(&["/usr/sbin/sshd"]);
        }
        for name in people {
            debian.run(&["useradd", "--create-home", "--groups", "sudo", "--password", PASSWORD_HASH, name]);
        }
        let is_up = within(Duration::from_secs(30), || TcpStream::connect("127.0.0.1:22"), Result::is_ok);
        assert!(is_up.is_some(), "its sshd does not listen");
        debian
    }

    /// Whether systemd is its process 1.
    pub fn has_systemd(&self) -> bool {
        self.group.is_some()
    }

    /// A command of its root's.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.init.to_string(), "--mount", "--pid", "--cgroup", "--root", "--wd"]);
        command.args(words).stdin(Stdio::null()).env_clear().env("LC_ALL", "C.UTF-8");
        command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    }

    /// A command of its root's, which must succeed, and what it printed.
    pub fn run(&self, words: &[&str]) -> String {
        let output = run(&mut self.command(words));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// A file of it, as the sandbox sees it.
    pub fn path(&self, path: &str) -> PathBuf {
        Path::new(ROOT).join(path.trim_start_matches('/'))
    }

    /// `apt-get install` of a package file; what was printed.
    pub fn install(&self, package: &Path) -> String {
        let inside = "/var/tmp/libpam-totp.deb";
        fs::copy(package, self.path(inside)).expect("the package has been built");
        let output = run(&mut self.command(&["apt-get", "install", "--yes", inside]));
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    /// Logs in by ssh with [`PASSWORD`] and, where one is asked for, this code.
    pub fn ssh(&self, user: &str, code: &str) -> Output {
        let mut command = self.command(&["ssh", "-F", "none", "-o", "StrictHostKeyChecking=no"]);
        command.args(["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]);
        command.args(["-o", "NumberOfPasswordPrompts=1", &format!("{user}@127.0.0.1"), "true"]);
        answered(&mut command, code).output().expect("nsenter is part of every Debian")
    }

    /// Whether this is a good code of somebody's, as the daemon says to them.
    pub fn verify(&self, user: &str, code: &str) -> bool {
        let mut command = self.command(&["runuser", "-u", user, "--", "totpctl", "verify"]);
        let mut asking = command.stdin(Stdio::piped()).spawn().expect("nsenter is part of every Debian");
        let mut input = asking.stdin.take().expect("it was asked for");
        writeln!(input, "{code}").expect("it reads a code");
        drop(input);
        asking.wait().is_ok_and(|status| status.success())
    }

    /// Whether somebody gets root by sudo so.
    pub fn sudo(&self, user: &str, code: &str) -> bool {
        let mut command = self.command(&["runuser", "-u", user, "--", "sudo", "-k", "-A", "true"]);
        answered(&mut command, code).output().is_ok_and(|output| output.status.success())
    }
}

impl Drop for Debian {
    fn drop(&mut self) {
        if std::thread::panicking() && self.has_systemd() {
            let log = self.command(&["journalctl", "--no-pager", "--lines=60"]).output();
            eprintln!(
                "{}",
                log.map(|log| String::from_utf8_lossy(&log.stdout).into_owned()).unwrap_or_default()
            );
        }
        let _ = self.namespaces.kill();
        let _ = self.namespaces.wait();
        if let Some(group) = &self.group {
            // The kernel ends the processes of a namespace one by one.
            let _ = within(Duration::from_secs(5), || remove_groups(group), Result::is_ok);
        }
    }
}

fn answered<'a>(command: &'a mut Command, code: &str) -> &'a mut Command {
    command.env("SSH_ASKPASS", ASKED).env("SSH_ASKPASS_REQUIRE", "force").env("SUDO_ASKPASS", ASKED);
    command.env("PASSWORD", PASSWORD).env("CODE", code)
}

fn arrange() {
    let file = |path: &str| Path::new(ROOT).join(path);
    write(file("etc/hostname"), "web1\n");
    write(file("etc/hosts"), "127.0.0.1 localhost web1\n");
    let sshd = "KbdInteractiveAuthentication yes\nPasswordAuthentication no\nUseDNS no\n";
    write(file("etc/ssh/sshd_config.d/conversation.conf"), sshd);
    write(file(ASKED.trim_start_matches('/')), ANSWER);
    let everybody = fs::Permissions::from_mode(0o755);
    fs::set_permissions(file(ASKED.trim_start_matches('/')), everybody).expect("ours");
}

fn boot(group: Option<&Path>) -> Command {
    let mut command = Command::new("sh");
    // Process 1 has to be born in the group at which its namespace begins.
    command.args(["-c", "[ -z \"$1\" ] || echo 0 > \"$1/cgroup.procs\"; shift && exec \"$@\"", "boot"]);
    command.arg(group.unwrap_or(Path::new("")));
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
    if group.is_some() {
        command.args(["yes", "/lib/systemd/systemd", "--unit=multi-user.target", "--show-status=0"]);
        command.args(["--log-target=null"]);
    } else {
        command.args(["no", "sleep", "infinity"]);
    }
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("container", "lab");
    command.stdin(Stdio::null());
    command
}
