//! What modules can answer, as far as it matters to who gets in.

use crate::doctor::control::Answer;
use crate::doctor::stack::Line;

/// What a module's answer hangs on, when somebody authenticates.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Nature {
    /// It is ours.
    Ours,
    /// The password.
    Password,
    /// Nothing: it always says this.
    Says(Answer),
    /// Something that an administrator names in its arguments: an account, a group, a kind of account.
    Names,
    /// Something else.
    Unknown,
}

const PASSWORD: [&str; 16] = [
    "pam_unix",
    "pam_sss",
    "pam_ldap",
    "pam_krb5",
    "pam_winbind",
    "pam_tcb",
    "pam_userdb",
    "pam_systemd_home",
    "pam_mysql",
    "pam_pgsql",
    "pam_radius_auth",
    "pam_tacplus",
    "pam_kanidm",
    "pam_himmelblau",
    "pam_authd",
    "pam_lsass",
];

/// Modules that set something up, and say nothing about who somebody is. `pam_rootok` says nothing of
/// anybody but root, `pam_selinux_permit` nothing of anybody who has a password.
const SILENT: [&str; 21] = [
    "pam_env",
    "pam_faildelay",
    "pam_cap",
    "pam_group",
    "pam_mail",
    "pam_motd",
    "pam_echo",
    "pam_warn",
    "pam_issue",
    "pam_nologin",
    "pam_keyinit",
    "pam_selinux",
    "pam_sepermit",
    "pam_selinux_permit",
    "pam_gnome_keyring",
    "pam_kwallet",
    "pam_kwallet5",
    "pam_ecryptfs",
    "pam_mount",
    "pam_xauth",
    "pam_systemd_loadkey",
];

const NAMES: [&str; 8] = [
    "pam_succeed_if",
    "pam_listfile",
    "pam_access",
    "pam_usertype",
    "pam_localuser",
    "pam_time",
    "pam_wheel",
    "pam_rhosts",
];

/// What a line's module answers to pam_sm_authenticate.
pub(crate) fn nature(line: &Line) -> Nature {
    let has = |word: &str| line.arguments().iter().any(|argument| argument == word);
    let says = |answer| Nature::Says(answer);
    match line.module() {
        _ if line.is_ours() => Nature::Ours,
        "pam_permit" | "pam_securetty" | "pam_shells" | "pam_tally2" | "pam_tally" => says(Answer::SUCCESS),
        // pam_faillock(8): a failure that it counts it answers with one to be ignored.
        "pam_faillock" if has("authfail") => says(Answer::IGNORE),
        "pam_faillock" => says(Answer::SUCCESS),
        "pam_deny" => says(Answer::AUTH_ERR),
        "pam_rootok" => says(Answer::AUTH_ERR),
        "pam_wheel" if !has("trust") => says(Answer::IGNORE),
        name if PASSWORD.contains(&name) => Nature::Password,
        name if SILENT.contains(&name) => says(Answer::IGNORE),
        name if NAMES.contains(&name) => Nature::Names,
        _ => Nature::Unknown,
    }
}

/// What a line's module answers to pam_sm_acct_mgmt for an account that is in order.
pub(crate) fn account_answer(line: &Line) -> Answer {
    match line.module() {
        _ if line.is_ours() => Answer::IGNORE,
        "pam_deny" => Answer::AUTH_ERR,
        _ => Answer::SUCCESS,
    }
}
