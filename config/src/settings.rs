//! Every setting, its type and its default.

use crate::Checker;
use crate::rules::Rule;
use crate::table::{self, Table, Wrong, boolean, text};
use crate::values::{self, bounded};
use otp::{Algorithm, Chance, Digits, Period, Policy, Throttle, Time};
use std::borrow::Cow;
use std::path::PathBuf;

/// The day of this release, in Unix time: a clock more than a day before it is wrong. Set with each release.
pub const RELEASED: Time = Time(1_795_564_800); // 2026-11-25

/// All settings.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The name that authenticator apps show; the host's name if it is not set.
    pub issuer: Option<String>,
    /// `[store]`
    pub store: StoreSettings,
    /// `[new_tokens]`
    pub new_tokens: NewTokens,
    /// `[accept]`
    pub accept: Accept,
    /// `[throttle]`
    pub throttle: ThrottleSettings,
    /// `[login]`
    pub login: Login,
    /// `[backup_codes]`
    pub backup_codes: BackupCodes,
    /// `[daemon]`
    pub daemon: DaemonSettings,
    /// `[[rule]]`, in order.
    pub rules: Vec<Rule>,
}

/// `[store]`: where enrollments and ledgers are.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// The store's folder.
    pub directory: PathBuf,
    /// The store's random id, as `FORMAT` has it: another store in its place is then refused.
    pub id: Option<String>,
}

/// `[new_tokens]`: what `totpctl enroll` makes.
#[derive(Clone, Copy, Debug)]
pub struct NewTokens {
    /// The hash.
    pub algorithm: Algorithm,
    /// The length of codes.
    pub digits: Digits,
    /// The time step.
    pub period: Period,
}

/// `[accept]`: which codes around the present one are accepted.
#[derive(Clone, Copy, Debug)]
pub struct Accept {
    /// Time steps before and after the present one.
    pub window: u8,
    /// Counters beyond the next one.
    pub look_ahead: u8,
    /// How far the clock of a token may be off, in time steps.
    pub drift: u8,
    /// Counters that two successive codes may lie beyond the next one.
    pub resync: u16,
}

/// `[throttle]`: how guessing is bounded.
#[derive(Clone, Copy, Debug)]
pub struct ThrottleSettings {
    /// Consecutive failures before the first delay.
    pub free_failures: u32,
    /// The first delay in seconds.
    pub first_delay: u64,
    /// The longest delay in seconds.
    pub longest_delay: u64,
    /// The chance of a right guess that one class of lanes may give away in a year.
    pub yearly_risk: Chance,
}

/// `[login]`: what happens at the prompt.
#[derive(Clone, Debug)]
pub struct Login {
    /// What happens to people who are not enrolled.
    pub unenrolled: Unenrolled,
    /// Until when `unenrolled = "skip"` and `nullok` hold; for ever if it is not set.
    pub skip_until: Option<Time>,
    /// Services that are local where no remote host is known.
    pub local_services: Vec<Cow<'static, str>>,
    /// The prompt.
    pub prompt: String,
    /// Whether the code is shown while it is typed.
    pub echo: bool,
    /// Whether whoever types a right code that was used before is told so, and whoever has few backup codes left.
    pub hints: bool,
    /// How long a failed login takes at least, in seconds (libpam varies it by half).
    pub fail_delay: u64,
}

/// What happens to people who are not enrolled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unenrolled {
    /// A code is asked for, and none is right.
    Require,
    /// No code is asked for (`nullok`).
    Skip,
}

/// `[backup_codes]`
#[derive(Clone, Copy, Debug)]
pub struct BackupCodes {
    /// How many codes a new set has; 0 makes none.
    pub count: u8,
}

/// `[daemon]`: whom to ask where the store may not be read.
#[derive(Clone, Debug)]
pub struct DaemonSettings {
    /// The socket at which enrolld answers.
    pub socket: PathBuf,
    /// Who may enroll by themselves, and change what they have enrolled.
    pub self_enroll: SelfEnroll,
    /// Programs without privilege that may ask about everybody.
    pub checkers: Vec<Checker>,
}

