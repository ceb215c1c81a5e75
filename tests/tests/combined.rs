//! Password and code in one answer, and what the modules behind us get of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;

use acceptance::codes::now;
use acceptance::lab::{Lab, PASSWORD, STORE, write};
use acceptance::pam::{Code, Login, Reply, Report, Style};
use acceptance::people::Person;
use acceptance::sandbox;
use acceptance::terminal::Terminal;

const BOTH: &str = "Password & verification code: ";
const CODE: &str = "Verification code: ";
/// What pam_exec(8) asks where there is no `PAM_AUTHTOK`.
const NONE: &str = "Password: ";
/// One wrong code already makes the lane wait: whatever is counted by mistake shows.
const MERCILESS: &str = "[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 1\n";
/// Ends in bytes that are no text.
const BYTES: &[u8] = b"p\xc3w\xff!";

/// Our line and, behind it, a module that shows what it was handed.
fn line(lab: &Lab, arguments: &str) {
    lab.service("door", &format!("auth required pam_totp.so {arguments}\n{}", watcher()));
}

fn watcher() -> String {
    "auth optional pam_exec.so quiet expose_authtok /usr/bin/tee /run/authtok\n".to_owned()
}

/// What was handed on; `None` where there was nothing.
fn handed_on() -> Option<Vec<u8>> {
    let bytes = fs::read("/run/authtok").ok()?;
    fs::remove_file("/run/authtok").unwrap();
    Some(bytes.strip_suffix(b"\0").map_or(bytes.clone(), <[u8]>::to_vec))
}

fn answered(user: &str, answer: impl AsRef<[u8]>) -> Login {
    Login::new("door", user).asked(Style::EchoOff, BOTH, Reply::Bytes(answer.as_ref().to_vec()))
}

/// The verdict, and what was handed on.
fn outcome(login: &Login) -> (Code, Option<Vec<u8>>) {
    let _ = fs::remove_file("/run/authtok");
    (login.run().verdict(), handed_on())
}

fn with(password: &[u8], code: &str) -> Vec<u8> {
    [password, code.as_bytes()].concat()
}

/// A code that is typed twice is no end of the password.
#[test]
fn a_code_that_is_typed_twice_is_not_handed_on() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        line(lab, "forward_pass");
        let twice = alice.phone.code(0).repeat(2);
        for expected in [Code::Success, Code::AuthErr] {
            let found = outcome(&answered("alice", with(BYTES, &twice)));
            assert_eq!(found, (expected, Some(BYTES.to_vec())));
        }
    });
}

/// Every ending under `forward_pass`: what is typed behind the password, and what comes of it.
fn endings(alice: &Person) -> Vec<(&'static str, String, Code)> {
    vec![
        ("accepted", alice.phone.code(0), Code::Success),
        ("replayed", alice.phone.code(0), Code::AuthErr),
        ("accepted", format!("{} {}", &alice.phone.code(1)[..3], &alice.phone.code(1)[3..]), Code::Success),
        ("accepted", alice.backup_codes[0].clone(), Code::Success),
        ("replayed", alice.backup_codes[0].clone(), Code::AuthErr),
        ("accepted", alice.backup_codes[1].replace('-', "").to_uppercase(), Code::Success),
        ("wrong", alice.phone.wrong(), Code::AuthErr),
        ("throttled", alice.phone.code(1), Code::AuthErr),
        ("throttled", alice.phone.wrong(), Code::AuthErr),
        ("wrong", "abcd-efgh-jkmn".to_owned(), Code::AuthErr),
        ("accepted", alice.backup_codes[2].clone(), Code::Success),
    ]
}

#[test]
fn forward_pass_hands_on_the_password_and_no_code_whatever_the_verdict() {
    sandbox::within(|lab| {
        lab.settings(MERCILESS);
        let alice = lab.enroll("alice");
        line(lab, "forward_pass");
        for (verdict, code, expected) in endings(&alice) {
            lab.syslog.clear();
            let found = outcome(&answered("alice", with(BYTES, &code)));
            assert_eq!(found, (expected, Some(BYTES.to_vec())), "{verdict} {code}");
            let line = lab.decision();
            assert!(line.contains(&format!("verdict={verdict}")), "{line}");
        }
        for user in ["bob", "nobody-here"] {
            for code in [alice.phone.wrong(), "12345678".into(), alice.backup_codes[3].clone()] {
                let found = outcome(&answered(user, with(BYTES, &code)));
                assert_eq!(found, (Code::AuthErr, Some(BYTES.to_vec())), "{user} {code}");
            }
        }
        fs::rename(STORE, "/var/lib/elsewhere").unwrap();
        for user in ["alice", "bob"] {
            let found = outcome(&answered(user, with(BYTES, &alice.phone.code(1))));
            assert_eq!(found, (Code::AuthErr, Some(BYTES.to_vec())), "{user}");
        }
    });
}

