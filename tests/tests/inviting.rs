//! People enroll by themselves and look after what they have, by way of enrolld and without root.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::process::Command;

use acceptance::codes::Phone;
use acceptance::daemon::{Daemon, INTERFACE, SOCKET, call};
use acceptance::host;
use acceptance::lab::{Lab, SETTINGS, STORE, run};
use acceptance::pam::{Code, Login};
use acceptance::sandbox;
use acceptance::terminal::Terminal;
use serde_json::{Value, json};

const ALICE: u32 = 2001;
const BOB: u32 = 2002;
const KEY: &str = "JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU";
const CODE: &str = "Code that the app shows (empty to abort): ";

/// `totpctl` as somebody, at a terminal.
fn totpctl(lab: &Lab, user: &str, words: &[&str]) -> Terminal {
    let all: Vec<_> = ["/run/lab/totpctl"].into_iter().chain(words.iter().copied()).collect();
    Terminal::start(lab.as_user(user, &all))
}

/// The invitation of one user.
fn invited(lab: &Lab, user: &str) -> String {
    let printed: Value = serde_json::from_str(&lab.totpctl(["invite", user, "--json"])).unwrap();
    assert_eq!(printed[0]["user"], user);
    printed[0]["invitation"].as_str().unwrap().to_owned()
}

/// The key that stands on the screen.
fn scanned(terminal: &mut Terminal) -> Phone {
    terminal.expect("    secret  ");
    terminal.expect(CODE);
    let screen = terminal.screen();
    let line = screen.rsplit_once("    secret  ").unwrap().1.lines().next().unwrap();
    Phone::new(&line.replace(' ', ""))
}

fn door(code: &str) -> Code {
    Login::new("door", "alice").code(code).run().verdict()
}

/// The daemon's lines since the last call.
fn decisions(lab: &Lab) -> Vec<String> {
    let raw = lab.syslog.raw();
    lab.syslog.clear();
    let lines = raw.iter().filter(|line| line.contains("enrolld["));
    lines.map(|line| line.split_once("]: ").unwrap().1.to_owned()).collect()
}

/// What the call of `Enroll` for this key says.
fn enrolling(user: &str, authority: Option<&str>, confirm: &str) -> Value {
    let token = json!({ "name": "mine", "secret": KEY, "algorithm": "sha1", "digits": 6, "period": 30 });
    let mut all =
        json!({ "user": user, "how": "first", "token": token, "confirm": confirm, "backup_codes": [] });
    if let Some(authority) = authority {
        all["authority"] = json!(authority);
    }
    all
}

fn why(answer: &Value) -> &str {
    assert_eq!(answer["error"], format!("{INTERFACE}.Refused"), "{answer}");
    answer["parameters"]["why"].as_str().unwrap()
}

#[test]
fn somebody_who_is_invited_enrolls_at_a_terminal_without_root() {
    sandbox::within(|lab| {
        lab.door("");
        let _daemon = Daemon::start(lab);
        let invitation = invited(lab, "alice");
        let mut terminal = totpctl(lab, "alice", &["enroll", "--qr", "none"]);
        terminal.expect("Invitation (empty to abort): ");
        terminal.say("123456");
        terminal.expect("that is no such code: it has twelve letters and digits");
        terminal.expect("Invitation (empty to abort): ");
        terminal.say("abcd-efgh-jkmn");
        terminal.expect("that is no invitation, backup code or bypass that stands");
        terminal.expect("Invitation (empty to abort): ");
        terminal.say(&invitation.to_uppercase());
        let phone = scanned(&mut terminal);
        terminal.say(&phone.wrong());
        terminal.expect("not a code of the new token");
        terminal.expect(CODE);
        terminal.say(&phone.code(0));
        terminal.expect("alice is enrolled");
        let (status, screen) = terminal.finish();
        assert!(status.success() && screen.contains("Backup codes of alice, set 1"), "{screen}");

        let lines = decisions(lab);
        let changed = lines.last().unwrap();
        assert!(changed.starts_with("changed; user=alice rhost= tty=/dev/pts/"), "{lines:#?}");
        assert!(
            changed.ends_with("asked=Enroll how=first token=phone backup_codes=10 by=invitation"),
            "{lines:#?}"
        );
        let verdicts: Vec<_> = lines.iter().filter_map(|line| line.split_once("verdict=")).collect();
        assert_eq!(
            verdicts[0].1,
            "code-wrong reason=\"that is no invitation, backup code or bypass that stands\""
        );
        assert_eq!(verdicts.len(), 2, "one for the wrong invitation and one for the wrong code: {lines:#?}");
        assert!(!lines.iter().any(|line| line.contains(&invitation)), "{lines:#?}");

        assert_eq!(door(&phone.code(0)), Code::AuthErr, "spent by confirming");
        assert_eq!(door(&invitation), Code::AuthErr);
        assert_eq!(door(&phone.code(1)), Code::Success);
        let mut again = totpctl(lab, "alice", &["enroll"]);
        again.expect("alice is already enrolled (token phone and 10 backup codes)");
        assert!(!again.finish().0.success());
    });
}

