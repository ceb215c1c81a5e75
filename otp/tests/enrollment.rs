//! What a person holds: how much of it fits, what it knows, and what a new name changes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod common;

use common::{K1, K2, NOW, named, phone, totp};
use otp::{
    Announced, Announcement, BackupCode, BackupSet, Bypass, Enrollment, EnrollmentError, Life, Reason,
    Secret, Time, TokenName, Uses,
};

fn code(number: u8) -> BackupCode {
    BackupCode::from_random([number, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 11]).unwrap()
}

fn bypass(number: u8) -> Bypass {
    Bypass {
        number: number.into(),
        life: Life::new(NOW, Time(0), Bypass::LONGEST),
        uses: Uses::ONE,
        reason: Reason::new("lost").unwrap(),
        salt: [number; 16],
        hash: Bypass::hash(&[number; 16], &code(number)),
    }
}

fn holding_two() -> Enrollment {
    let fob = named("fob", totp(30), 6, Secret::from_base32(K2).unwrap());
    let set = BackupSet::new(1, NOW, [9; 16], &[code(1), code(2)]);
    Enrollment::new(vec![phone(K1), fob], Some(set)).unwrap()
}

#[test]
fn eight_bypasses_and_eight_announcements_fit_and_no_more() {
    let bypasses = |count| (0..count).map(bypass).collect::<Vec<_>>();
    assert_eq!(holding_two().with_bypasses(bypasses(8)).unwrap().bypasses().len(), 8);
    assert_eq!(holding_two().with_bypasses(bypasses(9)), Err(EnrollmentError::Bypasses(9)));
    let told = |count| vec![Announcement::new(Announced::BackupCodes, true, NOW, NOW); count];
    assert_eq!(holding_two().with_announcements(told(8)).unwrap().announcements().len(), 8);
    assert_eq!(holding_two().with_announcements(told(9)), Err(EnrollmentError::Announcements(9)));
}

#[test]
fn backup_codes_and_bypasses_are_known_and_nothing_else_is() {
    // The second bypass has the code of a backup code.
    let enrollment = holding_two().with_bypasses(vec![bypass(5), bypass(2)]).unwrap();
    for number in [1, 2, 5] {
        assert!(enrollment.knows(&code(number)), "{number}");
    }
    assert!(!enrollment.knows(&code(6)));
    assert!(!Enrollment::new(vec![phone(K1)], None).unwrap().knows(&code(1)));
}

#[test]
fn a_week_and_a_month_are_told_in_seconds() {
    assert_eq!((Bypass::LONGEST, Announcement::LASTS), (604_800, 604_800));
}

#[test]
fn a_new_name_is_one_of_that_token_and_of_what_is_told_of_it() {
    let name = |text: &str| TokenName::new(text).unwrap();
    let told = ["phone", "fob"].map(|token| {
        let change = Announced::Added { token: name(token) };
        Announcement::new(change, true, NOW, NOW)
    });
    let enrollment = holding_two().with_announcements(told.to_vec()).unwrap();
    let renamed = enrollment.clone().with_name(&name("fob"), &name("key")).unwrap();
    let tokens: Vec<_> = renamed.tokens().iter().map(|token| token.name.as_str()).collect();
    assert_eq!(tokens, ["phone", "key"]);
    let told: Vec<_> = renamed.announcements().iter().map(|told| told.change.token().unwrap()).collect();
    assert_eq!(told, [&name("phone"), &name("key")]);
    assert_eq!(
        enrollment.clone().with_name(&name("fob"), &name("phone")),
        Err(EnrollmentError::Twice(name("phone")))
    );
    assert_eq!(enrollment.clone().with_name(&name("lost"), &name("key")), Ok(enrollment));
}
