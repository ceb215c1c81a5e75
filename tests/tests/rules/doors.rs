//! What the rules say is what happens: at sshd, sudo, su and a screen locker, and `explain` says it beforehand.

use std::os::unix::process::CommandExt;

use acceptance::lab::{Lab, PASSWORD, SETTINGS_PATH};
use acceptance::pam::{Code, Login, Report};
use acceptance::sandbox;
use acceptance::sshd::{Attempt, INTERACTIVE, Sshd};
use acceptance::terminal::Terminal;
use serde_json::Value;

use crate::{CODE_PROMPT, SKIP_ALL, door, explain, rule, rules};

const PASSWORD_PROMPT: &str = "Password: ";

fn password_and_code(lab: &Lab) {
    lab.service("sshd", "auth required pam_unix.so nodelay\nauth required pam_totp.so\n");
}

/// Logs in by ssh to this address and from this one; whether a code was asked for, and how it ended.
fn enter(sshd: &Sshd, user: &str, (to, from): (&str, &str), code: &str) -> (bool, Attempt) {
    let (host, bind) = (format!("HostName={to}"), format!("BindAddress={from}"));
    let mut client = sshd.client(user, &["-o", &host, "-o", &bind]);
    client.expect(PASSWORD_PROMPT);
    client.say(PASSWORD);
    let asked = client.expect_any(&[CODE_PROMPT, "welcome"]) == 0;
    if asked {
        client.say(code);
    }
    let (status, screen) = client.finish();
    (asked, Attempt { entered: status.success(), screen })
}

/// Where sshd listens.
const EVERYWHERE: &str = "ListenAddress 127.0.0.1\nListenAddress ::1\n";

#[test]
fn at_sshd_the_address_decides_and_explain_says_so_beforehand() {
    sandbox::within(|lab| {
        password_and_code(lab);
        let alice = lab.enroll("alice");
        let first = rule("from = \"127.0.0.2\"\nservice = \"sshd\"", "skip");
        rules(
            lab,
            &format!("{first}{}", rule("from = [\"::1/128\", \"10.0.0.0/8\"]\nuser = \"bob\"", "skip")),
        );
        let sshd = Sshd::start(lab, &format!("{INTERACTIVE}{EVERYWHERE}"));
        let v4 = "127.0.0.1";
        for (user, to, from, line) in [
            ("alice", v4, "127.0.0.2", Some(3)),
            ("alice", v4, v4, None),
            ("alice", v4, "127.0.0.3", None),
            ("alice", "::1", "::1", None),
            ("bob", "::1", "::1", Some(7)),
            ("bob", v4, "127.0.0.2", Some(3)),
            ("bob", v4, v4, None),
        ] {
            let said = explain(lab, &[user, "--service", "sshd", "--from", from]);
            assert_eq!(said["rule"]["line"].as_u64(), line, "{said}");
            lab.syslog.clear();
            let (asked, attempt) = enter(&sshd, user, (to, from), &alice.phone.wrong());
            assert_eq!(asked, said["then"] == "require", "{user} {from}: {said} {}", attempt.screen);
            assert_eq!(attempt.entered, !asked, "{}", attempt.screen);
            let words = lab.decision();
            match line {
                Some(line) => {
                    let number = said["rule"]["number"].as_u64().unwrap();
                    let end = format!("verdict=exempt rule=\"{number} at line {line} says skip\"");
                    assert!(words.contains("no code asked; ") && words.ends_with(&end), "{words}");
                }
                None => assert!(words.contains("verdict=") && !words.contains("rule="), "{words}"),
            }
        }
        // Asked is not refused: with a code she is in.
        assert!(enter(&sshd, "alice", (v4, v4), &alice.phone.code(0)).1.entered);
    });
}

