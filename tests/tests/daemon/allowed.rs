//! Who may ask what, and how it is refused.

use std::io::Write;
use std::process::{Command, Stdio};

use acceptance::daemon::{Daemon, INTERFACE, call, said_to};
use acceptance::lab::run;
use acceptance::sandbox;
use serde_json::{Value, json};

use crate::{ALICE, BOB, decisions, error};

#[test]
fn everybody_gets_what_the_table_says_and_nothing_else() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        let _daemon = Daemon::start(lab);
        let not_allowed = format!("{INTERFACE}.NotAllowed");
        let check = |uid: u32, code: &str| call(uid, "Check", &json!({ "user": "alice", "code": code }));
        let status = |uid: u32| call(uid, "Status", &json!({ "user": "alice" }));
        let code = alice.phone.code(0);

        assert_eq!(error(&check(BOB, &code)), not_allowed);
        assert_eq!(error(&status(BOB)), not_allowed);
        assert_eq!(error(&status(0)), not_allowed, "root reads the files");
        let lines = decisions(lab);
        assert_eq!(lines.len(), 3, "{lines:#?}");
        assert!(lines.iter().all(|line| line.starts_with("refused; user=alice")), "{lines:#?}");
        assert!(lines.iter().all(|line| line.contains("verdict=not-allowed")), "{lines:#?}");

        let known = status(ALICE);
        assert_eq!(known["parameters"]["uid"], 2001);
        assert_eq!(known["parameters"]["enrolled"], true);
        assert_eq!(known["parameters"]["record"]["tokens"][0]["name"], "phone");
        assert!(!known.to_string().contains(&alice.secret), "{known}");
        assert_eq!(check(ALICE, &code)["parameters"]["verdict"], "accepted");
        assert_eq!(check(0, &code)["parameters"]["verdict"], "replayed");
        assert_eq!(check(0, &alice.phone.code(1))["parameters"]["verdict"], "accepted");

        // The overflow uid, and uids without an account.
        for uid in [65_534, 70_000, 100_000, 4_294_967_294] {
            assert_eq!(check(uid, &code), Value::Null, "{uid}");
            assert_eq!(said_to(uid, b"{\"method\":\"org.varlink.service.GetInfo\"}\0"), "", "{uid}");
        }
    });
}

#[test]
fn no_trick_with_a_name_makes_somebody_somebody_else() {
    sandbox::within(|lab| {
        let alice = lab.enroll_slow("alice");
        let bob = lab.enroll_slow("bob");
        let _daemon = Daemon::start(lab);
        let not_allowed = format!("{INTERFACE}.NotAllowed");
        let long = "a".repeat(300);
        let names = [
            "alice",
            "2001",
            "0",
            "root",
            "",
            ".",
            "..",
            "alice ",
            " alice",
            "ALICE",
            "alice\0",
            "bob\0alice",
            "alice\nbob",
            "../2001",
            "users/2001",
            "bob/../alice",
            "alice:x:2001",
            "+alice",
            "*",
            &long,
        ];
        for name in names {
            for code in [alice.phone.code(0), bob.phone.code(0)] {
                let answer = call(BOB, "Check", &json!({ "user": name, "code": code }));
                assert_eq!(error(&answer), not_allowed, "{name:?}");
            }
            assert_eq!(error(&call(BOB, "Status", &json!({ "user": name }))), not_allowed, "{name:?}");
        }
        let lines = decisions(lab);
        assert!(lines.iter().all(|line| line.bytes().all(|byte| (b' '..=b'~').contains(&byte))));
        // A user twice in one message, and one that changes between two.
        let twice = format!(
            "{{\"method\":\"{INTERFACE}.Check\",\"parameters\":{{\"user\":\"bob\",\"user\":\"alice\",\
             \"code\":\"{}\"}}}}\0",
            alice.phone.code(0)
        );
        assert!(said_to(BOB, twice.as_bytes()).contains("InvalidParameter"));
        let both = |one: &str, two: &str| {
            let ask =
                |user: &str| json!({"method": format!("{INTERFACE}.Status"), "parameters": {"user": user}});
            said_to(BOB, format!("{}\0{}\0", ask(one), ask(two)).as_bytes())
        };
        assert!(both("bob", "alice").contains("\"uid\":2002"), "the first is answered as itself");
        assert!(both("alice", "bob").contains("NotAllowed"));
        assert_eq!(
            call(BOB, "Check", &json!({ "user": "bob", "code": bob.phone.code(0) }))["parameters"]["verdict"],
            "accepted"
        );
        // A second name of the uid is the same person, as it is for a login.
        lab.add_account("alicia", ALICE);
        let answer = call(ALICE, "Check", &json!({ "user": "alicia", "code": alice.phone.code(0) }));
        assert_eq!(answer["parameters"]["verdict"], "accepted");
    });
}

