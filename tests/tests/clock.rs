//! Time: the window, a clock set back, a clock that is plainly wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;

use acceptance::codes::now;
use acceptance::faults::stop_clock;
use acceptance::pam::{Code, Login, Report};
use acceptance::sandbox;

const DAY: u64 = 86_400;

/// The beginning of a step tomorrow: nothing of today is a day away from it.
fn tomorrow() -> u64 {
    (now() + DAY / 2).next_multiple_of(300)
}

/// Logs in while the machine's clock stands at `unix`.
fn at(unix: u64, user: &str, code: &str) -> Code {
    let mut command = Login::new("door", user).code(code).command();
    stop_clock(&mut command, unix);
    Report::of(command.output().unwrap()).followed().verdict()
}

#[test]
fn one_step_to_either_side_is_accepted_and_no_more() {
    sandbox::within(|lab| {
        lab.door("");
        let t = tomorrow();
        let mut phones = BTreeMap::new();
        for (user, offset, expected) in [
            ("alice", -60_i64, Code::AuthErr),
            ("alice", -30, Code::Success),
            ("bob", 60, Code::AuthErr),
            ("bob", 30, Code::Success),
        ] {
            let phone = phones.entry(user).or_insert_with(|| lab.enroll(user).phone);
            let code = phone.at(t.checked_add_signed(offset).unwrap());
            assert_eq!(at(t, user, &code), expected, "{user}: {offset}");
        }
        let carol = lab.enroll("carol");
        assert_eq!(at(t, "carol", &carol.phone.at(t + 60)), Code::AuthErr);
        assert_eq!(at(t + 29, "carol", &carol.phone.at(t + 60)), Code::AuthErr);
        assert_eq!(at(t + 30, "carol", &carol.phone.at(t + 60)), Code::Success);
    });
}

#[test]
fn an_older_code_never_opens_after_a_newer_one() {
    sandbox::within(|lab| {
        lab.door("");
        let alice = lab.enroll("alice");
        let t = tomorrow();
        assert_eq!(at(t, "alice", &alice.phone.at(t)), Code::Success);
        lab.syslog.clear();
        assert_eq!(at(t, "alice", &alice.phone.at(t - 30)), Code::AuthErr);
        assert!(lab.decision().contains("replayed"));
        assert_eq!(at(t, "alice", &alice.phone.at(t + 30)), Code::Success);
        assert_eq!(at(t, "alice", &alice.phone.at(t)), Code::AuthErr);
    });
}

#[test]
fn a_code_that_begins_with_zero_is_typed_with_it() {
    sandbox::within(|lab| {
        lab.door("");
        let alice = lab.enroll("alice");
        let begin = tomorrow();
        let codes = alice.phone.series(begin, 400);
        let step = codes.iter().position(|code| code.starts_with('0')).unwrap();
        let t = begin + 30 * u64::try_from(step).unwrap();
        lab.syslog.clear();
        assert_eq!(at(t, "alice", &codes[step][1..]), Code::AuthErr);
        assert!(lab.decision().contains("malformed"));
        assert_eq!(at(t, "alice", &codes[step]), Code::Success);
    });
}

#[test]
fn a_phone_that_is_minutes_off_opens_with_two_codes_and_with_one_from_then_on() {
    sandbox::within(|lab| {
        lab.door("");
        let alice = lab.enroll("alice");
        let (t, behind) = (tomorrow(), 240);
        let shown = |unix: u64| alice.phone.at(unix - behind);
        assert_eq!(at(t, "alice", &shown(t)), Code::AuthErr);
        assert_eq!(at(t, "alice", &format!("{} {}", shown(t - 30), shown(t))), Code::Success);
        let warnings = lab.status("alice")["warnings"].to_string();
        assert!(warnings.contains("token phone: its clock is 240 s behind this one"), "{warnings}");
        for later in [30, 3600] {
            assert_eq!(at(t + later, "alice", &shown(t + later)), Code::Success);
            assert_eq!(at(t + later, "alice", &shown(t + later)), Code::AuthErr);
        }
        // Somebody put the phone's clock right: one code does not tell, two do.
        let right = |unix: u64| alice.phone.at(unix);
        assert_eq!(at(t + 7200, "alice", &right(t + 7200)), Code::AuthErr);
        assert_eq!(at(t + 7200, "alice", &format!("{} {}", right(t + 7170), right(t + 7200))), Code::Success);
        assert_eq!(at(t + 7230, "alice", &right(t + 7230)), Code::Success);
    });
}

