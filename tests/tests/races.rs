//! Many processes with one code.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::process::Stdio;

use acceptance::lab::Lab;
use acceptance::pam::{Code, Login, Waiting};
use acceptance::people::Person;
use acceptance::sandbox;

const PROCESSES: usize = 50;
const ROUNDS: usize = 20;

fn crowd(lab: &Lab) -> Vec<Person> {
    lab.door("");
    (0..ROUNDS)
        .map(|round| {
            let name = format!("racer{round}");
            lab.add_account(&name, 3000 + u32::try_from(round).unwrap());
            lab.enroll_slow(&name)
        })
        .collect()
}

/// How many of `PROCESSES` that stand at their prompts with the same code get in.
fn accepted(user: &str, code: &str) -> usize {
    let login = Login::new("door", user).code(code).behind_gate();
    let mut waiting: Vec<Waiting> = (0..PROCESSES).map(|_| Waiting::start(login.command())).collect();
    waiting.iter_mut().for_each(Waiting::open);
    let verdicts = waiting.into_iter().map(|process| process.finish().verdict());
    verdicts
        .filter(|verdict| {
            assert!(matches!(verdict, Code::Success | Code::AuthErr), "{verdict:?}");
            *verdict == Code::Success
        })
        .count()
}

#[test]
fn of_fifty_processes_with_one_code_exactly_one_gets_in() {
    sandbox::within(|lab| {
        for (round, person) in crowd(lab).iter().enumerate() {
            assert_eq!(accepted(&person.name, &person.phone.code(0)), 1, "round {round}");
        }
    });
}

#[test]
fn of_fifty_processes_with_one_backup_code_exactly_one_gets_in() {
    sandbox::within(|lab| {
        for (round, person) in crowd(lab).iter().enumerate() {
            assert_eq!(accepted(&person.name, &person.backup_codes[0]), 1, "round {round}");
        }
    });
}

#[test]
fn of_fifty_processes_with_one_bypass_for_one_login_exactly_one_gets_in() {
    sandbox::within(|lab| {
        for (round, person) in crowd(lab).iter().enumerate() {
            let (code, _) = lab.bypass(&person.name, &[]);
            assert_eq!(accepted(&person.name, &code), 1, "round {round}");
        }
    });
}

#[test]
fn of_fifty_processes_with_one_bypass_for_seven_logins_seven_get_in() {
    sandbox::within(|lab| {
        lab.door("");
        let alice = lab.enroll("alice");
        let (code, _) = lab.bypass(&alice.name, &["--uses", "7"]);
        assert_eq!(accepted(&alice.name, &code), 7);
        assert_eq!(lab.status("alice")["bypasses"][0]["uses_left"], 0);
    });
}

/// Starts the same `totpctl enroll` many times at once; the outputs of those that succeeded.
fn enroll_at_once(lab: &Lab, arguments: &[&str]) -> Vec<String> {
    let children: Vec<_> = (0..10)
        .map(|_| {
            let mut command = lab.totpctl_command();
            command.args(["enroll", "alice", "--no-confirm", "--json"]).args(arguments);
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let outputs = children.into_iter().map(|child| child.wait_with_output().unwrap());
    outputs
        .filter(|output| {
            assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
            output.status.success()
        })
        .map(|output| String::from_utf8(output.stdout).unwrap())
        .collect()
}

fn secret_in(printed: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(printed).unwrap();
    value["secret"].as_str().unwrap().replace(' ', "")
}

#[test]
fn of_many_first_enrollments_one_stands_and_the_others_say_so() {
    sandbox::within(|lab| {
        lab.door("");
        let succeeded = enroll_at_once(lab, &[]);
        assert_eq!(succeeded.len(), 1);
        let phone = acceptance::codes::Phone::new(&secret_in(&succeeded[0]));
        assert_eq!(Login::new("door", "alice").code(phone.code(0)).run().verdict(), Code::Success);
    });
}

#[test]
fn of_many_replacements_the_one_that_stands_had_said_so() {
    sandbox::within(|lab| {
        lab.door("");
        // The codes of those that do not stand are wrong, and counted.
        lab.settings("[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 50\n");
        let old = lab.enroll("alice");
        let succeeded = enroll_at_once(lab, &["--replace", "--yes"]);
        assert!(!succeeded.is_empty());
        let opens = |code: String| Login::new("door", "alice").code(code).run().verdict() == Code::Success;
        let phones = succeeded.iter().map(|printed| acceptance::codes::Phone::new(&secret_in(printed)));
        let standing = phones.filter(|phone| opens(phone.code(0))).count();
        assert_eq!(standing, 1);
        assert!(!opens(old.phone.code(0)));
    });
}
