//! `doctor --before FILE`: what our line would reach in a file of pam.d, and what each of those programs can
//! do with it.

use crate::doctor::stack::{Facility, Services};
use serde::Serialize;

/// What a program does with the stack's questions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Class {
    /// It asks whatever it is told to ask.
    SeveralPrompts,
    /// It has one field, and answers every prompt with what was typed there.
    SingleAnswer,
    /// It never authenticates, or asks nobody.
    NoConversation,
    /// It lets in without asking PAM for an authentication.
    NotReached,
    /// Nobody has told us.
    Unknown,
}

/// A service that a line would reach.
#[derive(Debug, Serialize)]
pub(crate) struct Reached {
    pub(crate) service: String,
    pub(crate) class: Class,
    pub(crate) asks_already: bool,
    pub(crate) advice: &'static str,
}

const SEVERAL: [&str; 24] = [
    "sshd",
    "login",
    "remote",
    "su",
    "su-l",
    "sudo",
    "sudo-i",
    "doas",
    "polkit-1",
    "cockpit",
    "gdm-password",
    "lightdm",
    "sddm",
    "lxdm",
    "greetd",
    "chfn",
    "chsh",
    "passwd",
    "xscreensaver",
    "gnome-screensaver",
    "kde",
    "xsecurelock",
    "vlock",
    "ppp",
];

const SINGLE: [&str; 26] = [
    "i3lock",
    "swaylock",
    "hyprlock",
    "waylock",
    "gtklock",
    "physlock",
    "xlock",
    "mate-screensaver",
    "cinnamon-screensaver",
    "vsftpd",
    "proftpd",
    "ftp",
    "xrdp-sesman",
    "dovecot",
    "imap",
    "pop3",
    "smtp",
    "exim4",
    "openvpn",
    "ocserv",
    "cups",
    "samba",
    "apache2",
    "httpd",
    "squid",
    "vmtoolsd",
];

/// cron(8), atd(8) and systemd open sessions and set credentials; runuser(1) and these tools are root's.
const WITHOUT: [&str; 10] = [
    "cron",
    "crond",
    "atd",
    "systemd-user",
    "runuser",
    "runuser-l",
    "chpasswd",
    "newusers",
    "useradd",
    "usermod",
];

const AUTOMATIC: [&str; 6] = [
    "gdm-autologin",
    "lightdm-autologin",
    "sddm-autologin",
    "gdm-launch-environment",
    "lightdm-greeter",
    "sddm-greeter",
];

/// What to do where a stack has our line already.
const TWICE: &str = "two lines ask twice, and the second time the code is already used: keep one of them";

impl Class {
    pub(crate) fn of(service: &str) -> Self {
        let lists: [(&[&str], Self); 4] = [
            (&SEVERAL, Self::SeveralPrompts),
            (&SINGLE, Self::SingleAnswer),
            (&WITHOUT, Self::NoConversation),
            (&AUTOMATIC, Self::NotReached),
        ];
        let found = lists.into_iter().find(|(names, _)| names.contains(&service));
        found.map_or(Self::Unknown, |(_, class)| class)
    }

    fn words(self) -> &'static str {
        match self {
            Self::SeveralPrompts => "several prompts",
            Self::SingleAnswer => "a single answer",
            Self::NoConversation => "no conversation",
            Self::NotReached => "not reached",
            Self::Unknown => "not known",
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::SeveralPrompts => "auth required pam_totp.so, after the line that asks for the password",
            Self::SingleAnswer => {
                "its one field takes password and code together: auth required pam_totp.so forward_pass \
                 before the password's line, and that with use_first_pass"
            }
            Self::NoConversation => "no code is ever asked for; the line does no harm",
            Self::NotReached => "lets in without asking: turn the automatic login off, or leave it",
            Self::Unknown => "try it, with a root shell open: totpctl rehearse SERVICE USER",
        }
    }
}

/// The services that a line in `name` would reach. Those without a file are reached through `other`.
pub(crate) fn reached(services: &Services, name: &str) -> Option<Vec<Reached>> {
    let file = services.shown(&services.file(name)?);
    let all = services.names();
    let names = all.iter().filter(|name| crate::doctor::is_service(name) && !services.is_a_part(name, &all));
    let reached = names.filter(|service| services.files(service, Facility::Auth).contains(&file));
    let described = reached.map(|service| {
        let class = Class::of(service);
        let stack = services.stack(service, Facility::Auth);
        let asks_already = stack.lines.iter().any(crate::doctor::stack::Line::is_ours);
        let advice = if asks_already { TWICE } else { class.advice() };
        Reached { service: service.clone(), class, asks_already, advice }
    });
    Some(described.collect())
}

/// For a person.
pub(crate) fn page(name: &str, reached: &[Reached]) -> String {
    let mut text = format!("a line in {name} reaches:\n");
    for one in reached {
        let already = if one.asks_already { ", asks for a code already" } else { "" };
        text += &format!("  {}: {}{already}\n      {}\n", one.service, one.class.words(), one.advice);
    }
    if reached.is_empty() {
        text += "  nothing\n";
    }
    text
}
