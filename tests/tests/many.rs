//! Many people moved in at once: whole or not at all, whatever happens amid it, and in memory that does not grow.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};

use acceptance::codes::Fob;
use acceptance::disk::Disk;
use acceptance::faults::{Point, Snapshot, fail_at, kill_at, limit, system_calls};
use acceptance::lab::{Lab, STORE, write};
use acceptance::pam::{Code, Login};
use acceptance::sandbox;
use nix::sys::resource::Resource;
use serde_json::Value;

const K1: &str = "JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU";
/// K1 in hexadecimal.
const HEX: &str = "4d616b6520696e76656e74656420736563726574";
/// Whom the name service knows.
const FIRST_UID: usize = 100_000;
const FILE: &str = "/etc/users.oath";

/// So many accounts, with a row each.
fn rows(lab: &Lab, count: usize) {
    lab.name_service(&format!("many p {FIRST_UID} {count}\n"));
    lab.door("");
    let mut text = String::new();
    (0..count).for_each(|number| writeln!(text, "HOTP p{number} - {HEX} {}", number % 7).unwrap());
    write(FILE, &text);
    fs::set_permissions(FILE, fs::Permissions::from_mode(0o600)).unwrap();
}

fn import(lab: &Lab) -> Command {
    let mut command = lab.totpctl_command();
    command.args(["import", "oath", FILE]);
    command
}

fn opens(number: usize) -> bool {
    let counter = u64::try_from(number % 7).unwrap();
    Login::new("door", format!("p{number}")).code(Fob::new(K1).code(counter)).run().verdict() == Code::Success
}

fn is_enrolled(lab: &Lab, number: usize) -> bool {
    lab.status(&format!("p{number}"))["enrolled"] == Value::Bool(true)
}

/// All of them are enrolled after another try, with no remains of the first; each of their codes opens once.
fn is_taken_up_again(lab: &Lab, count: usize, already: usize) {
    let said = String::from_utf8(acceptance::lab::run(&mut import(lab)).stdout).unwrap();
    assert_eq!(said, format!("imported {}, already there {already}, refused 0\n", count - already));
    for number in 0..count {
        let names = fs::read_dir(format!("{STORE}/users/{}", FIRST_UID + number)).unwrap().count();
        assert_eq!(names, 2, "of p{number}");
        assert!(opens(number) && !opens(number), "p{number}");
    }
}

/// The instants at which something changes on disk, and those just before and behind.
fn changes(command: &Command) -> Vec<Point> {
    let calls = system_calls(command);
    let first = calls.iter().position(|call| call.call == "mkdirat").unwrap();
    let named = ["mkdirat", "fchmod", "write", "flock", "syncfs", "renameat", "unlinkat"];
    let all = calls.into_iter().skip(first);
    all.filter(|point| named.contains(&point.call.as_str()) || point.shown.contains("O_CREAT")).collect()
}

#[test]
fn an_import_that_is_killed_anywhere_leaves_each_whole_or_not_there_and_is_taken_up_again() {
    sandbox::within(|lab| {
        rows(lab, 3);
        let empty = Snapshot::of(STORE);
        let points = changes(&import(lab));
        for call in ["syncfs", "renameat"] {
            assert!(points.iter().any(|point| point.call == call), "{points:#?}");
        }
        for point in points {
            empty.restore();
            let _ = kill_at(&import(lab), &point);
            let already = (0..3).filter(|&number| is_enrolled(lab, number)).count();
            is_taken_up_again(lab, 3, already);
        }
    });
}

