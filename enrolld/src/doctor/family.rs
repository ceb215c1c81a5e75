//! Services that are one door under several names, or doors of one kind.

use crate::doctor::finding::{self, Finding};
use std::collections::BTreeSet;

/// The same door: who passes one has what the other gives.
const SIBLINGS: [[&str; 2]; 3] = [["su", "su-l"], ["sudo", "sudo-i"], ["doas", "sudo"]];

/// Doors of one kind.
const COUSINS: [&[&str]; 4] = [
    &["sshd", "cockpit"],
    &["login", "remote"],
    &["gdm-password", "gdm-fingerprint", "gdm-smartcard", "lightdm", "sddm"],
    &[
        "xscreensaver",
        "i3lock",
        "swaylock",
        "hyprlock",
        "waylock",
        "gtklock",
        "xsecurelock",
        "xlock",
        "vlock",
        "physlock",
        "kde",
        "gnome-screensaver",
        "cinnamon-screensaver",
        "mate-screensaver",
        "xfce4-screensaver",
        "light-locker",
    ],
];

/// Names of a family that are there and ask for no code, where another asks for one.
pub(crate) fn findings(
    asking: &BTreeSet<String>,
    names: &BTreeSet<String>,
    wanted: Option<&str>,
) -> Vec<Finding> {
    let concerns = |family: &[&str]| wanted.is_none_or(|service| family.contains(&service));
    let families = SIBLINGS.iter().map(|family| (family.as_slice(), true));
    let families = families.chain(COUSINS.iter().map(|family| (*family, false)));
    let mut found = Vec::new();
    for (family, is_same_door) in families.filter(|(family, _)| concerns(family)) {
        let Some(asking_one) = family.iter().find(|name| asking.contains(**name)) else { continue };
        let lacking = family.iter().filter(|name| names.contains(**name) && !asking.contains(**name));
        for name in lacking {
            let kind = if is_same_door { &finding::SIBLING } else { &finding::COUSIN };
            let what = format!("{asking_one} asks for a code, and {name} does not");
            let fix = format!("give /etc/pam.d/{name} the same line as /etc/pam.d/{asking_one}");
            found.push(kind.finding(what, fix).of(name));
        }
    }
    found
}
