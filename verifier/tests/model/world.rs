//! Processes as the logs of their results: advanced one call at a time by running the real code anew, once
//! for every log that ever occurs.

use crate::calls::{Call, Flaw, Replay, Res};
use crate::deeds::{Answer, Job, run};
use crate::fs::Fs;
use crate::table::Table;
use std::cell::RefCell;
use std::collections::HashMap;

/// Where a process stands: which log of results it has had.
pub(crate) type Place = u32;

/// What a process does next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Next {
    Calls(Call),
    Answers(Answer),
}

struct Node {
    job: Job,
    before: Option<(Place, Res)>,
    next: Next,
    after: Vec<(Res, Place)>,
}

/// Everything that is the same in every interleaving.
pub(crate) struct World {
    pub(crate) table: RefCell<Table>,
    pub(crate) flaw: Option<Flaw>,
    nodes: Vec<Node>,
    starts: HashMap<Job, Place>,
}

impl World {
    pub(crate) fn new(flaw: Option<Flaw>) -> Self {
        Self { table: RefCell::default(), flaw, nodes: Vec::new(), starts: HashMap::new() }
    }

    /// The start of a process.
    pub(crate) fn start(&mut self, job: Job) -> Place {
        if let Some(place) = self.starts.get(&job) {
            return *place;
        }
        let place = self.add(job, None);
        self.starts.insert(job, place);
        place
    }

    /// What the process at `place` does next.
    pub(crate) fn next(&self, place: Place) -> &Next {
        &self.nodes[place as usize].next
    }

    /// Whether the call before `place` failed.
    pub(crate) fn came_by_failure(&self, place: Place) -> bool {
        matches!(self.nodes[place as usize].before, Some((_, Res::Failed(_))))
    }

    /// Where the process at `place` stands after its call had this result.
    pub(crate) fn follow(&mut self, place: Place, result: Res) -> Place {
        let node = &self.nodes[place as usize];
        if let Some((_, after)) = node.after.iter().find(|(known, _)| *known == result) {
            return *after;
        }
        let after = self.add(node.job, Some((place, result.clone())));
        self.nodes[place as usize].after.push((result, after));
        after
    }

    fn add(&mut self, job: Job, before: Option<(Place, Res)>) -> Place {
        let mut log = Vec::new();
        let mut at = before.as_ref();
        while let Some((place, result)) = at {
            log.push(result.clone());
            at = self.nodes[*place as usize].before.as_ref();
        }
        log.reverse();
        let disk = Replay::new(&log, &self.table);
        let answer = run(&job, &disk);
        let next = disk.into_next().map_or(Next::Answers(answer), Next::Calls);
        self.nodes.push(Node { job, before, next, after: Vec::new() });
        Place::try_from(self.nodes.len() - 1).unwrap()
    }

    /// How many logs there were.
    pub(crate) fn logs(&self) -> usize {
        self.nodes.len()
    }

    /// Runs a process from its start to its answer, alone.
    pub(crate) fn run_alone(&mut self, fs: &mut Fs, pid: u8, job: Job) -> Answer {
        let mut place = self.start(job);
        loop {
            let call = match self.next(place) {
                Next::Answers(answer) => return *answer,
                Next::Calls(call) => call.clone(),
            };
            let table = self.table.get_mut();
            let result = match call {
                Call::Overwrite(ino, slot, text) => {
                    fs.begin_overwrite(ino, slot, text, table);
                    fs.end_overwrite(ino, slot, text, self.flaw);
                    Res::Unit
                }
                call => {
                    assert!(fs.is_enabled(&call, self.flaw), "somebody died and kept the lock");
                    fs.perform(pid, &call, table, self.flaw)
                }
            };
            place = self.follow(place, result);
        }
    }
}
