//! An invitation is good for its code alone, and until its time.

#![allow(clippy::unwrap_used)]
mod common;

use common::NOW;
use otp::{BackupCode, Invitation, Life, Time};

#[test]
fn an_invitation_is_good_for_its_own_code_until_it_is_over() {
    let code = BackupCode::parse("abcd-efgh-jkmn").unwrap();
    let invitation = Invitation::new(Life::new(NOW, Time(0), Invitation::LONGEST), [3; 16], &code);
    assert!(invitation.is(&code));
    assert!(!invitation.is(&BackupCode::parse("abcd-efgh-jkmp").unwrap()));
    let thirty_days = NOW.after(2_592_000);
    assert!(!invitation.has_expired(Time(0), Time(thirty_days.0 - 1)));
    assert!(invitation.has_expired(Time(0), thirty_days));
    assert!(invitation.has_expired(thirty_days, NOW), "by the latest time on record");
}
