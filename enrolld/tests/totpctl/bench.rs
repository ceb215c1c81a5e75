//! A store of one's own, the binary, and a phone that is not ours (oathtool).

use serde_json::Value;
use std::fmt::Display;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// An instant at which the codes of K1 are known: step 60000000 of 30 s begins.
pub(crate) const NOW: u64 = 1_800_000_000;

/// A key of 160 bits, with published codes.
pub(crate) const K1: &str = "JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU";
/// A key of 128 bits, so of 26 characters.
pub(crate) const K2: &str = "ONUG64TUEB2GK43UEBZWKY3SMU";
/// A key of 80 bits.
pub(crate) const K3: &str = "MFRGGZDFMZTWQ2LK";

pub(crate) struct Bench {
    folder: tempfile::TempDir,
    pub(crate) user: String,
    pub(crate) uid: u32,
    clock: Option<u64>,
    environment: Vec<(String, String)>,
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Bench {
    /// With a store.
    pub(crate) fn new() -> Self {
        let bench = Self::without_store();
        bench.run(["init"]).done();
        bench
    }

    /// With settings that name a store which is not there.
    pub(crate) fn without_store() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let uid = nix::unistd::geteuid();
        let user = nix::unistd::User::from_uid(uid).unwrap().expect("whoever runs this has an account").name;
        let bench = Self { folder, user, uid: uid.as_raw(), clock: None, environment: Vec::new() };
        bench.settings("");
        bench
    }

    /// Stops the clock of all later runs at this instant.
    pub(crate) fn at(mut self, time: u64) -> Self {
        self.set_clock(time);
        self
    }

    pub(crate) fn set_clock(&mut self, time: u64) {
        self.clock = Some(time);
    }

    /// Sets a variable for all later runs.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes the settings: where the store is, and `more`.
    pub(crate) fn settings(&self, more: &str) {
        let store = self.store();
        let text = format!("{more}\n[store]\ndirectory = {store:?}\n");
        std::fs::write(self.path("settings.toml"), text).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.path("store")
    }

    /// The folder of a person.
    pub(crate) fn person(&self, uid: u32) -> PathBuf {
        self.store().join(format!("users/{uid}"))
    }