#[test]
fn who_is_not_invited_does_not_enroll_and_is_told_what_to_do() {
    sandbox::within(|lab| {
        let _daemon = Daemon::start(lab);
        let said = |words: &[&str]| totpctl(lab, "alice", words).finish().1.replace("\r\n", "\n");
        let not_invited = "totpctl: alice is not invited\n\
            hint: ask an administrator for an invitation: totpctl invite alice\n";
        assert_eq!(said(&["enroll"]), not_invited);
        let answer = call(ALICE, "Enroll", &enrolling("alice", None, &Phone::new(KEY).code(0)));
        assert_eq!(why(&answer), "code-missing");
        lab.totpctl(["invite", "alice"]);
        lab.totpctl(["revoke", "alice", "--yes"]);
        assert_eq!(said(&["enroll"]), not_invited);
        assert!(lab.totpctl(["status", "alice"]).starts_with("alice (uid 2001): not enrolled, revoked"));
        lab.settings("[daemon]\nself_enroll = \"never\"\n");
        lab.totpctl(["invite", "alice"]);
        let never = "totpctl: by [daemon] self_enroll, only root enrolls here\nhint: ask an administrator\n";
        assert_eq!(said(&["enroll"]), never);
        let answer = call(ALICE, "Enroll", &enrolling("alice", Some("abcd-efgh-jkmn"), "000000"));
        assert_eq!(why(&answer), "root-enrolls");
        assert!(
            said(&["enroll", "bob"]).starts_with("totpctl: only root changes what is enrolled for bob\n")
        );
        assert!(said(&["enroll", "--no-confirm"]).starts_with("totpctl: only root enrolls without a code"));
    });
}

#[test]
fn where_it_is_open_a_newcomer_enrolls_without_an_invitation_and_nobody_else() {
    sandbox::within(|lab| {
        lab.settings(&format!("{SETTINGS}[daemon]\nself_enroll = \"open\"\n"));
        let _daemon = Daemon::start(lab);
        let mut terminal = totpctl(lab, "alice", &["enroll", "--qr", "none"]);
        let phone = scanned(&mut terminal);
        terminal.say(&phone.code(0));
        assert!(terminal.finish().0.success());
        assert!(decisions(lab).last().unwrap().ends_with("by=nothing"));
        let mut more = enrolling("alice", None, &Phone::new(KEY).code(0));
        more["how"] = json!("add");
        more["from"] =
            json!(call(ALICE, "Status", &json!({ "user": "alice" }))["parameters"]["record"]["id"]);
        assert_eq!(why(&call(ALICE, "Enroll", &more)), "code-missing", "a token more is not for nothing");
        lab.totpctl(["revoke", "alice", "--yes"]);
        let answer = call(ALICE, "Enroll", &enrolling("alice", None, &Phone::new(KEY).code(0)));
        assert_eq!(why(&answer), "code-missing", "nor is a return");
        lab.totpctl(["invite", "bob"]);
        let answer = call(BOB, "Enroll", &enrolling("bob", None, &Phone::new(KEY).code(0)));
        assert_eq!(why(&answer), "code-missing", "who is invited uses the invitation");
    });
}

