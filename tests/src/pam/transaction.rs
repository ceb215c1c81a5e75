//! One transaction with libpam, from start to end.

use std::ffi::{CStr, CString, c_int, c_void};
use std::ptr;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::conversation::{Conversation, monotonic, note_delay, wait_at_gate};
use super::ffi::{self, PAM_SUCCESS, PamConv, PamHandle};
use super::login::{Call, Limit, Login};
use super::report::{Code, Report};

/// Where services are: the sandbox's own /etc/pam.d.
const CONFDIR: &CStr = c"/etc/pam.d";

/// Does what the login says.
pub(super) fn play(login: &Login, mut conversation: Conversation) -> Report {
    let conv = if login.mute {
        PamConv { conv: None, appdata_ptr: ptr::null_mut() }
    } else {
        conversation.as_pam_conv()
    };
    let transaction = Transaction::start(login, &conv);
    conversation.handle = std::ptr::NonNull::new(transaction.handle);
    let mut answers = Vec::with_capacity(login.calls.len());
    login.limits.iter().copied().for_each(set_limit);
    mark();
    answers.extend(login.calls.iter().map(|call| (*call, transaction.call(*call, login.flags))));
    mark();
    let ended = monotonic();
    lift_limits(&login.limits);
    let (user, environment) = (transaction.user(), transaction.environment());
    drop(transaction);
    if login.lingers {
        wait_at_gate();
    }
    Report {
        answers,
        heard: conversation.heard,
        conversations: conversation.calls,
        surprises: conversation.surprises,
        left: conversation.script.into(),
        answered: conversation.answered,
        ended,
        delay: conversation.delay,
        user,
        environment,
    }
}

/// A system call that nobody else makes, so that a tracer sees where the transaction begins and ends.
fn mark() {
    // SAFETY: getpgid(2) takes a number; this process does not exist.
    unsafe { libc::getpgid(libc::pid_t::MAX) };
}

/// Limits hold for the calls alone: only the soft one is set, so that the report can be printed.
fn set_limit(limit: Limit) {
    let (resource, value) = match limit {
        Limit::Descriptors(count) => (Resource::RLIMIT_NOFILE, count),
        Limit::FileSize(bytes) => (Resource::RLIMIT_FSIZE, bytes),
        Limit::Memory(_) => (Resource::RLIMIT_AS, crate::host::memory()),
    };
    let (_, hard) = getrlimit(resource).expect("a resource that Linux knows");
    setrlimit(resource, value, hard).expect("below the hard limit");
    if let Limit::Memory(bytes) = limit {
        use_up_memory(bytes);
    }
}

/// Takes what the heap still holds in reserve, and gives `left` bytes back.
fn use_up_memory(left: usize) {
    // Larger than what malloc(3) keeps apart for reuse in the same size.
    const PIECE: usize = 2048;
    let mut newest: *mut *mut c_void = ptr::null_mut();
    // SAFETY: each piece of malloc(3) has room for a pointer to the piece before it.
    unsafe {
        loop {
            let piece = libc::malloc(PIECE).cast::<*mut c_void>();
            if piece.is_null() {
                break;
            }
            *piece = newest.cast();
            newest = piece;
        }
        for size in (16..PIECE).rev().step_by(16) {
            while !libc::malloc(size).is_null() {}
        }
        for _ in 0..left.div_ceil(PIECE) {
            if newest.is_null() {
                break;
            }
            let before = *newest;
            libc::free(newest.cast());
            newest = before.cast();
        }
    }
}

fn lift_limits(limits: &[Limit]) {
    for limit in limits {
        let resource = match limit {
            Limit::Descriptors(_) => Resource::RLIMIT_NOFILE,
            Limit::FileSize(_) => Resource::RLIMIT_FSIZE,
            Limit::Memory(_) => Resource::RLIMIT_AS,
        };
        let (_, hard) = getrlimit(resource).expect("a resource that Linux knows");
        setrlimit(resource, hard, hard).expect("the hard limit itself");
    }
}

struct Transaction {
    handle: *mut PamHandle,
}

