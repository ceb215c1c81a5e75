//! The recipes of the manual, as they are printed there: each lets in whom it says, and nobody else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::process::Command;

use acceptance::artefacts;
use acceptance::lab::{Lab, PASSWORD, run, write};
use acceptance::pam::{Call, Code, Login, Reply, Style};
use acceptance::sandbox;
use acceptance::sshd::Sshd;
use acceptance::terminal::Terminal;

const PASSWORD_PROMPT: &str = "Password: ";
const CODE_PROMPT: &str = "Verification code: ";

/// The files of a recipe, by path: under its heading, each begins with a comment that names it.
fn recipe(heading: &str) -> Vec<(String, String)> {
    let manual = artefacts::workspace().join("packaging/man/pam_totp.8.md");
    let manual = fs::read_to_string(manual).unwrap();
    let (_, text) = manual.split_once(&format!("\n### {heading}\n")).unwrap();
    let text = text.split("\n#").next().unwrap();
    let mut files: Vec<(String, String)> = Vec::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("    ")) {
        match line.strip_prefix("# /") {
            Some(path) => files.push((format!("/{}", path.split(',').next().unwrap()), String::new())),
            None => {
                let (_, content) = files.last_mut().unwrap();
                content.push_str(line);
                content.push('\n');
            }
        }
    }
    assert!(!files.is_empty(), "{heading}");
    files
}

/// Follows a recipe; the lines for sshd_config, which the rig's own file begins with.
fn follow(lab: &Lab, heading: &str) -> String {
    let mut sshd = String::new();
    for (path, content) in recipe(heading) {
        if let Some(service) = path.strip_prefix("/etc/pam.d/") {
            lab.service(service, &content);
        } else if path.starts_with("/etc/ssh/") {
            sshd.push_str(&content);
        } else {
            write(path, &content);
        }
    }
    sshd
}

fn options(key: &[String]) -> Vec<&str> {
    key.iter().map(String::as_str).collect()
}

#[test]
fn password_and_code_at_sshd_and_no_key_passes_it_by() {
    sandbox::within(|lab| {
        let lines = follow(lab, "sshd: password and code");
        let alice = lab.enroll("alice");
        let sshd = Sshd::start(lab, &lines);
        let code = alice.phone.code(0);
        assert!(
            !sshd
                .log_in("alice", &[(PASSWORD_PROMPT, PASSWORD), (CODE_PROMPT, &alice.phone.wrong())])
                .entered
        );
        assert!(sshd.log_in("alice", &[(PASSWORD_PROMPT, PASSWORD), (CODE_PROMPT, &code)]).entered);
        assert!(!sshd.log_in("alice", &[(PASSWORD_PROMPT, PASSWORD), (CODE_PROMPT, &code)]).entered);
        let key = sshd.key_of("alice");
        let mut client = sshd.client("alice", &options(&key));
        client.expect(PASSWORD_PROMPT);
        client.hang_up();
    });
}

#[test]
fn key_and_code_at_sshd_and_neither_alone() {
    sandbox::within(|lab| {
        let lines = follow(lab, "sshd: key and code");
        let alice = lab.enroll("alice");
        let sshd = Sshd::start(lab, &lines);
        let key = sshd.key_of("alice");
        let log_in = |code: &str| sshd.log_in_with("alice", &options(&key), &[(CODE_PROMPT, code)]).entered;
        assert!(!log_in(&alice.phone.wrong()));
        assert!(log_in(&alice.phone.code(0)));
        assert!(!sshd.log_in("alice", &[]).entered, "without the key nothing is asked");
    });
}

#[test]
fn a_robot_passes_by_key_alone_and_its_group_does_not() {
    sandbox::within(|lab| {
        lab.add_account("git", 3001);
        let group = fs::read_to_string("/etc/group").unwrap();
        write("/etc/group", &group.replace("git:x:3001:", "git:x:3001:alice"));
        let lines = follow(lab, "sshd: key and code");
        let robots = follow(lab, "sshd: robots by key alone");
        let alice = lab.enroll("alice");
        // In a file of its own, as on Debian: there the Match block ends with the file.
        write("/etc/ssh/robots.conf", &format!("{lines}{robots}"));
        let sshd = Sshd::start(lab, "Include /etc/ssh/robots.conf\n");
        let robot = sshd.key_of("git");
        assert!(sshd.log_in_with("git", &options(&robot), &[]).entered);
        assert!(!sshd.log_in("git", &[]).entered);
        let key = sshd.key_of("alice");
        let code = alice.phone.code(0);
        assert!(sshd.log_in_with("alice", &options(&key), &[(CODE_PROMPT, &code)]).entered);
    });
}

