//! One login, from the module's line to the verdict.

mod exempt;

use crate::accounts::{Established, whose};
use crate::arguments::{Arguments, Effective, Pass};
use crate::context::Context;
use crate::pass;
use crate::remembered::Memory;
use crate::report::{Ending, Report, told};
use crate::{remembered, sys};
use config::Settings;
use config::rules::{self, Then};
use nix::unistd::geteuid;
use otp::{Tail, Time, Typed, Verdict};
use pam::constants::{
    PAM_PROMPT_ECHO_OFF, PAM_PROMPT_ECHO_ON, PAM_SILENT, PAM_TEXT_INFO, PamFlag, PamResultCode,
};
use pam::conv::Conv;
use pam::items::User;
use pam::module::PamHandle;
use std::cell::RefCell;
use std::ffi::CStr;
use verifier::wire::Claims;
use verifier::{
    Account, Bound, Circumstances, FileStore, Local, Origin, Outcome, Remote, Standing, StoreError, UserName,
    Verifier,
};
use zeroize::Zeroizing;

/// How long a refusal takes while no settings say otherwise, in seconds.
const FAIL_DELAY: u64 = 2;

pub(crate) const RENAMED: &str = "the user was changed during the conversation";

/// `pam_sm_authenticate`.
pub(crate) fn authenticate(handle: &mut PamHandle, line: &[&CStr], flags: PamFlag) -> PamResultCode {
    let effective = Arguments::parse(line).and_then(Arguments::effective);
    // First of all, on every path: it blurs how long everything after it takes. libpam applies it to
    // failures alone, randomised.
    sys::fail_delay(handle, effective.as_ref().map_or(FAIL_DELAY, |e| e.settings.login.fail_delay));
    remembered::forget(handle);
    let Effective { settings, debug, pass } = match effective {
        Ok(effective) => effective,
        Err(error) => {
            if pass::is_behind_a_password(line) {
                pass::cut_off(handle);
            }
            let ending = Ending::Misconfigured(error.to_string());
            return answer(handle, &Report::new(&ending, None, None, &Context::of(handle)));
        }
    };
    let named = name(handle);
    // Copied before the conversation, which may change items.
    let context = Context::of(handle);
    let silent = flags & PAM_SILENT != 0;
    let hints = settings.login.hints && !silent;
    let ruling = Ruling::none();
    let no_pause = RefCell::default();
    let mut login =
        Login { settings: &settings, context: &context, pass, hints, ruling, memory: None, no_pause };
    if let Ok(Some(name)) = &named {
        login.ruling = login.ruling(name);
        login.memory = login.memory(handle);
    }
    let (ending, account, typed) = match named {
        Err(why) => {
            login.denied(handle);
            (Ending::Cancelled(why), None, None)
        }
        Ok(ref name) => login.run(handle, name.as_ref()),
    };
    if debug {
        let origin = account.as_ref().map(|account| context.origin(account, &settings));
        sys::log(
            handle,
            libc::LOG_DEBUG,
            &format!("debug; store={:?} origin={origin:?}", settings.store.directory),
        );
    }
    let user = account.as_ref().map(|account| account.name.as_str());
    let no_pause = login.no_pause.take();
    let report = |ending: &Ending| {
        let words = login.ruling.words.as_deref().filter(|_| !matches!(ending, Ending::UnknownAccount));
        let report = Report::new(ending, user, typed.as_ref(), &context);
        report.ruled(words).without_pause(no_pause.as_deref())
    };
    let code = answer(handle, &report(&ending));
    // After the log, which must have its line even if the client hangs up over this.
    let texts = if silent { Vec::new() } else { told(&ending, hints) };
    for text in &texts {
        tell(handle, text);
    }
    if texts.is_empty() || is_still(handle, named.ok().flatten().as_ref()) {
        if let (Some(memory), Some(user)) = (&login.memory, user) {
            memory.hold(handle, &ending, user);
        }
        return code;
    }
    answer(handle, &report(&Ending::Cancelled(RENAMED)))
}

