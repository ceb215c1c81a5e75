//! The inside of a sandbox: accounts, services, settings and the store, arranged for one test.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::syslog::Syslog;
use crate::{artefacts, mounts};

/// The password of every account in the lab.
pub const PASSWORD: &str = "correct horse";
/// Its hash, with few rounds: what is under test is not crypt(3).
pub(crate) const PASSWORD_HASH: &str =
    "$5$rounds=1000$acceptance$ftkIt5AzKxioh7U9xA5bP0qCixbeBr/mKQ3YllHMbbA";
/// The accounts that every lab has; the first has uid 2001.
const PEOPLE: [&str; 4] = ["alice", "bob", "carol", "dave"];
const FIRST_UID: u32 = 2001;

/// The settings of every lab, until a test writes its own: no delay on failure, for it is libpam that
/// sleeps, and 2 seconds for each refusal would be most of the tests' time.
pub const SETTINGS: &str = "[login]\nfail_delay = \"0s\"\n";
/// Where the settings are.
pub const SETTINGS_PATH: &str = "/etc/security/pam_totp.toml";
/// Where the store is.
pub const STORE: &str = "/var/lib/pam_totp";

/// A machine made for one test.
pub struct Lab {
    /// What has been logged.
    pub syslog: Syslog,
}

impl Lab {
    /// Builds the machine around the process at hand, which stands in namespaces of its own.
    pub(crate) fn build() -> Self {
        mounts::lay();
        run(Command::new("ip").args(["link", "set", "lo", "up"]));
        nix::unistd::sethostname("web1").expect("the host's name is the sandbox's own");
        write("/etc/hosts", "127.0.0.1 localhost web1\n::1 localhost\n");
        write("/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files\n");
        let lab = Self { syslog: Syslog::listen() };
        for (name, uid) in PEOPLE.into_iter().zip(FIRST_UID..) {
            lab.add_account(name, uid);
        }
        lab.show_programs();
        write("/etc/pam.d/other", "auth required pam_deny.so\naccount required pam_deny.so\n");
        lab
    }

    /// Puts the module where libpam looks for it and `totpctl` on the path, writes the settings and
    /// creates the store.
    pub(crate) fn install_product(&self) {
        let folder = security_folder();
        mounts::overlay(folder.to_str().expect("a path of the system's own"));
        symlink(self.module(), folder.join("pam_totp.so")).expect("the folder has a layer of ours");
        self.settings(SETTINGS);
        self.totpctl(["init"]);
    }

    /// A file that the rig shows under [`mounts::LAB`], readable by everybody.
    pub fn program(&self, name: &str) -> PathBuf {
        Path::new(mounts::LAB).join(name)
    }

    /// The module under test, for a service line that names it by its path.
    pub fn module(&self) -> PathBuf {
        self.program("pam_totp.so")
    }

    fn show_programs(&self) {
        let pairs = [
            ("pamhost", "pamhost"),
            ("peer", "peer"),
            ("libpam_totp.so", "pam_totp.so"),
            ("totpctl", "totpctl"),
            ("enrolld", "enrolld"),
        ];
        for (built, shown) in pairs {
            let from = artefacts::path("pamhost").with_file_name(built);
            if from.exists() {
                mounts::show(&from, &self.program(shown));
            }
        }
        mounts::show(Path::new(artefacts::NSS_DOUBLE), &self.program("libnss_double.so.2"));
    }