#[test]
fn a_robot_passes_by_a_rule_and_an_administrator_in_its_group_does_not() {
    sandbox::within(|lab| {
        lab.add_account("git", 3001);
        lab.add_group("robots", 3002, "git,alice");
        let lines = follow(lab, "sshd: robots by a rule");
        let alice = lab.enroll("alice");
        let explain = |user: &str| lab.totpctl(["explain", user, "--service", "sshd", "--from", "127.0.0.1"]);
        assert_eq!(
            explain("git"),
            "git at sshd from 127.0.0.1: asked for no code\n\
             rule 1 (/etc/security/pam_totp.toml:1) fits and says skip\n"
        );
        let said = explain("alice");
        assert!(said.starts_with("alice at sshd from 127.0.0.1: asked for a code\nrule 1 ("), "{said}");
        assert!(said.contains(":1) does not fit: user\n"), "{said}");
        let sshd = Sshd::start(lab, &lines);
        let robot = sshd.key_of("git");
        assert!(sshd.log_in_with("git", &options(&robot), &[]).entered);
        assert!(!sshd.log_in("git", &[]).entered, "the key is still needed");
        let key = sshd.key_of("alice");
        let log_in = |code: &str| sshd.log_in_with("alice", &options(&key), &[(CODE_PROMPT, code)]).entered;
        assert!(!log_in(&alice.phone.wrong()));
        assert!(log_in(&alice.phone.code(0)));
    });
}

/// Calls a program at a terminal as somebody; whether it did what it was called for.
fn at_terminal(lab: &Lab, who: &str, words: &[&str], answers: &[(&str, &str)]) -> bool {
    let mut terminal = Terminal::start(lab.as_user(who, words));
    for (prompt, answer) in answers {
        terminal.expect(prompt);
        terminal.say(answer);
    }
    terminal.finish().0.success()
}

#[test]
fn sudo_asks_its_caller_for_password_and_code() {
    sandbox::within(|lab| {
        follow(lab, "sudo");
        lab.sudoers("Defaults passwd_tries=1\nalice ALL=(ALL) ALL\nbackup ALL=(ALL) ALL\n");
        let alice = lab.enroll("alice");
        let sudo = |code: &str| {
            let answers = [("password for alice: ", PASSWORD), (CODE_PROMPT, code)];
            at_terminal(lab, "alice", &["sudo", "-k", "true"], &answers)
        };
        assert!(!sudo(&alice.phone.wrong()));
        assert!(sudo(&alice.phone.code(0)));
        // The manual says so: another service, which the recipe does not touch.
        let login = [("password for alice: ", PASSWORD)];
        assert!(at_terminal(lab, "alice", &["sudo", "-k", "-i", "true"], &login));
        fs::copy("/etc/pam.d/sudo", "/etc/pam.d/sudo-i").unwrap();
        let login = [login[0], (CODE_PROMPT, &alice.phone.code(0))];
        assert!(!at_terminal(lab, "alice", &["sudo", "-k", "-i", "true"], &login));
    });
}

#[test]
fn su_asks_for_the_code_of_whom_it_becomes_and_nothing_of_root() {
    sandbox::within(|lab| {
        follow(lab, "su");
        let alice = lab.enroll("alice");
        let bob = lab.enroll("bob");
        let su = |code: &str| {
            let answers = [(PASSWORD_PROMPT, PASSWORD), (CODE_PROMPT, code)];
            at_terminal(lab, "bob", &["su", "alice", "-c", "true"], &answers)
        };
        assert!(!su(&bob.phone.code(0)));
        assert!(su(&alice.phone.code(0)));
        let login = [(PASSWORD_PROMPT, PASSWORD), (CODE_PROMPT, &alice.backup_codes[0])];
        assert!(at_terminal(lab, "bob", &["su", "-", "alice", "-c", "true"], &login));
        run(Command::new("su").args(["alice", "-c", "true"]));
    });
}

