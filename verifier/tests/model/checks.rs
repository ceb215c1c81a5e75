//! What must hold whatever happened: the laws, put to a folder that somebody finds after the race.

use crate::deeds::{Answer, Credential, Deed, How, Job, Key, Seen};
use crate::fs::Fs;
use crate::scenario::{Faults, Proc, Scenario};
use crate::world::World;

/// The seed of the enrollment that stands before the race.
pub(crate) const FIRST: u8 = 1;
/// Who looks afterwards, and who repairs.
const INSPECTOR: u8 = 12;

/// What was answered "done" holds for whoever answers after it.
pub(crate) fn answer_in_time(
    scenario: &Scenario,
    procs: &[Proc],
    faults: Faults,
    index: usize,
    answer: Answer,
) -> Result<(), String> {
    let jobs = &scenario.jobs;
    let is_calm = scenario.rotten.is_empty() && faults == Faults::default();
    let is_trouble = match answer {
        Answer::Seen(seen) => seen.is_some_and(|seen| seen.ledger != "whole"),
        // Somebody else's change came first.
        Answer::Unavailable("changed") => !jobs[index].is_change(),
        Answer::Unavailable(_) | Answer::Unconfirmed => true,
        _ => false,
    };
    if is_calm && is_trouble {
        return Err(format!("nothing is wrong, and {:?} is answered {answer:?}", jobs[index].deed));
    }
    let Deed::Login(credential) = jobs[index].deed else { return Ok(()) };
    if answer != Answer::Accepted {
        return Ok(());
    }
    for (job, process) in jobs.iter().zip(procs) {
        let outdated = match job.deed {
            Deed::Revoke => true,
            Deed::Enroll { key, how: How::Replace, .. } => match credential {
                Credential::Code(typed, _) => typed != key,
                Credential::Backup(seed) => seed != job.seed,
                Credential::Bypass(_) | Credential::Invitation(_) | Credential::Wrong => true,
            },
            Deed::NewBackupCodes => matches!(credential, Credential::Backup(seed) if seed != job.seed),
            _ => false,
        };
        if outdated && process.answer() == Some(Answer::Done) {
            return Err(format!("{credential:?} was accepted after {:?} was done", job.deed));
        }
    }
    Ok(())
}

/// Puts every promise to the folder as it is found.
pub(crate) fn recovery(
    world: &mut World,
    scenario: &Scenario,
    fs: &Fs,
    procs: &[Proc],
    faults: Faults,
) -> Result<(), String> {
    let mut find = Find { world, scenario, fs, procs, faults };
    let seen = find.status()?;
    find.one_change_at_most()?;
    find.is_old_or_new(seen)?;
    find.has_its_ledger(seen)?;
    find.failures_stay_counted(seen)?;
    find.nothing_twice(seen)?;
    find.nobody_shut_out(seen)?;
    find.can_be_changed(seen)
}

struct Find<'a> {
    world: &'a mut World,
    scenario: &'a Scenario,
    fs: &'a Fs,
    procs: &'a [Proc],
    faults: Faults,
}

