//! What is run, what happened to it, and how much of it was seen.

use crate::deeds::{Answer, Job};
use crate::world::Place;

/// What is run at once, and on what.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// Run one after the other, undisturbed, before the race.
    pub(crate) before: Vec<Job>,
    /// A slot of the ledger that is rotten when the race begins.
    pub(crate) rotten: Vec<usize>,
    /// The race.
    pub(crate) jobs: Vec<Job>,
    /// How many of these, the last ones, run only after a power cut, and may be hit by a second one.
    pub(crate) survivors: usize,
    /// How many processes may be killed and calls may fail, beside the power cut that may end every run.
    pub(crate) faults: u8,
    /// Fewest states that must have been seen: a search that finds nothing because it looks at nothing is
    /// no proof.
    pub(crate) floor: usize,
}

impl Scenario {
    /// Whether the ledger is beyond reading when the race begins.
    pub(crate) fn is_lost(&self) -> bool {
        self.rotten.len() == 2
    }
}

/// A process of the race.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Proc {
    /// Between two calls.
    Runs(Place),
    /// In the middle of an overwrite.
    Writes(Place),
    Dead,
    Answered(Answer),
}

impl Proc {
    pub(crate) fn answer(self) -> Option<Answer> {
        match self {
            Self::Answered(answer) => Some(answer),
            _ => None,
        }
    }
}

/// What has gone wrong so far.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub(crate) struct Faults {
    pub(crate) kills: u8,
    pub(crate) failures: u8,
    pub(crate) power_cut: bool,
    /// A process whose overwrite failed did not get to put the former bytes back: it was killed just then, or
    /// that failed too. What others read may now be less durable than it looks.
    pub(crate) not_put_back: bool,
}

/// How much was seen: whole runs, states of files and processes, steps between them, ends of runs to which
/// the promises were put, and results that the real code was run on.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) states: usize,
    pub(crate) steps: usize,
    pub(crate) interleavings: u128,
    pub(crate) recoveries: usize,
    pub(crate) logs: usize,
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { states, steps, interleavings, recoveries, logs } = self;
        write!(
            f,
            "{interleavings} interleavings, {states} states, {steps} steps, {recoveries} endings, {logs} logs"
        )
    }
}
