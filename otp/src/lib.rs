//! What a one-time code is, and whether this one is good.
//!
//! RFC 4226 (HOTP) and RFC 6238 (TOTP) tokens, the enrollment that holds them, the ledger of what was
//! spent, and [`judge`]: a pure function from enrollment, ledger, attempt, time and policy to a verdict
//! and the ledger that carries it. No clock, no file, no randomness but what is handed in.
#![forbid(unsafe_code)]

mod announcement;
mod attempt;
mod backup;
mod bypass;
pub mod calendar;
mod diagnose;
mod enrollment;
mod invitation;
mod judge;
mod lane;
mod ledger;
mod life;
mod network;
mod policy;
#[cfg(any(test, fuzzing))]
pub mod properties;
mod scratch;
mod secret;
mod tail;
mod throttle;
mod time;
mod token;
mod uri;
mod verdict;

pub use announcement::{Announced, Announcement, MAX_ANNOUNCEMENTS, Notice};
pub use attempt::{Attempt, Malformed, Typed};
pub use backup::{BackupCode, BackupSet};
pub use bypass::{Bypass, MAX_BYPASSES, Reason, Uses};
pub use diagnose::{Diagnosis, diagnose};
pub use enrollment::{Enrollment, EnrollmentError, MAX_TOKENS};
pub use invitation::Invitation;
pub use judge::{Split, judge, split, split_throttled, throttled};
pub use lane::{Lane, Origin};
pub use ledger::{Delay, Known, Ledger, MAX_NETWORKS, MAX_SPENT, TokenState};
pub use life::Life;
pub use network::{Network, NetworkKey, source_address};
pub use policy::{Policy, Throttle};
pub use scratch::ScratchSet;
pub use secret::{Secret, SecretError};
pub use tail::{Reading, Tail};
pub use throttle::{Bucket, Chance};
pub use time::Time;
pub use token::{Algorithm, Code, Digits, Kind, Period, Token, TokenName};
pub use uri::{Label, provisioning_uri};
pub use verdict::{Judgement, Method, Verdict};
