//! The session that this process is in, as the kernel has it: setsid(2).
//!
//! Its number alone is no name, for numbers are given anew. So it is told by what cannot come again while this
//! machine runs: the boot, and when the session's leader was started. A session whose leader is gone has
//! nothing that would tell it from a later one, and is none here.

use crate::disk::{open_beneath, open_folder};
use nix::fcntl::{OFlag, ResolveFlag, readlinkat};
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};
use nix::unistd::getsid;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Longer than any file that is read here.
const LONGEST: u64 = 4096;

/// A session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// Which boot of this machine (random(4)).
    pub boot: String,
    /// The process-id namespace in which its number means something (pid_namespaces(7)).
    pub namespace: u64,
    /// Its number: the process id of its leader.
    pub id: u32,
    /// When its leader was started, in clock ticks since the boot.
    pub started: u64,
    /// The device of its controlling terminal; 0 for none. Signed, as the kernel prints it.
    pub terminal: i32,
}

impl Session {
    /// The session of this process; `None` where any of it cannot be established.
    #[must_use]
    pub fn now() -> Option<Self> {
        let proc = Proc::open()?;
        let own = proc.own()?;
        let leader = proc.leader(own.session)?;
        Some(Self {
            boot: proc.boot()?,
            namespace: proc.namespace()?,
            id: own.session,
            started: leader.started,
            terminal: own.terminal,
        })
    }
}

/// proc(5), through a descriptor.
pub(crate) struct Proc(File);

impl Proc {
    pub(crate) fn open() -> Option<Self> {
        let folder = File::from(open_folder(Path::new("/proc")).ok()?);
        let kind = fstatfs(&folder).ok()?.filesystem_type();
        (kind == PROC_SUPER_MAGIC).then_some(Self(folder))
    }

    /// Whether the leader of `session` still lives. `None` where that cannot be told from here.
    pub(crate) fn has(&self, session: &Session) -> Option<bool> {
        if self.boot()? != session.boot {
            return Some(false);
        }
        if self.namespace()? != session.namespace {
            return None;
        }
        Some(self.leader(session.id).is_some_and(|leader| leader.started == session.started))
    }

    /// This process. What a chroot or a container shows as /proc may be of another process-id namespace, in
    /// which our number is somebody else's.
    fn own(&self) -> Option<Stat> {
        let id = std::process::id();
        let shown = readlinkat(&self.0, "self").ok()?;
        let own = self.stat(id)?;
        let session = getsid(None).ok()?.as_raw().try_into();
        let is_us = shown.to_str() == Some(id.to_string().as_str()) && session == Ok(own.session);
        is_us.then_some(own)
    }

    /// The leader of a session, which is not a dead process that waits to be reaped.
    fn leader(&self, session: u32) -> Option<Stat> {
        // 0: of another process-id namespace.
        let leader = self.stat(session).filter(|_| session != 0)?;
        (leader.session == session && !matches!(leader.state, b'Z' | b'X' | b'x')).then_some(leader)
    }

    pub(crate) fn boot(&self) -> Option<String> {
        let text = String::from_utf8(self.read("sys/kernel/random/boot_id")?).ok()?;
        let boot = text.trim_end();
        let plain = boot.len() == 36 && boot.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        plain.then(|| boot.to_owned())
    }

    fn namespace(&self) -> Option<u64> {
        let link = readlinkat(&self.0, format!("{}/ns/pid", std::process::id()).as_str()).ok()?;
        link.to_str()?.strip_prefix("pid:[")?.strip_suffix(']')?.parse().ok()
    }

    fn stat(&self, process: u32) -> Option<Stat> {
        Stat::parse(&self.read(&format!("{process}/stat"))?).filter(|stat| stat.id == process)
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        let opened = open_beneath(&self.0, Path::new(path), OFlag::O_RDONLY, ResolveFlag::empty()).ok()?;
        let mut bytes = Vec::new();
        File::from(opened).take(LONGEST).read_to_end(&mut bytes).ok()?;
        ((bytes.len() as u64) < LONGEST).then_some(bytes)
    }
}

/// What proc_pid_stat(5) says of a process.
#[derive(PartialEq, Eq, Debug)]
struct Stat {
    id: u32,
    state: u8,
    session: u32,
    terminal: i32,
    started: u64,
}

