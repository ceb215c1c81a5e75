//! What is to be enrolled: everything that can fail before something is shown fails here.

use crate::cli::Enroll;
use crate::failure::Failure;
use crate::house::House;
use crate::label;
use crate::people;
use crate::random;
use crate::report::set_words;
use crate::verbs::revoke::belongings;
use otp::{BackupCode, Kind, MAX_TOKENS, Token, TokenName};
use verifier::{Account, Enrolled, Id, Status};
use zeroize::Zeroizing;

pub(super) struct Plan {
    pub(super) account: Account,
    /// The enrollment that this starts from.
    pub(super) from: Option<Id>,
    pub(super) how: Enrolled,
    /// Whether something would be destroyed.
    pub(super) asks: bool,
    /// What that would be, in words.
    pub(super) belongings: String,
    /// The tokens that would be gone, to recognize their codes.
    pub(super) replaced: Vec<Token>,
    pub(super) token: Token,
    pub(super) uri: Zeroizing<String>,
    pub(super) backup: Vec<BackupCode>,
    notes: Vec<String>,
}

impl Plan {
    pub(super) fn new(house: &House, args: &Enroll, account: Account) -> Result<Self, Failure> {
        let status = people::status(house, &account)?;
        let present = status.as_ref().filter(|status| status.enrolled);
        let name = args.token.clone().or_else(|| TokenName::new("phone"));
        let name = name.ok_or_else(|| Failure::new("the token has no name"))?;
        let how = how(args, &account, present, &name)?;
        let replaced = match (how, present) {
            // People themselves are not shown the keys that they have.
            (Enrolled::Replace, Some(_)) if !house.is_own => house.verifier.tokens(&account),
            _ => Ok(Vec::new()),
        };
        let replaced = replaced.map_err(|error| Failure::store(&error, &account.name))?;
        let token = token(house, args, name)?;
        let wish = label::Wish { issuer: args.issuer.as_deref(), label: args.label.as_deref() };
        let further = (how == Enrolled::Add).then_some(&token.name);
        let (label, said) = label::of(house, wish, &account, further);
        let backup = backup_count(house, args, how, present);
        let mut notes = label::ignored(&token);
        notes.extend(said);
        if status.as_ref().is_some_and(|status| status.suspended.is_some()) {
            let name = &account.name;
            notes.push(format!("{name} is suspended, and stays so: totpctl resume {name}"));
        }
        if let (Enrolled::Add, 1.., Some((set, _))) = (how, backup, present.and_then(|status| status.backup))
        {
            notes.push(format!("the backup codes of {} become void", set_words(&set)));
        }
        if let (Enrolled::Add, 1.., Some(1..)) = (how, backup, present.and_then(|status| status.scratch_left))
        {
            notes.push("the scratch codes of the earlier module become void".to_owned());
        }
        Ok(Self {
            from: status.as_ref().map(|status| status.id),
            how,
            asks: how == Enrolled::Replace && present.is_some(),
            belongings: present
                .map(|present| format!("{}'s {}", account.name, belongings(present)))
                .unwrap_or_default(),
            replaced: replaced.into_iter().map(|(token, _)| token).collect(),
            uri: otp::provisioning_uri(&token, &label, 0),
            token,
            backup: random::backup_codes(backup)?,
            account,
            notes,
        })
    }

    /// What must be known before the code is scanned.
    pub(super) fn notes(&self) -> &[String] {
        &self.notes
    }
}

fn how(
    args: &Enroll,
    account: &Account,
    present: Option<&Status>,
    name: &TokenName,
) -> Result<Enrolled, Failure> {
    let user = &account.name;
    match present {
        None if args.add => Err(Failure::new(format!("{user} is not enrolled, there is nothing to add to"))
            .hint("leave out --add")),
        None if args.replace => Ok(Enrolled::Replace),
        None => Ok(Enrolled::First),
        Some(_) if args.replace => Ok(Enrolled::Replace),
        Some(status) if let Err(error) = people::vet(status, account) => Err(Failure::store(&error, user)),
        Some(status) if args.add => addable(user, status, name),
        Some(status) => Err(Failure::new(format!("{user} is already enrolled ({})", belongings(status)))
            .hint(format!("one more token: totpctl enroll --add --token NAME {user}"))
            .hint(format!("a new one in place of all: totpctl enroll --replace {user}"))),
    }
}

fn addable(user: &str, status: &Status, name: &TokenName) -> Result<Enrolled, Failure> {
    if status.tokens.iter().any(|token| token.name == *name) {
        return Err(Failure::new(format!("{user} has a token {name} already")).hint("choose another --token"));
    }
    if status.tokens.len() >= MAX_TOKENS {
        return Err(Failure::new(format!("{user} has {MAX_TOKENS} tokens, and no more fit")));
    }
    Ok(Enrolled::Add)
}

fn token(house: &House, args: &Enroll, name: TokenName) -> Result<Token, Failure> {
    let new = house.settings.new_tokens;
    Ok(Token {
        name,
        kind: if args.hotp { Kind::Hotp } else { Kind::Totp { period: args.period.unwrap_or(new.period) } },
        algorithm: args.algorithm.unwrap_or(new.algorithm),
        digits: args.digits.unwrap_or(new.digits),
        secret: random::secret()?,
    })
}

/// A token that is added keeps the present set of backup codes, unless another is asked for.
fn backup_count(house: &House, args: &Enroll, how: Enrolled, present: Option<&Status>) -> usize {
    let has_set = present.is_some_and(|status| status.backup.is_some());
    match args.backup_codes {
        Some(count) => count,
        None if how == Enrolled::Add && has_set => 0,
        None => usize::from(house.settings.backup_codes.count),
    }
}
