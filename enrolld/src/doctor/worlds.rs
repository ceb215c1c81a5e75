//! Every login that a stack can be asked to judge: whether the password is right and which module knows it,
//! what our line answers, and what hangs on things that we do not know.

use crate::doctor::control::Answer;
use crate::doctor::nature::{Nature, nature};
use crate::doctor::stack::{Line, Stack, Step};
use crate::doctor::walk::{Walk, walk};
use std::collections::BTreeMap;

/// What our line answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ours {
    Accepts,
    Denies,
    Ignores,
}

/// One login.
#[derive(Clone, Copy, Debug)]
pub(crate) struct World {
    pub(crate) ours: Ours,
    /// Which of the modules that ask for a password takes it for right, counted from 0; none if it is wrong.
    pub(crate) knows: Option<usize>,
    /// A bit for each of the modules whose answer we do not know.
    switches: usize,
}

/// Beyond so many unknown modules, those that follow are taken to agree with the last.
const SWITCHES: usize = 7;

/// A stack with everything that can happen in it.
pub(crate) struct Worlds<'a> {
    pub(crate) lines: &'a [Line],
    natures: Vec<Nature>,
    /// Which password module, or which switch, a line is: lines that ask the same of the same module agree.
    seats: Vec<usize>,
    pub(crate) passwords: usize,
    switches: usize,
    missing: Vec<bool>,
}

impl<'a> Worlds<'a> {
    /// `is_there` says whether a module's file exists: libpam takes one that does not for unknown.
    pub(crate) fn of(stack: &'a Stack, is_there: impl Fn(&str) -> bool) -> Self {
        let lines = &stack.lines;
        let natures: Vec<_> = lines.iter().map(nature).collect();
        let (mut passwords, mut switches) = (BTreeMap::new(), BTreeMap::new());
        let mut seats = Vec::with_capacity(lines.len());
        for (line, nature) in lines.iter().zip(&natures) {
            seats.push(match nature {
                Nature::Password => {
                    let next = passwords.len();
                    *passwords.entry(line.module()).or_insert(next)
                }
                Nature::Names | Nature::Unknown => {
                    let next = switches.len().min(SWITCHES - 1);
                    *switches.entry((line.module(), line.arguments())).or_insert(next)
                }
                _ => 0,
            });
        }
        let missing = lines.iter().map(|line| match &line.step {
            Step::Module { path, .. } => !is_there(path),
            _ => false,
        });
        let missing = missing.collect();
        let (passwords, switches) = (passwords.len(), switches.len().min(SWITCHES));
        Self { lines, natures, seats, passwords, switches, missing }
    }

    /// Every login in which our line answers like this.
    pub(crate) fn all(&self, ours: Ours) -> impl Iterator<Item = World> + use<> {
        let (passwords, switches) = (self.passwords, 1usize << self.switches);
        (0..=passwords).flat_map(move |known| {
            let knows = known.checked_sub(1);
            (0..switches).map(move |switches| World { ours, knows, switches })
        })
    }

    /// Whether nothing that we know nothing of says yes: no fingerprint, no key on a stick.
    pub(crate) fn is_alone(&self, world: World) -> bool {
        let unknown = self.natures.iter().zip(&self.seats).filter(|(nature, _)| **nature == Nature::Unknown);
        unknown.into_iter().all(|(_, seat)| world.switches & (1 << seat) == 0)
    }

    pub(crate) fn walk(&self, world: World) -> Walk {
        walk(self.lines, |index, _| self.answer(world, index))
    }

    pub(crate) fn nature(&self, index: usize) -> Nature {
        self.natures.get(index).copied().unwrap_or(Nature::Unknown)
    }

    #[cfg(test)]
    pub(crate) fn answer_of(&self, world: World, index: usize) -> Answer {
        self.answer(world, index)
    }

    fn answer(&self, world: World, index: usize) -> Answer {
        let said = |yes| if yes { Answer::SUCCESS } else { Answer::AUTH_ERR };
        let seat = self.seats.get(index).copied().unwrap_or(0);
        if self.missing.get(index) == Some(&true) {
            return Answer::MODULE_UNKNOWN;
        }
        match self.nature(index) {
            Nature::Says(answer) => answer,
            Nature::Password => said(world.knows == Some(seat)),
            Nature::Names | Nature::Unknown => said(world.switches & (1 << seat) != 0),
            Nature::Ours => match world.ours {
                Ours::Accepts => Answer::SUCCESS,
                Ours::Denies => Answer::AUTH_ERR,
                Ours::Ignores => Answer::IGNORE,
            },
        }
    }
}
