//! What stands in the daemon's place, or does not.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use acceptance::daemon::{Daemon, SOCKET, peer};
use acceptance::lab::Lab;
use acceptance::pam::{Code, Login};
use acceptance::sandbox;

use crate::{BOB, as_alice, door, wait_for_it};

/// Something of root's in the daemon's place, that does this with each peer.
fn false_daemon(answer: impl Fn(UnixStream) + Send + 'static) {
    let _ = std::fs::create_dir("/run/enrolld");
    let _ = std::fs::remove_file(SOCKET);
    let listener = UnixListener::bind(SOCKET).unwrap();
    std::fs::set_permissions(SOCKET, std::fs::Permissions::from_mode(0o666)).unwrap();
    std::thread::spawn(move || listener.incoming().flatten().for_each(answer));
}

/// A login without privilege that must be denied in time, for this reason.
fn denied(lab: &Lab, reason: &str) {
    lab.syslog.clear();
    let start = Instant::now();
    assert_eq!(as_alice(&Login::new("door", "alice").code("123456")), Code::AuthErr, "{reason}");
    assert!(start.elapsed() < Duration::from_millis(5500), "{reason}: {:?}", start.elapsed());
    let line = lab.decision();
    assert!(line.contains("verdict=unavailable") && line.contains(reason), "{reason}: {line}");
}

#[test]
fn a_daemon_that_is_absent_silent_slow_dead_or_mad_is_unavailable_and_denied_in_time() {
    sandbox::within(|lab| {
        lab.door("");
        lab.enroll("alice");
        denied(lab, "enrolld cannot be reached");
        false_daemon(drop);
        denied(lab, "hung up before it had answered");
        let good = "{\"parameters\":{\"uid\":2001,\"verdict\":\"accepted\",\"method\":\"code\",\
                    \"token\":\"phone\",\"backup_left\":3}}";
        let read = |stream: &mut UnixStream| {
            let _ = stream.read(&mut [0; 4096]);
        };
        let mad = [
            format!("{good}{good}\0"),
            format!("{good}\0{good}\0"),
            format!("{}\0", good.replace("2001", "2002")),
            format!("{}\0", good.replace("accepted", "yes")),
            "\0".to_owned(),
            "{}\0".to_owned(),
            format!("{}\0", "[".repeat(60_000)),
            "x".repeat(70_000),
            "{\"error\":\"org.varlink.service.MethodNotFound\",\"parameters\":{}}\0".to_owned(),
        ];
        for text in mad {
            false_daemon(move |mut stream| {
                read(&mut stream);
                let _ = stream.write_all(text.as_bytes());
            });
            denied(lab, "what enrolld said is no answer");
        }
        for half in [good[..40].to_owned(), good.to_owned()] {
            false_daemon(move |mut stream| {
                read(&mut stream);
                let _ = stream.write_all(half.as_bytes());
            });
            denied(lab, "hung up before it had answered");
        }
        // Silent, and slow.
        false_daemon(std::mem::forget);
        denied(lab, "did not answer in time");
        let slow = good.to_owned();
        false_daemon(move |mut stream| {
            read(&mut stream);
            for byte in slow.bytes().chain([0]) {
                std::thread::sleep(Duration::from_millis(100));
                let _ = stream.write_all(&[byte]);
            }
        });
        denied(lab, "did not answer in time");
    });
}

#[test]
fn a_code_that_nobody_waits_for_any_more_is_not_used_up() {
    sandbox::within(|lab| {
        let alice = lab.enroll_slow("alice");
        let daemon = Daemon::start(lab);
        let code = &alice.backup_codes[0];
        let signal = |signal: i32| {
            // SAFETY: kill(2) with the id of a child that was not waited for.
            assert_eq!(unsafe { libc::kill(daemon.id().cast_signed(), signal) }, 0);
        };
        signal(libc::SIGSTOP);
        assert_eq!(as_alice(&door(lab).code(code)), Code::AuthErr);
        assert!(lab.decision().contains("did not answer in time"));
        signal(libc::SIGCONT);
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(as_alice(&door(lab).code(code)), Code::Success);
    });
}

#[test]
fn a_queue_that_is_full_is_given_up_after_a_second() {
    sandbox::within(|lab| {
        lab.door("");
        std::fs::create_dir("/run/enrolld").unwrap();
        let listener = UnixListener::bind(SOCKET).unwrap();
        std::fs::set_permissions(SOCKET, std::fs::Permissions::from_mode(0o666)).unwrap();
        // SAFETY: listen(2) with a descriptor that lives here; again, it sets the queue's length.
        assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 0) }, 0);
        let _queued = UnixStream::connect(SOCKET).unwrap();
        let start = Instant::now();
        denied(lab, "did not answer in time");
        let took = start.elapsed();
        assert!((Duration::from_secs(1)..Duration::from_secs(3)).contains(&took), "{took:?}");
    });
}

#[test]
fn somebody_elses_socket_in_the_daemons_place_is_told_nothing_and_opens_nothing() {
    sandbox::within(|lab| {
        lab.settings("[login]\nfail_delay = \"0s\"\n[daemon]\nsocket = \"/home/bob/socket\"\n");
        std::fs::set_permissions("/home/bob", std::fs::Permissions::from_mode(0o755)).unwrap();
        let mut impostor = peer(BOB, &["play", "/home/bob/socket"]).spawn().unwrap();
        wait_for_it(&mut impostor);
        std::fs::set_permissions("/home/bob/socket", std::fs::Permissions::from_mode(0o666)).unwrap();
        lab.door("");
        denied(lab, "not root but uid 2002 listens here");
        lab.service("door", "auth required pam_totp.so nullok\nauth required pam_permit.so\n");
        denied(lab, "not root but uid 2002 listens here");
        impostor.kill().unwrap();
        impostor.wait().unwrap();
    });
}
