//! Two hundred processes with codes, pairs, backup codes and a bypass, half of them as root and half through the
//! daemon, while what is enrolled is suspended, renamed, replaced, revoked and enrolled anew under them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use acceptance::codes::Phone;
use acceptance::daemon::Daemon;
use acceptance::faults::stop_clock;
use acceptance::lab::{Lab, STORE, run};
use acceptance::mounts::LAB;
use acceptance::pam::{Barrier, Code, Login, Reply, Report, Style, Waiting, monotonic};
use acceptance::people::Person;
use acceptance::sandbox;
use serde_json::Value;

const ALICE: u32 = 2001;
/// Accounts that the settings let ask about everybody: the daemon answers a few at once for each.
const CHECKERS: std::ops::Range<u32> = 2100..2112;
/// How many codes of a sheet are typed; the others are for afterwards.
const TYPED: usize = 5;
const USES: usize = 3;
const RACES: usize = 20;

/// What becomes void together, with how much of it is typed: the codes of two steps and both in one answer, the
/// codes of a sheet, a bypass. Those that are "wrong" are nobody's; the rest of the first sheet is kept for when alice
/// is suspended, and for when her token is renamed.
const BATCHES: [(&str, usize); 11] = [
    ("wrong", 3),
    ("phone 1", 3),
    ("sheet 1", TYPED),
    ("bypass", 1),
    ("suspended", 3),
    ("renamed", 2),
    ("sheet 2", TYPED),
    ("phone 3", 3),
    ("sheet 3", TYPED),
    ("phone 4", 3),
    ("sheet 4", TYPED),
];
/// Those that are there from the beginning.
const FIRST: usize = 4;

/// When something is typed: as soon as it is there, when that begins which makes it void, and when that was
/// reported done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cue {
    Early,
    Amid,
    Late,
}

/// A process, and what it types.
struct Player {
    batch: &'static str,
    place: usize,
    cue: Cue,
    asks: Option<u32>,
    waiting: Waiting,
}

/// What came of it.
#[derive(Debug)]
#[allow(dead_code, reason = "a failure prints them")]
struct Ended {
    batch: &'static str,
    place: usize,
    cue: Cue,
    asks: Option<u32>,
    report: Report,
}

impl Player {
    fn finish(self) -> Ended {
        let Self { batch, place, cue, asks, waiting } = self;
        Ended { batch, place, cue, asks, report: waiting.finish() }
    }
}

/// How many type the same on each cue.
struct Size {
    at_once: usize,
    later: usize,
}

fn answer(batch: &str, place: usize, cue: Cue) -> String {
    format!("{LAB}/answers/{batch} {place} {cue:?}")
}

/// All of them, at their prompts, and from there on behind one gate.
fn gather(size: &Size, barrier: &Barrier) -> Vec<Player> {
    let mut players = Vec::new();
    for (index, (batch, places)) in BATCHES.into_iter().enumerate() {
        for place in 0..places {
            for cue in [Cue::Early, Cue::Amid, Cue::Late] {
                let is_first = index < FIRST && cue == Cue::Early;
                for _ in 0..if is_first { size.at_once } else { size.later } {
                    let number = u32::try_from(players.len()).unwrap();
                    let typed = Reply::From(answer(batch, place, cue));
                    let login =
                        Login::new("door", "alice").asked(Style::EchoOff, "Verification code: ", typed);
                    let mut command = login.behind_gate().command();
                    let others = CHECKERS.len() as u32 + 1;
                    // A look into the store is quicker than a question: some are left to those who ask.
                    let asks = match number / 2 % others {
                        _ if number % 2 == 0 && place % 3 != 2 => None,
                        0 => Some(ALICE),
                        checker => Some(CHECKERS.start + checker - 1),
                    };
                    if let Some(uid) = asks {
                        command.uid(uid).gid(uid);
                    }
                    players.push(Player { batch, place, cue, asks, waiting: barrier.hold(command) });
                }
            }
        }
    }
    players
}

