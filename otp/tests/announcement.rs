//! A change is told at every login until it is over, or until its own token has opened one: nothing else ends
//! it.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod common;

use common::{K1, K2, K3, NOW, judged, named, network, phone, totp, typed_from};
use otp::{
    Announced, Announcement, BackupCode, BackupSet, Bypass, Enrollment, EnrollmentError, Ledger, Life,
    MAX_ANNOUNCEMENTS, Notice, Origin, Policy, Reason, Secret, Time, Token, TokenName, Uses, Verdict,
};
use proptest::prelude::*;

const WEEK: u64 = 7 * 86_400;

fn backup(number: u8) -> BackupCode {
    BackupCode::from_random([number, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 11]).unwrap()
}

/// Three tokens that share neither key nor name.
fn token(number: usize) -> Token {
    let (name, key) = [("phone", K1), ("fob", K2), ("key", K3)][number];
    named(name, totp(30), 6, Secret::from_base32(key).unwrap())
}

fn name(text: &str) -> TokenName {
    TokenName::new(text).unwrap()
}

fn added(text: &str) -> Announced {
    Announced::Added { token: name(text) }
}

fn removed(text: &str) -> Announced {
    Announced::Removed { token: name(text) }
}

/// Somebody, and what is kept of them.
#[derive(Clone)]
struct Person {
    enrollment: Enrollment,
    ledger: Ledger,
    now: Time,
}

impl Person {
    /// With these tokens, a sheet and a bypass; nothing is told.
    fn with(tokens: Vec<Token>) -> Self {
        let set = BackupSet::new(1, NOW, [9; 16], &[backup(1), backup(2)]);
        let bypass = Bypass {
            number: 1,
            life: Life::new(NOW, Time(0), WEEK),
            uses: Uses::new(100).unwrap(),
            reason: Reason::new("the phone is lost").unwrap(),
            salt: [8; 16],
            hash: Bypass::hash(&[8; 16], &backup(3)),
        };
        let enrollment = Enrollment::new(tokens, Some(set)).unwrap().with_bypasses(vec![bypass]).unwrap();
        let ledger = Ledger::new(&enrollment);
        Self { enrollment, ledger, now: NOW }
    }

    /// With phone and fob, of which `change` is told.
    fn told(change: Announced) -> Self {
        let mut person = Self::with(vec![token(0), token(1)]);
        person.changes(change);
        person
    }

    fn changes(&mut self, change: Announced) {
        self.becomes(self.enrollment.tokens().to_vec(), change);
    }

    fn becomes(&mut self, tokens: Vec<Token>, change: Announced) {
        let announcement = Announcement::new(change, false, self.now, self.ledger.latest);
        let next = Enrollment::new(tokens, self.enrollment.backup().cloned()).unwrap();
        let next = next.with_bypasses(self.enrollment.bypasses().to_vec()).unwrap();
        let next = next.announcing([announcement], Some((&self.enrollment, &self.ledger)), self.now);
        self.ledger = self.ledger.carried(&self.enrollment, &next);
        self.enrollment = next;
    }

    /// What a login tells; `None` if it was refused.
    fn types(&mut self, text: &str, origin: Origin) -> Option<Vec<Notice>> {
        let policy = Policy::default();
        match judged(&self.enrollment, &mut self.ledger, &typed_from(origin, text), self.now, &policy) {
            Verdict::Accepted { announced, .. } => Some(announced),
            _ => None,
        }
    }

    /// A login with a fresh code, one step later.
    fn logs_in(&mut self, with: usize, origin: Origin) -> Vec<Announced> {
        self.now = self.now.after(30);
        let code = token(with).code(self.now.0 / 30);
        let told = self.types(code.expose(), origin).unwrap();
        told.into_iter().map(|notice| notice.change).collect()
    }
}

fn home() -> Origin {
    Origin::Network(network("192.0.2.7"))
}

#[test]
fn the_login_that_acknowledges_is_the_last_one_told() {
    for origin in [Origin::Console, home(), Origin::Stranger] {
        let mut alice = Person::told(added("fob"));
        for _ in 0..3 {
            assert_eq!(alice.logs_in(0, origin), [added("fob")], "the other token says nothing of this one");
        }
        assert_eq!(alice.logs_in(1, origin), [added("fob")]);
        assert_eq!(alice.logs_in(1, origin), []);
        assert_eq!(alice.logs_in(0, origin), []);
    }
}

#[test]
fn what_the_owners_own_programs_may_be_behind_clears_nothing() {
    for change in [added("fob"), removed("old"), Announced::BackupCodes] {
        let mut alice = Person::told(change.clone());
        for with in [1, 0, 1] {
            for origin in [Origin::Owner, Origin::Others, Origin::Service] {
                assert_eq!(alice.logs_in(with, origin), std::slice::from_ref(&change));
            }
        }
        assert_eq!(alice.logs_in(1, Origin::Console), [change]);
        assert_eq!(alice.logs_in(1, Origin::Owner), []);
    }
}