#[test]
fn one_account_of_a_service_is_exempt_and_no_other() {
    sandbox::within(|lab| {
        lab.add_account("backup2", 3002);
        let heading = "A service that some accounts use without a code";
        let content = recipe(heading).remove(0).1;
        lab.service("sudo", &content.replace("user = backup", "user = backup2"));
        lab.sudoers("Defaults passwd_tries=1\nalice ALL=(ALL) ALL\nbackup2 ALL=(ALL) ALL\n");
        let alice = lab.enroll("alice");
        let sudo = |who: &str, password: &str, code: Option<&str>| {
            let asked = format!("password for {who}: ");
            let code = code.map(|code| (CODE_PROMPT, code));
            let answers: Vec<_> = [(asked.as_str(), password)].into_iter().chain(code).collect();
            at_terminal(lab, who, &["sudo", "-k", "true"], &answers)
        };
        assert!(sudo("backup2", PASSWORD, None));
        assert!(!sudo("backup2", "wrong", None), "the exemption is not from the password");
        assert!(!sudo("alice", PASSWORD, Some(&alice.phone.wrong())));
        assert!(sudo("alice", PASSWORD, Some(&alice.phone.code(0))));
    });
}

/// A program with one field: whatever is asked is answered with what stands in it. Whether it opened.
fn one_field(service: &str, user: &str, field: &str) -> bool {
    let report = Login::new(service, user)
        .asked(Style::EchoOff, "Password & verification code: ", Reply::Bytes(field.into()))
        .calling(&[Call::Authenticate, Call::AcctMgmt])
        .run();
    let opened = report.verdict() == Code::Success;
    assert!(!opened || report.answer(Call::AcctMgmt) == Code::Success);
    opened
}

/// xrdp 884 and 1210: the code was asked for in a second prompt, which nobody saw.
#[test]
fn xrdp_has_one_field_and_takes_both_in_it() {
    sandbox::within(|lab| {
        follow(lab, "xrdp");
        let alice = lab.enroll("alice");
        let opened = |field: &str| one_field("xrdp-sesman", "alice", field);
        assert!(!opened(PASSWORD));
        assert!(!opened(&alice.phone.code(0)));
        assert!(opened(&format!("{PASSWORD}{}", alice.phone.code(1))));
        assert!(!opened(&format!("{PASSWORD}{}", alice.phone.code(1))));
        assert!(opened(&format!("{PASSWORD}{}", alice.backup_codes[0])));
    });
}

/// kube-openvpn 32 and others: renegotiation sends the old credentials, once in an hour.
#[test]
fn openvpn_sends_a_spent_code_again_which_is_a_replay_and_no_guess() {
    sandbox::within(|lab| {
        fs::create_dir_all("/etc/openvpn/server").unwrap();
        follow(lab, "OpenVPN");
        let alice = lab.enroll("alice");
        let plugin = fs::read_to_string("/etc/openvpn/server/pam_totp.conf").unwrap();
        let (_, names) = plugin.lines().next().unwrap().split_once("USERNAME ").unwrap();
        // auth-pam.c, name_value_match: letters that the prompt begins with, in any case.
        assert!("password & verification code: ".starts_with(names.split(' ').next().unwrap()));
        assert!(plugin.contains("\nauth-gen-token ") && !plugin.contains("reneg-sec"));
        let field = format!("{PASSWORD}{}", alice.phone.code(0));
        assert!(one_field("openvpn", "alice", &field));
        for _ in 0..24 {
            lab.syslog.clear();
            assert!(!one_field("openvpn", "alice", &field));
            let lines = lab.syslog.module();
            let line = lines.iter().find(|line| line.contains("pam_totp")).unwrap();
            assert!(line.contains("verdict=replayed") && !line.contains("authentication failure"), "{line}");
        }
        assert!(one_field("openvpn", "alice", &format!("{PASSWORD}{}", alice.phone.code(1))));
    });
}

