//! What an import comes to, person by person: counted, told, logged. One that fails stops no other.

use crate::cli::Importing;
use crate::failure::Failure;
use crate::house::House;
use crate::import::{Here, Luggage, Note};
use crate::{clock, journal, output};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use verifier::{Account, Import, Imported, NEWCOMERS, Refusal};

/// How often a progress line is written anew, in people.
const STRIDE: u64 = 16;

pub(super) struct Tally<'a> {
    house: &'a House,
    args: &'a Importing,
    /// Where it comes from, for the log.
    source: &'static str,
    /// Whether one person was named: then all is told that there is to tell.
    is_named: bool,
    pub(super) add: bool,
    counts: Counts,
    /// How often something was left out or became something else, by field.
    fields: BTreeMap<&'static str, u64>,
    begun: bool,
    waiting: Vec<Waiting>,
    /// The last refusal about somebody who was named: if it stays the only one, it is the answer.
    held: Option<Failure>,
    progress: Option<Progress>,
}

/// What was read and is not done yet.
enum Waiting {
    Person(Account, Luggage),
    Refused(Option<String>, Failure),
}

#[derive(Default, Serialize)]
struct Counts {
    imported: u64,
    updated: u64,
    already: u64,
    refused: u64,
    ignored: u64,
    dry_run: bool,
}

/// One person, as scripts get it.
#[derive(Serialize)]
struct Line<'a> {
    user: Option<&'a str>,
    outcome: &'static str,
    tokens: Vec<&'a str>,
    scratch_codes: usize,
    notes: Vec<NoteLine<'a>>,
    error: Option<String>,
}

#[derive(Serialize)]
struct NoteLine<'a> {
    field: &'static str,
    says: &'a str,
}

impl<'a> Tally<'a> {
    pub(super) fn new(house: &'a House, args: &'a Importing, source: &'static str, is_named: bool) -> Self {
        let progress = (!is_named && std::io::stderr().is_terminal()).then(Progress::default);
        let counts = Counts { dry_run: args.dry_run, ..Counts::default() };
        let fields = BTreeMap::new();
        Self {
            house,
            args,
            source,
            is_named,
            add: false,
            counts,
            fields,
            begun: false,
            waiting: Vec::new(),
            held: None,
            progress,
        }
    }

    pub(super) fn here(&self) -> Here {
        Here { now: clock::now(), policy: self.house.settings.policy() }
    }

    /// Enrolls one person with what they bring along: not at once, for many are done at the price of a few.
    pub(super) fn take(&mut self, account: &Account, mut luggage: Luggage) -> Result<(), Failure> {
        luggage.name_apart();
        self.wait(Waiting::Person(account.clone(), luggage))
    }

    /// Counts something that was not imported, and tells why.
    pub(super) fn refuse(&mut self, user: Option<&str>, failure: Failure) -> Result<(), Failure> {
        self.wait(Waiting::Refused(user.map(str::to_owned), failure))
    }

    fn wait(&mut self, one: Waiting) -> Result<(), Failure> {
        self.waiting.push(one);
        if self.waiting.len() < NEWCOMERS { Ok(()) } else { self.flush() }
    }

    /// Does what waits, and tells of each in the order in which they came.
    fn flush(&mut self) -> Result<(), Failure> {
        let waiting = std::mem::take(&mut self.waiting);
        let people: Vec<_> = waiting.iter().filter_map(|one| self.import(one)).collect();
        let mut results = self.house.verifier.import_all(&people).into_iter();
        for one in &waiting {
            match one {
                Waiting::Refused(user, failure) => self.refused(user.as_deref(), failure)?,
                Waiting::Person(account, luggage) => match results.next() {
                    Some(Ok(imported)) => self.made(account, luggage, imported)?,
                    Some(Err(refusal)) => self.denied(account, &refusal)?,
                    None => {}
                },
            }
        }
        Ok(())
    }

