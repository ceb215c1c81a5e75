//! The people, keys and instants that these tests share.
// Each test file is a crate of its own and takes only what it needs.
#![allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing)]

use otp::{
    Algorithm, Attempt, Code, Digits, Enrollment, Judgement, Kind, Ledger, Network, NetworkKey, Origin,
    Period, Policy, Secret, Time, Token, TokenName, Typed, judge,
};

/// The invented keys of the project's shared cases: 160, 128 and 80 bits.
pub(crate) const K1: &str = "JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU";
pub(crate) const K2: &str = "ONUG64TUEB2GK43UEBZWKY3SMU";
pub(crate) const K3: &str = "MFRGGZDFMZTWQ2LK";
/// The instant of the shared cases: step 60000000 of 30 seconds.
pub(crate) const NOW: Time = Time(1_800_000_000);

pub(crate) fn totp(period: u64) -> Kind {
    Kind::Totp { period: Period::new(period).unwrap() }
}

pub(crate) fn named(name: &str, kind: Kind, digits: u8, secret: Secret) -> Token {
    Token {
        name: TokenName::new(name).unwrap(),
        kind,
        algorithm: Algorithm::Sha1,
        digits: Digits::new(digits).unwrap(),
        secret,
    }
}

/// What every app makes: 30 seconds, SHA-1, six digits.
pub(crate) fn phone(key: &str) -> Token {
    named("phone", totp(30), 6, Secret::from_base32(key).unwrap())
}

/// A 160-bit key that differs for each number.
pub(crate) fn numbered_secret(number: u64) -> Secret {
    let mut bytes = [0x5a; 20];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    Secret::new(&bytes).unwrap()
}

pub(crate) fn enrolled(tokens: Vec<Token>) -> (Enrollment, Ledger) {
    let enrollment = Enrollment::new(tokens, None).unwrap();
    let ledger = Ledger::new(&enrollment);
    (enrollment, ledger)
}

pub(crate) fn network(rhost: &str) -> NetworkKey {
    Network::of_rhost(rhost).unwrap().key(&[7; 32])
}

pub(crate) fn typed_from(origin: Origin, text: &str) -> Attempt {
    Attempt { typed: Typed::parse(text.as_bytes()), origin }
}

pub(crate) fn typed(text: &str) -> Attempt {
    typed_from(Origin::Stranger, text)
}

/// Two successive codes as one reply.
pub(crate) fn pair_of(token: &Token, factor: u64) -> String {
    format!("{} {}", token.code(factor).expose(), token.code(factor + 1).expose())
}

/// A code of `digits` digits that `accepts` refuses: for guesses that have to be wrong.
pub(crate) fn code_unlike(digits: u8, accepts: impl Fn(&str) -> bool) -> Code {
    let width = usize::from(digits);
    let wrong = (0..1000).map(|number| format!("{number:0width$}")).find(|text| !accepts(text));
    Code::new(wrong.unwrap().as_bytes()).unwrap()
}

/// Judges and keeps what has to be recorded, as the store does.
pub(crate) fn judged(
    enrollment: &Enrollment,
    ledger: &mut Ledger,
    attempt: &Attempt,
    now: Time,
    policy: &Policy,
) -> otp::Verdict {
    let Judgement { verdict, next } = judge(enrollment, ledger, attempt, now, policy);
    if let Some(next) = next {
        *ledger = next;
    }
    verdict
}