impl Find<'_> {
    fn run(&mut self, fs: &mut Fs, job: Job) -> Answer {
        self.world.run_alone(fs, INSPECTOR, job)
    }

    fn login(&mut self, fs: &mut Fs, credential: Credential, later: u64) -> Answer {
        self.run(fs, Job::new(Deed::Login(credential), 0).later(later))
    }

    fn status(&mut self) -> Result<Option<Seen>, String> {
        match self.run(&mut self.fs.clone(), Job::new(Deed::Status, 0)) {
            Answer::Seen(seen) => Ok(seen),
            other => Err(format!("the enrollment cannot be read: {other:?}")),
        }
    }

    /// The processes that would put another record in place, with their answers. Of two that build on each
    /// other the later stands last.
    fn changes(&self) -> impl Iterator<Item = (&Job, Option<Answer>)> {
        let rebuilds = self.scenario.is_lost();
        let is_change = move |job: &Job| job.is_change() || job.deed == Deed::Unlock && rebuilds;
        let pairs = self.scenario.jobs.iter().zip(self.procs);
        pairs.filter(move |(job, _)| is_change(job)).map(|(job, process)| (job, process.answer()))
    }

    fn enrolled_before(&self) -> Option<u8> {
        self.scenario.before.iter().rev().find(|job| job.is_change()).map(|job| job.seed)
    }

    fn one_change_at_most(&self) -> Result<(), String> {
        let stands = |answer| match answer {
            Some(Answer::Done) => true,
            Some(Answer::Unconfirmed) => self.faults.failures < 2,
            _ => false,
        };
        let mut starts: Vec<_> =
            self.changes().filter(|(_, answer)| stands(*answer)).map(|(job, _)| job.from).collect();
        let made = starts.len();
        starts.sort_unstable();
        starts.dedup();
        if starts.len() < made {
            return Err("two changes of one enrollment were made".into());
        }
        Ok(())
    }

    /// What is in place is what was answered as done last, or what somebody was cut short in making of it.
    fn is_old_or_new(&self, seen: Option<Seen>) -> Result<(), String> {
        let found = seen.map(|seen| seen.made_by);
        let mut settled = self.enrolled_before();
        let mut possible = Vec::new();
        for (job, answer) in self.changes() {
            let is_settled = match answer {
                Some(Answer::Done) => true,
                Some(Answer::Unconfirmed) => !self.faults.power_cut && self.faults.failures < 2,
                _ => false,
            };
            if is_settled || self.has_opened_for(job) {
                settled = Some(job.seed);
            } else if matches!(answer, Some(Answer::Unconfirmed) | None) {
                possible.push(job);
            }
        }
        let mut allowed = vec![settled];
        for job in possible {
            if allowed.contains(&job.from) || self.scenario.is_lost() {
                allowed.push(Some(job.seed));
            }
        }
        if !allowed.contains(&found) {
            return Err(format!("{found:?} is in place, after {settled:?} was answered"));
        }
        Ok(())
    }

    /// Whether a login was accepted by the token that this change brings: it has made sure of its enrollment.
    fn has_opened_for(&self, change: &Job) -> bool {
        let (Deed::Enroll { key, .. } | Deed::Import(key)) = change.deed else { return false };
        let is_old = |job: &Job| matches!(job.deed, Deed::Enroll { key: old, .. } if old == key);
        let mut accepted = self.accepted();
        !self.scenario.before.iter().any(is_old)
            && accepted.any(|c| matches!(c, Credential::Code(typed, _) if typed == key))
    }

    fn has_its_ledger(&self, seen: Option<Seen>) -> Result<(), String> {
        let was_lost = self.scenario.is_lost() && seen.map(|seen| seen.made_by) == self.enrolled_before();
        match seen {
            Some(seen) if seen.ledger == "lost" && !was_lost && !self.faults.not_put_back => {
                Err("an enrollment without its ledger".into())
            }
            _ => Ok(()),
        }
    }

    /// Killing the process, or pulling the plug, buys no free guess.
    fn failures_stay_counted(&self, seen: Option<Seen>) -> Result<(), String> {
        let carried = self.changes().all(|(job, _)| matches!(job.deed, Deed::NewBackupCodes | Deed::Bypass));
        if !carried || self.faults.not_put_back {
            return Ok(());
        }
        let wrong = Some(Answer::Refused("wrong"));
        let wrong = self.procs.iter().filter(|process| process.answer() == wrong).count();
        let (failures, charged) = seen.map_or((0, 0), |seen| (seen.failures as usize, seen.charged as usize));
        let is_guess = |job: &Job| !matches!(job.deed, Deed::Login(c) if c != Credential::Wrong);
        // A success sets the delay back, even if nobody was left to answer it.
        if charged < wrong || self.scenario.jobs.iter().all(is_guess) && failures < wrong {
            return Err(format!("{wrong} guesses were answered, {failures} are counted, {charged} charged"));
        }
        Ok(())
    }

    /// What was accepted in the race or before it.
    fn accepted(&self) -> impl Iterator<Item = Credential> {
        let before = self.scenario.before.iter().map(|job| (job, Some(Answer::Accepted)));
        let race = self.scenario.jobs.iter().zip(self.procs.iter().map(|process| process.answer()));
        before.chain(race).filter_map(|(job, answer)| match job.deed {
            Deed::Login(credential) if answer == Some(Answer::Accepted) => Some(credential),
            _ => None,
        })
    }

    /// What is typed anywhere in the scenario, and whether a change confirms itself with it.
    fn credentials(&self) -> Vec<(Credential, bool)> {
        let jobs = self.scenario.before.iter().chain(&self.scenario.jobs);
        let mut all: Vec<_> = jobs
            .flat_map(|job| match job.deed {
                Deed::Login(Credential::Wrong) => vec![],
                Deed::Login(credential) => vec![(credential, false)],
                Deed::Enroll { key, confirmed, with, .. } => {
                    let confirms = confirmed.then_some(Credential::Code(key, 0));
                    confirms.into_iter().chain(with).map(|credential| (credential, true)).collect()
                }
                _ => vec![],
            })
            .collect();
        all.sort_by_key(|(credential, confirms)| (format!("{credential:?}"), !confirms));
        all.dedup_by_key(|(credential, _)| *credential);
        all
    }

    fn nothing_twice(&mut self, seen: Option<Seen>) -> Result<(), String> {
        for (credential, confirms) in self.credentials() {
            let before = self.accepted().filter(|accepted| *accepted == credential).count();
            let confirmed = self.has_confirmed(credential, seen);
            let mut fs = self.fs.clone();
            // A rotten slot refuses the first, so that only the second is judged.
            let tries = [0; 3].map(|_| self.login(&mut fs, credential, 0));
            let after = tries.iter().filter(|answer| **answer == Answer::Accepted).count();
            if before + after + usize::from(confirmed) > 1 {
                return Err(format!(
                    "{credential:?} was accepted {before} times, confirmed an enrollment: {confirmed}, then \
                     {tries:?}"
                ));
            }
            if before + after == 0 && !confirms && self.must_be_fresh(credential, seen) {
                return Err(format!("{credential:?} was never accepted, and now {tries:?}"));
            }
        }
        Ok(())
    }

    /// Whether a change that this credential confirmed or authorised was answered, or is in place.
    fn has_confirmed(&self, credential: Credential, seen: Option<Seen>) -> bool {
        let in_place = seen.map(|seen| seen.made_by);
        self.changes().any(|(job, answer)| match job.deed {
            Deed::Enroll { key, confirmed, with, .. } => {
                let made = answer == Some(Answer::Done) || in_place == Some(job.seed);
                made && (confirmed && credential == Credential::Code(key, 0) || with == Some(credential))
            }
            _ => false,
        })
    }

    /// Whether a credential must still be good: nobody was killed, and a call that failed has been undone.
    fn must_be_fresh(&self, credential: Credential, seen: Option<Seen>) -> bool {
        let Faults { kills, failures, power_cut, .. } = self.faults;
        let undisturbed = kills == 0 && failures <= 1 && !power_cut && self.scenario.rotten.is_empty();
        let Some(seen) = seen.filter(|seen| seen.enrolled && undisturbed) else { return false };
        match credential {
            Credential::Code(key, offset) => {
                let later = |c| matches!(c, Credential::Code(other, later) if other == key && later > offset);
                self.keys(seen).contains(&key) && !self.accepted().any(later)
            }
            Credential::Backup(seed) => self.backup_set(seen) == Some(seed),
            Credential::Bypass(seed) => self.holds_bypass(seen, seed),
            Credential::Invitation(_) | Credential::Wrong => false,
        }
    }

    /// The keys of the enrollment in place.
    fn keys(&self, seen: Seen) -> Vec<Key> {
        let mut keys = vec![];
        let mut jobs: Vec<_> = self.scenario.before.iter().filter(|job| job.is_change()).collect();
        jobs.extend(self.scenario.jobs.iter().filter(|job| job.seed == seen.made_by));
        for job in jobs {
            match job.deed {
                Deed::Enroll { key, how: How::Add, .. } => keys.push(key),
                Deed::Enroll { key, .. } | Deed::Import(key) => keys = vec![key],
                _ => {}
            }
        }
        keys
    }

    /// The seed of the set of backup codes in place.
    fn backup_set(&self, seen: Seen) -> Option<u8> {
        let made = self.made(seen)?;
        match made.deed {
            Deed::Enroll { how: How::Add, .. } | Deed::Bypass => Some(FIRST),
            Deed::Enroll { .. } | Deed::NewBackupCodes => Some(made.seed),
            _ => None,
        }
    }

    /// Whether the enrollment in place has the bypass of this seed: as it was issued, or with something that
    /// keeps it built on it.
    fn holds_bypass(&self, seen: Seen, seed: u8) -> bool {
        let Some(made) = self.made(seen) else { return false };
        match made.deed {
            Deed::Bypass => made.seed == seed,
            Deed::Enroll { how: How::Add, .. } | Deed::NewBackupCodes => made.from == Some(seed),
            _ => false,
        }
    }

    /// Who made the enrollment in place.
    fn made(&self, seen: Seen) -> Option<&Job> {
        let mut jobs = self.scenario.before.iter().chain(&self.scenario.jobs);
        jobs.find(|job| job.seed == seen.made_by)
    }

    fn nobody_shut_out(&mut self, seen: Option<Seen>) -> Result<(), String> {
        let mut fs = self.fs.clone();
        let Some(seen) = seen.filter(|seen| seen.enrolled) else {
            let answer = self.login(&mut fs, Credential::Code(Key::K1, 3), 90);
            return match answer {
                Answer::NotEnrolled => Ok(()),
                other => Err(format!("nobody is enrolled, and a login gets {other:?}")),
            };
        };
        if seen.ledger == "lost" {
            return Ok(());
        }
        for key in self.keys(seen) {
            let first = self.login(&mut fs, Credential::Code(key, 3), 90);
            // After a loss of everything, steps are raised by as much as a phone may have been ahead.
            let second = self.login(&mut fs, Credential::Code(key, 15), 450);
            if second != Answer::Accepted {
                return Err(format!("{key:?} is shut out: {first:?}, {second:?}"));
            }
            if first != Answer::Accepted && seen.ledger == "whole" && !self.scenario.is_lost() {
                return Err(format!("{key:?} is refused on a whole ledger: {first:?}"));
            }
        }
        Ok(())
    }

    /// The next change goes through, and leaves nothing behind but what it made.
    fn can_be_changed(&mut self, seen: Option<Seen>) -> Result<(), String> {
        let mut fs = self.fs.clone();
        let how = if seen.is_some_and(|seen| seen.enrolled) { How::Replace } else { How::First };
        let mut job = Job::new(Deed::Enroll { key: Key::K3, how, confirmed: false, with: None }, INSPECTOR);
        job.from = seen.map(|seen| seen.made_by);
        let answer = self.run(&mut fs, job);
        let left = fs.listing(&self.world.table.borrow());
        if answer != Answer::Done || left.len() != 2 || left[0] != "enrollment.toml" {
            return Err(format!("a later change is answered {answer:?} and leaves {left:?}"));
        }
        Ok(())
    }
}
