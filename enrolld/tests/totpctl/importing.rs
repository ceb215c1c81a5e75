//! `import` and `export`: what people bring along, and take away.

use crate::bench::{Bench, K1, K3, NOW, Ran, phone};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

const K2: &str = "ONUG64TUEB2GK43UEBZWKY3SMU";
/// K1 in hexadecimal.
const HEX: &str = "4d616b6520696e76656e74656420736563726574";

fn uris(bench: &Bench, more: &[&str], lines: &str) -> Ran {
    let arguments = ["import", "uri", bench.user.as_str()];
    bench.run_with(arguments.iter().chain(more), lines.as_bytes())
}

fn file(bench: &Bench, name: &str, text: &str) -> PathBuf {
    let path = bench.path(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    path
}

fn google(bench: &Bench, path: &std::path::Path, more: &[&str]) -> Ran {
    let arguments = ["import", "google-authenticator", bench.user.as_str(), path.to_str().unwrap()];
    bench.run(arguments.iter().chain(more))
}

fn google_text(more: &str) -> String {
    format!("{K1}\n\" RATE_LIMIT 3 30\n\" DISALLOW_REUSE {more}\n\" TOTP_AUTH\n26404933\n76014243\n")
}

fn tokens(bench: &Bench) -> Vec<String> {
    let status = bench.status();
    let tokens = status["tokens"].as_array().unwrap();
    tokens.iter().map(|token| token["name"].as_str().unwrap().to_owned()).collect()
}

/// The JSON of a run, whatever its exit status.
fn parsed(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).expect(&ran.out)
}

#[test]
fn of_three_uris_the_short_key_is_refused_by_its_line_and_the_others_are_imported() {
    let bench = Bench::new().at(NOW);
    let lines = format!(
        "otpauth://totp/a?secret={K3}\notpauth://totp/b?secret=AZM47MJA\notpauth://totp/c?secret={K1}\n"
    );
    let ran = uris(&bench, &[], &lines);
    assert_eq!(ran.status, Some(1));
    assert!(ran.out.ends_with("is enrolled (phone, phone-2)\n"), "{}", ran.out);
    let refusal = ran.err.lines().find(|line| line.starts_with("totpctl: ")).unwrap();
    assert!(refusal.contains("line 2: secret: the secret has 40 bits, at least 80"), "{refusal}");
    assert_eq!(tokens(&bench), ["phone", "phone-2"]);
    let warnings = bench.status()["warnings"].to_string();
    assert!(warnings.contains("phone: 80 bits, some apps warn; re-enroll when convenient"), "{warnings}");
    assert!(!warnings.to_lowercase().contains("sha"), "never another algorithm: {warnings}");
}

#[test]
fn what_an_app_showed_when_it_was_exported_does_not_open_and_the_later_codes_do() {
    let mut bench = Bench::new().at(NOW);
    let ran = uris(&bench, &[], &format!("otpauth://totp/a?secret={K1}\n"));
    assert!(ran.err.contains("codes pass in 60 s, since what was used so far is not known"), "{}", ran.err);
    for step in 0..2 {
        bench.verify(phone(K1, NOW + 30 * step)).refused("");
    }
    bench.set_clock(NOW + 60);
    bench.verify(phone(K1, NOW + 60)).done();
}

#[test]
fn a_second_import_changes_nothing_and_a_rehearsal_neither() {
    let bench = Bench::new().at(NOW);
    let lines = format!("otpauth://totp/a?secret={K1}\n");
    let before = bench.snapshot();
    let rehearsed = uris(&bench, &["--dry-run"], &lines);
    assert!(rehearsed.out.contains("would be enrolled (phone)"), "{}", rehearsed.out);
    assert_eq!(bench.snapshot(), before);
    uris(&bench, &[], &lines);
    let before = bench.snapshot();
    let again = uris(&bench, &[], &lines).done();
    assert!(again.out.ends_with("was imported already, nothing is changed\n"), "{}", again.out);
    let other = uris(&bench, &[], &format!("otpauth://totp/b?secret={K2}\n"));
    assert!(other.status == Some(1) && other.err.contains("is already enrolled"), "{}", other.err);
    assert_eq!(bench.snapshot(), before);
    uris(&bench, &["--add"], &format!("otpauth://hotp/b?secret={K2}&counter=4\n")).done();
    assert_eq!(tokens(&bench), ["phone", "fob"]);
}

