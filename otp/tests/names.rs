//! What files, messages and people call things: each name is read as it is written.

#![allow(clippy::unwrap_used)]

use otp::{Announced, EnrollmentError, Lane, Malformed, Reason, TokenName};

#[test]
fn a_change_is_read_by_the_name_that_it_is_written_with() {
    let token = TokenName::new("phone").unwrap();
    for (change, name) in [
        (Announced::Enrolled { token: token.clone() }, "enrolled"),
        (Announced::Replaced { token: token.clone() }, "replaced"),
        (Announced::Added { token: token.clone() }, "added"),
        (Announced::Removed { token: token.clone() }, "removed"),
        (Announced::BackupCodes, "backup-codes"),
    ] {
        assert_eq!(change.name(), name);
        let of = change.token().cloned();
        let other = of.is_none().then(|| token.clone());
        assert_eq!(Announced::of(name, of), Some(change));
        assert_eq!(Announced::of(name, other), None, "{name}: a token too many or one too few");
    }
    assert_eq!(Announced::of("renamed", Some(token)), None);
}

#[test]
fn lanes_are_called_by_whose_they_are() {
    let lanes = [Lane::Console, Lane::Others, Lane::Known(3), Lane::Services, Lane::Strangers];
    let names = ["console", "others", "known network", "services", "strangers"];
    assert_eq!(lanes.map(Lane::name), names);
    assert_eq!(lanes.map(|lane| lane.to_string()), names);
}

#[test]
fn what_is_wrong_is_said_in_words() {
    assert_eq!(Malformed::TooLong.to_string(), "longer than any code");
    assert_eq!(EnrollmentError::TooMany(9).to_string(), "9 tokens, at most 8 fit");
    assert_eq!(Reason::new(" lost phone ").unwrap().to_string(), "lost phone");
}