#[test]
fn neither_a_backup_code_nor_a_bypass_clears_anything_and_each_is_told() {
    for change in [added("fob"), removed("old"), Announced::BackupCodes] {
        let mut alice = Person::told(change.clone());
        for code in [backup(1), backup(3), backup(3), backup(2)] {
            let told = alice.types(&code.expose(), Origin::Console).unwrap();
            assert_eq!(told, [Notice { change: change.clone(), at: NOW, by_root: false }]);
        }
        assert_eq!(alice.types(&backup(1).expose(), Origin::Console), None, "spent");
    }
}

#[test]
fn what_left_no_token_behind_is_acknowledged_with_any() {
    for change in
        [removed("old"), Announced::BackupCodes, added("old"), Announced::Replaced { token: name("old") }]
    {
        let mut alice = Person::told(change.clone());
        assert_eq!(alice.logs_in(0, home()), [change]);
        assert_eq!(alice.logs_in(0, home()), []);
    }
    for change in [Announced::Replaced { token: name("fob") }, Announced::Enrolled { token: name("fob") }] {
        let mut alice = Person::told(change.clone());
        assert_eq!(alice.logs_in(0, home()), std::slice::from_ref(&change));
        assert_eq!(alice.logs_in(0, home()), [change]);
    }
}

#[test]
fn nothing_is_acknowledged_beyond_the_last_place() {
    let all = Ledger { acknowledged: u8::MAX, ..Ledger::default() };
    assert!(all.is_acknowledged(MAX_ANNOUNCEMENTS - 1));
    assert!(!all.is_acknowledged(MAX_ANNOUNCEMENTS));
}

#[test]
fn a_code_that_two_tokens_show_acknowledges_what_is_told_of_either() {
    let mut alice = Person::with(vec![token(0)]);
    let twin = Token { name: name("twin"), ..token(0) };
    alice.becomes(vec![token(0), twin], added("twin"));
    assert_eq!(alice.logs_in(0, home()), [added("twin")]);
    assert_eq!(alice.logs_in(0, home()), []);
}

#[test]
fn of_first_tokens_those_that_people_enroll_themselves_are_told() {
    let told = |by_root| {
        let alice = Person::with(vec![token(0)]);
        let first = Announced::Enrolled { token: name("phone") };
        let announcement = Announcement::new(first, by_root, NOW, Time(0));
        alice.enrollment.announcing([announcement], None, NOW).announcements().len()
    };
    assert_eq!((told(true), told(false)), (0, 1));
}

#[test]
fn nothing_is_born_acknowledged_after_a_revocation() {
    let mut alice = Person::told(added("fob"));
    alice.logs_in(1, home());
    assert_eq!((alice.ledger.acknowledged, alice.ledger.without_tokens().acknowledged), (1, 0));
}

#[test]
fn two_successive_codes_acknowledge_as_one_does() {
    let mut alice = Person::told(added("fob"));
    let step = NOW.0 / 30;
    let pair = format!("{} {}", token(1).code(step).expose(), token(1).code(step + 1).expose());
    assert_eq!(alice.types(&pair, home()).unwrap().len(), 1);
    alice.now = NOW.after(60);
    assert_eq!(alice.logs_in(0, home()), []);
}

#[test]
fn it_is_over_after_a_week_by_the_later_of_clock_and_record() {
    let told_at = |latest, now| {
        let mut alice = Person::told(added("fob"));
        (alice.ledger.latest, alice.now) = (latest, now);
        alice.types(&backup(1).expose(), Origin::Console).unwrap().len()
    };
    assert_eq!(told_at(NOW, NOW.after(WEEK - 1)), 1);
    assert_eq!(told_at(NOW, NOW.after(WEEK)), 0);
    assert_eq!(told_at(NOW.after(WEEK - 1), NOW), 1);
    assert_eq!(told_at(NOW.after(WEEK), NOW), 0, "the clock was put back");
}

#[test]
fn a_clock_that_ran_ahead_before_takes_nothing_from_the_week() {
    let mut alice = Person::with(vec![token(0), token(1)]);
    alice.ledger.latest = NOW.after(86_400);
    alice.changes(added("fob"));
    alice.now = NOW.after(WEEK - 60);
    assert_eq!(alice.logs_in(0, home()), [added("fob")]);
}

