//! One sandbox a test: the test binary runs itself again inside namespaces of its own.
//!
//! Accounts, services, daemons, a clock and a full disk are arranged for one test and vanish with it, so
//! tests may run at once and in any order. A process can enter a process-id namespace only by a fork, and
//! a test runner has threads; running the binary again avoids both troubles.

use std::any::type_name;
use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use crate::lab::Lab;
use crate::sanitizers::Reports;
use crate::{artefacts, debian, packages};

/// Names the test that the process at hand is to run inside its sandbox.
const INSIDE: &str = "ACCEPTANCE_INSIDE";
/// What it says when it has run.
const PASSED: &str = "acceptance: passed";
/// Longer than any test here takes on a busy machine; then the sandbox is ended with all that is in it.
const DEADLINE: &str = "240";
/// Names another one, for the tests that tests/faults runs.
const OTHER_DEADLINE: &str = "ACCEPTANCE_DEADLINE";

/// Runs `test`, the whole body of a `#[test]` function, on a machine of its own that has the module, the
/// command, settings and an empty store.
///
/// # Panics
/// When the test fails, and when there is no sandbox to be had: a test that did not run did not pass.
pub fn within<T: FnOnce(&Lab)>(test: T) {
    if !is_inside(type_name::<T>()) {
        require_root();
        artefacts::bring_up_to_date();
    }
    enter(type_name::<T>(), |lab| {
        lab.install_product();
        test(lab);
    });
}

/// The same on a machine that has never heard of this product.
///
/// # Panics
/// As [`within`] does.
pub fn bare<T: FnOnce(&Lab)>(test: T) {
    enter(type_name::<T>(), test);
}

/// The same, where packages and a fresh Debian for them are at hand.
///
/// # Panics
/// As [`within`] does, and when packages or Debian cannot be made.
pub fn packaged<T: FnOnce(&Lab)>(test: T) {
    if !is_inside(type_name::<T>()) {
        require_root();
        artefacts::bring_up_to_date();
        packages::bring_up_to_date();
        debian::bring_up_to_date();
    }
    enter(type_name::<T>(), test);
}

fn is_inside(closure: &'static str) -> bool {
    std::env::var_os(INSIDE).as_deref() == Some(OsStr::new(test_name(closure)))
}

fn enter(closure: &'static str, test: impl FnOnce(&Lab)) {
    let name = test_name(closure);
    if is_inside(closure) {
        let reports = Reports;
        test(&Lab::build());
        drop(reports);
        println!("\n{PASSED}");
        // What a test says behind its sandbox is said outside of it alone.
        std::process::exit(0);
    }
    require_root();
    let output = again_in_namespaces(name).output().expect("timeout and unshare are part of every Debian");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    print!("{out}");
    eprint!("{err}");
    // A name that the test runner does not know would run nothing, successfully.
    let passed = output.status.success() && out.lines().any(|line| line == PASSED);
    assert!(passed, "{name} failed in its sandbox ({})", output.status);
}

/// `conversation::a_null_reply_is_denied::{{closure}}` is the closure of test `a_null_reply_is_denied`.
fn test_name(closure: &'static str) -> &'static str {
    let path = closure.strip_suffix("::{{closure}}").expect("the body of a test is a closure");
    path.split_once("::").map(|(_, test)| test).expect("a test lies in its crate")
}

/// One uid mapped into a user namespace is too few for the people of a test.
fn require_root() {
    assert!(
        nix::unistd::geteuid().is_root(),
        "acceptance tests make users, mounts and network interfaces in namespaces of their own: run them as \
         root (a machine of your own, or a container with CAP_SYS_ADMIN)"
    );
}

fn again_in_namespaces(test: &str) -> Command {
    let mut command = Command::new("timeout");
    command
        .args(["--foreground", "--kill-after=1"])
        .arg(std::env::var_os(OTHER_DEADLINE).unwrap_or_else(|| DEADLINE.into()))
        .args(["unshare", "--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child"])
        .arg("--mount-proc")
        .arg(std::env::current_exe().expect("this process has a file"))
        .args(["--exact", test, "--nocapture", "--test-threads=1", "--include-ignored"])
        .env(INSIDE, test)
        // Cargo's own, for plugins of the compiler: a hundred files that every program would look for in vain.
        .env_remove("LD_LIBRARY_PATH")
        .stdin(Stdio::null());
    // SAFETY: prctl(2) is a system call without memory arguments, safe between fork and exec.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM);
            Ok(())
        });
    }
    command
}