    /// `totpctl` in a session of its own: no terminal of whoever runs the tests is asked.
    pub(crate) fn command<S: AsRef<str>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        self.program(&["setsid"], arguments)
    }

    /// The same under another launcher.
    pub(crate) fn program<S: AsRef<str>>(
        &self,
        launcher: &[&str],
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new(launcher[0]);
        command.args(&launcher[1..]).arg(env!("CARGO_BIN_EXE_totpctl"));
        command.arg("--config").arg(self.path("settings.toml"));
        command.args(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        command.env("LC_ALL", "C.UTF-8").env("TERM", "xterm-256color").env("TZ", "UTC");
        command.env_remove("NO_COLOR").env_remove("COLORFGBG");
        let mut preloaded: Vec<String> = Vec::new();
        for (name, value) in &self.environment {
            match name.as_str() {
                "LD_PRELOAD" => preloaded.push(value.clone()),
                _ => drop(command.env(name, value)),
            }
        }
        if let Some(time) = self.clock {
            preloaded.push(faketime().to_owned());
            command.env("FAKETIME", date(time)).env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
        command.env("LD_PRELOAD", preloaded.join(":"));
        command
    }

    pub(crate) fn run<S: AsRef<str>>(&self, arguments: impl IntoIterator<Item = S>) -> Ran {
        self.run_with(arguments, b"")
    }

    /// Runs with this on standard input.
    pub(crate) fn run_with<S: AsRef<str>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
        input: &[u8],
    ) -> Ran {
        ran(self.command(arguments), input)
    }

    /// `totpctl verify` with what was typed.
    pub(crate) fn verify(&self, typed: impl AsRef<[u8]>) -> Ran {
        self.run_with(["verify", &self.user], &[typed.as_ref(), b"\n"].concat())
    }

    /// `enroll --no-confirm --json` with more arguments.
    pub(crate) fn enroll(&self, more: &[&str]) -> Value {
        let arguments = ["enroll", self.user.as_str(), "--no-confirm", "--json"];
        self.run(arguments.iter().chain(more)).json()
    }

    /// Enrolls, and puts another key in the place of the random one.
    pub(crate) fn enroll_key(&self, key: &str, more: &[&str]) -> Value {
        let printed = self.enroll(more);
        let random = printed["secret"].as_str().unwrap();
        self.edit(self.uid, random, key);
        printed
    }

    /// Edits somebody's enrollment.
    pub(crate) fn edit(&self, uid: u32, from: &str, to: &str) {
        let path = self.person(uid).join("enrollment.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from} is not in {path:?}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }

    /// Copies the enrollment of whoever runs the tests to another uid.
    pub(crate) fn copy_to(&self, uid: u32, account: &str) {
        let copied = Command::new("cp").arg("-a").arg(self.person(self.uid)).arg(self.person(uid)).status();
        assert!(copied.unwrap().success());
        self.edit(uid, &format!("uid = {}\n", self.uid), &format!("uid = {uid}\n"));
        self.edit(uid, &format!("account = {:?}\n", self.user), &format!("account = {account:?}\n"));
    }

    pub(crate) fn status(&self) -> Value {
        self.run(["status", &self.user, "--json"]).json()
    }

    /// Every file of the store with its content: equal before and after what changes nothing.
    pub(crate) fn snapshot(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        let mut folders = vec![self.store()];
        while let Some(folder) = folders.pop() {
            files.push((folder.clone(), Vec::new()));
            for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
                match entry.file_type().unwrap().is_dir() {
                    true => folders.push(entry.path()),
                    false => files.push((entry.path(), std::fs::read(entry.path()).unwrap())),
                }
            }
        }
        files.sort();
        files
    }
}

impl Ran {
    /// It was done, and nothing was complained about.
    pub(crate) fn done(self) -> Self {
        assert_eq!((self.status, self.err.as_str()), (Some(0), ""), "{}", self.out);
        self
    }

    /// It was refused with exit status 1, said so in our form, and printed no result.
    pub(crate) fn refused(self, words: &str) -> Self {
        assert_eq!((self.status, self.out.as_str()), (Some(1), ""), "{}", self.err);
        assert!(self.err.starts_with("totpctl: "), "{}", self.err);
        assert!(self.err.contains(words), "{words:?} is not in:\n{}", self.err);
        for line in self.err.lines().skip(1) {
            assert!(line.starts_with("hint: "), "{}", self.err);
        }
        self
    }

    pub(crate) fn json(self) -> Value {
        assert_eq!(self.status, Some(0), "{}", self.err);
        assert!(self.err.lines().all(|line| line.starts_with("note: ")), "{}", self.err);
        serde_json::from_str(&self.out).expect(&self.out)
    }
}

pub(crate) fn ran(mut command: Command, input: &[u8]) -> Ran {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    // A verb that does not read leaves a broken pipe.
    let _ = child.stdin.take().unwrap().write_all(input);
    let id = child.id();
    let output = child.wait_with_output().unwrap();
    forget_clock(id);
    Ran {
        status: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Removes what libfaketime left in shared memory under this process id. A process that gets the same id later
/// would find it there, and see the true time.
pub(crate) fn forget_clock(process: u32) {
    for name in [format!("faketime_shm_{process}"), format!("sem.faketime_sem_{process}")] {
        let _ = std::fs::remove_file(PathBuf::from("/dev/shm").join(name));
    }
}

/// What another program's app shows at `time`.
pub(crate) fn phone(secret: &str, time: u64) -> String {
    phone_with(secret, time, &[])
}

/// The same with other parameters.
pub(crate) fn phone_with(secret: &str, time: u64, parameters: &[&str]) -> String {
    let mut command = Command::new("oathtool");
    if !parameters.iter().any(|parameter| parameter.starts_with("--totp")) {
        command.arg("--totp");
    }
    command.args(parameters).args(["--base32", "--now"]).arg(format!("@{time}")).arg(secret);
    let output = command.output().expect("oathtool of the package oathtool");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// What a key fob shows at `counter`.
pub(crate) fn fob(secret: &str, counter: u64) -> String {
    let mut command = Command::new("oathtool");
    command.args(["--hotp", "--base32", "--counter", &counter.to_string(), secret]);
    let output = command.output().expect("oathtool of the package oathtool");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The keys of a JSON object, in the order in which they stand there.
pub(crate) fn keys(text: &str) -> Vec<String> {
    // serde_json's map sorts; the text does not.
    let value: Value = serde_json::from_str(text).unwrap();
    let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
    keys.sort_by_key(|key| text.find(&format!("{key:?}:")));
    keys
}

pub(crate) fn copy_binary(to: &Path) {
    std::fs::copy(env!("CARGO_BIN_EXE_totpctl"), to).unwrap();
}

pub(crate) fn lines(lines: &[impl Display]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn faketime() -> &'static str {
    static PATH: OnceLock<String> = OnceLock::new();
    PATH.get_or_init(|| {
        let output = Command::new("faketime").args(["-f", "+0", "printenv", "LD_PRELOAD"]).output();
        let output = output.expect("faketime of the package faketime");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    })
}

fn date(time: u64) -> String {
    let mut command = Command::new("date");
    command.args(["-u", "+%Y-%m-%d %H:%M:%S", "-d"]).arg(format!("@{time}"));
    String::from_utf8(command.output().unwrap().stdout).unwrap().trim().to_owned()
}
