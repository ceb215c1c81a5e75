//! People without a local account: a VPN's, an FTP server's, a mail server's.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::os::unix::process::CommandExt;

use acceptance::daemon::{Daemon, INTERFACE, call};
use acceptance::faults::{fail_at, system_calls};
use acceptance::lab::{Lab, PASSWORD, SETTINGS, STORE, write};
use acceptance::pam::{Code, Login, Reply, Report, Style};
use acceptance::people::Person;
use acceptance::sandbox;
use serde_json::{Value, json};

const BOTH: &str = "Password & verification code: ";
const NOTHING: Value = Value::Null;

/// A service that knows its users' passwords from elsewhere, or takes any.
fn door(lab: &Lab, arguments: &str) {
    lab.service("door", &format!("auth required pam_totp.so {arguments}\nauth required pam_permit.so\n"));
}

fn vera(lab: &Lab) -> Person {
    lab.enroll_with("vera", &["--no-account"])
}

fn login(user: impl AsRef<[u8]>, code: impl AsRef<[u8]>) -> Code {
    Login::new("door", user).code(code).run().verdict()
}

/// What `totpctl` says on standard error when it refuses.
fn refused(lab: &Lab, arguments: &[&str]) -> String {
    let output = lab.totpctl_command().args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn listed(lab: &Lab) -> Vec<Value> {
    serde_json::from_str(&lab.totpctl(["list", "--json"])).unwrap()
}

#[test]
fn a_code_opens_once_in_all_spellings_and_the_user_stays_as_typed() {
    sandbox::within(|lab| {
        door(lab, "");
        let vera = vera(lab);
        lab.syslog.clear();
        let report = Login::new("door", "VeRa").from("203.0.113.5").code(vera.phone.code(0)).run();
        assert_eq!(report.verdict(), Code::Success);
        assert_eq!(report.user.as_deref(), Some(&b"VeRa"[..]));
        let line = lab.decision();
        assert!(line.contains("accepted; user=vera rhost=203.0.113.5"), "{line}");
        for spelling in ["vera", "Vera", "VERA"] {
            assert_eq!(login(spelling, vera.phone.code(0)), Code::AuthErr, "{spelling}");
            assert!(lab.decision().contains("verdict=replayed"));
        }
        assert_eq!(login("VERA", &vera.backup_codes[0]), Code::Success);
        assert_eq!(login("vera", &vera.backup_codes[0]), Code::AuthErr);
    });
}

#[test]
fn guesses_are_counted_together_over_all_spellings_and_never_at_the_console() {
    sandbox::within(|lab| {
        door(lab, "");
        lab.service("login", "auth required pam_totp.so\n");
        let vera = vera(lab);
        for spelling in ["vera", "Vera", "VERA", "vERA", "veRA"] {
            assert_eq!(login(spelling, vera.phone.wrong()), Code::AuthErr);
        }
        lab.syslog.clear();
        assert_eq!(login("vera", vera.phone.code(0)), Code::AuthErr);
        assert!(lab.decision().contains("lane strangers waits"));
        for _ in 0..5 {
            Login::new("login", "vera").code(vera.phone.wrong()).run();
        }
        let status = lab.status("VERA");
        let lanes: Vec<_> = status["throttled"].as_array().unwrap().iter().map(|row| &row["lane"]).collect();
        assert_eq!(lanes, ["others", "strangers"]);
        lab.totpctl(["unlock", "Vera"]);
        assert_eq!(login("vera", vera.phone.code(0)), Code::Success);
    });
}

#[test]
fn one_prompt_takes_password_and_code_as_an_ftp_server_asks() {
    sandbox::within(|lab| {
        let watcher = "auth optional pam_exec.so quiet expose_authtok /usr/bin/tee /run/authtok\n";
        lab.service("door", &format!("auth required pam_totp.so forward_pass\n{watcher}"));
        let vera = vera(lab);
        let answered = |user: &str, answer: String| {
            let _ = fs::remove_file("/run/authtok");
            let login = Login::new("door", user).asked(Style::EchoOff, BOTH, Reply::Bytes(answer.into()));
            (login.run().verdict(), fs::read("/run/authtok").unwrap_or_default())
        };
        let handed_on = PASSWORD.as_bytes().to_vec();
        let code = vera.phone.code(0);
        assert_eq!(answered("Vera", format!("{PASSWORD}{code}")), (Code::Success, handed_on.clone()));
        assert_eq!(answered("vera", format!("{PASSWORD}{code}")).0, Code::AuthErr);
        let (verdict, handed) = answered("nobody-here", format!("{PASSWORD}{}", vera.phone.code(1)));
        assert_eq!(verdict, Code::AuthErr);
        assert_eq!(handed, handed_on, "a code stands in no password, whoever typed it");
    });
}

#[test]
fn nothing_exempts_them_and_deny_denies() {
    sandbox::within(|lab| {
        door(lab, "nullok");
        let vera = vera(lab);
        lab.add_group("ops", 5000, "vera,alice");
        let rule = |keys: &str, then: &str| format!("[[rule]]\n{keys}\nthen = \"{then}\"\n");
        let skips = [
            rule("", "skip"),
            rule("user = \"Vera\"", "skip"),
            rule("group = \"ops\"", "skip"),
            rule("from = \"203.0.113.0/24\"", "skip"),
            rule("from = \"local\"", "skip"),
            String::new(),
        ];
        for (rules, code) in skips.iter().zip(&vera.backup_codes) {
            lab.settings(&format!("{SETTINGS}unenrolled = \"skip\"\n{rules}"));
            for login in [Login::new("door", "vera"), Login::new("door", "VERA").from("203.0.113.5")] {
                assert_eq!(login.clone().code("000000").run().verdict(), Code::AuthErr, "{rules}");
            }
            assert_eq!(login("vera", code), Code::Success, "{rules}");
        }
        lab.settings(&format!("{SETTINGS}{}", rule("group = \"ops\"", "skip")));
        lab.syslog.clear();
        assert_eq!(login("vera", "000000"), Code::AuthErr);
        let line = lab.decision();
        assert!(line.contains("cannot be evaluated by group, so require: group"), "{line}");
        for keys in ["user = \"VERA\"", "group = \"ops\"", "service = \"door\"", ""] {
            lab.settings(&format!("{SETTINGS}{}", rule(keys, "deny")));
            lab.syslog.clear();
            assert_eq!(login("vera", &vera.backup_codes[7]), Code::AuthErr, "{keys}");
            let line = lab.decision();
            assert!(line.contains("user=vera") && line.contains("verdict=denied"), "{keys}: {line}");
            assert_eq!(login("nobody-here", "123456"), Code::AuthErr);
            let line = lab.decision();
            assert!(line.contains("user=?") && line.ends_with("verdict=unknown-account"), "{line}");
        }
        lab.service("login", "auth required pam_totp.so\n");
        lab.settings(&format!("{SETTINGS}{}", rule("from = \"local\"", "deny")));
        let at_the_console = Login::new("login", "vera").code(&vera.backup_codes[7]);
        assert_eq!(at_the_console.run().verdict(), Code::Success, "not local, and the code was not spent");
    });
}

#[test]
fn whoever_is_not_enrolled_is_unknown_as_ever() {
    sandbox::within(|lab| {
        door(lab, "nullok");
        vera(lab);
        let mut names: Vec<Vec<u8>> =
            ["veraa", "../x", "..", "names/vera", "%76era", "vera%2f", "vera ", "ver\u{430}"]
                .map(|name| name.as_bytes().to_vec())
                .into();
        names.extend([b"\xffvera".to_vec(), vec![b'v'; 256], vec![b'v'; 5000], "é".repeat(120).into()]);
        names.push("enrollment.toml".into());
        for name in &names {
            lab.syslog.clear();
            let report = Login::new("door", name).code("123456").run();
            let shown = String::from_utf8_lossy(name);
            assert_eq!(report.verdict(), Code::AuthErr, "{shown}");
            assert_eq!(report.texts(), ["Verification code: "], "{shown}");
            let line = lab.decision();
            assert!(line.contains("user=? ") && line.ends_with("verdict=unknown-account"), "{shown}: {line}");
        }
        assert_eq!(fs::read_dir(format!("{STORE}/names")).unwrap().count(), 1);
    });
}

#[test]
fn a_password_that_was_typed_as_the_name_comes_into_no_log_whatever_fails() {
    sandbox::within(|lab| {
        door(lab, "nullok");
        vera(lab);
        let login = Login::new("door", "Hunter2").code("123456");
        let calls = system_calls(&login.command());
        let first = calls.iter().position(|point| point.shown.contains("FORMAT")).unwrap();
        let opened = calls[first..].iter().filter(|point| point.call.starts_with("open"));
        assert!(opened.clone().any(|point| point.shown.contains("hunter2")), "its folder is looked for");
        for point in opened {
            let output = fail_at(&login.command(), &point.call, point.number, "EIO");
            assert_ne!(Report::of(output).verdict(), Code::Success, "{point:?}");
        }
        let lines = lab.syslog.raw();
        assert!(lines.iter().any(|line| line.contains("verdict=unavailable")), "{lines:#?}");
        assert!(!lines.iter().any(|line| line.to_lowercase().contains("hunter2")), "{lines:#?}");
    });
}

#[test]
fn a_name_service_that_does_not_answer_lets_nobody_in_by_a_name() {
    sandbox::within(|lab| {
        door(lab, "nullok");
        let vera = vera(lab);
        for answer in ["unavailable 5", "try_again 11", "unavailable 2", "unavailable 111"] {
            lab.name_service(&format!("{answer}\n"));
            lab.syslog.clear();
            assert_eq!(login("vera", vera.phone.code(0)), Code::AuthErr, "{answer}");
            let line = lab.decision();
            assert!(line.contains("verdict=unavailable") && line.contains("user=? "), "{line}");
            assert!(
                refused(lab, &["enroll", "nina", "--no-account", "--no-confirm"]).contains("name service")
            );
        }
        lab.name_service("");
        assert_eq!(login("vera", vera.phone.code(0)), Code::Success);
    });
}

#[test]
fn an_account_that_comes_later_is_not_exempt_until_what_was_before_it_is_revoked() {
    sandbox::within(|lab| {
        door(lab, "nullok");
        let vera = vera(lab);
        lab.add_account("vera", 2077);
        for spelling in ["vera", "VERA"] {
            assert_eq!(login(spelling, vera.phone.code(0)), Code::AuthErr, "{spelling}");
        }
        lab.syslog.clear();
        assert_eq!(login("vera", vera.phone.code(0)), Code::AuthErr);
        let line = lab.decision();
        assert!(line.contains("verdict=unavailable"), "{line}");
        assert!(line.contains("totpctl revoke --no-account vera"), "{line}");
        assert!(refused(lab, &["enroll", "vera", "--no-confirm"]).contains("revoke --no-account vera"));
        assert!(refused(lab, &["invite", "vera"]).contains("invitation"));
        let page = lab.totpctl(["status", "vera"]);
        assert!(
            page.starts_with("vera: not enrolled\nwarning: ") && page.contains("revoke --no-account"),
            "{page}"
        );
        let warning = listed(lab)[0]["warnings"][0].as_str().unwrap().to_owned();
        assert!(warning.contains("revoke --no-account vera"), "{warning}");
        let doctor = lab.totpctl_command().args(["doctor", "--user", "vera"]).output().unwrap();
        let doctor = String::from_utf8(doctor.stdout).unwrap();
        assert!(doctor.contains("vera is an account by now"), "{doctor}");
        lab.totpctl(["revoke", "vera", "--no-account", "--yes"]);
        assert_eq!(Login::new("door", "vera").run().verdict(), Code::Success, "nullok");
        let account = lab.enroll("vera");
        assert_eq!(login("vera", vera.phone.code(0)), Code::AuthErr);
        assert_eq!(login("vera", account.phone.code(0)), Code::Success);
    });
}

#[test]
fn an_account_that_is_the_same_person_keeps_the_tokens_and_all_that_was_used() {
    sandbox::within(|lab| {
        door(lab, "nullok");
        let vera = vera(lab);
        assert_eq!(login("vera", vera.phone.code(0)), Code::Success);
        assert_eq!(login("vera", &vera.backup_codes[0]), Code::Success);
        lab.add_account("vera", 2077);
        assert!(lab.totpctl(["adopt", "vera"]).contains("took over what was enrolled without an account"));
        assert_eq!(lab.status("vera")["uid"], 2077);
        assert_eq!(listed(lab).len(), 1);
        assert_eq!(login("vera", vera.phone.code(0)), Code::AuthErr);
        assert_eq!(login("vera", &vera.backup_codes[0]), Code::AuthErr);
        assert_eq!(login("vera", vera.phone.code(1)), Code::Success);
        assert_eq!(login("vera", &vera.backup_codes[1]), Code::Success);
        // The account goes, and nobody is found by the name.
        let passwd = fs::read_to_string("/etc/passwd").unwrap();
        write("/etc/passwd", &passwd.replace("\nvera:", "\nverona:"));
        lab.syslog.clear();
        assert_eq!(login("vera", &vera.backup_codes[2]), Code::AuthErr);
        assert!(lab.decision().ends_with("verdict=unknown-account"));
    });
}

#[test]
fn by_another_spelling_than_the_accounts_nobody_is_exempt_who_was_enrolled_by_it() {
    sandbox::within(|lab| {
        door(lab, "nullok");
        lab.enroll_with("bob@corp.example", &["--no-account"]);
        lab.name_service("Bob@corp.example bob 2002 2002\nbob@corp.example bob 2002 2002\n");
        assert_eq!(login("Bob@corp.example", "123456"), Code::AuthErr);
        assert_eq!(Login::new("door", "bob").run().verdict(), Code::Success, "nullok");
        lab.totpctl(["revoke", "bob@corp.example", "--no-account", "--yes"]);
        assert_eq!(Login::new("door", "Bob@corp.example").run().verdict(), Code::Success, "nullok");
    });
}

#[test]
fn somebody_whose_account_is_gone_is_not_found_by_the_name() {
    sandbox::within(|lab| {
        door(lab, "");
        let alice = lab.enroll("alice");
        let passwd = fs::read_to_string("/etc/passwd").unwrap();
        write("/etc/passwd", &passwd.replace("\nalice:", "\nalicia:"));
        lab.syslog.clear();
        assert_eq!(login("alice", alice.phone.code(0)), Code::AuthErr);
        assert!(lab.decision().ends_with("verdict=unknown-account"));
    });
}

#[test]
fn another_spelling_of_an_account_is_nobody_without_an_account() {
    sandbox::within(|lab| {
        door(lab, "");
        let alice = lab.enroll("alice");
        for spelling in ["Alice", "ALICE"] {
            assert!(
                refused(lab, &["enroll", spelling, "--no-account", "--no-confirm"])
                    .contains("has an account")
            );
        }
        let vera = vera(lab);
        lab.add_account("vera", 2077);
        lab.syslog.clear();
        assert_eq!(login("Vera", vera.phone.code(0)), Code::AuthErr);
        assert!(lab.decision().ends_with("verdict=unknown-account"));
        assert_eq!(login("Alice", alice.phone.code(0)), Code::AuthErr);
    });
}

#[test]
fn every_verb_finds_them_by_themselves_and_enroll_must_be_told() {
    sandbox::within(|lab| {
        door(lab, "");
        let hint = refused(lab, &["enroll", "vera", "--no-confirm"]);
        assert!(hint.contains("no such user") && hint.contains("--no-account"), "{hint}");
        assert!(
            refused(lab, &["enroll", "alice", "--no-account", "--no-confirm"]).contains("has an account")
        );
        let long = "x".repeat(86);
        assert!(
            refused(lab, &["enroll", &"é".repeat(43), "--no-account", "--no-confirm"]).contains("too long")
        );
        lab.enroll_with(&long, &["--no-account"]);
        lab.totpctl(["revoke", &long, "--yes"]);
        let vera = vera(lab);
        lab.enroll_with(
            "vera",
            &["--no-account", "--add", "--token", "fob", "--hotp", "--backup-codes", "0"],
        );
        let status = lab.status("Vera");
        assert_eq!(
            (&status["user"], &status["uid"], &status["no_account"]),
            (&json!("vera"), &NOTHING, &json!(true))
        );
        assert!(lab.totpctl(["status", "vera"]).starts_with("vera (no account): enrolled"));
        assert!(lab.totpctl(["code", "VERA", "--token", "phone"]).contains("phone"));
        lab.totpctl(["rename-token", "Vera", "--token", "fob", "--to", "key"]);
        lab.totpctl(["remove-token", "vera", "--token", "key", "--yes"]);
        assert!(lab.totpctl(["show", "vera", "--yes", "--json"]).contains(&vera.secret));
        assert!(lab.totpctl(["export", "VERA", "--yes"]).contains(&vera.secret));
        let (bypass, _) = lab.bypass("vera", &[]);
        assert_eq!(login("vera", bypass), Code::Success);
        lab.totpctl(["revoke-bypass", "vera"]);
        lab.totpctl(["backup-codes", "vera", "--yes"]);
        assert_eq!(login("vera", &vera.backup_codes[0]), Code::AuthErr);
        assert!(refused(lab, &["invite", "vera"]).contains("no such user"));
        assert!(lab.totpctl(["list"]).contains("vera (no account)  phone"));
        assert_eq!(lab.totpctl(["prune", "--yes"]), "no account is gone\n");
        assert!(
            lab.totpctl(["restored", "--all", "--yes"]).contains("vera: what was used before is refused")
        );
        assert_eq!(login("vera", vera.phone.code(0)), Code::AuthErr);
        lab.totpctl(["revoke", "VERA", "--yes"]);
        assert_eq!(listed(lab), [NOTHING; 0]);
    });
}

#[test]
fn they_are_suspended_and_resumed_as_anybody_and_no_change_but_revoke_ends_it() {
    sandbox::within(|lab| {
        door(lab, "");
        let vera = vera(lab);
        let (bypass, _) = lab.bypass("vera", &[]);
        let output =
            lab.totpctl_command().args(["suspend", "VERA", "--reason", "on leave"]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(String::from_utf8(output.stdout).unwrap().starts_with("vera is suspended: "));
        assert!(
            !String::from_utf8(output.stderr).unwrap().contains("usermod"),
            "there is no account to close"
        );
        let is_suspended = |what: &str| {
            assert_eq!(lab.status("vera")["suspended"]["reason"], "on leave", "{what}");
        };
        lab.syslog.clear();
        for typed in [&*vera.phone.code(0), &vera.phone.wrong(), &vera.backup_codes[0], &bypass] {
            assert_eq!(login("Vera", typed), Code::AuthErr);
            let line = lab.syslog.module().last().unwrap().clone();
            assert!(line.contains("refused; user=vera ") && line.contains("verdict=suspended"), "{line}");
        }
        assert!(lab.totpctl(["status", "vera"]).contains("\nsuspended: nothing is accepted since 2"));
        assert!(lab.totpctl(["list"]).contains("(suspended)"));
        assert!(lab.totpctl(["list", "--suspended"]).contains("vera (no account)"));
        for words in [
            &["enroll", "vera", "--no-account", "--add", "--token", "fob", "--no-confirm", "--qr", "none"][..],
            &["rename-token", "vera", "--token", "fob", "--to", "key"],
            &["remove-token", "vera", "--token", "key", "--yes"],
            &["unlock", "vera", "--clock"],
        ] {
            lab.totpctl(words);
            is_suspended(words[0]);
        }
        for words in [
            &["bypass", "vera", "--reason", "x"][..],
            &["verify", "vera"],
            &["suspend", "vera", "--reason", "x"],
        ] {
            assert!(refused(lab, words).contains("vera is suspended"), "{words:?}");
        }
        assert_eq!(lab.totpctl(["resume", "Vera"]), "vera is no longer suspended\n");
        assert!(refused(lab, &["resume", "vera"]).contains("vera is not suspended"));
        for typed in [&*vera.phone.code(0), &vera.backup_codes[0], &bypass] {
            assert_eq!(login("vera", typed), Code::Success, "{typed}");
        }
        lab.totpctl(["suspend", "vera", "--reason", "on leave"]);
        lab.totpctl(["restored", "--all", "--yes"]);
        is_suspended("restored");
        assert_eq!(lab.totpctl(["revoke", "vera", "--yes"]), "vera is no longer enrolled, nor suspended\n");
        // Nobody who was never enrolled is known here, and so nobody is to be kept out.
        assert!(refused(lab, &["suspend", "nina", "--reason", "x"]).contains("no such user"));
    });
}

#[test]
fn whichever_of_the_two_is_suspended_an_account_that_takes_over_is_so_too() {
    for before in ["the name", "the account"] {
        sandbox::within(|lab| {
            door(lab, "");
            let vera = vera(lab);
            let suspend = || lab.totpctl(["suspend", "vera", "--reason", "on leave"]);
            if before == "the name" {
                suspend();
            }
            lab.add_account("vera", 2777);
            if before == "the account" {
                suspend();
            }
            lab.totpctl(["adopt", "vera"]);
            assert_eq!(lab.status("vera")["suspended"]["reason"], "on leave", "{before}");
            assert_eq!(login("vera", vera.phone.code(0)), Code::AuthErr, "{before}");
            assert_eq!(lab.totpctl(["list", "--suspended"]).matches("on leave").count(), 1, "{before}");
            lab.totpctl(["resume", "vera"]);
            assert_eq!(login("vera", vera.phone.code(0)), Code::Success, "{before}");
        });
    }
}

#[test]
fn what_an_earlier_module_gave_them_is_imported_where_that_is_said() {
    sandbox::within(|lab| {
        door(lab, "");
        let key = "3132333435363738393031323334353637383930";
        write("/etc/users.oath", &format!("HOTP/T30 Vera - {key}\nHOTP/T30 alice - {key}\n"));
        let output = lab.totpctl_command().args(["import", "oath", "/etc/users.oath"]).output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(
            said.contains("imported 1, already there 0, refused 1") && said.contains("--no-account"),
            "{said}"
        );
        let said = lab.totpctl(["import", "oath", "/etc/users.oath", "--no-account"]);
        assert!(said.contains("imported 1, already there 1, refused 0"), "{said}");
        let phone = acceptance::codes::Phone::new("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(login("vera", phone.code(0)), Code::Success);
        assert_eq!(login("VERA", phone.code(0)), Code::AuthErr);
    });
}

#[test]
fn rules_are_explained_as_they_are_applied() {
    sandbox::within(|lab| {
        lab.settings(&format!(
            "{SETTINGS}[[rule]]\nfrom = \"local\"\nthen = \"skip\"\n[[rule]]\nuser = \"VERA\"\nthen = \"skip\"\n"
        ));
        let hint = refused(lab, &["explain", "vera", "--service", "login"]);
        assert!(hint.contains("no such user") && hint.contains("explain --no-account"), "{hint}");
        let page = lab.totpctl(["explain", "vera", "--no-account", "--service", "login"]);
        assert!(page.contains("rule 1 (/etc/security/pam_totp.toml:3) does not fit: from"), "{page}");
        assert!(page.contains("rule 2") && page.contains("says skip, which is for accounts alone"), "{page}");
        assert!(!page.contains("nullok"), "{page}");
        assert!(
            refused(lab, &["explain", "alice", "--no-account", "--service", "login"]).contains("an account")
        );
    });
}

#[test]
fn a_checker_and_root_may_check_them_and_nobody_else_learns_of_them() {
    sandbox::within(|lab| {
        lab.add_account("database", 2026);
        lab.settings(&format!(
            "{SETTINGS}[daemon]\ncheckers = [{{ uid = 2026, service = \"postgresql\" }}]\n"
        ));
        door(lab, "");
        let _daemon = Daemon::start(lab);
        let vera = vera(lab);
        let run_as = |uid: u32, user: &str, code: &str| {
            let mut command = Login::new("door", user).code(code).command();
            command.uid(uid).gid(uid);
            Report::of(command.output().unwrap()).followed().verdict()
        };
        assert_eq!(run_as(2001, "vera", &vera.phone.code(0)), Code::AuthErr, "not even her namesake");
        assert_eq!(run_as(2026, "nobody-here", &vera.phone.code(0)), Code::AuthErr);
        assert_eq!(run_as(2026, "Vera", &vera.phone.code(0)), Code::Success);
        assert_eq!(run_as(2026, "vera", &vera.phone.code(0)), Code::AuthErr);
        assert_eq!(login("VERA", vera.phone.code(0)), Code::AuthErr);
        let check = |uid: u32, user: &str| call(uid, "Check", &json!({ "user": user, "code": "000000" }));
        let not_allowed = json!({ "error": format!("{INTERFACE}.NotAllowed") });
        for (uid, user) in [(2001, "vera"), (2001, "nobody-here"), (2026, "nobody-here"), (0, "nobody-here")]
        {
            assert_eq!(check(uid, user)["error"], not_allowed["error"], "{uid} {user}");
        }
        for uid in [0, 2026] {
            let reply = check(uid, "VERA");
            assert_eq!(reply["parameters"]["name"], "vera", "{reply}");
            assert_eq!(reply["parameters"]["verdict"], "wrong", "{reply}");
            assert_eq!(reply["parameters"]["uid"], NOTHING);
        }
        for uid in [0, 2001, 2026] {
            let status = call(uid, "Status", &json!({ "user": "vera" }));
            assert_eq!(status["error"], not_allowed["error"], "{uid}");
        }
        assert!(!lab.syslog.raw().iter().any(|line| line.contains("nobody-here")));
    });
}

#[test]
fn an_import_makes_nobody_of_an_account_that_is_gone_whose_counters_and_suspension_are_kept_with_it() {
    sandbox::within(|lab| {
        door(lab, "");
        let key = "3132333435363738393031323334353637383930";
        write("/etc/users.oath", &format!("HOTP alice - {key}\nHOTP Bob - {key}\nHOTP vera - {key}\n"));
        let import = |more: &[&str]| {
            let command = ["import", "oath", "/etc/users.oath"].iter().chain(more);
            let output = lab.totpctl_command().args(command).output().unwrap();
            String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
        };
        write("/etc/users.oath.bob", &format!("HOTP bob - {key}\n"));
        lab.totpctl(["import", "oath", "/etc/users.oath.bob"]);
        assert!(import(&[]).contains("imported 1, already there 0, refused 2"), "{}", import(&[]));
        let fob = acceptance::codes::Fob::new("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(login("alice", fob.code(0)), Code::Success);
        lab.totpctl(["suspend", "bob", "--reason", "leave"]);
        let passwd = fs::read_to_string("/etc/passwd").unwrap();
        let is_kept = |line: &&str| !line.starts_with("alice:") && !line.starts_with("bob:");
        let kept: Vec<_> = passwd.lines().filter(is_kept).collect();
        write("/etc/passwd", &(kept.join("\n") + "\n"));
        for more in [&["--no-account"][..], &["--no-account", "--dry-run"]] {
            let said = import(more);
            assert!(said.contains("refused 2"), "{said}");
            assert!(said.contains("uid 2001 was enrolled under this name"), "{said}");
        }
        for (user, counter) in [("alice", 0), ("bob", 1)] {
            assert_eq!(login(user, fob.code(counter)), Code::AuthErr, "{user}");
        }
        assert_eq!(login("vera", fob.code(0)), Code::Success);
        lab.totpctl(["prune", "--yes"]);
        assert!(import(&["--no-account"]).contains("imported 2, already there 1"));
    });
}