#[test]
fn a_new_phone_takes_a_backup_code_and_never_a_one_time_code() {
    sandbox::within(|lab| {
        lab.door("");
        let alice = lab.enroll("alice");
        let _daemon = Daemon::start(lab);
        let asks = "Backup code or bypass (empty to abort): ";
        let mut terminal = totpctl(lab, "alice", &["enroll", "--replace", "--yes", "--qr", "none"]);
        terminal.expect(asks);
        terminal.say(&alice.phone.code(0));
        terminal.expect("that is no such code");
        terminal.expect(asks);
        terminal.say(&alice.backup_codes[0]);
        let phone = scanned(&mut terminal);
        terminal.say(&phone.code(0));
        let (status, screen) = terminal.finish();
        assert!(status.success() && screen.contains("set 2"), "{screen}");
        assert!(decisions(lab).last().unwrap().ends_with("by=backup-code"));
        assert_eq!(door(&alice.phone.code(0)), Code::AuthErr);
        assert_eq!(door(&alice.backup_codes[1]), Code::AuthErr, "of the former sheet");
        assert_eq!(door(&phone.code(1)), Code::Success);
    });
}

#[test]
fn tokens_come_and_go_by_a_bypass_and_new_backup_codes_by_an_old_one() {
    sandbox::within(|lab| {
        lab.door("");
        let alice = lab.enroll("alice");
        let (bypass, _) = lab.bypass("alice", &["--uses", "2"]);
        let _daemon = Daemon::start(lab);
        let asks = "Backup code or bypass (empty to abort): ";
        let mut terminal = totpctl(lab, "alice", &["enroll", "--add", "--token", "fob", "--qr", "none"]);
        terminal.expect(asks);
        terminal.say(&bypass);
        let fob = scanned(&mut terminal);
        terminal.say(&fob.code(0));
        terminal.expect("alice has a further token, fob");
        assert!(terminal.finish().0.success());
        assert_eq!(door(&fob.code(1)), Code::Success);
        let mut terminal = totpctl(lab, "alice", &["remove-token", "--token", "phone"]);
        terminal.expect("Take away alice's token phone? [y/N] ");
        terminal.say("y");
        terminal.expect(asks);
        terminal.say(&bypass);
        terminal.expect("alice has no token phone any more");
        assert!(terminal.finish().0.success());
        assert!(decisions(lab).last().unwrap().ends_with("asked=RemoveToken token=phone by=bypass number=1"));
        assert_eq!(door(&alice.phone.code(0)), Code::AuthErr);
        let (status, screen) = totpctl(lab, "alice", &["remove-token", "--token", "fob"]).finish();
        assert!(!status.success() && screen.contains("this is the only token of alice"), "{screen}");

        let mut terminal = totpctl(lab, "alice", &["backup-codes"]);
        terminal.expect("The 10 codes left of set 1");
        terminal.say("y");
        terminal.expect(asks);
        terminal.say(&bypass);
        terminal.expect("that code was used before");
        terminal.expect(asks);
        terminal.say(&alice.backup_codes[3]);
        terminal.expect("Backup codes of alice, set 2");
        let (status, screen) = terminal.finish();
        let new = screen.lines().last().unwrap().split_whitespace().next().unwrap().to_owned();
        assert!(status.success());
        assert_eq!(door(&alice.backup_codes[4]), Code::AuthErr);
        assert_eq!(door(&new), Code::Success);
    });
}

#[test]
fn who_has_nothing_left_to_show_is_sent_to_an_administrator() {
    sandbox::within(|lab| {
        lab.enroll_with("alice", &["--backup-codes", "0"]);
        let _daemon = Daemon::start(lab);
        let (status, screen) = totpctl(lab, "alice", &["backup-codes"]).finish();
        assert!(!status.success());
        let expected = "totpctl: alice has no backup code left to change this with, and no bypass\r\n\
            hint: ask an administrator for a bypass: totpctl bypass alice\r\n";
        assert_eq!(screen, expected);
    });
}