#[test]
fn whoever_wants_no_clock_learned_sets_drift_to_0() {
    sandbox::within(|lab| {
        let drift =
            |steps: u32| lab.settings(&format!("[login]\nfail_delay = \"0s\"\n[accept]\ndrift = {steps}\n"));
        lab.door("");
        let alice = lab.enroll("alice");
        let (t, behind) = (tomorrow(), 240);
        let shown = |unix: u64| alice.phone.at(unix - behind);
        let two = |unix: u64| format!("{} {}", shown(unix - 30), shown(unix));
        drift(0);
        assert_eq!(at(t, "alice", &two(t)), Code::AuthErr, "two codes teach nothing");
        drift(20);
        assert_eq!(at(t + 60, "alice", &two(t + 60)), Code::Success);
        assert_eq!(at(t + 120, "alice", &shown(t + 120)), Code::Success);
        // What was learned counts no more, and what was used before stays used.
        drift(0);
        assert_eq!(at(t + 180, "alice", &shown(t + 180)), Code::AuthErr);
        assert_eq!(at(t + 180, "alice", &alice.phone.at(t + 180)), Code::Success);
        assert_eq!(at(t + 180, "alice", &shown(t + 120)), Code::AuthErr);
    });
}

#[test]
fn three_used_codes_in_a_row_typed_again_hours_later_open_nothing_and_lock_nobody_out() {
    // pam_google_authenticator learns from them: whoever wrote them down is in, and the owner out.
    sandbox::within(|lab| {
        lab.door("");
        let alice = lab.enroll("alice");
        let t = tomorrow();
        let codes = alice.phone.series(t, 3);
        for (code, unix) in codes.iter().zip([t, t + 30, t + 60]) {
            assert_eq!(at(unix, "alice", code), Code::Success);
        }
        for hours in [1, 3, 12] {
            let now = t + 3600 * hours;
            for code in &codes {
                assert_eq!(at(now, "alice", code), Code::AuthErr);
            }
            for pair in codes.windows(2) {
                assert_eq!(at(now, "alice", &pair.join(" ")), Code::AuthErr);
            }
            let warnings = lab.status("alice")["warnings"].to_string();
            assert!(!warnings.contains("its clock is"), "{warnings}");
            assert_eq!(at(now, "alice", &alice.phone.at(now)), Code::Success, "the owner, {hours} h later");
        }
    });
}

#[test]
fn a_clock_set_back_makes_no_spent_code_good_and_the_log_says_why() {
    sandbox::within(|lab| {
        lab.door("");
        let alice = lab.enroll("alice");
        let t = tomorrow();
        let code = alice.phone.at(t);
        assert_eq!(at(t, "alice", &code), Code::Success);
        for back in [60, 90, 3600] {
            lab.syslog.clear();
            assert_eq!(at(t - back, "alice", &code), Code::AuthErr, "{back}");
            let line = lab.decision();
            assert!(line.contains("replayed") && line.contains("ahead of this clock"), "{line}");
        }
        // The codes of the time that is lived again are refused too: some of them were used.
        assert_eq!(at(t - 60, "alice", &alice.phone.at(t - 60)), Code::AuthErr);
        assert_eq!(at(t + 30, "alice", &alice.phone.at(t + 30)), Code::Success);
    });
}

