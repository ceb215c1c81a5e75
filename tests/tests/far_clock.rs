//! Clocks that are far off, jump, or pass an instant that calendars and counters stumble over.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::process::Command;

use acceptance::codes::{Phone, now};
use acceptance::daemon::{Daemon, SOCKET};
use acceptance::faults::stop_clock;
use acceptance::lab::{Lab, SETTINGS, run};
use acceptance::pam::{Code, Login, Report};
use acceptance::sandbox;
use serde_json::Value;

const DAY: u64 = 86_400;
const YEAR: u64 = 365 * DAY;
/// The first second that 31 bits do not count, in 2038, and that of 32 bits, in 2106.
const BEYOND_31_BITS: u64 = 1 << 31;
const BEYOND_32_BITS: u64 = 1 << 32;
const IN_2500: u64 = 16_725_225_600;
const ENROLL: [&str; 3] = ["enroll", "--no-confirm", "--json"];

fn judged(mut command: Command, unix: u64) -> Code {
    stop_clock(&mut command, unix);
    Report::of(command.output().unwrap()).followed().verdict()
}

/// Logs in while the machine's clock stands at `unix`.
fn at(unix: u64, user: &str, code: &str) -> Code {
    judged(Login::new("door", user).code(code).command(), unix)
}

/// The same through the daemon, which has the same clock.
fn asked_at(lab: &Lab, unix: u64, user: &str, code: &str) -> Code {
    let _ = std::fs::remove_file(SOCKET);
    let mut daemon = Daemon::command(lab);
    stop_clock(&mut daemon, unix);
    let _daemon = Daemon::run(&mut daemon);
    let mut command = Login::new("door", user).code(code).command();
    command.uid(lab.uid(user)).gid(lab.uid(user));
    judged(command, unix)
}

/// `totpctl` while the clock stands there; what it printed.
fn totpctl_at(lab: &Lab, unix: u64, words: &[&str]) -> Value {
    let mut command = lab.totpctl_command();
    stop_clock(command.args(words), unix);
    serde_json::from_slice(&run(&mut command).stdout).unwrap_or_default()
}

fn secret_of(printed: &Value) -> Phone {
    Phone::new(&printed["secret"].as_str().unwrap().replace(' ', ""))
}

fn last_used(lab: &Lab, unix: u64, user: &str) -> String {
    let status = totpctl_at(lab, unix, &["status", user, "--json"]);
    status["tokens"][0]["last_used"].as_str().unwrap().to_owned()
}

#[test]
fn in_2038_in_2106_and_in_2500_every_code_opens_once_by_either_way() {
    sandbox::within(|lab| {
        lab.door("");
        let alice = lab.enroll("alice");
        let instants = [BEYOND_31_BITS - 90, BEYOND_31_BITS, BEYOND_32_BITS - 90, BEYOND_32_BITS, IN_2500];
        for (unix, backup) in instants.into_iter().zip(&alice.backup_codes) {
            let code = alice.phone.at(unix);
            assert_eq!(at(unix, "alice", &code), Code::Success, "{unix}");
            assert_eq!(asked_at(lab, unix, "alice", &code), Code::AuthErr, "{unix}");
            assert_eq!(
                asked_at(lab, unix + 30, "alice", &alice.phone.at(unix + 30)),
                Code::Success,
                "{unix}"
            );
            assert_eq!(at(unix + 30, "alice", &alice.phone.at(unix + 30)), Code::AuthErr, "{unix}");
            assert_eq!(at(unix + 30, "alice", backup), Code::Success, "{unix}");
            assert_eq!(at(unix + 30, "alice", backup), Code::AuthErr, "{unix}");
        }
        assert_eq!(last_used(lab, IN_2500 + 60, "alice"), "2500-01-01T00:00:30Z");
        let bob = secret_of(&totpctl_at(lab, BEYOND_32_BITS, &[&ENROLL[..], &["bob"]].concat()));
        assert_eq!(at(BEYOND_32_BITS, "bob", &bob.at(BEYOND_32_BITS)), Code::Success);
        assert_eq!(last_used(lab, BEYOND_32_BITS, "bob"), "2106-02-07T06:28:16Z");
    });
}

