//! The protocol of a person's folder, checked as a model: the real code of `login`, `change` and `read`, in
//! every interleaving of its system calls, on a file system that loses and tears what was not synced; with a
//! kill, a failing call, or a power cut at every step.
//!
//! Between any two steps every promise is put to what a power cut leaves (`model/checks.rs`).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "model/calls.rs"]
mod calls;
#[path = "model/checks.rs"]
mod checks;
#[path = "model/cut.rs"]
mod cut;
#[path = "model/deeds.rs"]
mod deeds;
#[path = "model/explore.rs"]
mod explore;
#[path = "model/fs.rs"]
mod fs;
#[path = "model/scenario.rs"]
mod scenario;
#[path = "model/table.rs"]
mod table;
#[path = "model/world.rs"]
mod world;

use calls::Flaw;
use checks::FIRST;
use deeds::Key::{K1, K2};
use deeds::{Credential, Deed, How, Job, Key};
use explore::explore;
use scenario::Scenario;

/// The seed of the bypass that is issued before a race.
const ISSUED: u8 = 13;
const CODE: Credential = Credential::Code(K1, 0);
const NEXT_CODE: Credential = Credential::Code(K1, 1);
const NEW_CODE: Credential = Credential::Code(K2, 1);
const BACKUP: Credential = Credential::Backup(FIRST);
const BYPASS: Credential = Credential::Bypass(ISSUED);
const INVITATION: Credential = Credential::Invitation(FIRST);
const GUESS: Credential = Credential::Wrong;

fn login(credential: Credential, seed: u8) -> Job {
    Job::new(Deed::Login(credential), seed)
}

fn enroll(key: Key, how: How, seed: u8) -> Job {
    Job::new(Deed::Enroll { key, how, confirmed: true, with: None }, seed)
}

/// The same by the person, with this.
fn enroll_with(with: Credential, key: Key, how: How, seed: u8) -> Job {
    Job::new(Deed::Enroll { key, how, confirmed: true, with: Some(with) }, seed).from(FIRST)
}

fn invite(seed: u8) -> Job {
    Job::new(Deed::Invite, seed)
}

fn replace(seed: u8) -> Job {
    enroll(K2, How::Replace, seed).from(FIRST)
}

fn backup_codes(seed: u8) -> Job {
    Job::new(Deed::NewBackupCodes, seed).from(FIRST)
}

fn revoke(seed: u8) -> Job {
    Job::new(Deed::Revoke, seed).from(FIRST)
}

fn bypass(seed: u8) -> Job {
    Job::new(Deed::Bypass, seed).from(FIRST)
}

fn unlock(seed: u8) -> Job {
    Job::new(Deed::Unlock, seed)
}

/// A race over an enrollment of K1 with backup codes that was never used, in which one process may be killed
/// or one call may fail, wherever that is.
fn race(name: &'static str, floor: usize, jobs: &[Job]) -> Scenario {
    let first = Deed::Enroll { key: K1, how: How::First, confirmed: false, with: None };
    let before = vec![Job::new(first, FIRST)];
    Scenario { name, before, rotten: vec![], jobs: jobs.into(), survivors: 0, faults: 1, floor }
}

/// The same, with a bypass for one login issued.
fn bypass_race(name: &'static str, floor: usize, jobs: &[Job]) -> Scenario {
    let mut scenario = race(name, floor, jobs);
    scenario.before.push(bypass(ISSUED));
    scenario
}

/// A race over nothing but an invitation.
fn invited_race(name: &'static str, floor: usize, jobs: &[Job]) -> Scenario {
    Scenario { before: vec![invite(FIRST)], ..race(name, floor, jobs) }
}

fn first_race(name: &'static str, floor: usize, jobs: &[Job]) -> Scenario {
    Scenario { before: vec![], ..race(name, floor, jobs) }
}

