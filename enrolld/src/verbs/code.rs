//! `code`: what the phone shows now, to test a login without one.

use crate::failure::Failure;
use crate::house::House;
use crate::report::columns;
use crate::{clock, output, people};
use otp::{Kind, Time, Token, TokenName};
use std::ffi::OsStr;

pub(crate) fn run(house: &House, user: &OsStr, only: Option<&TokenName>) -> Result<(), Failure> {
    let account = people::person(house, user)?;
    people::enrolled(house, &account)?;
    let tokens = house.verifier.tokens(&account).map_err(|error| Failure::store(&error, &account.name))?;
    let now = clock::now();
    let chosen = tokens.iter().filter(|(token, _)| only.is_none_or(|name| token.name == *name));
    let rows: Vec<_> = chosen.map(|(token, next)| row(token, *next, now)).collect();
    if rows.is_empty() {
        let names: Vec<_> = tokens.iter().map(|(token, _)| token.name.as_str()).collect();
        return Err(Failure::new(format!("{} has no token of that name", account.name))
            .hint(format!("there is: {}", names.join(", "))));
    }
    output::put(&columns(rows.into_iter()))
}

fn row(token: &Token, next: u64, now: Time) -> [String; 4] {
    let (factor, left) = match token.kind {
        Kind::Totp { period } => {
            let left = period.seconds() - now.0 % period.seconds();
            (now.0 / period.seconds(), format!("{left} s left"))
        }
        Kind::Hotp => (next, format!("counter {next}")),
    };
    let spent = match token.kind {
        Kind::Hotp if next == u64::MAX => "no counter is left",
        _ if factor < next => "used already",
        _ => "",
    };
    [token.code(factor).expose().to_owned(), left, token.name.to_string(), spent.to_owned()]
}
