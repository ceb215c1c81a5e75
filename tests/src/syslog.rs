//! The sandbox's log: a receiver at /dev/log that keeps every line.

use std::os::unix::net::UnixDatagram;
use std::sync::{Arc, Mutex};
use std::thread;

/// What has been logged in this sandbox since it was built.
pub struct Syslog {
    lines: Arc<Mutex<Vec<String>>>,
    sender: UnixDatagram,
}

const PATH: &str = "/dev/log";
/// A line of our own behind all that was sent before: when it has come, they have.
const FENCE: &str = "acceptance: fence";

impl Syslog {
    /// Starts to listen. A full queue would block the very processes under test, so a thread empties it.
    pub fn listen() -> Self {
        let receiver = UnixDatagram::bind(PATH).expect("/dev is the sandbox's own");
        std::fs::set_permissions(PATH, std::os::unix::fs::PermissionsExt::from_mode(0o666)).expect("ours");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&lines);
        thread::spawn(move || {
            let mut buffer = [0; 16384];
            while let Ok(length) = receiver.recv(&mut buffer) {
                let line = String::from_utf8_lossy(&buffer[..length]).into_owned();
                kept.lock().expect("nothing panics under this lock").push(line);
            }
        });
        let sender = UnixDatagram::unbound().expect("a socket");
        sender.connect(PATH).expect("the receiver listens");
        Self { lines, sender }
    }

    /// Every line so far, as it came: `<priority>Mon dd hh:mm:ss tag[pid]: text`.
    pub fn raw(&self) -> Vec<String> {
        self.sender.send(FENCE.as_bytes()).expect("the receiver listens");
        loop {
            let mut lines = self.lines.lock().expect("nothing panics under this lock");
            if let Some(place) = lines.iter().position(|line| line == FENCE) {
                lines.remove(place);
                return lines.clone();
            }
            drop(lines);
            thread::yield_now();
        }
    }

    /// The module's own lines, from `pam_totp(` on.
    pub fn module(&self) -> Vec<String> {
        self.raw().iter().filter_map(|line| line.find("pam_totp(").map(|at| line[at..].to_owned())).collect()
    }

    /// Forgets the lines so far, to judge the next step alone.
    pub fn clear(&self) {
        self.raw();
        self.lines.lock().expect("nothing panics under this lock").clear();
    }
}
