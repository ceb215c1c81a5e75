//! What an answer behind a password leaves on record, and what is answered before the lock is taken.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod common;

use common::{K1, NOW, phone};
use otp::{
    BackupCode, BackupSet, Bypass, Code, Delay, Enrollment, Judgement, Ledger, Life, Method, Origin, Policy,
    Reason, ScratchSet, Tail, Time, Uses, Verdict, split, split_throttled,
};

/// Its end is a code too.
const BACKUP: &str = "abcd-ef12-3456";
const BYPASS: &str = "abcd-efgh-jkmp";
const SCRATCH: &str = "10000000";

fn somebody() -> (Enrollment, Ledger) {
    let code = |text: &str| BackupCode::parse(text).unwrap();
    let set = BackupSet::new(1, NOW, [9; 16], &[code(BACKUP)]);
    let bypass = Bypass {
        number: 1,
        life: Life::new(NOW, Time(0), 3600),
        uses: Uses::ONE,
        reason: Reason::new("lost").unwrap(),
        salt: [1; 16],
        hash: Bypass::hash(&[1; 16], &code(BYPASS)),
    };
    let scratch = ScratchSet::new([3; 16], &[Code::new(SCRATCH.as_bytes()).unwrap()]);
    let enrollment = Enrollment::new(vec![phone(K1)], Some(set)).unwrap();
    let enrollment = enrollment.with_bypasses(vec![bypass]).unwrap().with_scratch(Some(scratch));
    let ledger = Ledger::new(&enrollment);
    (enrollment, ledger)
}

/// The strangers' lane after five failures, the last of them at this time.
fn waiting(last_failure: Time) -> (Enrollment, Ledger) {
    let (enrollment, ledger) = somebody();
    (enrollment, Ledger { strangers: Delay { failures: 5, last_failure }, ..ledger })
}

fn answer(code: &str) -> Tail {
    Tail::of(format!("p!{code}").as_bytes())
}

fn judged(enrollment: &Enrollment, ledger: &Ledger, tail: &Tail) -> Judgement {
    split(enrollment, ledger, tail, Origin::Stranger, NOW, &Policy::default()).judgement
}

#[test]
fn where_no_code_is_needed_all_that_would_open_is_spent_at_once() {
    let (enrollment, ledger) = somebody();
    for (code, method) in [
        (BACKUP, Method::Backup),
        (BYPASS, Method::Bypass { number: 1, left: 0 }),
        (SCRATCH, Method::Scratch { left: 0 }),
    ] {
        let first = judged(&enrollment, &ledger, &answer(code).optional());
        assert!(matches!(first.verdict, Verdict::Accepted { method: by, .. } if by == method), "{code}");
        let again = judged(&enrollment, &first.next.unwrap(), &answer(code));
        assert_eq!(again.verdict, Verdict::Replayed { token: None, ahead: None }, "{code}");
    }
}

#[test]
fn a_wait_that_lies_ahead_is_brought_back_by_a_code_that_is_needed_and_by_no_other() {
    let (enrollment, ledger) = waiting(NOW.after(40_000));
    let needed = judged(&enrollment, &ledger, &answer("000000"));
    assert!(matches!(needed.verdict, Verdict::Throttled { .. }));
    assert_eq!(needed.next.unwrap().strangers.last_failure, NOW);
    let unneeded = judged(&enrollment, &ledger, &answer("000000").optional());
    assert!(matches!(unneeded.verdict, Verdict::Throttled { .. }));
    assert_eq!(unneeded.next, None);
}

#[test]
fn what_has_to_be_recorded_or_is_no_wait_is_not_answered_before_the_lock() {
    let (enrollment, ledger) = waiting(NOW);
    let early = |code, ledger| {
        split_throttled(&enrollment, ledger, &answer(code), Origin::Stranger, NOW, &Policy::default())
    };
    assert!(matches!(early("000000", &ledger), Some(Verdict::Throttled { .. })));
    assert_eq!(early("111111222222", &ledger), None, "two guesses, which are charged");
    let spent = judged(&enrollment, &ledger, &answer(BACKUP)).next.unwrap();
    let spent = Ledger { strangers: ledger.strangers, ..spent };
    assert_eq!(early(BACKUP, &spent), None, "used before");
}