/// Three processes at once.
fn large_races() -> Vec<Scenario> {
    vec![
        race("one code twice, new backup codes", 17_100, &[login(CODE, 2), login(CODE, 3), backup_codes(4)]),
        race("one code twice, a replacement", 18_000, &[login(CODE, 2), login(CODE, 3), replace(4)]),
        race(
            "old token, new token, a replacement",
            18_000,
            &[login(CODE, 2), login(NEW_CODE, 3), replace(4)],
        ),
        race("one code twice, a revocation", 7_600, &[login(CODE, 2), login(CODE, 3), revoke(4)]),
        race("a replacement, a revocation, a login", 8_100, &[replace(2), revoke(3), login(CODE, 4)]),
        race(
            "one backup code twice, new ones",
            16_200,
            &[login(BACKUP, 2), login(BACKUP, 3), backup_codes(4)],
        ),
        race(
            "one backup code twice, a token more",
            24_300,
            &[login(BACKUP, 2), login(BACKUP, 3), enroll(K2, How::Add, 4).from(FIRST)],
        ),
        bypass_race(
            "one bypass twice, new backup codes",
            27_900,
            &[login(BYPASS, 2), login(BYPASS, 3), backup_codes(4).from(ISSUED)],
        ),
        bypass_race(
            "one bypass, a backup code, a token more",
            36_000,
            &[login(BYPASS, 2), login(BACKUP, 3), enroll(K2, How::Add, 4).from(ISSUED)],
        ),
        race("one backup code twice, a bypass", 27_900, &[login(BACKUP, 2), login(BACKUP, 3), bypass(4)]),
        race("two guesses, new backup codes", 18_000, &[login(GUESS, 2), login(GUESS, 3), backup_codes(4)]),
        race("a guess, one code twice", 8_100, &[login(GUESS, 2), login(CODE, 3), login(CODE, 4)]),
        race(
            "a status, a login, a replacement",
            7_200,
            &[Job::new(Deed::Status, 2), login(CODE, 3), replace(4)],
        ),
        race("an unlock, one code twice", 13_500, &[unlock(2), login(CODE, 3), login(CODE, 4)]),
        first_race(
            "a first enrollment, two logins",
            1_800,
            &[enroll(K1, How::First, 2), login(CODE, 3), login(NEXT_CODE, 4)],
        ),
    ]
}

/// Three processes at once, of which some change what is their own, with a code that this spends.
fn own_races() -> Vec<Scenario> {
    vec![
        race(
            "one backup code for a login and for a token more, a login",
            41_000,
            &[login(BACKUP, 2), enroll_with(BACKUP, K2, How::Add, 3), login(CODE, 4)],
        ),
        race(
            "one backup code for a token more and for another phone, and for a login",
            64_000,
            &[
                enroll_with(BACKUP, K2, How::Add, 2),
                enroll_with(BACKUP, K2, How::Replace, 3),
                login(BACKUP, 4),
            ],
        ),
        bypass_race(
            "one bypass for a login and for another phone, a revocation",
            22_000,
            &[
                login(BYPASS, 2),
                enroll_with(BYPASS, K2, How::Replace, 3).from(ISSUED),
                revoke(4).from(ISSUED),
            ],
        ),
        invited_race(
            "one invitation twice, a revocation",
            35_000,
            &[
                enroll_with(INVITATION, K1, How::First, 2),
                enroll_with(INVITATION, K2, How::First, 3),
                revoke(4),
            ],
        ),
        invited_race(
            "an invitation, another one, a login",
            5_900,
            &[enroll_with(INVITATION, K1, How::First, 2), invite(3).from(FIRST), login(INVITATION, 4)],
        ),
    ]
}

/// Looks at all of a race, and panics at the first broken promise.
fn hold(scenario: &Scenario) {
    let start = std::time::Instant::now();
    match explore(scenario, None) {
        Ok(seen) => {
            println!("{}: {seen} in {:.1?}", scenario.name, start.elapsed());
            assert!(seen.states >= scenario.floor, "only {} states", seen.states);
        }
        Err(violation) => panic!("{violation}"),
    }
}

#[test]
fn every_order_of_three_processes_keeps_every_promise() {
    large_races().iter().for_each(hold);
}

#[test]
fn what_authorises_a_change_is_spent_by_it_in_every_order() {
    own_races().iter().for_each(hold);
}

/// `cargo test -p verifier --test model -- --ignored` (a minute or two).
#[test]
#[ignore = "one fault a run is enough for every day"]
fn two_faults_at_once_break_no_promise_either() {
    for scenario in large_races().into_iter().chain(own_races()) {
        hold(&Scenario { faults: 2, ..scenario });
    }
}

#[test]
fn two_first_enrollments_make_one() {
    let jobs = [enroll(K1, How::First, 2), enroll(K2, How::First, 3)];
    hold(&Scenario { faults: 2, ..first_race("two first enrollments", 7_200, &jobs) });
}

#[test]
fn a_replacement_and_a_revocation_leave_one_of_them() {
    hold(&Scenario { faults: 2, ..race("a replacement, a revocation", 3_600, &[replace(2), revoke(3)]) });
}

#[test]
fn a_change_of_a_change_that_was_cut_short_keeps_a_ledger_for_either() {
    let jobs = [replace(2), revoke(3).from(2), login(CODE, 4)];
    hold(&Scenario { faults: 2, ..race("a replacement, its revocation, a login", 27_000, &jobs) });
}

#[test]
fn a_code_opens_a_login_or_confirms_its_own_key_anew() {
    let again = enroll(K1, How::Replace, 3).from(FIRST);
    let jobs = [login(CODE, 2), again];
    hold(&Scenario { faults: 2, ..race("a login, the same key enrolled anew", 2_200, &jobs) });
}

