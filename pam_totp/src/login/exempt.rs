//! Whose login needs no code: by a pause, a rule, a code that is remembered, or `nullok`. Only where everything
//! that this rests on is established.

use super::Login;
use crate::accounts::lookup;
use crate::report::Ending;
use crate::sys;
use config::Unenrolled;
use config::rules::{self, Then};
use nix::unistd::geteuid;
use verifier::{Account, FoldedName, Pause, Standing, UserName, Verifier};

/// Why no code is asked for.
const REMEMBERED: &str = "remembered";

impl Login<'_> {
    /// Whose login needs no code, and why: nobody's who is suspended, as far as that can be read.
    pub(crate) fn free(&self, name: Option<&UserName>) -> Option<(Account, Ending)> {
        if let Some(free) = name.and_then(|name| self.paused(name)) {
            return Some(free);
        }
        if self.ruling.then == Then::Skip {
            let account = self.ruling.account.clone().filter(|account| !self.is_suspended(account));
            return account.map(|account| (account, Ending::Exempt("")));
        }
        if let (Some(memory), Some(account)) = (&self.memory, &self.ruling.account)
            && sys::undisturbed(|| self.files().is_ok_and(|files| memory.recalls(&files, account)))
        {
            return Some((account.clone(), Ending::Exempt(REMEMBERED)));
        }
        let exempt = name.filter(|_| self.ruling.nullok).and_then(|name| self.exempt(name));
        exempt.map(|(account, why)| (account, Ending::Exempt(why)))
    }

    /// Nobody is asked who has an account, while that is so, unless a rule denies, or would if what cannot be
    /// evaluated turned out so.
    fn paused(&self, name: &UserName) -> Option<(Account, Ending)> {
        let pause = match pause() {
            Ok(pause) => pause?,
            Err(why) => {
                self.no_pause.replace(Some(why));
                return None;
            }
        };
        let account = lookup(name).ok()??;
        let is_denied = self.ruling.then == Then::Deny
            || rules::may_deny(&self.settings.rules, &self.circumstances(&account));
        (!is_denied && !self.is_suspended(&account)).then(|| (account, Ending::Paused(pause.to_string())))
    }

    /// Whether nothing of this account's is accepted, as far as that can be established; where it is the caller who
    /// may have kept it from being, nothing is. enrolld tells nobody but the account itself.
    fn is_suspended(&self, account: &Account) -> bool {
        let suspended = match geteuid() {
            me if me.is_root() => self.files().and_then(|files| files.is_suspended(account)),
            me if Some(me.as_raw()) == account.uid() => self.daemon().is_suspended(account),
            _ => Ok(false),
        };
        suspended.unwrap_or_else(|error| error.may_be_the_callers_doing())
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
        let is_free = |whose: &Account| matches!(self.standing(whose), Ok(Standing::NotEnrolled));
        let nobody = is_free(&account) && other_spelling(name, &account).as_ref().is_none_or(is_free);
        nobody.then_some((account, "not enrolled, and nullok is set"))
    }
}

/// The pause that holds, or what is wrong with one: then there is none. Who is not root goes on being asked.
fn pause() -> Result<Option<Pause>, String> {
    match geteuid().is_root() {
        true => Pause::current(sys::now()).map_err(|error| error.to_string()),
        false => Ok(None),
    }
}

/// Whoever may have been enrolled by the name that was given before there was this account, which the name service
/// calls otherwise. By the account's own name the verifier looks itself.
fn other_spelling(name: &UserName, account: &Account) -> Option<Account> {
    let own = UserName::new(&account.name).ok().and_then(|own| FoldedName::of(&own));
    FoldedName::of(name).filter(|given| own.as_ref() != Some(given)).map(Account::by_name)
}
