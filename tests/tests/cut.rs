//! A power cut at every step of a login and of an enrollment, on an ext4, a btrfs and a full btrfs: what was
//! answered stays recorded, an enrollment is there whole or not at all, and no code is good twice.
//!
//! A step is cut short by a kill at the entrance of a system call, so that nothing happens between it and the cut.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::io::Write;
use std::process::{Command, Output};

use acceptance::codes::{Fob, Phone};
use acceptance::disk::Disk;
use acceptance::faults::{Point, kill_at, system_calls};
use acceptance::lab::{Lab, STORE, run};
use acceptance::pam::{Code, Login, Report};
use acceptance::sandbox;

/// A file system with the store on it, and how it loses its power.
struct Ground {
    disk: Disk,
    cut: fn(&mut Disk),
    name: &'static str,
    /// Whether it gets full before somebody logs in.
    fills: bool,
}

impl Ground {
    fn ext4(lab: &Lab) -> Self {
        let disk = Disk::under_store(16);
        Self { disk, cut: |disk| disk.lose_power(), name: "ext4", fills: false }.begun(lab)
    }

    fn btrfs(lab: &Lab) -> Self {
        let disk = Disk::made_by(&["mkfs.btrfs", "-q", "--mixed"], 48);
        Self { disk, cut: Disk::lose_power_between, name: "btrfs", fills: false }.begun(lab)
    }

    fn begun(self, lab: &Lab) -> Self {
        lab.settings("[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 100\n");
        lab.door("");
        lab.totpctl(["init"]);
        self
    }

    fn cut(&mut self) {
        (self.cut)(&mut self.disk);
    }
}

fn opens(code: &str) -> bool {
    Login::new("door", "alice").code(code).run().verdict() == Code::Success
}

fn accepted(output: Output) -> bool {
    output.status.success() && Report::of(output).verdict() == Code::Success
}

/// The calls from the first that touches the store, as far as they are meant.
fn steps(command: &Command, is_meant: fn(&Point) -> bool) -> Vec<Point> {
    let mut calls = system_calls(command);
    let first = calls.iter().position(|call| call.shown.contains("FORMAT")).expect("the store is opened");
    calls.split_off(first).into_iter().filter(is_meant).collect()
}

/// Those at whose entrance something has changed on disk, or is about to.
fn changes(point: &Point) -> bool {
    ["flock", "write", "pwrite", "fsync", "rename", "unlink"].iter().any(|call| point.call.starts_with(call))
}

fn every(_: &Point) -> bool {
    true
}

/// A login with a code of its own at each step, which nothing brings back: a fob's, or one of the sheet.
fn login_is_cut(lab: &Lab, ground: &mut Ground, is_meant: fn(&Point) -> bool) {
    let alice = lab.enroll_with("alice", &["--hotp", "--backup-codes", "100"]);
    let fob = Fob::new(&alice.secret);
    if ground.fills {
        fill_up();
    }
    let (mut counter, mut backup_codes) = (0, alice.backup_codes.iter());
    let mut spent = Vec::new();
    let (mut count, mut opened) = (0, 0);
    for is_backup in [false, true] {
        let mut next = || match is_backup {
            true => backup_codes.next().unwrap().clone(),
            false => {
                counter += 1;
                fob.code(counter - 1)
            }
        };
        let login = |code: &str| Login::new("door", "alice").code(code).command();
        let (first, second) = (next(), next());
        // The steps are those of the second login: at the first the ledger is one that nobody has written in yet.
        for (code, points) in [(first, 1), (second, usize::MAX)] {
            let points: Vec<_> = steps(&login(&code), is_meant).into_iter().take(points).collect();
            spent.push(code);
            for point in points {
                let code = next();
                let at = format!("{}, killed at {point:?} and cut", ground.name);
                let answered = accepted(kill_at(&login(&code), &point));
                ground.cut();
                let again = opens(&code);
                assert!(!(answered && again), "{at}: accepted twice");
                assert!(!opens(&code), "{at}: accepted once more");
                opened += usize::from(again);
                spent.push(code);
                count += 1;
            }
        }
    }
    ground.cut();
    for code in &spent {
        assert!(!opens(code), "{}: {code} is good again", ground.name);
    }
    println!(
        "faults: the power cut in a login, on {} | {count} steps, {opened} opened afterwards",
        ground.name
    );
}

/// `totpctl enroll`, for somebody who has nothing or something.
fn enroll(lab: &Lab, how: &[&str]) -> Command {
    let mut command = lab.totpctl_command();
    command.args(["enroll", "alice", "--no-confirm", "--json"]).args(how);
    command
}

/// The secret that the store holds for alice.
fn secret() -> Option<String> {
    let text = fs::read_to_string(format!("{STORE}/users/2001/enrollment.toml")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("secret = "))?;
    Some(line.trim_matches('"').to_owned())
}

fn sh(script: &str) {
    run(Command::new("sh").args(["-c", script]));
}