#[test]
fn a_roll_out_asks_the_enrolled_and_lets_the_others_be_until_its_day() {
    sandbox::within(|lab| {
        follow(lab, "A roll-out");
        let alice = lab.enroll("alice");
        let lines = recipe("sshd: password and code").remove(1).1;
        let sshd = Sshd::start(lab, &lines);
        let attempt = sshd.log_in("bob", &[(PASSWORD_PROMPT, PASSWORD)]);
        assert!(attempt.entered && !attempt.screen.contains(CODE_PROMPT), "{}", attempt.screen);
        let code = alice.phone.code(0);
        assert!(sshd.log_in("alice", &[(PASSWORD_PROMPT, PASSWORD), (CODE_PROMPT, &code)]).entered);
        let settings = recipe("A roll-out").remove(1).1.replace("2027", "2026");
        lab.settings(&settings);
        let late = sshd.log_in("bob", &[(PASSWORD_PROMPT, PASSWORD), (CODE_PROMPT, "123456")]);
        assert!(!late.entered);
    });
}

#[test]
fn with_common_auth_a_wrong_password_ends_before_the_code() {
    sandbox::within(|lab| {
        let lines = follow(lab, "sshd: password and code");
        lab.enroll("alice");
        let sshd = Sshd::start(lab, &lines);
        let attempt = sshd.log_in("alice", &[(PASSWORD_PROMPT, "wrong")]);
        assert!(!attempt.entered && !attempt.screen.contains(CODE_PROMPT), "{}", attempt.screen);
    });
}

#[test]
fn a_code_is_asked_beside_a_certificate_of_users_without_an_account_at_openvpn() {
    sandbox::within(|lab| {
        fs::create_dir_all("/etc/openvpn/server").unwrap();
        follow(lab, "OpenVPN: certificates and users without an account");
        let vera = lab.enroll_with("vera", &["--no-account"]);
        let plugin = fs::read_to_string("/etc/openvpn/server/pam_totp.conf").unwrap();
        let (_, names) = plugin.lines().next().unwrap().split_once("USERNAME ").unwrap();
        // auth-pam.c, name_value_match: letters that the prompt begins with, in any case.
        assert!(CODE_PROMPT.to_lowercase().starts_with(names.split(' ').next().unwrap()));
        assert!(plugin.contains("\nverify-client-cert require\n") && plugin.contains("\nauth-gen-token "));
        let log_in = |user: &str, code: &str| {
            let login = Login::new("openvpn", user).code(code).calling(&[Call::Authenticate, Call::AcctMgmt]);
            let report = login.run();
            report.verdict() == Code::Success && report.answer(Call::AcctMgmt) == Code::Success
        };
        assert!(!log_in("vera", &vera.phone.wrong()));
        assert!(log_in("Vera", &vera.phone.code(0)));
        assert!(!log_in("vera", &vera.phone.code(0)));
        assert!(!log_in("nina", &vera.phone.code(1)));
        assert!(!log_in("alice", &vera.phone.code(1)), "an account, and not enrolled");
    });
}

#[test]
fn password_and_code_in_one_field_of_users_without_an_account_at_vsftpd() {
    sandbox::within(|lab| {
        fs::create_dir_all("/etc/vsftpd").unwrap();
        follow(lab, "vsftpd: users without an account");
        let entry = "tie my %users, 'DB_File', '/etc/vsftpd/users.db', O_CREAT | O_RDWR, 0600, $DB_HASH; \
                     $users{vera} = crypt($ARGV[0], '$5$rounds=1000$acceptance$');";
        run(Command::new("perl").args(["-MDB_File", "-MFcntl", "-e", entry, PASSWORD]));
        let vera = lab.enroll_with("vera", &["--no-account"]);
        let code = vera.phone.code(0);
        assert!(!one_field("vsftpd", "vera", &format!("{PASSWORD}{}", vera.phone.wrong())));
        assert!(!one_field("vsftpd", "vera", PASSWORD), "without a code");
        assert!(one_field("vsftpd", "vera", &format!("{PASSWORD}{code}")));
        assert!(!one_field("vsftpd", "vera", &format!("{PASSWORD}{code}")));
        assert!(
            !one_field("vsftpd", "vera", &format!("wrong{}", vera.phone.code(1))),
            "the password is wrong"
        );
    });
}

