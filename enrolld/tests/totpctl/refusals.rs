//! What is refused: said clearly, and nothing is changed.

use crate::bench::{Bench, copy_binary, ran};
use std::os::unix::fs::PermissionsExt;

#[test]
fn init_makes_a_store_once() {
    let bench = Bench::without_store();
    let made = bench.run(["init"]).done().out;
    let id = made.trim().rsplit(' ').next().unwrap();
    assert_eq!(made, format!("created the store {}, id {id}\n", bench.store().display()));
    assert_eq!(id.len(), 32);
    let before = bench.snapshot();
    let again = bench.run(["init"]).done().out;
    assert_eq!(again, format!("the store {} is there, id {id}\n", bench.store().display()));
    assert_eq!(bench.snapshot(), before);
}

#[test]
fn without_a_store_every_verb_says_how_to_make_one() {
    let bench = Bench::without_store();
    let user = bench.user.as_str();
    let verbs: [&[&str]; 11] = [
        &["enroll", user, "--no-confirm", "--json"],
        &["status", user],
        &["list"],
        &["verify", user],
        &["code", user],
        &["backup-codes", user, "--yes"],
        &["revoke", user, "--yes"],
        &["unlock", user],
        &["adopt", user],
        &["bypass", user, "--reason", "x"],
        &["revoke-bypass", user],
    ];
    for verb in verbs {
        bench
            .run(verb)
            .refused("no FORMAT file: not our store, or not mounted")
            .refused("hint: mount the store, or create it once with: totpctl init");
    }
    assert!(!bench.store().exists());
}

#[test]
fn a_store_that_the_settings_pin_is_not_made_anew() {
    let bench = Bench::without_store();
    let store = bench.store();
    let pinned = format!("[store]\nid = \"{}\"\ndirectory = {store:?}\n", "0".repeat(32));
    std::fs::write(bench.path("settings.toml"), pinned).unwrap();
    bench.run(["init"]).refused("which the settings name, is not there");
    assert!(!store.exists());
}

#[test]
fn names_that_cannot_be_are_refused_and_nothing_changes() {
    let bench = Bench::new();
    let before = bench.snapshot();
    let long = "a".repeat(300);
    let cases = [
        ("no-such-user-here", "no such user: \"no-such-user-here\""),
        ("", "a user name is needed"),
        ("../etc", "the user name contains '/'"),
        ("..", "\"..\" are no user names"),
        ("a/b", "the user name contains '/'"),
        ("a\nb", "the user name contains '\\n'"),
        ("a\u{1b}[2J", "the user name contains '\\u{1b}'"),
        (&long, "the user name is longer than 255 bytes"),
        ("4294967294", "no such user: \"4294967294\""),
    ];
    for (name, words) in cases {
        for verb in [["enroll", "--no-confirm"].as_slice(), &["status"], &["verify"], &["code"], &["adopt"]] {
            let said = bench.run(verb.iter().chain(&["--", name])).refused(words).err;
            assert!(!said.contains('\u{1b}'), "{said:?}");
        }
        for verb in [["revoke", "--yes"].as_slice(), &["unlock"], &["backup-codes"]] {
            bench.run(verb.iter().chain(&["--", name])).refused(words);
        }
    }
    assert_eq!(bench.snapshot(), before);
}

#[test]
fn somebody_who_is_enrolled_is_not_enrolled_again() {
    let bench = Bench::new();
    bench.enroll(&[]);
    let before = bench.snapshot();
    let said = bench.run(["enroll", &bench.user, "--no-confirm", "--json"]);
    said.refused("is already enrolled (token phone and 10 backup codes)")
        .refused("hint: one more token: totpctl enroll --add --token NAME")
        .refused("hint: a new one in place of all: totpctl enroll --replace");
    bench
        .run(["enroll", &bench.user, "--add", "--token", "phone", "--no-confirm"])
        .refused("has a token phone already");
    assert_eq!(bench.snapshot(), before);
}

#[test]
fn nothing_is_added_to_nothing_and_no_ninth_token() {
    let bench = Bench::new();
    let add =
        |name: &str| bench.run(["enroll", &bench.user, "--add", "--token", name, "--no-confirm", "--json"]);
    add("fob").refused("is not enrolled, there is nothing to add to");
    bench.enroll(&[]);
    for number in 2..=8 {
        add(&format!("fob{number}")).done();
    }
    add("fob9").refused("has 8 tokens, and no more fit");
}

#[test]
fn without_a_terminal_nothing_is_destroyed_unless_yes_answers() {
    let bench = Bench::new();
    let enroll = bench.run_with(["enroll", &bench.user], b"123456\n");
    enroll.refused("enroll asks for a code, and there is no terminal\nhint: --no-confirm stores without one");
    bench.enroll(&[]);
    let before = bench.snapshot();
    let verbs: [&[&str]; 3] = [&["enroll", "--replace", "--no-confirm"], &["revoke"], &["backup-codes"]];
    for verb in verbs {
        // A "y" that is piped is no answer.
        let ran = bench.run_with(verb.iter().chain(&[bench.user.as_str()]), b"y\n");
        ran.refused("and there is no terminal\nhint: --yes answers");
    }
    assert_eq!(bench.snapshot(), before);
}

