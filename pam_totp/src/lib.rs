//! `pam_totp.so`: asks for a one-time code during login.
//!
//! This runs as root inside sshd, sudo and su. It leaves the host process as it found it: no thread, no
//! child, no handler, no environment, nothing on its standard streams, nothing that unwinds into C. Every
//! error denies. All `unsafe` stands in `sys.rs`.
#![deny(unsafe_code)]

mod accounts;
mod arguments;
mod context;
mod login;
mod pass;
mod remembered;
mod report;
#[allow(unsafe_code)]
mod sys;

use pam::constants::{PamFlag, PamResultCode};
use pam::module::{PamHandle, PamHooks};
use std::ffi::CStr;

struct PamTotp;

impl PamHooks for PamTotp {
    fn sm_authenticate(handle: &mut PamHandle, arguments: Vec<&CStr>, flags: PamFlag) -> PamResultCode {
        sys::guarded(|| login::authenticate(handle, &arguments, flags)).unwrap_or(PamResultCode::PAM_AUTH_ERR)
    }

    /// There are no credentials to set, and that is a success, whatever becomes of a login that is to be
    /// remembered: sshd calls this in another process than `authenticate`, and a stack with jumps navigates by
    /// its code.
    fn sm_setcred(handle: &mut PamHandle, _: Vec<&CStr>, flags: PamFlag) -> PamResultCode {
        let _ = sys::guarded(|| remembered::set_credentials(handle, flags));
        PamResultCode::PAM_SUCCESS
    }
}

#[allow(unsafe_code)]
mod hooks {
    use super::PamTotp;
    pam::pam_hooks!(PamTotp);
}