/// What a client of the varlink project makes of us: it reads the description, and calls by what it has read.
const CLIENT: &str = "\
import json, sys, varlink
client = varlink.Client(address='unix:/run/enrolld/socket')
with client.open('org.varlink.service') as service:
    interfaces = service.GetInfo()['interfaces']
with client.open('org.pamtotp.enrolld1') as enrolld:
    answer = enrolld.Check(user='alice', code=sys.argv[1])
    try:
        enrolld.Status(user='alice')
    except varlink.VarlinkError as error:
        refused = error.error()
print(json.dumps([interfaces, answer, refused]))
";

#[test]
fn a_varlink_client_that_is_not_ours_introspects_and_calls_it() {
    let python = |words: &[&str]| {
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/python"));
        String::from_utf8(run(command.args(words)).stdout).unwrap()
    };
    // Outside of the sandbox, which has no network, this makes the environment.
    python(&["-c", "import varlink"]);
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        let _daemon = Daemon::start(lab);
        let said = python(&["-c", CLIENT, &alice.phone.code(0)]);
        let said: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(said[0], json!(["org.varlink.service", INTERFACE]));
        assert_eq!((&said[1]["uid"], &said[1]["verdict"]), (&json!(2001), &json!("accepted")));
        assert_eq!(said[2], format!("{INTERFACE}.NotAllowed"), "root reads the files");
    });
}

#[test]
fn whoever_got_somebodys_uid_hears_nothing_of_what_they_had() {
    sandbox::within(|lab| {
        lab.enroll("alice");
        lab.totpctl(["bypass", "alice", "--reason", "robbed in Riga"]);
        let _daemon = Daemon::start(lab);
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
        std::fs::write("/etc/passwd", passwd.replace("\nalice:x:", "\nheir:x:")).unwrap();
        let known = call(ALICE, "Status", &json!({ "user": "heir" }));
        assert_eq!(error(&known), format!("{INTERFACE}.Unavailable"), "{known}");
        let lines = decisions(lab);
        assert!(lines[0].contains("totpctl adopt USER"), "{lines:#?}");
        lab.totpctl(["adopt", "heir"]);
        let known = call(ALICE, "Status", &json!({ "user": "heir" }));
        assert_eq!(known["parameters"]["record"]["bypasses"][0]["reason"], "robbed in Riga");
    });
}

