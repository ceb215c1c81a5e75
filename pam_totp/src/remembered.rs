//! `remember` of a rule: who was let in by a code is not asked again in the same session for a while.
//!
//! What a login is bound to is taken before anything is asked, and what its code is of before that is judged.
//! Both wait in the handle until the application sets credentials, and only then is it written: an application
//! does that once the whole stack has said yes. sshd does it in another process, and so is never remembered.

use crate::report::Ending;
use crate::sys;
use nix::unistd::{geteuid, getuid};
use otp::{Method, Verdict};
use pam::constants::{PAM_ESTABLISH_CRED, PAM_REINITIALIZE_CRED, PAM_SILENT, PamFlag};
use pam::items::{Item, RHost, RUser, Service, Tty};
use pam::module::PamHandle;
use std::cell::Cell;
use std::ffi::CStr;
use std::time::Duration;
use verifier::log_line::LogLine;
use verifier::{Account, Bound, FileStore, Id, Local, Outcome, Remembered, Session};

/// A login that may have been remembered, and may be.
pub(crate) struct Memory {
    bound: Bound,
    /// How long this rule remembers.
    lasts: Duration,
    /// What a code is judged by, and since when, by the time since the boot.
    judged: Cell<Option<(Id, Duration)>>,
}

impl Memory {
    /// `None` where anything of it cannot be established, and for who is not root. `tells_apart`: whether where it
    /// comes from tells it from another's.
    pub(crate) fn of(
        handle: &PamHandle,
        uid: u32,
        tells_apart: impl FnOnce(&Bound) -> bool,
        seconds: u64,
    ) -> Option<Self> {
        let bound = bound(handle, uid).filter(|_| geteuid().is_root())?;
        let lasts = Duration::from_secs(seconds);
        tells_apart(&bound).then_some(Self { bound, lasts, judged: Cell::new(None) })
    }

    /// Whether such a login was opened by a code, by what is still enrolled, and not longer ago than this rule
    /// remembers.
    pub(crate) fn recalls(&self, files: &Local<FileStore>, account: &Account) -> bool {
        let Ok(Some((enrollment, since))) = Remembered::default().recall(&self.bound) else { return false };
        let is_enrolled = matches!(files.enrollment(account), Ok(Some(present)) if present == enrollment);
        // One that lies ahead is nobody's.
        let age = sys::since_boot().and_then(|now| now.checked_sub(since));
        is_enrolled && age.is_some_and(|age| age < self.lasts)
    }

    /// A code is about to be judged.
    pub(crate) fn begin(&self, files: &Local<FileStore>, account: &Account) {
        self.judged.set(files.enrollment(account).ok().flatten().zip(sys::since_boot()));
    }

    /// What was judged was not needed: what is guessed there costs nothing, and so must earn nothing.
    pub(crate) fn was_not_needed(&self) {
        self.judged.set(None);
    }

    /// Has the handle hold what is to be remembered, if it was a code that opened. Not a bypass: it is good for
    /// so many logins.
    pub(crate) fn hold(&self, handle: &mut PamHandle, ending: &Ending, user: &str) {
        let Ending::Answered(Outcome::Judged(Verdict::Accepted { method, .. })) = ending else { return };
        let Some((enrollment, since)) = self.judged.get() else { return };
        if !matches!(method, Method::Bypass { .. }) {
            let (bound, user) = (self.bound.clone(), user.to_owned());
            sys::hold(handle, Some(Taken { bound, enrollment, since, user }));
        }
    }
}

/// A code that was taken, until credentials are set.
#[derive(Clone)]
pub(crate) struct Taken {
    bound: Bound,
    enrollment: Id,
    since: Duration,
    user: String,
}

/// Forgets what an earlier authentication of this handle has left.
pub(crate) fn forget(handle: &mut PamHandle) {
    if sys::taken(handle).is_some() {
        sys::hold(handle, None);
    }
}

/// `pam_sm_setcred`. sudo has made `PAM_USER` whom its command runs as by now; the login is still that of
/// whoever was asked.
pub(crate) fn set_credentials(handle: &mut PamHandle, flags: PamFlag) {
    if ![PAM_ESTABLISH_CRED, PAM_REINITIALIZE_CRED].contains(&(flags & !PAM_SILENT)) {
        return;
    }
    let Some(taken) = sys::taken(handle) else { return };
    forget(handle);
    if let Err(why) = taken.keep(handle) {
        sys::log(handle, libc::LOG_WARNING, &taken.not_remembered(&why));
    }
}

impl Taken {
    fn keep(&self, handle: &PamHandle) -> Result<(), String> {
        if bound(handle, self.bound.uid).as_ref() != Some(&self.bound) {
            return Err("this is no longer the session, or the caller, that the code was taken in".to_owned());
        }
        let now = sys::since_boot().ok_or("the kernel does not tell the time since its boot")?;
        let keep = || Remembered::default().keep(&self.bound, self.enrollment, self.since, now);
        sys::undisturbed(keep).map_err(|error| error.to_string())
    }

    fn not_remembered(&self, why: &str) -> String {
        let mut line = LogLine::new("not remembered");
        line.field("user", &self.user);
        line.field("service", &String::from_utf8_lossy(&self.bound.service));
        line.quoted("reason", why);
        line.finish()
    }
}

fn bound(handle: &PamHandle, uid: u32) -> Option<Bound> {
    let bytes = |item: Option<&CStr>| item.map(|item| item.to_bytes().to_vec());
    Some(Bound {
        uid,
        service: bytes(item::<Service>(handle).map(|item| item.0)).filter(|name| !name.is_empty())?,
        rhost: bytes(item::<RHost>(handle).map(|item| item.0)),
        tty: bytes(item::<Tty>(handle).map(|item| item.0)),
        ruser: bytes(item::<RUser>(handle).map(|item| item.0)),
        caller: getuid().as_raw(),
        session: Session::now()?,
    })
}

fn item<'a, T: Item<'a>>(handle: &'a PamHandle) -> Option<T> {
    handle.get_item::<T>().ok().flatten()
}
