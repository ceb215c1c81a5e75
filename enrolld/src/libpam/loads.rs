//! Whether a module loads.

use super::{Libpam, why};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use std::ffi::{CStr, CString, c_int};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Why a module does not load, tried in a child: a module that crashes must not take its doctor along.
pub(crate) fn does_not_load(path: &Path) -> Option<String> {
    let text = CString::new(path.as_os_str().as_bytes()).ok()?;
    let (mut reader, mut writer) = std::io::pipe().ok()?;
    // SAFETY: this program has one thread, so the child may do anything; it leaves by _exit(2).
    match unsafe { fork() }.ok()? {
        ForkResult::Child => {
            let complaint = complaint(&text);
            let _ = writer.write_all(complaint.as_bytes());
            // SAFETY: _exit(2) returns to nobody.
            unsafe { libc::_exit(c_int::from(!complaint.is_empty())) }
        }
        ForkResult::Parent { child } => {
            drop(writer);
            let mut said = String::new();
            let _ = reader.read_to_string(&mut said);
            if let Ok(WaitStatus::Signaled(_, signal, _)) = waitpid(child, None) {
                return Some(format!("loading it ended the process by signal {}", signal as c_int));
            }
            (!said.is_empty()).then_some(said)
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