#[test]
fn a_password_alone_is_no_guess_and_is_handed_on_as_it_is() {
    sandbox::within(|lab| {
        lab.settings(MERCILESS);
        let alice = lab.enroll("alice");
        line(lab, "forward_pass");
        for answer in [&b""[..], PASSWORD.as_bytes(), BYTES, b"12345", b"\x08\n\r\x7fINCORRECT", b" \t "] {
            lab.syslog.clear();
            let found = outcome(&answered("alice", answer));
            assert_eq!(found, (Code::AuthErr, Some(answer.to_vec())), "{answer:?}");
            let line = lab.decision();
            assert!(line.contains("not counted") && !line.contains("authentication failure"), "{line}");
        }
        // In the shape of a backup code: no guess either, but it may be one.
        assert_eq!(outcome(&answered("alice", "mycorrecthorse")), (Code::AuthErr, Some(b"my".to_vec())));
        let found = outcome(&answered("alice", with(BYTES, &alice.phone.code(0))));
        assert_eq!(found, (Code::Success, Some(BYTES.to_vec())));
        // Without an answer there is no password.
        for reply in [Reply::Fail(19), Reply::NoArray] {
            let login = Login::new("door", "alice").asked(Style::EchoOff, BOTH, reply);
            let login = login.asked(Style::EchoOff, NONE, Reply::Fail(19));
            assert_eq!(outcome(&login), (Code::ConvErr, None));
        }
    });
}

#[test]
fn the_code_is_found_whatever_digits_the_password_ends_in_and_whatever_lengths_there_are() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        lab.totpctl(["enroll", "bob", "--no-confirm", "--json", "--digits", "8"]);
        let eight = lab.enroll_with("carol", &["--digits", "8"]);
        let eight = Person { phone: eight.phone.clone().with_digits(8), ..eight };
        line(lab, "forward_pass");
        for (person, step, password) in [
            (&alice, 0, "hunter2"),
            (&alice, 1, "hunter123456"),
            (&eight, 0, "hunter22"),
            (&eight, 1, "12345678"),
        ] {
            let found = outcome(&answered(&person.name, with(password.as_bytes(), &person.phone.code(step))));
            assert_eq!(found, (Code::Success, Some(password.as_bytes().to_vec())), "{password}");
        }
    });
}

#[test]
fn pam_unix_behind_us_opens_for_the_right_password_and_code_alone() {
    sandbox::within(|lab| {
        lab.settings("[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 100\n");
        let alice = lab.enroll("alice");
        let unix = "auth required pam_unix.so use_first_pass nodelay\n";
        lab.service("door", &format!("auth required pam_totp.so forward_pass\n{unix}"));
        let verdict =
            |password: &str, code: &str| answered("alice", format!("{password}{code}")).run().verdict();
        assert_ne!(verdict(PASSWORD, &alice.phone.wrong()), Code::Success);
        assert_ne!(verdict(PASSWORD, ""), Code::Success);
        assert_ne!(verdict("", PASSWORD), Code::Success);
        assert_eq!(verdict(PASSWORD, &alice.phone.code(0)), Code::Success);
        assert_ne!(verdict(PASSWORD, &alice.phone.code(0)), Code::Success);
        // A right code is spent by whoever did not know the password.
        assert_ne!(verdict("wrong", &alice.phone.code(1)), Code::Success);
        assert_ne!(verdict(PASSWORD, &alice.phone.code(1)), Code::Success);
        assert_ne!(verdict("wrong", &alice.backup_codes[0]), Code::Success);
        assert_eq!(verdict(PASSWORD, &alice.backup_codes[1]), Code::Success);
    });
}

