//! Every interleaving of some processes, with a kill, a failing call or a power cut at every step.

use crate::calls::{Call, Flaw, Res};
use crate::checks;
use crate::deeds::{Answer, Deed};
use crate::fs::Fs;
use crate::scenario::{Faults, Proc, Scenario, Seen};
use crate::world::{Next, Place, World};
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

#[derive(Clone, PartialEq, Eq, Hash)]
struct State {
    fs: Fs,
    procs: Vec<Proc>,
    faults: Faults,
}

/// One step, for the report of a violation.
#[derive(Clone, Copy)]
enum Step {
    Call(usize, Place),
    Wrote(usize, Place),
    Failed(usize, Place),
    Killed(usize, Place),
    PowerCut,
}

pub(crate) struct Search<'a> {
    scenario: &'a Scenario,
    world: World,
    /// For each state, by its hash, how many runs lead on from it.
    visited: HashMap<u64, u128>,
    /// Ends of runs that were checked.
    checked: HashSet<u64>,
    cuts: HashSet<u64>,
    trail: Vec<Step>,
    seen: Seen,
}

/// Runs a scenario in every way; the error is the first violation with the steps that led to it.
pub(crate) fn explore(scenario: &Scenario, flaw: Option<Flaw>) -> Result<Seen, String> {
    let mut world = World::new(None);
    let mut fs = Fs::default();
    for job in &scenario.before {
        let answer = world.run_alone(&mut fs, 14, *job);
        assert!(matches!(answer, Answer::Done | Answer::Accepted), "{job:?}: {answer:?}");
    }
    fs.settle();
    for slot in &scenario.rotten {
        fs.rot(*slot, world.table.get_mut());
    }
    world.flaw = flaw;
    let racing = scenario.jobs.len() - scenario.survivors;
    let mut procs = vec![Proc::Dead; scenario.jobs.len()];
    for (process, job) in procs.iter_mut().zip(&scenario.jobs).take(racing) {
        *process = Proc::Runs(world.start(*job));
    }
    let mut search = Search {
        scenario,
        world,
        visited: HashMap::new(),
        checked: HashSet::new(),
        cuts: HashSet::new(),
        trail: Vec::new(),
        seen: Seen::default(),
    };
    match search.visit(&State { fs, procs, faults: Faults::default() }) {
        Ok(runs) => {
            let states = search.visited.len();
            Ok(Seen { states, interleavings: runs, logs: search.world.logs(), ..search.seen })
        }
        Err(violation) => Err(search.told(&violation)),
    }
}

