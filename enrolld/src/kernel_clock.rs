//! Whether the kernel takes this machine's clock for synchronized.
#![allow(unsafe_code)]

/// What adjtimex(2) says; `None` where it may not be asked.
pub(crate) fn is_synchronized() -> Option<bool> {
    // SAFETY: `timex` is a C struct of integers, for which all zeroes are valid values; `modes` 0 makes
    // adjtimex(2) read only.
    let mut timex: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a live `timex` that nothing else refers to, as adjtimex(2) wants it.
    let answer = unsafe { libc::adjtimex(&raw mut timex) };
    (answer >= 0).then_some(timex.status & libc::STA_UNSYNC == 0)
}