impl Stat {
    /// A process names itself (prctl(2), PR_SET_NAME), and so its name may hold blanks, parentheses and line
    /// feeds, as in `x) S 1 1 1`: what follows the last parenthesis is the kernel's own.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let begin = bytes.iter().position(|&byte| byte == b'(')?;
        let end = bytes.iter().rposition(|&byte| byte == b')')?;
        let text = |range| bytes.get(range).and_then(|bytes| std::str::from_utf8(bytes).ok());
        // Counted as the manual does: the state is field 3.
        let fields: Vec<&str> = text(end + 1..bytes.len())?.split_ascii_whitespace().collect();
        let field = |number: usize| fields.get(number - 3).copied();
        Some(Self {
            id: text(0..begin)?.trim_end().parse().ok()?,
            state: *field(3)?.as_bytes().first()?,
            session: field(6)?.parse().ok()?,
            terminal: field(7)?.parse().ok()?,
            started: field(22)?.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: &str = " S 10 4711 4711 34817 4720 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 9 9\n";

    #[test]
    fn a_process_cannot_name_itself_into_another_session() {
        let wanted = Stat { id: 4712, state: b'S', session: 4711, terminal: 34817, started: 987_654 };
        for name in
            ["sudo", "", "x) S 1 1 1 1 1", "a b", "(", ")", ") ) )", "a\nb) R 1 1", "(sd-pam)", "é\u{1b}"]
        {
            assert_eq!(
                Stat::parse(format!("4712 ({name}){REST}").as_bytes()).as_ref(),
                Some(&wanted),
                "{name:?}"
            );
        }
        let mut bytes = b"4712 (\xff) Z \xfe)".to_vec();
        bytes.extend_from_slice(REST.as_bytes());
        assert_eq!(Stat::parse(&bytes), Some(wanted));
    }

    #[test]
    fn what_is_cut_short_or_no_number_says_nothing() {
        let whole = format!("4712 (sudo){REST}");
        let (short, _) = whole.split_once(" 987654").unwrap();
        for text in ["", "4712", "4712 (sudo", "4712 (sudo)", "4712 (sudo) S 10 4711", short] {
            assert_eq!(Stat::parse(text.as_bytes()), None, "{text}");
        }
        for (good, bad) in [("987654", "-1"), (" 4711 34817", " -1 34817"), ("34817", "pts"), ("4712 (", "(")]
        {
            assert_eq!(Stat::parse(whole.replacen(good, bad, 1).as_bytes()), None, "{good} {bad}");
        }
        let none = whole.replace("34817", "0");
        assert_eq!(Stat::parse(none.as_bytes()).unwrap().terminal, 0);
    }

    /// A session of its own, with its leader.
    fn another(proc: &Proc) -> (std::process::Child, Session) {
        let child = std::process::Command::new("setsid").args(["sleep", "60"]).spawn().unwrap();
        let id = child.id();
        let leader = std::iter::repeat_with(|| proc.leader(id)).find_map(|leader| leader).unwrap();
        let (boot, namespace) = (proc.boot().unwrap(), proc.namespace().unwrap());
        (child, Session { boot, namespace, id, started: leader.started, terminal: leader.terminal })
    }

    #[test]
    fn a_session_lives_as_long_as_its_leader_and_in_this_boot() {
        let proc = Proc::open().unwrap();
        let (mut leader, session) = another(&proc);
        assert_eq!(proc.has(&session), Some(true));
        for started in [0, session.started - 1, session.started + 1] {
            assert_eq!(proc.has(&Session { started, ..session.clone() }), Some(false), "a number given anew");
        }
        let boot = "00000000-0000-0000-0000-000000000000".to_owned();
        assert_eq!(proc.has(&Session { boot, ..session.clone() }), Some(false));
        assert_eq!(proc.has(&Session { namespace: 1, ..session.clone() }), None);
        assert_eq!(proc.has(&Session { id: 0, ..session.clone() }), Some(false));
        assert_eq!(
            proc.has(&Session { id: std::process::id(), ..session.clone() }),
            Some(false),
            "no leader"
        );
        leader.kill().unwrap();
        while proc.stat(session.id).is_some_and(|stat| stat.state != b'Z') {}
        assert_eq!(proc.has(&session), Some(false), "dead, and not yet reaped");
        leader.wait().unwrap();
        assert_eq!(proc.has(&session), Some(false));
    }

    #[test]
    fn this_process_is_found_by_its_own_number() {
        let own = Proc::open().unwrap().own();
        // Whoever started the tests may be out of sight, and then the session is not established.
        let session = getsid(None).unwrap().as_raw().unsigned_abs();
        assert_eq!(own.map(|own| (own.id, own.session)), Some((std::process::id(), session)));
    }
}
