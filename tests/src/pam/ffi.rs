//! libpam's application side, as `security/pam_appl.h` and `security/_pam_types.h` have it.

use std::ffi::{c_char, c_int, c_void};

/// `pam_handle_t`, which applications see from outside only.
#[repr(C)]
pub(super) struct PamHandle {
    opaque: [u8; 0],
}

/// `struct pam_message`.
#[repr(C)]
pub(super) struct PamMessage {
    pub(super) msg_style: c_int,
    pub(super) msg: *const c_char,
}

/// `struct pam_response`: allocated by the application with malloc, freed by the module.
#[repr(C)]
pub(super) struct PamResponse {
    pub(super) resp: *mut c_char,
    pub(super) resp_retcode: c_int,
}

/// The conversation function. Linux-PAM hands over an array of pointers to messages.
pub(super) type Converse = unsafe extern "C" fn(
    count: c_int,
    messages: *mut *const PamMessage,
    responses: *mut *mut PamResponse,
    data: *mut c_void,
) -> c_int;

/// `struct pam_conv`.
#[repr(C)]
pub(super) struct PamConv {
    pub(super) conv: Option<Converse>,
    pub(super) appdata_ptr: *mut c_void,
}

pub(super) const PAM_USER: c_int = 2;
pub(super) const PAM_TTY: c_int = 3;
pub(super) const PAM_RHOST: c_int = 4;
pub(super) const PAM_RUSER: c_int = 8;
pub(super) const PAM_FAIL_DELAY: c_int = 10;

pub(super) const PAM_SUCCESS: c_int = 0;
pub(super) const PAM_BUF_ERR: c_int = 5;
pub(super) const PAM_CONV_ERR: c_int = 19;

#[link(name = "pam")]
unsafe extern "C" {
    pub(super) fn pam_start_confdir(
        service: *const c_char,
        user: *const c_char,
        conv: *const PamConv,
        confdir: *const c_char,
        handle: *mut *mut PamHandle,
    ) -> c_int;
    pub(super) fn pam_end(handle: *mut PamHandle, status: c_int) -> c_int;
    pub(super) fn pam_authenticate(handle: *mut PamHandle, flags: c_int) -> c_int;
    pub(super) fn pam_setcred(handle: *mut PamHandle, flags: c_int) -> c_int;
    pub(super) fn pam_acct_mgmt(handle: *mut PamHandle, flags: c_int) -> c_int;
    pub(super) fn pam_open_session(handle: *mut PamHandle, flags: c_int) -> c_int;
    pub(super) fn pam_close_session(handle: *mut PamHandle, flags: c_int) -> c_int;
    pub(super) fn pam_chauthtok(handle: *mut PamHandle, flags: c_int) -> c_int;
    pub(super) fn pam_set_item(handle: *mut PamHandle, item: c_int, value: *const c_void) -> c_int;
    pub(super) fn pam_get_item(handle: *const PamHandle, item: c_int, value: *mut *const c_void) -> c_int;
    pub(super) fn pam_putenv(handle: *mut PamHandle, pair: *const c_char) -> c_int;
    pub(super) fn pam_getenvlist(handle: *mut PamHandle) -> *mut *mut c_char;
}
