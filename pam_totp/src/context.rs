//! Who wants to log in, where, and from where: copied out of the handle before anything is asked.

use config::Settings;
use nix::unistd::getuid;
use otp::Network;
use pam::items::{Item, RHost, RUser, Service, Tty};
use pam::module::PamHandle;
use std::ffi::CStr;
use verifier::{Account, Origin, UserName, lookup};

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
}

impl Context {
    pub(crate) fn of(handle: &PamHandle) -> Self {
        let text = |item: Option<&CStr>| item.map(|text| text.to_string_lossy().into_owned());
        Self {
            service: text(item::<Service>(handle).map(|item| item.0)).unwrap_or_default(),
            rhost: text(item::<RHost>(handle).map(|item| item.0)),
            tty: text(item::<Tty>(handle).map(|item| item.0)),
            ruser: text(item::<RUser>(handle).map(|item| item.0)),
        }
    }

    /// Where `account` logs in from, as far as it is established. "No remote host" alone proves nothing: a
    /// web console may just not tell.
    pub(crate) fn origin(&self, account: &Account, settings: &Settings) -> Origin {
        match &self.rhost {
            Some(rhost) => Network::of_rhost(rhost).map_or(Origin::Stranger, Origin::Network),
            None if settings.login.local_services.contains(&self.service) => self.local(account),
            None => Origin::Stranger,
        }
    }

    fn local(&self, account: &Account) -> Origin {
        match getuid().as_raw() {
            0 if self.service == POLKIT => Origin::Others,
            // sudo and su -c have become root before they ask, and name who called them. login(1) and greeters
            // name nobody, not even where it is root who logs in.
            0 => match &self.ruser {
                None => Origin::Console,
                Some(name) => caller(name, account),
            },
            uid if uid == account.uid => Origin::Owner,
            _ => Origin::Others,
        }
    }
}

fn caller(name: &str, account: &Account) -> Origin {
    match UserName::new(name).ok().and_then(|name| lookup(&name).ok().flatten()) {
        Some(caller) if caller.uid == account.uid => Origin::Owner,
        Some(caller) if caller.uid == 0 => Origin::Console,
        // Another account, or one that cannot be looked up.
        _ => Origin::Others,
    }
}

fn item<'a, T: Item<'a>>(handle: &'a PamHandle) -> Option<T> {
    handle.get_item::<T>().ok().flatten()
}