#[test]
fn nobody_changes_what_is_anothers_by_any_name() {
    sandbox::within(|lab| {
        let invitation = invited(lab, "alice");
        let _daemon = Daemon::start(lab);
        let phone = Phone::new(KEY);
        lab.add_account("bobby", BOB);
        for name in
            ["alice", "2001", "ALICE", "alice ", "bob\u{0}alice", "../2001", "root", "0", "nobody-here"]
        {
            let parameters = enrolling(name, Some(&invitation), &phone.code(0));
            let answer = call(BOB, "Enroll", &parameters);
            assert_eq!(answer["error"], format!("{INTERFACE}.NotAllowed"), "{name:?}");
        }
        for (method, parameters) in [
            ("Enroll", enrolling("alice", Some(&invitation), &phone.code(0))),
            ("RemoveToken", json!({ "user": "alice", "from": "00".repeat(16), "token": "phone" })),
            ("BackupCodes", json!({ "user": "alice", "from": "00".repeat(16), "backup_codes": [] })),
        ] {
            for uid in [BOB, 0] {
                let answer = call(uid, method, &parameters);
                assert_eq!(answer["error"], format!("{INTERFACE}.NotAllowed"), "{method} by {uid}");
            }
            assert_eq!(call(70_000, method, &parameters), Value::Null);
        }
        // alice's invitation is good for nothing of bob's, by either of his names.
        lab.totpctl(["invite", "bob"]);
        for name in ["bob", "bobby"] {
            let mut parameters = enrolling(name, Some(&invitation), &phone.code(0));
            parameters["from"] =
                call(BOB, "Status", &json!({ "user": name }))["parameters"]["record"]["id"].clone();
            assert_eq!(why(&call(BOB, "Enroll", &parameters)), "code-wrong", "{name}");
        }
        let mut parameters = enrolling("alice", Some(&invitation), &phone.code(0));
        parameters["from"] =
            call(ALICE, "Status", &json!({ "user": "alice" }))["parameters"]["record"]["id"].clone();
        assert_eq!(call(ALICE, "Enroll", &parameters)["parameters"]["by"], "invitation");
    });
}

/// A daemon that is killed in its n-th call of this name.
fn doomed(lab: &Lab, name: &str, when: u32) -> Daemon {
    let _ = std::fs::remove_file(SOCKET);
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={name}")]);
    command.args(["-e", &format!("inject={name}:signal=KILL:when={when}")]);
    command.arg(lab.program("enrolld")).args(["--socket", SOCKET]);
    Daemon::run(&mut command)
}

/// What a daemon answers to an enrollment in whose n-th call of this name it is killed.
fn killed_at(lab: &Lab, name: &str, when: u32, invitation: &str, confirm: &str) -> Value {
    let daemon = doomed(lab, name, when);
    let mut parameters = enrolling("alice", Some(invitation), confirm);
    parameters["from"] = json!(record_id("alice"));
    let answer = call(ALICE, "Enroll", &parameters);
    daemon.kill();
    // Where it came to no such call it outlives its tracer.
    let _ = Command::new("pkill").args(["-KILL", "-x", "enrolld"]).status();
    answer
}

fn record_id(user: &str) -> String {
    let uid = nix::unistd::User::from_name(user).unwrap().unwrap().uid;
    let text = std::fs::read_to_string(format!("{STORE}/users/{uid}/enrollment.toml")).unwrap();
    text.lines().find_map(|line| line.strip_prefix("id = ")).unwrap().trim_matches('"').to_owned()
}

#[test]
fn a_daemon_that_is_killed_amid_an_enrollment_leaves_it_whole_or_not_at_all() {
    sandbox::within(|lab| {
        lab.door("");
        let phone = Phone::new(KEY);
        let mut outcomes = BTreeSet::new();
        for (name, calls) in [("flock", 2), ("fsync", 5), ("/^rename", 1), ("unlinkat", 2)] {
            for when in 1..=calls {
                let at = format!("{name} {when}");
                let _ = lab.totpctl_command().args(["revoke", "alice", "--yes"]).output();
                let invitation = invited(lab, "alice");
                let answer = killed_at(lab, name, when, &invitation, &phone.code(0));
                let status = lab.status("alice");
                let (enrolled, is_invited) = (status["enrolled"] == true, !status["invitation"].is_null());
                assert_ne!(enrolled, is_invited, "{at}: {status}");
                if answer["parameters"]["by"] == "invitation" {
                    assert!(enrolled, "{at}: what was answered stands");
                }
                if enrolled {
                    assert_eq!(door(&phone.code(0)), Code::AuthErr, "{at}: its code is spent");
                }
                outcomes.insert((answer.is_null(), enrolled));
            }
        }
        assert!(outcomes.contains(&(true, true)) && outcomes.contains(&(true, false)), "{outcomes:?}");
    });
}

