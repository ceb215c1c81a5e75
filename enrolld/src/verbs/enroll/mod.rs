//! `enroll`: a token is made, shown, confirmed by a code, and only then stored.

mod confirm;
mod plan;

use crate::card::{self, Card};
use crate::cli::Enroll;
use crate::failure::Failure;
use crate::house::House;
use crate::pictures::Pictures;
use crate::qr::Code;
use crate::sheet::{exposed, sheet};
use crate::terminal::{Terminal, missing};
use crate::{authority, journal, output, people};
use plan::Plan;
use serde::Serialize;
use verifier::{Account, Authority, BackupSheet, Enrolled, NewToken, Refusal};

/// What scripts rely on: exactly these keys.
#[derive(Serialize)]
struct Json<'a> {
    user: &'a str,
    token: &'a str,
    uri: &'a str,
    secret: &'a str,
    backup_codes: Vec<&'a str>,
}

pub(crate) fn run(house: &House, args: &Enroll) -> Result<(), Failure> {
    let account = account(house, args)?;
    if house.is_own && args.no_confirm {
        return Err(Failure::new("only root enrolls without a code of the new token"));
    }
    if house.is_own && args.hotp {
        return Err(Failure::new("only root enrolls a token that counts")
            .hint("without --hotp it is one that follows the clock, as apps make them"));
    }
    // From here on a signal waits for the next question, so that nothing is left half done.
    let terminal = Terminal::open()?;
    let plan = Plan::new(house, args, account)?;
    let asked = |why, hint| terminal.as_ref().ok_or_else(|| missing(why, hint));
    if plan.asks && !args.yes {
        let question = format!("Replace {}?", plan.belongings);
        if !asked("enroll --replace asks before it destroys", "--yes answers")?.confirm(&question)? {
            return Err(Failure::new("not confirmed, nothing was changed"));
        }
    }
    if !args.no_confirm {
        asked("enroll asks for a code", "--no-confirm stores without one")?;
    }
    let status = people::status(house, &plan.account)?;
    let (_, given) =
        authority::with(house, terminal.as_ref(), &plan.account.name, status.as_ref(), |authority| {
            rehearsed(house, &plan, authority)
        })?;
    let code = Code::new(&plan.uri).map_err(|error| card::failure(&error))?;
    let pictures = Pictures::write(args.png.as_deref(), args.svg.as_deref(), &code)?;
    plan.notes().iter().for_each(|note| output::note(note));
    let silent = args.json && args.no_confirm;
    if !silent {
        let shown = Card { token: &plan.token, uri: &plan.uri };
        card::show(shown, &code, args.qr, terminal.as_ref().filter(|_| args.json))?;
    }
    let set = match terminal.as_ref().filter(|_| !args.no_confirm) {
        Some(terminal) => confirm::confirmed(house, &plan, terminal, &given)?,
        None => house
            .verifier
            .enroll(&plan.account, &plan.new_token(None, given.authority()))
            .map_err(|refusal| Failure::refusal(&refusal, &plan.account.name))?,
    };
    // The daemon has its own line for what people do themselves.
    if !house.is_own {
        journal::changed("enroll", &plan.account, &plan.log());
    }
    pictures.keep();
    finish(&plan, args.json, set.sheet)
}

fn account(house: &House, args: &Enroll) -> Result<Account, Failure> {
    match args.user.as_deref() {
        Some(_) if args.no_account && house.is_own => {
            Err(Failure::new("only root enrolls somebody without an account"))
        }
        Some(user) if args.no_account => people::unaccounted(user),
        Some(user) if !house.is_own => people::to_enroll(user),
        user => authority::account(house, user),
    }
}

/// Whether the daemon would take this, before anything is shown: without a code of the new token it stores
/// nothing.
fn rehearsed(house: &House, plan: &Plan, authority: Authority<'_>) -> Result<(), Refusal> {
    if !house.is_own {
        return Ok(());
    }
    match house.verifier.enroll(&plan.account, &plan.new_token(None, authority)) {
        Ok(_) | Err(Refusal::NotConfirmed(_)) => Ok(()),
        Err(refusal) => Err(refusal),
    }
}

fn finish(plan: &Plan, json: bool, set: Option<BackupSheet>) -> Result<(), Failure> {
    let user = &plan.account.name;
    let done = if json { put_json(plan) } else { put_sheet(plan, set) };
    done.map_err(|failure| {
        failure
            .hint(format!("{user} is enrolled all the same"))
            .hint(format!("for a token that is shown: totpctl enroll --replace {user}"))
    })
}

fn put_sheet(plan: &Plan, set: Option<BackupSheet>) -> Result<(), Failure> {
    let user = &plan.account.name;
    let name = &plan.token.name;
    let done = match plan.how {
        Enrolled::Add => format!("{user} has a further token, {name}\n"),
        Enrolled::First | Enrolled::Replace => format!("{user} is enrolled\n"),
    };
    output::put(&done)?;
    set.map_or(Ok(()), |set| output::put(&format!("\n{}", *sheet(user, &set, &plan.backup))))
}

fn put_json(plan: &Plan) -> Result<(), Failure> {
    let codes = exposed(&plan.backup);
    output::put_json(&Json {
        user: &plan.account.name,
        token: plan.token.name.as_str(),
        uri: &plan.uri,
        secret: &plan.token.secret.to_base32(),
        backup_codes: codes.iter().map(|code| code.as_str()).collect(),
    })
}

impl Plan {
    /// What the log says of it.
    fn log(&self) -> String {
        let how = match self.how {
            Enrolled::First => "first",
            Enrolled::Replace => "replaced",
            Enrolled::Add => "added",
        };
        format!("token={} how={how} backup_codes={}", self.token.name, self.backup.len())
    }

    fn new_token<'a>(&'a self, confirm: Option<&'a otp::Typed>, authority: Authority<'a>) -> NewToken<'a> {
        let (from, how) = (self.from, self.how);
        NewToken { from, how, token: &self.token, confirm, authority, backup: &self.backup }
    }
}