impl Search<'_> {
    fn visit(&mut self, state: &State) -> Result<u128, String> {
        let key = hash(state);
        if let Some(runs) = self.visited.get(&key) {
            return Ok(*runs);
        }
        self.cut_power(state)?;
        let mut runs = 0u128;
        for (index, process) in state.procs.iter().enumerate() {
            for (step, next) in self.steps(state, index, *process)? {
                self.seen.steps += 1;
                self.trail.push(step);
                runs = runs.saturating_add(self.visit(&next)?);
                self.trail.pop();
            }
        }
        if runs == 0 {
            if state.procs.iter().any(|process| !matches!(process, Proc::Dead | Proc::Answered(_))) {
                return Err("everybody waits for ever".into());
            }
            self.check(&state.fs, &state.procs, state.faults)?;
            runs = 1;
        }
        self.visited.insert(key, runs);
        Ok(runs)
    }

    fn steps(&mut self, state: &State, index: usize, process: Proc) -> Result<Vec<(Step, State)>, String> {
        let (place, writing) = match process {
            Proc::Runs(place) => (place, false),
            Proc::Writes(place) => (place, true),
            Proc::Dead | Proc::Answered(_) => return Ok(Vec::new()),
        };
        let Next::Calls(call) = self.world.next(place).clone() else { unreachable!("it has answered") };
        let pid = index as u8;
        let Faults { kills, failures, power_cut, .. } = state.faults;
        let may_fail = kills + failures < self.scenario.faults && !power_cut;
        let puts_back = matches!(call, Call::Overwrite(..)) && self.world.came_by_failure(place);
        let mut steps = Vec::new();
        // A system call that has begun to write ends before the process does.
        if may_fail && !writing {
            let mut dead = state.clone();
            dead.fs.release(pid);
            dead.procs[index] = Proc::Dead;
            dead.faults.kills += 1;
            dead.faults.not_put_back |= puts_back;
            steps.push((Step::Killed(index, place), dead));
        }
        let mut failed = state.clone();
        failed.faults.failures += 1;
        failed.faults.not_put_back |= puts_back;
        match (&call, writing) {
            (Call::Overwrite(..), false) if puts_back && self.world.flaw == Some(Flaw::NotPutBack) => {
                let next = self.advanced(state, index, place, state.fs.clone(), Res::Unit)?;
                steps.push((Step::Call(index, place), next));
            }
            (&Call::Overwrite(ino, slot, text), false) => {
                let mut begun = state.clone();
                begun.fs.begin_overwrite(ino, slot, text, self.world.table.get_mut());
                begun.procs[index] = Proc::Writes(place);
                steps.push((Step::Call(index, place), begun));
            }
            (&Call::Overwrite(ino, slot, text), true) => {
                let mut fs = state.fs.clone();
                fs.end_overwrite(ino, slot, text, self.world.flaw);
                let next = self.advanced(state, index, place, fs, Res::Unit)?;
                steps.push((Step::Wrote(index, place), next));
                if may_fail {
                    let table = self.world.table.get_mut();
                    for fs in state.fs.failed_overwrites(ino, slot, text, table) {
                        let next = self.advanced(&failed, index, place, fs, Res::Failed("io"))?;
                        steps.push((Step::Failed(index, place), next));
                    }
                }
            }
            (call, _) => {
                if state.fs.is_enabled(call, self.world.flaw) {
                    let mut fs = state.fs.clone();
                    let result = fs.perform(pid, call, self.world.table.get_mut(), self.world.flaw);
                    let next = self.advanced(state, index, place, fs, result)?;
                    steps.push((Step::Call(index, place), next));
                }
                if may_fail && *call != Call::Unlock {
                    for (fs, result) in state.fs.failures(pid, call, self.world.table.get_mut()) {
                        let next = self.advanced(&failed, index, place, fs, result)?;
                        steps.push((Step::Failed(index, place), next));
                    }
                }
            }
        }
        Ok(steps)
    }

    /// The state after the call of a process had this result.
    fn advanced(
        &mut self,
        state: &State,
        index: usize,
        place: Place,
        fs: Fs,
        result: Res,
    ) -> Result<State, String> {
        let place = self.world.follow(place, result);
        let process = match self.world.next(place) {
            Next::Calls(_) => Proc::Runs(place),
            Next::Answers(answer) => {
                checks::answer_in_time(self.scenario, &state.procs, state.faults, index, *answer)?;
                Proc::Answered(*answer)
            }
        };
        let mut next = State { fs, ..state.clone() };
        next.procs[index] = process;
        Ok(next)
    }

    /// Everybody dies at once, and what is not durable is lost in every way.
    fn cut_power(&mut self, state: &State) -> Result<(), String> {
        let mut procs: Vec<_> =
            state.procs.iter().map(|process| process.answer().map_or(Proc::Dead, Proc::Answered)).collect();
        let faults = Faults { power_cut: true, ..state.faults };
        if !self.cuts.insert(hash(&(&state.fs, &procs, faults))) {
            return Ok(());
        }
        let booted = state.fs.after_power_cut(self.world.table.get_mut());
        for fs in &booted {
            self.check(fs, &procs, faults).map_err(|violation| format!("power cut: {violation}"))?;
        }
        if state.faults.power_cut || self.scenario.survivors == 0 {
            return Ok(());
        }
        let racing = self.scenario.jobs.len() - self.scenario.survivors;
        for (process, job) in procs.iter_mut().zip(&self.scenario.jobs).skip(racing) {
            *process = Proc::Runs(self.world.start(*job));
        }
        self.trail.push(Step::PowerCut);
        for fs in booted {
            self.visit(&State { fs, procs: procs.clone(), faults })?;
        }
        self.trail.pop();
        Ok(())
    }

    fn check(&mut self, fs: &Fs, procs: &[Proc], faults: Faults) -> Result<(), String> {
        if self.checked.insert(hash(&(fs, procs, faults))) {
            self.seen.recoveries += 1;
            let flaw = self.world.flaw.take();
            let checked = checks::recovery(&mut self.world, self.scenario, fs, procs, faults);
            self.world.flaw = flaw;
            checked?;
        }
        Ok(())
    }

    fn told(&self, violation: &str) -> String {
        let mut told = format!("{}: {violation}\n", self.scenario.name);
        for step in &self.trail {
            let (index, place, how) = match *step {
                Step::Call(index, place) => (index, place, ""),
                Step::Wrote(index, place) => (index, place, " returns"),
                Step::Failed(index, place) => (index, place, " fails"),
                Step::Killed(index, place) => (index, place, " is where it is killed"),
                Step::PowerCut => {
                    told += "  power cut\n";
                    continue;
                }
            };
            let deed: Deed = self.scenario.jobs[index].deed;
            told += &format!("  {index} {deed:?}: {:?}{how}\n", self.world.next(place));
        }
        told
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
