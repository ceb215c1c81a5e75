//! The command line: every verb and flag, defined once.

use crate::qr::Wish;
use crate::until::Until;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use otp::{Algorithm, BackupSet, Digits, Period, Reason, TokenName, Uses};
use std::ffi::OsString;
use std::path::PathBuf;

/// Enroll people for one-time codes at login, and look after them
#[derive(Parser)]
#[command(
    name = "totpctl",
    version,
    max_term_width = 80,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
#[command(subcommand_value_name = "VERB", subcommand_help_heading = "Verbs")]
#[command(after_help = "\
Example:
  # totpctl init
  # totpctl enroll alice
  # totpctl verify alice

`totpctl VERB --help` tells more about a verb. Exit status: 0 done, 1 refused
or failed, 2 wrong usage.")]
pub(crate) struct Cli {
    /// Settings, if not /etc/security/pam_totp.toml
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Create the store, once; where it exists, say so
    #[command(after_help = "\
Example:
  # totpctl init
  created the store /var/lib/pam_totp")]
    Init,
    Enroll(Box<Enroll>),
    Status(Status),
    Invite(Invite),
    List(List),
    /// Check a code as a login would; the code is spent
    #[command(after_help = "\
The code is typed at the terminal and not shown, or read from standard input.
It is never an argument: arguments can be seen by everybody.

Example:
  $ totpctl verify
  code:
  accepted: a code of token phone")]
    Verify {
        /// Whose code [default: your own]
        user: Option<OsString>,
    },
    /// Show the current code and how long it stands, to test a login
    #[command(after_help = "\
Example:
  # totpctl code alice
  592691  17 s left  phone")]
    Code {
        /// Whose code
        user: OsString,
        /// Only of this token
        #[arg(long, value_name = "NAME", value_parser = token_name)]
        token: Option<TokenName>,
    },
    Show(Show),
    /// Take one of several tokens away
    #[command(after_help = "\
Who is not root is asked for a backup code or a bypass.

Example:
  # totpctl remove-token alice --token fob
  Take away alice's token fob? [y/N] y
  alice has no token fob any more")]
    RemoveToken {
        /// Whose [default: your own]
        user: Option<OsString>,
        /// Which
        #[arg(long, value_name = "NAME", value_parser = token_name)]
        token: TokenName,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Give a token another name
    #[command(after_help = "\
What the token has spent stays spent. The entry in the app keeps its label.

Example:
  # totpctl rename-token alice --token phone --to old-phone
  alice's token phone is named old-phone now")]
    RenameToken {
        /// Whose
        user: OsString,
        /// Which
        #[arg(long, value_name = "OLD", value_parser = token_name)]
        token: TokenName,
        /// Its new name
        #[arg(long, value_name = "NEW", value_parser = token_name)]
        to: TokenName,
    },
    BackupCodes(BackupCodes),
    Bypass(Bypass),
    /// Take a user's bypasses away before they end
    #[command(after_help = "\
Example:
  # totpctl revoke-bypass alice
  alice has no bypass any more")]
    RevokeBypass {
        /// Whose; the uid of an account that is gone
        user: OsString,
    },
    /// Take an enrollment away
    #[command(after_help = "\
Example:
  # totpctl revoke alice
  Take away alice's token phone and 10 backup codes? [y/N] y
  alice is no longer enrolled")]
    Revoke {
        /// Whose enrollment; the uid of an account that is gone
        user: OsString,
        /// What was enrolled under this name before there was an account
        #[arg(long)]
        no_account: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Open every lane after wrong codes, repair a damaged ledger
    #[command(after_help = "\
Codes that were used stay used. Where the clock ran ahead and was put right,
codes are refused until it has caught up; --clock accepts them again from a
few steps after now on.

Example:
  # totpctl unlock alice
  alice: every lane is open")]
    Unlock {
        /// Whose lanes
        user: OsString,
        /// Also bring back steps that a wrong clock drove ahead
        #[arg(long)]
        clock: bool,
    },
    /// Forget logins that a rule remembers
    #[command(after_help = "\
Where a rule says `remember`, whoever was let in by a code is asked for none in
the same session for a while. They are asked again after this, and after each
change of what they have enrolled.

Example:
  # totpctl forget alice
  alice: 2 logins are forgotten, and a code is asked for")]
    Forget {
        /// Whose logins
        user: OsString,
    },
    /// After a restore or a clone: refuse what was used before
    #[command(override_usage = "totpctl restored [OPTIONS] [USER]")]
    #[command(after_help = "\
Codes pass again after some minutes. A token that counts passes by two successive
codes in one answer, from a few beyond those known to be used. Backup and scratch
codes, bypasses and invitations are void. Set the clock right before.

Example:
  # totpctl restored --all
  Void everybody's backup codes, and refuse all codes up to now? [y/N] y
  …
  done 12, failed 0")]
    Restored {
        /// Whose
        #[arg(required_unless_present = "all")]
        user: Option<OsString>,
        /// Everybody's
        #[arg(long, conflicts_with = "user")]
        all: bool,
        /// How many codes of a token that counts may have been used since the backup
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(..=100_000))]
        skip: u64,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Remove what is kept of people whose account is gone
    #[command(after_help = "\
Gone is whose uid the name service says nobody has; where it does not answer,
nothing is removed. Whose enrollment was revoked stays so.

Example:
  # totpctl prune
  uid 1004 (was dave)
  Remove what is enrolled for these? [y/N] y
  uid 1004 (was dave): removed")]
    Prune {
        /// Say whom, and remove nothing
        #[arg(long)]
        dry_run: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Accept nothing of a user's for a while, and keep all of it
    #[command(after_help = "\
No code, backup code, bypass or invitation passes, and none is spent. What is
enrolled, and for how long, stays. Doors that ask for no code are not closed.

Example:
  # totpctl suspend alice --reason 'on leave until May'
  alice is suspended: no code, backup code or bypass of theirs is accepted")]
    Suspend {
        /// Whose
        user: OsString,
        /// Why; it stands in the log and in `status`
        #[arg(long, value_name = "TEXT", value_parser = reason)]
        reason: Reason,
    },
    /// Accept again what a suspended user holds
    #[command(after_help = "\
Example:
  # totpctl resume alice
  alice is no longer suspended")]
    Resume {
        /// Whose; the uid of an account that is gone
        user: OsString,
    },
    Pause(Pause),
    /// Take an enrollment over to the new name of its account
    #[command(after_help = "\
After `usermod -l alicia alice` logins of alicia are denied until somebody
says that this is the same person. So are those of an account that was made
after somebody had been enrolled under its name without one:

Example:
  # totpctl adopt alicia
  alicia: took over what was enrolled as alice")]
    Adopt {
        /// The present name
        user: OsString,
    },
    /// Enroll people with what an earlier module gave them
    #[command(subcommand, subcommand_value_name = "SOURCE", subcommand_help_heading = "Sources")]
    #[command(disable_help_subcommand = true)]
    #[command(after_help = "\
Nothing is changed at the source, nothing that was used there works again, and
a second time nothing is imported twice.

Example:
  # totpctl import google-authenticator --all --dry-run
  alice would be enrolled (phone, 5 scratch codes)
  would be imported 1, already there 0, refused 0")]
    Import(Source),
    /// Print a user's tokens as URIs, secrets and all
    #[command(after_help = "\
What was used is not in a URI: a counter is, but no time step and no backup
code.

Example:
  # totpctl export alice
  Show the secrets of alice's 1 tokens? [y/N] y
  otpauth://totp/web1:alice%40web1?secret=…&issuer=web1")]
    Export {
        /// Whose
        user: OsString,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    Doctor(Doctor),
    /// Run a service's PAM stack in this terminal, as a login would
    #[command(after_help = "\
Nobody is logged in by it, and nobody has to log out to try. What is typed
counts: a code is spent, a wrong one is a guess.

Example:
  # totpctl rehearse sshd alice
  Password:
  Verification code:
  authenticate: Success
  account: Success
  sshd lets alice in")]
    Rehearse {
        /// The service, as its file in pam.d is named
        service: String,
        /// Who logs in
        user: OsString,
    },
    Explain(Explain),
    /// Raise the store to the newest format, once nothing old reads it
    #[command(after_help = "\
No other verb and no package does. Programs that were started before an upgrade
of pam_totp, such as a screen locker, go on with the former module, which reads
its own format and the next.

Example:
  # totpctl upgrade-store
  the store /var/lib/pam_totp has format 1, the newest: there is nothing to raise")]
    UpgradeStore,
    /// Print a completion script for a shell
    #[command(after_help = "\
Example:
  $ totpctl completions bash > /etc/bash_completion.d/totpctl")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Make a token, show its QR code, ask for a code, and store it
#[derive(Args)]
#[command(after_help = "\
Nothing is stored until a code of the new token was typed, and that code is
spent by it. An empty line or Ctrl-C aborts. Who is not root enrolls for
themselves alone, and is asked for an invitation or, once enrolled, for a
backup code or a bypass.

Example:
  # totpctl enroll alice
  …
  Code that the app shows (empty to abort): 592691
  alice is enrolled")]
pub(crate) struct Enroll {
    /// Whom to enroll [default: yourself]
    pub(crate) user: Option<OsString>,
    /// Somebody who has no account here, as of a VPN, FTP or mail server
    #[arg(long, requires = "user")]
    pub(crate) no_account: bool,
    /// Store at once, without asking for a code
    #[arg(long)]
    pub(crate) no_confirm: bool,
    /// Put it in place of all that is enrolled; asks first
    #[arg(long)]
    pub(crate) replace: bool,
    /// Do not ask whether to replace
    #[arg(long, requires = "replace")]
    pub(crate) yes: bool,
    /// Add it to what is enrolled
    #[arg(long, requires = "token", conflicts_with = "replace")]
    pub(crate) add: bool,
    /// Name of the token [default: phone]
    #[arg(long, value_name = "NAME", value_parser = token_name)]
    pub(crate) token: Option<TokenName>,
    /// sha1, sha256 or sha512 [default: as set, or sha1]
    #[arg(long, value_name = "NAME", value_parser = algorithm)]
    pub(crate) algorithm: Option<Algorithm>,
    /// Length of codes, 6 to 8 [default: as set, or 6]
    #[arg(long, value_name = "N", value_parser = digits)]
    pub(crate) digits: Option<Digits>,
    /// A token that counts and does not follow a clock; root alone enrolls it
    #[arg(long, conflicts_with = "period")]
    pub(crate) hotp: bool,
    /// Time step in seconds, 15 to 300 [default: as set, or 30]
    #[arg(long, value_name = "N", value_parser = period)]
    pub(crate) period: Option<Period>,
    /// Issuer that the app shows [default: as set, or this host]
    #[arg(long, value_name = "TEXT", value_parser = label)]
    pub(crate) issuer: Option<String>,
    /// Account that the app shows [default: USER@HOST]
    #[arg(long, value_name = "TEXT", value_parser = label)]
    pub(crate) label: Option<String>,
    /// How many backup codes, 0 to 100 [default: as set, or 10]
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) backup_codes: Option<usize>,
    /// How to draw the code
    #[arg(long, value_name = "HOW", default_value = "auto")]
    #[arg(value_parser = wish())]
    pub(crate) qr: Wish,
    /// Also write a picture of the code to a new file
    #[arg(long, value_name = "FILE")]
    pub(crate) png: Option<PathBuf>,
    /// The same as SVG
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Print user, token, uri, secret and backup codes as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Show a token's QR code, secret and URI once more
#[derive(Args)]
#[command(after_help = "\
For a phone that takes the place of another, or one more. Whoever sees it has
all future codes. It asks first, and is logged.

Example:
  # totpctl show alice
  Show the secret of alice's token phone on this screen? [y/N] y
  …")]
pub(crate) struct Show {
    /// Whose
    pub(crate) user: OsString,
    /// Which, of several tokens
    #[arg(long, value_name = "NAME", value_parser = token_name)]
    pub(crate) token: Option<TokenName>,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    /// Issuer that the app shows [default: as set, or this host]
    #[arg(long, value_name = "TEXT", value_parser = label)]
    pub(crate) issuer: Option<String>,
    /// Account that the app shows [default: USER@HOST]
    #[arg(long, value_name = "TEXT", value_parser = label)]
    pub(crate) label: Option<String>,
    /// How to draw the code
    #[arg(long, value_name = "HOW", default_value = "auto")]
    #[arg(value_parser = wish())]
    pub(crate) qr: Wish,
    /// Also write a picture of the code to a new file
    #[arg(long, value_name = "FILE")]
    pub(crate) png: Option<PathBuf>,
    /// The same as SVG
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Print user, token, uri and secret as JSON, and nothing else
    #[arg(long)]
    pub(crate) json: bool,
}

/// Look for what locks people out, or lets them in without a code
#[derive(Args)]
#[command(after_help = "\
Reads pam.d, sshd's configuration, the settings, the store and the accounts,
and changes nothing. Exit status: 0 nothing is wrong, 1 something is.

Example:
  # totpctl doctor
  services that ask for a code: sshd
  nothing is wrong")]
pub(crate) struct Doctor {
    /// Only this service
    #[arg(long, value_name = "SERVICE")]
    pub(crate) service: Option<String>,
    /// Only this user, where people matter
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<OsString>,
    /// What a line in this file of pam.d would reach
    #[arg(long, value_name = "FILE", conflicts_with_all = ["service", "user"])]
    pub(crate) before: Option<String>,
    /// The files below this folder, of a system that does not run
    #[arg(long, value_name = "DIR", conflicts_with = "user")]
    pub(crate) root: Option<PathBuf>,
    /// It is no fault that no service asks for a code
    #[arg(long, conflicts_with_all = ["service", "before"])]
    pub(crate) may_be_off: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What is known of a user
#[derive(Args)]
#[command(after_help = "\
Example:
  # totpctl status alice
  alice (uid 1000): enrolled, last changed 2026-11-25 10:03:22 UTC

  TOKEN  KIND  ALGORITHM  DIGITS  PERIOD  LAST USED
  phone  totp  sha1       6       30 s    2026-11-25 10:03:22 UTC

  backup codes: 10 left of set 1 of 2026-11-25")]
pub(crate) struct Status {
    /// Whom; the uid of an account that is gone [default: yourself]
    pub(crate) user: Option<OsString>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Everybody who is enrolled
#[derive(Args)]
#[command(group(clap::ArgGroup::new("which").args(["pending", "unenrolled", "stale", "suspended"])))]
#[command(after_help = "\
Example:
  # totpctl list
  USER   TOKENS     LAST USED                BACKUP CODES
  alice  phone,fob  2026-11-25 10:03:22 UTC  10
  bob    phone      never                    0
  # totpctl list --unenrolled --group staff
  USER   INVITED UNTIL
  carol  2026-11-28 10:03:22 UTC
  dave   -")]
pub(crate) struct List {
    /// Those who were invited and have not enrolled
    #[arg(long)]
    pub(crate) pending: bool,
    /// Those who are not enrolled and have a login shell
    #[arg(long)]
    pub(crate) unenrolled: bool,
    /// Those who used no token for so long
    #[arg(long, value_name = "TIME", value_parser = idle)]
    pub(crate) stale: Option<u64>,
    /// Those of whom nothing is accepted
    #[arg(long)]
    pub(crate) suspended: bool,
    /// Members of this group alone, whatever their shell
    #[arg(long, value_name = "GROUP", requires = "which", conflicts_with = "pending")]
    pub(crate) group: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Make a new set of backup codes; the old ones are void
#[derive(Args)]
#[command(after_help = "\
Each code opens once, where the phone is not at hand. They are shown this once.
Who is not root is asked for one of the old codes, or a bypass.

Example:
  # totpctl backup-codes alice
  The 7 codes left of set 1 of 2026-11-25 become void. Go on? [y/N] y
  Backup codes of alice, set 2 of 2026-12-01
  …")]
pub(crate) struct BackupCodes {
    /// Whose [default: your own]
    pub(crate) user: Option<OsString>,
    /// How many, 0 for none any more [default: as set, or 10]
    #[arg(long, value_name = "N", value_parser = count)]
    pub(crate) count: Option<usize>,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Let people enroll by themselves: a code for each
#[derive(Args)]
#[command(group(clap::ArgGroup::new("guests").args(["users", "group"]).required(true).multiple(true)))]
#[command(override_usage = "totpctl invite [OPTIONS] [USER]...")]
#[command(after_help = "\
Each is good once, for `totpctl enroll` of that user alone. They are shown this
once: hand each person theirs. An earlier invitation of the same user is void.

Example:
  # totpctl invite alice bob
  USER   INVITATION      UNTIL
  alice  k7m2-9x4c-hq0d  2026-11-28 10:03:22 UTC
  bob    3vt8-zz1p-7e6w  2026-11-28 10:03:22 UTC")]
pub(crate) struct Invite {
    /// Whom to invite
    #[arg(value_name = "USER")]
    pub(crate) users: Vec<OsString>,
    /// Everybody in this group who is not enrolled; may be repeated
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Vec<String>,
    /// How long they are good, 1m to 30d
    #[arg(long, value_name = "TIME", default_value = "72h", value_parser = invitation_life)]
    pub(crate) expires: u64,
    /// Print JSON
    #[arg(long, conflicts_with = "csv")]
    pub(crate) json: bool,
    /// Print comma-separated values
    #[arg(long)]
    pub(crate) csv: bool,
}

/// Issue a code that passes until it expires or is used up
#[derive(Args)]
#[command(after_help = "\
For somebody who has neither phone nor backup codes. Be sure who is asking: the
code opens, whoever types it. What is enrolled stays.

Example:
  # totpctl bypass alice --reason 'phone lost, ticket 4711'
  Bypass 1 of alice, for 1 login until 2026-11-25 11:03:22 UTC
  …")]
pub(crate) struct Bypass {
    /// Whose
    pub(crate) user: OsString,
    /// How long it passes, 1m to 7d
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = lifetime)]
    pub(crate) expires: u64,
    /// How many logins it opens, 1 to 100
    #[arg(long, value_name = "N", default_value = "1", value_parser = uses)]
    pub(crate) uses: Uses,
    /// Why; it stands in the log and in `status`
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub(crate) reason: Reason,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Ask nobody for a code for a while, or say whether that is so
#[derive(Args)]
#[command(after_help = "\
For an outage. It needs no store, asks first, is logged at every login, and
ends by itself: at that time, or when the machine boots. Rules that say deny
and suspensions hold.

Example:
  # totpctl pause --until 2h --reason 'directory down, ticket 4711'
  Ask nobody for a code until 2026-11-25 12:03:22 UTC, for 2 h 0 min? [y/N] y
  nobody is asked for a code: paused until 2026-11-25 12:03:22 UTC by login
  uid 1000: directory down, ticket 4711")]
pub(crate) struct Pause {
    /// Until when, 7 days ahead at most: 2h, 18:00, or 2026-11-27T08:00 here
    #[arg(long, value_name = "TIME", requires = "reason", value_parser = until)]
    pub(crate) until: Option<Until>,
    /// Why; it stands in the log of every login
    #[arg(long, value_name = "TEXT", requires = "until", value_parser = reason)]
    pub(crate) reason: Option<Reason>,
    /// End it now
    #[arg(long, conflicts_with_all = ["until", "reason"])]
    pub(crate) end: bool,
    /// Do not ask
    #[arg(long, requires = "until")]
    pub(crate) yes: bool,
}

/// Where people come from.
#[derive(Subcommand)]
pub(crate) enum Source {
    GoogleAuthenticator(GoogleAuthenticator),
    Oath(Oath),
    Uri(Uri),
}

/// What every import takes.
#[derive(Args)]
pub(crate) struct Importing {
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Also where the enrollment was revoked
    #[arg(long)]
    pub(crate) revive: bool,
    /// Also who has no account, as of a VPN, FTP or mail server
    #[arg(long)]
    pub(crate) no_account: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Say which rule a login would meet, and what would happen
#[derive(Args)]
#[command(after_help = "\
Nobody is asked, nothing is logged or changed, and it needs no root. Whether
the user is enrolled makes no difference here.

Example:
  $ totpctl explain git --service sshd --from 192.0.2.7
  git at sshd from 192.0.2.7: asked for no code
  rule 1 (/etc/security/pam_totp.toml:12) fits and says skip")]
pub(crate) struct Explain {
    /// Who logs in
    pub(crate) user: OsString,
    /// As somebody without an account
    #[arg(long)]
    pub(crate) no_account: bool,
    /// At which service, by its name in pam.d
    #[arg(long, value_name = "SERVICE", value_parser = host)]
    pub(crate) service: String,
    /// From which address [default: this machine]
    #[arg(long, value_name = "ADDR", value_parser = far_host)]
    pub(crate) from: Option<String>,
    /// On which terminal; no rule goes by it
    #[arg(long, value_name = "TTY", value_parser = host)]
    pub(crate) tty: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// From ~/.google_authenticator of pam_google_authenticator
#[derive(Args)]
#[command(override_usage = "totpctl import google-authenticator [OPTIONS] [USER] [PATH]")]
#[command(after_help = "\
Example:
  # totpctl import google-authenticator alice
  alice is enrolled (phone, 5 scratch codes)")]
pub(crate) struct GoogleAuthenticator {
    /// Whose
    #[arg(required_unless_present = "all")]
    pub(crate) user: Option<OsString>,
    /// The file, if it is not in the user's home
    pub(crate) path: Option<PathBuf>,
    /// Of everybody who has the file
    #[arg(long, conflicts_with_all = ["user", "path", "revive"])]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) importing: Importing,
}

/// From users.oath of pam_oath
#[derive(Args)]
#[command(override_usage = "totpctl import oath [OPTIONS] <FILE>")]
#[command(after_help = "\
Example:
  # totpctl import oath /etc/users.oath
  imported 840, already there 0, refused 0")]
pub(crate) struct Oath {
    /// The file that the module's argument usersfile= names
    pub(crate) file: PathBuf,
    /// Only this user
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<OsString>,
    #[command(flatten)]
    pub(crate) importing: Importing,
}

/// From otpauth:// URIs on standard input, or Google's export
#[derive(Args)]
#[command(override_usage = "totpctl import uri [OPTIONS] <USER>")]
#[command(after_help = "\
One URI a line, never an argument: arguments can be seen by everybody.

Example:
  # totpctl import uri alice < alice.uris
  alice is enrolled (phone)")]
pub(crate) struct Uri {
    /// Whose
    pub(crate) user: OsString,
    /// Beside what is enrolled
    #[arg(long)]
    pub(crate) add: bool,
    #[command(flatten)]
    pub(crate) importing: Importing,
}

fn wish() -> impl TypedValueParser<Value = Wish> {
    PossibleValuesParser::new(Wish::NAMES.map(|(name, _)| name)).map(|name| name.parse().unwrap_or_default())
}

fn token_name(text: &str) -> Result<TokenName, String> {
    TokenName::new(text).ok_or_else(|| "expected 1 to 32 of A-Z a-z 0-9 . _ -".to_owned())
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    Algorithm::parse(text).ok_or_else(|| "expected sha1, sha256 or sha512".to_owned())
}

fn digits(text: &str) -> Result<Digits, String> {
    text.parse().ok().and_then(Digits::new).ok_or_else(|| "expected 6, 7 or 8".to_owned())
}

fn period(text: &str) -> Result<Period, String> {
    let seconds = text.strip_suffix('s').unwrap_or(text).parse().ok();
    seconds.and_then(Period::new).ok_or_else(|| "expected 15 to 300 seconds".to_owned())
}

fn count(text: &str) -> Result<usize, String> {
    let fits = |count: &usize| *count <= BackupSet::MAX_CODES;
    text.parse().ok().filter(fits).ok_or_else(|| "expected 0 to 100".to_owned())
}

fn lifetime(text: &str) -> Result<u64, String> {
    let fits = |seconds: &u64| (otp::Bypass::SHORTEST..=otp::Bypass::LONGEST).contains(seconds);
    let seconds = config::parse_seconds(text).filter(fits);
    seconds.ok_or_else(|| "expected 1m to 7d, such as 30m, 1h or 2d".to_owned())
}

fn invitation_life(text: &str) -> Result<u64, String> {
    let fits = |seconds: &u64| (otp::Invitation::SHORTEST..=otp::Invitation::LONGEST).contains(seconds);
    let seconds = config::parse_seconds(text).filter(fits);
    seconds.ok_or_else(|| "expected 1m to 30d, such as 12h, 72h or 7d".to_owned())
}

fn idle(text: &str) -> Result<u64, String> {
    let seconds = config::parse_seconds(text).filter(|seconds| *seconds > 0);
    seconds.ok_or_else(|| "expected up to 366d, such as 12h or 90d".to_owned())
}

fn until(text: &str) -> Result<Until, String> {
    Until::parse(text).ok_or_else(|| "expected 2h, 18:00 or 2026-11-27T08:00".to_owned())
}

fn uses(text: &str) -> Result<Uses, String> {
    text.parse().ok().and_then(Uses::new).ok_or_else(|| "expected 1 to 100".to_owned())
}

fn reason(text: &str) -> Result<Reason, String> {
    Reason::new(text).ok_or_else(|| "expected 1 to 200 bytes without control characters".to_owned())
}

/// Anything that PAM may be told, which a terminal may be shown too.
fn host(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > 255 || text.chars().any(char::is_control) {
        return Err("expected 1 to 255 bytes without control characters".to_owned());
    }
    Ok(text.to_owned())
}

fn far_host(text: &str) -> Result<String, String> {
    if text == "local" {
        return Err("for a login at this machine leave it out".to_owned());
    }
    host(text)
}

/// Apps show it on one line, and it has to fit into a QR code.
fn label(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.len() > 255 || text.chars().any(char::is_control) {
        return Err("expected 1 to 255 bytes without control characters".to_owned());
    }
    Ok(text.to_owned())
}