#[test]
fn forward_pass_asks_everybody_the_same_once_and_never_shows_a_password() {
    sandbox::within(|lab| {
        lab.settings("[login]\nfail_delay = \"0s\"\nprompt = \"Code: \"\necho = true\n");
        let alice = lab.enroll("alice");
        line(lab, "forward_pass");
        for user in ["alice", "bob", "nobody-here"] {
            let report = answered(user, with(BYTES, &alice.phone.wrong())).run();
            assert_eq!(report.verdict(), Code::AuthErr);
            assert_eq!((report.texts(), report.heard[0].style), (vec![BOTH], Style::EchoOff), "{user}");
        }
        line(lab, "forward_pass [prompt=Both: ]");
        let both = Reply::Bytes(with(BYTES, &alice.phone.code(0)));
        let report = Login::new("door", "alice").asked(Style::EchoOff, "Both: ", both).run();
        assert_eq!(report.verdict(), Code::Success);
    });
}

/// vscode-remote-release 2010 and others look for the words, xpipe 83 remembers what "password" was answered with.
#[test]
fn the_words_of_the_prompts_are_those_that_programs_look_for() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        let spoken = |arguments: &str, login: Login| {
            line(lab, arguments);
            let mut command = login.command();
            command.env("LC_ALL", "de_DE.UTF-8").env("LANGUAGE", "de");
            Report::of(command.output().unwrap()).followed().heard.remove(0).text
        };
        let alone =
            spoken("", Login::new("door", "alice").code("no code").asked(Style::EchoOff, NONE, Reply::Null));
        assert!(alone.starts_with("Verification code:") && !alone.to_lowercase().contains("password"));
        let both = spoken("forward_pass", answered("alice", with(BYTES, &alice.phone.code(0))));
        assert!(both.starts_with("Password"));
    });
}

/// WinSCP, cyberduck 15076, cockpit 18247: whatever is asked first is answered with the password.
#[test]
fn a_saved_password_that_answers_the_first_prompt_is_no_guess() {
    sandbox::within(|lab| {
        lab.settings(MERCILESS);
        let alice = lab.enroll("alice");
        let unix = "auth required pam_unix.so nodelay\n";
        lab.service("door", &format!("auth required pam_totp.so\n{unix}"));
        for _ in 0..3 {
            assert_ne!(
                Login::new("door", "alice").code(PASSWORD).password("x").run().verdict(),
                Code::Success
            );
        }
        let code = Login::new("door", "alice").code(alice.phone.code(0));
        assert_eq!(code.password(PASSWORD).run().verdict(), Code::Success);
    });
}

#[test]
fn sudo_asks_for_both_at_once_by_terminal_and_by_standard_input() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        lab.service(
            "sudo",
            "auth required pam_totp.so forward_pass\nauth required pam_unix.so use_first_pass nodelay\n",
        );
        lab.sudoers("Defaults passwd_tries=1\nalice ALL=(ALL) ALL\n");
        let sudo = |answer: &str| {
            let mut terminal = Terminal::start(lab.as_user("alice", &["sudo", "-k", "true"]));
            terminal.expect(BOTH);
            terminal.say(answer);
            terminal.finish().0.success()
        };
        assert!(!sudo(PASSWORD));
        assert!(!sudo(&alice.phone.code(0)));
        assert!(sudo(&format!("{PASSWORD}{}", alice.phone.code(1))));
        let answer = format!("{PASSWORD}{}\n", alice.backup_codes[0]);
        write("/tmp/answer", &answer);
        let mut by_input = lab.as_user("alice", &["sudo", "-S", "-k", "true"]);
        assert!(by_input.stdin(fs::File::open("/tmp/answer").unwrap()).status().unwrap().success());
    });
}

#[test]
fn arguments_that_contradict_each_other_let_nobody_in_and_the_log_names_them() {
    sandbox::within(|lab| {
        lab.enroll("alice");
        let lines = [
            ("try_first_pass use_first_pass", ["try_first_pass", "use_first_pass"]),
            ("echo forward_pass nullok", ["echo", "forward_pass"]),
            ("use_first_pass echo", ["echo", "use_first_pass"]),
            ("use_first_pass prompt=Code", ["prompt=", "use_first_pass"]),
        ];
        for (arguments, named) in lines {
            lab.door(arguments);
            lab.syslog.clear();
            for user in ["alice", "bob"] {
                assert_eq!(Login::new("door", user).run().verdict(), Code::ServiceErr, "{arguments}");
                let line = lab.decision();
                assert!(line.contains("verdict=misconfigured"), "{line}");
                assert!(named.iter().all(|name| line.contains(name)), "{line}");
            }
        }
    });
}

