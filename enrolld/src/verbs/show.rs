//! `show`: the QR code, the secret and the URI of a token that is enrolled already.

use crate::card::{self, Card};
use crate::cli::Show;
use crate::failure::Failure;
use crate::house::House;
use crate::pictures::Pictures;
use crate::qr::Code;
use crate::terminal::{Terminal, missing};
use crate::{journal, label, output, people};
use otp::{Kind, Token};
use serde::Serialize;
use verifier::{Account, short_key};

/// What scripts rely on: exactly these keys.
#[derive(Serialize)]
struct Json<'a> {
    user: &'a str,
    token: &'a str,
    uri: &'a str,
    secret: &'a str,
}

pub(crate) fn run(house: &House, args: &Show) -> Result<(), Failure> {
    let account = people::person(house, &args.user)?;
    let status = people::enrolled(house, &account)?;
    // What a former owner of the uid has is not to be handed to the present one.
    people::vet(&status, &account).map_err(|error| Failure::store(&error, &account.name))?;
    let tokens = house.verifier.tokens(&account).map_err(|error| Failure::store(&error, &account.name))?;
    let (place, (token, next)) = chosen(args, &account, &tokens)?;
    if token.kind == Kind::Hotp && *next == u64::MAX {
        return Err(Failure::new(format!("which counters of token {} were used is lost", token.name))
            .hint(format!("enroll it anew: totpctl enroll --replace --hotp {}", account.name)));
    }
    let wish = label::Wish { issuer: args.issuer.as_deref(), label: args.label.as_deref() };
    let (label, said) = label::of(house, wish, &account, (place > 0).then_some(&token.name));
    let uri = otp::provisioning_uri(token, &label, *next);
    let code = Code::new(&uri).map_err(|error| card::failure(&error))?;
    confirmed(args, &account, token)?;
    // Before it is seen: what comes after may be cut short.
    journal::changed("show", &account, &format!("token={}", token.name));
    let pictures = Pictures::write(args.png.as_deref(), args.svg.as_deref(), &code)?;
    label::ignored(token)
        .into_iter()
        .chain(said)
        .chain(short_key(token))
        .for_each(|note| output::note(&note));
    if args.json {
        put_json(&account, token, &uri)?;
    } else {
        card::show(Card { token, uri: &uri }, &code, args.qr, None)?;
    }
    pictures.keep();
    Ok(())
}

/// The token that was named, or the only one.
fn chosen<'a>(
    args: &Show,
    account: &Account,
    tokens: &'a [(Token, u64)],
) -> Result<(usize, &'a (Token, u64)), Failure> {
    let names: Vec<_> = tokens.iter().map(|(token, _)| token.name.as_str()).collect();
    let is_asked = |token: &Token| args.token.as_ref().is_none_or(|name| token.name == *name);
    let mut asked = tokens.iter().enumerate().filter(|(_, (token, _))| is_asked(token));
    match (asked.next(), asked.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(Failure::new(format!("{} has no token of that name", account.name))
            .hint(format!("there is: {}", names.join(", ")))),
        (Some(_), Some(_)) => Err(Failure::new(format!("{} has {} tokens", account.name, names.len()))
            .hint(format!("say which by --token: {}", names.join(", ")))),
    }
}

fn confirmed(args: &Show, account: &Account, token: &Token) -> Result<(), Failure> {
    if args.yes {
        return Ok(());
    }
    let terminal = Terminal::open()?;
    let terminal = terminal.ok_or_else(|| missing("show asks before it shows a secret", "--yes answers"))?;
    let question = format!("Show the secret of {}'s token {} on this screen?", account.name, token.name);
    if terminal.confirm(&question)? { Ok(()) } else { Err(Failure::new("not confirmed, nothing is shown")) }
}

fn put_json(account: &Account, token: &Token, uri: &str) -> Result<(), Failure> {
    let secret = token.secret.to_base32();
    output::put_json(&Json { user: &account.name, token: token.name.as_str(), uri, secret: &secret })
}
