//! Services without privilege that the settings let ask about everybody.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::os::unix::process::CommandExt;

use acceptance::daemon::{Daemon, INTERFACE, call, said_to};
use acceptance::lab::Lab;
use acceptance::pam::{Code, Login, Report};
use acceptance::sandbox;
use acceptance::terminal::Terminal;
use serde_json::json;

const ALICE: u32 = 2001;
const BOB: u32 = 2002;
/// The database's own account, and a neighbour without an entry.
const DATABASE: u32 = 2026;
const NEIGHBOUR: u32 = 2027;

/// One wrong code closes a lane.
const MERCILESS: &str = "[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 1\n";
const ENTRY: &str = "[daemon]\ncheckers = [{ uid = 2026, service = \"postgresql\" }]\n";

fn database(lab: &Lab) -> Daemon {
    lab.add_account("database", DATABASE);
    lab.add_account("neighbour", NEIGHBOUR);
    lab.settings(&format!("{MERCILESS}{ENTRY}"));
    lab.door("");
    lab.service("su", "auth required pam_totp.so\n");
    Daemon::start(lab)
}

/// A real program that runs as the database and asks for the code of somebody else.
fn pamtester(lab: &Lab, user: &str, code: &str) -> bool {
    let words = ["pamtester", "door", user, "authenticate"];
    let mut terminal = Terminal::start(lab.as_user("database", &words));
    terminal.expect("Verification code: ");
    terminal.say(code);
    terminal.finish().0.success()
}

fn run_as(uid: u32, login: &Login) -> Code {
    let mut command = login.command();
    command.uid(uid).gid(uid);
    Report::of(command.output().unwrap()).followed().verdict()
}

/// The daemon's lines since the last call.
fn decisions(lab: &Lab) -> Vec<String> {
    let lines = lab.syslog.raw();
    lab.syslog.clear();
    lines.into_iter().filter(|line| line.contains("enrolld[")).collect()
}

fn lanes(lab: &Lab, user: &str) -> Vec<String> {
    let status = lab.status(user);
    status["throttled"].as_array().unwrap().iter().map(|row| row["lane"].as_str().unwrap().into()).collect()
}

