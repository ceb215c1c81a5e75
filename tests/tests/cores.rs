//! What a core of the host would show after a login: all that a process can write to, searched for what was
//! typed and for what the login has read, while the transaction is open and behind its end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::Command;

use acceptance::daemon::Daemon;
use acceptance::host;
use acceptance::lab::{Lab, STORE, run, write};
use acceptance::pam::{Call, Code, Login, Reply, Style, Waiting};
use acceptance::people::Person;
use acceptance::sandbox;
use acceptance::sshd::{INTERACTIVE, Sshd};
use acceptance::terminal::Terminal;

const CODE: &str = "Verification code: ";
const BOTH: &str = "Password & verification code: ";
/// Not that of the accounts, and nothing that stands in a program by chance.
const PASSWORD: &str = "T4ngled-kelp";

type Named = (String, Vec<u8>);

/// Somebody whose codes have eight digits: six stand in a memory by chance too often.
fn enrolled(lab: &Lab, name: &str) -> Person {
    let person = lab.enroll_with(name, &["--digits", "8", "--period", "300"]);
    Person { phone: person.phone.with_digits(8).with_period(300), ..person }
}

/// Everything of a person that opens doors, in each form in which a login holds it.
fn secrets(person: &Person) -> Vec<Named> {
    let key = run(Command::new("sh").args(["-c", &format!("echo {} | base32 -d", person.secret)])).stdout;
    assert_eq!(key.len(), 20);
    let mut all = vec![("the secret".to_owned(), person.secret.clone().into_bytes())];
    all.extend(keyed("the key", &key));
    for steps in -2..=2 {
        all.push((format!("the code {steps} steps from now"), person.phone.code(steps).into_bytes()));
    }
    for code in &person.backup_codes {
        all.extend(spelled("a backup code", code));
    }
    all
}

/// A code of letters as it is shown, and as it is judged.
fn spelled(name: &str, code: &str) -> [Named; 2] {
    [code.to_owned(), code.replace('-', "")]
        .map(|text| (format!("{name}, {} letters", text.len()), text.into()))
}

/// A key, and what HMAC (RFC 2104) makes of it: exclusive-or'ed with two constants, and the state of SHA-1
/// behind each of these two blocks, which is as good as the key.
fn keyed(name: &str, key: &[u8]) -> Vec<Named> {
    let masked = |mask: u8| key.iter().map(|byte| byte ^ mask).collect::<Vec<u8>>();
    let state = |mask: u8| {
        let mut block = [mask; 64];
        block[..key.len()].copy_from_slice(&masked(mask));
        sha1_state_behind(&block).iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<u8>>()
    };
    vec![
        (name.to_owned(), key.to_vec()),
        (format!("{name}, masked within"), masked(0x36)),
        (format!("{name}, masked without"), masked(0x5c)),
        (format!("the state of SHA-1 within, of {name}"), state(0x36)),
        (format!("the state of SHA-1 without, of {name}"), state(0x5c)),
    ]
}

/// FIPS 180-4, 6.1.2: the state behind the first block.
fn sha1_state_behind(block: &[u8; 64]) -> [u32; 5] {
    let initial = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0_u32];
    let mut words: Vec<u32> =
        block.chunks(4).map(|bytes| u32::from_be_bytes(bytes.try_into().unwrap())).collect();
    for t in 16..80 {
        words.push((words[t - 3] ^ words[t - 8] ^ words[t - 14] ^ words[t - 16]).rotate_left(1));
    }
    let [mut a, mut b, mut c, mut d, mut e] = initial;
    for (t, word) in words.iter().enumerate() {
        let (f, k) = match t / 20 {
            0 => ((b & c) ^ (!b & d), 0x5a82_7999),
            1 => (b ^ c ^ d, 0x6ed9_eba1),
            2 => ((b & c) ^ (b & d) ^ (c & d), 0x8f1b_bcdc),
            _ => (b ^ c ^ d, 0xca62_c1d6_u32),
        };
        let sum = a.rotate_left(5).wrapping_add(f).wrapping_add(e).wrapping_add(k).wrapping_add(*word);
        (e, d, c, b, a) = (d, c, b.rotate_left(30), a, sum);
    }
    [a, b, c, d, e]
        .into_iter()
        .zip(initial)
        .map(|(x, y)| x.wrapping_add(y))
        .collect::<Vec<_>>()
        .try_into()
        .unwrap()
}

