//! The two slots of a ledger, with whatever a ledger may say.

use crate::format::VERSION;
use crate::slots::{Read, SLOT_LEN, Slot, Slots, seal};
use crate::{Id, LEDGER_LEN};
use otp::{Algorithm, Attempt, Code, Digits, Enrollment, Kind, Ledger, Origin, Period, Policy, Secret, Time};
use otp::{Token, TokenName, Typed, Verdict, judge};

const NOW: Time = Time(1_800_000_000);

/// How codes are judged: as by default, but for a reach that costs a few HMACs and not hundreds.
fn policy() -> Policy {
    Policy { resync: 12, ..Policy::default() }
}

/// The first bytes say what is damaged, the halves of the rest are what stands in the slots. What is read of them
/// is the newest that is whole, and is written as the same; a slot with a single bit changed is none; and a code
/// that was accepted and recorded opens nothing any more once any byte of the ledger is another one.
pub fn ledger(bytes: &[u8]) {
    let Some((&[place, more, change], records)) = bytes.split_first_chunk() else { return };
    let damage = Damage { place: usize::from(u16::from_le_bytes([place, more])), change: change.max(1) };
    let (first, second) = records.split_at(records.len() / 2);
    let mut slots = Slots(Box::new([0; LEDGER_LEN]));
    for (slot, record) in slots.0.chunks_exact_mut(SLOT_LEN).zip([first, second]) {
        let length = record.len().min(SLOT_LEN);
        slot[..length].copy_from_slice(&record[..length]);
        // Nobody finds a checksum by chance.
        seal(slot);
    }
    let whole = [0, 1].map(|index| Slot::decode(slots.slot(index)));
    for slot in whole.iter().flatten() {
        let mut written = slot.encode();
        assert_eq!(Slot::decode(&written).as_ref(), Some(slot));
        // The record's own bytes; behind them there are none that count.
        let length = written.iter().rposition(|&byte| byte != 0).unwrap_or(0);
        written[damage.place % length.max(1)] ^= damage.change;
        assert_eq!(Slot::decode(&written), None);
    }
    for slot in whole.iter().flatten() {
        let (id, tokens) = (slot.enrollment, slot.ledger.tokens.len());
        is_the_newest(&slots, &whole, id, tokens);
        if let Read::Whole(newest) = slots.read(id, tokens) {
            opens_once(&slots, &newest, damage);
        }
    }
}

#[derive(Clone, Copy)]
struct Damage {
    place: usize,
    change: u8,
}

fn is_the_newest(slots: &Slots, whole: &[Option<Slot>; 2], id: Id, tokens: usize) {
    let fits = |slot: &&Slot| slot.enrollment == id && slot.ledger.tokens.len() == tokens;
    let ours = |index: usize| whole[index].as_ref().filter(fits).filter(|slot| slot.index() == index);
    let newest = ours(0).into_iter().chain(ours(1)).max_by_key(|slot| slot.generation);
    match slots.read(id, tokens) {
        Read::Whole(slot) => assert!(ours(0).is_some() && ours(1).is_some() && newest == Some(&slot)),
        Read::Half(slot) => assert!(ours(0).is_some() != ours(1).is_some() && newest == Some(&slot)),
        Read::Lost => assert_eq!(newest, None),
        Read::Newer(format) => assert!(format > VERSION && whole.contains(&None)),
    }
}

/// As a login writes: over the older slot, and over both where the older one would not tell.
fn opens_once(slots: &Slots, newest: &Slot, damage: Damage) {
    let Some(enrollment) = enrollment(newest.ledger.tokens.len()) else { return };
    let place = damage.place % enrollment.tokens().len();
    let Some(attempts) = right(&enrollment, &newest.ledger, place) else { return };
    for attempt in attempts {
        let judged = judge(&enrollment, &newest.ledger, &attempt, NOW, &policy());
        let (Verdict::Accepted { .. }, Some(next)) = (judged.verdict, judged.next) else { continue };
        let both = newest.ledger.cannot_be_raised_to(&next, &enrollment, &policy());
        let record = newest.following(next);
        // In 2^64 logins.
        if record.generation >= u64::MAX - 1 {
            return;
        }
        let mut written = slots.clone();
        let records = [Some(record.clone()), both.then(|| record.following(record.ledger.clone()))];
        for record in records.into_iter().flatten() {
            let start = record.index() * SLOT_LEN;
            written.0[start..start + SLOT_LEN].copy_from_slice(&record.encode());
        }
        let rotten = &mut written.0[damage.place % LEDGER_LEN];
        *rotten ^= damage.change;
        let left = match written.read(newest.enrollment, enrollment.tokens().len()) {
            Read::Whole(slot) => slot.ledger,
            Read::Half(slot) => slot.ledger.raised(&enrollment, &policy(), NOW),
            Read::Lost | Read::Newer(_) => continue,
        };
        let again = judge(&enrollment, &left, &attempt, NOW, &policy()).verdict;
        assert!(!matches!(again, Verdict::Accepted { .. }), "{:?} opens twice", attempt.typed);
    }
}

/// Tokens of the key of RFC 4226, of time and of events in turn.
fn enrollment(tokens: usize) -> Option<Enrollment> {
    let token = |place: usize| {
        Some(Token {
            name: TokenName::new(&format!("token-{place}"))?,
            kind: if place.is_multiple_of(2) { Kind::Totp { period: Period::THIRTY } } else { Kind::Hotp },
            algorithm: Algorithm::Sha1,
            digits: Digits::SIX,
            // Each another one, so that a code is of one token.
            secret: Secret::new(format!("1234567890123456789{place}").as_bytes()).ok()?,
        })
    };
    Enrollment::new((0..tokens).map(token).collect::<Option<_>>()?, None).ok()
}

/// The next code of this token, and its next two in one reply, which open in a lane that waits too.
fn right(enrollment: &Enrollment, ledger: &Ledger, place: usize) -> Option<[Attempt; 2]> {
    let (token, state) = (&enrollment.tokens()[place], &ledger.tokens[place]);
    let drift = state.known_drift(&policy());
    let factor = token.step_at(NOW).map_or(Some(state.next), |step| step.checked_add_signed(drift))?;
    let code = |factor| -> Code { token.code(factor) };
    let (first, second) = (code(factor), code(factor.checked_add(1)?));
    let of = |typed| Attempt { typed, origin: Origin::Stranger };
    Some([of(Typed::Code(first.clone())), of(Typed::Pair(first, second))])
}
