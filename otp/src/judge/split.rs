//! Where does the code begin? All readings of a password's end, judged as one attempt.
//!
//! What may be guessed by one answer is the sum of what each reading may guess, and that sum is what a failure
//! is charged, once. Which readings there are says the answer alone; which of them count say the tokens.

use super::{Attempt, Case, Chance, Enrollment, Guess, Judgement, Lane, Ledger, Malformed, Origin, Policy};
use super::{Reply, Time, Typed, Verdict, judge, wait};
use crate::{Reading, Tail};

/// A judgement, and where the code begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Split {
    /// The judgement.
    pub judgement: Judgement,
    /// How many bytes at the end are the code. `None` where nothing shows that they are one.
    pub code: Option<usize>,
}

/// Judges `tail` at `now`.
#[must_use]
pub fn split(
    enrollment: &Enrollment,
    ledger: &Ledger,
    tail: &Tail,
    origin: Origin,
    now: Time,
    policy: &Policy,
) -> Split {
    let attempt = |typed: &Typed| Attempt { typed: typed.clone(), origin };
    let none = attempt(&Typed::Malformed(Malformed::NoCodeAtEnd));
    let case = Case { enrollment, ledger, attempt: &none, now, policy, lane: Lane::of(origin, ledger) };
    let admission = case.admission(tail);
    let judged: Vec<_> = admission
        .open
        .iter()
        .map(|(reading, _)| (*reading, judge(enrollment, ledger, &attempt(&reading.typed), now, policy)))
        .collect();
    // A replay outweighs all else. A text that was accepted is never good again by another reading of it, and
    // a spent code at the end of many guesses makes none of them free.
    let ranks: [fn(&Verdict) -> bool; 3] = [
        |verdict| matches!(verdict, Verdict::Replayed { .. }),
        |verdict| matches!(verdict, Verdict::Accepted { .. }),
        |verdict| matches!(verdict, Verdict::Expired { .. }),
    ];
    for rank in ranks {
        if let Some((reading, judgement)) = judged.iter().find(|(_, judgement)| rank(&judgement.verdict)) {
            let mut judgement = judgement.clone();
            if tail.is_optional() {
                // Whoever may guess for nothing must not earn anything by it: no acknowledgement, no network.
                judgement.next = judgement.next.map(|next| ledger.with_spent(&next));
            }
            let code = with_codes_before(tail, reading.length, |typed| {
                let after = judgement.next.as_ref().unwrap_or(ledger);
                let Judgement { verdict, next } = judge(enrollment, after, &attempt(typed), now, policy);
                if let (Verdict::Accepted { .. }, Some(next)) = (&verdict, next) {
                    judgement.next = Some(after.with_spent(&next));
                }
                matches!(verdict, Verdict::Accepted { .. } | Verdict::Replayed { .. })
            });
            return Split { code: Some(code), judgement };
        }
    }
    let judgement = case.none_is_good(tail, &admission);
    // Charged as a wrong one: at the end of many guesses it must make none of them free.
    let needed = judged.iter().find(|(_, judged)| matches!(judged.verdict, Verdict::PairNeeded { .. }));
    match (needed, &judgement.verdict) {
        (Some((reading, needed)), Verdict::Wrong { counted: true }) => {
            let code = with_codes_before(tail, reading.length, |typed| {
                let verdict = judge(enrollment, ledger, &attempt(typed), now, policy).verdict;
                matches!(verdict, Verdict::PairNeeded { .. } | Verdict::Replayed { .. })
            });
            let verdict = needed.verdict.clone();
            Split { judgement: Judgement { verdict, ..judgement }, code: Some(code) }
        }
        _ => Split { judgement, code: None },
    }
}

/// As many bytes at the end as are codes, of which the last takes `length`: a code that was typed twice, or two
/// in the wrong order, must not be taken for the end of the password. What is good of them is to be spent: where
/// the code is said to begin tells whoever guesses before a spent code that they have found one.
fn with_codes_before(tail: &Tail, mut length: usize, mut is_code: impl FnMut(&Typed) -> bool) -> usize {
    loop {
        let rest = tail.text().len().checked_sub(length).and_then(|end| tail.text().get(..end));
        let before = Tail::of(rest.unwrap_or_default());
        match before.readings().iter().find(|reading| is_code(&reading.typed)) {
            Some(reading) => length += reading.length,
            None => return length,
        }
    }
}