/// The key under which networks are hashed, in each form.
fn of_the_store() -> Vec<Named> {
    let text = fs::read_to_string(format!("{STORE}/FORMAT")).unwrap();
    let digits = text.lines().find_map(|line| line.strip_prefix("key ")).unwrap();
    let key: Vec<u8> =
        (0..32).map(|byte| u8::from_str_radix(&digits[2 * byte..][..2], 16).unwrap()).collect();
    let mut all = vec![("the store's key in digits".to_owned(), digits.as_bytes().to_vec())];
    all.extend(keyed("the store's key", &key).into_iter().take(3));
    all
}

/// Plays a login, of root or of a uid, whose host holds nothing of what was typed; what of `secrets` stands in
/// its memory while its transaction is open, and then behind its end.
fn left(login: &Login, uid: u32, verdict: Code, secrets: &[Named]) -> [Vec<String>; 2] {
    let calls = [Call::Authenticate, Call::Setcred, Call::Stand];
    let mut command = login.clone().calling(&calls).lingering().command();
    let mut host = {
        command.uid(uid).gid(uid);
        Waiting::start(command)
    };
    assert_ne!(host::find_in_memory(host.id(), b"\"service\":\"door\""), [""; 0], "it looks");
    let open = host::search_memory(host.id(), secrets);
    host.go_on();
    let ended = host::search_memory(host.id(), secrets);
    assert_eq!(host.finish().verdict(), verdict);
    [open, ended]
}

fn typed(prompt: &str, text: &str) -> Login {
    Login::new("door", "alice").asked(Style::EchoOff, prompt, Reply::hidden(text))
}

const WRONG: &str = "91827364";
/// Nothing in the open transaction, and nothing behind its end.
const NOTHING: [Vec<String>; 2] = [Vec::new(), Vec::new()];

/// alice, with a bypass, and all that is hers, bob's, the store's or typed here.
fn alice_and_all(lab: &Lab) -> (Person, String, Vec<Named>) {
    let (alice, bob) = (enrolled(lab, "alice"), enrolled(lab, "bob"));
    let (bypass, _) = lab.bypass("alice", &[]);
    let mut all = [secrets(&alice), secrets(&bob), of_the_store()].concat();
    all.extend(spelled("the bypass", &bypass));
    all.extend([("a wrong code".to_owned(), WRONG.into()), ("the password".to_owned(), PASSWORD.into())]);
    (alice, bypass, all)
}

/// What is typed at the prompt for a code alone, and what comes of it.
fn typed_by(alice: &Person, bypass: &str) -> Vec<(String, Code)> {
    let [now, next] = [0, 1].map(|steps| alice.phone.code(steps));
    let [first, second, ..] = &alice.backup_codes[..] else { panic!("ten codes") };
    vec![
        (WRONG.to_owned(), Code::AuthErr),
        (now.clone(), Code::Success),
        (now.clone(), Code::AuthErr),
        (format!("{WRONG} {next}"), Code::AuthErr),
        (next, Code::Success),
        (first.clone(), Code::Success),
        (first.clone(), Code::AuthErr),
        (second.to_uppercase(), Code::Success),
        (bypass.to_owned(), Code::Success),
        (format!("{now}\0{WRONG}"), Code::AuthErr),
        (PASSWORD.to_owned(), Code::AuthErr),
        (format!("{PASSWORD}{now}"), Code::AuthErr),
    ]
}

#[test]
fn a_login_leaves_neither_what_was_typed_nor_what_was_read() {
    sandbox::within(|lab| {
        lab.door("");
        let (alice, bypass, all) = alice_and_all(lab);
        for (text, verdict) in typed_by(&alice, &bypass) {
            assert_eq!(left(&typed(CODE, &text), 0, verdict, &all), NOTHING, "{text}");
        }
    });
}

#[test]
fn a_login_by_the_daemon_leaves_nothing_in_either_process() {
    sandbox::within(|lab| {
        lab.door("");
        let (alice, bypass, all) = alice_and_all(lab);
        let daemon = Daemon::start(lab);
        for (text, verdict) in typed_by(&alice, &bypass) {
            assert_eq!(left(&typed(CODE, &text), lab.uid("alice"), verdict, &all), NOTHING, "{text}");
            assert_eq!(host::search_memory(daemon.id(), &all), [""; 0], "{text}");
        }
    });
}

#[test]
fn a_password_that_is_handed_on_ends_with_the_login() {
    sandbox::within(|lab| {
        lab.door("forward_pass");
        let (alice, bypass, all) = alice_and_all(lab);
        let (now, backup) = (alice.phone.code(0), &alice.backup_codes[0]);
        for (code, verdict) in [
            (WRONG, Code::AuthErr),
            (&now, Code::Success),
            (&now, Code::AuthErr),
            (backup, Code::Success),
            (&bypass, Code::Success),
            ("", Code::AuthErr),
        ] {
            let login = typed(BOTH, &format!("{PASSWORD}{code}"));
            assert_eq!(left(&login, 0, verdict, &all), NOTHING, "{code}");
        }
    });
}