#[test]
fn whoever_gets_no_answer_is_not_told_to_throw_away_a_token_that_may_be_enrolled() {
    sandbox::within(|lab| {
        lab.door("");
        let invitation = invited(lab, "alice");
        // What is removed is the old ledger, after the new enrollment has been put in place.
        let _daemon = doomed(lab, "unlinkat", 1);
        let mut terminal = totpctl(lab, "alice", &["enroll", "--qr", "none"]);
        terminal.expect("Invitation (empty to abort): ");
        terminal.say(&invitation);
        let phone = scanned(&mut terminal);
        terminal.say(&phone.code(0));
        let (status, screen) = terminal.finish();
        assert!(!status.success() && screen.contains("hung up before it had answered"), "{screen}");
        assert!(!screen.contains("delete") && !screen.contains("good for nothing"), "{screen}");
        assert!(screen.contains("hint: it may be done all the same: totpctl status alice"), "{screen}");
        assert_eq!(lab.status("alice")["enrolled"], true);
        assert_eq!(door(&phone.code(1)), Code::Success, "with the entry that was scanned");
    });
}

#[test]
fn invitations_are_handed_out_by_name_and_by_group_as_a_table_json_or_csv() {
    sandbox::within(|lab| {
        lab.enroll("carol");
        let group = std::fs::read_to_string("/etc/group").unwrap();
        std::fs::write("/etc/group", format!("{group}staff2:x:3000:bob,carol,gone\n")).unwrap();
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
        std::fs::write("/etc/passwd", passwd.replace(":2004:2004:", ":2004:3000:")).unwrap();
        let mut command = lab.totpctl_command();
        let output = command.args(["invite", "alice", "alice", "--group", "staff2"]).output().unwrap();
        let table = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{table}");
        let rows: Vec<Vec<_>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        let users: Vec<_> = rows.iter().map(|row| row[0]).collect();
        assert_eq!(users, ["USER", "alice", "dave", "bob"], "carol is enrolled");
        let noted = String::from_utf8(output.stderr).unwrap();
        assert!(noted.contains("note: carol is enrolled already\n"), "{noted}");
        let codes: BTreeSet<_> = rows[1..].iter().map(|row| row[1]).collect();
        assert_eq!(codes.len(), 3);

        let pending = lab.totpctl(["list", "--pending"]);
        let people: Vec<_> = pending.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
        assert_eq!(people, ["USER", "alice", "bob", "dave"]);
        let listed = lab.totpctl(["list"]);
        assert_eq!(listed.lines().count(), 2, "{listed}");
        let json: Value = serde_json::from_str(&lab.totpctl(["list", "--pending", "--json"])).unwrap();
        assert_eq!(json[0]["invitation"]["expired"], false);

        let csv = lab.totpctl(["invite", "alice", "--expires", "12h", "--csv"]);
        let lines: Vec<_> = csv.lines().collect();
        assert_eq!(lines[0], "user,invitation,expires");
        assert!(lines[1].starts_with("\"alice\",") && lines[1].ends_with('Z'), "{csv}");
        assert!(!table.contains(lines[1].split(',').nth(1).unwrap()), "the earlier one is void");

        let mut command = lab.totpctl_command();
        let output = command.args(["invite", "carol", "nobody-here", "bob", "--json"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((json.as_array().unwrap().len(), &json[0]["user"]), (1, &json!("bob")));
        let complaints = String::from_utf8(output.stderr).unwrap();
        assert!(complaints.contains("totpctl: no such user: \"nobody-here\""), "{complaints}");
        assert!(complaints.contains("totpctl: carol is enrolled already"), "{complaints}");
        assert!(complaints.ends_with("totpctl: 2 invitations were not issued\n"), "{complaints}");
        let usage = lab.totpctl_command().arg("invite").output().unwrap();
        assert_eq!(usage.status.code(), Some(2));
    });
}

#[test]
fn no_program_of_the_same_user_reads_what_totpctl_has_in_its_memory() {
    sandbox::within(|lab| {
        let _daemon = Daemon::start(lab);
        invited(lab, "alice");
        let is_readable = |process: u32| {
            let file = format!("/proc/{process}/environ");
            lab.as_user("alice", &["cat", &file]).output().unwrap().status.success()
        };
        let mut other = Terminal::start(lab.as_user("alice", &["sh", "-c", "echo here; cat"]));
        other.expect("here");
        assert!(is_readable(other.id()));
        let mut terminal = totpctl(lab, "alice", &["enroll"]);
        terminal.expect("Invitation (empty to abort): ");
        assert!(!is_readable(terminal.id()));
    });
}

#[test]
fn the_daemon_keeps_nothing_secret_of_what_was_changed_in_its_memory() {
    sandbox::within(|lab| {
        let daemon = Daemon::start(lab);
        // A thread's stack goes with its peer: this one stays.
        let mut stream = connected_as(ALICE);
        let mut call = |method: &str, parameters: &Value| -> Value {
            let message = json!({ "method": format!("{INTERFACE}.{method}"), "parameters": parameters });
            stream.write_all(format!("{message}\0").as_bytes()).unwrap();
            let mut answer = Vec::new();
            BufReader::new(&stream).read_until(0, &mut answer).unwrap();
            serde_json::from_slice(&answer[..answer.len() - 1]).unwrap()
        };
        let invitation = invited(lab, "alice");
        let phone = Phone::new(KEY);
        let key = run(Command::new("sh").args(["-c", &format!("echo {KEY} | base32 -d")])).stdout;
        let (old, new) = ("abcd-efgh-jkmn", "pqrs-tvwx-yz23");
        let look = |what: &str| {
            assert_ne!(host::find_in_memory(daemon.id(), SOCKET.as_bytes()), [""; 0], "it looks");
            let codes = [&invitation, old, new].map(|code| [code.to_owned(), code.replace('-', "")]);
            let texts = codes.into_iter().flatten().chain([KEY.to_owned(), phone.code(0), phone.code(1)]);
            let found: Vec<_> = texts
                .map(String::into_bytes)
                .chain([key.clone()])
                .enumerate()
                .flat_map(|(form, text)| {
                    host::find_in_memory(daemon.id(), &text).into_iter().map(move |place| (form, place))
                })
                .collect();
            assert_eq!(found, [], "after {what}");
        };
        let mut first = enrolling("alice", Some(&invitation), &phone.code(0));
        first["backup_codes"] = json!([old]);
        let rehearsal = enrolling("alice", Some("abcd-efgh-jkmm"), "");
        assert_eq!(why(&call("Enroll", &with_id(rehearsal))), "code-wrong");
        look("a refusal");
        assert_eq!(call("Enroll", &with_id(first))["parameters"]["by"], "invitation");
        look("an enrollment");
        let check = json!({ "user": "alice", "code": phone.code(1) });
        assert_eq!(call("Check", &check)["parameters"]["verdict"], "accepted");
        look("a login");
        let more = json!({ "user": "alice", "authority": old, "backup_codes": [new] });
        assert_eq!(call("BackupCodes", &with_id(more))["parameters"]["by"], "backup-code");
        look("new backup codes");
        let taken = json!({ "user": "alice", "authority": new, "token": "mine" });
        assert_eq!(why(&call("RemoveToken", &with_id(taken))), "last-token");
        look("a refused removal");
    });
}

/// The call, from what is there now.
fn with_id(mut parameters: Value) -> Value {
    parameters["from"] = json!(record_id("alice"));
    parameters
}

/// A connection of somebody else's: the daemon sees who connected.
fn connected_as(uid: u32) -> UnixStream {
    // SAFETY: a system call without memory arguments; by itself, and not by way of libc, it changes this
    // thread alone.
    let become_user = |uid: u32| unsafe { libc::syscall(libc::SYS_setresuid, -1, uid, -1) };
    assert_eq!(become_user(uid), 0);
    let stream = UnixStream::connect(SOCKET).unwrap();
    assert_eq!(become_user(0), 0);
    stream
}
