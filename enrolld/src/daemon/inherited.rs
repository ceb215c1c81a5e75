//! The socket that systemd hands over (sd_listen_fds(3)).
#![allow(unsafe_code)]

use nix::sys::socket::{getsockopt, sockopt::AcceptConn};
use std::os::fd::FromRawFd;
use std::os::unix::net::UnixListener;

/// SD_LISTEN_FDS_START.
const FIRST: i32 = 3;

/// The listening socket, if one was handed to this process.
pub(crate) fn listener() -> Result<Option<UnixListener>, String> {
    let number = |name: &str| std::env::var_os(name)?.to_str()?.parse::<u32>().ok();
    // Variables that were meant for a parent of this process are not meant for it.
    if number("LISTEN_PID") != Some(std::process::id()) {
        return Ok(None);
    }
    match number("LISTEN_FDS") {
        None | Some(0) => return Ok(None),
        Some(1) => {}
        Some(more) => return Err(format!("systemd handed over {more} sockets, expected one")),
    }
    // SAFETY: LISTEN_PID and LISTEN_FDS say that descriptor 3 was opened for this process and is its own to
    // close; this is called once, and nothing else knows the descriptor.
    let listener = unsafe { UnixListener::from_raw_fd(FIRST) };
    let listens = getsockopt(&listener, AcceptConn) == Ok(true) && listener.local_addr().is_ok();
    if !listens {
        return Err("what systemd handed over is no listening unix socket".into());
    }
    Ok(Some(listener))
}
