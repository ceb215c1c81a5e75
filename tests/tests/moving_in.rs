//! Moving in: what the earlier modules spent does not open here, and what they would take next does.
//!
//! Debian's own pam_google_authenticator and pam_oath stand beside ours, and their files are those that they
//! write themselves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use acceptance::codes::{Phone, now};
use acceptance::faults::stop_clock;
use acceptance::lab::{Lab, run, write};
use acceptance::pam::{Code, Login, Reply, Report, Style};
use acceptance::sandbox;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::PathBuf;
use std::process::{Command, Output};

const K1: &str = "JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU";
/// K1 in hexadecimal.
const HEX: &str = "4d616b6520696e76656e74656420736563726574";

fn opens(service: &str, user: &str, prompt: &str, code: &str) -> bool {
    let reply = Reply::Bytes(code.into());
    Login::new(service, user).asked(Style::EchoOff, prompt, reply).run().verdict() == Code::Success
}

fn ours(user: &str, code: &str) -> bool {
    opens("door", user, "Verification code: ", code)
}

fn google(user: &str, code: &str) -> bool {
    opens("google", user, "Verification code: ", code)
}

fn oath(user: &str, code: &str) -> bool {
    opens("oath", user, &format!("One-time password (OATH) for `{user}': "), code)
}

fn event_code(secret: &str, counter: u64, digits: u8) -> String {
    let mut command = Command::new("oathtool");
    command.args([
        "--hotp",
        "--base32",
        &format!("--counter={counter}"),
        &format!("--digits={digits}"),
        secret,
    ]);
    String::from_utf8(run(&mut command).stdout).unwrap().trim().to_owned()
}

fn both(lab: &Lab) {
    lab.service("google", "auth required pam_google_authenticator.so\n");
    lab.service("oath", "auth required pam_oath.so usersfile=/etc/users.oath window=5\n");
    lab.door("");
}

fn file_of(user: &str) -> PathBuf {
    PathBuf::from(format!("/home/{user}/.google_authenticator"))
}