/// What the administrator does, and when it was done.
struct Administrator<'a> {
    lab: &'a Lab,
    codes: BTreeMap<&'static str, Vec<String>>,
    void: BTreeMap<&'static str, u64>,
    /// From when until when nothing of hers may open.
    suspended: (u64, u64),
    refusals: usize,
}

impl Administrator<'_> {
    /// Whoever waits for these on this cue types them.
    fn give(&self, batch: &str, cue: Cue) {
        for (place, code) in self.codes[batch].iter().enumerate() {
            fs::write(format!("{LAB}/answers/new"), code).unwrap();
            fs::rename(format!("{LAB}/answers/new"), answer(batch, place, cue)).unwrap();
        }
    }

    fn comes(&mut self, batch: &'static str, codes: &[String]) {
        self.codes.insert(batch, codes.to_vec());
        self.give(batch, Cue::Early);
    }

    fn enrolled(&mut self, phone: &'static str, sheet: &'static str, person: &Person) {
        let (first, second) = (person.phone.code(0), person.phone.code(1));
        let pair = format!("{first} {second}");
        self.comes(phone, &[first, second, pair]);
        self.comes(sheet, &person.backup_codes[..TYPED]);
    }

    /// With so many at her lock it may take more than one try; the last of which says that it is done.
    fn does(&mut self, words: &[&str]) -> Value {
        for _ in 0..20 {
            let output = self.lab.totpctl_command().args(words).output().unwrap();
            if output.status.success() {
                return serde_json::from_slice(&output.stdout).unwrap_or_default();
            }
            let error = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(
                error.contains("locked by another process") && output.status.code() == Some(1),
                "{words:?}: {error}"
            );
            self.refusals += 1;
        }
        panic!("{words:?} is never done");
    }

    /// The same, which makes these void.
    fn voids(&mut self, batches: &[&'static str], words: &[&str]) -> Value {
        batches.iter().for_each(|batch| self.give(batch, Cue::Amid));
        let printed = self.does(words);
        let now = monotonic();
        for batch in batches {
            self.void.insert(batch, now);
            self.give(batch, Cue::Late);
        }
        printed
    }
}

/// Alice, of what `totpctl enroll --json` has printed.
fn person(printed: &Value) -> Person {
    let secret = printed["secret"].as_str().unwrap().replace(' ', "");
    let codes = printed["backup_codes"].as_array().unwrap();
    let backup_codes = codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect();
    Person { name: "alice".into(), phone: Phone::new(&secret).with_period(300), secret, backup_codes }
}

const ENROLL: [&str; 6] = ["enroll", "alice", "--no-confirm", "--json", "--period", "300"];

/// All that happens to alice meanwhile, and what she holds in the end.
fn administer(administrator: &mut Administrator, kept: &[String]) -> Person {
    administrator.does(&["unlock", "alice"]);
    administrator.does(&["suspend", "alice", "--reason", "on leave"]);
    let since = monotonic();
    administrator.comes("suspended", &kept[..3]);
    administrator.does(&["unlock", "alice"]);
    // So long that some of those come to be judged.
    std::thread::sleep(Duration::from_millis(200));
    administrator.suspended = (since, monotonic());
    administrator.does(&["resume", "alice"]);
    administrator.comes("renamed", &kept[3..]);
    administrator.does(&["rename-token", "alice", "--token", "phone", "--to", "mobile"]);
    let sheet = ["sheet 1", "suspended", "renamed"];
    let printed = administrator.voids(&sheet, &["backup-codes", "alice", "--yes", "--json"]);
    let codes: Vec<String> = serde_json::from_value(printed["backup_codes"].clone()).unwrap();
    administrator.comes("sheet 2", &codes[..TYPED]);
    let replace = [&ENROLL[..], &["--replace", "--yes"]].concat();
    let printed = administrator.voids(&["phone 1", "sheet 2", "bypass"], &replace);
    administrator.enrolled("phone 3", "sheet 3", &person(&printed));
    administrator.does(&["unlock", "alice"]);
    administrator.voids(&["phone 3", "sheet 3"], &["revoke", "alice", "--yes"]);
    let last = person(&administrator.does(&ENROLL));
    administrator.enrolled("phone 4", "sheet 4", &last);
    for batch in ["wrong", "phone 4", "sheet 4"] {
        administrator.give(batch, Cue::Amid);
        administrator.give(batch, Cue::Late);
    }
    last
}

