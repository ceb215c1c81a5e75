//! Who is not enrolled, and who uses no token.

use crate::bench::{Bench, K1, NOW, phone};
use serde_json::{Value, json};
use std::fs;

/// No account has this uid.
const GONE: u32 = 3_999_999_999;
const DAY: u64 = 86_400;

fn users(bench: &Bench, arguments: &[&str]) -> Vec<String> {
    let list = bench.run(["list", "--json"].iter().chain(arguments)).json();
    let name = |person: &Value| person["user"].as_str().unwrap().to_owned();
    list.as_array().unwrap().iter().map(name).collect()
}

/// The group of whoever runs the tests, and one that has no members.
fn groups() -> [String; 2] {
    let own = nix::unistd::Group::from_gid(nix::unistd::getegid()).unwrap().unwrap().name;
    [own, "shadow".to_owned()]
}

#[test]
fn whoever_has_a_shell_and_no_token_is_listed_until_they_enroll() {
    let bench = Bench::new();
    let [own, other] = groups();
    assert!(users(&bench, &["--unenrolled"]).contains(&bench.user));
    assert!(users(&bench, &["--unenrolled", "--group", &own]).contains(&bench.user));
    assert!(!users(&bench, &["--unenrolled", "--group", &other]).contains(&bench.user));
    assert!(!users(&bench, &["--unenrolled"]).iter().any(|user| user == "daemon"), "it has no shell");
    bench.run(["invite", &bench.user]);
    let table = bench.run(["list", "--unenrolled", "--group", &own]).done().out;
    assert!(table.starts_with("USER"), "{table}");
    assert!(table.lines().any(|line| line.starts_with(&bench.user) && line.ends_with(" UTC")), "{table}");
    bench.run(["revoke", &bench.user, "--yes"]).done();
    let table = bench.run(["list", "--unenrolled", "--group", &own]).done().out;
    assert!(table.lines().any(|line| line.starts_with(&bench.user) && line.ends_with("  -")), "{table}");
    bench.enroll(&[]);
    assert!(!users(&bench, &["--unenrolled"]).contains(&bench.user));
    bench.edit(bench.uid, &format!("account = {:?}", bench.user), "account = \"former-name\"");
    assert!(users(&bench, &["--unenrolled"]).contains(&bench.user), "a former owner's token is not theirs");
}

#[test]
fn a_token_is_stale_that_was_not_used_for_so_long() {
    let mut bench = Bench::new().at(NOW);
    bench.enroll_key(K1, &[]);
    let [own, other] = groups();
    assert_eq!(bench.run(["list", "--stale", "90d"]).done().out, "everybody has used a token since\n");
    bench.set_clock(NOW + 91 * DAY);
    assert_eq!(users(&bench, &["--stale", "90d"]), [bench.user.as_str()], "never used, and enrolled before");
    assert_eq!(users(&bench, &["--stale", "90d", "--group", &own]), [bench.user.as_str()]);
    assert_eq!(users(&bench, &["--stale", "90d", "--group", &other]), [""; 0]);
    bench.verify(phone(K1, NOW + 91 * DAY)).done();
    assert_eq!(users(&bench, &["--stale", "90d"]), [""; 0]);
    bench.set_clock(NOW + 182 * DAY);
    let table = bench.run(["list", "--stale", "90d"]).done().out;
    assert!(table.starts_with("USER") && table.contains("phone"), "{table}");
    bench.run(["invite", "daemon"]);
    assert_eq!(users(&bench, &["--stale", "90d"]), [bench.user.as_str()]);
}

#[test]
fn who_cannot_be_read_is_in_every_list_that_might_be_theirs() {
    let bench = Bench::new();
    bench.enroll(&[]);
    bench.copy_to(GONE, "somebody");
    for uid in [GONE, bench.uid] {
        fs::write(bench.person(uid).join("enrollment.toml"), "?").unwrap();
    }
    let stale = bench.run(["list", "--stale", "90d", "--json"]).json();
    assert_eq!(stale.as_array().unwrap().len(), 2);
    let missing = bench.run(["list", "--unenrolled", "--json"]).json();
    let own = missing.as_array().unwrap().iter().find(|one| one["user"] == json!(bench.user)).unwrap();
    assert_eq!(own["enrolled"], json!(null));
    assert!(bench.run(["list", "--unenrolled"]).done().out.contains("unreadable"));
}

#[test]
fn one_list_at_a_time_and_a_group_that_exists() {
    let bench = Bench::new();
    let wrong: [&[&str]; 6] = [
        &["--unenrolled", "--stale", "90d"],
        &["--pending", "--unenrolled"],
        &["--group", "root"],
        &["--pending", "--group", "root"],
        &["--stale", "0d"],
        &["--stale", "soon"],
    ];
    for arguments in wrong {
        assert_eq!(bench.run(["list"].iter().chain(arguments)).status, Some(2), "{arguments:?}");
    }
    bench.run(["list", "--unenrolled", "--group", "no-such-group"]).refused("no such group");
}