#[test]
fn an_exempt_login_still_asks_for_the_password_and_hands_it_on() {
    sandbox::within(|lab| {
        lab.settings(MERCILESS);
        let alice = lab.enroll("alice");
        let stack = format!("auth required pam_totp.so forward_pass nullok\n{}", watcher());
        lab.service("door", &format!("{stack}auth required pam_unix.so use_first_pass nodelay\n"));
        // Digits at the end of the password of somebody who has no code are the password's.
        for answer in [PASSWORD, "hunter123456", "abcd-efgh-jkmn", ""] {
            let (verdict, password) = outcome(&answered("bob", answer));
            assert_eq!(password.as_deref(), Some(answer.as_bytes()));
            assert_eq!(verdict == Code::Success, answer == PASSWORD, "{answer}");
            let line = lab.decision();
            assert!(line.contains("verdict=exempt"), "{line}");
        }
        let found = outcome(&answered("alice", with(PASSWORD.as_bytes(), &alice.phone.code(0))));
        assert_eq!(found, (Code::Success, Some(PASSWORD.as_bytes().to_vec())));
        assert_ne!(outcome(&answered("alice", PASSWORD)).0, Code::Success);
    });
}

#[test]
fn a_rule_that_denies_spends_nothing_and_hands_no_code_on() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        line(lab, "forward_pass");
        let settings = |then: &str| lab.settings(&format!("{MERCILESS}[[rule]]\nthen = \"{then}\"\n"));
        settings("deny");
        for (_, code, _) in endings(&alice) {
            let (verdict, password) = outcome(&answered("alice", with(BYTES, &code)));
            assert_eq!((verdict, password), (Code::AuthErr, Some(BYTES.to_vec())), "{code:?}");
            let line = lab.decision();
            assert!(line.contains("verdict=denied") && line.ends_with("says deny\""), "{line}");
        }
        assert_eq!(lab.status("alice")["backup_codes_left"], 10);
        settings("require");
        let found = outcome(&answered("alice", with(BYTES, &alice.phone.code(0))));
        assert_eq!(found, (Code::Success, Some(BYTES.to_vec())), "it was not spent");
    });
}

#[test]
fn where_a_rule_skips_a_good_code_behind_the_password_is_spent_and_all_else_costs_nothing() {
    sandbox::within(|lab| {
        let rule =
            |then: &str| lab.settings(&format!("{MERCILESS}[[rule]]\nuser = \"alice\"\nthen = \"{then}\"\n"));
        rule("skip");
        let alice = lab.enroll("alice");
        lab.service(
            "door",
            &format!(
                "auth required pam_totp.so forward_pass\n{}auth required pam_unix.so use_first_pass nodelay\n",
                watcher()
            ),
        );
        let log_in = |end: &str, verdict: &str| {
            lab.syslog.clear();
            let (code, password) = outcome(&answered("alice", with(PASSWORD.as_bytes(), end)));
            let lines = lab.syslog.module();
            assert!(lines.iter().any(|line| line.contains(&format!("verdict={verdict}"))), "{lines:#?}");
            let whole = password.unwrap() == with(PASSWORD.as_bytes(), end);
            (code == Code::Success, whole)
        };
        assert_eq!(log_in("", "exempt"), (true, true));
        for _ in 0..3 {
            assert_eq!(log_in(&alice.phone.wrong(), "exempt"), (false, true));
        }
        assert_eq!(lab.status("alice")["throttled"], serde_json::json!([]));
        assert_eq!(log_in(&alice.phone.code(0), "accepted"), (true, false));
        // Known to be a code, if one that is spent.
        assert_eq!(log_in(&alice.phone.code(0), "exempt"), (true, false));
        rule("deny");
        assert_eq!(log_in(&alice.phone.code(1), "denied"), (false, false));
        rule("require");
        assert_eq!(
            log_in(&alice.phone.code(1), "accepted"),
            (true, false),
            "the rule that denies spent nothing"
        );
    });
}

