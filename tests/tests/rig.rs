//! The rig itself, tried on modules that are known to be good.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use acceptance::pam::{Call, Code, Login, Reply, Style};
use acceptance::sandbox;

#[test]
fn a_scripted_person_logs_in_with_a_password() {
    sandbox::bare(|lab| {
        lab.service("door", "auth required pam_unix.so nodelay");
        let right = Login::new("door", "alice").password("correct horse").run();
        assert_eq!(right.verdict(), Code::Success);
        let wrong = Login::new("door", "alice").password("wrong").run();
        assert_eq!(wrong.verdict(), Code::AuthErr);
        assert!(lab.syslog.raw().iter().any(|line| line.contains("pam_unix(door:auth)")));
    });
}

#[test]
fn a_machine_outside_the_sandbox_is_left_as_it_was() {
    let before = std::fs::read_to_string("/etc/passwd").unwrap();
    sandbox::bare(|lab| {
        lab.add_account("mallory", 2099);
        assert!(std::fs::write("/usr/canary", "").is_err());
        std::fs::write("/tmp/acceptance-canary", "").unwrap();
    });
    assert_eq!(std::fs::read_to_string("/etc/passwd").unwrap(), before);
    assert!(!std::path::Path::new("/tmp/acceptance-canary").exists());
}

#[test]
fn every_reply_that_a_conversation_can_give_reaches_the_module() {
    sandbox::bare(|lab| {
        lab.service("door", "auth required pam_unix.so nodelay");
        for reply in [Reply::Null, Reply::NoArray, Reply::Fail(19), Reply::Bytes(vec![0xff, 0, 1])] {
            let login = Login::new("door", "alice").asked(Style::EchoOff, "Password: ", reply);
            assert_ne!(login.run().verdict(), Code::Success);
        }
        let calls = [Call::Setcred, Call::AcctMgmt, Call::OpenSession, Call::CloseSession];
        let report = Login::new("door", "alice").calling(&calls).mute().run();
        assert_eq!(report.answer(Call::AcctMgmt), Code::Success);
    });
}

#[test]
#[should_panic(expected = "failed in its sandbox")]
fn a_test_that_fails_in_its_sandbox_fails() {
    sandbox::bare(|lab| {
        lab.service("door", "auth required pam_permit.so");
        let _ = Login::new("door", "alice").password("never asked").run();
    });
}
