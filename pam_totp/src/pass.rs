//! Password and code in one answer: `forward_pass`, `use_first_pass` and `try_first_pass`.
//!
//! The code is the end of the answer; what stands before it is `PAM_AUTHTOK` for the modules behind us. These
//! try it as the password, and keyrings are unlocked with it: so it never holds a code. Where nothing shows
//! which end is the code, all that may be one is cut off, and the login is denied anyway.

use crate::arguments::First;
use crate::login::{Done, Given, Login, RENAMED, is_still};
use crate::report::{Ending, hint};
use crate::sys;
use otp::{Tail, Verdict};
use pam::items::AuthTok;
use pam::module::PamHandle;
use std::ffi::CStr;
use verifier::{Outcome, UserName};
use zeroize::Zeroizing;

const NOT_HANDED_ON: &str = "the password could not be handed on";

impl Login<'_> {
    /// What came of a code behind a password. Where none was given there, a code is to be asked for alone,
    /// after these words.
    pub(crate) fn combined(
        &self,
        handle: &mut PamHandle,
        name: Option<&UserName>,
    ) -> Result<Done, Option<&'static str>> {
        let words = match self.first(handle, name) {
            Ok(done) => return Ok(done),
            Err(words) if !self.pass.forward => return Err(words),
            Err(words) => words,
        };
        let answer = match self.ask(handle, words) {
            Ok(answer) => answer,
            Err(why) => return Ok((Ending::Cancelled(why), self.known(name), None)),
        };
        if !is_still(handle, name) {
            return Ok((Ending::Cancelled(RENAMED), self.known(name), None));
        }
        Ok(self.take(handle, name, &answer, true))
    }

    fn first(&self, handle: &mut PamHandle, name: Option<&UserName>) -> Result<Done, Option<&'static str>> {
        if self.pass.first == First::Leave {
            return Err(None);
        }
        let given = handle.get_item::<AuthTok<'_>>().ok().flatten();
        let given = given.map(|password| Zeroizing::new(password.as_bytes().to_vec()));
        let (there, must) = (given.is_some(), self.pass.first == First::Use);
        if !there && !must {
            return Err(None);
        }
        let answer = given.unwrap_or_default();
        let before = answer.len();
        if must {
            return Ok(self.take(handle, name, &answer, there));
        }
        // Asked or not, whoever is not let in: what is asked must not tell why.
        let (done, rest) = self.judged(name, &answer);
        match done.0 {
            Ending::Answered(Outcome::Judged(Verdict::Accepted { .. }))
            | Ending::Exempt(_)
            | Ending::Paused(_) => Ok(handed_on(handle, done, rest)),
            _ if rest.is_established && rest.bytes.len() < before => {
                let words = hint(&done.0).filter(|_| self.hints);
                match sys::hand_on(handle, rest.bytes) {
                    true => Err(words),
                    false => Ok((Ending::Cancelled(NOT_HANDED_ON), done.1, done.2)),
                }
            }
            _ => Err(None),
        }
    }

    /// Judges an answer and hands its password on.
    fn take(&self, handle: &mut PamHandle, name: Option<&UserName>, answer: &[u8], there: bool) -> Done {
        let (done, rest) = self.judged(name, answer);
        if there { handed_on(handle, done, rest) } else { done }
    }

    /// The exemption is looked for now: the prompt may have stood open since before there was none.
    fn judged<'a>(&self, name: Option<&UserName>, answer: &'a [u8]) -> (Done, Rest<'a>) {
        let tail = Tail::of(answer);
        let typed = Some(tail.likeliest());
        if let Some((ending, account)) = self.denial(name) {
            return ((ending, account, typed), Rest::of(answer, None).or_cut_off(answer));
        }
        let Some((account, why)) = self.free(name) else {
            let (ending, account, code) = self.judge(name, Given::Tail(&tail));
            return ((ending, account, typed), Rest::of(answer, code).or_cut_off(answer));
        };
        if tail.missing().is_some() {
            return ((why, Some(account), None), Rest::of(answer, None));
        }
        let (ending, _, code) = self.judge_unneeded(name, &tail.optional());
        let rest = Rest::of(answer, code);
        match ending {
            Ending::Answered(Outcome::Judged(Verdict::Accepted { .. })) => {
                ((ending, Some(account), typed), rest)
            }
            // Since just now.
            Ending::Answered(Outcome::Suspended(_)) => {
                ((ending, Some(account), typed), rest.or_cut_off(answer))
            }
            _ => ((why, Some(account), None), rest),
        }
    }

    /// Once the login is denied.
    pub(crate) fn denied(&self, handle: &mut PamHandle) {
        if self.pass.first != First::Leave {
            cut_off(handle);
        }
    }
}

/// Whether a line takes the code from the end of a password, whatever else is wrong with it.
pub(crate) fn is_behind_a_password(line: &[&CStr]) -> bool {
    line.iter().any(|argument| [c"try_first_pass", c"use_first_pass"].contains(argument))
}

/// What another module has asked for is handed on without anything that may be a code.
pub(crate) fn cut_off(handle: &mut PamHandle) {
    let given = handle.get_item::<AuthTok<'_>>().ok().flatten();
    let Some(given) = given.map(|password| Zeroizing::new(password.as_bytes().to_vec())) else { return };
    let rest = Tail::cut_off(&given);
    if rest.len() < given.len() {
        sys::hand_on(handle, rest);
    }
}

/// What is left of an answer.
#[derive(Clone, Copy)]
struct Rest<'a> {
    bytes: &'a [u8],
    /// Whether it is known where the code begins.
    is_established: bool,
}

impl<'a> Rest<'a> {
    fn of(answer: &'a [u8], code: Option<usize>) -> Self {
        let end = code.and_then(|length| answer.len().checked_sub(length));
        let bytes = end.and_then(|end| answer.get(..end));
        Self { bytes: bytes.unwrap_or(answer), is_established: bytes.is_some() }
    }

    fn or_cut_off(self, answer: &'a [u8]) -> Self {
        if self.is_established { self } else { Self { bytes: Tail::cut_off(answer), ..self } }
    }
}

fn handed_on(handle: &mut PamHandle, done: Done, rest: Rest<'_>) -> Done {
    if sys::hand_on(handle, rest.bytes) {
        return done;
    }
    (Ending::Cancelled(NOT_HANDED_ON), done.1, done.2)
}
