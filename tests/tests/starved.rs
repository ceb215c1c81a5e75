//! Disks that have nothing left to give, or give nothing away: no inode, not a block of a btrfs, a quota that is
//! used up, immutable files, a file system that takes no writes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::io::Write;
use std::process::Command;

use acceptance::disk::Disk;
use acceptance::lab::{Lab, STORE, run};
use acceptance::pam::{Code, Login};
use acceptance::people::Person;
use acceptance::sandbox;

fn alice(lab: &Lab) -> Person {
    lab.door("");
    lab.totpctl(["init"]);
    let alice = lab.enroll_slow("alice");
    lab.syslog.clear();
    alice
}

fn opens(code: &str) -> bool {
    Login::new("door", "alice").code(code).run().verdict() == Code::Success
}

/// An enrollment fails and says so, and neither it nor what stood before is half of something.
fn takes_no_change(lab: &Lab, alice: &Person) {
    for arguments in [vec!["carol"], vec!["alice", "--replace", "--yes"]] {
        let mut command = lab.totpctl_command();
        let output = command.args(["enroll", "--no-confirm", "--json"]).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).starts_with("totpctl: "), "{output:?}");
    }
    assert_eq!(lab.status("carol")["enrolled"], false);
    let text = fs::read_to_string(format!("{STORE}/users/2001/enrollment.toml")).unwrap();
    assert!(text.contains(&alice.secret));
}

#[test]
fn without_an_inode_left_logins_go_on_and_an_enrollment_changes_nothing() {
    sandbox::within(|lab| {
        let _disk = Disk::made_by(&["mkfs.ext4", "-q", "-N", "48"], 16);
        let alice = alice(lab);
        let filled = (0..100).find(|number| fs::File::create(format!("{STORE}/ballast.{number}")).is_err());
        assert!(filled.is_some(), "the disk has inodes without end");
        takes_no_change(lab, &alice);
        for code in [alice.phone.code(0), alice.backup_codes[0].clone()] {
            assert!(opens(&code));
            assert!(!opens(&code));
        }
        (0..100).for_each(|number| drop(fs::remove_file(format!("{STORE}/ballast.{number}"))));
        assert!(opens(&alice.phone.code(1)));
        lab.enroll("carol");
    });
}

fn chattr(flag: &str, path: &str) {
    run(Command::new("chattr").args([flag, path]));
}

#[test]
fn an_immutable_ledger_denies_with_its_reason_and_the_code_is_good_afterwards() {
    sandbox::within(|lab| {
        let _disk = Disk::under_store(16);
        let alice = alice(lab);
        let folder = format!("{STORE}/users/2001");
        let names = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let ledger = names.map(|path| path.to_str().unwrap().to_owned()).find(|path| path.contains("ledger"));
        let (ledger, code) = (ledger.unwrap(), alice.phone.code(0));
        chattr("+i", &ledger);
        for typed in [&code, &alice.phone.wrong(), &alice.backup_codes[0]] {
            lab.syslog.clear();
            assert!(!opens(typed));
            let line = lab.decision();
            assert!(line.contains("verdict=unavailable"), "{line}");
        }
        chattr("-i", &ledger);
        assert!(opens(&code) && !opens(&code));
        // No login writes what an administrator has made immutable with better reason.
        chattr("+i", &format!("{folder}/enrollment.toml"));
        chattr("+i", &folder);
        assert!(opens(&alice.phone.code(1)) && opens(&alice.backup_codes[0]));
        takes_no_change_of_alice(lab);
        chattr("-i", &folder);
        chattr("-i", &format!("{folder}/enrollment.toml"));
        let new = lab.enroll_with("alice", &["--replace", "--yes"]);
        assert!(opens(&new.phone.code(0)));
    });
}

fn takes_no_change_of_alice(lab: &Lab) {
    let mut command = lab.totpctl_command();
    let output = command.args(["enroll", "alice", "--no-confirm", "--json", "--replace", "--yes"]).output();
    assert_eq!(output.unwrap().status.code(), Some(1));
}

#[test]
fn a_file_system_that_takes_no_writes_denies_with_its_reason_and_loses_nothing() {
    sandbox::within(|lab| {
        let _disk = Disk::under_store(16);
        let alice = alice(lab);
        // As the kernel does it by itself after an error (errors=remount-ro).
        let remount = |how: &str| run(Command::new("mount").args(["-o", how, STORE]));
        remount("remount,ro");
        for typed in [&alice.phone.code(0), &alice.phone.wrong(), &alice.backup_codes[0]] {
            lab.syslog.clear();
            assert!(!opens(typed));
            let line = lab.decision();
            assert!(line.contains("verdict=unavailable") && line.contains("Read-only"), "{line}");
        }
        takes_no_change(lab, &alice);
        remount("remount,rw");
        for code in [&alice.phone.code(0), &alice.backup_codes[0]] {
            assert!(opens(code) && !opens(code));
        }
        lab.enroll("carol");
    });
}

