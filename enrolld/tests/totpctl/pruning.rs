//! People whose account is gone.

use crate::bench::Bench;
use serde_json::Value;
use std::fs;

/// No account has this uid, nor the next ones.
const GONE: u32 = 3_999_999_990;

fn with_gone() -> Bench {
    let bench = Bench::new();
    bench.enroll(&[]);
    bench.copy_to(GONE, "former");
    bench
}

fn people(bench: &Bench) -> Vec<Value> {
    bench.run(["list", "--json"]).json().as_array().unwrap().clone()
}

#[test]
fn what_is_kept_of_an_account_that_is_gone_is_removed_and_nobody_elses() {
    let bench = with_gone();
    fs::create_dir(bench.person(GONE + 1)).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    fs::set_permissions(bench.person(GONE + 1), mode).unwrap();
    let before = bench.snapshot();
    let list = format!("uid {GONE} (was former)\nuid {} (nothing enrolled)\n", GONE + 1);
    assert_eq!(bench.run(["prune", "--dry-run"]).done().out, list);
    bench.run(["prune"]).refused("prune asks before it destroys");
    assert_eq!(bench.snapshot(), before);
    assert_eq!(bench.run(["prune", "--yes"]).done().out, list.replace(")\n", "): removed\n"));
    assert!(!bench.person(GONE).exists() && !bench.person(GONE + 1).exists());
    assert_eq!(people(&bench).len(), 1);
    assert_eq!(bench.run(["prune", "--yes"]).done().out, "no account is gone\n");
}

#[test]
fn it_lists_whom_it_removes_and_asks() {
    let bench = with_gone();
    for (answer, left) in [("n", 2), ("y", 1)] {
        let mut session = bench.session(["prune"]);
        session.expect(&format!("uid {GONE} (was former)"));
        session.expect("Remove what is enrolled for these? [y/N] ");
        session.say(answer);
        session.expect(if left == 2 { "not confirmed, nothing was changed" } else { ": removed" });
        session.end();
        assert_eq!(people(&bench).len(), left);
    }
}

#[test]
fn a_tombstone_stays() {
    let bench = with_gone();
    bench.run(["revoke", &GONE.to_string(), "--yes"]).done();
    assert_eq!(bench.run(["prune", "--yes"]).done().out, "no account is gone\n");
    assert!(bench.person(GONE).join("enrollment.toml").exists());
}

#[test]
fn a_folder_with_a_file_that_is_not_ours_is_left_whole_and_the_others_are_removed() {
    let bench = with_gone();
    bench.copy_to(GONE + 1, "other");
    bench.copy_to(GONE + 2, "third");
    fs::write(bench.person(GONE).join("ledger.bak"), "").unwrap();
    fs::write(bench.person(GONE + 1).join("enrollment.toml"), "?").unwrap();
    let ran = bench.run(["prune", "--yes"]);
    assert_eq!((ran.status, ran.out), (Some(1), format!("uid {} (was third): removed\n", GONE + 2)));
    assert!(
        ran.err.contains(&format!("totpctl: uid {GONE}: ")) && ran.err.contains("ledger.bak"),
        "{}",
        ran.err
    );
    assert!(ran.err.ends_with("totpctl: 2 could not be looked at or removed\n"), "{}", ran.err);
    assert_eq!(people(&bench).len(), 3);
    bench.run(["status", &GONE.to_string()]).done();
}
