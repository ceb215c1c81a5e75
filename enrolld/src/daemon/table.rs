//! Who may ask what: the one place that decides it.
//!
//! A code buys a verdict and nothing more: malware in somebody's session that phished one must not be able to
//! make anything permanent with it.

use config::Checker;
use verifier::{Account, Origin};

/// What can be asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Method {
    Check,
    Status,
    Enroll,
    RemoveToken,
    BackupCodes,
    GetInfo,
    GetInterfaceDescription,
}

/// Who asks, in relation to whom it is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Caller {
    Root,
    /// The account's own uid.
    Owner,
    /// A service that the settings let ask about everybody (`[daemon] checkers`).
    Checker,
    /// Anybody else, and everybody where there is no such account.
    Other,
}

struct Row {
    method: Method,
    root: bool,
    owner: bool,
    checker: bool,
    other: bool,
}

const TABLE: [Row; 7] = [
    // Root's other verbs use the files: over the socket it needs no more than a login does.
    Row { method: Method::Check, root: true, owner: true, checker: true, other: false },
    Row { method: Method::Status, root: false, owner: true, checker: false, other: false },
    // With a code that is more than a one-time code: verifier's authority.rs.
    Row { method: Method::Enroll, root: false, owner: true, checker: false, other: false },
    Row { method: Method::RemoveToken, root: false, owner: true, checker: false, other: false },
    Row { method: Method::BackupCodes, root: false, owner: true, checker: false, other: false },
    Row { method: Method::GetInfo, root: true, owner: true, checker: true, other: true },
    Row { method: Method::GetInterfaceDescription, root: true, owner: true, checker: true, other: true },
];

impl Caller {
    /// By the uid that the kernel names (SO_PEERCRED) and that of the account which was asked about. Never the
    /// other way round, by the name of the peer's uid: a uid may have several names.
    pub(crate) fn of(peer: u32, account: Option<&Account>, checkers: &[Checker]) -> Self {
        match account {
            _ if peer == 0 => Self::Root,
            Some(account) if account.uid() == Some(peer) => Self::Owner,
            _ if checkers.iter().any(|checker| checker.uid == peer) => Self::Checker,
            _ => Self::Other,
        }
    }

    /// Where an attempt comes from. Whatever a peer says of a remote host, it stands at this machine: the
    /// console, where no network is learned, or the lane of services. Root alone is believed: a service in a
    /// sandbox may ask for whoever is far away, and what it does not say is not established.
    pub(crate) fn origin(self, claimed: Option<Origin>) -> Origin {
        match self {
            Self::Root => claimed.unwrap_or(Origin::Stranger),
            Self::Owner | Self::Other => Origin::Owner,
            Self::Checker => Origin::Service,
        }
    }

    pub(crate) fn may(self, method: Method) -> bool {
        TABLE.iter().any(|row| {
            row.method == method
                && match self {
                    Self::Root => row.root,
                    Self::Owner => row.owner,
                    Self::Checker => row.checker,
                    Self::Other => row.other,
                }
        })
    }
}

impl Method {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Check => "Check",
            Self::Status => "Status",
            Self::Enroll => "Enroll",
            Self::RemoveToken => "RemoveToken",
            Self::BackupCodes => "BackupCodes",
            Self::GetInfo => "GetInfo",
            Self::GetInterfaceDescription => "GetInterfaceDescription",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use verifier::{FoldedName, UserName};

    #[test]
    fn who_may_ask_what_is_this_and_nothing_else() {
        let allowed: Vec<_> = TABLE
            .iter()
            .flat_map(|row| {
                let callers = [Caller::Root, Caller::Owner, Caller::Checker, Caller::Other];
                callers.map(|caller| (caller, row.method))
            })
            .filter(|(caller, method)| caller.may(*method))
            .collect();
        let expected = [
            (Caller::Root, Method::Check),
            (Caller::Owner, Method::Check),
            (Caller::Checker, Method::Check),
            (Caller::Owner, Method::Status),
            (Caller::Owner, Method::Enroll),
            (Caller::Owner, Method::RemoveToken),
            (Caller::Owner, Method::BackupCodes),
            (Caller::Root, Method::GetInfo),
            (Caller::Owner, Method::GetInfo),
            (Caller::Checker, Method::GetInfo),
            (Caller::Other, Method::GetInfo),
            (Caller::Root, Method::GetInterfaceDescription),
            (Caller::Owner, Method::GetInterfaceDescription),
            (Caller::Checker, Method::GetInterfaceDescription),
            (Caller::Other, Method::GetInterfaceDescription),
        ];
        assert_eq!(allowed, expected);
    }

    #[test]
    fn nobody_but_root_says_where_an_attempt_comes_from() {
        for claimed in
            [None, Some(Origin::Console), Some(Origin::Owner), Some(Origin::Others), Some(Origin::Stranger)]
        {
            assert_eq!(Caller::Owner.origin(claimed), Origin::Owner);
            assert_eq!(Caller::Checker.origin(claimed), Origin::Service);
            assert_eq!(Caller::Root.origin(claimed), claimed.unwrap_or(Origin::Stranger));
        }
    }

    #[test]
    fn a_caller_is_who_the_kernel_says() {
        let alice = Account::local("alice", 2001);
        let toor = Account::local("toor", 0);
        let checkers = [Checker { uid: 26, service: "postgresql".into() }];
        let of = |peer, account| Caller::of(peer, account, &checkers);
        assert_eq!(of(2001, Some(&alice)), Caller::Owner);
        assert_eq!(of(2002, Some(&alice)), Caller::Other);
        assert_eq!(of(2001, Some(&toor)), Caller::Other);
        assert_eq!(of(2001, None), Caller::Other);
        assert_eq!(of(0, Some(&alice)), Caller::Root);
        assert_eq!(of(0, Some(&toor)), Caller::Root);
        let postgres = Account::local("postgres", 26);
        assert_eq!(of(26, Some(&postgres)), Caller::Owner);
        assert_eq!(of(26, Some(&alice)), Caller::Checker);
        assert_eq!(of(26, None), Caller::Checker);
        assert_eq!(Caller::of(26, Some(&alice), &[]), Caller::Other);
        // Nobody is the owner of what belongs to no account, whatever they are called.
        let vera = UserName::new("vera").ok().and_then(|name| FoldedName::of(&name)).map(Account::by_name);
        assert_eq!(of(2001, vera.as_ref()), Caller::Other);
        assert_eq!(of(26, vera.as_ref()), Caller::Checker);
        assert_eq!(of(0, vera.as_ref()), Caller::Root);
    }
}
