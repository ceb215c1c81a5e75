//! What libpam makes of a stack, given what each module answers (`_pam_dispatch_aux` in `pam_dispatch.c`).

use crate::doctor::control::{Action, Answer};
use crate::doctor::stack::{Line, Step};

/// How a stack was gone through.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Walk {
    pub(crate) outcome: Answer,
    /// The lines whose module was asked, in order, with what it answered.
    pub(crate) asked: Vec<(usize, Answer)>,
    /// Lines after which others were passed over: this one, and the next that was not.
    pub(crate) leaps: Vec<(usize, usize)>,
}

impl Walk {
    pub(crate) fn is_open(&self) -> bool {
        self.outcome == Answer::SUCCESS
    }

    /// The line after which this one was passed over.
    pub(crate) fn passed_by(&self, line: usize) -> Option<usize> {
        self.leaps.iter().find(|(from, to)| *from < line && line < *to).map(|(from, _)| *from)
    }
}

/// What the stack leans to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Impression {
    Undefined,
    Positive,
    Negative,
}

/// What libpam remembers where a substack begins.
#[derive(Clone, Copy)]
struct Standing {
    impression: Impression,
    status: Answer,
}

impl Standing {
    const START: Self = Self { impression: Impression::Undefined, status: Answer::PERM_DENIED };

    fn approve(&mut self, answer: Answer) {
        if self.impression == Impression::Undefined
            || self.impression == Impression::Positive && self.status == Answer::SUCCESS
        {
            *self = Self { impression: Impression::Positive, status: answer };
        }
    }

    fn refuse(&mut self, answer: Answer) {
        if self.impression != Impression::Negative {
            let status = if answer == Answer::IGNORE { Answer::PERM_DENIED } else { answer };
            *self = Self { impression: Impression::Negative, status };
        }
    }

    fn outcome(self) -> Answer {
        match (self.status, self.impression) {
            (Answer::SUCCESS, Impression::Undefined | Impression::Negative) => Answer::PERM_DENIED,
            (status, _) => status,
        }
    }
}

/// Goes through `lines`, where modules answer as `answers` says.
pub(crate) fn walk(lines: &[Line], answers: impl Fn(usize, &Line) -> Answer) -> Walk {
    let mut standing = Standing::START;
    let mut saved = vec![Standing::START];
    let mut walk = Walk { outcome: Answer::PERM_DENIED, asked: Vec::new(), leaps: Vec::new() };
    let (mut at, mut before) = (0, 0);
    while let Some(line) = lines.get(at) {
        if before < line.level {
            saved.resize(line.level + 1, standing);
            saved.iter_mut().skip(line.level).for_each(|entry| *entry = standing);
        }
        before = line.level;
        let answer = match &line.step {
            Step::Module { .. } => answers(at, line),
            Step::Substack => Answer::IGNORE,
            Step::Fails(_) => Answer::PERM_DENIED,
        };
        if matches!(line.step, Step::Module { .. }) {
            walk.asked.push((at, answer));
        }
        let mut next = at + 1;
        match line.control.on(answer) {
            Action::Ignore => {}
            Action::Reset => standing = saved.get(line.level).copied().unwrap_or(Standing::START),
            Action::Ok => standing.approve(answer),
            Action::Done => {
                standing.approve(answer);
                if standing.impression == Impression::Positive {
                    next = end_of_level(lines, at);
                }
            }
            Action::Bad => standing.refuse(answer),
            Action::Die => {
                standing.refuse(answer);
                next = end_of_level(lines, at);
            }
            Action::Jump(count) => match jump(lines, at, count) {
                Some(target) => next = target,
                None => {
                    // libpam lands on the last line, having refused.
                    standing = Standing { impression: Impression::Negative, status: Answer::PERM_DENIED };
                    next = end_of_level(lines, at);
                }
            },
        }
        if next > at + 1 {
            walk.leaps.push((at, next));
        }
        at = next;
    }
    walk.outcome = standing.outcome();
    walk
}

/// The line after a decision: in a substack only the rest of it is passed over.
fn end_of_level(lines: &[Line], at: usize) -> usize {
    let level = lines.get(at).map_or(0, |line| line.level);
    let rest = lines.iter().skip(at + 1);
    at + 1 + rest.take_while(|line| line.level >= level).count()
}

/// The line after `count` more, where a substack counts for one; `None` if there are not so many.
fn jump(lines: &[Line], at: usize, count: usize) -> Option<usize> {
    let level = lines.get(at)?.level;
    let mut last = at;
    for _ in 0..count {
        lines.get(last + 1).filter(|line| line.level >= level)?;
        last += 1;
        while lines.get(last + 1).is_some_and(|line| line.level > level) {
            last += 1;
        }
    }
    Some(last + 1)
}