#[test]
fn at_sshd_group_user_and_service_decide_in_their_order() {
    sandbox::within(|lab| {
        password_and_code(lab);
        lab.add_group("ops", 5000, "bob,carol");
        let alice = lab.enroll("alice");
        let rows = [
            rule("user = \"carol\"\ngroup = \"ops\"", "deny"),
            rule("group = \"ops\"\nservice = \"sudo\"", "deny"),
            rule("group = \"ops\"\nfrom = [\"127.0.0.2\", \"::1\"]", "require"),
            rule("group = [\"ops\", \"dave\"]\nservice = \"sshd\"", "skip"),
        ];
        rules(lab, &rows.concat());
        let sshd = Sshd::start(lab, &format!("{INTERACTIVE}{EVERYWHERE}"));
        let v4 = "127.0.0.1";
        for (user, to, from, says) in [
            // By a supplementary group, by the primary one, and by neither.
            ("bob", v4, v4, "4 at line 15 says skip"),
            ("dave", "::1", "::1", "4 at line 15 says skip"),
            ("bob", v4, "127.0.0.2", "3 at line 11 says require"),
            ("bob", "::1", "::1", "3 at line 11 says require"),
            ("carol", v4, v4, "1 at line 3 says deny"),
            ("alice", v4, v4, ""),
        ] {
            lab.syslog.clear();
            let (asked, attempt) = enter(&sshd, user, (to, from), &alice.phone.wrong());
            let line = lab.decision();
            assert_eq!(attempt.entered, says.ends_with("skip"), "{user} {from}: {line}");
            assert_eq!(asked, !attempt.entered, "{user} {from}: {}", attempt.screen);
            let found = line.split_once("rule=\"").map_or("", |(_, words)| words.trim_end_matches('"'));
            let is_told = says.is_empty() || says.ends_with("require") || found == says;
            assert!(is_told, "{user} {from}: {line}");
        }
    });
}

#[test]
fn where_sshd_names_the_host_by_its_name_the_address_is_that_of_the_connection() {
    sandbox::within(|lab| {
        password_and_code(lab);
        rules(lab, &rule("from = \"127.0.0.1\"", "skip"));
        let sshd = Sshd::start(lab, &format!("{INTERACTIVE}UseDNS yes\n"));
        let (asked, attempt) = enter(&sshd, "alice", ("127.0.0.1", "127.0.0.1"), "");
        let words = lab.decision();
        assert!(words.contains("rhost=localhost"), "sshd resolves it: {words}");
        assert!(!asked && attempt.entered && words.contains("verdict=exempt"), "{words}");
        // Nobody's reverse zone names 127.0.0.2 here.
        assert!(enter(&sshd, "alice", ("127.0.0.1", "127.0.0.2"), "").0);
    });
}

#[test]
fn skip_calls_no_conversation_whoever_is_enrolled() {
    sandbox::within(|lab| {
        door(lab, "");
        let alice = lab.enroll("alice");
        rules(lab, SKIP_ALL);
        for user in ["alice", "bob"] {
            let report = Login::new("door", user).mute().run();
            assert_eq!((report.verdict(), report.conversations), (Code::Success, 0), "{user}");
            let line = lab.decision();
            assert!(line.contains(&format!("user={user} ")) && line.contains("rule=\"1 at line 3"), "{line}");
        }
        // Nothing is known of whoever has no account.
        for nobody in ["nobody-here", "..", "a b"] {
            assert_eq!(Login::new("door", nobody).code("123456").run().verdict(), Code::AuthErr);
            assert!(lab.decision().contains("unknown-account"));
        }
        // Alone, it is no yes.
        lab.door("");
        assert_eq!(Login::new("door", "alice").run().verdict(), Code::PermDenied);
        rules(lab, "");
        assert_eq!(Login::new("door", "alice").code(alice.phone.code(0)).run().verdict(), Code::Success);
    });
}

#[test]
fn deny_asks_as_always_refuses_whatever_is_typed_and_spends_nothing() {
    sandbox::within(|lab| {
        door(lab, "nullok");
        let alice = lab.enroll("alice");
        rules(lab, &format!("{}{SKIP_ALL}", rule("user = [\"alice\", \"bob\"]", "deny")));
        let code = alice.phone.code(0);
        for (user, typed) in
            [("alice", &code), ("alice", &alice.backup_codes[0]), ("alice", &String::new()), ("bob", &code)]
        {
            lab.syslog.clear();
            let report = Login::new("door", user).code(typed).run();
            assert_eq!((report.verdict(), report.texts()), (Code::AuthErr, vec![CODE_PROMPT]), "{typed}");
            let line = lab.decision();
            assert!(line.starts_with("pam_totp(door:auth): refused; user="), "{line}");
            assert!(line.ends_with("verdict=denied rule=\"1 at line 3 says deny\""), "{line}");
        }
        rules(lab, "");
        for typed in [&code, &alice.backup_codes[0]] {
            assert_eq!(Login::new("door", "alice").code(typed).run().verdict(), Code::Success);
        }
    });
}

