//! What the app calls the entry, and what it is known to make of it.

use crate::house::House;
use crate::people;
use otp::{Algorithm, Digits, Kind, Label, Period, Token, TokenName};
use verifier::Account;

/// What was asked for on the command line.
#[derive(Clone, Copy)]
pub(crate) struct Wish<'a> {
    pub(crate) issuer: Option<&'a str>,
    pub(crate) label: Option<&'a str>,
}

/// The label of a token, and what must be said of it. `further` is the name of any token but the first.
///
/// Apps silently overwrite an entry of the same issuer and account, so those differ by host and by token.
pub(crate) fn of(
    house: &House,
    wish: Wish<'_>,
    account: &Account,
    further: Option<&TokenName>,
) -> (Label, Option<String>) {
    let host = people::host_name();
    let issuer = wish.issuer.or(house.settings.issuer.as_deref()).unwrap_or(&host);
    let of_token = further.map_or(String::new(), |token| format!(" {token}"));
    let whose = wish.label.map_or_else(|| format!("{}@{host}{of_token}", account.name), str::to_owned);
    let label = Label::new(issuer, &whose);
    let said = label.differs(issuer, &whose).then(|| {
        format!(
            "apps split names at a colon, so it was replaced: {:?}, {:?}",
            label.issuer(),
            label.account()
        )
    });
    (label, said)
}

/// Which common apps are known to ignore a parameter, from reports against them.
pub(crate) fn ignored(token: &Token) -> Vec<String> {
    let period = match token.kind {
        Kind::Totp { period } if period != Period::THIRTY => Some(period.seconds()),
        _ => None,
    };
    let algorithm = (token.algorithm != Algorithm::Sha1).then(|| {
        let name = token.algorithm.uri_name().replace("SHA", "SHA-");
        format!("known to ignore {name}: Google Authenticator, Microsoft Authenticator")
    });
    let digits = (token.digits != Digits::SIX).then(|| {
        let count = token.digits.count();
        format!("known to ignore {count} digits: Microsoft Authenticator, older Google ones")
    });
    let period = period
        .map(|seconds| format!("known to ignore {seconds} s: Google Authenticator, Microsoft Authenticator"));
    let known: Vec<_> = [algorithm, digits, period].into_iter().flatten().collect();
    let advice =
        (!known.is_empty()).then(|| "FreeOTP is known to heed them; the defaults suit every app".into());
    known.into_iter().chain(advice).collect()
}
