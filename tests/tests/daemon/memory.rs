//! What stays in the daemon's memory.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::process::Command;

use acceptance::daemon::{Daemon, INTERFACE, SOCKET};
use acceptance::host;
use acceptance::lab::run;
use acceptance::sandbox;
use serde_json::json;

/// Asks over a connection that stays, as root may.
fn checked_over(stream: &mut UnixStream, code: &str) {
    let parameters = json!({ "user": "alice", "code": code });
    let message = json!({ "method": format!("{INTERFACE}.Check"), "parameters": parameters });
    stream.write_all(format!("{message}\0").as_bytes()).unwrap();
    let mut answer = Vec::new();
    BufReader::new(stream).read_until(0, &mut answer).unwrap();
    assert!(String::from_utf8(answer).unwrap().contains("verdict"));
}

#[test]
fn the_daemon_keeps_no_code_and_no_secret_in_its_memory() {
    sandbox::within(|lab| {
        let alice = lab.enroll_slow("alice");
        let daemon = Daemon::start(lab);
        let key = run(Command::new("sh").args(["-c", &format!("echo {} | base32 -d", alice.secret)])).stdout;
        let mut stream = UnixStream::connect(SOCKET).unwrap();
        // The second answer to a code finds the memory that the first one left.
        for code in ["918273", &alice.phone.code(0), &alice.phone.code(0), &alice.backup_codes[0]] {
            checked_over(&mut stream, code);
            assert_ne!(host::find_in_memory(daemon.id(), SOCKET.as_bytes()), [""; 0], "it looks");
            let bare = code.replace('-', "");
            for (number, form) in
                [code.as_bytes(), bare.as_bytes(), alice.secret.as_bytes(), &key].into_iter().enumerate()
            {
                let found = host::find_in_memory(daemon.id(), form);
                assert_eq!(found, [""; 0], "form {number} of {code} is still in the daemon's memory");
            }
        }
    });
}