#[test]
fn a_refused_login_tells_and_clears_nothing() {
    let mut alice = Person::told(added("fob"));
    for text in ["000000", "0000-0000-000a", "password", ""] {
        assert_eq!(alice.types(text, home()), None);
    }
    let code = token(1).code(NOW.0 / 30 - 9);
    assert_eq!(alice.types(code.expose(), home()), None);
    assert_eq!(alice.logs_in(0, home()), [added("fob")]);
}

#[test]
fn two_changes_within_a_second_are_two() {
    let mut alice = Person::told(Announced::BackupCodes);
    alice.ledger.latest = NOW;
    alice.changes(Announced::BackupCodes);
    assert_eq!(alice.enrollment.announcements().len(), 2);
    // An acknowledgement of the first, and another within the same second: it is not acknowledged.
    alice.ledger.acknowledged = 0b11;
    alice.changes(Announced::BackupCodes);
    assert_eq!((alice.enrollment.announcements().len(), alice.ledger.acknowledged), (1, 0));
}

#[test]
fn of_nine_the_oldest_goes() {
    let mut alice = Person::with(vec![token(0)]);
    for number in 0..9 {
        alice.now = NOW.after(number);
        alice.changes(removed(&number.to_string()));
    }
    let left: Vec<_> = alice.enrollment.announcements().iter().map(|told| told.change.clone()).collect();
    assert_eq!(left, (1..9).map(|number| removed(&number.to_string())).collect::<Vec<_>>());
}

#[test]
fn nobody_pushes_out_what_is_told_of_a_token_that_opens() {
    let mut alice = Person::with(vec![token(0)]);
    alice.becomes(vec![token(0), token(1)], added("fob"));
    for _ in 0..20 {
        alice.now = alice.now.after(1);
        alice.becomes(vec![token(0), token(1), token(2)], added("key"));
        alice.changes(Announced::BackupCodes);
        alice.becomes(vec![token(0), token(1)], removed("key"));
    }
    let told = alice.enrollment.announcements();
    assert_eq!((told.len(), &told[0].change), (MAX_ANNOUNCEMENTS, &added("fob")));
}

#[test]
fn nobody_pushes_out_a_token_that_opens_by_telling_another_one_twice() {
    let spare = |number: usize| Token { name: name(&format!("spare{number}")), ..token(2) };
    let mut alice = Person::with(vec![token(0)]);
    let mut tokens = vec![token(0), token(1)];
    alice.becomes(tokens.clone(), added("fob"));
    for number in [1, 1, 2, 3, 4, 5, 6] {
        if let Some(place) = tokens.iter().position(|token| *token == spare(number)) {
            tokens.remove(place);
            alice.becomes(tokens.clone(), removed("spare1"));
        }
        alice.now = alice.now.after(1);
        tokens.push(spare(number));
        alice.becomes(tokens.clone(), added(&format!("spare{number}")));
    }
    alice.changes(Announced::BackupCodes);
    assert_eq!(alice.enrollment.announcements().len(), MAX_ANNOUNCEMENTS);
    let told = alice.logs_in(0, Origin::Owner);
    assert_eq!((&told[0], &told[7]), (&added("fob"), &Announced::BackupCodes));
}

#[test]
fn nobody_pushes_out_the_newest_change_of_the_backup_codes() {
    let mut alice = Person::with(vec![token(0)]);
    alice.changes(Announced::BackupCodes);
    for _ in 0..9 {
        alice.now = alice.now.after(1);
        alice.becomes(vec![token(0), token(1)], added("fob"));
        alice.becomes(vec![token(0)], removed("fob"));
    }
    assert_eq!(alice.logs_in(0, Origin::Owner)[0], Announced::BackupCodes);
}

#[test]
fn what_is_acknowledged_or_over_makes_room_at_the_next_change() {
    let mut alice = Person::told(added("fob"));
    alice.logs_in(1, home());
    alice.changes(Announced::BackupCodes);
    assert_eq!(alice.enrollment.announcements().len(), 1);
    alice.now = alice.now.after(WEEK);
    alice.changes(removed("old"));
    assert_eq!(alice.enrollment.announcements().len(), 1);
}

#[test]
fn no_more_fit_than_the_ledger_counts() {
    let many = vec![Announcement::new(added("fob"), true, NOW, NOW); 9];
    let refused = Person::with(vec![phone(K1)]).enrollment.with_announcements(many);
    assert_eq!(refused, Err(EnrollmentError::Announcements(MAX_ANNOUNCEMENTS + 1)));
}

#[test]
fn a_notice_says_what_when_and_by_whom() {
    let words = |change, by_root| Notice { change, at: NOW.after(3_723), by_root }.to_string();
    assert_eq!(words(added("fob"), false), "Token fob was added on 2027-01-15 09:02 UTC.");
    assert_eq!(
        words(Announced::BackupCodes, true),
        "The backup codes were changed on 2027-01-15 09:02 UTC by an administrator."
    );
}

