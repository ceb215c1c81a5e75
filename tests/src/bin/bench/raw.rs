//! What was measured, a line a figure: `what who users how unit value`, with tabs between.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

/// One figure.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) who: String,
    /// How many people are enrolled, or come at once.
    pub(crate) users: usize,
    /// In one process that goes on, or in a fresh one.
    pub(crate) how: String,
    /// What the value counts, or the name of a text.
    pub(crate) unit: String,
    pub(crate) value: String,
}

/// All figures, and where they are written.
pub(crate) struct Raw {
    rows: Vec<Row>,
    file: Option<(BufWriter<File>, PathBuf)>,
}

impl Raw {
    pub(crate) fn create(path: &Path) -> Self {
        let file = File::create(path).expect("the raw data can be written");
        Self { rows: Vec::new(), file: Some((BufWriter::new(file), path.into())) }
    }

    pub(crate) fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("raw data");
        Self { rows: text.lines().map(row).collect(), file: None }
    }

    pub(crate) fn put(
        &mut self,
        what: &str,
        who: &str,
        users: usize,
        how: &str,
        unit: &str,
        value: impl ToString,
    ) {
        let (file, _) = self.file.as_mut().expect("raw data that is being taken");
        let value = value.to_string();
        writeln!(file, "{what}\t{who}\t{users}\t{how}\t{unit}\t{value}")
            .expect("the raw data can be written");
    }

    pub(crate) fn finish(self) -> PathBuf {
        let (mut file, path) = self.file.expect("raw data that is being taken");
        file.flush().expect("the raw data can be written");
        path
    }

    /// A text of the machine's description.
    pub(crate) fn text(&self, name: &str) -> &str {
        let row = self.rows.iter().find(|row| row.what == "machine" && row.unit == name);
        row.map_or("unknown", |row| &row.value)
    }

    /// How many people were enrolled, in ascending order.
    pub(crate) fn users(&self, what: &str) -> Vec<usize> {
        let mut users: Vec<_> =
            self.rows.iter().filter(|row| row.what == what).map(|row| row.users).collect();
        users.sort_unstable();
        users.dedup();
        users
    }

    /// All values of one kind, sorted.
    pub(crate) fn values(&self, what: &str, who: &str, users: usize, how: &str, unit: &str) -> Vec<u64> {
        let wanted = |row: &&Row| {
            (row.what.as_str(), row.who.as_str(), row.users, row.how.as_str(), row.unit.as_str())
                == (what, who, users, how, unit)
        };
        let mut values: Vec<u64> =
            self.rows.iter().filter(wanted).map(|row| row.value.parse().expect("a number")).collect();
        values.sort_unstable();
        values
    }

    /// The value below which so many of a hundred lie.
    pub(crate) fn at(
        &self,
        percent: usize,
        what: &str,
        who: &str,
        users: usize,
        how: &str,
        unit: &str,
    ) -> Option<u64> {
        let values = self.values(what, who, users, how, unit);
        values.get((values.len() * percent / 100).min(values.len().saturating_sub(1))).copied()
    }
}

fn row(line: &str) -> Row {
    let mut parts = line.split('\t').map(str::to_owned);
    let mut next = || parts.next().expect("six columns");
    let (what, who, users) = (next(), next(), next().parse().expect("a number"));
    Row { what, who, users, how: next(), unit: next(), value: next() }
}

/// Nanoseconds as people read them.
pub(crate) fn time(nanoseconds: u64) -> String {
    match nanoseconds {
        0..10_000_000 => format!("{} us", grouped(nanoseconds / 1_000)),
        10_000_000..10_000_000_000 => format!("{} ms", grouped(nanoseconds / 1_000_000)),
        _ => format!("{} s", grouped(nanoseconds / 1_000_000_000)),
    }
}

/// A number with a comma at every third digit.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        // Writing to a String cannot fail.
        let _ = write!(text, "{digit}");
    }
    text
}