/// Writes until nothing more is taken, and syncs, so that also what was set aside is used up; the last error.
fn fill_up() -> Option<i32> {
    let mut last = None;
    for (number, size) in [1 << 20, 1 << 16, 4096].into_iter().enumerate() {
        let write = |index| {
            let mut file = fs::File::create(format!("{STORE}/ballast.{number}.{index}"))?;
            file.write_all(&vec![1; size]).and_then(|()| file.sync_all())
        };
        let error = (0..600).find_map(|index| write(index).err()).expect("the disk takes ever more");
        last = error.raw_os_error();
    }
    last
}

/// A quota that binds root too. Those of ext4 want a kernel with QFMT_V2, and bind nobody with CAP_SYS_RESOURCE.
#[test]
fn a_quota_that_is_used_up_denies_or_records_and_loses_nothing() {
    sandbox::within(|lab| {
        let _disk = Disk::made_by(&["mkfs.btrfs", "-q", "--mixed"], 64);
        run(Command::new("btrfs").args(["quota", "enable", STORE]));
        let alice = alice(lab);
        assert!(opens(&alice.backup_codes[9]), "with room");
        run(Command::new("btrfs").args(["qgroup", "limit", "2M", STORE]));
        assert_eq!(fill_up(), Some(libc::EDQUOT));
        takes_no_change(lab, &alice);
        let left = records_or_denies(lab, &alice, "Disk quota exceeded");
        run(Command::new("btrfs").args(["qgroup", "limit", "none", STORE]));
        for code in &left {
            assert!(opens(code) && !opens(code), "refused, and good afterwards");
        }
        assert!(opens(&alice.phone.code(1)));
        assert!(!opens(&alice.backup_codes[9]), "spent before it was used up");
        lab.enroll("carol");
    });
}

/// A code and a backup code, where there may be no room for a record: those that were refused with a reason.
fn records_or_denies(lab: &Lab, alice: &Person, reason: &str) -> Vec<String> {
    let mut left = Vec::new();
    for code in [alice.phone.code(0), alice.backup_codes[0].clone()] {
        lab.syslog.clear();
        let opened = opens(&code);
        let line = lab.decision();
        assert!(opened || line.contains("verdict=unavailable") && line.contains(reason), "{line}");
        println!("no room: opened {opened}");
        if opened {
            assert!(!opens(&code), "accepted, and not recorded");
        } else {
            left.push(code);
        }
    }
    assert!(!opens(&alice.phone.wrong()));
    left
}

#[test]
fn a_full_btrfs_denies_or_records_and_loses_nothing() {
    sandbox::within(|lab| {
        let _disk = Disk::made_by(&["mkfs.btrfs", "-q", "--mixed"], 64);
        let alice = alice(lab);
        assert!(opens(&alice.backup_codes[9]), "with room");
        assert_eq!(fill_up(), Some(libc::ENOSPC));
        takes_no_change(lab, &alice);
        let left = records_or_denies(lab, &alice, "No space left on device");
        run(Command::new("sh").args(["-c", &format!("rm -f {STORE}/ballast.* && sync -f {STORE}")]));
        for code in &left {
            assert!(opens(code) && !opens(code), "refused, and good afterwards");
        }
        assert!(opens(&alice.phone.code(1)));
        assert!(!opens(&alice.backup_codes[9]), "spent before it was full");
        lab.enroll("carol");
    });
}

#[test]
fn a_power_cut_right_after_the_answer_on_a_full_btrfs_makes_no_spent_code_good() {
    sandbox::within(|lab| {
        let mut disk = Disk::made_by(&["mkfs.btrfs", "-q", "--mixed"], 64);
        let alice = alice(lab);
        fs::write(format!("{STORE}/not-synced"), "x").unwrap();
        disk.lose_power_between();
        assert!(!fs::exists(format!("{STORE}/not-synced")).unwrap(), "this test loses nothing");
        fill_up();
        for code in [alice.phone.code(0), alice.backup_codes[0].clone(), alice.phone.code(1)] {
            let opened = opens(&code);
            disk.lose_power_between();
            assert!(!opened || !opens(&code), "spent twice");
        }
        run(Command::new("sh").args(["-c", &format!("rm -f {STORE}/ballast.* && sync -f {STORE}")]));
        assert!(opens(&alice.backup_codes[1]), "the enrollment is lost");
    });
}