    /// Adds an account with [`PASSWORD`], a home folder and a group of its own.
    pub fn add_account(&self, name: &str, uid: u32) {
        append("/etc/passwd", &format!("{name}:x:{uid}:{uid}::/home/{name}:/bin/sh\n"));
        append("/etc/group", &format!("{name}:x:{uid}:\n"));
        append("/etc/shadow", &format!("{name}:{PASSWORD_HASH}:19000:0:99999:7:::\n"));
        let home = Path::new("/home").join(name);
        fs::create_dir_all(&home).expect("/home is the sandbox's own");
        chown(&home, Some(uid), Some(uid)).expect("root gives away folders");
        fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).expect("ours");
    }

    /// Puts an account into a group that is made for it.
    pub fn add_group(&self, name: &str, gid: u32, members: &str) {
        append("/etc/group", &format!("{name}:x:{gid}:{members}\n"));
    }

    /// The uid of an account of this lab.
    pub fn uid(&self, name: &str) -> u32 {
        let account = nix::unistd::User::from_name(name).expect("files answer");
        account.unwrap_or_else(|| panic!("{name} has no account")).uid.as_raw()
    }

    /// Writes a PAM service. `account` and `session` lines that say yes are added where there are none.
    pub fn service(&self, name: &str, lines: &str) {
        let mut text = lines.trim_start().to_owned();
        for kind in ["account", "session", "password"] {
            if !text.lines().any(|line| line.trim_start_matches('-').starts_with(kind)) {
                let _ = write!(text, "\n{kind} required pam_permit.so\n");
            }
        }
        write(format!("/etc/pam.d/{name}"), &text);
    }

    /// A service "door" whose only question is the module's, with these arguments.
    pub fn door(&self, arguments: &str) {
        self.service("door", &format!("auth required pam_totp.so {arguments}\n"));
    }

    /// The one line that the module has logged since the last call.
    ///
    /// # Panics
    /// When there is none, or more than one: log readers count decisions.
    pub fn decision(&self) -> String {
        let lines = self.syslog.module();
        self.syslog.clear();
        match &lines[..] {
            [line] => line.clone(),
            other => panic!("not one line for one decision: {other:#?}"),
        }
    }

    /// Lets sudo ask as this file says.
    pub fn sudoers(&self, lines: &str) {
        write("/etc/sudoers", lines);
        fs::set_permissions("/etc/sudoers", fs::Permissions::from_mode(0o440)).expect("ours");
    }

    /// A command that somebody runs, as themselves and from their home folder.
    pub fn as_user(&self, name: &str, words: &[&str]) -> Command {
        let uid = self.uid(name);
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).uid(uid).gid(uid).current_dir(Path::new("/home").join(name));
        command.env("HOME", Path::new("/home").join(name)).env("USER", name).env("LC_ALL", "C.UTF-8");
        command
    }

    /// Puts the name service double behind the files; `lines` as `nss/double.c` reads them.
    pub fn name_service(&self, lines: &str) {
        self.double(lines, "passwd: files double\ngroup: files\nshadow: files\nhosts: files\n");
    }

    /// The same for groups as well.
    pub fn group_service(&self, lines: &str) {
        self.double(lines, "passwd: files double\ngroup: files double\nshadow: files\nhosts: files\n");
    }

    /// The same before the files.
    pub fn first_group_service(&self, lines: &str) {
        self.double(lines, "passwd: files double\ngroup: double files\nshadow: files\nhosts: files\n");
    }

    fn double(&self, lines: &str, switch: &str) {
        write("/etc/nss_double", lines);
        write("/etc/nsswitch.conf", switch);
        write("/etc/ld.so.conf.d/lab.conf", mounts::LAB);
        run(Command::new("ldconfig").arg("-i"));
    }

    /// Replaces the settings.
    pub fn settings(&self, text: &str) {
        write(SETTINGS_PATH, text);
    }

    /// Runs `totpctl`, which must succeed, and returns what it printed.
    pub fn totpctl<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> String {
        let output = run(self.totpctl_command().args(arguments));
        String::from_utf8(output.stdout).expect("totpctl prints UTF-8")
    }

    /// `totpctl`, to be run by the test.
    pub fn totpctl_command(&self) -> Command {
        Command::new(self.program("totpctl"))
    }
}

/// The folder of libpam's modules.
pub fn security_folder() -> PathBuf {
    let folders = ["/lib/x86_64-linux-gnu/security", "/lib/aarch64-linux-gnu/security", "/lib64/security"];
    let found = folders.into_iter().map(Path::new).find(|folder| folder.join("pam_unix.so").exists());
    fs::canonicalize(found.expect("pam_unix.so lies in one of the usual folders")).expect("it exists")
}

/// Runs a command that must succeed.
pub fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Writes a file of the sandbox.
pub fn write(path: impl AsRef<Path>, text: &str) {
    let path = path.as_ref();
    fs::write(path, text).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
}

fn append(path: &str, line: &str) {
    let file = fs::OpenOptions::new().append(true).open(path);
    file.and_then(|mut file| file.write_all(line.as_bytes()))
        .unwrap_or_else(|error| panic!("cannot append to {path}: {error}"));
}
