//! What came of a login.

use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Read, Write, pipe};
use std::process::{Child, Command, Output, Stdio};

use serde::{Deserialize, Serialize};

use super::conversation::{Event, Message};
use super::login::Call;

/// What `pamhost` prints when it stands at its gate.
pub(super) const AT_GATE: &str = "at the gate";

/// The exit code of `pamhost` when a limit left no memory for the program itself.
pub const OUT_OF_MEMORY: i32 = 77;

/// Linux-PAM's answers that the module has a use for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are Linux-PAM's")]
pub enum Code {
    Success,
    ServiceErr,
    PermDenied,
    AuthErr,
    ConvErr,
    Ignore,
    Other(i32),
}

impl Code {
    pub(super) fn of(number: i32) -> Self {
        match number {
            0 => Self::Success,
            3 => Self::ServiceErr,
            6 => Self::PermDenied,
            7 => Self::AuthErr,
            19 => Self::ConvErr,
            25 => Self::Ignore,
            other => Self::Other(other),
        }
    }
}

/// What came of a login.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    /// Each call and its answer.
    pub answers: Vec<(Call, Code)>,
    /// Everything that was said, in order.
    pub heard: Vec<Message>,
    /// How often the conversation function was called.
    pub conversations: usize,
    /// What was asked against the script.
    pub surprises: Vec<String>,
    /// What was never asked.
    pub left: Vec<Event>,
    /// When the last prompt was answered, by [`super::monotonic`].
    pub answered: Option<u64>,
    /// When the last call had returned, by the same clock.
    pub ended: u64,
    /// For how many microseconds a [`super::Login::hurried`] one was to be delayed.
    pub delay: Option<u32>,
    /// `PAM_USER` at the end.
    pub user: Option<Vec<u8>>,
    /// The transaction's environment at the end.
    pub environment: Vec<String>,
}

impl Report {
    /// Reads what `pamhost` printed.
    ///
    /// # Panics
    /// When the process did not end by itself, or something else was printed by it: a module that writes
    /// to its host's output breaks protocols that run over it.
    pub fn of(output: Output) -> Self {
        let text = String::from_utf8_lossy(&output.stdout);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "the host process died: {} {text}{error}", output.status);
        assert_eq!(error, "", "something was written to the host's standard error");
        let text = text.strip_prefix(AT_GATE).unwrap_or(&text);
        serde_json::from_str(text).unwrap_or_else(|problem| panic!("{problem} in the host's output: {text}"))
    }

    /// Asserts that the script was followed to its end and nothing else was asked.
    #[must_use]
    pub fn followed(self) -> Self {
        assert_eq!(self.surprises, [""; 0], "the conversation left its script");
        assert_eq!(self.left, [], "part of the script was never reached; answers: {:?}", self.answers);
        self
    }

    /// The answer to a call.
    pub fn answer(&self, call: Call) -> Code {
        let found = self.answers.iter().find(|(made, _)| *made == call);
        found.unwrap_or_else(|| panic!("{call:?} was not called")).1
    }

    /// The answer of `pam_authenticate`.
    pub fn verdict(&self) -> Code {
        self.answer(Call::Authenticate)
    }

    /// The texts of all that was said.
    pub fn texts(&self) -> Vec<&str> {
        self.heard.iter().map(|message| message.text.as_str()).collect()
    }
}

/// A login that waits at its gate.
pub struct Waiting {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
}

/// One gate for many logins, which all of them pass at the same instant.
pub struct Barrier {
    held: PipeReader,
    holds: PipeWriter,
}

impl Barrier {
    /// Nobody passes yet.
    pub fn shut() -> Self {
        let (held, holds) = pipe().expect("two descriptors");
        Self { held, holds }
    }

    /// Starts a login, and returns when it stands here.
    pub fn hold(&self, command: Command) -> Waiting {
        Waiting::start_at(command, self.held.try_clone().expect("a descriptor").into())
    }

    /// Lets all of them go on.
    pub fn open(self) {
        drop(self.holds);
    }
}

impl Waiting {
    /// Starts the process and returns when it stands at its gate.
    pub fn start(command: Command) -> Self {
        Self::start_at(command, Stdio::piped())
    }

    fn start_at(mut command: Command, gate: Stdio) -> Self {
        let piped = command.stdin(gate).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().expect("pamhost is in the lab");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let mut waiting = Self { child, output };
        waiting.arrive();
        waiting
    }

    fn arrive(&mut self) {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("pamhost speaks");
        assert_eq!(line.trim_end(), AT_GATE, "the login ended before its gate");
    }

    /// Lets it go on to its next gate, and returns when it stands there.
    pub fn go_on(&mut self) {
        self.child.stdin.as_mut().expect("piped").write_all(b"\n").expect("it reads");
        self.arrive();
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Lets it go on, without waiting for its end.
    pub fn open(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Ends it as sshd's child ends when the client hangs up.
    pub fn kill(mut self) {
        self.child.kill().expect("it is our child");
        self.child.wait().expect("it is our child");
    }

    /// Lets it go on and waits for its report.
    pub fn finish(mut self) -> Report {
        self.open();
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        self.output.read_to_end(&mut stdout).expect("a pipe");
        self.child.stderr.take().expect("piped").read_to_end(&mut stderr).expect("a pipe");
        let status = self.child.wait().expect("it is our child");
        Report::of(Output { status, stdout, stderr }).followed()
    }
}