    fn import<'b>(&self, one: &'b Waiting) -> Option<(&'b Account, Import<'b>)> {
        let Waiting::Person(account, luggage) = one else { return None };
        let new = Import {
            tokens: &luggage.tokens,
            scratch: luggage.scratch.as_deref(),
            add: self.add,
            revive: self.args.revive,
            rehearse: self.args.dry_run,
        };
        Some((account, new))
    }

    fn denied(&mut self, account: &Account, refusal: &Refusal) -> Result<(), Failure> {
        let failure = Failure::refusal(refusal, &account.name);
        let named = self.is_named || failure.to_string().contains(&account.name);
        let failure = if named { failure } else { failure.about(&account.name) };
        self.refused(Some(&account.name), &failure)
    }

    fn made(&mut self, account: &Account, luggage: &Luggage, imported: Imported) -> Result<(), Failure> {
        let scratch = match imported {
            Imported::Enrolled { scratch } => scratch,
            _ => 0,
        };
        let outcome = match imported {
            Imported::Enrolled { .. } | Imported::Added { .. } => "imported",
            Imported::Advanced => "updated",
            Imported::Already => "already",
        };
        *match imported {
            Imported::Enrolled { .. } | Imported::Added { .. } => &mut self.counts.imported,
            Imported::Advanced => &mut self.counts.updated,
            Imported::Already => &mut self.counts.already,
        } += 1;
        let tokens: Vec<_> = luggage.tokens.iter().map(|brought| brought.token.name.as_str()).collect();
        if !self.args.dry_run && imported != Imported::Already {
            let count = tokens.len();
            let more = format!("source={} how={outcome} tokens={count} scratch_codes={scratch}", self.source);
            journal::changed("import", account, &more);
        }
        // A second time there is nothing to be left out.
        let mut notes = if outcome == "imported" { luggage.notes.clone() } else { Vec::new() };
        let lost = luggage.scratch.as_ref().map_or(0, Vec::len).saturating_sub(scratch);
        if lost > 0 && outcome == "imported" {
            notes.push(Note {
                field: "scratch codes",
                says: "left out: which were used here before is not known any more".to_owned(),
            });
        }
        self.note(&notes);
        let user = &account.name;
        if self.args.json {
            let missing = luggage.missing.iter().map(|says| NoteLine { field: "batch", says });
            let notes = notes.iter().map(|note| NoteLine { field: note.field, says: &note.says });
            let notes = notes.chain(missing).collect();
            let user = Some(user.as_str());
            let scratch_codes = scratch;
            self.put_line(&Line { user, outcome, tokens, scratch_codes, notes, error: None })?;
        } else if self.is_named || self.args.dry_run {
            self.clear();
            output::put(&words(user, imported, luggage, self.args.dry_run))?;
        }
        self.advance(1);
        Ok(())
    }

    /// Counts what was left out, and tells it of somebody who was named.
    fn note(&mut self, notes: &[Note]) {
        for note in notes {
            *self.fields.entry(note.field).or_default() += 1;
            if self.is_named && !self.args.json {
                output::note(&format!("{}: {}", note.field, note.says));
            }
        }
    }

    /// Tells what is known of a source beside what is somebody's.
    pub(super) fn remark(&mut self, text: &str) {
        self.clear();
        output::note(text);
    }

    fn refused(&mut self, user: Option<&str>, failure: &Failure) -> Result<(), Failure> {
        self.counts.refused += 1;
        self.clear();
        self.advance(1);
        let error = Some(failure.what().to_owned());
        match self.held.take() {
            None if self.is_named && self.counts.refused == 1 => self.held = Some(failure.clone()),
            held => held.iter().chain([failure]).for_each(output::complain),
        }
        if !self.args.json {
            return Ok(());
        }
        let (tokens, notes) = (Vec::new(), Vec::new());
        self.put_line(&Line { user, outcome: "refused", tokens, scratch_codes: 0, notes, error })
    }

    /// Counts something that the earlier module does not read either.
    pub(super) fn ignore(&mut self) {
        self.counts.ignored += 1;
    }

    /// How much there is to do, where it is known.
    pub(super) fn expect(&mut self, total: u64) {
        if let Some(progress) = &mut self.progress {
            progress.total = total;
        }
    }

    /// So much is done, of what was expected.
    pub(super) fn advance(&mut self, count: u64) {
        if let Some(progress) = &mut self.progress {
            progress.advance(count);
        }
    }

    fn clear(&mut self) {
        if let Some(progress) = &mut self.progress {
            progress.clear();
        }
    }

    /// Line by line, so that memory does not grow with the number of people.
    fn put_line(&mut self, line: &Line<'_>) -> Result<(), Failure> {
        output::put(if self.begun { "," } else { "{\"people\":[\n" })?;
        self.begun = true;
        output::put_json(line)
    }

    /// The sum of it. Fails if something was refused.
    pub(super) fn finish(mut self) -> Result<(), Failure> {
        self.flush()?;
        self.clear();
        if self.args.json {
            output::put(if self.begun { "],\"summary\":" } else { "{\"people\":[],\"summary\":" })?;
            let mut text = serde_json::to_string(&self.counts).unwrap_or_default();
            text.push_str("}\n");
            output::put(&text)?;
        } else if !self.is_named {
            output::put(&self.counts.words(self.args.dry_run))?;
            let fields: Vec<_> =
                self.fields.iter().map(|(field, count)| format!("{field} ({count})")).collect();
            if !fields.is_empty() {
                output::note(&format!("not kept as it was: {}", fields.join(", ")));
                output::hint("--json tells of whom; totpctl(1) tells what becomes of each field");
            }
        }
        match self.counts.refused {
            0 => Ok(()),
            1 if let Some(failure) = self.held => Err(failure),
            1 => Err(Failure::new("one was refused")),
            refused => Err(Failure::new(format!("{refused} were refused"))),
        }
    }
}

