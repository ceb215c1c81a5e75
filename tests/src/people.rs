//! Enrolled people, by way of `totpctl` as scripts use it.

use serde::Deserialize;
use serde_json::Value;

use crate::codes::Phone;
use crate::lab::Lab;

/// Somebody with a token on the phone and a sheet of backup codes.
#[derive(Debug)]
pub struct Person {
    /// The account's name.
    pub name: String,
    /// The secret, in base32.
    pub secret: String,
    /// The app.
    pub phone: Phone,
    /// The sheet.
    pub backup_codes: Vec<String>,
}

/// What `totpctl enroll --no-confirm --json` prints.
#[derive(Deserialize)]
struct Enrolled {
    user: String,
    secret: String,
    backup_codes: Vec<String>,
}

impl Lab {
    /// Enrolls somebody with the default token.
    pub fn enroll(&self, user: &str) -> Person {
        self.enroll_with(user, &[])
    }

    /// Enrolls somebody whose codes stand for five minutes: for tests that take longer than a step.
    pub fn enroll_slow(&self, user: &str) -> Person {
        let person = self.enroll_with(user, &["--period", "300"]);
        Person { phone: person.phone.with_period(300), ..person }
    }

    /// Enrolls somebody with more arguments for `totpctl enroll`.
    pub fn enroll_with(&self, user: &str, arguments: &[&str]) -> Person {
        let all = ["enroll", user, "--no-confirm", "--json"].into_iter().chain(arguments.iter().copied());
        let printed = self.totpctl(all);
        let enrolled: Enrolled = serde_json::from_str(&printed).expect("the promised JSON");
        assert_eq!(enrolled.user, user);
        let secret = enrolled.secret.replace(' ', "");
        let phone = Phone::new(&secret);
        Person { name: enrolled.user, secret, phone, backup_codes: enrolled.backup_codes }
    }

    /// Issues a bypass with more arguments for `totpctl bypass`; its code, and the instant at which it expires.
    pub fn bypass(&self, user: &str, arguments: &[&str]) -> (String, String) {
        let all = ["bypass", user, "--reason", "phone lost", "--json"];
        let printed = self.totpctl(all.into_iter().chain(arguments.iter().copied()));
        let value: Value = serde_json::from_str(&printed).expect("the promised JSON");
        let text = |key: &str| value[key].as_str().expect("a text").to_owned();
        (text("bypass"), text("expires"))
    }

    /// What `totpctl status --json` says.
    pub fn status(&self, user: &str) -> Value {
        serde_json::from_str(&self.totpctl(["status", user, "--json"])).expect("the promised JSON")
    }
}
