//! Power cuts and a full disk, on a real ext4.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::io::Write;
use std::process::Command;

use acceptance::disk::Disk;
use acceptance::faults::{kill_at, system_calls};
use acceptance::lab::{Lab, STORE, run};
use acceptance::pam::{Code, Login};
use acceptance::sandbox;

fn store_on_a_disk(lab: &Lab) -> Disk {
    lab.door("");
    let disk = Disk::under_store(16);
    lab.totpctl(["init"]);
    disk
}

fn opens(code: &str) -> bool {
    Login::new("door", "alice").code(code).run().verdict() == Code::Success
}

#[test]
fn what_was_not_synced_is_lost_when_the_power_goes() {
    sandbox::within(|lab| {
        let disk = store_on_a_disk(lab);
        fs::write(format!("{STORE}/not-synced"), "x").unwrap();
        disk.lose_power();
        assert!(!fs::exists(format!("{STORE}/not-synced")).unwrap(), "this test loses nothing");
    });
}

#[test]
fn a_power_cut_right_after_the_answer_makes_no_spent_code_good() {
    sandbox::within(|lab| {
        let disk = store_on_a_disk(lab);
        let alice = lab.enroll_slow("alice");
        disk.lose_power();
        for code in [alice.phone.code(0), alice.backup_codes[0].clone(), alice.phone.code(1)] {
            assert!(opens(&code), "lost its enrollment, or a step");
            disk.lose_power();
            assert!(!opens(&code), "spent twice");
        }
        assert_eq!(lab.status("alice")["backup_codes_left"], 9);
    });
}

#[test]
fn a_power_cut_right_after_a_wrong_guess_does_not_take_it_back() {
    sandbox::within(|lab| {
        lab.settings("[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 1\n");
        let disk = store_on_a_disk(lab);
        let alice = lab.enroll_slow("alice");
        assert!(!opens(&alice.phone.wrong()));
        disk.lose_power();
        assert!(!opens(&alice.phone.code(0)));
        assert!(lab.syslog.module().iter().any(|line| line.contains("throttled")));
    });
}

#[test]
fn a_power_cut_right_after_a_change_does_not_take_it_back() {
    sandbox::within(|lab| {
        let disk = store_on_a_disk(lab);
        let old = lab.enroll_slow("alice");
        disk.lose_power();
        assert!(opens(&old.phone.code(0)));
        let new = lab.enroll_with("alice", &["--replace", "--yes"]);
        disk.lose_power();
        assert!(!opens(&old.phone.code(1)) && opens(&new.phone.code(0)));
        lab.totpctl(["revoke", "alice", "--yes"]);
        disk.lose_power();
        assert_eq!(lab.status("alice")["enrolled"], false);
    });
}

#[test]
fn a_power_cut_amid_a_replacement_leaves_the_old_enrollment_or_the_new_one() {
    sandbox::within(|lab| {
        let disk = store_on_a_disk(lab);
        let old = lab.enroll_slow("alice");
        let spent = old.phone.code(0);
        assert!(opens(&spent));
        let mut command: Command = lab.totpctl_command();
        command.args(["enroll", "alice", "--no-confirm", "--json", "--replace", "--yes"]);
        let keep = "/var/lib/kept";
        run(Command::new("cp").args(["-a", &format!("{STORE}/users"), keep]));
        let begin_again = format!("rm -rf {STORE}/users && cp -a {keep} {STORE}/users && sync -f {STORE}");
        let calls = system_calls(&command);
        let first = calls.iter().position(|call| call.shown.contains("ledger.")).unwrap();
        let last = calls.iter().rposition(|call| call.call.starts_with("unlink")).unwrap();
        for point in &calls[first..=last] {
            run(Command::new("sh").args(["-c", &begin_again]));
            let _ = kill_at(&command, point);
            disk.lose_power();
            assert!(!opens(&spent), "a spent code opened, at {point:?}");
            let text = fs::read_to_string(format!("{STORE}/users/2001/enrollment.toml")).unwrap();
            if text.contains(&old.secret) {
                assert!(opens(&old.phone.code(1)), "shut out, at {point:?}");
            } else {
                let secret = text.lines().find_map(|line| line.strip_prefix("secret = ")).unwrap();
                let phone = acceptance::codes::Phone::new(secret.trim_matches('"'));
                assert!(opens(&phone.code(0)), "shut out, at {point:?}");
            }
        }
    });
}

/// Writes until not one block more is taken, also none that ext4 had only set aside.
fn fill_up() {
    for (number, size) in [1 << 20, 1 << 16, 4096].into_iter().enumerate() {
        let fits = |index| {
            let mut file = fs::File::create(format!("{STORE}/ballast.{number}.{index}")).unwrap();
            file.write_all(&vec![1; size]).and_then(|()| file.sync_all()).is_ok()
        };
        assert!((0..100).any(|index| !fits(index)), "the disk takes ever more");
    }
}

#[test]
fn a_full_disk_locks_nobody_out_and_an_enrollment_on_it_changes_nothing() {
    sandbox::within(|lab| {
        let _disk = store_on_a_disk(lab);
        let alice = lab.enroll_slow("alice");
        fill_up();
        let mut command = lab.totpctl_command();
        let output = command.args(["enroll", "carol", "--no-confirm", "--json"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert_eq!(lab.status("carol")["enrolled"], false);
        for code in [alice.phone.code(0), alice.backup_codes[0].clone()] {
            assert!(opens(&code));
            assert!(!opens(&code));
        }
    });
}