/// A first enrollment (`how` is empty) or a replacement at each step; with a login between the kill and the cut, or
/// without one.
fn enrollment_is_cut(lab: &Lab, ground: &mut Ground, how: &[&str], is_meant: fn(&Point) -> bool) {
    let kept = "/var/lib/kept";
    let old = (!how.is_empty()).then(|| lab.enroll_slow("alice"));
    if let Some(old) = &old {
        assert!(opens(&old.phone.code(0)) && opens(&old.backup_codes[0]));
    }
    sh(&format!("rm -rf {kept}; cp -a {STORE}/users {kept}"));
    let points = steps(&enroll(lab, how), is_meant);
    for (point, enters) in points.iter().flat_map(|point| [(point, false), (point, true)]) {
        sh(&format!("rm -rf {STORE}/users && cp -a {kept} {STORE}/users && sync -f {STORE}"));
        let at = format!("{}, killed at {point:?}, login {enters}, cut", ground.name);
        let _ = kill_at(&enroll(lab, how), point);
        let stood = secret();
        let typed = stood.as_ref().map(|secret| match &old {
            Some(old) if old.secret == *secret => old.phone.code(1),
            _ => Phone::new(secret).code(0),
        });
        let typed = typed.filter(|_| enters);
        if let Some(code) = &typed {
            assert!(opens(code), "{at}: shut out before the cut");
        }
        ground.cut();
        let stands = secret();
        if typed.is_some() {
            assert_eq!(stands, stood, "{at}: whoever was let in by it is enrolled no more");
        }
        for code in typed.iter().chain(old.iter().flat_map(|old| [&old.backup_codes[0]])) {
            assert!(!opens(code), "{at}: a spent code opened");
        }
        match (&old, &stands) {
            (Some(_), None) => panic!("{at}: nothing is left"),
            (Some(old), Some(now)) if old.secret == *now => {
                assert!(!opens(&old.phone.code(0)), "{at}: a spent code opened");
                assert!(opens(&old.backup_codes[1]), "{at}: shut out");
            }
            (_, Some(now)) => assert!(opens(&Phone::new(now).code(1)), "{at}: shut out"),
            (None, None) => assert_eq!(lab.status("alice")["enrolled"], false, "{at}"),
        }
    }
    println!(
        "faults: the power cut in {} enrollment, on {} | {} steps, with and without a login before the cut",
        if old.is_some() { "another" } else { "a first" },
        ground.name,
        points.len()
    );
}

const REPLACE: &[&str] = &["--replace", "--yes"];

#[test]
fn a_login_is_cut_short_on_an_ext4() {
    sandbox::within(|lab| login_is_cut(lab, &mut Ground::ext4(lab), changes));
}

#[test]
fn a_first_enrollment_is_cut_short_on_an_ext4() {
    sandbox::within(|lab| enrollment_is_cut(lab, &mut Ground::ext4(lab), &[], changes));
}

#[test]
fn a_replacement_is_cut_short_on_an_ext4() {
    sandbox::within(|lab| enrollment_is_cut(lab, &mut Ground::ext4(lab), REPLACE, changes));
}

#[test]
#[ignore = "minutes: run by tests/faults"]
fn at_every_system_call_on_an_ext4() {
    sandbox::within(|lab| {
        let mut ground = Ground::ext4(lab);
        enrollment_is_cut(lab, &mut ground, &[], every);
        lab.totpctl(["revoke", "alice", "--yes"]);
        login_is_cut(lab, &mut ground, every);
        lab.totpctl(["revoke", "alice", "--yes"]);
        enrollment_is_cut(lab, &mut ground, REPLACE, every);
    });
}

#[test]
#[ignore = "minutes: run by tests/faults"]
fn at_every_change_on_a_btrfs() {
    sandbox::within(|lab| {
        let mut ground = Ground::btrfs(lab);
        enrollment_is_cut(lab, &mut ground, &[], changes);
        lab.totpctl(["revoke", "alice", "--yes"]);
        login_is_cut(lab, &mut ground, changes);
        lab.totpctl(["revoke", "alice", "--yes"]);
        enrollment_is_cut(lab, &mut ground, REPLACE, changes);
    });
}

/// Writes until nothing more is taken, and syncs, so that also what was set aside is used up.
fn fill_up() {
    for (number, size) in [1 << 20, 1 << 16, 4096].into_iter().enumerate() {
        let fits = |index| {
            let file = fs::File::create(format!("{STORE}/ballast.{number}.{index}"));
            file.and_then(|mut file| file.write_all(&vec![1; size]).and_then(|()| file.sync_all())).is_ok()
        };
        assert!((0..600).any(|index| !fits(index)), "the disk takes ever more");
    }
}

#[test]
#[ignore = "minutes: run by tests/faults"]
fn at_every_change_on_a_full_btrfs() {
    sandbox::within(|lab| {
        let mut ground = Ground { name: "full btrfs", fills: true, ..Ground::btrfs(lab) };
        fill_up();
        let refused = enroll(lab, &[]).output().unwrap();
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        ground.cut();
        assert_eq!(lab.status("alice")["enrolled"], false);
        sh(&format!("rm -f {STORE}/ballast.* && sync -f {STORE}"));
        login_is_cut(lab, &mut ground, changes);
        let refused = enroll(lab, REPLACE).output().unwrap();
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        ground.cut();
        assert_eq!(lab.status("alice")["enrolled"], true);
    });
}