#[test]
fn a_wait_and_a_bypass_end_on_the_other_side_of_2106_when_they_should() {
    sandbox::within(|lab| {
        lab.settings(&format!("{SETTINGS}[throttle]\nfree_failures = 1\n"));
        lab.door("");
        let alice = lab.enroll("alice");
        let end = BEYOND_32_BITS;
        assert_eq!(at(end - 10, "alice", &alice.phone.wrong()), Code::AuthErr);
        assert_eq!(at(end + 19, "alice", &alice.phone.at(end + 19)), Code::AuthErr);
        assert_eq!(at(end + 21, "alice", &alice.phone.at(end + 21)), Code::Success);
        lab.enroll("bob");
        let words = ["bypass", "bob", "--reason", "phone lost", "--uses", "5", "--json"];
        let printed = totpctl_at(lab, end - 1800, &words);
        assert_eq!(printed["expires"], "2106-02-07T06:58:16Z");
        let bypass = printed["bypass"].as_str().unwrap();
        assert_eq!(at(end + 1799, "bob", bypass), Code::Success);
        assert_eq!(at(end + 1801, "bob", bypass), Code::AuthErr);
        assert_eq!(at(end - 1, "bob", bypass), Code::AuthErr, "it has ended, whatever the clock says now");
    });
}

#[test]
fn a_machine_that_wakes_in_1970_takes_backup_codes_and_bypasses_and_counts_no_code() {
    sandbox::within(|lab| {
        lab.settings(&format!("{SETTINGS}[throttle]\nfree_failures = 1\n"));
        lab.door("");
        let alice = lab.enroll("alice");
        let bypass = totpctl_at(lab, 0, &["bypass", "alice", "--reason", "dead battery", "--json"]);
        for unix in [0, 1, 90, DAY] {
            lab.syslog.clear();
            assert_eq!(at(unix, "alice", &alice.phone.at(unix)), Code::AuthErr, "{unix}");
            let line = lab.decision();
            assert!(line.contains("verdict=unavailable") && line.contains("behind"), "{line}");
            assert_eq!(at(unix, "alice", &alice.phone.wrong()), Code::AuthErr, "{unix}");
            assert_eq!(asked_at(lab, unix, "alice", &alice.phone.at(unix)), Code::AuthErr, "{unix}");
        }
        assert_eq!(at(0, "alice", &alice.backup_codes[0]), Code::Success);
        assert_eq!(asked_at(lab, 1, "alice", &alice.backup_codes[1]), Code::Success);
        assert_eq!(at(60, "alice", bypass["bypass"].as_str().unwrap()), Code::Success);
        for backup in &alice.backup_codes[..2] {
            assert_eq!(at(90, "alice", backup), Code::AuthErr, "spent");
        }
        // Its clock is right again.
        assert_eq!(at(now(), "alice", &alice.phone.code(0)), Code::Success, "nothing was counted");
        let bob = secret_of(&totpctl_at(lab, 0, &[&ENROLL[..], &["bob"]].concat()));
        assert_eq!(at(now(), "bob", &bob.code(0)), Code::Success, "enrolled in 1970");
    });
}