/// Who may enroll by themselves, and change what they have enrolled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SelfEnroll {
    /// With an invitation or, once enrolled, with a backup code or a bypass.
    Invited,
    /// The same, and who was never enrolled nor invited without any.
    Open,
    /// Nobody.
    Never,
}

impl Login {
    /// Whether nobody asks this service from far away where it names no remote host.
    #[must_use]
    pub fn is_local(&self, service: &str) -> bool {
        self.local_services.iter().any(|local| local == service)
    }
}

impl Settings {
    /// Reads the text of a settings file.
    pub(crate) fn read(text: &str) -> Result<Self, Wrong> {
        Self::read_numbered(text, |at| Wrong { at, message: String::new() }.place(text).0)
    }

    /// Reads a text; `line` is that of the file which begins so many bytes from its start.
    pub(crate) fn read_numbered(text: &str, line: impl Fn(usize) -> usize) -> Result<Self, Wrong> {
        let mut root = Table::parse(text)?;
        let mut settings = Self { issuer: root.take("issuer", owned)?, ..Self::default() };
        if let Some(table) = root.table("store")? {
            settings.store.read(table)?;
        }
        if let Some(table) = root.table("new_tokens")? {
            settings.new_tokens.read(table)?;
        }
        if let Some(table) = root.table("accept")? {
            settings.accept.read(table)?;
        }
        if let Some(table) = root.table("throttle")? {
            settings.throttle.read(table)?;
        }
        if let Some(table) = root.table("login")? {
            settings.login.read(table)?;
        }
        if let Some(mut table) = root.table("backup_codes")? {
            set(&mut settings.backup_codes.count, table.take("count", bounded(0, 100))?);
            table.finish()?;
        }
        if let Some(table) = root.table("daemon")? {
            settings.daemon.read(table)?;
        }
        for entry in root.tables("rule")? {
            let line = line(entry.at());
            settings.rules.push(Rule::read(entry, line)?);
        }
        root.finish()?;
        Ok(settings)
    }

    /// How codes are judged.
    #[must_use]
    pub fn policy(&self) -> Policy {
        Policy {
            window: self.accept.window,
            look_ahead: self.accept.look_ahead,
            drift: self.accept.drift,
            resync: self.accept.resync,
            throttle: Throttle {
                free_failures: self.throttle.free_failures,
                first_delay: self.throttle.first_delay,
                longest_delay: self.throttle.longest_delay.max(self.throttle.first_delay),
                yearly_risk: self.throttle.yearly_risk,
            },
            not_before: RELEASED,
        }
    }
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self { directory: PathBuf::from("/var/lib/pam_totp"), id: None }
    }
}

impl Default for NewTokens {
    fn default() -> Self {
        Self { algorithm: Algorithm::Sha1, digits: Digits::SIX, period: Period::THIRTY }
    }
}

impl Default for Accept {
    fn default() -> Self {
        let policy = Policy::default();
        Self {
            window: policy.window,
            look_ahead: policy.look_ahead,
            drift: policy.drift,
            resync: policy.resync,
        }
    }
}

impl Default for ThrottleSettings {
    fn default() -> Self {
        let Throttle { free_failures, first_delay, longest_delay, yearly_risk } = Throttle::default();
        Self { free_failures, first_delay, longest_delay, yearly_risk }
    }
}

/// Programs that ask at this machine and never for somebody far away. sshd and web consoles are not here:
/// they name a remote host, or hide one.
const LOCAL_SERVICES: [&str; 28] = [
    "login",
    "su",
    "su-l",
    "sudo",
    "sudo-i",
    "polkit-1",
    "doas",
    "chsh",
    "chfn",
    "gdm-password",
    "lightdm",
    "sddm",
    "kde",
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
    "gnome-screensaver",
    "cinnamon-screensaver",
    "mate-screensaver",
    "xfce4-screensaver",
    "light-locker",
];

