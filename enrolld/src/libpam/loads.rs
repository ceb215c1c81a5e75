//! Whether a module loads.

use super::{Libpam, why};
use std::ffi::{CStr, CString, c_int};
use std::fs::File;
use std::io::Read;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Why a module does not load, tried in a child: a module that crashes must not take its doctor along.
pub(crate) fn does_not_load(path: &Path) -> Option<String> {
    let text = CString::new(path.as_os_str().as_bytes()).ok()?;
    let mut pipe = [0; 2];
    // SAFETY: pipe2(2) fills two numbers.
    if unsafe { libc::pipe2(pipe.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
        return None;
    }
    let [reader, writer] = pipe;
    // SAFETY: this program has one thread, so the child may do anything; it leaves by _exit(2).
    match unsafe { libc::fork() } {
        -1 => None,
        0 => {
            let complaint = complaint(&text);
            // SAFETY: write(2) of bytes that live here; _exit(2) returns to nobody.
            unsafe {
                libc::write(writer, complaint.as_ptr().cast(), complaint.len());
                libc::_exit(c_int::from(!complaint.is_empty()))
            }
        }
        child => {
            // SAFETY: close(2) of a descriptor that is ours.
            unsafe { libc::close(writer) };
            verdict(child, reader)
        }
    }
}

/// In the child: what is wrong with the module, or nothing.
fn complaint(path: &CStr) -> String {
    if let Err(error) = Libpam::load() {
        return error;
    }
    // SAFETY: dlopen(3) takes a string; what the module does when it is loaded it does to a child.
    let module = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
    if module.is_null() { why() } else { String::new() }
}

fn verdict(child: libc::pid_t, reader: c_int) -> Option<String> {
    // SAFETY: the descriptor is open, and nobody else's.
    let reader = unsafe { OwnedFd::from_raw_fd(reader) };
    let mut said = String::new();
    let _ = File::from(reader).read_to_string(&mut said);
    let mut status = 0;
    // SAFETY: waitpid(2) fills a number that lives here.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    if waited == child && libc::WIFSIGNALED(status) {
        return Some(format!("loading it ended the process by signal {}", libc::WTERMSIG(status)));
    }
    (!said.is_empty()).then_some(said)
}
