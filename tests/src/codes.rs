//! What the phone shows: codes from oathtool, which shares no line with the product.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::lab::run;

/// An authenticator app that holds one entry.
#[derive(Clone, Debug)]
pub struct Phone {
    secret: String,
    /// The Unix time at which the app got the entry.
    since: u64,
    /// The seconds that a code stands.
    pub period: u64,
    digits: u32,
    algorithm: &'static str,
}

impl Phone {
    /// Six digits, 30 seconds, SHA-1.
    pub fn new(secret: &str) -> Self {
        Self { secret: secret.to_owned(), since: now(), period: 30, digits: 6, algorithm: "sha1" }
    }

    /// The same entry with another period, in seconds.
    #[must_use]
    pub fn with_period(mut self, seconds: u64) -> Self {
        self.period = seconds;
        self
    }

    /// The same entry with codes of another length.
    #[must_use]
    pub fn with_digits(mut self, digits: u32) -> Self {
        self.digits = digits;
        self
    }

    /// The same entry with another hash, as oathtool names it.
    #[must_use]
    pub fn with_algorithm(mut self, algorithm: &'static str) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// The code that stands at a Unix time.
    pub fn at(&self, unix: u64) -> String {
        self.series(unix, 1).remove(0)
    }

    /// The code of the step in which this app got its entry, or of as many steps later (or earlier): always
    /// the same text, however long a test takes. Steps 0 and 1 are acceptable for at least one period from
    /// then on, so a test that needs two codes takes these, in this order, and never sleeps.
    pub fn code(&self, steps: i64) -> String {
        self.at(self.since.checked_add_signed(steps * self.period.cast_signed()).expect("a time after 1970"))
    }

    /// A code that this phone does not show for more than a day around now: none that speaks of a clock.
    pub fn wrong(&self) -> String {
        let steps = u32::try_from(90_000 / self.period).expect("a period is a second or more");
        let near = self.series(self.since - 90_000, 2 * steps);
        let mut all = (0..1_000_000).map(|number| format!("{number:06}"));
        all.find(|code| !near.contains(code)).expect("few of a million are taken")
    }

    /// `count` codes of successive steps, the first that of a Unix time.
    pub fn series(&self, unix: u64, count: u32) -> Vec<String> {
        let output = run(Command::new("oathtool")
            .args([format!("--totp={}", self.algorithm), format!("--digits={}", self.digits)])
            .args([format!("--time-step-size={}s", self.period), format!("--now=@{unix}")])
            .args([format!("--window={}", count - 1), "--base32".to_owned(), self.secret.clone()]));
        String::from_utf8(output.stdout).expect("digits").lines().map(str::to_owned).collect()
    }
}

/// A key fob with a button, or an app's entry that counts (HOTP).
#[derive(Clone, Debug)]
pub struct Fob {
    secret: String,
}

impl Fob {
    /// Six digits, SHA-1.
    pub fn new(secret: &str) -> Self {
        Self { secret: secret.to_owned() }
    }

    /// The code of a counter.
    pub fn code(&self, counter: u64) -> String {
        let output = run(Command::new("oathtool").args(["--hotp", "--base32"]).args([
            "--counter".to_owned(),
            counter.to_string(),
            self.secret.clone(),
        ]));
        String::from_utf8(output.stdout).expect("digits").trim().to_owned()
    }

    /// The codes of a counter and the next in one answer.
    pub fn pair(&self, counter: u64) -> String {
        format!("{} {}", self.code(counter), self.code(counter + 1))
    }
}

/// The Unix time, in seconds.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs()
}