impl Default for Login {
    fn default() -> Self {
        Self {
            unenrolled: Unenrolled::Require,
            skip_until: None,
            local_services: LOCAL_SERVICES.map(Cow::Borrowed).to_vec(),
            prompt: "Verification code: ".to_owned(),
            echo: false,
            hints: false,
            fail_delay: 2,
        }
    }
}

impl Default for BackupCodes {
    fn default() -> Self {
        Self { count: 10 }
    }
}

impl Default for DaemonSettings {
    fn default() -> Self {
        Self {
            socket: PathBuf::from("/run/enrolld/socket"),
            self_enroll: SelfEnroll::Invited,
            checkers: Vec::new(),
        }
    }
}

fn set<T>(setting: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *setting = value;
    }
}

fn owned(value: &toml::de::DeValue<'_>) -> Result<String, String> {
    text(value).map(str::to_owned)
}

fn self_enroll(value: &toml::de::DeValue<'_>) -> Result<SelfEnroll, String> {
    match text(value)? {
        "invited" => Ok(SelfEnroll::Invited),
        "open" => Ok(SelfEnroll::Open),
        "never" => Ok(SelfEnroll::Never),
        other => Err(format!("{other:?} is unknown, expected \"invited\", \"open\" or \"never\"")),
    }
}

impl StoreSettings {
    fn read(&mut self, mut table: Table<'_>) -> Result<(), Wrong> {
        set(&mut self.directory, table.take("directory", values::absolute)?);
        self.id = table.take("id", values::store_id)?;
        table.finish()
    }
}

impl NewTokens {
    fn read(&mut self, mut table: Table<'_>) -> Result<(), Wrong> {
        set(&mut self.algorithm, table.take("algorithm", values::algorithm)?);
        set(&mut self.digits, table.take("digits", values::digits)?);
        set(&mut self.period, table.take("period", values::period)?);
        table.finish()
    }
}

impl Accept {
    fn read(&mut self, mut table: Table<'_>) -> Result<(), Wrong> {
        set(&mut self.window, table.take("window", bounded(0, 10))?);
        set(&mut self.look_ahead, table.take("look_ahead", bounded(0, 100))?);
        set(&mut self.drift, table.take("drift", bounded(0, 20))?);
        set(&mut self.resync, table.take("resync", bounded(0, 1000))?);
        table.finish()
    }
}

impl DaemonSettings {
    fn read(&mut self, mut table: Table<'_>) -> Result<(), Wrong> {
        set(&mut self.socket, table.take("socket", values::socket)?);
        set(&mut self.self_enroll, table.take("self_enroll", self_enroll)?);
        for entry in table.tables("checkers")? {
            self.checkers.push(Checker::read(entry, &self.checkers)?);
        }
        table.finish()
    }
}

impl ThrottleSettings {
    fn read(&mut self, mut table: Table<'_>) -> Result<(), Wrong> {
        set(&mut self.free_failures, table.take("free_failures", bounded(1, 100))?);
        set(&mut self.first_delay, table.take("first_delay", values::seconds)?);
        set(&mut self.longest_delay, table.take("longest_delay", values::seconds)?);
        set(&mut self.yearly_risk, table.take("yearly_risk", values::risk)?);
        table.finish()
    }
}

impl Login {
    fn read(&mut self, mut table: Table<'_>) -> Result<(), Wrong> {
        let unenrolled = |value: &toml::de::DeValue<'_>| match text(value)? {
            "require" => Ok(Unenrolled::Require),
            "skip" => Ok(Unenrolled::Skip),
            other => Err(format!("{other:?} is unknown, expected \"require\" or \"skip\"")),
        };
        set(&mut self.unenrolled, table.take("unenrolled", unenrolled)?);
        self.skip_until = table.take("skip_until", values::instant)?;
        set(
            &mut self.local_services,
            table.take("local_services", |list| table::array(list, |name| owned(name).map(Cow::Owned)))?,
        );
        set(&mut self.prompt, table.take("prompt", values::prompt)?);
        set(&mut self.echo, table.take("echo", boolean)?);
        set(&mut self.hints, table.take("hints", boolean)?);
        set(&mut self.fail_delay, table.take("fail_delay", values::fail_delay)?);
        table.finish()
    }
}
