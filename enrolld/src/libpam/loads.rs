//! Whether a module loads.

use super::{Libpam, why};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use std::ffi::{CStr, CString, c_int};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What the child says of a module that loads. One that ends it before it can, without a word does not load.
const LOADS: &[u8] = b"loads";

/// Why a module does not load, tried in a child: a module that crashes must not take its doctor along.
pub(crate) fn does_not_load(path: &Path) -> Option<String> {
    let text = CString::new(path.as_os_str().as_bytes()).ok()?;
    let (mut reader, mut writer) = std::io::pipe().ok()?;
    // SAFETY: this program has one thread, so the child may do anything; it leaves by _exit(2).
    match unsafe { fork() }.ok()? {
        ForkResult::Child => {
            let _ = match complaint(&text) {
                Some(complaint) => writer.write_all(complaint.as_bytes()),
                None => writer.write_all(LOADS),
            };
            // SAFETY: _exit(2) returns to nobody.
            unsafe { libc::_exit(0) }
        }
        ForkResult::Parent { child } => {
            drop(writer);
            let mut said = Vec::new();
            let _ = reader.read_to_end(&mut said);
            if let Ok(WaitStatus::Signaled(_, signal, _)) = waitpid(child, None) {
                return Some(format!("loading it ended the process by signal {}", signal as c_int));
            }
            if said == LOADS {
                return None;
            }
            if said.is_empty() {
                return Some("loading it ended the process".to_owned());
            }
            Some(String::from_utf8_lossy(&said).into_owned())
        }
    }
}

/// In the child: what is wrong with the module, if anything.
fn complaint(path: &CStr) -> Option<String> {
    if let Err(error) = Libpam::load() {
        return Some(error);
    }
    // SAFETY: dlopen(3) takes a string; what the module does when it is loaded it does to a child.
    let module = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
    module.is_null().then(why)
}