/// As [`super::throttled`], for the end of a password.
#[must_use]
pub fn split_throttled(
    enrollment: &Enrollment,
    ledger: &Ledger,
    tail: &Tail,
    origin: Origin,
    now: Time,
    policy: &Policy,
) -> Option<Verdict> {
    let attempt = Attempt { typed: Typed::Malformed(Malformed::NoCodeAtEnd), origin };
    let case = Case { enrollment, ledger, attempt: &attempt, now, policy, lane: Lane::of(origin, ledger) };
    case.admission(tail).wait.as_ref()?;
    // Nothing of this is kept, so it may come from an older ledger.
    let judgement = split(enrollment, ledger, tail, origin, now, policy).judgement;
    let waits = matches!(judgement.verdict, Verdict::Throttled { .. }) && judgement.next.is_none();
    waits.then_some(judgement.verdict)
}

/// Which readings may be judged now.
struct Admission<'a> {
    /// Each with its chance; of a backup code there is none to speak of.
    open: Vec<(&'a Reading, Chance)>,
    /// The wait of single codes.
    wait: Option<Verdict>,
    /// Why else a reading may not be.
    refusal: Option<Verdict>,
}

impl Case<'_> {
    fn admission<'a>(&self, tail: &'a Tail) -> Admission<'a> {
        let mut admission = Admission { open: Vec::new(), wait: None, refusal: None };
        for reading in tail.readings() {
            let (code, guess) = match &reading.typed {
                Typed::Code(code) => (code, Guess::Single),
                Typed::Pair(code, _) => (code, Guess::Pair),
                Typed::Backup(_) => {
                    admission.open.push((reading, Chance::default()));
                    continue;
                }
                Typed::Malformed(_) => continue,
            };
            match self.admitted(code.digits(), guess) {
                Ok(chance) => admission.open.push((reading, chance)),
                // Single codes come last. They wait longer than two do, and wherever two have to.
                Err(wait @ Verdict::Throttled { .. }) => admission.wait = Some(wait),
                Err(refusal @ Verdict::ClockBehind { .. }) => admission.refusal = Some(refusal),
                // No token has codes of this length.
                Err(_) => {}
            }
        }
        // Together they guess more than each alone.
        let singles = admission.singles();
        let until = wait(self.ledger, self.lane, singles, Guess::Single, self.policy, self.now);
        if let Some(until) = until.filter(|_| admission.open.iter().any(|(reading, _)| is_single(reading))) {
            admission.wait.get_or_insert(Verdict::Throttled { lane: self.lane, until });
        }
        if admission.wait.is_some() {
            admission.open.retain(|(reading, _)| !is_single(reading));
        }
        admission
    }

    /// The answer where no reading is good, was good, or is known at all.
    fn none_is_good(&self, tail: &Tail, admission: &Admission<'_>) -> Judgement {
        let chance =
            admission.open.iter().fold(Chance::default(), |sum, (reading, chance)| match &reading.typed {
                Typed::Pair(first, second) => {
                    sum.plus(*chance).plus(self.other_half(Reply { first, second: Some(second) }))
                }
                _ => sum.plus(*chance),
            });
        let backup = admission.open.iter().any(|(reading, _)| matches!(reading.typed, Typed::Backup(_)));
        // Also where no code is fresh any more, and a guess has no chance at all.
        let guessed = admission.open.iter().any(|(reading, _)| !matches!(reading.typed, Typed::Backup(_)));
        match (&admission.wait, &admission.refusal) {
            (Some(wait), _) if guessed && !tail.is_optional() => {
                // Twelve digits are what a password that ends in digits looks like with a code behind it: they
                // are charged for the two codes that they may have been, but make nobody wait any longer.
                let mut next = self.ledger.clone();
                next.restamp(self.lane, self.now);
                next.bucket_mut(self.lane).charge(chance, &self.policy.throttle, self.now);
                next.latest = next.latest.max(self.now);
                Judgement { verdict: wait.clone(), next: Some(next) }
            }
            (Some(refusal), _) | (None, Some(refusal)) if tail.is_optional() => refusal.clone().into(),
            (Some(refusal), _) => self.refused(refusal.clone()),
            (None, _) if guessed && tail.is_optional() => Verdict::Wrong { counted: false }.into(),
            (None, _) if guessed => self.wrong(chance),
            (None, Some(refusal)) => self.refused(refusal.clone()),
            (None, None) if backup => Verdict::Wrong { counted: false }.into(),
            (None, None) => Verdict::Malformed(tail.missing().unwrap_or(Malformed::WrongLength)).into(),
        }
    }
}

impl Admission<'_> {
    fn singles(&self) -> Chance {
        let singles = self.open.iter().filter(|(reading, _)| is_single(reading));
        singles.fold(Chance::default(), |sum, (_, chance)| sum.plus(*chance))
    }
}

fn is_single(reading: &Reading) -> bool {
    matches!(reading.typed, Typed::Code(_))
}
