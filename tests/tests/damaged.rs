//! A store that is damaged, tampered with or out of reach: it denies, says so, and loses nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::{FileExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use acceptance::faults::{Snapshot, fail_at, system_calls};
use acceptance::lab::{Lab, STORE, run};
use acceptance::mounts;
use acceptance::pam::{Code, Login, Report};
use acceptance::people::Person;
use acceptance::sandbox;
use nix::mount::{MntFlags, MsFlags, umount2};

const FOLDER: &str = "/var/lib/pam_totp/users/2001";
const ENROLLMENT: &str = "/var/lib/pam_totp/users/2001/enrollment.toml";

/// The ledger of alice, by whatever name it has.
fn ledger() -> PathBuf {
    let entries = fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path());
    let mut ledgers =
        entries.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("ledger"));
    ledgers.next().unwrap()
}

fn mode(path: impl AsRef<Path>, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Puts a file elsewhere and a symbolic link in its place: followed, it would be as good as before.
fn by_symlink(path: &Path) {
    let aside = Path::new(mounts::LAB).join("aside");
    run(Command::new("mv").args([path, &aside]));
    symlink(&aside, path).unwrap();
}

fn fifo(path: &Path) {
    fs::remove_file(path).unwrap();
    nix::unistd::mkfifo(path, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
}

fn folder_in_place_of(path: &Path) {
    fs::remove_file(path).unwrap();
    fs::create_dir(path).unwrap();
}

fn flip(path: &Path, offsets: &[u64]) {
    let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
    for &offset in offsets {
        let mut byte = [0];
        file.read_exact_at(&mut byte, offset).unwrap();
        file.write_all_at(&[byte[0] ^ 0x10], offset).unwrap();
    }
}

fn resize(path: &Path, length: u64) {
    OpenOptions::new().write(true).open(path).unwrap().set_len(length).unwrap();
}

type Flaw = (&'static str, fn());

/// Named for their flaws. Each is done to a store in which alice is enrolled.
const FLAWS: [Flaw; 45] = [
    ("store_is_gone", || fs::remove_dir_all(STORE).unwrap()),
    ("store_is_empty", || {
        fs::remove_dir_all(STORE).unwrap();
        fs::create_dir(STORE).unwrap();
        mode(STORE, 0o700);
    }),
    ("store_is_a_symlink", || by_symlink(Path::new(STORE))),
    ("store_is_open_to_others", || mode(STORE, 0o755)),
    ("store_belongs_to_alice", || chown(STORE, Some(2001), None).unwrap()),
    ("format_is_gone", || fs::remove_file(format!("{STORE}/FORMAT")).unwrap()),
    ("format_is_empty", || fs::write(format!("{STORE}/FORMAT"), "").unwrap()),
    ("format_is_of_a_later_version", || {
        let text = fs::read_to_string(format!("{STORE}/FORMAT")).unwrap();
        fs::write(format!("{STORE}/FORMAT"), text.replacen('1', "3", 1)).unwrap();
    }),
    ("format_is_a_symlink", || by_symlink(&Path::new(STORE).join("FORMAT"))),
    ("format_is_a_fifo", || fifo(&Path::new(STORE).join("FORMAT"))),
    ("users_is_gone", || fs::remove_dir_all(format!("{STORE}/users")).unwrap()),
    ("users_is_a_file", || {
        fs::remove_dir_all(format!("{STORE}/users")).unwrap();
        fs::write(format!("{STORE}/users"), "").unwrap();
    }),
    ("users_is_a_symlink", || by_symlink(&Path::new(STORE).join("users"))),
    ("users_is_open_to_a_group", || mode(format!("{STORE}/users"), 0o770)),
    ("users_belongs_to_alice", || chown(format!("{STORE}/users"), Some(2001), None).unwrap()),
    ("folder_is_a_symlink", || by_symlink(Path::new(FOLDER))),
    ("folder_is_a_file", || {
        fs::remove_dir_all(FOLDER).unwrap();
        fs::write(FOLDER, "").unwrap();
    }),
    ("folder_is_open_to_others", || mode(FOLDER, 0o711)),
    ("folder_belongs_to_alice", || chown(FOLDER, Some(2001), Some(2001)).unwrap()),
    ("enrollment_is_a_symlink", || by_symlink(Path::new(ENROLLMENT))),
    ("enrollment_is_a_dangling_symlink", || {
        fs::remove_file(ENROLLMENT).unwrap();
        symlink("/nowhere", ENROLLMENT).unwrap();
    }),
    ("enrollment_has_a_second_link", || fs::hard_link(ENROLLMENT, format!("{FOLDER}/second")).unwrap()),
    ("enrollment_is_a_fifo", || fifo(Path::new(ENROLLMENT))),
    ("enrollment_is_a_folder", || folder_in_place_of(Path::new(ENROLLMENT))),
    ("enrollment_is_group_writable", || mode(ENROLLMENT, 0o620)),
    ("enrollment_is_world_readable", || mode(ENROLLMENT, 0o644)),
    ("enrollment_belongs_to_alice", || chown(ENROLLMENT, Some(2001), None).unwrap()),
    ("enrollment_is_empty", || resize(Path::new(ENROLLMENT), 0)),
    ("enrollment_is_cut_short", || resize(Path::new(ENROLLMENT), 100)),
    ("enrollment_has_10_megabytes", || resize(Path::new(ENROLLMENT), 10 << 20)),
    ("enrollment_is_not_text", || fs::write(ENROLLMENT, [0xff; 300]).unwrap()),
    ("enrollment_is_of_a_later_version", || {
        let text = fs::read_to_string(ENROLLMENT).unwrap();
        fs::write(ENROLLMENT, text.replace("format = 1", "format = 3")).unwrap();
    }),
    ("enrollment_is_anothers", || {
        fs::copy("/var/lib/pam_totp/users/2002/enrollment.toml", ENROLLMENT).unwrap();
    }),
    ("folder_is_anothers", || {
        fs::remove_dir_all(FOLDER).unwrap();
        run(Command::new("cp").args(["-a", "/var/lib/pam_totp/users/2002", FOLDER]));
    }),
    ("ledger_is_gone", || fs::remove_file(ledger()).unwrap()),
    ("ledger_is_empty", || resize(&ledger(), 0)),
    ("ledger_is_cut_short", || resize(&ledger(), 4096)),
    ("ledger_is_too_long", || resize(&ledger(), 8193)),
    ("ledger_has_10_megabytes", || resize(&ledger(), 10 << 20)),
    ("ledger_has_both_slots_flipped", || flip(&ledger(), &[20, 4096 + 20])),
    ("ledger_is_a_symlink", || by_symlink(&ledger())),
    ("ledger_has_a_second_link", || fs::hard_link(ledger(), format!("{FOLDER}/second")).unwrap()),
    ("ledger_is_a_fifo", || fifo(&ledger())),
    ("ledger_is_a_folder", || folder_in_place_of(&ledger())),
    ("ledger_is_group_writable", || mode(ledger(), 0o660)),
];

/// Every path of the store with its kind, mode, owner, size and content.
fn listing() -> String {
    let script = "cd /var/lib; find pam_totp -printf '%p %y %m %U %s %l\\n' | sort; \
                  find pam_totp -type f | sort | xargs -r sha256sum";
    String::from_utf8(run(Command::new("sh").args(["-c", script])).stdout).unwrap()
}

fn verdict(door: &str, code: &str) -> Code {
    Login::new(door, "alice").code(code).run().verdict()
}

fn two_doors(lab: &Lab) -> Person {
    lab.door("");
    lab.service("lax-door", "auth required pam_totp.so nullok\n");
    lab.enroll("bob");
    lab.enroll_slow("alice")
}

#[test]
fn every_flaw_of_the_store_denies_with_and_without_nullok_and_is_logged_and_loses_nothing() {
    sandbox::within(|lab| {
        let alice = two_doors(lab);
        let before = Snapshot::of(STORE);
        let code = alice.phone.code(0);
        for (name, damage) in FLAWS {
            damage();
            let damaged = listing();
            for door in ["door", "lax-door"] {
                for typed in [&code, &alice.backup_codes[0]] {
                    lab.syslog.clear();
                    assert_eq!(verdict(door, typed), Code::AuthErr, "{name} at {door}");
                    let line = lab.decision();
                    assert!(line.contains("verdict=unavailable") && line.contains(STORE), "{name}: {line}");
                    assert!(!line.contains("authentication failure"), "{name}: {line}");
                }
            }
            assert_eq!(listing(), damaged, "{name}: a refused login changed something");
            run(Command::new("rm").args(["-rf", &format!("{}/aside", mounts::LAB)]));
            before.restore();
        }
        assert_eq!(verdict("door", &code), Code::Success);
    });
}

#[test]
fn a_login_that_finds_the_newer_slot_rotten_is_denied_and_spends_every_step_that_could_be_lost() {
    sandbox::within(|lab| {
        let alice = two_doors(lab);
        let (code, next) = (alice.phone.code(0), alice.phone.code(1));
        let before = Snapshot::of(STORE);
        for slot in [0, 4096] {
            before.restore();
            flip(&ledger(), &[slot + 20]);
            lab.syslog.clear();
            assert_eq!(verdict("lax-door", &next), Code::AuthErr);
            assert!(lab.decision().contains("damaged"));
            // What stood in the lost half may have been these.
            assert_eq!(verdict("door", &code), Code::AuthErr);
            assert_eq!(verdict("door", &next), Code::AuthErr);
            assert_eq!(verdict("door", &alice.backup_codes[0]), Code::Success);
        }
    });
}

#[test]
fn a_spent_code_stays_spent_when_its_slot_rots() {
    sandbox::within(|lab| {
        let alice = two_doors(lab);
        let code = alice.phone.code(0);
        assert_eq!(verdict("door", &code), Code::Success);
        let before = Snapshot::of(STORE);
        for slot in [0, 4096] {
            for offset in [0, 8, 20, 40, 100, 4000, 4095] {
                before.restore();
                flip(&ledger(), &[slot + offset]);
                for _ in 0..3 {
                    assert_eq!(verdict("door", &code), Code::AuthErr, "slot {slot}, byte {offset}");
                }
            }
        }
    });
}

#[test]
fn a_caller_who_may_not_read_the_store_is_denied() {
    sandbox::within(|lab| {
        let alice = two_doors(lab);
        for door in ["door", "lax-door"] {
            let argument = Login::new(door, "alice").code(alice.phone.code(0)).as_argument();
            let pamhost = lab.program("pamhost");
            lab.syslog.clear();
            let output = lab.as_user("alice", &[pamhost.to_str().unwrap(), &argument]).output().unwrap();
            assert_eq!(Report::of(output).followed().verdict(), Code::AuthErr);
            assert!(lab.decision().contains("unavailable"));
        }
        // Nor is somebody who is not enrolled exempt in the eyes of who cannot see that.
        let argument = Login::new("lax-door", "carol").code("123456").as_argument();
        let pamhost = lab.program("pamhost");
        let output = lab.as_user("carol", &[pamhost.to_str().unwrap(), &argument]).output().unwrap();
        assert_eq!(Report::of(output).followed().verdict(), Code::AuthErr);
    });
}

#[test]
fn a_read_only_file_system_denies_and_the_code_is_good_afterwards() {
    sandbox::within(|lab| {
        let alice = two_doors(lab);
        let code = alice.phone.code(0);
        mounts::read_only(STORE);
        for door in ["door", "lax-door"] {
            lab.syslog.clear();
            assert_eq!(verdict(door, &code), Code::AuthErr);
            assert!(lab.decision().contains("Read-only"));
        }
        umount2(STORE, MntFlags::MNT_DETACH).unwrap();
        assert_eq!(verdict("door", &code), Code::Success);
    });
}

#[test]
fn a_store_whose_mount_is_gone_denies_even_the_unenrolled() {
    sandbox::within(|lab| {
        // A store initialised on the disk below, and the real one mounted over it later.
        let mounted = Path::new(STORE);
        fs::remove_dir_all(STORE).unwrap();
        fs::create_dir(STORE).unwrap();
        mounts::tmpfs(mounted, "mode=700");
        lab.totpctl(["init"]);
        let id = store_id();
        lab.settings(&format!("[login]\nfail_delay = \"0s\"\n[store]\nid = \"{id}\"\n"));
        let alice = two_doors(lab);
        assert_eq!(Login::new("lax-door", "carol").run().verdict(), Code::PermDenied);
        umount2(STORE, MntFlags::MNT_DETACH).unwrap();
        for user in ["alice", "carol"] {
            let login = Login::new("lax-door", user).code(alice.phone.code(0));
            assert_eq!(login.run().verdict(), Code::AuthErr, "{user}");
        }
        // Another store in its place, which has never heard of alice, is not taken for it.
        mode(STORE, 0o700);
        lab.settings("[login]\nfail_delay = \"0s\"\n");
        lab.totpctl(["init"]);
        lab.settings(&format!("[login]\nfail_delay = \"0s\"\n[store]\nid = \"{id}\"\n"));
        for user in ["alice", "carol"] {
            let login = Login::new("lax-door", user).code(alice.phone.code(0));
            assert_eq!(login.run().verdict(), Code::AuthErr, "{user}");
        }
    });
}

fn store_id() -> String {
    let text = fs::read_to_string(format!("{STORE}/FORMAT")).unwrap();
    let mut words = text.split(|c: char| !c.is_ascii_hexdigit());
    words.find(|word| word.len() == 32).unwrap().to_owned()
}

#[test]
fn a_full_disk_locks_nobody_out_and_an_enrollment_on_it_changes_nothing() {
    sandbox::within(|lab| {
        fs::remove_dir_all(STORE).unwrap();
        fs::create_dir(STORE).unwrap();
        mounts::tmpfs(Path::new(STORE), "mode=700,size=256k");
        lab.totpctl(["init"]);
        let alice = two_doors(lab);
        let _ = fs::write(format!("{STORE}/ballast"), vec![1; 1 << 20]);
        assert!(fs::write(format!("{STORE}/more"), [1; 4096]).is_err(), "the disk is full");
        fs::remove_file(format!("{STORE}/more")).unwrap();
        for arguments in [vec!["carol"], vec!["alice", "--replace", "--yes"]] {
            let mut command = lab.totpctl_command();
            let output = command.args(["enroll", "--no-confirm", "--json"]).args(arguments).output().unwrap();
            assert_eq!(output.status.code(), Some(1), "{output:?}");
        }
        assert_eq!(lab.status("carol")["enrolled"], false);
        assert_eq!(verdict("door", &alice.phone.code(0)), Code::Success);
        assert_eq!(verdict("door", &alice.phone.code(0)), Code::AuthErr);
    });
}

#[test]
fn a_record_that_the_disk_does_not_take_denies_and_leaves_the_code_good() {
    sandbox::within(|lab| {
        let alice = two_doors(lab);
        let code = alice.phone.code(0);
        for (error, typed) in
            [("ENOSPC", &code), ("EIO", &code), ("EDQUOT", &code), ("EIO", &alice.phone.wrong())]
        {
            for door in ["door", "lax-door"] {
                let login = Login::new(door, "alice").code(typed).command();
                let (call, number) = system_call_that_records(&login);
                lab.syslog.clear();
                let report = Report::of(fail_at(&login, &call, number, error));
                assert_eq!(report.followed().verdict(), Code::AuthErr, "{error} at {door}");
                assert!(lab.decision().contains("verdict=unavailable"), "{error} at {door}");
            }
        }
        assert_eq!(verdict("door", &code), Code::Success);
    });
}

/// The call that records, found in a run that is undone afterwards.
fn system_call_that_records(login: &Command) -> (String, usize) {
    let before = Snapshot::of(STORE);
    let calls = system_calls(login);
    before.restore();
    let write = calls.iter().find(|call| call.call.starts_with("pwrite")).expect("a login is recorded");
    (write.call.clone(), write.number)
}

#[test]
fn an_error_at_any_system_call_never_opens_a_wrong_door() {
    sandbox::within(|lab| {
        let alice = two_doors(lab);
        lab.settings("[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 100\n");
        let before = Snapshot::of(STORE);
        let (right, wrong) = (alice.phone.code(0), alice.phone.wrong());
        let login = |code: &str| Login::new("lax-door", "alice").code(code).command();
        let calls = system_calls(&login(&right));
        let first = calls.iter().position(|call| call.shown.contains("FORMAT")).unwrap();
        let last = calls.iter().rposition(|call| call.shown.contains("LOCK_UN")).unwrap();
        for point in &calls[first..=last] {
            for error in ["EIO", "EINTR"] {
                before.restore();
                let output = fail_at(&login(&wrong), &point.call, point.number, error);
                assert_eq!(Report::of(output).verdict(), Code::AuthErr, "{error} at {point:?}");
                before.restore();
                let output = fail_at(&login(&right), &point.call, point.number, error);
                if Report::of(output).verdict() == Code::Success {
                    assert_eq!(verdict("door", &right), Code::AuthErr, "unrecorded: {error} at {point:?}");
                }
            }
        }
    });
}

#[test]
fn a_lock_that_somebody_holds_denies_after_two_seconds() {
    sandbox::within(|lab| {
        let alice = two_doors(lab);
        let folder = fs::File::open(FOLDER).unwrap();
        folder.lock().unwrap();
        let begun = std::time::Instant::now();
        assert_eq!(verdict("lax-door", &alice.phone.code(0)), Code::AuthErr);
        assert!((1800..6000).contains(&begun.elapsed().as_millis()));
        assert!(lab.decision().contains("unavailable"));
        folder.unlock().unwrap();
        assert_eq!(verdict("door", &alice.phone.code(0)), Code::Success);
    });
}

#[test]
fn an_old_ledger_beside_a_new_enrollment_is_refused_with_the_repair() {
    sandbox::within(|lab| {
        let alice = two_doors(lab);
        assert_eq!(verdict("door", &alice.phone.code(0)), Code::Success);
        let old = fs::read(ledger()).unwrap();
        let new = lab.enroll_with("alice", &["--replace", "--yes"]);
        fs::write(ledger(), old).unwrap();
        lab.syslog.clear();
        assert_eq!(verdict("lax-door", &new.phone.code(0)), Code::AuthErr);
        let line = lab.decision();
        assert!(line.contains("totpctl unlock"), "{line}");
        lab.totpctl(["unlock", "alice"]);
        assert_eq!(verdict("door", &new.phone.code(0)), Code::AuthErr, "it may have been used");
        assert_eq!(lab.status("alice")["enrolled"], true);
    });
}

#[test]
fn nothing_of_this_needs_the_flags_of_a_mount() {
    sandbox::within(|lab| {
        mounts::remount("/var/lib", MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC);
        let alice = two_doors(lab);
        assert_eq!(verdict("door", &alice.phone.code(0)), Code::Success);
    });
}