#[test]
fn a_leap_day_is_a_day() {
    sandbox::within(|lab| {
        lab.door("nullok");
        let alice = lab.enroll("alice");
        for (unix, instant) in [
            (1_835_395_170, "2028-02-28T23:59:30Z"),
            (1_835_395_200, "2028-02-29T00:00:00Z"),
            (1_835_481_570, "2028-02-29T23:59:30Z"),
            (1_835_481_600, "2028-03-01T00:00:00Z"),
            // A year that 100 divides has none.
            (4_107_542_370, "2100-02-28T23:59:30Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(at(unix, "alice", &alice.phone.at(unix)), Code::Success, "{instant}");
            assert_eq!(at(unix, "alice", &alice.phone.at(unix)), Code::AuthErr, "{instant}");
            assert_eq!(last_used(lab, unix, "alice"), instant);
        }
        lab.settings(&format!("{SETTINGS}skip_until = 2028-02-29\n"));
        let unasked = |unix: u64| judged(Login::new("door", "carol").command(), unix);
        assert_eq!(unasked(1_835_395_199), Code::PermDenied, "exempt, and nobody says yes");
        assert_eq!(at(1_835_395_200, "carol", "123456"), Code::AuthErr);
    });
}

/// Linux shows the last second of such a day twice (adjtimex(2), TIME_OOP).
#[test]
fn a_leap_second_makes_no_code_good_twice_and_refuses_no_new_one() {
    sandbox::within(|lab| {
        lab.door("");
        let midnight = (now() + DAY).next_multiple_of(DAY);
        let (before, after) = (midnight - 1, midnight);
        let alice = lab.enroll("alice");
        let shown = |unix: u64| alice.phone.at(unix);
        assert_eq!(at(before, "alice", &shown(before)), Code::Success);
        assert_eq!(at(after, "alice", &shown(after)), Code::Success, "a moment later it is the next day");
        for again in [before, after, after + 29] {
            assert_eq!(at(again, "alice", &shown(before)), Code::AuthErr, "{again}");
            assert_eq!(at(again, "alice", &shown(after)), Code::AuthErr, "{again}");
        }
        let warnings = totpctl_at(lab, before, &["status", "alice", "--json"])["warnings"].to_string();
        assert!(!warnings.contains("clock"), "{warnings}");
        assert_eq!(at(after + 30, "alice", &shown(after + 30)), Code::Success);
    });
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stop {
    Opens,
    Replayed,
    Behind,
}

/// Where the clock stands one after another, in seconds from where it began, and what becomes of the code that is
/// shown there.
fn stops(begin: u64) -> Vec<(i64, Stop)> {
    let (day, year) = (DAY.cast_signed(), YEAR.cast_signed());
    let in_1970 = -begin.cast_signed();
    vec![
        (0, Stop::Opens),
        (1, Stop::Replayed),
        (-1, Stop::Replayed),
        (45, Stop::Opens),
        (15, Stop::Replayed),
        (100, Stop::Opens),
        (-3600, Stop::Replayed),
        (130, Stop::Opens),
        (200 - day, Stop::Replayed),
        (-2 * day, Stop::Behind),
        (day, Stop::Opens),
        (200, Stop::Replayed),
        (day + 60, Stop::Opens),
        (-year, Stop::Behind),
        (year, Stop::Opens),
        (2 * day, Stop::Behind),
        (in_1970, Stop::Behind),
        (30 * year, Stop::Opens),
        (year + 60, Stop::Behind),
        (0, Stop::Behind),
        (30 * year + 30, Stop::Opens),
        (100 * year, Stop::Opens),
        (300, Stop::Behind),
    ]
}

#[test]
fn a_clock_that_jumps_by_seconds_days_and_years_makes_no_code_good_twice_and_shuts_no_owner_out() {
    sandbox::within(|lab| {
        lab.door("");
        let alice = lab.enroll_with("alice", &["--backup-codes", "30"]);
        let begin = (now() + DAY / 2).next_multiple_of(300);
        let mut opened = BTreeMap::new();
        for ((offset, expected), backup) in stops(begin).into_iter().zip(&alice.backup_codes) {
            let unix = begin.checked_add_signed(offset).unwrap();
            let code = alice.phone.at(unix);
            lab.syslog.clear();
            let is_in = at(unix, "alice", &code) == Code::Success;
            let line = lab.decision();
            let came = match (is_in, line.contains("verdict=replayed"), line.contains("behind")) {
                (true, false, false) => Stop::Opens,
                (false, true, false) => Stop::Replayed,
                (false, false, true) => Stop::Behind,
                _ => panic!("{offset}: {line}"),
            };
            assert_eq!(came, expected, "{offset}: {line}");
            if is_in {
                assert_eq!(opened.insert(unix / 30, (unix, code)), None, "{offset}");
            }
            assert_eq!(at(unix, "alice", backup), Code::Success, "{offset}: the owner is shut out");
            assert_eq!(at(unix, "alice", backup), Code::AuthErr, "{offset}");
        }
        // Somebody puts the clock right, and says so. Then all that time passes once more, as it should.
        totpctl_at(lab, begin + 300, &["unlock", "alice", "--clock"]);
        assert_eq!(at(begin + 360, "alice", &alice.phone.at(begin + 360)), Code::Success);
        for (step, (unix, code)) in opened {
            assert_eq!(at(unix, "alice", &code), Code::AuthErr, "step {step} was used");
            if unix > begin + 360 {
                let next = unix + 90;
                assert_eq!(at(next, "alice", &alice.phone.at(next)), Code::Success, "beside step {step}");
            }
        }
    });
}
