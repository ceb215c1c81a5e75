//! One login, from the module's line to the verdict.

use crate::arguments::{Arguments, Effective};
use crate::context::Context;
use crate::report::{Ending, Report, told};
use crate::sys;
use config::rules::{self, Decision, Then};
use config::{Settings, Unenrolled};
use nix::unistd::geteuid;
use otp::{Time, Typed};
use pam::constants::{
    PAM_PROMPT_ECHO_OFF, PAM_PROMPT_ECHO_ON, PAM_SILENT, PAM_TEXT_INFO, PamFlag, PamResultCode,
};
use pam::conv::Conv;
use pam::items::User;
use pam::module::PamHandle;
use std::ffi::CStr;
use verifier::wire::Claims;
use verifier::{
    Account, Circumstances, FileStore, Local, Origin, Outcome, Remote, Standing, StoreError, UserName,
    Verifier, lookup,
};

/// How long a refusal takes while no settings say otherwise, in seconds.
const FAIL_DELAY: u64 = 2;

const RENAMED: &str = "the user was changed during the conversation";

/// `pam_sm_authenticate`.
pub(crate) fn authenticate(handle: &mut PamHandle, line: &[&CStr], flags: PamFlag) -> PamResultCode {
    let effective = Arguments::parse(line).and_then(Arguments::effective);
    // First of all, on every path: it blurs how long everything after it takes. libpam applies it to
    // failures alone, randomised.
    sys::fail_delay(handle, effective.as_ref().map_or(FAIL_DELAY, |e| e.settings.login.fail_delay));
    let Effective { settings, debug } = match effective {
        Ok(effective) => effective,
        Err(error) => {
            let ending = Ending::Misconfigured(error.to_string());
            return answer(handle, &Report::new(&ending, None, None, &Context::of(handle)));
        }
    };
    let named = name(handle);
    // Copied before the conversation, which may change items.
    let context = Context::of(handle);
    let login = Login { settings: &settings, context: &context };
    let ruling =
        named.as_ref().ok().and_then(Option::as_ref).map_or_else(Ruling::none, |name| login.ruling(name));
    let (ending, account, typed) = match named {
        Err(why) => (Ending::Cancelled(why), None, None),
        Ok(ref name) => login.run(handle, name.as_ref(), &ruling),
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
    let report =
        |ending: &Ending| Report::new(ending, user, typed.as_ref(), &context).ruled(ruling.words.as_deref());
    let code = answer(handle, &report(&ending));
    // After the log, which must have its line even if the client hangs up over this.
    let texts = if flags & PAM_SILENT == 0 { told(&ending) } else { Vec::new() };
    for text in &texts {
        tell(handle, text);
    }
    if texts.is_empty() || is_still(handle, named.ok().flatten().as_ref()) {
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
fn is_still(handle: &PamHandle, name: Option<&UserName>) -> bool {
    let now = handle.get_item::<User>().ok().flatten();
    let now = now.and_then(|user| user.0.to_str().ok()).and_then(|user| UserName::new(user).ok());
    now.as_ref() == name
}

/// What the rules of the settings say of this login.
struct Ruling {
    then: Then,
    /// Whether `nullok` is heeded.
    nullok: bool,
    /// For the log.
    words: Option<String>,
    account: Option<Account>,
}

impl Ruling {
    /// Where no rule fits.
    fn none() -> Self {
        Self { then: Then::Require, nullok: true, words: None, account: None }
    }
}

struct Login<'a> {
    settings: &'a Settings,
    context: &'a Context,
}

impl Login<'_> {
    fn run(
        &self,
        handle: &mut PamHandle,
        name: Option<&UserName>,
        ruling: &Ruling,
    ) -> (Ending, Option<Account>, Option<Typed>) {
        if ruling.then == Then::Skip {
            return (Ending::Exempt(""), ruling.account.clone(), None);
        }
        if let Some((account, why)) = name.filter(|_| ruling.nullok).and_then(|name| self.exempt(name)) {
            return (Ending::Exempt(why), Some(account), None);
        }
        let typed = match self.ask(handle) {
            Ok(typed) => typed,
            Err(why) => return (Ending::Cancelled(why), self.known(name), None),
        };
        if !is_still(handle, name) {
            return (Ending::Cancelled(RENAMED), self.known(name), Some(typed));
        }
        if ruling.then == Then::Deny {
            return (Ending::Denied, self.known(name), Some(typed));
        }
        let (ending, account) = self.judge(name, &typed);
        (ending, account, Some(typed))
    }

    /// What the rules of the settings say. Nobody is exempt by them who has no account, or of whom that is not
    /// established.
    fn ruling(&self, name: &UserName) -> Ruling {
        if self.settings.rules.is_empty() {
            return Ruling::none();
        }
        let Ok(Some(account)) = lookup(name) else { return Ruling { nullok: false, ..Ruling::none() } };
        let decision = self.decide(&account);
        Ruling {
            then: decision.then,
            nullok: decision.heeds_nullok(),
            words: decision.words(),
            account: Some(account),
        }
    }

    fn decide(&self, account: &Account) -> Decision {
        let service = Some(self.context.service.as_str()).filter(|service| !service.is_empty());
        let place = self.context.place(account, self.settings);
        rules::decide(&self.settings.rules, &Circumstances { account, service, place })
    }

    /// Whether this login needs no code: only where everything that this rests on is established.
    fn exempt(&self, name: &UserName) -> Option<(Account, &'static str)> {
        if self.settings.login.unenrolled != Unenrolled::Skip {
            return None;
        }
        if let Some(until) = self.settings.login.skip_until {
            let now = sys::now();
            // A clock that is surely wrong cannot say that the day has not come.
            if now >= until || now.after(86_400) < config::RELEASED {
                return None;
            }
        }
        let account = lookup(name).ok().flatten()?;
        let standing = self.standing(&account).ok()?;
        (standing == Standing::NotEnrolled).then_some((account, "not enrolled, and nullok is set"))
    }

    fn ask(&self, handle: &PamHandle) -> Result<Typed, &'static str> {
        let conversation =
            handle.get_item::<Conv>().ok().flatten().ok_or("the service has no conversation")?;
        let style = if self.settings.login.echo { PAM_PROMPT_ECHO_ON } else { PAM_PROMPT_ECHO_OFF };
        let reply = conversation.send(style, &self.settings.login.prompt);
        let reply = reply.map_err(|_| "the conversation failed or was aborted")?;
        Ok(Typed::parse(reply.as_ref().map_or(&[], |reply| reply.as_bytes())))
    }

    /// Everything that is judged is read now, after the prompt.
    fn judge(&self, name: Option<&UserName>, typed: &Typed) -> (Ending, Option<Account>) {
        let account = match name.map_or(Ok(None), lookup) {
            Ok(Some(account)) => account,
            Ok(None) => return (Ending::UnknownAccount, None),
            Err(error) => return (Ending::Answered(Outcome::Unavailable(error)), None),
        };
        let origin = self.context.origin(&account, self.settings);
        let outcome = if geteuid().is_root() {
            self.judge_as_root(&account, typed, origin)
        } else {
            self.daemon().check(&account, typed, origin)
        };
        (Ending::Answered(outcome), Some(account))
    }

    /// Root goes to the files. Where a sandbox may be what keeps it from them, it asks whoever is outside.
    fn judge_as_root(&self, account: &Account, typed: &Typed, origin: Origin) -> Outcome {
        let files = match self.files() {
            Ok(files) => sys::undisturbed(|| files.check(account, typed, origin)),
            Err(error) => Outcome::Unavailable(error),
        };
        let Outcome::Unavailable(files) = files else { return files };
        if !files.may_be_a_sandbox() {
            return Outcome::Unavailable(files);
        }
        match self.daemon().check(account, typed, origin) {
            Outcome::Unavailable(daemon) => Outcome::Unavailable(StoreError::Sandbox {
                store: self.settings.store.directory.clone(),
                files: Box::new(files),
                daemon: Box::new(daemon),
            }),
            outcome => outcome,
        }
    }

    fn standing(&self, account: &Account) -> Result<Standing, StoreError> {
        if geteuid().is_root() {
            return self.files()?.standing(account);
        }
        self.daemon().standing(account)
    }

    fn known(&self, name: Option<&UserName>) -> Option<Account> {
        name.and_then(|name| lookup(name).ok().flatten())
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