#[test]
fn the_service_describes_itself_and_refuses_what_it_does_not_know_by_the_standard_errors() {
    sandbox::within(|lab| {
        let _daemon = Daemon::start(lab);
        let ask = |text: &str| -> Value {
            serde_json::from_str(&said_to(BOB, format!("{text}\0").as_bytes())).unwrap_or(Value::Null)
        };
        let info = ask("{\"method\":\"org.varlink.service.GetInfo\",\"parameters\":{}}");
        assert_eq!(info["parameters"]["interfaces"], json!(["org.varlink.service", INTERFACE]));
        let describe = |interface: &str| {
            ask(&json!({"method": "org.varlink.service.GetInterfaceDescription",
                        "parameters": {"interface": interface}})
            .to_string())
        };
        let reference = include_str!("../../../verifier/org.pamtotp.enrolld1.varlink");
        assert_eq!(describe(INTERFACE)["parameters"]["description"], reference);
        assert!(describe("org.varlink.service")["parameters"]["description"].is_string());
        assert_eq!(error(&describe("org.other")), "org.varlink.service.InterfaceNotFound");
        let of = |method: &str, parameters: &str| {
            let answer = ask(&format!("{{\"method\":\"{method}\",\"parameters\":{parameters}}}"));
            error(&answer).to_owned()
        };
        assert_eq!(of("org.pamtotp.enrolld1.Revoke", "{}"), "org.varlink.service.MethodNotFound");
        assert_eq!(of("org.pamtotp.enrolld9.Check", "{}"), "org.varlink.service.InterfaceNotFound");
        assert_eq!(of("org.pamtotp.enrolld1.Status", "{}"), "org.varlink.service.InvalidParameter");
        let more = "{\"user\":\"bob\",\"root\":true}";
        assert_eq!(of("org.pamtotp.enrolld1.Status", more), "org.varlink.service.InvalidParameter");
        let longest = |bytes: usize| {
            let shell = "{\"method\":\"org.varlink.service.GetInfo\"}\0";
            format!("{}{shell}", " ".repeat(bytes - shell.len()))
        };
        assert!(said_to(BOB, longest(16_384).as_bytes()).contains("enrolld"));
        assert_eq!(said_to(BOB, longest(16_385).as_bytes()), "");
        for nonsense in ["", "hello", "{}", "[]", "{\"method\":7}", "\u{feff}{}"] {
            assert_eq!(ask(nonsense), Value::Null, "{nonsense}");
        }
    });
}

#[test]
fn people_look_after_themselves_without_root_and_after_nobody_else() {
    sandbox::within(|lab| {
        let alice = lab.enroll_slow("alice");
        let _daemon = Daemon::start(lab);
        let totpctl = |user: &str, words: &[&str], typed: &str| {
            let mut command = lab.as_user(user, &["/run/lab/totpctl"]);
            command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = command.spawn().unwrap();
            // A verb that asks for nothing may be gone already.
            let _ = child.stdin.take().unwrap().write_all(typed.as_bytes());
            let output = child.wait_with_output().unwrap();
            let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            (output.status.code().unwrap(), text)
        };
        let as_root: Value = lab.status("alice");
        let (status, text) = totpctl("alice", &["status", "--json"], "");
        assert_eq!((status, serde_json::from_str::<Value>(&text).unwrap()), (0, as_root));
        assert_eq!(totpctl("alice", &["status", "alice"], ""), totpctl("alice", &["status"], ""));
        assert_eq!(totpctl("bob", &["status"], "").1, "bob: not enrolled\n");

        let code = alice.phone.code(0);
        assert_eq!(totpctl("alice", &["verify"], &code), (0, "accepted: a code of token phone\n".into()));
        let (status, text) = totpctl("alice", &["verify"], &code);
        assert!(status == 1 && text.contains("was used before"), "{text}");
        let (status, text) = totpctl("alice", &["verify"], &alice.phone.wrong());
        assert!(status == 1 && text.contains("refused: wrong code"), "{text}");

        let alone = "enrolld does not answer this caller about this account";
        for words in [["status", "alice"], ["verify", "alice"]] {
            let (status, text) = totpctl("bob", &words, &code);
            assert!(status == 1 && text.contains(alone), "{text}");
        }
        let (status, text) = totpctl("bob", &["status", "nobody-here"], "");
        assert!(status == 1 && text.contains("no such user"), "{text}");
        let roots: [&[&str]; 9] = [
            &["list"],
            &["invite", "alice"],
            &["code", "alice"],
            &["bypass", "alice", "--reason", "x"],
            &["revoke", "alice", "--yes"],
            &["unlock", "alice"],
            &["prune", "--yes"],
            &["restored", "--all", "--yes"],
            &["adopt", "alice"],
        ];
        for words in roots {
            let (status, text) = totpctl("alice", words, "y\n");
            let expected = "totpctl: only root may do this\nhint: ask an administrator, or use sudo\n";
            assert_eq!((status, text.as_str()), (1, expected), "{words:?}");
        }
    });
}
