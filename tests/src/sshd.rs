//! A real sshd on the sandbox's own 127.0.0.1, and people who log in to it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::lab::{Lab, run, write};
use crate::mounts::LAB;
use crate::terminal::Terminal;

const PORT: &str = "2222";
/// What the remote side prints when somebody is in.
const WELCOME: &str = "welcome to web1";

/// Lines of sshd_config for a password or key in a keyboard-interactive conversation.
pub const INTERACTIVE: &str = "KbdInteractiveAuthentication yes\nPasswordAuthentication no\n";

/// A server; it ends with the sandbox.
pub struct Sshd<'lab> {
    lab: &'lab Lab,
    server: Child,
    port: &'static str,
}

/// How an attempt ended.
#[derive(Debug)]
pub struct Attempt {
    /// Whether a shell was had.
    pub entered: bool,
    /// All that the client's terminal showed.
    pub screen: String,
}

impl<'lab> Sshd<'lab> {
    /// Starts a server whose configuration begins with `lines` (the first value of a keyword holds).
    pub fn start(lab: &'lab Lab, lines: &str) -> Self {
        let key = host_key();
        let config = PathBuf::from(LAB).join("sshd_config");
        write(
            &config,
            &format!(
                "{lines}\nPort {PORT}\nListenAddress 127.0.0.1\nHostKey {}\nPidFile none\nUsePAM yes\n\
                 PermitRootLogin yes\nStrictModes no\nPrintMotd no\nLogLevel VERBOSE\n",
                key.display()
            ),
        );
        let mut command = Command::new("/usr/sbin/sshd");
        command.arg("-D").arg("-f").arg(&config);
        let server = command.stdin(Stdio::null()).spawn().expect("openssh-server is installed");
        let sshd = Self { lab, server, port: PORT };
        sshd.wait_for("Server listening on 127.0.0.1");
        sshd
    }

    /// Waits until the server (or anybody else) has logged `text`.
    pub fn wait_for(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.lab.syslog.raw().iter().any(|line| line.contains(text)) {
            assert!(Instant::now() < deadline, "{text:?} is not logged: {:#?}", self.lab.syslog.raw());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// A client at a terminal, with more options for ssh(1).
    pub fn client(&self, user: &str, options: &[&str]) -> Terminal {
        let mut command = self.ssh(user, options);
        command.arg(format!("echo {WELCOME}"));
        Terminal::start(command)
    }

    /// A client at a terminal that wants a shell.
    pub fn shell(&self, user: &str) -> Terminal {
        Terminal::start(self.ssh(user, &[]))
    }

    fn ssh(&self, user: &str, options: &[&str]) -> Command {
        let mut command = Command::new("ssh");
        command
            // Of two values the first holds.
            .args(options)
            .args(["-F", "none", "-p", self.port, "-o", "StrictHostKeyChecking=no"])
            .args(["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"])
            .args(["-o", "NumberOfPasswordPrompts=1", "-o", "IdentityAgent=none"])
            .arg(format!("{user}@127.0.0.1"))
            .env("LC_ALL", "C.UTF-8")
            .env_remove("SSH_AUTH_SOCK");
        command
    }

    /// Logs in, answering each prompt that must come, in order.
    pub fn log_in(&self, user: &str, answers: &[(&str, &str)]) -> Attempt {
        self.log_in_with(user, &[], answers)
    }

    /// The same with options for ssh(1).
    pub fn log_in_with(&self, user: &str, options: &[&str], answers: &[(&str, &str)]) -> Attempt {
        let mut client = self.client(user, options);
        for (prompt, answer) in answers {
            client.expect(prompt);
            client.say(answer);
        }
        let (status, screen) = client.finish();
        let entered = status.success();
        assert_eq!(entered, screen.contains(WELCOME), "a shell, and not a shell: {screen}");
        Attempt { entered, screen }
    }

    /// Gives somebody a key that this server accepts; the options with which ssh(1) uses it.
    pub fn key_of(&self, user: &str) -> Vec<String> {
        let key = PathBuf::from(LAB).join(format!("{user}.key"));
        make_key(&key);
        let folder = Path::new("/home").join(user).join(".ssh");
        fs::create_dir_all(&folder).expect("the home is there");
        fs::copy(key.with_extension("key.pub"), folder.join("authorized_keys")).expect("a key");
        let uid = Some(self.lab.uid(user));
        chown(&folder, uid, uid).expect("root gives away folders");
        chown(folder.join("authorized_keys"), uid, uid).expect("root gives away files");
        ["-i", key.to_str().expect("UTF-8"), "-o", "IdentitiesOnly=yes"].map(str::to_owned).into()
    }
}

impl Drop for Sshd<'_> {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn host_key() -> PathBuf {
    let key = PathBuf::from(LAB).join("host.key");
    make_key(&key);
    key
}

fn make_key(path: &Path) {
    if path.exists() {
        return;
    }
    run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path));
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("ours");
}