impl Transaction {
    fn start(login: &Login, conv: &PamConv) -> Self {
        let service = c_string(&login.service);
        let user = login.user.as_ref().map(c_string);
        let user = user.as_ref().map_or(ptr::null(), |user| user.as_ptr());
        let mut handle = ptr::null_mut();
        // SAFETY: pam_start_confdir(3): NUL-terminated strings, or none for the user; `conv` outlives the
        // transaction, as does the conversation it points to.
        let code =
            unsafe { ffi::pam_start_confdir(service.as_ptr(), user, conv, CONFDIR.as_ptr(), &mut handle) };
        assert_eq!(code, PAM_SUCCESS, "pam_start_confdir");
        let transaction = Self { handle };
        let items =
            [(ffi::PAM_RHOST, &login.rhost), (ffi::PAM_TTY, &login.tty), (ffi::PAM_RUSER, &login.ruser)];
        for (item, value) in items {
            if let Some(value) = value {
                transaction.set(item, value);
            }
        }
        if login.hurries {
            // SAFETY: pam_set_item(3) takes a function of this type for this item (pam_fail_delay(3)).
            let code = unsafe {
                ffi::pam_set_item(transaction.handle, ffi::PAM_FAIL_DELAY, note_delay as *const c_void)
            };
            assert_eq!(code, PAM_SUCCESS, "pam_set_item");
        }
        for pair in &login.environment {
            let pair = c_string(pair);
            // SAFETY: pam_putenv(3) copies the string.
            assert_eq!(unsafe { ffi::pam_putenv(transaction.handle, pair.as_ptr()) }, PAM_SUCCESS);
        }
        transaction
    }

    fn set(&self, item: c_int, value: &str) {
        let value = c_string(value);
        // SAFETY: pam_set_item(3) copies strings.
        let code = unsafe { ffi::pam_set_item(self.handle, item, value.as_ptr().cast()) };
        assert_eq!(code, PAM_SUCCESS, "pam_set_item");
    }

    fn call(&self, call: Call, flags: c_int) -> Code {
        let function = match call {
            Call::Authenticate => ffi::pam_authenticate,
            Call::Setcred | Call::DeleteCred | Call::ReinitializeCred | Call::RefreshCred => ffi::pam_setcred,
            Call::AcctMgmt => ffi::pam_acct_mgmt,
            Call::OpenSession => ffi::pam_open_session,
            Call::CloseSession => ffi::pam_close_session,
            Call::Chauthtok => ffi::pam_chauthtok,
            Call::LeaveSession => {
                nix::unistd::setsid().expect("whoever was started by a test leads no group");
                return Code::Success;
            }
            Call::Stand => {
                wait_at_gate();
                return Code::Success;
            }
        };
        let flags = match call {
            // PAM_ESTABLISH_CRED, without which Linux-PAM 1.5 asks modules all the same.
            Call::Setcred => flags | 2,
            Call::DeleteCred => flags | 4,
            Call::ReinitializeCred => flags | 8,
            Call::RefreshCred => flags | 16,
            _ => flags,
        };
        // SAFETY: the handle is that of pam_start_confdir, not yet ended.
        Code::of(unsafe { function(self.handle, flags) })
    }

    fn user(&self) -> Option<Vec<u8>> {
        let mut value: *const c_void = ptr::null();
        // SAFETY: pam_get_item(3) lends a string that stands until the item changes.
        unsafe {
            ffi::pam_get_item(self.handle, ffi::PAM_USER, &mut value);
            (!value.is_null()).then(|| CStr::from_ptr(value.cast()).to_bytes().to_vec())
        }
    }

    fn environment(&self) -> Vec<String> {
        let mut pairs = Vec::new();
        // SAFETY: pam_getenvlist(3) gives an array that a null pointer ends; it and its strings are ours.
        unsafe {
            let list = ffi::pam_getenvlist(self.handle);
            let mut entry = list;
            while !entry.is_null() && !(*entry).is_null() {
                pairs.push(CStr::from_ptr(*entry).to_string_lossy().into_owned());
                libc::free((*entry).cast());
                entry = entry.add(1);
            }
            libc::free(list.cast());
        }
        pairs
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        // SAFETY: the handle is not used again.
        unsafe { ffi::pam_end(self.handle, PAM_SUCCESS) };
    }
}

fn c_string(text: impl AsRef<[u8]>) -> CString {
    CString::new(text.as_ref()).expect("libpam takes strings that end at their first NUL")
}
