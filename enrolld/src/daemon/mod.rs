//! `enrolld`: answers programs that may not read the store, about the account that they run as.
//!
//! Every local uid can talk to this process, and it is root's. So one thread only admits, each peer has a
//! thread with a bounded buffer and a deadline for each of its steps, and who may ask what stands in one table
//! (`table.rs`).

mod changes;
mod crowd;
mod desk;
mod door;
mod hall;
mod inherited;
mod notify;
mod pace;
mod subordinate;
mod table;

use clap::error::ErrorKind;
use clap::{ColorChoice, CommandFactory, FromArgMatches, Parser};
use desk::{Desk, Peer};
use door::Door;
use hall::Hall;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::geteuid;
use std::ffi::OsString;
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// How long what is under way may take once the daemon was told to end.
const FAREWELL: Duration = Duration::from_secs(10);
/// How long nobody is admitted after the system had no descriptor or no memory for a peer.
const BREATH: Duration = Duration::from_millis(50);

/// Answer programs that may not read the store, about the account they run as
#[derive(Parser)]
#[command(name = "enrolld", version, max_term_width = 80)]
#[command(after_help = "\
systemd starts it when somebody asks (enrolld.socket). By hand, as root:

  # enrolld --socket /run/enrolld/socket")]
struct Arguments {
    /// Listen here, and not at what systemd hands over or the settings name
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Settings, if not /etc/security/pam_totp.toml
    #[arg(long, value_name = "PATH")]
    config: Option<PathBuf>,
    /// End after so many seconds without a peer, where systemd started it
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    idle_exit: u16,
}

/// Runs `enrolld` with these arguments, the program's name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let command = Arguments::command().color(ColorChoice::Never);
    let parsed = command.try_get_matches_from(arguments);
    let arguments = match parsed.and_then(|found| Arguments::from_arg_matches(&found)) {
        Ok(arguments) => arguments,
        Err(error) => {
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            // Where the stream is closed there is nobody to tell.
            let _ = error.print();
            return if asked { ExitCode::SUCCESS } else { ExitCode::from(2) };
        }
    };
    match serve(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            let _ = writeln!(std::io::stderr(), "enrolld: {what}");
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: &Arguments) -> Result<(), String> {
    if !geteuid().is_root() {
        return Err("only root reads and writes the store".into());
    }
    // A core file would keep a secret. Where the limit cannot be set there is none to lower; and core(5) does
    // not keep to it where cores are piped to a program.
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    set_dumpable(false).map_err(|errno| format!("no core files: {errno}"))?;
    let signals = told_to_end().map_err(|error| format!("signals: {error}"))?;
    let door = Door::open(arguments.socket.as_deref(), || {
        let settings = config::load(arguments.config.as_deref()).map_err(|error| error.to_string())?;
        Ok(settings.daemon.socket)
    })?;
    let hall = Arc::new(Hall::default());
    let desk = Arc::new(Desk::new(arguments.config.clone()));
    notify::tell("READY=1");
    let idle = Duration::from_secs(arguments.idle_exit.into());
    let ended = admit_all(&door, &signals, &hall, &desk, idle);
    notify::tell("STOPPING=1");
    drop(door);
    hall.close(FAREWELL);
    ended
}

/// A stream that has something to read once SIGTERM or SIGINT has come.
fn told_to_end() -> std::io::Result<UnixStream> {
    let (ours, theirs) = UnixStream::pair()?;
    for signal in [libc::SIGTERM, libc::SIGINT] {
        signal_hook::low_level::pipe::register(signal, theirs.try_clone()?)?;
    }
    Ok(ours)
}

fn admit_all(
    door: &Door,
    signals: &UnixStream,
    hall: &Arc<Hall>,
    desk: &Arc<Desk>,
    idle: Duration,
) -> Result<(), String> {
    let timeout = match door.is_inherited() {
        true => PollTimeout::try_from(idle).unwrap_or(PollTimeout::MAX),
        false => PollTimeout::NONE,
    };
    loop {
        let mut both = [
            PollFd::new(door.listener().as_fd(), PollFlags::POLLIN),
            PollFd::new(signals.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut both, timeout) {
            Ok(0) if hall.is_empty() => return Ok(()),
            Ok(0) | Err(Errno::EINTR) => continue,
            Ok(_) => {}
            Err(errno) => return Err(format!("poll: {errno}")),
        }
        let [knock, signal] = both.map(|polled| polled.any().unwrap_or(true));
        if signal {
            return Ok(());
        }
        if knock {
            match door.listener().accept() {
                Ok((stream, _)) => admit(stream, hall, desk),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                // accept(2): what is wrong with one peer, or with the moment, is no reason to end.
                Err(_) => std::thread::sleep(BREATH),
            }
        }
    }
}

fn admit(stream: UnixStream, hall: &Arc<Hall>, desk: &Arc<Desk>) {
    let Ok(peer) = getsockopt(&stream, PeerCredentials) else { return };
    let peer = Peer { uid: peer.uid(), pid: peer.pid() };
    // Nobody's uids: they say nothing about who this is. Not logged, for whoever has 65536 subordinate uids
    // could fill the log with them.
    if peer.uid == u32::MAX || peer.uid == desk.overflow_uid() {
        return;
    }
    hall.seat(stream, peer, desk);
}
