//! The second word of a line in pam.d: what libpam does with a module's answer (pam.conf(5)).

/// Linux-PAM's return values, by number, as controls in brackets name them.
const ANSWERS: [&str; 32] = [
    "success",
    "open_err",
    "symbol_err",
    "service_err",
    "system_err",
    "buf_err",
    "perm_denied",
    "auth_err",
    "cred_insufficient",
    "authinfo_unavail",
    "user_unknown",
    "maxtries",
    "new_authtok_reqd",
    "acct_expired",
    "session_err",
    "cred_unavail",
    "cred_expired",
    "cred_err",
    "no_module_data",
    "conv_err",
    "authtok_err",
    "authtok_recover_err",
    "authtok_lock_busy",
    "authtok_disable_aging",
    "try_again",
    "ignore",
    "abort",
    "authtok_expired",
    "module_unknown",
    "bad_item",
    "conv_again",
    "incomplete",
];

/// What a module, or a stack, answers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Answer(pub(crate) u8);

impl Answer {
    pub(crate) const SUCCESS: Self = Self(0);
    pub(crate) const PERM_DENIED: Self = Self(6);
    pub(crate) const AUTH_ERR: Self = Self(7);
    pub(crate) const NEW_AUTHTOK_REQD: Self = Self(12);
    pub(crate) const IGNORE: Self = Self(25);
    pub(crate) const MODULE_UNKNOWN: Self = Self(28);

    /// As controls in brackets and pam_debug(8) name it.
    #[cfg(test)]
    pub(crate) fn name(self) -> &'static str {
        ANSWERS.get(usize::from(self.0)).copied().unwrap_or("unknown")
    }
}

/// What libpam does with an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    Ignore,
    Ok,
    Done,
    Bad,
    Die,
    Reset,
    Jump(usize),
}

/// What a line does with every answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Control {
    actions: [Action; 32],
    /// Whether libpam could read it; if not, it takes every answer for bad.
    pub(crate) is_readable: bool,
}

impl Control {
    /// Reads a word, or what stands between brackets.
    pub(crate) fn parse(text: &str) -> Self {
        let words = [
            ("required", (Action::Ok, Action::Ignore, Action::Bad)),
            ("requisite", (Action::Ok, Action::Ignore, Action::Die)),
            ("sufficient", (Action::Done, Action::Ignore, Action::Ignore)),
            ("optional", (Action::Ok, Action::Ignore, Action::Ignore)),
        ];
        match words.into_iter().find(|(word, _)| word.eq_ignore_ascii_case(text)) {
            Some((_, (good, ignored, other))) => Self::plain(good, ignored, other),
            None => Self::brackets(text).unwrap_or_else(Self::unreadable),
        }
    }

    /// What libpam does with the marker that opens a substack: nothing.
    pub(crate) fn none() -> Self {
        Self::plain(Action::Ignore, Action::Ignore, Action::Ignore)
    }

    pub(crate) fn required() -> Self {
        Self::plain(Action::Ok, Action::Ignore, Action::Bad)
    }

    /// Whether it is `required` or `requisite`, however it is written.
    pub(crate) fn is_plain(&self) -> bool {
        [Action::Bad, Action::Die].iter().any(|bad| *self == Self::plain(Action::Ok, Action::Ignore, *bad))
    }

    pub(crate) fn on(&self, answer: Answer) -> Action {
        self.actions.get(usize::from(answer.0)).copied().unwrap_or(Action::Bad)
    }

    fn plain(good: Action, ignored: Action, other: Action) -> Self {
        let action = |number: usize| match Answer(u8::try_from(number).unwrap_or(u8::MAX)) {
            Answer::SUCCESS | Answer::NEW_AUTHTOK_REQD => good,
            Answer::IGNORE => ignored,
            _ => other,
        };
        Self { actions: std::array::from_fn(action), is_readable: true }
    }

    fn unreadable() -> Self {
        Self { actions: [Action::Bad; 32], is_readable: false }
    }

    /// `success=1 default=ignore`. Blanks may stand around the equals sign.
    fn brackets(text: &str) -> Option<Self> {
        let mut named = [None; 32];
        let mut default = None;
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let (name, value) = rest.split_once('=')?;
            let value = value.trim_start();
            let end = value.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(value.len());
            let (word, left) = value.split_at_checked(end)?;
            let action = action(word)?;
            match name.trim_end() {
                "default" => default = default.or(Some(action)),
                name => *named.get_mut(ANSWERS.iter().position(|known| *known == name)?)? = Some(action),
            }
            rest = left.trim_start();
        }
        let default = default.unwrap_or(Action::Bad);
        Some(Self { actions: named.map(|action| action.unwrap_or(default)), is_readable: true })
    }
}

fn action(word: &str) -> Option<Action> {
    Some(match word {
        "ignore" => Action::Ignore,
        "ok" => Action::Ok,
        "done" => Action::Done,
        "bad" => Action::Bad,
        "die" => Action::Die,
        "reset" => Action::Reset,
        // A jump over nothing is no jump, and libpam refuses it.
        number => Action::Jump(number.parse().ok().filter(|&count| count > 0)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_their_brackets_are_the_same() {
        let pairs = [
            ("required", "success=ok new_authtok_reqd=ok ignore=ignore default=bad"),
            ("Requisite", "success=ok new_authtok_reqd=ok ignore=ignore default=die"),
            ("sufficient", "success=done new_authtok_reqd=done default=ignore"),
            ("OPTIONAL", "success = ok new_authtok_reqd=ok  default= ignore"),
        ];
        for (word, brackets) in pairs {
            assert_eq!(Control::parse(word), Control::parse(brackets), "{word}");
        }
    }

    #[test]
    fn what_is_not_named_is_bad() {
        let control = Control::parse("success=2");
        assert_eq!(control.on(Answer::SUCCESS), Action::Jump(2));
        assert_eq!(control.on(Answer::IGNORE), Action::Bad);
    }

    #[test]
    fn what_libpam_cannot_read_is_bad_whatever_the_module_says() {
        for text in
            ["requierd", "success", "success=", "success=never", "sucess=ok default=ignore", "success=0"]
        {
            let control = Control::parse(text);
            assert!(!control.is_readable && control.on(Answer::SUCCESS) == Action::Bad, "{text}");
        }
    }
}