/// Logs alice in at three other places, with a code for each.
fn elsewhere(codes: [&str; 3]) -> [(&'static str, Code); 3] {
    let [console, others, strangers] = codes;
    [
        ("console", run_as(ALICE, &Login::new("door", "alice").code(console))),
        ("others", Login::new("su", "alice").asked_by("bob").code(others).run().verdict()),
        ("strangers", Login::new("door", "alice").from("203.0.113.5").code(strangers).run().verdict()),
    ]
}

#[test]
fn a_database_takes_the_codes_of_two_other_accounts_once_each() {
    sandbox::within(|lab| {
        let _daemon = database(lab);
        for user in ["alice", "bob"] {
            let person = lab.enroll_slow(user);
            decisions(lab);
            assert!(pamtester(lab, user, &person.phone.code(0)));
            let lines = decisions(lab);
            assert_eq!(lines.len(), 1, "{lines:#?}");
            let expected = format!("accepted; user={user} rhost= tty= service=postgresql uid=2026 pid=");
            assert!(lines[0].contains(&expected), "{lines:#?}");
            assert!(!pamtester(lab, user, &person.phone.code(0)));
            assert!(decisions(lab)[0].contains("verdict=replayed"));
            assert_eq!(Login::new("door", user).code(person.phone.code(0)).run().verdict(), Code::AuthErr);
            assert!(pamtester(lab, user, &person.backup_codes[0]));
        }
    });
}

#[test]
fn what_a_database_guesses_closes_no_lane_but_its_own() {
    sandbox::within(|lab| {
        let _daemon = database(lab);
        let alice = lab.enroll_slow("alice");
        assert!(!pamtester(lab, "alice", &alice.phone.wrong()));
        assert_eq!(lanes(lab, "alice"), ["services"]);
        assert!(!pamtester(lab, "alice", &alice.phone.code(0)), "its lane has to wait");
        assert!(decisions(lab).last().unwrap().contains("lane services waits until"));
        let codes = [-1, 0, 1].map(|step| alice.phone.code(step));
        for (name, verdict) in elsewhere([&codes[0], &codes[1], &codes[2]]) {
            assert_eq!(verdict, Code::Success, "{name}");
        }
        assert!(pamtester(lab, "alice", &alice.backup_codes[0]), "what opens a lane opens this one");
    });
}

#[test]
fn whoever_guesses_elsewhere_does_not_close_the_databases_lane() {
    sandbox::within(|lab| {
        let _daemon = database(lab);
        let alice = lab.enroll_slow("alice");
        for (name, verdict) in elsewhere([&alice.phone.wrong(); 3]) {
            assert_eq!(verdict, Code::AuthErr, "{name}");
        }
        assert_eq!(lanes(lab, "alice"), ["console", "others", "strangers"]);
        assert!(pamtester(lab, "alice", &alice.phone.code(0)));
    });
}

#[test]
fn a_database_may_check_everybody_and_nothing_else() {
    sandbox::within(|lab| {
        let _daemon = database(lab);
        let alice = lab.enroll_slow("alice");
        let own = lab.enroll_slow("database");
        let not_allowed = format!("{INTERFACE}.NotAllowed");
        for user in ["alice", "bob", "root"] {
            let answer = call(DATABASE, "Status", &json!({ "user": user }));
            assert_eq!(answer["error"], not_allowed, "{user}");
        }
        let check = json!({ "user": "alice", "code": alice.phone.code(0) });
        for uid in [NEIGHBOUR, BOB] {
            assert_eq!(call(uid, "Check", &check)["error"], not_allowed, "{uid}");
        }
        // Whatever it says of itself.
        let lie =
            json!({ "user": "alice", "code": alice.phone.wrong(), "service": "sudo", "origin": "console" });
        decisions(lab);
        assert_eq!(call(DATABASE, "Check", &lie)["parameters"]["verdict"], "wrong");
        assert!(decisions(lab)[0].contains(" service=postgresql "));
        assert_eq!(lanes(lab, "alice"), ["services"]);
        // Its own account is its own.
        let status = call(DATABASE, "Status", &json!({ "user": "database" }));
        assert_eq!(status["parameters"]["enrolled"], true);
        let guess = json!({ "user": "database", "code": own.phone.wrong() });
        assert_eq!(call(DATABASE, "Check", &guess)["parameters"]["verdict"], "wrong");
        assert_eq!(lanes(lab, "database"), ["console"]);
        // An entry that was taken away is gone at once.
        lab.settings(MERCILESS);
        assert_eq!(call(DATABASE, "Check", &check)["error"], not_allowed);
    });
}

#[test]
fn a_database_cannot_tell_a_name_that_is_nobodys_from_an_account_without_a_token() {
    sandbox::within(|lab| {
        let _daemon = database(lab);
        lab.enroll_slow("alice");
        lab.totpctl(["invite", "carol", "--json"]);
        let answer = |user: &str| {
            let parameters = json!({ "user": user, "code": "123456" });
            let message = json!({ "method": format!("{INTERFACE}.Check"), "parameters": parameters });
            said_to(DATABASE, format!("{message}\0").as_bytes())
        };
        let nobodys = answer("nosuchuser");
        assert!(nobodys.contains("NotAllowed"), "{nobodys}");
        for user in ["bob", "carol", "root", "", "a b", "../2001"] {
            assert_eq!(answer(user), nobodys, "{user:?}");
        }
        assert_ne!(answer("alice"), nobodys);
        let lines = decisions(lab);
        for verdict in ["not-enrolled", "unknown-account", "wrong"] {
            assert!(lines.iter().any(|line| line.contains(&format!("verdict={verdict}"))), "{lines:#?}");
        }
    });
}

#[test]
fn nullok_in_a_database_asks_everybody() {
    sandbox::within(|lab| {
        let _daemon = database(lab);
        lab.service("door", "auth required pam_totp.so nullok\nauth required pam_permit.so\n");
        assert_eq!(run_as(DATABASE, &Login::new("door", "bob").code("123456")), Code::AuthErr);
        let line = lab.syslog.module().pop().unwrap();
        assert!(line.contains("enrolld does not answer this caller about this account"), "{line}");
        assert_eq!(run_as(DATABASE, &Login::new("door", "database")), Code::Success, "its own standing");
    });
}
