//! What was typed does not stay in the memory of the host.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use acceptance::daemon::Daemon;
use acceptance::host;
use acceptance::pam::Login;
use acceptance::sandbox;

/// Further than a login of the module reaches.
const REACH: usize = 192 * 1024;

/// What stands on this thread's stack below this call: what was called before has left it there. Codes are
/// in this process's heap, where the script of the login has them, but only the module puts one on the stack.
#[inline(never)]
fn left_on_the_stack() -> Vec<u8> {
    let mut copy = Vec::with_capacity(REACH);
    let here = 0u8;
    // SAFETY: a test runs in a thread whose stack of two megabytes is mapped as a whole; what is copied lies
    // within it, and the copy has room for it.
    unsafe {
        std::ptr::copy_nonoverlapping((&raw const here).sub(REACH), copy.as_mut_ptr(), REACH);
        copy.set_len(REACH);
    }
    copy
}

fn stays(typed: &str, part: &str) -> bool {
    Login::new("door", "alice").code(typed).play();
    left_on_the_stack().windows(part.len()).any(|window| window == part.as_bytes())
}

#[test]
fn nothing_that_was_typed_stays_on_the_stack() {
    sandbox::within(|lab| {
        lab.door("");
        let alice = lab.enroll("alice");
        // The buffers of the first login are what later ones find free.
        Login::new("door", "alice").code("nonsense").play();
        let (right, next, backup) = (alice.phone.code(0), alice.phone.code(1), &alice.backup_codes[0]);
        assert!(!stays("918273", "918273"), "a wrong code");
        assert!(!stays(&right, &right), "a right code");
        assert!(!stays(&right, &right), "a spent code");
        assert!(!stays(&format!("{right}{next}"), &next), "a fresh code beside a spent one");
        assert!(!stays("918273 645546", "645546"), "a wrong pair");
        assert!(!stays(backup, &backup.replace('-', "")), "a backup code");
        assert!(!stays("correct horse battery", "correct horse battery"), "a password");
    });
}

#[test]
fn nothing_that_was_typed_stays_on_the_stack_of_a_program_that_asks_the_daemon() {
    sandbox::within(|lab| {
        lab.door("");
        let alice = lab.enroll("alice");
        let (right, backup) = (alice.phone.code(0), alice.backup_codes[0].clone());
        let in_a_program_of_alices = || {
            host::wait_for(host::in_fork(|| {
                // SAFETY: system calls of one thread, in a child that has no other.
                assert!(unsafe { libc::setgid(2001) == 0 && libc::setuid(2001) == 0 });
                Login::new("door", "alice").code("nonsense").play();
                let stay = [
                    stays("918273", "918273"),
                    stays(&right, &right),
                    stays("918273 645546", "645546"),
                    stays(&backup, &backup.replace('-', "")),
                    stays(&backup, &backup),
                    stays("correct horse battery", "correct horse battery"),
                ];
                stay.iter().enumerate().map(|(place, stays)| i32::from(*stays) << place).sum()
            }))
        };
        assert_eq!(in_a_program_of_alices(), Some(0), "without a daemon");
        let _daemon = Daemon::start(lab);
        assert_eq!(in_a_program_of_alices(), Some(0), "with one");
    });
}
