//! `totpctl suspend` and `resume`: nothing that somebody holds opens meanwhile, and nothing of it is lost.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use acceptance::codes::Phone;
use acceptance::daemon::{Daemon, INTERFACE, call};
use acceptance::lab::{Lab, PASSWORD, SETTINGS, STORE};
use acceptance::pam::{Code, Limit, Login, Reply, Report, Style};
use acceptance::sandbox;
use acceptance::terminal::Terminal;
use serde_json::{Value, json};

const ALICE: u32 = 2001;
const KEY: &str = "JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU";
const SKIP: &str = "[[rule]]\nthen = \"skip\"\n";

fn suspend(lab: &Lab, user: &str) {
    lab.totpctl(["suspend", user, "--reason", "on leave, ticket 12"]);
    lab.syslog.clear();
}

fn resume(lab: &Lab, user: &str) {
    lab.totpctl(["resume", user]);
    lab.syslog.clear();
}

/// What a login with this answer to the one prompt comes to, and its line.
fn types(lab: &Lab, user: &str, typed: &str) -> (Code, String) {
    (Login::new("door", user).code(typed).run().verdict(), lab.decision())
}

fn is_refused(lab: &Lab, user: &str, typed: &str) {
    let report = Login::new("door", user).code(typed).run();
    assert_eq!(report.texts(), ["Verification code: "], "nothing tells who is suspended");
    assert_eq!(report.verdict(), Code::AuthErr);
    let line = lab.decision();
    assert!(line.contains("refused; ") && line.contains(" verdict=suspended "), "{line}");
    assert!(line.contains("reason=\"suspended since 2") && !line.contains("ticket"), "{line}");
}

/// Every file of the person's folder.
fn files(uid: u32) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(Path::new(STORE).join(format!("users/{uid}"))).unwrap();
    entries.map(|entry| entry.unwrap().path()).map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

fn suspended(lab: &Lab, user: &str) -> Value {
    lab.status(user)["suspended"].clone()
}

