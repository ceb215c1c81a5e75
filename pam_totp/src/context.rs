//! Who wants to log in, where, and from where: copied out of the handle before anything is asked.

use crate::accounts::lookup;
use crate::sys;
use config::Settings;
use config::rules::Place;
use nix::unistd::getuid;
use otp::Network;
use pam::items::{Item, RHost, RUser, Service, Tty};
use pam::module::PamHandle;
use std::ffi::CStr;
use verifier::{Account, Origin, UserName};

/// polkit names as the caller whoever it is to authenticate (`PAM_RUSER` is `PAM_USER`), and where systemd starts
/// its helper, from polkit 127 on, that is root, for whoever knocked at a socket that is open to everybody.
const POLKIT: &str = "polkit-1";

/// What PAM says about a login.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) service: String,
    pub(crate) rhost: Option<String>,
    pub(crate) tty: Option<String>,
    pub(crate) ruser: Option<String>,
    /// `SSH_CONNECTION` as sshd puts it into PAM's environment; never that of this process, which belongs to
    /// whoever called su or sudo.
    pub(crate) connection: Option<String>,
}

impl Context {
    pub(crate) fn of(handle: &PamHandle) -> Self {
        let text = |item: Option<&CStr>| item.map(|text| text.to_string_lossy().into_owned());
        Self {
            service: text(item::<Service>(handle).map(|item| item.0)).unwrap_or_default(),
            rhost: text(item::<RHost>(handle).map(|item| item.0)),
            tty: text(item::<Tty>(handle).map(|item| item.0)),
            ruser: text(item::<RUser>(handle).map(|item| item.0)),
            connection: sys::environment(handle, c"SSH_CONNECTION"),
        }
    }

    /// Where `account` logs in from, as far as it is established. "No remote host" alone proves nothing: a
    /// web console may just not tell.
    pub(crate) fn origin(&self, account: &Account, settings: &Settings) -> Origin {
        match &self.rhost {
            Some(rhost) => Network::of_rhost(rhost).map_or(Origin::Stranger, Origin::Network),
            None if settings.login.is_local(&self.service) => self.local(account),
            None => Origin::Stranger,
        }
    }

    /// Where `account` logs in from, for the rules of the settings.
    pub(crate) fn place(&self, account: &Account, settings: &Settings) -> Place {
        if let Some(place) = Place::named(self.rhost.as_deref(), self.connection.as_deref()) {
            return place;
        }
        if !settings.login.is_local(&self.service) {
            return Place::Unknown("the service names no remote host, and is not known to be local");
        }
        match self.caller(account) {
            Some(Origin::Console | Origin::Owner) => Place::Local,
            Some(_) => Place::OtherAccount,
            None => Place::Unknown("who called the service is not established"),
        }
    }

    /// Whether the service names who called it, and that is established to be root or whose account this is.
    pub(crate) fn names_owner_or_root(&self, account: &Account) -> bool {
        let caller = self.ruser.as_ref().and_then(|_| self.caller(account));
        matches!(caller, Some(Origin::Console | Origin::Owner))
    }

    fn local(&self, account: &Account) -> Origin {
        self.caller(account).unwrap_or(Origin::Others)
    }

    /// Who called a service that is local; `None` where that is not established.
    fn caller(&self, account: &Account) -> Option<Origin> {
        if account.uid().is_none() {
            // Whoever it is, it is another than who is to be let in, of whom there is nothing on this machine.
            return Some(Origin::Others);
        }
        match getuid().as_raw() {
            0 if self.service == POLKIT => None,
            // sudo and su -c have become root before they ask, and name who called them. login(1) and greeters
            // name nobody, not even where it is root who logs in.
            0 => match &self.ruser {
                None => Some(Origin::Console),
                Some(name) => named(name, account),
            },
            uid if Some(uid) == account.uid() => Some(Origin::Owner),
            _ => Some(Origin::Others),
        }
    }
}

fn named(name: &str, account: &Account) -> Option<Origin> {
    let name = UserName::new(name).ok()?;
    match lookup(&name).ok()?? {
        caller if caller.owner == account.owner => Some(Origin::Owner),
        caller if caller.uid() == Some(0) => Some(Origin::Console),
        _ => Some(Origin::Others),
    }
}

fn item<'a, T: Item<'a>>(handle: &'a PamHandle) -> Option<T> {
    handle.get_item::<T>().ok().flatten()
}