/// Shows a text. Whether that worked makes no difference to anything.
fn tell(handle: &PamHandle, text: &str) {
    if let Some(conversation) = handle.get_item::<Conv>().ok().flatten() {
        let _ = conversation.send(PAM_TEXT_INFO, text);
    }
}

fn answer(handle: &mut PamHandle, report: &Report) -> PamResultCode {
    sys::log(handle, report.priority, &report.line);
    sys::copy(&report.code)
}

/// The name of whoever wants in. `Ok(None)`: a name that no account can have. It is asked for no more and no
/// less than any other.
fn name(handle: &mut PamHandle) -> Result<Option<UserName>, &'static str> {
    match handle.get_user(None) {
        Ok(name) => Ok(UserName::new(&name).ok()),
        Err(_) if handle.get_item::<User>().ok().flatten().is_some() => Ok(None),
        Err(_) => Err("no user name was given"),
    }
}

/// Whether `PAM_USER` is who was asked for: a conversation may have changed it, and a verdict about one is not
/// a verdict about another.
pub(crate) fn is_still(handle: &PamHandle, name: Option<&UserName>) -> bool {
    let now = handle.get_item::<User>().ok().flatten();
    let now = now.and_then(|user| user.0.to_str().ok()).and_then(|user| UserName::new(user).ok());
    now.as_ref() == name
}

/// What the rules of the settings say of this login.
struct Ruling {
    then: Then,
    /// Whether `nullok` is heeded.
    nullok: bool,
    /// For how long a code is remembered, in seconds.
    remember: Option<u64>,
    /// For the log.
    words: Option<String>,
    account: Option<Account>,
}

impl Ruling {
    /// Where no rule fits.
    fn none() -> Self {
        Self { then: Then::Require, nullok: true, remember: None, words: None, account: None }
    }
}

/// What came of it, whose login it is, and what was typed.
pub(crate) type Done = (Ending, Option<Account>, Option<Typed>);

/// What is judged.
#[derive(Clone, Copy)]
pub(crate) enum Given<'a> {
    /// A code alone.
    Typed(&'a Typed),
    /// The end of a password.
    Tail(&'a Tail),
}

impl Given<'_> {
    fn check(self, verifier: &impl Verifier, account: &Account, origin: Origin) -> (Outcome, Option<usize>) {
        match self {
            Self::Typed(typed) => (verifier.check(account, typed, origin), None),
            Self::Tail(tail) => verifier.check_tail(account, tail, origin),
        }
    }
}

pub(crate) struct Login<'a> {
    settings: &'a Settings,
    context: &'a Context,
    pub(crate) pass: Pass,
    /// Whether reasons are told.
    pub(crate) hints: bool,
    ruling: Ruling,
    /// What is remembered of this login, where a rule says that it is.
    memory: Option<Memory>,
    /// What was wrong with a pause, when one was last looked for.
    no_pause: RefCell<Option<String>>,
}