#[test]
fn a_clock_that_ran_ahead_is_put_right_by_a_command_and_spent_codes_stay_spent() {
    sandbox::within(|lab| {
        lab.door("");
        let alice = lab.enroll("alice");
        let t = tomorrow();
        let ahead = alice.phone.at(t + 600);
        assert_eq!(at(t + 600, "alice", &ahead), Code::Success);
        assert_eq!(at(t, "alice", &alice.phone.at(t)), Code::AuthErr);
        let mut unlock = lab.totpctl_command();
        stop_clock(unlock.args(["unlock", "alice", "--clock"]), t);
        acceptance::lab::run(&mut unlock);
        assert_eq!(at(t + 60, "alice", &alice.phone.at(t + 60)), Code::Success);
        assert_eq!(at(t + 600, "alice", &ahead), Code::AuthErr, "it was used when the clock was wrong");
        assert_eq!(at(t + 630, "alice", &alice.phone.at(t + 630)), Code::Success);
    });
}

#[test]
fn a_clock_more_than_a_day_behind_judges_no_code_and_takes_a_backup_code() {
    sandbox::within(|lab| {
        lab.settings("[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 1\n");
        lab.door("");
        let alice = lab.enroll("alice");
        let t = tomorrow();
        assert_eq!(at(t, "alice", &alice.phone.at(t)), Code::Success);
        let wrong_day = t - 2 * DAY;
        for unix in [wrong_day, 1_000_000_000, 0] {
            lab.syslog.clear();
            assert_eq!(at(unix, "alice", &alice.phone.at(unix)), Code::AuthErr, "{unix}");
            let line = lab.decision();
            assert!(line.contains("unavailable") && line.contains("behind"), "{line}");
        }
        assert_eq!(at(wrong_day, "alice", &alice.backup_codes[0]), Code::Success);
        assert_eq!(at(t + 30, "alice", &alice.phone.at(t + 30)), Code::Success, "none of it was counted");
    });
}

#[test]
fn a_wait_ends_and_a_clock_set_back_does_not_prolong_it() {
    sandbox::within(|lab| {
        lab.settings("[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 1\n");
        lab.door("");
        let alice = lab.enroll("alice");
        let t = tomorrow();
        assert_eq!(at(t, "alice", &alice.phone.wrong()), Code::AuthErr);
        assert_eq!(at(t + 29, "alice", &alice.phone.at(t + 29)), Code::AuthErr);
        assert_eq!(at(t + 31, "alice", &alice.phone.at(t + 31)), Code::Success);
        let bob = lab.enroll("bob");
        assert_eq!(at(t, "bob", &bob.phone.wrong()), Code::AuthErr);
        // An hour back: the failure lies ahead. It is restamped, and the wait is its 30 seconds from here.
        assert_eq!(at(t - 3600, "bob", &bob.phone.at(t - 3600)), Code::AuthErr);
        assert_eq!(at(t - 3569, "bob", &bob.phone.at(t - 3569)), Code::Success);
    });
}

#[test]
fn every_kind_of_token_shows_what_another_implementation_shows() {
    sandbox::within(|lab| {
        lab.door("");
        let t = tomorrow();
        let kinds = [("alice", "sha256", 8, 60), ("bob", "sha512", 7, 15), ("carol", "sha1", 6, 300)];
        for (user, algorithm, digits, period) in kinds {
            let (long, wide) = (digits.to_string(), period.to_string());
            let arguments = ["--algorithm", algorithm, "--digits", &long, "--period", &wide];
            let phone = lab.enroll_with(user, &arguments).phone;
            let phone = phone.with_algorithm(algorithm).with_digits(digits).with_period(period);
            assert_eq!(at(t, user, &phone.at(t)), Code::Success, "{user}");
            assert_eq!(at(t, user, &phone.at(t)), Code::AuthErr, "{user}");
        }
    });
}