/// What `totpctl` says that refuses.
fn failure(lab: &Lab, words: &[&str]) -> String {
    let output = lab.totpctl_command().args(words).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{words:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn nothing_opens_and_nothing_is_spent_or_counted_and_all_of_it_stands_again() {
    sandbox::within(|lab| {
        lab.door("");
        let alice = lab.enroll("alice");
        let (bypass, _) = lab.bypass("alice", &[]);
        // Her lane waits already, and goes on waiting by the same clock.
        for _ in 0..6 {
            Login::new("door", "alice").code(alice.phone.wrong()).run();
        }
        let throttled = lab.status("alice")["throttled"].clone();
        assert_ne!(throttled, json!([]));
        suspend(lab, "alice");
        let before = files(ALICE);
        let pair = format!("{} {}", alice.phone.code(0), alice.phone.code(1));
        for typed in
            [&*alice.phone.code(0), &alice.phone.wrong(), "", "x", &pair, &alice.backup_codes[0], &bypass]
        {
            is_refused(lab, "alice", typed);
        }
        assert_eq!(files(ALICE), before);
        assert_eq!(lab.status("alice")["throttled"], throttled);
        resume(lab, "alice");
        for typed in [&alice.backup_codes[0], &bypass] {
            assert_eq!(types(lab, "alice", typed).0, Code::Success, "{typed}");
        }
        assert_eq!(types(lab, "alice", &alice.phone.code(0)).0, Code::Success);
        assert_eq!(types(lab, "alice", &alice.phone.code(0)).0, Code::AuthErr);
    });
}

#[test]
fn it_is_logged_with_who_did_it_and_shown_wherever_people_are() {
    sandbox::within(|lab| {
        lab.enroll("alice");
        lab.enroll("bob");
        lab.syslog.clear();
        let said = lab.totpctl(["suspend", "alice", "--reason", "on leave, \"12\""]);
        assert!(said.starts_with("alice is suspended: "), "{said}");
        let raw = lab.syslog.raw();
        let line = raw.iter().find(|line| line.contains("suspend: ")).unwrap();
        assert!(line.contains("user=alice uid=2001 reason=\"on leave, \\\"12\\\"\" loginuid="), "{line}");
        let shown = suspended(lab, "alice");
        assert_eq!(shown["reason"], "on leave, \"12\"");
        assert!(shown["since"].as_str().unwrap().ends_with('Z'));
        assert_eq!(suspended(lab, "bob"), Value::Null);
        let page = lab.totpctl(["status", "alice"]);
        assert!(
            page.contains("\nsuspended: nothing is accepted since 2") && page.contains("phone"),
            "{page}"
        );
        assert!(lab.totpctl(["list"]).contains("phone (suspended)"));
        let list = lab.totpctl(["list", "--suspended"]);
        assert!(list.contains("alice") && list.contains("on leave") && !list.contains("bob"), "{list}");
        assert!(failure(lab, &["suspend", "alice", "--reason", "x"]).contains("alice is suspended"));
        lab.syslog.clear();
        resume(lab, "alice");
        assert_eq!(lab.totpctl(["list", "--suspended"]), "nobody is suspended\n");
        assert!(failure(lab, &["resume", "alice"]).contains("alice is not suspended"));
        assert!(failure(lab, &["resume", "carol"]).contains("carol is not suspended"));
        let output = lab.as_user("bob", &["/run/lab/totpctl", "suspend", "alice", "--reason", "x"]).output();
        assert!(String::from_utf8_lossy(&output.unwrap().stderr).contains("only root may do this"));
    });
}

#[test]
fn neither_nullok_nor_a_rule_exempts_who_is_suspended_as_far_as_the_store_can_be_read() {
    sandbox::within(|lab| {
        lab.service("door", "auth required pam_totp.so nullok\nauth required pam_permit.so\n");
        let exempt = |user: &str| {
            let report = Login::new("door", user).mute().run();
            assert_eq!((report.verdict(), report.conversations), (Code::Success, 0));
            lab.decision()
        };
        let alice = lab.enroll("alice");
        exempt("bob");
        for user in ["alice", "bob"] {
            suspend(lab, user);
        }
        is_refused(lab, "bob", "123456");
        assert!(lab.totpctl(["status", "bob"]).contains("bob (uid 2002): not enrolled\nsuspended: "));
        lab.settings(&format!("{SETTINGS}{SKIP}"));
        for user in ["alice", "bob"] {
            is_refused(lab, user, &alice.phone.code(0));
        }
        exempt("carol");
        // Where nobody can say who is suspended, the rule stands; nullok alone exempts nobody then.
        fs::rename(STORE, "/var/lib/away").unwrap();
        assert!(exempt("alice").contains("says skip"));
        lab.settings(SETTINGS);
        let (code, line) = types(lab, "bob", "123456");
        assert!(code == Code::AuthErr && line.contains("verdict=unavailable"), "{line}");
        fs::rename("/var/lib/away", STORE).unwrap();
        for user in ["alice", "bob"] {
            resume(lab, user);
        }
        exempt("bob");
        assert_eq!(types(lab, "alice", &alice.phone.code(0)).0, Code::Success);
    });
}

#[test]
fn no_change_but_revoke_ends_it() {
    sandbox::within(|lab| {
        lab.door("");
        let alice = lab.enroll("alice");
        suspend(lab, "alice");
        let is_still = |what: &str| assert_ne!(suspended(lab, "alice"), Value::Null, "{what}");
        for words in [
            &["enroll", "alice", "--add", "--token", "fob", "--no-confirm", "--qr", "none"][..],
            &["rename-token", "alice", "--token", "fob", "--to", "key"],
            &["remove-token", "alice", "--token", "key", "--yes"],
            &["backup-codes", "alice", "--yes"],
            &["unlock", "alice", "--clock"],
            &["restored", "alice", "--yes"],
        ] {
            lab.totpctl(words);
            is_still(words[0]);
        }
        let words = ["enroll", "alice", "--replace", "--yes", "--no-confirm", "--json"];
        let output = lab.totpctl_command().args(words).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("note: alice is suspended, and stays so: totpctl resume alice"), "{said}");
        is_still("enroll --replace");
        let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
        let phone = Phone::new(printed["secret"].as_str().unwrap());
        is_refused(lab, "alice", &phone.code(0));
        for words in [&["bypass", "alice", "--reason", "x"][..], &["verify", "alice"]] {
            let said = failure(lab, words);
            assert!(said.contains("alice is suspended") && said.contains("totpctl resume alice"), "{said}");
        }
        let said = lab.totpctl(["revoke", "alice", "--yes"]);
        assert_eq!(said, "alice is no longer enrolled, nor suspended\n");
        assert_eq!(suspended(lab, "alice"), Value::Null);
        drop(alice);
    });
}

#[test]
fn nobody_ends_their_own_by_way_of_the_daemon_and_no_code_of_theirs_is_spent_by_trying() {
    sandbox::within(|lab| {
        lab.door("");
        let _daemon = Daemon::start(lab);
        let alice = lab.enroll("alice");
        suspend(lab, "alice");
        let before = files(ALICE);
        let status = call(ALICE, "Status", &json!({ "user": "alice" }));
        let record = &status["parameters"]["record"];
        assert!(record["suspended"].is_u64() && !status.to_string().contains("leave"), "{status}");
        let page = lab.as_user("alice", &["/run/lab/totpctl", "status"]).output().unwrap();
        let page = String::from_utf8(page.stdout).unwrap();
        assert!(page.contains("nothing is accepted since") && !page.contains("leave"), "{page}");
        let token = json!({ "name": "mine", "secret": KEY, "algorithm": "sha1", "digits": 6, "period": 30 });
        let from = record["id"].clone();
        let why = |method: &str, more: &Value| {
            let mut all = json!({ "user": "alice", "from": from, "authority": alice.backup_codes[0] });
            let members = more.as_object().unwrap().clone();
            all.as_object_mut().unwrap().extend(members);
            let answer = call(ALICE, method, &all);
            assert_eq!(answer["error"], format!("{INTERFACE}.Refused"), "{answer}");
            answer["parameters"]["why"].as_str().unwrap().to_owned()
        };
        let confirm = Phone::new(KEY).code(0);
        let enroll = json!({ "how": "replace", "token": token, "confirm": confirm, "backup_codes": [] });
        assert_eq!(why("Enroll", &enroll), "suspended");
        assert_eq!(why("RemoveToken", &json!({ "token": "phone" })), "suspended");
        assert_eq!(why("BackupCodes", &json!({ "backup_codes": [] })), "suspended");
        let judged = call(ALICE, "Check", &json!({ "user": "alice", "code": alice.phone.code(0) }));
        assert_eq!(judged["parameters"]["verdict"], "suspended", "{judged}");
        assert_eq!(files(ALICE), before);
        // A locker's module tells it from an answer that is none.
        lab.syslog.clear();
        let mut locker = Login::new("door", "alice").code(alice.phone.code(0)).command();
        std::os::unix::process::CommandExt::uid(&mut locker, ALICE);
        assert_eq!(Report::of(locker.output().unwrap()).followed().verdict(), Code::AuthErr);
        assert!(lab.decision().contains("verdict=suspended"));
        resume(lab, "alice");
        assert_eq!(types(lab, "alice", &alice.backup_codes[0]).0, Code::Success);
    });
}

#[test]
fn an_invitation_is_void_meanwhile_and_good_again_after_it() {
    sandbox::within(|lab| {
        let _daemon = Daemon::start(lab);
        let printed: Value = serde_json::from_str(&lab.totpctl(["invite", "alice", "--json"])).unwrap();
        suspend(lab, "alice");
        let token = json!({ "name": "mine", "secret": KEY, "algorithm": "sha1", "digits": 6, "period": 30 });
        let enroll = || {
            let from =
                call(ALICE, "Status", &json!({ "user": "alice" }))["parameters"]["record"]["id"].clone();
            let all = json!({
                "user": "alice", "from": from, "how": "first", "token": token, "backup_codes": [],
                "confirm": Phone::new(KEY).code(0), "authority": printed[0]["invitation"],
            });
            call(ALICE, "Enroll", &all)["parameters"].clone()
        };
        assert_eq!(enroll()["why"], "suspended");
        assert!(failure(lab, &["invite", "alice"]).contains("alice is suspended"));
        assert!(lab.totpctl(["list", "--pending"]).contains("(suspended)"));
        resume(lab, "alice");
        assert_eq!(enroll()["by"], "invitation");
    });
}

#[test]
fn sudo_and_su_refuse_and_a_code_behind_a_password_is_cut_off() {
    sandbox::within(|lab| {
        let line = "auth required pam_unix.so nodelay\nauth required pam_totp.so\n";
        for service in ["sudo-lab", "su"] {
            lab.service(service, line);
        }
        lab.sudoers("alice ALL=(ALL) ALL\nDefaults pam_service=sudo-lab, passwd_tries=1\n");
        let alice = lab.enroll("alice");
        suspend(lab, "alice");
        for words in [
            (&["sudo", "id"][..], "alice", "password for alice: "),
            (&["su", "alice", "-c", "id"], "bob", "Password: "),
        ] {
            let mut terminal = Terminal::start(lab.as_user(words.1, words.0));
            terminal.expect(words.2);
            terminal.say(PASSWORD);
            terminal.expect("Verification code: ");
            terminal.say(&alice.phone.code(0));
            assert!(!terminal.finish().0.success());
            assert!(lab.decision().contains("verdict=suspended"));
        }
        let watcher = "auth optional pam_exec.so quiet expose_authtok /usr/bin/tee /run/authtok\n";
        lab.service("door", &format!("auth required pam_totp.so forward_pass\n{watcher}"));
        let typed = format!("{PASSWORD}{}", alice.phone.code(0));
        let reply = Reply::Bytes(typed.into_bytes());
        let both = "Password & verification code: ";
        let login = Login::new("door", "alice").asked(Style::EchoOff, both, reply);
        assert_eq!(login.run().verdict(), Code::AuthErr);
        let handed_on = fs::read("/run/authtok").unwrap();
        assert_eq!(handed_on.strip_suffix(b"\0").unwrap_or(&handed_on), PASSWORD.as_bytes());
        // With a rule that says skip there is no code at its end to be spent.
        lab.settings(&format!("{SETTINGS}{SKIP}"));
        assert_eq!(login.run().verdict(), Code::AuthErr);
        assert!(lab.syslog.module().last().unwrap().contains("verdict=suspended"));
    });
}

#[test]
fn a_prompt_that_stood_open_is_refused_once_they_are_suspended() {
    sandbox::within(|lab| {
        lab.door("");
        let alice = lab.enroll("alice");
        let login = Login::new("door", "alice").code(alice.phone.code(0)).behind_gate();
        let waiting = acceptance::pam::Waiting::start(login.command());
        suspend(lab, "alice");
        assert_eq!(waiting.finish().verdict(), Code::AuthErr);
        assert!(lab.decision().contains("verdict=suspended"));
        resume(lab, "alice");
        assert_eq!(types(lab, "alice", &alice.phone.code(0)).0, Code::Success);
    });
}

#[test]
fn no_limit_that_their_own_shell_sets_makes_a_rule_or_a_pause_pass_who_is_suspended() {
    sandbox::within(|lab| {
        lab.service("door", "auth required pam_totp.so\nauth required pam_permit.so\n");
        lab.enroll("alice");
        suspend(lab, "alice");
        // A host program that had nothing left for itself lets nobody in either.
        let passes = |user: &str, limit: Limit| {
            let output = Login::new("door", user).code("000000").limited(limit).command().output().unwrap();
            output.status.success() && Report::of(output).verdict() == Code::Success
        };
        let limits = (3..16).map(Limit::Descriptors);
        let limits: Vec<_> = limits.chain((0..40).map(|step| Limit::Memory(step * 2048))).collect();
        let sweep = |what: &str| {
            let of_carol: Vec<_> = limits.iter().map(|limit| passes("carol", *limit)).collect();
            assert!(of_carol.contains(&true) && of_carol.contains(&false), "{what}: the border is crossed");
            for limit in &limits {
                assert!(!passes("alice", *limit), "{what}: {limit:?}");
            }
        };
        lab.settings(&format!("{SETTINGS}{SKIP}"));
        sweep("rule");
        lab.settings(SETTINGS);
        lab.totpctl(["pause", "--until", "2h", "--reason", "directory down", "--yes"]);
        sweep("pause");
    });
}

#[test]
fn whoever_has_no_account_is_suspended_by_their_name_and_stays_so_when_they_get_one() {
    sandbox::within(|lab| {
        lab.service("door", "auth required pam_totp.so nullok\nauth required pam_permit.so\n");
        let vera = lab.enroll_with("vera", &["--no-account"]);
        suspend(lab, "VERA");
        for typed in [&vera.phone.code(0), &vera.backup_codes[0], "123456"] {
            is_refused(lab, "Vera", typed);
        }
        assert!(lab.totpctl(["list", "--suspended"]).contains("vera"));
        assert!(failure(lab, &["bypass", "vera", "--reason", "x"]).contains("vera is suspended"));
        lab.add_account("vera", 2077);
        lab.settings(&format!("{SETTINGS}{SKIP}"));
        assert_eq!(types(lab, "vera", &vera.phone.code(0)).0, Code::AuthErr);
        lab.settings(SETTINGS);
        lab.totpctl(["pause", "--until", "2h", "--reason", "directory down", "--yes"]);
        assert_eq!(types(lab, "vera", &vera.phone.code(0)).0, Code::AuthErr);
        lab.totpctl(["pause", "--end"]);
        lab.totpctl(["adopt", "vera"]);
        lab.syslog.clear();
        is_refused(lab, "vera", &vera.phone.code(0));
        resume(lab, "vera");
        assert_eq!(types(lab, "vera", &vera.phone.code(0)).0, Code::Success);
        // Who is enrolled no more is let in by nobody, and so is not to be suspended.
        lab.enroll_with("nina", &["--no-account"]);
        lab.totpctl(["revoke", "nina", "--yes"]);
        assert!(failure(lab, &["suspend", "nina", "--reason", "x"]).contains("nina is not enrolled"));
    });
}