#[test]
fn a_prompt_that_stood_open_while_somebody_enrolled_exempts_nobody() {
    sandbox::within(|lab| {
        line(lab, "forward_pass nullok");
        let login = answered("alice", PASSWORD).behind_gate();
        let waiting = acceptance::pam::Waiting::start(login.command());
        lab.enroll("alice");
        assert_eq!(waiting.finish().verdict(), Code::AuthErr);
        assert!(lab.decision().contains("verdict=malformed"));
    });
}

#[test]
fn a_name_that_changes_at_the_prompt_is_no_verdict_and_spends_nothing() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        line(lab, "forward_pass");
        let reply = Reply::As("alice".to_owned(), with(BYTES, &alice.phone.code(0)));
        let login = Login::new("door", "bob").asked(Style::EchoOff, BOTH, reply);
        let login = login.asked(Style::EchoOff, NONE, Reply::Fail(19));
        assert_eq!(outcome(&login), (Code::ConvErr, None));
        let found = outcome(&answered("alice", with(BYTES, &alice.phone.code(0))));
        assert_eq!(found.0, Code::Success);
    });
}

/// A stack in which pam_unix asks for the password, of whatever worth, and ours comes behind it.
fn behind_another(lab: &Lab, arguments: &str) {
    let unix = "auth optional pam_unix.so nodelay\n";
    lab.service("door", &format!("{unix}auth required pam_totp.so {arguments}\n{}", watcher()));
}

fn given(user: &str, answer: impl AsRef<[u8]>) -> Login {
    Login::new("door", user).asked(Style::EchoOff, NONE, Reply::Bytes(answer.as_ref().to_vec()))
}

#[test]
fn use_first_pass_takes_the_code_from_the_end_of_the_password_and_never_asks() {
    sandbox::within(|lab| {
        lab.settings(MERCILESS);
        let alice = lab.enroll("alice");
        for arguments in ["use_first_pass", "use_first_pass forward_pass"] {
            behind_another(lab, arguments);
            let endings = if arguments == "use_first_pass" { endings(&alice) } else { Vec::new() };
            for (verdict, code, expected) in endings {
                lab.syslog.clear();
                let found = outcome(&given("alice", with(BYTES, &code)));
                assert_eq!(found, (expected, Some(BYTES.to_vec())), "{verdict} {code}");
                let line = lab.decision();
                assert!(line.contains(&format!("verdict={verdict}")), "{line}");
            }
            assert_eq!(outcome(&given("alice", PASSWORD)), (Code::AuthErr, Some(PASSWORD.into())));
            let found = outcome(&given("bob", with(BYTES, &alice.phone.wrong())));
            assert_eq!(found, (Code::AuthErr, Some(BYTES.to_vec())));
            let found = outcome(&given("nobody-here", with(BYTES, &alice.phone.wrong())));
            assert_eq!(found, (Code::AuthErr, Some(BYTES.to_vec())));
        }
        // Where no module has asked, there is neither a password nor a code.
        lab.syslog.clear();
        line(lab, "use_first_pass");
        let login = Login::new("door", "alice").asked(Style::EchoOff, NONE, Reply::Fail(19));
        assert_eq!(outcome(&login), (Code::AuthErr, None));
        assert!(lab.decision().contains("nothing was typed"));
    });
}

#[test]
fn under_nullok_use_first_pass_hands_the_password_on_as_it_is() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        behind_another(lab, "use_first_pass nullok");
        let report = given("bob", "hunter123456").run();
        assert_eq!(report.conversations, 1);
        assert_eq!(handed_on(), Some(b"hunter123456".to_vec()));
        assert!(lab.decision().contains("verdict=exempt"));
        let found = outcome(&given("alice", with(BYTES, &alice.phone.code(0))));
        assert_eq!(found, (Code::Success, Some(BYTES.to_vec())));
    });
}