#[test]
fn a_refusal_before_a_code_is_judged_leaves_nothing() {
    sandbox::within(|lab| {
        lab.door("");
        let (alice, _, all) = alice_and_all(lab);
        let refused = |why: &str, uid: u32| {
            let login = typed(CODE, &alice.phone.code(0));
            assert_eq!(left(&login, uid, Code::AuthErr, &all), NOTHING, "{why}");
        };
        refused("no daemon", lab.uid("alice"));
        lab.totpctl(["suspend", "alice", "--reason", "lost"]);
        refused("suspended", 0);
        let daemon = Daemon::start(lab);
        lab.totpctl(["resume", "alice"]);
        let file = format!("{STORE}/users/2001/enrollment.toml");
        let whole = fs::read_to_string(&file).unwrap();
        // Mistakes of a file that is read to its end, and one of a file that is not: what was read goes too.
        for (why, text) in [
            ("an unknown key", format!("{whole}\nmore = 1\n")),
            ("an unknown key first", format!("more = 1\n{whole}")),
            ("an open string", format!("{whole}\nmore = \"")),
            ("a number for a name", whole.replace("name = \"", "name = 7 # \"")),
        ] {
            write(&file, &text);
            refused(why, 0);
            refused(why, lab.uid("alice"));
            assert_eq!(host::search_memory(daemon.id(), &all), [""; 0], "{why}, in the daemon");
        }
        write(&file, &whole);
        for entry in fs::read_dir(format!("{STORE}/users/2001")).unwrap().flatten() {
            if entry.file_name().to_string_lossy().starts_with("ledger") {
                fs::write(entry.path(), [0; 8192]).unwrap();
            }
        }
        refused("a ledger that is no ledger", 0);
    });
}

#[test]
fn a_login_that_is_remembered_leaves_nothing_nor_does_the_next() {
    sandbox::within(|lab| {
        lab.service("door", "auth required pam_totp.so\nauth required pam_permit.so\n");
        let (alice, _, all) = alice_and_all(lab);
        nix::unistd::setsid().unwrap();
        lab.settings(
            "[login]\nfail_delay = \"0s\"\nlocal_services = [\"door\"]\n\
             [[rule]]\nthen = \"require\"\nremember = \"15m\"\n",
        );
        let login = typed(CODE, &alice.phone.code(0)).asked_by("alice");
        assert_eq!(left(&login, 0, Code::Success, &all), NOTHING);
        let next = Login::new("door", "alice").asked_by("alice");
        assert_eq!(left(&next, 0, Code::Success, &all), NOTHING);
    });
}

/// The processes with such a command line.
fn processes(command: &str) -> Vec<u32> {
    let output = run(Command::new("pgrep").args(["-x", "-f", command]));
    String::from_utf8(output.stdout).unwrap().lines().map(|id| id.parse().unwrap()).collect()
}

#[test]
fn su_sudo_and_sshd_hold_nothing_of_ours_once_somebody_is_in() {
    sandbox::within(|lab| {
        let lines =
            "auth required pam_totp.so\nauth required pam_permit.so\naccount required pam_permit.so\n";
        ["su", "sudo", "sshd"].into_iter().for_each(|service| lab.service(service, lines));
        lab.sudoers("Defaults timestamp_timeout=0\nALL ALL=(ALL) ALL\n");
        let (alice, _, all) = alice_and_all(lab);
        let sshd = Sshd::start(lab, INTERACTIVE);
        let words = "echo I am 'in'; sleep 60";
        let logins = [
            (Terminal::start(lab.as_user("bob", &["su", "alice", "-c", words])), "I am in", "su alice -c .*"),
            (Terminal::start(lab.as_user("alice", &["sudo", "sh", "-c", words])), "I am in", "sudo sh -c .*"),
            (sshd.shell("alice"), "$ ", "sshd: alice.*"),
        ];
        for ((mut terminal, is_in, program), code) in logins.into_iter().zip(&alice.backup_codes) {
            terminal.expect(CODE);
            terminal.say(code);
            terminal.expect(is_in);
            let left_behind = processes(program);
            assert!(!left_behind.is_empty(), "{program}");
            for id in left_behind {
                assert_eq!(host::search_memory(id, &all), [""; 0], "{program}");
            }
            terminal.kill();
        }
    });
}
