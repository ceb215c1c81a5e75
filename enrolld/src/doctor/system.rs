//! The machine around: its clock, the daemon, lockers, and what security modules have denied.

use crate::doctor::finding::{self, Finding};
use crate::kernel_clock;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

/// The kernel's word on the clock.
pub(crate) fn clock() -> Option<Finding> {
    let fix = "systemctl enable --now systemd-timesyncd (or chrony), then look at: timedatectl";
    let is_off = kernel_clock::is_synchronized() == Some(false);
    is_off.then(|| finding::CLOCK.finding("the kernel does not take this clock for synchronized", fix))
}

/// Screen lockers with the service that they ask, and polkit's helper, which runs in a sandbox.
const UNPRIVILEGED: [&str; 17] = [
    "xscreensaver",
    "i3lock",
    "swaylock",
    "hyprlock",
    "waylock",
    "gtklock",
    "xsecurelock",
    "xlock",
    "vlock",
    "kde",
    "gnome-screensaver",
    "cinnamon-screensaver",
    "mate-screensaver",
    "xfce4-screensaver",
    "light-locker",
    "gdm-password",
    "polkit-1",
];

/// Whether the daemon answers, where a service needs it.
pub(crate) fn daemon(socket: &Path, asking: &BTreeSet<String>) -> Option<Finding> {
    let service = asking.iter().find(|service| UNPRIVILEGED.contains(&service.as_str()))?;
    let error = UnixStream::connect(socket).err()?;
    let what = format!("{}: {error}", socket.display());
    Some(finding::DAEMON.finding(what, "systemctl enable --now enrolld.socket").of(service))
}

/// Lockers that run as root though they need not.
pub(crate) fn setuid_lockers(asking: &BTreeSet<String>) -> Vec<Finding> {
    let lockers = UNPRIVILEGED.iter().filter(|name| asking.contains(**name));
    let files = lockers.flat_map(|name| {
        ["/usr/bin", "/usr/local/bin", "/bin"].map(|folder| (name, Path::new(folder).join(name)))
    });
    let mut seen = BTreeSet::new();
    let setuid = files.filter(|(_, path)| {
        let found = std::fs::metadata(path).ok();
        found.is_some_and(|file| {
            file.mode() & libc::S_ISUID != 0 && file.uid() == 0 && seen.insert(file.ino())
        })
    });
    let found = setuid.map(|(name, path)| {
        let fix = format!("chmod u-s {}; systemctl enable --now enrolld.socket", path.display());
        finding::SETUID_LOCKER
            .finding("this locker is set-uid root", fix)
            .of(name)
            .at(path.display().to_string())
    });
    found.collect()
}

/// How much of a log is read, from its end, in bytes.
const TAIL: u64 = 1 << 20;

/// Denials of SELinux and AppArmor that name what is ours.
pub(crate) fn confinement() -> Option<Finding> {
    let files = ["/var/log/audit/audit.log", "/var/log/kern.log", "/var/log/syslog", "/var/log/messages"];
    let mut text: String = files.iter().filter_map(|path| tail(Path::new(path))).collect();
    text += &journal().unwrap_or_default();
    let denials: Vec<_> = text.lines().filter(|line| is_denial(line)).collect();
    let last = denials.last()?;
    let what = format!("{} denials in the logs, the last: {}", denials.len(), shortened(last));
    let fix = "load the policy of this module (pam_totp(8), SELINUX AND APPARMOR; then restorecon -R\n\
               /var/lib/pam_totp), or let the program ask enrolld";
    Some(finding::CONFINEMENT.finding(what, fix))
}

fn is_denial(line: &str) -> bool {
    let ours = ["pam_totp", "enrolld"].iter().any(|name| line.contains(name));
    let denied =
        line.contains("avc:  denied") || line.contains("avc: denied") || line.contains("apparmor=\"DENIED\"");
    ours && denied
}

/// A log holds what anybody wrote; a terminal obeys escape sequences.
fn shortened(line: &str) -> String {
    line.chars().filter(|letter| !letter.is_control()).take(300).collect()
}

fn tail(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL))).ok()?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned() + "\n")
}

/// What the kernel has logged since the boot, where there is a journal.
fn journal() -> Option<String> {
    // Not by PATH: su leaves its caller's to root.
    let places = ["/usr/bin/journalctl", "/bin/journalctl"];
    let mut command = Command::new(places.into_iter().find(|path| Path::new(path).exists())?);
    command.args([
        "--quiet",
        "--no-pager",
        "--boot",
        "--output=cat",
        "--lines=2000",
        "_TRANSPORT=kernel",
        "+",
        "_TRANSPORT=audit",
    ]);
    let output = command.stderr(std::process::Stdio::null()).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_counts_if_it_is_about_us() {
        let selinux = "type=AVC msg=audit(1.1:2): avc:  denied  { write } for pid=7 comm=\"sshd\" \
                       path=\"/var/lib/pam_totp/users/1000\"";
        let apparmor = "audit: type=1400 apparmor=\"DENIED\" operation=\"open\" \
                        name=\"/var/lib/pam_totp/FORMAT\"";
        assert!(is_denial(selinux) && is_denial(apparmor));
        assert!(!is_denial("avc:  denied  { read } for comm=\"sshd\" path=\"/etc/motd\""));
        assert!(!is_denial("pam_totp(sshd:auth): refused; user=alice"));
    }
}