#[test]
fn try_first_pass_asks_for_the_code_where_the_password_has_none() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        behind_another(lab, "try_first_pass");
        let asked = |user: &str, password: &[u8], code: &str| {
            given(user, password).asked(Style::EchoOff, CODE, Reply::Bytes(code.into()))
        };
        let password = PASSWORD.as_bytes();
        assert_eq!(
            outcome(&asked("alice", password, &alice.phone.code(0))),
            (Code::Success, Some(password.to_vec()))
        );
        let found = outcome(&given("alice", with(BYTES, &alice.phone.code(1))));
        assert_eq!(found, (Code::Success, Some(BYTES.to_vec())));
        // Nobody is told by a prompt whether what they typed before it was right, or who is enrolled.
        for user in ["alice", "bob", "nobody-here"] {
            for code in [alice.phone.code(1), alice.phone.wrong()] {
                let found = outcome(&asked(user, &with(BYTES, &code), &alice.phone.wrong()));
                assert_eq!(found, (Code::AuthErr, Some(BYTES.to_vec())), "{user}");
            }
        }
        // A password that ends in digits stays whole, once the login is good.
        lab.totpctl(["unlock", "alice"]);
        let found = outcome(&asked("alice", b"hunter123456", &alice.backup_codes[0]));
        assert_eq!(found, (Code::Success, Some(b"hunter123456".to_vec())));
        let cancelled = given("alice", "hunter123456").asked(Style::EchoOff, CODE, Reply::Fail(19));
        assert_eq!(outcome(&cancelled), (Code::ConvErr, Some(b"hunter".to_vec())));
    });
}

#[test]
fn try_first_pass_is_no_way_to_guess_for_free() {
    sandbox::within(|lab| {
        lab.settings(MERCILESS);
        let alice = lab.enroll("alice");
        behind_another(lab, "try_first_pass");
        let hung_up = given("alice", with(BYTES, &alice.phone.wrong()));
        let _ = hung_up.asked(Style::EchoOff, CODE, Reply::Exit).command().output().unwrap();
        assert_ne!(lab.status("alice")["throttled"], serde_json::json!([]));
    });
}

#[test]
fn try_first_pass_and_forward_pass_ask_for_both_where_there_is_neither() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        line(lab, "try_first_pass forward_pass");
        let found = outcome(&answered("alice", with(BYTES, &alice.phone.code(0))));
        assert_eq!(found, (Code::Success, Some(BYTES.to_vec())));
        behind_another(lab, "try_first_pass forward_pass");
        let both = Reply::Bytes(with(BYTES, &alice.phone.code(1)));
        let found = outcome(&given("alice", PASSWORD).asked(Style::EchoOff, BOTH, both));
        assert_eq!(found, (Code::Success, Some(BYTES.to_vec())));
        let failed = given("alice", with(BYTES, &alice.phone.wrong()));
        let found = outcome(&failed.asked(Style::EchoOff, BOTH, Reply::Fail(19)));
        assert_eq!(found, (Code::ConvErr, Some(BYTES.to_vec())));
    });
}

#[test]
fn in_the_ordinary_way_the_password_of_others_is_not_touched() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        behind_another(lab, "");
        for code in [alice.phone.wrong(), alice.phone.code(0)] {
            let login = given("alice", "hunter123456").code(code);
            assert_eq!(outcome(&login).1.as_deref(), Some(&b"hunter123456"[..]));
        }
    });
}

/// Keyrings and pam_unix behind us take what is left there, also where nothing was judged.
#[test]
fn a_mistake_in_the_line_or_the_settings_hands_no_code_on() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        let answer = with(BYTES, &alice.phone.code(0));
        // Few: each takes the delay of a refusal that no settings have changed.
        for (line, settings) in [
            ("use_first_pass nulok", ""),
            ("config=/etc/missing.toml try_first_pass", ""),
            ("use_first_pass try_first_pass", ""),
            ("try_first_pass forward_pass", "[login]\nhint = true\n"),
        ] {
            lab.settings(settings);
            behind_another(lab, line);
            lab.syslog.clear();
            assert_eq!(outcome(&given("alice", &answer)), (Code::ServiceErr, Some(BYTES.to_vec())), "{line}");
            assert!(lab.decision().contains("verdict=misconfigured"));
        }
        lab.settings("[login]\nfail_delay = \"0s\"\n");
        behind_another(lab, "use_first_pass");
        assert_eq!(outcome(&given("alice", &answer)), (Code::Success, Some(BYTES.to_vec())), "not spent");
    });
}