#[test]
fn a_rotten_slot_costs_one_refusal_and_forgets_nothing() {
    let (code, backup) = (login(CODE, 10), login(BACKUP, 11));
    for rotten in [0, 1] {
        for before in [&[][..], &[code], &[backup], &[code, backup], &[backup, code]] {
            let mut scenario = race("a login, an unlock, a rotten slot", 2_700, &[login(CODE, 2), unlock(3)]);
            scenario.before.extend(before);
            hold(&Scenario { rotten: vec![rotten], faults: 2, ..scenario });
        }
        for before in [&[login(BYPASS, 10)][..], &[code, login(BYPASS, 10)], &[login(BYPASS, 10), code]] {
            let jobs = [login(BYPASS, 2), unlock(3)];
            let mut scenario = bypass_race("a bypass that was used, an unlock, a rotten slot", 1_800, &jobs);
            scenario.before.extend(before);
            hold(&Scenario { rotten: vec![rotten], faults: 2, ..scenario });
        }
    }
}

#[test]
fn a_lost_ledger_denies_until_it_is_repaired() {
    let mut scenario = race("a login, an unlock, a lost ledger", 1_800, &[login(CODE, 2), unlock(3)]);
    scenario.before.extend([login(CODE, 10), login(BACKUP, 11)]);
    hold(&Scenario { rotten: vec![0, 1], faults: 2, ..scenario });
}

#[test]
fn a_second_power_cut_finds_the_first_one_recovered_from() {
    let jobs = [login(CODE, 2), backup_codes(3), login(CODE, 4), login(NEXT_CODE, 5)];
    hold(&Scenario {
        survivors: 2,
        faults: 0,
        ..race("a login, new backup codes; two logins", 4_500, &jobs)
    });
    let jobs = [login(BACKUP, 2), login(GUESS, 3), login(CODE, 4)];
    hold(&Scenario { survivors: 1, ..race("a backup code, a guess; a login", 1_300, &jobs) });
    let jobs = [enroll(K1, How::First, 2), enroll(K2, How::First, 3), login(CODE, 4)];
    hold(&Scenario { survivors: 1, ..first_race("two first enrollments; a login", 2_700, &jobs) });
}

fn import(key: Key, seed: u8) -> Job {
    Job::new(Deed::Import(key), seed)
}

#[test]
fn an_import_of_many_enrolls_each_whole_or_not_at_all() {
    let jobs = [import(K1, 2), login(CODE, 3), login(CODE, 4)];
    hold(&first_race("an import, one code twice", 4_000, &jobs));
    let jobs = [import(K1, 2), enroll(K2, How::First, 3)];
    hold(&first_race("an import, a first enrollment", 3_900, &jobs));
    hold(&first_race("two imports", 6_700, &[import(K1, 2), import(K2, 3)]));
    let jobs = [import(K1, 2), import(K2, 3), login(CODE, 4)];
    hold(&Scenario { survivors: 1, ..first_race("two imports; a login", 12_300, &jobs) });
}

/// A mistake in the protocol, or below it, must be seen in this race.
fn find(flaw: Flaw, scenario: &Scenario) {
    let violation = explore(scenario, Some(flaw)).map(|_| ()).expect_err("the model cannot see this mistake");
    println!("{flaw:?}: {}", violation.lines().next().unwrap());
}

#[test]
fn a_sync_left_out_is_found() {
    find(Flaw::NoFolderSync, &race("a replacement", 0, &[replace(2)]));
    find(Flaw::NoFileSync, &race("a replacement", 0, &[replace(2)]));
    find(Flaw::NoPeopleSync, &first_race("a first enrollment", 0, &[enroll(K1, How::First, 2)]));
    find(Flaw::NoSyncAll, &first_race("an import", 0, &[import(K1, 2)]));
    find(Flaw::NoDsync, &race("a login", 0, &[login(CODE, 2)]));
    find(Flaw::NotPutBack, &race("a login", 0, &[login(CODE, 2)]));
    find(Flaw::BornConfirmed, &race("a login, new backup codes", 0, &[login(CODE, 2), backup_codes(3)]));
}

#[test]
fn a_lock_that_excludes_nobody_is_found() {
    find(Flaw::LockForAll, &race("one code twice", 0, &[login(CODE, 2), login(CODE, 3)]));
    find(Flaw::LockForAll, &bypass_race("one bypass twice", 0, &[login(BYPASS, 2), login(BYPASS, 3)]));
    find(Flaw::LockForAll, &race("a replacement, a revocation", 0, &[replace(2), revoke(3)]));
    find(Flaw::AlwaysCurrent, &race("a login, new backup codes", 0, &[login(CODE, 2), backup_codes(3)]));
}