/// What is wrong with the store, by its own doctor.
fn complaints(lab: &Lab) -> Value {
    let words = ["doctor", "--json", "--service", "door", "--user", "alice"];
    let output = lab.totpctl_command().args(words).output().unwrap();
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = printed["findings"].as_array().unwrap().iter();
    findings.filter(|finding| finding["id"] != "clock").cloned().collect()
}

/// How often each verdict stands in the log.
fn count_verdicts(lab: &Lab, counts: &mut BTreeMap<String, usize>) {
    for line in lab.syslog.raw() {
        if let Some((_, rest)) = line.split_once("verdict=") {
            let verdict = rest.split(|c: char| !c.is_ascii_lowercase() && c != '-').next().unwrap();
            *counts.entry(verdict.to_owned()).or_default() += 1;
        }
    }
}

/// What came of races.
#[derive(Default)]
struct Tally {
    processes: usize,
    as_root: usize,
    asking: usize,
    logged: BTreeMap<String, usize>,
    refusals: usize,
}

impl Tally {
    fn tell(&self, races: usize) {
        println!(
            "faults: {races} mixed races, {} processes | {} got in as root, {} through the daemon; totpctl was \
             told to come again {} times; in the log {:?}",
            self.processes, self.as_root, self.asking, self.refusals, self.logged
        );
    }
}

/// One race, from the first enrollment to the last.
fn race(lab: &Lab, size: &Size, tally: &mut Tally) {
    let _ = fs::remove_dir_all(format!("{LAB}/answers"));
    fs::create_dir(format!("{LAB}/answers")).unwrap();
    let first = lab.enroll_slow("alice");
    let (bypass, _) = lab.bypass("alice", &["--uses", &USES.to_string()]);
    let healthy = complaints(lab);
    let (codes, void) = (BTreeMap::new(), BTreeMap::new());
    let mut administrator = Administrator { lab, codes, void, suspended: (0, 0), refusals: 0 };
    administrator.comes("wrong", &[first.phone.wrong(), "zzzz-zzzz-zzzz".to_owned(), "junk".to_owned()]);
    administrator.enrolled("phone 1", "sheet 1", &first);
    administrator.comes("bypass", &[bypass]);
    lab.syslog.clear();

    let barrier = Barrier::shut();
    let players = gather(size, &barrier);
    let (ended, last) = std::thread::scope(|scope| {
        // Whoever looks sees alice enrolled or not, and nothing that is half of something.
        scope.spawn(|| (0..50).for_each(|_| assert!(lab.status("alice")["enrolled"].is_boolean())));
        barrier.open();
        let last = administer(&mut administrator, &first.backup_codes[TYPED..]);
        let ended: Vec<_> = players.into_iter().map(Player::finish).collect();
        (ended, last)
    });
    judge(&ended, &administrator, tally);
    is_whole(lab, &last, &healthy);
}

