//! What scripts rely on: keys, exit statuses, streams.

use crate::bench::{Bench, NOW, keys, phone, ran};
use serde_json::json;
use std::fs::File;

#[test]
fn enrolling_for_a_script_prints_exactly_the_promised_keys() {
    let bench = Bench::new();
    let ran = bench.run(["enroll", &bench.user, "--no-confirm", "--json"]).done();
    assert_eq!(keys(&ran.out), ["user", "token", "uri", "secret", "backup_codes"]);
    assert!(ran.out.ends_with("}\n") && ran.out.lines().count() == 1, "{}", ran.out);
    let printed = ran.json();
    assert_eq!((&printed["user"], &printed["token"]), (&json!(bench.user), &json!("phone")));
    let secret = printed["secret"].as_str().unwrap();
    assert_eq!(secret.len(), 32, "160 bits");
    assert!(printed["uri"].as_str().unwrap().contains(&format!("?secret={secret}&issuer=")));
    let codes = printed["backup_codes"].as_array().unwrap();
    assert_eq!(codes.len(), 10);
    for code in codes {
        let groups: Vec<_> = code.as_str().unwrap().split('-').map(str::len).collect();
        assert_eq!(groups, [4, 4, 4]);
    }
}

#[test]
fn status_prints_the_promised_keys() {
    let bench = Bench::new().at(NOW);
    bench.enroll(&[]);
    let ran = bench.run(["status", &bench.user, "--json"]).done();
    let promised = [
        "user",
        "enrolled",
        "tokens",
        "backup_codes_left",
        "scratch_codes_left",
        "throttled",
        "warnings",
        "uid",
        "changed",
        "backup_set",
        "bypasses",
        "invitation",
        "announcements",
        "no_account",
        "suspended",
        "paused",
    ];
    assert_eq!(keys(&ran.out), promised);
    let expected = json!({
        "user": bench.user,
        "enrolled": true,
        "tokens": [{
            "name": "phone", "kind": "totp", "algorithm": "sha1", "digits": 6, "period": 30, "last_used": null,
            "pairs_only": false,
        }],
        "backup_codes_left": 10,
        "scratch_codes_left": null,
        "throttled": [],
        "warnings": [],
        "uid": bench.uid,
        "changed": "2027-01-15T08:00:00Z",
        "backup_set": { "number": 1, "date": "2027-01-15" },
        "bypasses": [],
        "invitation": null,
        "announcements": [],
        "no_account": false,
        "suspended": null,
        "paused": null,
    });
    assert_eq!(ran.json(), expected);
    assert_eq!(bench.run(["list", "--json"]).json(), json!([expected]));
}

#[test]
fn somebody_who_was_never_enrolled_has_a_status() {
    let bench = Bench::new();
    let status = bench.status();
    assert_eq!((&status["enrolled"], &status["tokens"]), (&json!(false), &json!([])));
    assert_eq!((&status["backup_codes_left"], &status["backup_set"]), (&json!(0), &json!(null)));
    let page = bench.run(["status", &bench.user]).done().out;
    assert_eq!(page, format!("{}: not enrolled\n", bench.user));
    assert_eq!(bench.run(["list", "--json"]).json(), json!([]));
    assert_eq!(bench.run(["list"]).done().out, "nobody is enrolled\n");
}

#[test]
fn a_code_is_accepted_once_and_the_use_is_dated_in_utc() {
    let bench = Bench::new().at(NOW + 7);
    let printed = bench.enroll(&[]);
    let code = phone(printed["secret"].as_str().unwrap(), NOW);
    assert_eq!(bench.verify(&code).done().out, "accepted: a code of token phone\n");
    bench.verify(&code).refused("this code, or a later one, was used before");
    assert_eq!(bench.status()["tokens"][0]["last_used"], "2027-01-15T08:00:07Z");
    let page = bench.run(["status", &bench.user]).done().out;
    assert!(page.contains("phone  totp  sha1       6       30 s    2027-01-15 08:00:07 UTC\n"), "{page}");
}

#[test]
fn two_successive_codes_open_and_are_both_spent() {
    let bench = Bench::new().at(NOW);
    let printed = bench.enroll(&[]);
    let secret = printed["secret"].as_str().unwrap();
    let (first, second) = (phone(secret, NOW - 30), phone(secret, NOW));
    let ran = bench.verify(format!("{first} {second}")).done();
    assert_eq!(ran.out, "accepted: two successive codes of token phone\n");
    bench.verify(second).refused("was used before");
}

#[test]
fn a_lane_that_waits_is_told_until_when() {
    let mut bench = Bench::new().at(NOW);
    let printed = bench.enroll(&[]);
    let secret = printed["secret"].as_str().unwrap();
    let wrong = (0..).map(|n| format!("{n:06}")).filter(|code| !near(secret, code)).take(5);
    for code in wrong {
        bench.verify(code).refused("wrong code");
    }
    assert_eq!(bench.status()["throttled"], json!([{ "lane": "console", "until": "2027-01-15T08:00:30Z" }]));
    bench
        .verify(phone(secret, NOW))
        .refused("too many wrong codes, console waits until 2027-01-15 08:00:30 UTC")
        .refused("hint: two successive codes in one line (123456 654321) or a backup code still open");
    assert_eq!(
        bench.run(["unlock", &bench.user]).done().out,
        format!("{}: every lane is open\n", bench.user)
    );
    assert_eq!(bench.status()["throttled"], json!([]));
    bench.set_clock(NOW + 1);
    bench.verify(phone(secret, NOW)).done();
}

