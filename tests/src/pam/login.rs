//! What one application does with libpam, as data.

use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use super::conversation::{Conversation, Event, Reply, Style, Texts};
use super::{Report, transaction};
use crate::mounts::LAB;

/// A function of libpam's application side.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the names are Linux-PAM's")]
pub enum Call {
    Authenticate,
    Setcred,
    AcctMgmt,
    OpenSession,
    CloseSession,
    Chauthtok,
    /// `pam_setcred` with `PAM_DELETE_CRED`.
    DeleteCred,
    /// `pam_setcred` with `PAM_REINITIALIZE_CRED`.
    ReinitializeCred,
    /// `pam_setcred` with `PAM_REFRESH_CRED`.
    RefreshCred,
    /// No call to libpam: the application becomes the leader of a session of its own.
    LeaveSession,
    /// No call to libpam: the application stands at a gate, as in [`Login::behind_gate`], its transaction open.
    Stand,
}

/// A limit that the application has when it calls the module (its own start is not under test).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Limit {
    /// The number of descriptors (`ulimit -n`).
    Descriptors(u64),
    /// The size of a file, in bytes (`ulimit -f` in other units); passing it raises SIGXFSZ.
    FileSize(u64),
    /// The address space (`ulimit -v`): what is in use, of which so many bytes of the heap are free.
    Memory(usize),
}

/// `PAM_SILENT`.
pub(super) const SILENT: i32 = 0x8000;
/// The prompt of the module under test.
const PROMPT: &str = "Verification code: ";

/// One transaction of an application. Without more, it authenticates and nobody answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Login {
    pub(super) service: String,
    pub(super) user: Option<Vec<u8>>,
    pub(super) rhost: Option<String>,
    pub(super) tty: Option<String>,
    pub(super) ruser: Option<String>,
    pub(super) environment: Vec<String>,
    pub(super) flags: i32,
    pub(super) calls: Vec<Call>,
    pub(super) script: Vec<Event>,
    pub(super) texts: Texts,
    pub(super) mute: bool,
    pub(super) limits: Vec<Limit>,
    pub(super) lingers: bool,
    pub(super) hurries: bool,
}

impl Login {
    /// Somebody enters a service.
    pub fn new(service: &str, user: impl AsRef<[u8]>) -> Self {
        Self {
            service: service.to_owned(),
            user: Some(user.as_ref().to_vec()),
            rhost: None,
            tty: None,
            ruser: None,
            environment: Vec::new(),
            flags: 0,
            calls: vec![Call::Authenticate],
            script: Vec::new(),
            texts: Texts::Take,
            mute: false,
            limits: Vec::new(),
            lingers: false,
            hurries: false,
        }
    }

    /// The application names nobody: the module is the first to ask who this is.
    #[must_use]
    pub fn nameless(mut self) -> Self {
        self.user = None;
        self
    }

    /// `PAM_RHOST`.
    #[must_use]
    pub fn from(mut self, rhost: &str) -> Self {
        self.rhost = Some(rhost.to_owned());
        self
    }

    /// `PAM_TTY`.
    #[must_use]
    pub fn on(mut self, tty: &str) -> Self {
        self.tty = Some(tty.to_owned());
        self
    }

    /// `PAM_RUSER`.
    #[must_use]
    pub fn asked_by(mut self, ruser: &str) -> Self {
        self.ruser = Some(ruser.to_owned());
        self
    }

    /// A pair `NAME=value` in the transaction's environment, as sshd puts SSH_CONNECTION there.
    #[must_use]
    pub fn knowing(mut self, pair: &str) -> Self {
        self.environment.push(pair.to_owned());
        self
    }

    /// `PAM_SILENT` in every call.
    #[must_use]
    pub fn silent(mut self) -> Self {
        self.flags |= SILENT;
        self
    }

    /// What the application calls, in order; it goes on after a failure.
    #[must_use]
    pub fn calling(mut self, calls: &[Call]) -> Self {
        self.calls = calls.to_vec();
        self
    }

    /// What the application does with texts that ask nothing.
    #[must_use]
    pub fn texts(mut self, texts: Texts) -> Self {
        self.texts = texts;
        self
    }

    /// The application has no conversation function at all.
    #[must_use]
    pub fn mute(mut self) -> Self {
        self.mute = true;
        self
    }

    /// The application has a limit when it calls.
    #[must_use]
    pub fn limited(mut self, limit: Limit) -> Self {
        self.limits.push(limit);
        self
    }

    /// The application stays after its transaction has ended, at a gate as in [`Login::behind_gate`].
    #[must_use]
    pub fn lingering(mut self) -> Self {
        self.lingers = true;
        self
    }

    /// The application takes note of what libpam would delay a refusal by, and delays nothing.
    #[must_use]
    pub fn hurried(mut self) -> Self {
        self.hurries = true;
        self
    }

    /// Expects a prompt and answers it.
    #[must_use]
    pub fn asked(mut self, style: Style, prompt: &str, reply: Reply) -> Self {
        self.script.push(Event { style, prompt: prompt.to_owned(), reply, gate: false });
        self
    }

    /// Expects pam_unix's prompt and answers it.
    #[must_use]
    pub fn password(self, password: &str) -> Self {
        self.asked(Style::EchoOff, "Password: ", Reply::Bytes(password.into()))
    }

    /// Expects the module's prompt and types this.
    #[must_use]
    pub fn code(self, typed: impl AsRef<[u8]>) -> Self {
        self.reply(Reply::Bytes(typed.as_ref().to_vec()))
    }

    /// Expects the module's prompt and answers like this.
    #[must_use]
    pub fn reply(self, reply: Reply) -> Self {
        self.asked(Style::EchoOff, PROMPT, reply)
    }

    /// Waits at the last prompt, before answering, until [`super::Waiting::open`] lets everybody go.
    #[must_use]
    pub fn behind_gate(mut self) -> Self {
        self.script.last_mut().expect("a gate stands at a prompt").gate = true;
        self
    }

    /// The process that plays this login; a test may give it limits, another uid or a tracer.
    pub fn command(&self) -> Command {
        let mut command = Command::new(format!("{LAB}/pamhost"));
        command.arg(self.as_argument()).stdin(Stdio::null());
        command
    }

    /// What `pamhost` takes as its argument.
    pub fn as_argument(&self) -> String {
        serde_json::to_string(self).expect("a login is data")
    }

    /// Plays this login in a fresh process.
    ///
    /// # Panics
    /// When the process crashes, prints anything of its own, or the script was not followed.
    pub fn run(&self) -> Report {
        Report::of(self.command().output().expect("pamhost is in the lab")).followed()
    }

    /// Plays this login in the process at hand.
    pub fn play(&self) -> Report {
        let conversation =
            Conversation { script: self.script.clone().into(), texts: self.texts, ..Conversation::default() };
        transaction::play(self, conversation)
    }
}