/// One answer costs one guess, however many lengths a code may have.
#[test]
fn beside_tokens_of_three_lengths_each_answer_costs_one_guess_and_every_token_opens() {
    sandbox::within(|lab| {
        lab.settings("[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 3\n");
        let six = lab.enroll("alice");
        let token = |name: &str, digits: &str| {
            let added = lab.enroll_with("alice", &["--add", "--token", name, "--digits", digits]);
            added.phone.with_digits(digits.parse().unwrap())
        };
        let (seven, eight) = (token("seven", "7"), token("eight", "8"));
        line(lab, "forward_pass");
        // Not a code of any length, and not twice as many digits: each end is read as three codes.
        let wrong = (10_000_000..).map(|number: u32| number.to_string()).find(|digits| {
            [(&six.phone, 6), (&seven, 7), (&eight, 8)].iter().all(|(phone, length)| {
                let shown = phone.series(now() - 600, 60);
                !shown.contains(&digits[8 - length..].to_owned())
            })
        });
        let wrong = with(b"correct horse ", &wrong.unwrap());
        for attempt in 1..=4 {
            lab.syslog.clear();
            assert_eq!(outcome(&answered("alice", &wrong)).0, Code::AuthErr);
            let line = lab.decision();
            let verdict = if attempt <= 3 { "verdict=wrong" } else { "verdict=throttled" };
            assert!(line.contains(verdict), "attempt {attempt}: {line}");
        }
        lab.totpctl(["unlock", "alice"]);
        for phone in [&six.phone, &seven, &eight] {
            let login = answered("alice", with(BYTES, &phone.code(0)));
            assert_eq!(outcome(&login), (Code::Success, Some(BYTES.to_vec())));
            assert_eq!(outcome(&login), (Code::AuthErr, Some(BYTES.to_vec())));
        }
    });
}

fn texts(report: &Report) -> Vec<(Style, &str)> {
    report.heard.iter().map(|message| (message.style, message.text.as_str())).collect()
}

#[test]
fn hints_tell_of_right_codes_alone_and_only_if_the_settings_say_so() {
    sandbox::within(|lab| {
        let alice = lab.enroll_with("alice", &[]);
        lab.door("");
        let log_in = |code: &str| Login::new("door", "alice").code(code);
        assert_eq!(log_in(&alice.phone.code(0)).run().verdict(), Code::Success);
        assert_eq!(texts(&log_in(&alice.phone.code(0)).run()), [(Style::EchoOff, CODE)]);
        lab.settings("[login]\nfail_delay = \"0s\"\nhints = true\n");
        let used = (Style::Info, "Already used: wait for the next code.");
        assert_eq!(texts(&log_in(&alice.phone.code(0)).run()), [(Style::EchoOff, CODE), used]);
        assert_eq!(texts(&log_in(&alice.phone.code(0)).silent().run()), [(Style::EchoOff, CODE)]);
        assert_eq!(texts(&log_in(&alice.phone.wrong()).run()), [(Style::EchoOff, CODE)]);
        for (place, hint) in [(7, Some("2 backup codes left.")), (8, Some("1 backup code left."))] {
            if place == 7 {
                for code in &alice.backup_codes[..7] {
                    assert_eq!(texts(&log_in(code).run()), [(Style::EchoOff, CODE)]);
                }
            }
            let report = log_in(&alice.backup_codes[place]).run();
            assert_eq!(report.verdict(), Code::Success);
            assert_eq!(report.heard.last().map(|message| message.text.as_str()), hint);
        }
        let used = (Style::Info, "Already used: take another backup code.");
        assert_eq!(texts(&log_in(&alice.backup_codes[0]).run()), [(Style::EchoOff, CODE), used]);
        // What must be read before a prompt stands in it.
        behind_another(lab, "try_first_pass");
        let prompt = "Already used: wait for the next code.\nVerification code: ";
        let code = Reply::Bytes(alice.phone.code(1).into());
        let login = given("alice", with(BYTES, &alice.phone.code(0))).asked(Style::EchoOff, prompt, code);
        assert_eq!(outcome(&login), (Code::Success, Some(BYTES.to_vec())));
        for user in ["bob", "nobody-here"] {
            lab.door("");
            let report = Login::new("door", user).code(alice.phone.code(0)).run();
            assert_eq!(texts(&report), [(Style::EchoOff, CODE)]);
        }
    });
}