#[test]
fn rules_come_before_nullok() {
    sandbox::within(|lab| {
        door(lab, "nullok");
        let asked = |text: &str| {
            rules(lab, text);
            lab.syslog.clear();
            let login = Login::new("door", "bob");
            let asked = explain(lab, &["bob", "--service", "door"]);
            let verdict = match asked["nullok"].as_bool().unwrap() || asked["then"] == "skip" {
                true => login.run().verdict(),
                false => login.code("123456").run().verdict(),
            };
            (verdict, lab.decision())
        };
        assert!(asked("").1.contains("not enrolled, and nullok"));
        let (verdict, line) = asked(&rule("user = \"bob\"", "require"));
        assert!(
            verdict == Code::Success && line.contains("nullok") && line.contains("says require"),
            "{line}"
        );
        assert_eq!(asked(&rule("user = \"bob\"", "deny")).0, Code::AuthErr);
        assert!(asked(&rule("user = \"bob\"", "skip")).1.contains("says skip"));
        // What a rule would have said that cannot be evaluated nobody knows.
        let (verdict, line) = asked(&rule("group = \"no-such-group\"", "skip"));
        assert!(verdict == Code::AuthErr && line.contains("verdict=not-enrolled"), "{line}");
    });
}

#[test]
fn every_spelling_of_a_name_meets_the_same_rule() {
    sandbox::within(|lab| {
        door(lab, "");
        lab.name_service("Alice alice 2001 2001\nalice@dom alice 2001 2001\nDOM\\alice alice 2001 2001\n");
        lab.add_account("toor", 2001);
        for named in ["alice", "Alice", "DOM\\\\alice"] {
            rules(lab, &rule(&format!("user = \"{named}\""), "skip"));
            for typed in ["alice", "Alice", "alice@dom", "DOM\\alice", "toor"] {
                assert_eq!(
                    Login::new("door", typed).mute().run().verdict(),
                    Code::Success,
                    "{named} {typed}"
                );
            }
            assert_eq!(Login::new("door", "bob").code("123456").run().verdict(), Code::AuthErr);
        }
        lab.add_group("ops", 5000, "alice");
        rules(lab, &rule("group = \"ops\"", "skip"));
        assert_eq!(Login::new("door", "DOM\\alice").mute().run().verdict(), Code::Success);
    });
}

#[test]
fn local_is_the_console_and_the_account_itself_and_no_other_account() {
    sandbox::within(|lab| {
        let lines = "auth required pam_totp.so\nauth required pam_permit.so\n";
        door(lab, "");
        lab.service("su", lines);
        lab.service("login", lines);
        rules(lab, &rule("from = \"local\"", "skip"));
        let passes = |login: Login| login.mute().run().verdict() == Code::Success;
        assert!(passes(Login::new("login", "alice").on("tty1")));
        assert!(passes(Login::new("su", "alice").asked_by("alice")));
        assert!(passes(Login::new("su", "alice").asked_by("root")));
        assert!(!passes(Login::new("su", "alice").asked_by("bob")));
        assert!(!passes(Login::new("login", "alice").from("127.0.0.1")));
        assert!(!passes(Login::new("login", "alice").from("localhost")));
        assert!(!passes(Login::new("door", "alice").on("tty1")));
        assert_eq!(explain(lab, &["alice", "--service", "login"])["then"], "skip");
        assert_eq!(explain(lab, &["alice", "--service", "login", "--from", "127.0.0.1"])["then"], "require");
        assert_eq!(explain(lab, &["alice", "--service", "door", "--tty", "tty1"])["place"], "unknown");
    });
}

/// sudo or su at a terminal; whether a code was asked for, and whether it did what it was called for.
fn at_terminal(lab: &Lab, who: &str, words: &[&str]) -> (bool, bool) {
    let mut terminal = Terminal::start(lab.as_user(who, words));
    let asked = terminal.expect_any(&[CODE_PROMPT, "done"]) == 0;
    if asked {
        terminal.say("123456");
    }
    (asked, terminal.finish().0.success())
}

#[test]
fn at_sudo_and_su_group_and_service_decide_and_explain_agrees() {
    sandbox::within(|lab| {
        let lines = "auth required pam_totp.so\nauth required pam_permit.so\n";
        lab.service("su", lines);
        lab.service("sudo", lines);
        lab.sudoers("Defaults passwd_tries=1\nALL ALL=(ALL) ALL\n");
        lab.add_group("ops", 5000, "bob");
        let text = rule("group = \"ops\"\nservice = \"sudo\"", "skip");
        rules(lab, &format!("{text}{}", rule("group = \"carol\"\nservice = [\"sudo\", \"su\"]", "skip")));
        for (who, service, whom, skipped) in [
            // By a supplementary group, by the primary one, and by neither.
            ("bob", "sudo", "bob", true),
            ("carol", "sudo", "carol", true),
            ("alice", "sudo", "alice", false),
            // su goes by the account that is entered.
            ("alice", "su", "carol", true),
            ("carol", "su", "alice", false),
            ("alice", "su", "bob", false),
        ] {
            let words: &[&str] = match service {
                "sudo" => &["sudo", "-k", "echo", "done"],
                _ => &["su", whom, "-c", "echo done"],
            };
            let said = explain(lab, &[whom, "--service", service]);
            assert_eq!(said["then"] == "skip", skipped, "{said}");
            assert_eq!(at_terminal(lab, who, words), (!skipped, skipped), "{who} {service} {whom}");
        }
    });
}

