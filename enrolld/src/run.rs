//! From arguments to an exit status: 0 done, 1 refused or failed, 2 wrong usage.

use crate::cli::{Cli, Verb};
use crate::failure::Failure;
use crate::house::{self, House};
use crate::{output, verbs};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ColorChoice, CommandFactory, FromArgMatches};
use nix::sys::prctl::set_dumpable;
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{geteuid, getuid};
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

const FAILED: u8 = 1;
const USAGE: u8 = 2;

/// Runs `totpctl` with these arguments, the program's name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    // A core file would keep a secret. Where the limit cannot be set there is none to lower; and core(5) does
    // not keep to it where cores are piped to a program, but to this, which also keeps ptrace(2) of other
    // programs of the same user out.
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    let _ = set_dumpable(false);
    if getuid() != geteuid() {
        // Made so that people enroll by themselves, perhaps: it would show them everybody's key.
        complain(
            "totpctl: installed set-uid, which it must not be\nhint: chmod u-s; people ask enrolld(8) instead",
        );
        return ExitCode::from(FAILED);
    }
    let command = Cli::command().color(ColorChoice::Never);
    let parsed = command.try_get_matches_from(arguments).and_then(|found| Cli::from_arg_matches(&found));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    match dispatch(&cli) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FAILED),
        Err(failure) => {
            output::complain(&failure);
            ExitCode::from(FAILED)
        }
    }
}

/// Whether all is well: verbs that look for trouble have said what is not.
fn dispatch(cli: &Cli) -> Result<bool, Failure> {
    match &cli.verb {
        Verb::Doctor(args) => verbs::doctor::run(cli.config.as_deref(), args),
        Verb::Rehearse { service, user } => verbs::rehearse::run(cli.config.as_deref(), service, user),
        _ => change_or_show(cli).map(|()| true),
    }
}

fn change_or_show(cli: &Cli) -> Result<(), Failure> {
    let house = || House::open(cli.config.as_deref());
    let house_or_daemon = || House::open_or_ask(cli.config.as_deref());
    match &cli.verb {
        Verb::Init => verbs::init::run(&house::settings(cli.config.as_deref())?),
        Verb::Enroll(args) => verbs::enroll::run(&house_or_daemon()?, args),
        Verb::Status(args) => verbs::status::run(&house_or_daemon()?, args.user.as_deref(), args.json),
        Verb::List(args) => verbs::list::run(&house()?, args),
        Verb::Verify { user } => verbs::verify::run(&house_or_daemon()?, user.as_deref()),
        Verb::Code { user, token } => verbs::code::run(&house()?, user, token.as_ref()),
        Verb::Show(args) => verbs::show::run(&house()?, args),
        Verb::RemoveToken { user, token, yes } => {
            verbs::remove_token::run(&house_or_daemon()?, user.as_deref(), token, *yes)
        }
        Verb::RenameToken { user, token, to } => verbs::rename_token::run(&house()?, user, token, to),
        Verb::BackupCodes(args) => verbs::backup_codes::run(&house_or_daemon()?, args),
        Verb::Invite(args) => verbs::invite::run(&house()?, args),
        Verb::Bypass(args) => verbs::bypass::issue(&house()?, args),
        Verb::RevokeBypass { user } => verbs::bypass::revoke(&house()?, user),
        Verb::Revoke { user, no_account, yes } => verbs::revoke::run(&house()?, user, *no_account, *yes),
        Verb::Unlock { user, clock } => verbs::unlock::run(&house()?, user, *clock),
        Verb::Forget { user } => verbs::forget::run(house, user),
        Verb::Restored { user, skip, yes, .. } => {
            verbs::restored::run(&house()?, user.as_deref(), *skip, *yes)
        }
        Verb::Prune { dry_run, yes } => verbs::prune::run(&house()?, *dry_run, *yes),
        Verb::Suspend { user, reason } => verbs::suspend::begin(&house()?, user, reason),
        Verb::Resume { user } => verbs::suspend::end(&house()?, user),
        Verb::Pause(args) => verbs::pause::run(args),
        Verb::Adopt { user } => verbs::adopt::run(&house()?, user),
        Verb::Import(source) => verbs::import::run(&house()?, source),
        Verb::Export { user, yes } => verbs::export::run(&house()?, user, *yes),
        // Those answer by themselves.
        Verb::Doctor(_) | Verb::Rehearse { .. } => Ok(()),
        Verb::Explain(args) => {
            let config = cli.config.as_deref();
            verbs::explain::run(&house::settings(config)?, config, args)
        }
        Verb::UpgradeStore => verbs::upgrade_store::run(&house::settings(cli.config.as_deref())?),
        Verb::Completions { shell } => verbs::completions::run(*shell),
    }
}

fn usage(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => match output::put(&error.to_string()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                output::complain(&failure);
                ExitCode::from(FAILED)
            }
        },
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            complain(error.to_string().trim_end());
            ExitCode::from(USAGE)
        }
        _ => {
            complain(&usage_text(error));
            ExitCode::from(USAGE)
        }
    }
}

/// clap's message in our form: one line that says what is wrong, hints under it.
fn usage_text(error: &clap::Error) -> String {
    let unexpected = match (error.kind(), error.get(ContextKind::InvalidArg)) {
        (ErrorKind::UnknownArgument, Some(ContextValue::String(found))) => Some(found),
        _ => None,
    };
    if unexpected.is_some_and(|found| !found.starts_with('-')) {
        // It may be a code, which must not be repeated anywhere.
        return "totpctl: one argument too many\nhint: codes are asked for, never given as an argument"
            .to_owned();
    }
    if error.kind() == ErrorKind::MissingSubcommand {
        return "totpctl: a verb is needed\nhint: totpctl --help".to_owned();
    }
    let rendered = error.to_string().replace("subcommand", "verb");
    let mut what = Vec::new();
    let mut hints = Vec::new();
    for line in rendered.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.split_once(": ") {
            Some(("tip", tip)) => hints.push(format!("hint: {tip}")),
            Some(("Usage", usage)) => hints.push(format!("hint: usage: {usage}")),
            _ if line.starts_with("For more information") => {}
            _ => what.push(line.strip_prefix("error: ").unwrap_or(line)),
        }
    }
    let mut text = format!("totpctl: {}", what.join(" "));
    for hint in hints {
        text.push('\n');
        text.push_str(&hint);
    }
    text
}

fn complain(text: &str) {
    // Where standard error is closed there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "{text}");
}