/// Nothing opened that had become void, or while alice was suspended, and nothing more often than it may.
fn judge(ended: &[Ended], administrator: &Administrator, tally: &mut Tally) {
    let mut opened = BTreeMap::<(&str, usize), usize>::new();
    let is_in = |player: &&Ended| match player.report.verdict() {
        Code::Success => true,
        Code::AuthErr => false,
        other => panic!("{player:?}: {other:?}"),
    };
    for player in ended.iter().filter(is_in) {
        let Ended { batch, place, asks, report, .. } = player;
        *(if asks.is_some() { &mut tally.asking } else { &mut tally.as_root }) += 1;
        assert_ne!(*batch, "wrong", "{player:?}");
        let typed = report.answered.unwrap();
        let was_void = administrator.void.get(batch).is_some_and(|void| typed > *void);
        assert!(!was_void, "it was void when it was typed: {player:?}");
        let (suspended, resumed) = administrator.suspended;
        assert!(typed < suspended || report.ended > resumed, "alice was suspended: {player:?}");
        let is_pair = batch.starts_with("phone") && *place == 2;
        for unit in if is_pair { vec![0, 1] } else { vec![*place] } {
            *opened.entry((batch, unit)).or_default() += 1;
        }
    }
    for ((batch, place), times) in &opened {
        let allowed = if *batch == "bypass" { USES } else { 1 };
        assert!(*times <= allowed, "{batch} {place} opened {times} times");
    }
    assert!(opened.len() > 5, "hardly anything was right: {opened:?}");
    tally.processes += ended.len();
    tally.refusals += administrator.refusals;
    count_verdicts(administrator.lab, &mut tally.logged);
}

fn opens(command: &mut Command) -> bool {
    Report::of(command.output().unwrap()).followed().verdict() == Code::Success
}

/// What is left is sound: nothing lies about, what was spent is, and the next right answers open by both ways.
fn is_whole(lab: &Lab, alice: &Person, healthy: &Value) {
    assert_eq!(fs::read_dir(format!("{STORE}/users/{ALICE}")).unwrap().count(), 2);
    assert_eq!(complaints(lab), *healthy);
    lab.totpctl(["unlock", "alice"]);
    let status = lab.status("alice");
    assert_eq!((&status["enrolled"], &status["suspended"]), (&true.into(), &Value::Null), "{status}");
    let types = |code: &str| Login::new("door", "alice").code(code).command();
    for code in [&alice.backup_codes[TYPED], &alice.phone.code(2)] {
        let mut later = types(code);
        stop_clock(&mut later, acceptance::codes::now() + 600);
        assert!(opens(&mut later), "{:#?}", lab.syslog.module());
        assert!(!opens(&mut later));
    }
    let asks = |code: &str| opens(types(code).uid(ALICE).gid(ALICE));
    assert!(asks(&alice.backup_codes[TYPED + 1]) && !asks(&alice.backup_codes[TYPED + 1]));
    let verify = format!("echo {} | totpctl verify alice", alice.backup_codes[TYPED + 2]);
    let path = format!("{LAB}:/usr/bin:/bin");
    let verified = run(Command::new("sh").args(["-c", &verify]).env("PATH", path));
    assert!(String::from_utf8_lossy(&verified.stdout).contains("accepted: a backup code"));
    lab.totpctl(["revoke", "alice", "--yes"]);
}

/// A door, the daemon, and whoever may ask it.
fn open_house(lab: &Lab) -> Daemon {
    let checkers: Vec<_> =
        CHECKERS.map(|uid| format!("{{ uid = {uid}, service = \"door{uid}\" }}")).collect();
    CHECKERS.for_each(|uid| lab.add_account(&format!("checker{uid}"), uid));
    lab.settings(&format!(
        "[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 100\nyearly_risk = 0.01\n\
         [daemon]\ncheckers = [{}]\n",
        checkers.join(", ")
    ));
    lab.door("");
    Daemon::start(lab)
}

#[test]
fn of_many_processes_amid_every_change_each_code_opens_once_and_none_that_is_void() {
    sandbox::within(|lab| {
        let _daemon = open_house(lab);
        for _ in 0..2 {
            race(lab, &Size { at_once: 6, later: 1 }, &mut Tally::default());
        }
    });
}

#[test]
#[ignore = "minutes: run by tests/faults"]
fn of_two_hundred_processes_at_once_amid_every_change_each_code_opens_once_and_none_that_is_void() {
    sandbox::within(|lab| {
        let _daemon = open_house(lab);
        let mut tally = Tally::default();
        for _ in 0..RACES {
            race(lab, &Size { at_once: 17, later: 2 }, &mut tally);
        }
        tally.tell(RACES);
    });
}