fn give(path: &str, uid: u32, mode: u32, text: &str) {
    write(path, text);
    chown(path, Some(uid), Some(uid)).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// What google-authenticator writes with these options, as its user.
struct Google {
    user: &'static str,
    secret: String,
    scratch: Vec<String>,
}

impl Google {
    fn set_up(lab: &Lab, user: &'static str, options: &[&str]) -> Self {
        let all = ["google-authenticator", "--force", "--quiet"].iter().chain(options).copied();
        run(&mut lab.as_user(user, &all.collect::<Vec<_>>()));
        let text = fs::read_to_string(file_of(user)).unwrap();
        let secret = text.lines().next().unwrap().to_owned();
        let scratch = text.lines().filter(|line| line.len() == 8 && !line.starts_with('"'));
        Self { user, secret, scratch: scratch.map(str::to_owned).collect() }
    }

    /// Whether the module takes this, with everything put back as it was.
    fn would_take(&self, code: &str) -> bool {
        let before = fs::read(file_of(self.user)).unwrap();
        let taken = google(self.user, code);
        let owner = nix::unistd::User::from_name(self.user).unwrap().unwrap().uid.as_raw();
        give(file_of(self.user).to_str().unwrap(), owner, 0o600, &String::from_utf8(before).unwrap());
        taken
    }
}

fn import(lab: &Lab, arguments: &[&str]) -> Output {
    let all = ["import"].iter().chain(arguments).copied();
    lab.totpctl_command().args(all).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn what_google_authenticator_spent_is_spent_and_what_it_would_take_next_is_taken() {
    sandbox::within(|lab| {
        both(lab);
        let alice = Google::set_up(
            lab,
            "alice",
            &["-t", "-d", "-w", "3", "-r", "10", "-R", "30", "-S", "60", "-e", "5"],
        );
        let phone = Phone::new(&alice.secret).with_period(60);
        assert!(google("alice", &phone.code(0)) && google("alice", &alice.scratch[1]));
        assert!(!google("alice", &phone.code(0)) && !google("alice", &alice.scratch[1]));
        assert!(alice.would_take(&phone.code(1)) && alice.would_take(&alice.scratch[3]));
        let before = fs::read(file_of("alice")).unwrap();

        let output = import(lab, &["google-authenticator", "alice"]);
        assert!(
            output.status.success() && said(&output).contains("(phone, 4 scratch codes)"),
            "{}",
            said(&output)
        );
        assert_eq!(fs::read(file_of("alice")).unwrap(), before, "the source is left as it was");
        assert!(!ours("alice", &phone.code(0)) && !ours("alice", &alice.scratch[1]));
        assert!(ours("alice", &phone.code(1)) && ours("alice", &alice.scratch[3]));
        assert!(!ours("alice", &alice.scratch[3]));
        assert!(said(&import(lab, &["google-authenticator", "alice"])).contains("imported already"));
        assert!(!ours("alice", &alice.scratch[3]), "a second import brings no scratch code back");
    });
}

#[test]
fn what_went_on_at_google_authenticator_after_an_import_is_carried_over_by_the_next() {
    sandbox::within(|lab| {
        both(lab);
        let alice = Google::set_up(lab, "alice", &["-t", "-d", "-w", "3", "-u", "-S", "60", "-e", "5"]);
        let phone = Phone::new(&alice.secret).with_period(60);
        lab.totpctl(["import", "google-authenticator", "alice"]);
        assert!(google("alice", &phone.code(0)) && google("alice", &alice.scratch[0]));
        let again = import(lab, &["google-authenticator", "alice"]);
        assert!(said(&again).contains("what was used since is used here"), "{}", said(&again));
        assert!(!ours("alice", &phone.code(0)) && !ours("alice", &alice.scratch[0]));
        assert!(ours("alice", &phone.code(1)) && ours("alice", &alice.scratch[4]));
    });
}

#[test]
fn a_counter_of_google_authenticator_goes_on_where_it_was() {
    sandbox::within(|lab| {
        both(lab);
        let carol = Google::set_up(lab, "carol", &["-c", "-w", "17", "-u", "-e", "1"]);
        let code = |counter| event_code(&carol.secret, counter, 6);
        let first = (0..5).find(|&counter| carol.would_take(&code(counter))).expect("the first counters");
        assert!(google("carol", &code(first + 3)));
        let used: Vec<_> = (first..=first + 3).collect();
        assert!(used.iter().all(|&counter| !carol.would_take(&code(counter))));
        assert!(carol.would_take(&code(first + 4)));
        lab.totpctl(["import", "google-authenticator", "carol"]);
        assert!(used.iter().all(|&counter| !ours("carol", &code(counter))));
        assert!(ours("carol", &code(first + 4)));
    });
}

/// Logs in while the machine's clock stands at `unix`.
fn opens_at(unix: u64, service: &str, prompt: &str, user: &str, code: &str) -> bool {
    let reply = Reply::Bytes(code.into());
    let mut command = Login::new(service, user).asked(Style::EchoOff, prompt, reply).command();
    stop_clock(&mut command, unix);
    Report::of(command.output().unwrap()).followed().verdict() == Code::Success
}

/// What may stand on google-authenticator's command line, and what it asks where nothing of a group does.
const KINDS: [&str; 4] = ["-t", "--time-based", "-c", "--counter-based"];
const REUSE: [&str; 3] = ["-d", "--disallow-reuse", "--allow-reuse"];
const WINDOW: [&str; 4] = ["-w=3", "--window-size=21", "--minimal-window", "--window-size=1"];
const RATE: [&str; 3] = ["-u", "--rate-limit=3", "--no-rate-limit"];
const OTHERS: [&str; 10] = [
    "--step-size=60",
    "--step-size=15",
    "--emergency-codes=10",
    "--emergency-codes=0",
    "--label=alice@web1",
    "--issuer=R&D #1",
    "--qr-mode=NONE",
    "--secret=/home/alice/.google_authenticator",
    "--rate-time=600",
    "--no-confirm",
];

/// Every option by itself, beside the first of each other group.
fn googles_command_lines() -> Vec<Vec<&'static str>> {
    let usual = || vec![KINDS[0], REUSE[0], WINDOW[0], RATE[0]];
    let mut lines = Vec::new();
    for (place, group) in [&KINDS[..], &REUSE, &WINDOW, &RATE].into_iter().enumerate() {
        for option in group {
            let mut line = usual();
            line[place] = option;
            lines.push(line);
        }
    }
    lines.extend(OTHERS.map(|option| [usual(), vec![option]].concat()));
    lines.push(vec!["-c", WINDOW[1], "--rate-limit=3", "--emergency-codes=10"]);
    for line in &mut lines {
        // It refuses what does not concern the kind, and a limit without its time.
        let counts = line.iter().any(|word| ["-c", "--counter-based"].contains(word));
        line.retain(|word| !counts || !REUSE.contains(word));
        if line.contains(&"--rate-limit=3") {
            line.push("--rate-time=30");
        }
        if line.contains(&"--rate-time=600") {
            line.retain(|word| *word != "-u");
            line.push("--rate-limit=10");
        }
        if line.contains(&"-w=3") {
            line.retain(|word| *word != "-w=3");
            line.push("--window-size=3");
        }
    }
    lines
}

#[test]
fn whatever_google_authenticator_was_asked_for_its_file_moves_in_and_the_next_code_opens() {
    sandbox::within(|lab| {
        const NOW: u64 = 1_800_000_000;
        both(lab);
        let lines = googles_command_lines();
        let help = run(&mut lab.as_user("alice", &["google-authenticator", "--help"])).stdout;
        for word in String::from_utf8(help).unwrap().split_ascii_whitespace() {
            let Some(name) = word.strip_prefix("--").and_then(|word| word.split('=').next()) else {
                continue;
            };
            let is_tried = |line: &Vec<&str>| line.iter().any(|word| word.starts_with(&format!("--{name}")));
            let always = ["help", "force", "quiet"];
            assert!(always.contains(&name) || lines.iter().any(is_tried), "--{name} is not tried");
        }
        for line in &lines {
            let _ = fs::remove_file(file_of("alice"));
            let alice = Google::set_up(lab, "alice", line);
            let counts = line.iter().any(|word| ["-c", "--counter-based"].contains(word));
            let step = |word: &&str| word.strip_prefix("--step-size=").map(|text| text.parse().unwrap());
            let period: u64 = line.iter().find_map(step).unwrap_or(30);
            let phone = Phone::new(&alice.secret).with_period(period);
            let later = NOW + 3 * period;
            let (used, next) = match counts {
                true => (event_code(&alice.secret, 1, 6), event_code(&alice.secret, 2, 6)),
                false => (phone.at(NOW), phone.at(later)),
            };
            let google = |unix, code: &str| opens_at(unix, "google", "Verification code: ", "alice", code);
            let ours = |unix, code: &str| opens_at(unix, "door", "Verification code: ", "alice", code);
            assert!(google(NOW, &used), "{line:?}: {}", fs::read_to_string(file_of("alice")).unwrap());
            let before = fs::read(file_of("alice")).unwrap();
            let mut import = lab.totpctl_command();
            stop_clock(import.args(["import", "google-authenticator", "alice", "--json"]), NOW);
            let printed = run(&mut import).stdout;
            assert_eq!(fs::read(file_of("alice")).unwrap(), before, "{line:?}");
            assert!(google(later, &next), "{line:?}");
            for unix in [NOW, later] {
                assert!(!ours(unix, &used), "{line:?}");
            }
            assert!(ours(later, &next), "{line:?}: {}", String::from_utf8_lossy(&printed));
            assert!(!ours(later, &next), "{line:?}");
            let left = lab.status("alice")["scratch_codes_left"].as_u64().unwrap_or(0);
            assert_eq!(left, alice.scratch.len() as u64, "{line:?}");
            for scratch in alice.scratch.iter().take(1) {
                assert!(ours(later, scratch) && !ours(later, scratch), "{line:?}");
            }
            fs::remove_dir_all(format!("/var/lib/pam_totp/users/{}", lab.uid("alice"))).unwrap();
        }
    });
}

/// The module writes more than its command: how far the phone is off, half of that, who needs no code for a
/// while, and when codes were tried.
#[test]
fn what_googles_module_has_learned_of_a_phone_that_is_off_moves_in_and_its_next_code_opens() {
    sandbox::within(|lab| {
        const NOW: u64 = 1_800_000_000;
        both(lab);
        lab.service("grace", "auth required pam_google_authenticator.so grace_period=60\n");
        let alice =
            Google::set_up(lab, "alice", &["-t", "-d", "-w", "3", "-r", "10", "-R", "300", "-e", "1"]);
        let phone = Phone::new(&alice.secret);
        let google = |unix: u64, code: &str| opens_at(unix, "google", "Verification code: ", "alice", code);
        let ours = |unix: u64, code: &str| opens_at(unix, "door", "Verification code: ", "alice", code);
        // Four steps ahead: the third code in a row that is as far off is taken.
        let shown = |unix: u64| phone.at(unix + 120);
        let attempts: Vec<_> = (0..3).map(|nth| google(NOW + 60 * nth, &shown(NOW + 60 * nth))).collect();
        let text = fs::read_to_string(file_of("alice")).unwrap();
        assert_eq!(attempts, [false, false, true], "{text}");
        assert!(text.contains("\" TIME_SKEW 4\n"), "{text}");
        let reply = Reply::Bytes(shown(NOW + 180).into());
        let login = Login::new("grace", "alice").from("192.0.2.7");
        let mut login = login.asked(Style::EchoOff, "Verification code: ", reply).command();
        stop_clock(&mut login, NOW + 180);
        assert_eq!(Report::of(login.output().unwrap()).followed().verdict(), Code::Success);
        let text = fs::read_to_string(file_of("alice")).unwrap();
        let mut import = lab.totpctl_command();
        stop_clock(import.args(["import", "google-authenticator", "alice"]), NOW + 180);
        let output = run(&mut import);
        for field in ["RATE_LIMIT", "LAST", "RESETTING_TIME_SKEW"] {
            let is_there = text.contains(&format!("\" {field}"));
            assert_eq!(is_there, said(&output).contains(&format!("note: {field}: ")), "{field}: {text}");
        }
        assert!(text.contains("\" LAST0 "), "{text}");
        for unix in [NOW, NOW + 60, NOW + 120, NOW + 180] {
            assert!(!ours(NOW + 180, &shown(unix)), "tried or used there");
        }
        assert!(google(NOW + 240, &shown(NOW + 240)) && ours(NOW + 240, &shown(NOW + 240)));
    });
}

/// Rows of every type, before a code was used and after; with the password column in each of its forms.
#[test]
fn a_row_of_any_type_moves_in_fresh_or_used_and_its_next_code_opens() {
    sandbox::within(|lab| {
        const NOW: u64 = 1_800_000_000;
        both(lab);
        let kinds =
            ["HOTP", "HOTP/E", "HOTP/T30", "HOTP/T60"].map(|kind| ["", "/6", "/7", "/8"].map(|d| (kind, d)));
        for (kind, length) in
            kinds.into_iter().flatten().filter(|(kind, length)| *kind != "HOTP" || length.is_empty())
        {
            let digits: u8 = length.trim_start_matches('/').parse().unwrap_or(6);
            let period = if kind.ends_with("60") { 60 } else { 30 };
            let phone = Phone::new(K1).with_period(period).with_digits(u32::from(digits));
            let split =
                format!("auth required pam_oath.so usersfile=/etc/users.oath window=5 digits={digits}\n");
            lab.service("oath", &split);
            let code = |nth: u64| match kind.contains("/T") {
                true => phone.at(NOW + nth * period),
                false => event_code(K1, nth, digits),
            };
            // An event token's rows move on by one code, a phone's with its clock.
            let later = |nth: u64| NOW + nth * period;
            for (user, pass, typed) in
                [("alice", "-", ""), ("bob", "hunter2", "hunter2"), ("carol", "+", "any")]
            {
                let row = format!("{kind}{length} {user} {pass} {HEX}\n");
                give("/etc/users.oath", 0, 0o600, &row);
                let prompt = format!("One-time password (OATH) for `{user}': ");
                let oath =
                    |nth| opens_at(later(nth), "oath", &prompt, user, &format!("{typed}{}", code(nth)));
                let ours = |nth| opens_at(later(nth), "door", "Verification code: ", user, &code(nth));
                let import = || {
                    let mut command = lab.totpctl_command();
                    stop_clock(command.args(["import", "oath", "/etc/users.oath"]), NOW);
                    run(&mut command);
                };
                import();
                assert!(oath(0) && !oath(0), "{row}: the module itself");
                import();
                assert!(!ours(0), "{row}: used there since");
                assert!(oath(2) && ours(2) && !ours(2) && !ours(1), "{row}");
            }
            for user in ["alice", "bob", "carol"] {
                fs::remove_dir_all(format!("/var/lib/pam_totp/users/{}", lab.uid(user))).unwrap();
            }
        }
    });
}

#[test]
fn a_leftover_beside_the_file_is_named_and_not_read() {
    sandbox::within(|lab| {
        both(lab);
        // GA 88: half of a file, with a key that is nobody's.
        give("/home/alice/.google_authenticator~", lab.uid("alice"), 0o600, "ONUG64TUEB2GK43UEBZWKY3SMU\n");
        let output = import(lab, &["google-authenticator", "alice"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(
            said(&output).contains("hint: there is .google_authenticator~, left by"),
            "{}",
            said(&output)
        );
        give("/home/alice/.google_authenticator", lab.uid("alice"), 0o400, &format!("{K1}\n\" TOTP_AUTH\n"));
        let output = import(lab, &["google-authenticator", "alice"]);
        let note = "note: leftovers: .google_authenticator~ is what an interrupted change left behind";
        assert!(output.status.success() && said(&output).contains(note), "{}", said(&output));
        assert!(lab.totpctl(["export", "alice", "--yes"]).contains(K1));
    });
}

#[test]
fn where_google_authenticator_forgets_what_was_used_codes_of_that_time_do_not_open() {
    sandbox::within(|lab| {
        both(lab);
        let dave = Google::set_up(lab, "dave", &["-t", "-D", "-w", "1", "-u", "-S", "60", "-e", "0"]);
        let phone = Phone::new(&dave.secret).with_period(60);
        assert!(google("dave", &phone.code(0)) && google("dave", &phone.code(0)), "it takes a code twice");
        let output = import(lab, &["google-authenticator", "dave"]);
        assert!(said(&output).contains("DISALLOW_REUSE: absent"), "{}", said(&output));
        assert!(!ours("dave", &phone.code(0)));
        // Of the next minute, which it did not take yet.
        assert!(ours("dave", &phone.at(now() + 60)));
    });
}

#[test]
fn everybody_moves_in_and_a_broken_file_stops_nobody() {
    sandbox::within(|lab| {
        both(lab);
        Google::set_up(lab, "alice", &["-t", "-d", "-w", "3", "-u"]);
        fs::set_permissions(file_of("alice"), fs::Permissions::from_mode(0o400)).unwrap();
        give("/home/alice/.google_authenticator~", lab.uid("alice"), 0o600, "half of a fi");
        give("/home/bob/.google_authenticator", lab.uid("bob"), 0o600, "");
        symlink("/etc/shadow", file_of("carol")).unwrap();
        lab.add_account("erin", 2009);
        give("/home/erin/.google_authenticator", 2009, 0o600, &format!("{K1}\n\" TOTP_AUTH\n"));
        lab.add_account("frank", 2010);
        nix::unistd::mkfifo(&file_of("frank"), nix::sys::stat::Mode::S_IRUSR).unwrap();
        chown(file_of("frank"), Some(2010), Some(2010)).unwrap();
        lab.add_account("grace", 2011);
        // root's, and closed to her: it is opened with her rights.
        give("/home/grace/.google_authenticator", 0, 0o600, &format!("{K1}\n\" TOTP_AUTH\n"));
        lab.add_account("heidi", 2012);
        give("/home/heidi/.google_authenticator", lab.uid("alice"), 0o644, &format!("{K1}\n\" TOTP_AUTH\n"));

        let rehearsed = import(lab, &["google-authenticator", "--all", "--dry-run"]);
        assert!(
            said(&rehearsed).contains("would be imported 2, already there 0, refused 5"),
            "{}",
            said(&rehearsed)
        );
        assert_eq!(fs::read_dir("/var/lib/pam_totp/users").unwrap().count(), 0);

        let output = import(lab, &["google-authenticator", "--all"]);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("imported 2, already there 0, refused 5"), "{said}");
        for line in [
            "/home/bob/.google_authenticator: the file is empty",
            "/home/carol/.google_authenticator: a symbolic link is not followed",
            "/home/frank/.google_authenticator: not a regular file",
            "/home/grace/.google_authenticator: Permission denied",
            "/home/heidi/.google_authenticator: belongs to somebody else",
        ] {
            assert!(said.contains(&format!("totpctl: {line}")), "{line} is not in:\n{said}");
        }
        assert!(said.contains("leftovers (1)"), "{said}");
        for (user, enrolled) in [("alice", true), ("bob", false), ("carol", false), ("erin", true)] {
            assert_eq!(lab.status(user)["enrolled"], enrolled, "{user}");
        }
        let lines = lab.syslog.raw();
        let imports: Vec<_> = lines.iter().filter(|line| line.contains("import: user=")).collect();
        assert_eq!(imports.len(), 2, "{imports:#?}");
        assert!(imports[0].contains("user=alice uid=2001 source=google-authenticator how=imported tokens=1"));
        assert!(!lines.iter().any(|line| line.contains(K1)));
        let again = import(lab, &["google-authenticator", "--all"]);
        assert!(
            self::said(&again).contains("imported 0, already there 2, refused 5"),
            "{}",
            self::said(&again)
        );
    });
}

#[test]
fn who_was_revoked_is_not_brought_back_by_everybodys_import() {
    sandbox::within(|lab| {
        both(lab);
        Google::set_up(lab, "alice", &["-t", "-d", "-w", "3", "-u"]);
        lab.totpctl(["import", "google-authenticator", "--all"]);
        lab.totpctl(["revoke", "alice", "--yes"]);
        let output = import(lab, &["google-authenticator", "--all"]);
        assert!(
            output.status.code() == Some(1) && said(&output).contains("alice was revoked"),
            "{}",
            said(&output)
        );
        assert_eq!(lab.status("alice")["enrolled"], false);
        lab.totpctl(["import", "google-authenticator", "alice", "--revive"]);
        assert_eq!(lab.status("alice")["enrolled"], true);
    });
}

#[test]
fn what_pam_oath_spent_is_spent_and_what_it_would_take_next_is_taken() {
    sandbox::within(|lab| {
        both(lab);
        let rows = format!(
            "# comment\nHOTP\talice\t-\t{HEX}\nHOTP/T60 bob - {HEX}\nHOTP/E/8 carol - {HEX} 5\nHOTP/T60/8 dave - {HEX}\n"
        );
        give("/etc/users.oath", 0, 0o600, &rows);
        let event = |counter| event_code(K1, counter, 6);
        let long = |counter| event_code(K1, counter, 8);
        let time = Phone::new(K1).with_period(60);
        let time_long = Phone::new(K1).with_period(60).with_digits(8);
        assert!(
            oath("alice", &event(2)) && oath("bob", &time.code(0)),
            "{}",
            fs::read_to_string("/etc/users.oath").unwrap()
        );
        assert!(oath("carol", &long(5)) && oath("dave", &time_long.code(0)));
        let spent = fs::read("/etc/users.oath").unwrap();
        let refused = [
            ("alice", event(2)),
            ("alice", event(1)),
            ("bob", time.code(0)),
            ("carol", long(5)),
            ("dave", time_long.code(0)),
        ];
        let next =
            [("alice", event(3)), ("bob", time.code(1)), ("carol", long(6)), ("dave", time_long.code(1))];
        for (user, code) in &refused {
            assert!(!oath(user, code), "{user}");
        }
        for (user, code) in &next {
            assert!(oath(user, code), "{user}");
        }
        give("/etc/users.oath", 0, 0o600, &String::from_utf8(spent.clone()).unwrap());

        let output = import(lab, &["oath", "/etc/users.oath"]);
        assert!(output.status.success(), "{}", said(&output));
        assert!(
            said(&output).contains("imported 4, already there 0, refused 0, lines ignored 1"),
            "{}",
            said(&output)
        );
        assert_eq!(fs::read("/etc/users.oath").unwrap(), spent);
        for (user, code) in &refused {
            assert!(!ours(user, code), "{user}");
        }
        for (user, code) in &next {
            assert!(ours(user, code), "{user}");
            assert!(!ours(user, code), "{user}");
        }
        assert!(!ours("carol", &long(7)[2..]), "the tail of a longer code is none");
        let again = import(lab, &["oath", "/etc/users.oath"]);
        assert!(said(&again).contains("imported 0, already there 4"), "{}", said(&again));
    });
}

#[test]
fn a_users_link_to_a_file_of_roots_is_not_followed() {
    sandbox::within(|lab| {
        both(lab);
        give("/etc/users.oath", 0, 0o600, &format!("HOTP alice - {HEX}\n"));
        symlink("/etc/users.oath", "/home/alice/users.oath").unwrap();
        symlink("/etc", "/home/alice/etc").unwrap();
        for path in ["/home/alice/users.oath", "/home/alice/etc/users.oath"] {
            let output = import(lab, &["oath", path, "--user", "alice"]);
            assert!(said(&output).contains("a symbolic link is not followed"), "{}", said(&output));
        }
        give(
            "/home/bob/users.oath",
            lab.uid("bob"),
            0o600,
            &format!("HOTP alice - {HEX}\nHOTP bob - {HEX}\n"),
        );
        let output = import(lab, &["oath", "/home/bob/users.oath"]);
        assert!(said(&output).contains("belongs to somebody else"), "{}", said(&output));
        let output = import(lab, &["oath", "/home/bob/users.oath", "--user", "bob"]);
        assert!(output.status.success(), "{}", said(&output));
        assert_eq!(lab.status("alice")["enrolled"], false, "bob's file is about bob");
    });
}

#[test]
fn an_export_is_logged_and_moves_out_what_was_moved_in() {
    sandbox::within(|lab| {
        both(lab);
        give("/etc/users.oath", 0, 0o600, &format!("HOTP/T60/8 alice - {HEX}\nHOTP alice - {HEX} 5\n"));
        lab.totpctl(["import", "oath", "/etc/users.oath"]);
        lab.syslog.clear();
        let exported = lab.totpctl(["export", "alice", "--yes"]);
        assert_eq!(
            exported,
            format!(
                "otpauth://totp/web1:alice%40web1?secret={K1}&issuer=web1&digits=8&period=60\n\
                 otpauth://hotp/web1:alice%40web1%20fob?secret={K1}&issuer=web1&counter=5\n"
            )
        );
        let lines = lab.syslog.raw().join("\n");
        assert!(lines.contains("export: user=alice uid=2001 tokens=2") && !lines.contains(K1), "{lines}");
        let denied = lab.as_user("alice", &["/lab/totpctl", "export", "alice", "--yes"]).output();
        assert!(denied.is_err() || !denied.unwrap().status.success());
    });
}