impl Login<'_> {
    fn run(&self, handle: &mut PamHandle, name: Option<&UserName>) -> Done {
        let done = match self.combined(handle, name) {
            Ok(done) => done,
            Err(words) => self.alone(handle, name, words),
        };
        let is_in = matches!(&done.0, Ending::Answered(Outcome::Judged(Verdict::Accepted { .. })));
        if !is_in && !done.0.is_exempt() {
            self.denied(handle);
        }
        done
    }

    /// A code without a password.
    fn alone(&self, handle: &mut PamHandle, name: Option<&UserName>, words: Option<&str>) -> Done {
        if let Some((account, why)) = self.free(name) {
            return (why, Some(account), None);
        }
        let typed = match self.ask(handle, words) {
            Ok(reply) => Typed::parse(&reply),
            Err(why) => return (Ending::Cancelled(why), self.known(name), None),
        };
        if !is_still(handle, name) {
            return (Ending::Cancelled(RENAMED), self.known(name), Some(typed));
        }
        if let Some((ending, account)) = self.denial(name) {
            return (ending, account, Some(typed));
        }
        let (ending, account, _) = self.judge(name, Given::Typed(&typed));
        (ending, account, Some(typed))
    }

    /// What the rules of the settings say. Nobody is exempt by them who has no account, or of whom that is not
    /// established.
    fn ruling(&self, name: &UserName) -> Ruling {
        if self.settings.rules.is_empty() {
            return Ruling::none();
        }
        let Ok(Some(account)) = whose(name) else { return Ruling { nullok: false, ..Ruling::none() } };
        let decision = rules::decide(&self.settings.rules, &self.circumstances(&account));
        Ruling {
            then: decision.then,
            nullok: decision.heeds_nullok(),
            remember: decision.remember,
            words: decision.words(),
            account: Some(account),
        }
    }

    fn memory(&self, handle: &PamHandle) -> Option<Memory> {
        let account = self.ruling.account.as_ref()?;
        let is_local = self.settings.login.is_local(&self.context.service);
        let tells_apart =
            |bound: &Bound| bound.tells_apart(is_local, self.context.names_owner_or_root(account));
        Memory::of(handle, account.uid()?, tells_apart, self.ruling.remember?)
    }

    fn circumstances<'a>(&'a self, account: &'a Account) -> Established<'a> {
        let service = Some(self.context.service.as_str()).filter(|service| !service.is_empty());
        let place = self.context.place(account, self.settings);
        Established(Circumstances::new(account, service, place))
    }

    /// How a login ends that a rule denies, and whose it is. What nobody's name ends in is told from it by the log
    /// alone.
    pub(crate) fn denial(&self, name: Option<&UserName>) -> Option<(Ending, Option<Account>)> {
        if self.ruling.then != Then::Deny {
            return None;
        }
        let is_account = self.ruling.account.as_ref().is_some_and(|account| account.uid().is_some());
        Some(match self.known(name) {
            None if !is_account => (Ending::UnknownAccount, None),
            known => (Ending::Denied, known),
        })
    }

    /// What is answered to the prompt, before which these words stand on a line of their own: an information
    /// text alone is not always shown.
    pub(crate) fn ask(
        &self,
        handle: &PamHandle,
        words: Option<&str>,
    ) -> Result<Zeroizing<Vec<u8>>, &'static str> {
        let conversation =
            handle.get_item::<Conv>().ok().flatten().ok_or("the service has no conversation")?;
        let style = if self.settings.login.echo { PAM_PROMPT_ECHO_ON } else { PAM_PROMPT_ECHO_OFF };
        let prompt = &self.settings.login.prompt;
        let reply = match words {
            Some(words) => conversation.send(style, &format!("{words}\n{prompt}")),
            None => conversation.send(style, prompt),
        };
        let reply = reply.map_err(|_| "the conversation failed or was aborted")?;
        Ok(Zeroizing::new(reply.map_or_else(Vec::new, |reply| reply.as_bytes().to_vec())))
    }

    /// Everything that is judged is read now, after the prompt.
    /// Beside the answer, how many bytes at the end are the code.
    pub(crate) fn judge(
        &self,
        name: Option<&UserName>,
        given: Given<'_>,
    ) -> (Ending, Option<Account>, Option<usize>) {
        let account = match name.map_or(Ok(None), whose) {
            Ok(Some(account)) => account,
            Ok(None) => return (Ending::UnknownAccount, None, None),
            Err(error) => return (Ending::Answered(Outcome::Unavailable(error)), None, None),
        };
        if self.is_denied_after_all(&account) {
            let known = Some(account).filter(|account| account.uid().is_some());
            return (known.as_ref().map_or(Ending::UnknownAccount, |_| Ending::Denied), known, None);
        }
        let origin = self.context.origin(&account, self.settings);
        let (outcome, code) = if geteuid().is_root() {
            self.judge_as_root(&account, given, origin)
        } else {
            given.check(&self.daemon(), &account, origin)
        };
        match (account.uid(), outcome) {
            (None, Outcome::NotEnrolled) => (Ending::UnknownAccount, None, None),
            // A name that may be nobody's stands in no log: a password may have been typed in its place.
            (None, outcome @ Outcome::Unavailable(_)) => (Ending::Answered(outcome), None, None),
            (_, outcome) => (Ending::Answered(outcome), Some(account), code),
        }
    }

    /// The same where the login needs no code.
    pub(crate) fn judge_unneeded(
        &self,
        name: Option<&UserName>,
        tail: &Tail,
    ) -> (Ending, Option<Account>, Option<usize>) {
        let judged = self.judge(name, Given::Tail(tail));
        if let Some(memory) = &self.memory {
            memory.was_not_needed();
        }
        judged
    }

    /// Whether a rule denies this account, of which the rules were not asked before the prompt: the name service
    /// did not answer then, or otherwise.
    fn is_denied_after_all(&self, account: &Account) -> bool {
        let rules = &self.settings.rules;
        !rules.is_empty()
            && self.ruling.account.as_ref() != Some(account)
            && rules::decide(rules, &self.circumstances(account)).then == Then::Deny
    }

    /// Root goes to the files. Where a sandbox may be what keeps it from them, it asks whoever is outside.
    fn judge_as_root(&self, account: &Account, given: Given<'_>, origin: Origin) -> (Outcome, Option<usize>) {
        let files = match self.files() {
            Ok(files) => match sys::undisturbed(|| self.check(&files, account, given, origin)) {
                (Outcome::Unavailable(error), _) => error,
                answer => return answer,
            },
            Err(error) => error,
        };
        if !files.may_be_a_sandbox() {
            return (Outcome::Unavailable(files), None);
        }
        match given.check(&self.daemon(), account, origin) {
            (Outcome::Unavailable(daemon), _) => {
                let store = self.settings.store.directory.clone();
                let (files, daemon) = (Box::new(files), Box::new(daemon));
                (Outcome::Unavailable(StoreError::Sandbox { store, files, daemon }), None)
            }
            answer => answer,
        }
    }

    /// What the code is of is looked up before it is judged: if that is changed meanwhile, nothing is remembered.
    fn check(
        &self,
        files: &Local<FileStore>,
        account: &Account,
        given: Given<'_>,
        origin: Origin,
    ) -> (Outcome, Option<usize>) {
        if let Some(memory) = &self.memory {
            memory.begin(files, account);
        }
        given.check(files, account, origin)
    }

    fn standing(&self, account: &Account) -> Result<Standing, StoreError> {
        if geteuid().is_root() {
            return self.files()?.standing(account);
        }
        self.daemon().standing(account)
    }

    /// Whose name it is, if it is anybody's. Of people without an account only root hears.
    pub(crate) fn known(&self, name: Option<&UserName>) -> Option<Account> {
        let account = name.and_then(|name| whose(name).ok().flatten())?;
        let is_somebody = |standing| matches!(standing, Ok(Standing::Enrolled | Standing::Suspended));
        let is_known = account.uid().is_some() || geteuid().is_root() && is_somebody(self.standing(&account));
        is_known.then_some(account)
    }

    /// Whom a program asks that may not read the store, such as a screen locker.
    fn daemon(&self) -> Remote {
        let Context { service, rhost, tty, .. } = self.context.clone();
        Remote::new(&self.settings.daemon.socket, Claims { service, rhost, tty })
    }

    fn files(&self) -> Result<Local<FileStore>, StoreError> {
        let store = FileStore::open(&self.settings.store)?;
        Ok(Local::new(store, self.settings.policy(), sys::now as fn() -> Time, no_random))
    }
}

/// A login draws nothing at random.
fn no_random(_: &mut [u8]) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}