#[test]
fn a_power_cut_amid_an_import_leaves_each_whole_or_not_there_and_right_behind_it_takes_nobody_back() {
    sandbox::within(|lab| {
        rows(lab, 3);
        let disk = Disk::under_store(16);
        lab.totpctl(["init"]);
        let users = format!("{STORE}/users");
        let points = changes(&import(lab));
        for point in &points {
            fs::remove_dir_all(&users).unwrap();
            acceptance::lab::run(
                Command::new("sh").args(["-c", &format!("mkdir -m 700 {users}; sync -f {users}")]),
            );
            let _ = kill_at(&import(lab), point);
            disk.lose_power();
            let already = (0..3).filter(|&number| is_enrolled(lab, number)).count();
            assert!(already == 0 || already == 3 || point.call != "syncfs", "{already} at {point:?}");
            is_taken_up_again(lab, 3, already);
        }
        fs::remove_dir_all(&users).unwrap();
        acceptance::lab::run(
            Command::new("sh").args(["-c", &format!("mkdir -m 700 {users}; sync -f {users}")]),
        );
        acceptance::lab::run(&mut import(lab));
        disk.lose_power();
        is_taken_up_again(lab, 3, 3);
    });
}

/// How many people a run says that it has imported.
fn imported(output: &Output) -> usize {
    let said = String::from_utf8_lossy(&output.stdout);
    let number = said.strip_prefix("imported ").and_then(|rest| rest.split_once(','));
    number.unwrap_or_else(|| panic!("{output:?}")).0.parse().unwrap()
}

#[test]
fn an_error_at_any_call_of_an_import_touches_one_person_and_what_is_said_is_so() {
    sandbox::within(|lab| {
        rows(lab, 3);
        let empty = Snapshot::of(STORE);
        let points = changes(&import(lab));
        for point in points.iter().filter(|point| point.call != "write" || point.shown.contains("TOTPLDG1")) {
            empty.restore();
            let output = fail_at(&import(lab), &point.call, point.number, "EIO");
            let said = imported(&output);
            let already = (0..3).filter(|&number| is_enrolled(lab, number)).count();
            // Only a sync is everybody's; giving back a lock cannot fail.
            let is_everybodys = point.call == "syncfs";
            assert!(
                said <= already && (is_everybodys || said >= 2),
                "{said} of {already} at {point:?}: {output:?}"
            );
            assert_eq!(output.status.success(), said == 3, "{point:?}");
            is_taken_up_again(lab, 3, already);
        }
    });
}

#[test]
fn few_descriptors_keep_nobody_out() {
    sandbox::within(|lab| {
        rows(lab, 300);
        let mut few = import(lab);
        limit(&mut few, Resource::RLIMIT_NOFILE, 40);
        assert_eq!(imported(&few.output().unwrap()), 300);
        assert!([0, 20, 127, 299].into_iter().all(|number| opens(number) && !opens(number)));
    });
}

#[test]
fn of_two_imports_at_once_each_person_has_one() {
    sandbox::within(|lab| {
        rows(lab, 300);
        let start = || import(lab).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let both = [start(), start()].map(|child| imported(&child.wait_with_output().unwrap()));
        assert_eq!(both.iter().sum::<usize>(), 300, "{both:?}");
        acceptance::lab::run(&mut import(lab));
        let users = fs::read_dir(format!("{STORE}/users")).unwrap();
        assert!(
            users.map(|user| fs::read_dir(user.unwrap().path()).unwrap().count()).all(|names| names == 2)
        );
        assert!([0, 128, 299].into_iter().all(|number| opens(number) && !opens(number)));
    });
}

/// Kilobytes of memory that a process took at most. Not by wait4(2), which counts this test's own too, from
/// before its exec.
fn peak_memory(command: &mut Command) -> u64 {
    let mut child = command.stdout(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        let text = fs::read_to_string(&status).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = kilobytes.unwrap_or(0).max(peak);
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            return peak;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[test]
fn ten_times_as_many_people_take_no_more_memory_to_import_and_to_list() {
    sandbox::within(|lab| {
        let few = 300;
        let peaks = [few, 10 * few].map(|count| {
            rows(lab, count);
            let imported = peak_memory(&mut import(lab));
            let listed = peak_memory(lab.totpctl_command().args(["list", "--json"]));
            [imported, listed]
        });
        for (few, many) in peaks[0].iter().zip(&peaks[1]) {
            assert!(*few > 1000 && *many < few + 400, "{peaks:?}");
        }
        let last = 10 * few - 1;
        assert!(opens(last) && !opens(last));
    });
}