/// What happens next.
#[derive(Clone, Debug)]
enum Event {
    /// The clock goes on or is set, by seconds.
    Jump(i64),
    /// A code of one of the tokens, from one of six places.
    Code(usize, usize),
    /// A backup code or the bypass.
    Backup(u8),
    /// A token comes or goes.
    Token(usize),
    /// Something changes that is no token: bypasses, the account's name.
    Quiet,
    Unlock,
    CorrectClock,
    /// Half of the ledger is lost, or all of it.
    Half,
    Lost,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..400i64).prop_map(Event::Jump),
        1 => (-4000..400_000i64).prop_map(Event::Jump),
        8 => (0..3usize, 0..6usize).prop_map(|(token, from)| Event::Code(token, from)),
        2 => (1..=3u8).prop_map(Event::Backup),
        1 => (1..3usize).prop_map(Event::Token),
        1 => Just(Event::Quiet),
        1 => Just(Event::Unlock),
        1 => Just(Event::CorrectClock),
        1 => Just(Event::Half),
        1 => Just(Event::Lost),
    ]
}

/// An announcement as the person thinks of it.
struct Told {
    change: Announced,
    life: Life,
    acknowledged: bool,
}

struct World {
    person: Person,
    told: Vec<Told>,
}

impl World {
    fn happens(&mut self, event: &Event) {
        let policy = Policy::default();
        let Person { enrollment, ledger, now } = &mut self.person;
        match event {
            Event::Jump(seconds) => *now = Time(now.0.saturating_add_signed(*seconds)),
            Event::Code(with, from) => self.a_code_is_typed(*with, *from),
            Event::Backup(number) => {
                let expected = self.standing();
                if let Some(told) = self.person.types(&backup(*number).expose(), home()) {
                    assert_eq!(changes(told), expected);
                }
            }
            Event::Token(number) => self.a_token_comes_or_goes(*number),
            Event::Quiet => {
                let next = enrollment.clone().with_bypasses(Vec::new()).unwrap();
                *ledger = ledger.carried(enrollment, &next);
                *enrollment = next;
            }
            Event::Unlock => *ledger = ledger.unlocked(),
            Event::CorrectClock => *ledger = ledger.with_clock_corrected(enrollment, &policy, *now),
            Event::Half => *ledger = ledger.raised(enrollment, &policy, *now),
            Event::Lost => {
                *ledger = Ledger::rebuilt(enrollment, &policy, *now);
                self.told.iter_mut().for_each(|told| told.acknowledged = false);
            }
        }
    }

    fn standing(&self) -> Vec<Announced> {
        let (latest, now) = (self.person.ledger.latest, self.person.now);
        let standing = self.told.iter().filter(|told| !told.acknowledged && !told.life.is_over(latest, now));
        standing.map(|told| told.change.clone()).collect()
    }

    fn a_code_is_typed(&mut self, with: usize, from: usize) {
        let origins =
            [Origin::Console, home(), Origin::Stranger, Origin::Owner, Origin::Others, Origin::Service];
        let (origin, counts) = (origins[from], from < 3);
        let expected = self.standing();
        let code = token(with).code(self.person.now.0 / 30);
        let Some(told) = self.person.types(code.expose(), origin) else { return };
        assert_eq!(changes(told), expected);
        for told in self.told.iter_mut().filter(|_| counts) {
            told.acknowledged |= match &told.change {
                Announced::Added { token: new } => {
                    *new == token(with).name || self.person.enrollment.token(new).is_none()
                }
                _ => true,
            };
        }
    }

    fn a_token_comes_or_goes(&mut self, number: usize) {
        let mut tokens = self.person.enrollment.tokens().to_vec();
        let place = tokens.iter().position(|held| held.name == token(number).name);
        let change = match place {
            Some(place) => Announced::Removed { token: tokens.remove(place).name },
            None => {
                tokens.insert(0, token(number));
                Announced::Added { token: token(number).name }
            }
        };
        let (latest, now) = (self.person.ledger.latest, self.person.now);
        self.told.retain(|told| !told.acknowledged && !told.life.is_over(latest, now));
        if self.told.len() < MAX_ANNOUNCEMENTS {
            let life = Life::new(now, latest, WEEK);
            self.told.push(Told { change: change.clone(), life, acknowledged: false });
            self.person.becomes(tokens, change);
        }
    }
}

fn changes(told: Vec<Notice>) -> Vec<Announced> {
    told.into_iter().map(|notice| notice.change).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn nothing_but_its_token_or_its_time_ends_an_announcement(
        events in prop::collection::vec(event(), 1..150),
    ) {
        let mut world = World { person: Person::with(vec![token(0)]), told: Vec::new() };
        for event in &events {
            world.happens(event);
        }
    }
}