#[test]
fn who_was_revoked_stays_so_until_it_is_said() {
    let bench = Bench::new().at(NOW);
    let lines = format!("otpauth://totp/a?secret={K1}\n");
    uris(&bench, &[], &lines);
    bench.run(["revoke", &bench.user, "--yes"]).done();
    let ran = uris(&bench, &[], &lines);
    assert!(ran.status == Some(1) && ran.err.contains("was revoked"), "{}", ran.err);
    assert!(ran.err.contains("hint: an import brings it back with --revive"), "{}", ran.err);
    assert_eq!(bench.status()["enrolled"], json!(false));
    assert_eq!(uris(&bench, &["--revive"], &lines).status, Some(0));
}

#[test]
fn nothing_on_standard_input_is_refused() {
    let bench = Bench::new();
    uris(&bench, &[], "\n").refused("there is no URI");
    uris(&bench, &[], K1).refused("line 1: this is no otpauth://");
    uris(&bench, &[], &"x".repeat(300_000)).refused("standard input: too large");
}

/// dim13/otpauth 21, X1nto/Mauth 90. The first of three parts, with K1.
#[test]
fn a_part_that_is_missing_is_named_each_time_and_is_no_refusal() {
    const PART: &str =
        "otpauth-migration://offline?data=CiIKFE1ha2UgaW52ZW50ZWQgc2VjcmV0EgFhGgFhIAEoATACEAEYAyAAKE0%3D\n";
    let bench = Bench::new().at(NOW);
    for (more, outcome) in [("", "imported"), (PART, "already"), ("", "already")] {
        let ran = uris(&bench, &["--json"], &format!("{PART}{more}"));
        assert_eq!(ran.status, Some(0), "{}", ran.err);
        assert!(ran.err.contains("note: part 2, 3 of 3 is missing\n"), "{}", ran.err);
        let person = &parsed(&ran)["people"][0];
        assert_eq!((&person["outcome"], &person["tokens"]), (&json!(outcome), &json!(["phone"])));
        let notes = person["notes"].as_array().unwrap();
        assert_eq!(notes.last(), Some(&json!({"field": "batch", "says": "part 2, 3 of 3 is missing"})));
    }
    let other = format!("{PART}otpauth://totp/b?secret={K2}\n");
    let refused = uris(&bench, &[], &other);
    assert_eq!(refused.status, Some(1));
    assert!(refused.err.contains("note: part 2, 3 of 3 is missing\n"), "{}", refused.err);
}

#[test]
fn what_is_exported_has_no_padding_and_is_imported_as_the_same_key() {
    // 80, 88, 128, 136 and 512 bits.
    for characters in [16, 18, 26, 28, 103] {
        let key = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".repeat(4)[..characters - 1].to_owned() + "A";
        let bench = Bench::new().at(NOW);
        uris(&bench, &[], &format!("otpauth://totp/a?secret={}&period=60\n", key.to_lowercase()));
        let exported = bench.run(["export", &bench.user, "--yes"]).done().out;
        let (_, query) = exported.trim_end().split_once('?').unwrap();
        let secret = query.split('&').find_map(|pair| pair.strip_prefix("secret=")).unwrap();
        assert_eq!(secret, key);
        assert!(!exported.contains("%3D") && !exported.contains("=="), "{exported}");
        let again = uris(&bench, &[], &exported).done();
        assert!(again.out.contains("imported already"), "{}", again.out);
    }
}