#[test]
fn a_program_without_root_goes_by_the_rules_itself_where_it_may_read_them() {
    sandbox::within(|lab| {
        let lines = "auth required pam_totp.so\nauth required pam_permit.so\n";
        lab.service("i3lock", lines);
        rules(lab, &format!("{}{}", rule("service = \"i3lock\"\nuser = \"bob\"", "skip"), rule("", "deny")));
        let unlock = |user: &str, login: Login| {
            let uid = lab.uid(user);
            lab.syslog.clear();
            let mut command = login.command();
            command.uid(uid).gid(uid);
            (Report::of(command.output().unwrap()).followed().verdict(), lab.decision())
        };
        // There is no daemon, and it takes none.
        let (verdict, line) = unlock("bob", Login::new("i3lock", "bob"));
        assert!(verdict == Code::Success && line.contains("says skip"), "{line}");
        let (verdict, line) = unlock("alice", Login::new("i3lock", "alice").code("123456"));
        assert!(verdict == Code::AuthErr && line.contains("verdict=denied"), "{line}");
        std::fs::set_permissions(SETTINGS_PATH, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let (verdict, line) = unlock("bob", Login::new("i3lock", "bob"));
        assert!(verdict == Code::ServiceErr && line.contains("misconfigured"), "{line}");
    });
}

#[test]
fn a_mistake_in_a_rule_lets_nobody_in_and_explain_names_it_too() {
    sandbox::within(|lab| {
        door(lab, "nullok");
        rules(lab, &format!("{SKIP_ALL}[[rule]]\ngroups = \"ops\"\nthen = \"skip\"\n"));
        assert_eq!(Login::new("door", "bob").run().verdict(), Code::ServiceErr);
        let place = format!("{SETTINGS_PATH}:6:1: unknown field `groups`");
        assert!(lab.decision().contains(&place));
        let output = lab.totpctl_command().args(["explain", "bob", "--service", "door"]).output().unwrap();
        assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains(&place));
    });
}

#[test]
fn explain_tells_for_how_long_a_code_is_remembered() {
    sandbox::within(|lab| {
        rules(lab, &format!("{}remember = \"90m\"\n", rule("service = \"sudo\"", "require")));
        let page = lab.totpctl(["explain", "bob", "--service", "sudo"]);
        assert!(
            page.ends_with("and: who was let in by a code is asked for none in that session for 90m\n"),
            "{page}"
        );
        assert_eq!(explain(lab, &["bob", "--service", "sudo"])["remember"], 5400);
        assert_eq!(explain(lab, &["bob", "--service", "su"])["remember"], Value::Null);
        rules(lab, &format!("{}remember = \"30s\"\n", rule("service = [\"sudo\", \"sshd\"]", "require")));
        assert!(lab.totpctl(["explain", "bob", "--service", "sudo"]).ends_with(" for 30s\n"));
        assert!(
            lab.totpctl(["explain", "bob", "--service", "sshd"]).contains("and: not remembered, for each ")
        );
        assert!(!lab.totpctl(["explain", "bob", "--service", "su"]).contains("and:"));
    });
}

#[test]
fn explain_needs_no_root_and_touches_nothing() {
    sandbox::within(|lab| {
        rules(lab, &rule("user = \"git\"", "skip"));
        lab.syslog.clear();
        let explain = lab.program("totpctl");
        let words = [explain.to_str().unwrap(), "explain", "bob", "--service", "sshd", "--from", "192.0.2.7"];
        let output = lab.as_user("bob", &words).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(
            said,
            "bob at sshd from 192.0.2.7: asked for a code\n\
             rule 1 (/etc/security/pam_totp.toml:3) does not fit: user\n\
             no rule fits, and so a code is required\n\
             or: who is not enrolled is asked nothing where the service's line in pam.d says nullok\n"
        );
        assert!(lab.syslog.raw().iter().all(|line| !line.contains("totp")));
    });
}