/// Asked for the password, and then for the code. Whether both opened.
fn two_questions(login: Login, code: &str) -> bool {
    let calls = [Call::Authenticate, Call::AcctMgmt];
    let login = login.password(PASSWORD).code(code).calling(&calls);
    login.run().verdict() == Code::Success
}

#[test]
fn login_at_the_console_asks_for_password_and_code() {
    sandbox::within(|lab| {
        follow(lab, "login");
        let alice = lab.enroll("alice");
        let login = |code: &str| {
            let mut command = Command::new("login");
            command.arg("alice");
            let mut terminal = Terminal::start(command);
            terminal.expect(PASSWORD_PROMPT);
            terminal.say(PASSWORD);
            terminal.expect(CODE_PROMPT);
            terminal.say(code);
            terminal
        };
        login(&alice.phone.wrong()).expect("Login incorrect");
        let mut terminal = login(&alice.phone.code(0));
        terminal.expect("$ ");
        terminal.say("exit");
        assert!(terminal.finish().0.success());
    });
}

/// cockpit 18247: the first question is answered with the password, whatever it says.
#[test]
fn polkit_and_cockpit_ask_for_the_password_first_and_then_for_the_code() {
    sandbox::within(|lab| {
        follow(lab, "polkit");
        follow(lab, "Cockpit");
        let (alice, bob) = (lab.enroll("alice"), lab.enroll("bob"));
        assert!(!two_questions(Login::new("polkit-1", "alice"), &alice.phone.wrong()));
        assert!(two_questions(Login::new("polkit-1", "alice"), &alice.phone.code(0)));
        let page = || Login::new("cockpit", "bob").from("192.0.2.7");
        assert!(!two_questions(page(), &bob.phone.wrong()));
        assert!(two_questions(page(), &bob.phone.code(0)));
    });
}

/// What Fedora has in both files, for a password of pam_unix.
const FEDORA: &str =
    "auth required pam_env.so\nauth sufficient pam_unix.so nullok\nauth required pam_deny.so\n";

/// truenas/middleware 16563: a `sufficient` line before ours, and no code was ever asked for.
#[test]
fn fedoras_sufficient_password_does_not_end_the_stack_before_the_code() {
    sandbox::within(|lab| {
        let heading = "Fedora: sshd and sudo";
        let files = recipe(heading);
        assert_eq!(files.len(), 2);
        for name in ["password-auth", "system-auth"] {
            lab.service(name, FEDORA);
        }
        follow(lab, heading);
        let alice = lab.enroll("alice");
        for service in ["sshd", "sudo"] {
            assert!(!two_questions(Login::new(service, "alice"), &alice.phone.wrong()), "{service}");
        }
        assert!(two_questions(Login::new("sshd", "alice"), &alice.phone.code(0)));
        assert!(two_questions(Login::new("sudo", "alice"), &alice.backup_codes[0]));
        // What the manual warns of.
        lab.service("sudo", &files[1].1.replace("substack", "include"));
        let without = Login::new("sudo", "alice").password(PASSWORD).run();
        assert_eq!(without.verdict(), Code::Success);
    });
}

#[test]
fn authselects_template_asks_for_both_with_its_feature_and_for_the_password_without() {
    sandbox::within(|lab| {
        let (_, template) = recipe("Fedora: every service, by authselect").remove(0);
        let feature = "{include if \"with-totp\"}";
        assert!(template.contains(feature));
        lab.service("password-auth", &template.replace(feature, ""));
        lab.service("door", "auth include password-auth\n");
        let alice = lab.enroll("alice");
        assert!(!two_questions(Login::new("door", "alice"), &alice.phone.wrong()));
        assert!(two_questions(Login::new("door", "alice"), &alice.phone.code(0)));
        let wrong = Login::new("door", "alice").password("wrong").run();
        assert_ne!(wrong.verdict(), Code::Success, "no code is asked for after a wrong password");
        let lines: Vec<_> = template.lines().filter(|line| !line.contains(feature)).collect();
        lab.service("password-auth", &lines.join("\n"));
        assert_eq!(Login::new("door", "alice").password(PASSWORD).run().verdict(), Code::Success);
        assert_ne!(Login::new("door", "alice").password("wrong").run().verdict(), Code::Success);
    });
}