#[test]
fn an_export_asks_first() {
    let bench = Bench::new();
    bench.enroll(&[]);
    bench
        .run(["export", &bench.user])
        .refused("export asks before it shows secrets, and there is no terminal");
}

#[test]
fn google_authenticators_file_is_enrolled_and_left_as_it_was() {
    let bench = Bench::new().at(NOW);
    let path = file(&bench, "ga", &google_text("59999999 60000000"));
    let before = (fs::read(&path).unwrap(), fs::metadata(&path).unwrap().modified().unwrap());
    let ran = google(&bench, &path, &[]);
    assert_eq!(ran.status, Some(0), "{}", ran.err);
    assert!(ran.out.ends_with("is enrolled (phone, 2 scratch codes)\n"), "{}", ran.out);
    assert!(ran.err.contains("RATE_LIMIT: the throttle of pam_totp takes its place"), "{}", ran.err);
    assert_eq!(before, (fs::read(&path).unwrap(), fs::metadata(&path).unwrap().modified().unwrap()));
    assert_eq!(bench.status()["scratch_codes_left"], json!(2));
    bench.verify("592691").refused("");
    assert_eq!(bench.verify("606107").done().out, "accepted: a code of token phone\n");
    assert_eq!(bench.verify("2640 4933").done().out, "accepted: a scratch code, 1 left\n");
    bench.verify("26404933").refused("this scratch code");
    let store = bench.store();
    let all = bench.snapshot().into_iter().filter(|(path, _)| path.starts_with(&store));
    for (path, bytes) in all {
        assert!(!bytes.windows(8).any(|window| window == b"76014243"), "{path:?}");
    }
}

