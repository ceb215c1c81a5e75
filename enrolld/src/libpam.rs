//! libpam's application side, loaded when it is needed: `rehearse` runs a stack, the doctor sees whether a
//! module loads. `security/pam_appl.h` and `security/_pam_types.h` say what these functions take.
#![allow(unsafe_code)]

mod conversation;
mod loads;

pub(crate) use conversation::{Converser, Style};
pub(crate) use loads::does_not_load;

use conversation::{Answering, Conversation};
use std::ffi::{CStr, CString, c_char, c_int, c_void};
#[cfg(test)]
use std::os::unix::ffi::OsStrExt;
#[cfg(test)]
use std::path::Path;
use std::ptr::{self, NonNull};

const PAM_SUCCESS: c_int = 0;
const PAM_TTY: c_int = 3;

/// `pam_handle_t`.
#[repr(C)]
struct Handle {
    opaque: [u8; 0],
}

type Start =
    unsafe extern "C" fn(*const c_char, *const c_char, *const Conversation, *mut *mut Handle) -> c_int;
type Call = unsafe extern "C" fn(*mut Handle, c_int) -> c_int;
type Name = unsafe extern "C" fn(*mut Handle, c_int) -> *const c_char;
type Set = unsafe extern "C" fn(*mut Handle, c_int, *const c_void) -> c_int;

/// libpam, as this process has loaded it.
#[derive(Clone, Copy)]
pub(crate) struct Libpam(NonNull<c_void>);

impl Libpam {
    /// Loads the library, for as long as the process lives.
    pub(crate) fn load() -> Result<Self, String> {
        // SAFETY: dlopen(3) takes a string that ends with NUL; the library is never closed.
        let library = unsafe { libc::dlopen(c"libpam.so.0".as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
        NonNull::new(library).map(Self).ok_or_else(why)
    }

    /// # Safety
    /// `F` is the type of the function of that name, as pam_appl.h has it.
    unsafe fn function<F: Copy>(self, name: &CStr) -> Result<F, String> {
        const { assert!(size_of::<F>() == size_of::<*mut c_void>()) };
        // SAFETY: the library is open, and the name ends with NUL.
        let found = unsafe { libc::dlsym(self.0.as_ptr(), name.as_ptr()) };
        if found.is_null() {
            return Err(why());
        }
        // SAFETY: POSIX has a pointer of dlsym(3) and one to a function be of one size; the caller vouches for
        // the type.
        Ok(unsafe { std::mem::transmute_copy(&found) })
    }
}

/// A transaction with a service.
pub(crate) struct Transaction<'c> {
    library: Libpam,
    handle: *mut Handle,
    // Dropped behind the end of the transaction.
    _answering: Answering<'c>,
}

impl<'c> Transaction<'c> {
    /// Begins one, as pam_start(3) does.
    pub(crate) fn start(service: &str, user: &str, converser: impl Converser + 'c) -> Result<Self, String> {
        let library = Libpam::load()?;
        // SAFETY: pam_start(3) has this type.
        let start: Start = unsafe { library.function(c"pam_start")? };
        // SAFETY: the strings end with NUL, and what the conversation points to lives as long as the handle.
        Self::begin(library, service, user, converser, |service, user, conversation, handle| unsafe {
            start(service, user, conversation, handle)
        })
    }

    /// The same with services of another folder (Linux-PAM 1.4 and later).
    #[cfg(test)]
    pub(crate) fn start_in(
        folder: &Path,
        service: &str,
        user: &str,
        converser: impl Converser + 'c,
    ) -> Result<Self, String> {
        type StartIn = unsafe extern "C" fn(
            *const c_char,
            *const c_char,
            *const Conversation,
            *const c_char,
            *mut *mut Handle,
        ) -> c_int;
        let library = Libpam::load()?;
        let folder = CString::new(folder.as_os_str().as_bytes()).map_err(|error| error.to_string())?;
        // SAFETY: pam_start_confdir(3) has this type.
        let start: StartIn = unsafe { library.function(c"pam_start_confdir")? };
        // SAFETY: as in `start`; the folder is a string as well.
        Self::begin(library, service, user, converser, |service, user, conversation, handle| unsafe {
            start(service, user, conversation, folder.as_ptr(), handle)
        })
    }

    fn begin(
        library: Libpam,
        service: &str,
        user: &str,
        converser: impl Converser + 'c,
        start: impl FnOnce(*const c_char, *const c_char, *const Conversation, *mut *mut Handle) -> c_int,
    ) -> Result<Self, String> {
        let strings = CString::new(service).and_then(|service| Ok((service, CString::new(user)?)));
        let (service, user) = strings.map_err(|error| error.to_string())?;
        let answering = Answering::new(converser);
        let mut handle = ptr::null_mut();
        let code = start(service.as_ptr(), user.as_ptr(), answering.as_ptr(), &raw mut handle);
        if code != PAM_SUCCESS || handle.is_null() {
            return Err(format!("pam_start: code {code}"));
        }
        Ok(Self { library, handle, _answering: answering })
    }

    /// `PAM_TTY`, which modules write to their log.
    pub(crate) fn set_tty(&self, tty: &str) -> Result<(), String> {
        let tty = CString::new(tty).map_err(|error| error.to_string())?;
        // SAFETY: pam_set_item(3) has this type.
        let set: Set = unsafe { self.library.function(c"pam_set_item")? };
        // SAFETY: the handle is open, and libpam copies the string.
        match unsafe { set(self.handle, PAM_TTY, tty.as_ptr().cast()) } {
            PAM_SUCCESS => Ok(()),
            code => Err(format!("pam_set_item: {}", self.name(code))),
        }
    }

    pub(crate) fn authenticate(&self) -> Result<u8, String> {
        self.call(c"pam_authenticate")
    }

    pub(crate) fn account(&self) -> Result<u8, String> {
        self.call(c"pam_acct_mgmt")
    }

    fn call(&self, name: &CStr) -> Result<u8, String> {
        // SAFETY: pam_authenticate(3) and pam_acct_mgmt(3) have this type.
        let call: Call = unsafe { self.library.function(name)? };
        // SAFETY: the handle is open.
        let code = unsafe { call(self.handle, 0) };
        u8::try_from(code).map_err(|_| format!("code {code}"))
    }

    /// What libpam calls an answer.
    pub(crate) fn name(&self, code: c_int) -> String {
        // SAFETY: pam_strerror(3) has this type.
        let name: Result<Name, _> = unsafe { self.library.function(c"pam_strerror") };
        let Ok(name) = name else { return format!("code {code}") };
        // SAFETY: the handle is open; the answer is a string of the library's own.
        let text = unsafe { name(self.handle, code) };
        if text.is_null() {
            return format!("code {code}");
        }
        // SAFETY: as above.
        unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        // SAFETY: pam_end(3) has this type.
        let end: Result<Call, _> = unsafe { self.library.function(c"pam_end") };
        if let Ok(end) = end {
            // SAFETY: the handle is open, and not used again.
            unsafe { end(self.handle, PAM_SUCCESS) };
        }
    }
}

/// What dlerror(3) says.
fn why() -> String {
    // SAFETY: dlerror(3) gives a string of its own, or nothing.
    let text = unsafe { libc::dlerror() };
    if text.is_null() {
        return "cannot be loaded".to_owned();
    }
    // SAFETY: as above.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}
