//! Who starts the daemon when somebody knocks: systemd as process 1 or, where that cannot be, this process.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::booted::{Booted, PROGRAM};
use crate::daemon::SOCKET;
use crate::lab::Lab;
use crate::mounts;

/// What keeps the daemon's socket.
pub enum Keeper {
    /// systemd, by the units of packaging/systemd.
    Systemd(Booted),
    /// This process, in systemd's way (sd_listen_fds(3)).
    Here(Here),
}

impl Keeper {
    /// systemd, where this machine lets it be process 1.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn start(lab: &Lab) -> Self {
        match Booted::start(lab) {
            Ok(booted) => Self::Systemd(booted),
            Err(why) => {
                eprintln!(
                    "\n*** NOT TRIED: systemd as process 1 ({why}). The test itself hands the socket over.\n"
                );
                Self::Here(Here::start(lab))
            }
        }
    }

    /// The daemon's process, if there is one.
    pub fn daemon(&self) -> Option<u32> {
        match self {
            Self::Systemd(booted) => booted.daemon(),
            Self::Here(here) => here.kept().child.as_ref().map(Child::id),
        }
    }

    /// `systemctl restart`, or the same.
    pub fn restart(&self) {
        match self {
            Self::Systemd(booted) => drop(booted.systemctl(&["restart", "enrolld.service"])),
            Self::Here(here) => here.kept().restart(),
        }
    }

    /// Lets the daemon end after so many seconds without a peer.
    pub fn idle_exit(&self, seconds: u32) {
        match self {
            Self::Systemd(booted) => {
                booted.drop_in(&format!("[Service]\nExecStart=\nExecStart={PROGRAM} --idle-exit {seconds}\n"))
            }
            Self::Here(here) => here.kept().idle_exit = Some(seconds),
        }
    }

    /// Whether the daemon, which is gone, ended well.
    pub fn ended_well(&self) -> bool {
        match self {
            Self::Systemd(booted) => booted.property("Result") == "success",
            Self::Here(here) => here.kept().ended.is_some_and(|status| status.success()),
        }
    }
}

/// A thread that starts the daemon when somebody knocks, and again where it failed.
pub struct Here(Arc<Mutex<Kept>>);

struct Kept {
    listener: OwnedFd,
    child: Option<Child>,
    ended: Option<ExitStatus>,
    idle_exit: Option<u32>,
}

impl Here {
    fn start(lab: &Lab) -> Self {
        mounts::overlay("/usr/sbin");
        fs::copy(lab.program("enrolld"), PROGRAM).expect("the folder has a layer of ours");
        fs::create_dir(Path::new(SOCKET).parent().expect("a folder")).expect("/run is the sandbox's own");
        let listener = UnixListener::bind(SOCKET).expect("the folder is ours").into();
        fs::set_permissions(SOCKET, fs::Permissions::from_mode(0o666)).expect("ours");
        let kept = Arc::new(Mutex::new(Kept { listener, child: None, ended: None, idle_exit: None }));
        let keeping = Arc::clone(&kept);
        thread::spawn(move || {
            loop {
                keeping.lock().expect("nothing panics under this lock").look();
                thread::sleep(Duration::from_millis(5));
            }
        });
        Self(kept)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().expect("nothing panics under this lock")
    }
}

impl Kept {
    fn look(&mut self) {
        match self.child.as_mut().map(|child| child.try_wait().expect("our child")) {
            Some(None) => {}
            Some(Some(status)) => {
                (self.child, self.ended) = (None, Some(status));
                if !status.success() {
                    self.spawn();
                }
            }
            None if self.is_knocked_at() => self.spawn(),
            None => {}
        }
    }

    fn is_knocked_at(&self) -> bool {
        let mut door = [PollFd::new(self.listener.as_fd(), PollFlags::POLLIN)];
        poll(&mut door, PollTimeout::ZERO).expect("a descriptor of ours") == 1
    }

    fn spawn(&mut self) {
        let mut command = Command::new("sh");
        command.args(["-c", "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\" 3<&0 </dev/null", "sh", PROGRAM]);
        if let Some(seconds) = self.idle_exit {
            command.args(["--idle-exit", &seconds.to_string()]);
        }
        command.stdin(Stdio::from(self.listener.try_clone().expect("a descriptor")));
        self.child = Some(command.spawn().expect("sh is part of every Debian"));
    }

    fn restart(&mut self) {
        if let Some(mut child) = self.child.take() {
            // SAFETY: kill(2) with the id of a child that was not waited for.
            unsafe { libc::kill(child.id().cast_signed(), libc::SIGTERM) };
            self.ended = Some(child.wait().expect("our child"));
        }
        self.spawn();
    }
}