/// Whether a code is right within a day: such a one would get another answer than "wrong code".
fn near(secret: &str, code: &str) -> bool {
    let around = crate::bench::phone_with(secret, NOW - 87_000, &["--window=5800"]);
    around.lines().any(|line| line == code)
}

#[test]
fn the_current_code_is_the_phones() {
    let mut bench = Bench::new().at(NOW + 13);
    let printed = bench.enroll(&[]);
    let code = phone(printed["secret"].as_str().unwrap(), NOW);
    assert_eq!(bench.run(["code", &bench.user]).done().out, format!("{code}  17 s left  phone\n"));
    bench.verify(&code).done();
    let shown = bench.run(["code", &bench.user, "--token", "phone"]).done().out;
    assert_eq!(shown, format!("{code}  17 s left  phone  used already\n"));
    bench.set_clock(NOW + 30);
    assert!(bench.run(["code", &bench.user]).done().out.ends_with("  30 s left  phone\n"));
    bench
        .run(["code", &bench.user, "--token", "fob"])
        .refused("has no token of that name\nhint: there is: phone");
}

#[test]
fn what_cannot_be_printed_is_a_failure_that_says_what_was_done() {
    let bench = Bench::new();
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let mut command = bench.command(["enroll", &bench.user, "--no-confirm", "--json"]);
    let output = command.stdout(full()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.starts_with("totpctl: standard output: No space left on device"), "{said}");
    assert!(said.contains(&format!("hint: {} is enrolled all the same\n", bench.user)), "{said}");
    assert_eq!(bench.status()["enrolled"], json!(true));
    let output = bench.command(["list"]).stdout(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_revoked_user_is_not_enrolled_and_may_enroll_again() {
    let bench = Bench::new().at(NOW);
    bench.enroll(&[]);
    let said = bench.run(["revoke", &bench.user, "--yes"]).done().out;
    assert_eq!(said, format!("{} is no longer enrolled\n", bench.user));
    assert_eq!((&bench.status()["enrolled"], &bench.status()["tokens"]), (&json!(false), &json!([])));
    assert_eq!(bench.run(["list", "--json"]).json(), json!([]));
    let page = bench.run(["status", &bench.user]).done().out;
    assert!(page.ends_with("not enrolled, revoked 2027-01-15 08:00:00 UTC\n"), "{page}");
    for verb in
        [["verify"].as_slice(), &["code"], &["revoke", "--yes"], &["unlock"], &["adopt"], &["backup-codes"]]
    {
        bench.run(verb.iter().chain(&[bench.user.as_str()])).refused("is not enrolled");
    }
    bench.enroll(&[]);
    assert_eq!(bench.status()["enrolled"], json!(true));
}

#[test]
fn whoever_is_invited_has_nothing_to_look_after_and_what_is_tried_changes_nothing() {
    let bench = Bench::new().at(NOW);
    let code = bench.run(["invite", &bench.user, "--json"]).json()[0]["invitation"].clone();
    let before = bench.snapshot();
    let verbs: [&[&str]; 8] = [
        &["code"],
        &["unlock"],
        &["unlock", "--clock"],
        &["adopt"],
        &["backup-codes", "--yes"],
        &["bypass", "--reason", "x"],
        &["revoke-bypass"],
        &["enroll", "--add", "--token", "fob", "--no-confirm"],
    ];
    for verb in verbs {
        bench.run(verb.iter().chain(&[bench.user.as_str()])).refused("is not enrolled");
    }
    bench.run(["remove-token", &bench.user, "--token", "phone", "--yes"]).refused("is not enrolled");
    bench.verify(code.as_str().unwrap()).refused("is not enrolled");
    assert_eq!(bench.snapshot(), before);
    bench.run(["revoke", &bench.user, "--yes"]).done();
    bench.run(["invite", &bench.user, "--json"]).done();
    bench.enroll(&[]);
    let after = bench.snapshot();
    assert_eq!(bench.run(["invite", &bench.user]).status, Some(1));
    assert_eq!(bench.snapshot(), after);
}

#[test]
fn a_second_token_stands_beside_the_first() {
    let bench = Bench::new();
    let first = bench.enroll(&[]);
    let second = bench.enroll(&["--add", "--token", "fob", "--digits", "8", "--period", "60s"]);
    assert_eq!((&second["token"], &second["backup_codes"]), (&json!("fob"), &json!([])));
    let status = bench.status();
    assert_eq!(status["tokens"].as_array().unwrap().len(), 2);
    assert_eq!(status["tokens"][1]["period"], json!(60));
    assert_eq!(status["backup_codes_left"], json!(10), "the set stays");
    assert!(second["uri"].as_str().unwrap().contains("%20fob?secret="), "told apart in the app: {second}");
    assert!(!first["uri"].as_str().unwrap().contains("phone"));
    assert!(bench.run(["list"]).done().out.contains("phone,fob"));
}

#[test]
fn a_replacement_leaves_nothing_of_what_was() {
    let bench = Bench::new().at(NOW);
    let old = bench.enroll(&[]);
    let new = bench.enroll(&["--replace", "--yes", "--token", "key"]);
    assert_ne!(old["secret"], new["secret"]);
    assert_eq!(bench.status()["tokens"][0]["name"], json!("key"));
    bench.verify(phone(old["secret"].as_str().unwrap(), NOW)).refused("");
    bench.verify(phone(new["secret"].as_str().unwrap(), NOW)).done();
}

#[test]
fn a_closed_standard_error_stops_nothing() {
    let bench = Bench::new();
    let command =
        bench.program(&["sh", "-c", "exec 2>&-; exec \"$@\"", "sh", "setsid"], ["status", &bench.user]);
    assert_eq!(ran(command, b"").status, Some(0));
}