#[test]
fn a_file_that_is_none_is_refused_with_its_reason() {
    let bench = Bench::new();
    let real = file(&bench, "ga", &google_text(""));
    let link = bench.path("link");
    symlink(&real, &link).unwrap();
    google(&bench, &link, &[]).refused("a symbolic link is not followed");
    let folder = bench.path("folder");
    symlink(bench.path(""), &folder).unwrap();
    google(&bench, &folder.join("ga"), &[]).refused("a symbolic link is not followed");
    google(&bench, &bench.path("none"), &[]).refused("No such file");
    google(&bench, &file(&bench, "empty", ""), &[]).refused("the file is empty");
    google(&bench, &file(&bench, "large", &"x".repeat(70_000)), &[]).refused("too large");
    let pipe = bench.path("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRUSR).unwrap();
    google(&bench, &pipe, &[]).refused("not a regular file");
    fs::set_permissions(&real, fs::Permissions::from_mode(0o620)).unwrap();
    google(&bench, &real, &[]).refused("others may write it");
    fs::set_permissions(&real, fs::Permissions::from_mode(0o600)).unwrap();
    fs::hard_link(&real, bench.path("second")).unwrap();
    google(&bench, &real, &[]).refused("more than one hard link");
}

#[test]
fn no_message_about_a_broken_file_holds_its_secret() {
    let bench = Bench::new();
    for text in
        [format!("{K1}9\n"), format!("{K1}\n\" TOTP_AUTH\n\" STEP_SIZE {K2}\n"), format!("{K1}\n{K2}\n")]
    {
        let ran = google(&bench, &file(&bench, &format!("f{}", text.len()), &text), &["--json"]);
        assert_eq!(ran.status, Some(1));
        let said = format!("{}{}", ran.out, ran.err);
        assert!(![K1, K2].iter().any(|key| said.contains(&key[..6])), "{said}");
    }
}

#[test]
fn one_row_that_is_broken_stops_no_other_and_exit_1_says_so() {
    let bench = Bench::new().at(NOW);
    let user = &bench.user;
    let text = format!(
        "# a comment\nHOTP nobody-of-this-name - {HEX}\nHOTP/T30 {user} hunter2 {HEX}\nTOTP x y z\nHOTP y - 123\n\n\
         HOTP/E {user} - {HEX} 7 123456 2027-01-15T08:00:00L\n"
    );
    let path = file(&bench, "users.oath", &text);
    let ran = bench.run(["import", "oath", path.to_str().unwrap()]);
    assert_eq!(ran.status, Some(1));
    assert_eq!(ran.out, "imported 1, already there 0, refused 2, lines ignored 2\n");
    assert!(ran.err.contains("no such user: \"nobody-of-this-name\""), "{}", ran.err);
    assert!(ran.err.contains("line 5: the key has 3 hexadecimal digits"), "{}", ran.err);
    assert!(ran.err.contains("note: not kept as it was: PASS (1)\n"), "{}", ran.err);
    assert!(ran.err.ends_with("totpctl: 2 were refused\n") && !ran.err.contains("hunter2"), "{}", ran.err);
    assert_eq!(tokens(&bench), ["phone", "fob"], "rows of one user are tokens of one user");
    let again = bench.run(["import", "oath", path.to_str().unwrap(), "--user", user]).done();
    assert!(again.out.contains("imported already"), "{}", again.out);
    bench.run(["import", "oath", path.to_str().unwrap(), "--user", user, "--revive"]).done();
    bench.run(["import", "oath", path.to_str().unwrap(), "--revive"]).refused("--revive is for one user");
}

#[test]
fn what_scripts_read_is_one_object_with_everybody_and_the_sum() {
    let bench = Bench::new().at(NOW);
    let path = file(
        &bench,
        "users.oath",
        &format!("HOTP nobody-of-this-name - {HEX}\nHOTP {} + {HEX}\n", bench.user),
    );
    let ran = bench.run(["import", "oath", path.to_str().unwrap(), "--json", "--dry-run"]);
    let printed = parsed(&ran);
    let people = printed["people"].as_array().unwrap();
    assert_eq!(people[0]["outcome"], json!("refused"));
    assert_eq!(people[0]["user"], json!("nobody-of-this-name"));
    assert_eq!(
        people[1],
        json!({"user": bench.user, "outcome": "imported", "tokens": ["fob"], "scratch_codes": 0,
               "notes": [{"field": "PASS", "says": "a password before the code is no longer taken"}], "error": null})
    );
    let sum = json!({"imported": 1, "updated": 0, "already": 0, "refused": 1, "ignored": 0, "dry_run": true});
    assert_eq!(printed["summary"], sum);
    assert!(!bench.person(bench.uid).exists());
    let none = bench.run(["import", "oath", file(&bench, "none", "").to_str().unwrap(), "--json"]).json();
    assert_eq!(none["people"], json!([]));
}

#[test]
fn an_export_that_is_not_confirmed_shows_nothing() {
    let bench = Bench::new();
    bench.enroll_key(K1, &[]);
    for (answer, shows) in [("n", false), ("", false), ("y", true)] {
        let mut session = bench.session(["export", bench.user.as_str()]);
        session.expect("'s 1 tokens? [y/N] ");
        session.say(answer);
        let (status, screen) = session.end();
        assert_eq!((status, screen.contains(K1)), (Some(if shows { 0 } else { 1 }), shows), "{screen}");
    }
}

#[test]
fn progress_is_shown_on_a_terminal_and_nowhere_else() {
    let bench = Bench::new();
    let rows: String = (0..40).map(|number| format!("HOTP nobody-{number} - {HEX}\n")).collect();
    let path = file(&bench, "users.oath", &rows);
    let session = bench.session(["import", "oath", path.to_str().unwrap()]);
    let (status, screen) = session.end();
    assert_eq!(status, Some(1));
    assert!(screen.contains("16 of 40") && screen.contains("32 of 40"), "{screen}");
    assert!(!screen.contains('\u{1b}'), "{screen:?}");
    let ran = bench.run(["import", "oath", path.to_str().unwrap()]);
    assert!(!ran.err.contains(" of 40") && !ran.err.contains('\r'), "{}", ran.err);
    assert_eq!(ran.out, "imported 0, already there 0, refused 40\n");
}