#[test]
fn wrong_usage_exits_2() {
    let bench = Bench::new();
    let before = bench.snapshot();
    let user = bench.user.as_str();
    let cases: [(&[&str], &str); 15] = [
        (&[], "totpctl: a verb is needed"),
        (&["bogus"], "totpctl: unrecognized verb 'bogus'"),
        (&["bypass"], "<USER>"),
        (&["enroll", user, "--digits", "9"], "expected 6, 7 or 8"),
        (&["enroll", user, "--period", "14"], "expected 15 to 300 seconds"),
        (&["enroll", user, "--period", "1m"], "expected 15 to 300 seconds"),
        (&["enroll", user, "--algorithm", "md5"], "invalid value 'md5' for '--algorithm <NAME>'"),
        (&["enroll", user, "--backup-codes", "101"], "expected 0 to 100"),
        (&["enroll", user, "--token", "a b"], "expected 1 to 32 of"),
        (&["enroll", user, "--issuer", "a\nb"], "without control characters"),
        (&["enroll", user, "--label", " "], "expected 1 to 255 bytes"),
        (&["enroll", user, "--add"], "--token <NAME>"),
        (&["enroll", user, "--yes"], "--replace"),
        (&["enroll", user, "--add", "--token", "x", "--replace"], "cannot be used with"),
        (&["list", "--jsn"], "hint: a similar argument exists: '--json'"),
    ];
    for (arguments, words) in cases {
        let ran = bench.run(arguments);
        assert_eq!((ran.status, ran.out.as_str()), (Some(2), ""), "{arguments:?}: {}", ran.err);
        assert!(ran.err.starts_with("totpctl: ") && ran.err.contains(words), "{arguments:?}: {}", ran.err);
    }
    assert_eq!(bench.snapshot(), before);
}

#[test]
fn a_code_given_as_an_argument_is_not_repeated() {
    let bench = Bench::new();
    let ran = bench.run(["verify", &bench.user, "592691"]);
    assert_eq!(ran.status, Some(2));
    assert_eq!(
        ran.err,
        "totpctl: one argument too many\nhint: codes are asked for, never given as an argument\n"
    );
}

#[test]
fn a_code_given_in_place_of_the_user_is_not_repeated() {
    let bench = Bench::new();
    for code in ["592691", "592691606107", "abcd-efgh-jkmn", "ABCDEFGHJKMN"] {
        for verb in ["verify", "enroll", "status", "backup-codes"] {
            let ran = bench.run([verb, code]);
            assert_eq!(ran.status, Some(1), "{verb}");
            assert_eq!(
                ran.err,
                "totpctl: no such user\nhint: codes are asked for, never given as an argument\n"
            );
        }
    }
}

#[test]
fn a_mistake_in_the_settings_is_named_with_its_place() {
    let bench = Bench::new();
    bench.settings("isuer = \"x\"\n");
    bench.run(["list"]).refused("settings.toml:1:1: ");
    let missing = bench.path("missing.toml");
    std::fs::rename(bench.path("settings.toml"), &missing).unwrap();
    bench.run(["list"]).refused("settings.toml: no such file");
}

#[test]
fn whoever_may_not_read_the_store_is_told_who_may() {
    let bench = Bench::new();
    if bench.uid == 0 {
        // Somebody else, who can reach the binary, the settings and the store's folder.
        let binary = bench.path("totpctl");
        copy_binary(&binary);
        for name in ["", "settings.toml", "totpctl"] {
            std::fs::set_permissions(bench.path(name), std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let mut command = std::process::Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(binary);
        command.arg("--config").arg(bench.path("settings.toml")).args(["list"]);
        ran(command, b"").refused("only root may do this");
    } else {
        std::fs::set_permissions(bench.store(), std::fs::Permissions::from_mode(0o000)).unwrap();
        bench.run(["status", &bench.user]).refused("hint: only root reads and writes the store");
        std::fs::set_permissions(bench.store(), std::fs::Permissions::from_mode(0o700)).unwrap();
    }
}

#[test]
fn a_set_uid_totpctl_does_nothing_for_anybody() {
    let bench = Bench::new();
    if bench.uid != 0 {
        return;
    }
    bench.enroll(&[]);
    let binary = bench.path("totpctl");
    copy_binary(&binary);
    std::fs::set_permissions(bench.path(""), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::set_permissions(&binary, std::fs::Permissions::from_mode(0o4755)).unwrap();
    let before = bench.snapshot();
    for verb in [["code", "root"].as_slice(), &["bypass", "root", "--reason", "x"], &["status"]] {
        let mut command = std::process::Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&binary);
        command.arg("--config").arg(bench.path("settings.toml")).args(verb);
        ran(command, b"").refused("installed set-uid");
    }
    assert_eq!(bench.snapshot(), before);
}

#[test]
fn upgrade_store_has_nothing_to_raise_and_leaves_a_newer_store_alone() {
    let bench = Bench::new();
    let format = bench.store().join("FORMAT");
    let text = std::fs::read_to_string(&format).unwrap();
    let said = bench.run(["upgrade-store"]).done().out;
    assert!(said.ends_with(" has format 1, the newest: there is nothing to raise\n"), "{said}");
    assert_eq!(std::fs::read_to_string(&format).unwrap(), text);
    for (version, words) in [
        ("2", "format 2: this version judges codes there"),
        ("3", "format 3 is too new: this version reads 1 and 2"),
    ] {
        let newer = text.replace("format 1", &format!("format {version}"));
        std::fs::write(&format, &newer).unwrap();
        bench.run(["upgrade-store"]).refused(words);
        assert_eq!(std::fs::read_to_string(&format).unwrap(), newer);
    }
}
