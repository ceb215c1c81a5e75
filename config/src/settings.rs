//! Every setting, its type and its default.

use crate::values;
use otp::{Algorithm, Chance, Digits, Period, Policy, Throttle, Time};
use serde::{Deserialize, Deserializer, de::Error};
use std::path::PathBuf;

/// The day of this release, in Unix time: a clock more than a day before it is wrong. Set with each release.
pub const RELEASED: Time = Time(1_795_564_800); // 2026-11-25

/// All settings.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
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
}

/// `[store]`: where enrollments and ledgers are.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreSettings {
    /// The store's folder.
    #[serde(deserialize_with = "absolute")]
    pub directory: PathBuf,
    /// The store's random id, as `FORMAT` has it: another store in its place is then refused.
    #[serde(deserialize_with = "store_id")]
    pub id: Option<String>,
}

/// `[new_tokens]`: what `totpctl enroll` makes.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NewTokens {
    /// The hash.
    #[serde(deserialize_with = "values::algorithm")]
    pub algorithm: Algorithm,
    /// The length of codes.
    #[serde(deserialize_with = "values::digits")]
    pub digits: Digits,
    /// The time step.
    #[serde(deserialize_with = "values::period")]
    pub period: Period,
}

/// `[accept]`: which codes around the present one are accepted.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Accept {
    /// Time steps before and after the present one.
    #[serde(deserialize_with = "window")]
    pub window: u8,
    /// Counters beyond the next one.
    #[serde(deserialize_with = "look_ahead")]
    pub look_ahead: u8,
}

/// `[throttle]`: how guessing is bounded.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ThrottleSettings {
    /// Consecutive failures before the first delay.
    #[serde(deserialize_with = "free_failures")]
    pub free_failures: u32,
    /// The first delay in seconds.
    #[serde(deserialize_with = "values::seconds")]
    pub first_delay: u64,
    /// The longest delay in seconds.
    #[serde(deserialize_with = "values::seconds")]
    pub longest_delay: u64,
    /// The chance of a right guess that one class of lanes may give away in a year.
    #[serde(deserialize_with = "risk")]
    pub yearly_risk: Chance,
}

/// `[login]`: what happens at the prompt.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Login {
    /// What happens to people who are not enrolled.
    pub unenrolled: Unenrolled,
    /// Until when `unenrolled = "skip"` and `nullok` hold; for ever if it is not set.
    #[serde(deserialize_with = "values::instant")]
    pub skip_until: Option<Time>,
    /// Services that are local where no remote host is known.
    pub local_services: Vec<String>,
    /// The prompt.
    #[serde(deserialize_with = "prompt")]
    pub prompt: String,
    /// Whether the code is shown while it is typed.
    pub echo: bool,
    /// How long a failed login takes at least, in seconds (libpam varies it by half).
    #[serde(deserialize_with = "fail_delay")]
    pub fail_delay: u64,
}

/// What happens to people who are not enrolled.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unenrolled {
    /// A code is asked for, and none is right.
    Require,
    /// No code is asked for (`nullok`).
    Skip,
}

/// `[backup_codes]`
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BackupCodes {
    /// How many codes a new set has; 0 makes none.
    #[serde(deserialize_with = "count")]
    pub count: u8,
}

impl Settings {
    /// How codes are judged.
    #[must_use]
    pub fn policy(&self) -> Policy {
        Policy {
            window: self.accept.window,
            look_ahead: self.accept.look_ahead,
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
        Self { window: policy.window, look_ahead: policy.look_ahead }
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
            local_services: LOCAL_SERVICES.map(str::to_owned).to_vec(),
            prompt: "Verification code: ".to_owned(),
            echo: false,
            fail_delay: 2,
        }
    }
}

impl Default for BackupCodes {
    fn default() -> Self {
        Self { count: 10 }
    }
}

fn absolute<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
    let path = PathBuf::deserialize(from)?;
    let plain = |part| !matches!(part, std::path::Component::ParentDir);
    if path.is_absolute() && path.components().all(plain) {
        return Ok(path);
    }
    Err(D::Error::custom("expected an absolute path without \"..\""))
}

fn store_id<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let id = String::deserialize(from)?;
    if id.len() == 32 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return Ok(Some(id));
    }
    Err(D::Error::custom("expected the id in the store's FORMAT file: 32 hexadecimal digits in lower case"))
}

fn window<'de, D: Deserializer<'de>>(from: D) -> Result<u8, D::Error> {
    values::bounded(from, 0, 10).map(|number| u8::try_from(number).unwrap_or(1))
}

fn look_ahead<'de, D: Deserializer<'de>>(from: D) -> Result<u8, D::Error> {
    values::bounded(from, 0, 100).map(|number| u8::try_from(number).unwrap_or(10))
}

fn free_failures<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    values::bounded(from, 1, 100).map(|number| u32::try_from(number).unwrap_or(5))
}

fn count<'de, D: Deserializer<'de>>(from: D) -> Result<u8, D::Error> {
    values::bounded(from, 0, 100).map(|number| u8::try_from(number).unwrap_or(10))
}

fn fail_delay<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let seconds = values::seconds(from)?;
    if seconds <= 30 {
        return Ok(seconds);
    }
    Err(D::Error::custom(format!("{seconds} s is out of bounds, expected \"0s\" to \"30s\"")))
}

fn risk<'de, D: Deserializer<'de>>(from: D) -> Result<Chance, D::Error> {
    let number = f64::deserialize(from)?;
    if (0.000_01..=0.1).contains(&number) {
        return Ok(Chance::from_ratio((number * 1e12) as u64, 1_000_000_000_000));
    }
    Err(D::Error::custom(format!("{number} is out of bounds, expected 0.00001 to 0.1")))
}

/// A prompt goes through PAM messages of at most 512 bytes and onto terminals: printable text of one line.
fn prompt<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    if !text.is_empty() && text.len() <= 200 && !text.chars().any(char::is_control) {
        return Ok(text);
    }
    Err(D::Error::custom("expected a prompt of 1 to 200 bytes without control characters"))
}
