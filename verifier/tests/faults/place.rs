//! A store in a folder of its own, with alice enrolled in it at a fixed time.

use config::StoreSettings;
use otp::{
    Algorithm, BackupCode, Digits, Kind, Period, Policy, Secret, Time, Token, TokenName, Typed, Verdict,
};
use std::cell::Cell;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use verifier::{
    Account, Authority, Enrolled, FileStore, Id, Local, NewToken, Origin, Outcome, StoreError, Verifier,
};

/// Codes of K1 at [`NOW`] and at the steps after it.
pub(crate) const CODE: &str = "592691";
pub(crate) const NEXT: &str = "606107";
pub(crate) const LATER: [&str; 4] = ["923361", "339446", "410109", "078169"];
/// [`LATER`], in seconds after [`NOW`].
pub(crate) const LATER_AT: [u64; 4] = [60, 90, 120, 900];
pub(crate) const NOW: u64 = 1_800_000_000;

const K1: &str = "JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU";

thread_local! {
    /// Seconds after [`NOW`].
    pub(crate) static LATE: Cell<u64> = const { Cell::new(0) };
}

pub(crate) fn clock() -> Time {
    Time(NOW + LATE.get())
}

/// Never the same bytes twice, in a child of this process neither.
pub(crate) fn random(bytes: &mut [u8]) -> std::io::Result<()> {
    static DRAWN: AtomicU64 = AtomicU64::new(1);
    let drawn = DRAWN.fetch_add(1, Ordering::Relaxed) | u64::from(std::process::id()) << 32;
    let drawn = drawn.to_le_bytes();
    for (to, from) in bytes.iter_mut().zip(drawn.iter().cycle()) {
        *to = *from;
    }
    Ok(())
}

pub(crate) struct Place {
    _temporary: tempfile::TempDir,
    pub(crate) settings: StoreSettings,
}

impl Place {
    /// A store with nobody in it.
    pub(crate) fn empty() -> Self {
        LATE.set(0);
        let temporary = tempfile::tempdir().unwrap();
        let directory = temporary.path().canonicalize().unwrap().join("store");
        let settings = StoreSettings { directory, id: None };
        verifier::init(&settings, [7; 48]).unwrap();
        Self { _temporary: temporary, settings }
    }

    /// A store with alice in it, who has K1 and one backup code.
    pub(crate) fn enrolled() -> Self {
        let place = Self::empty();
        place.enroll(&alice(), None).unwrap();
        place
    }

    pub(crate) fn enroll(&self, account: &Account, from: Option<Id>) -> Result<(), verifier::Refusal> {
        self.enroll_token(account, from, &token())
    }

    pub(crate) fn enroll_token(
        &self,
        account: &Account,
        from: Option<Id>,
        token: &Token,
    ) -> Result<(), verifier::Refusal> {
        let how = if from.is_some() { Enrolled::Replace } else { Enrolled::First };
        let backup = [backup_code()];
        let new = NewToken { from, how, token, confirm: None, authority: Authority::Root, backup: &backup };
        self.verifier().enroll(account, &new).map(|_| ())
    }

    pub(crate) fn verifier(&self) -> Local<FileStore> {
        Local::new(FileStore::open(&self.settings).unwrap(), Policy::default(), clock, random)
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.settings.directory.clone()
    }

    pub(crate) fn users(&self) -> PathBuf {
        self.root().join("users")
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.users().join("1000")
    }

    pub(crate) fn enrollment(&self) -> PathBuf {
        self.folder().join("enrollment.toml")
    }

    pub(crate) fn id(&self) -> Id {
        self.verifier().status(&alice()).unwrap().unwrap().id
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.folder().join(format!("ledger.{}", self.id()))
    }

    /// The names in alice's folder, in order.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder()).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub(crate) fn check(&self, typed: &str) -> Outcome {
        self.verifier().check(&alice(), &Typed::parse(typed.as_bytes()), Origin::Console)
    }

    pub(crate) fn accepts(&self, typed: &str) -> bool {
        matches!(self.check(typed), Outcome::Judged(Verdict::Accepted { .. }))
    }

    /// Alice's login is refused with this reason, and she is nowhere "not enrolled".
    pub(crate) fn assert_refuses(&self, reason: &str) {
        let verifier = match FileStore::open(&self.settings) {
            Ok(store) => Local::new(store, Policy::default(), clock, random),
            Err(error) => return assert_reason(&error, reason),
        };
        match verifier.check(&alice(), &Typed::parse(CODE.as_bytes()), Origin::Console) {
            Outcome::Unavailable(error) => assert_reason(&error, reason),
            other => panic!("{reason}: {other:?}"),
        }
    }

    /// What asks whether alice is enrolled at all gets an error too.
    pub(crate) fn assert_standing_refuses(&self, reason: &str) {
        match FileStore::open(&self.settings) {
            Ok(store) => {
                let verifier = Local::new(store, Policy::default(), clock, random);
                assert_reason(&verifier.standing(&alice()).unwrap_err(), reason);
            }
            Err(error) => assert_reason(&error, reason),
        }
    }
}

fn assert_reason(error: &StoreError, reason: &str) {
    let text = error.to_string();
    assert!(text.contains(reason), "{text:?} does not say {reason:?}");
}

pub(crate) fn alice() -> Account {
    Account::local("alice", 1000)
}

pub(crate) fn backup_code() -> BackupCode {
    BackupCode::from_random([10; 12]).unwrap()
}

pub(crate) fn token() -> Token {
    Token {
        name: TokenName::new("phone").unwrap(),
        kind: Kind::Totp { period: Period::THIRTY },
        algorithm: Algorithm::Sha1,
        digits: Digits::SIX,
        secret: Secret::from_base32(K1).unwrap(),
    }
}

pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}