/// `alice is enrolled (phone, 5 scratch codes)`.
fn words(user: &str, imported: Imported, luggage: &Luggage, rehearsed: bool) -> String {
    let mut parts: Vec<_> = luggage.tokens.iter().map(|brought| brought.token.name.to_string()).collect();
    if let Imported::Enrolled { scratch: scratch @ 1.. } = imported {
        parts.push(format!("{scratch} scratch codes"));
    }
    let parts = parts.join(", ");
    match (imported, rehearsed) {
        (Imported::Enrolled { .. }, false) => format!("{user} is enrolled ({parts})\n"),
        (Imported::Enrolled { .. }, true) => format!("{user} would be enrolled ({parts})\n"),
        (Imported::Added { tokens }, false) => format!("{user} has {tokens} more\n"),
        (Imported::Added { tokens }, true) => format!("{user} would have {tokens} more\n"),
        (Imported::Advanced, false) => {
            format!("{user} was imported already; what was used since is used here\n")
        }
        (Imported::Advanced, true) => format!("{user} was imported already; what was used since would be\n"),
        (Imported::Already, _) => format!("{user} was imported already, nothing is changed\n"),
    }
}

impl Counts {
    fn words(&self, rehearsed: bool) -> String {
        let Self { imported, updated, already, refused, ignored, .. } = self;
        let would = if rehearsed { "would be " } else { "" };
        let mut text = format!("{would}imported {imported}, already there {already}, refused {refused}");
        for (count, word) in [(updated, "brought up to date"), (ignored, "lines ignored")] {
            if *count > 0 {
                text.push_str(&format!(", {word} {count}"));
            }
        }
        text.push('\n');
        text
    }
}

/// A line on the terminal that is written over.
#[derive(Default)]
struct Progress {
    done: u64,
    total: u64,
    width: usize,
}

impl Progress {
    fn advance(&mut self, count: u64) {
        let before = self.done;
        self.done += count;
        if before / STRIDE == self.done / STRIDE {
            return;
        }
        let text = match self.total {
            0 => format!("{} done", self.done),
            total => format!("{} of {total}", self.done.min(total)),
        };
        self.write(&text);
    }

    fn clear(&mut self) {
        if self.width > 0 {
            self.write("");
            let _ = write!(std::io::stderr(), "\r");
            self.width = 0;
        }
    }

    fn write(&mut self, text: &str) {
        // Blanks rather than an escape sequence: any terminal does that.
        let _ = write!(std::io::stderr(), "\r{text:width$}", width = self.width);
        self.width = text.len();
    }
}
