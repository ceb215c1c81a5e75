//! A TOML table read key by key, with the place of every mistake.
//!
//! Not by derived code: that alone made up a quarter of the module which sshd and sudo load, and this reads
//! the borrowed text, so that no copy of a secret stays behind in freed memory.

use std::fmt::Write;
use toml::de::{DeTable, DeValue};

/// A mistake in a text: where it begins (in bytes from the start) and what was expected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wrong {
    /// Bytes before it.
    pub at: usize,
    /// What is wrong.
    pub message: String,
}

impl Wrong {
    /// Line and column of the mistake in its text, both from 1, the column in characters.
    #[must_use]
    pub fn place(&self, text: &str) -> (usize, usize) {
        let before = text.get(..self.at).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |rest| rest.chars().count()) + 1;
        (line, column)
    }
}

/// A table whose keys are taken one after the other; what is left at the end is unknown.
pub struct Table<'a> {
    entries: DeTable<'a>,
    at: usize,
    known: Vec<&'static str>,
}

impl<'a> Table<'a> {
    /// Parses a whole text.
    pub fn parse(text: &'a str) -> Result<Self, Wrong> {
        match DeTable::parse(text) {
            Ok(root) => Ok(Self::new(root.into_inner(), 0)),
            Err(error) => {
                let words = error.message().split_whitespace();
                let message = words.collect::<Vec<_>>().join(" ");
                Err(Wrong { at: error.span().map_or(0, |span| span.start), message })
            }
        }
    }

    fn new(entries: DeTable<'a>, at: usize) -> Self {
        Self { entries, at, known: Vec::new() }
    }

    /// Where it begins, in bytes from the start of the text.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    /// The value of `key` as `read` makes it, which says in its error what it expected.
    pub fn take<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&DeValue<'a>) -> Result<T, String>,
    ) -> Result<Option<T>, Wrong> {
        self.known.push(key);
        let Some(value) = self.entries.remove(key) else { return Ok(None) };
        let at = value.span().start;
        read(value.get_ref()).map(Some).map_err(|message| Wrong { at, message })
    }

    /// The value of a key that must be there.
    pub fn need<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&DeValue<'a>) -> Result<T, String>,
    ) -> Result<T, Wrong> {
        let at = self.at;
        self.take(key, read)?.ok_or_else(|| Wrong { at, message: format!("missing field `{key}`") })
    }

    /// The table of a key, if it is there.
    pub fn table(&mut self, key: &'static str) -> Result<Option<Self>, Wrong> {
        self.known.push(key);
        let Some(value) = self.entries.remove(key) else { return Ok(None) };
        let at = value.span().start;
        match value.into_inner() {
            DeValue::Table(entries) => Ok(Some(Self::new(entries, at))),
            other => Err(Wrong { at, message: expected("a table", &other) }),
        }
    }

    /// The tables of an array of tables; none if it is not there.
    pub fn tables(&mut self, key: &'static str) -> Result<Vec<Self>, Wrong> {
        self.known.push(key);
        let Some(value) = self.entries.remove(key) else { return Ok(Vec::new()) };
        let at = value.span().start;
        let DeValue::Array(items) = value.into_inner() else {
            return Err(Wrong { at, message: "expected an array of tables".into() });
        };
        let one = |item: toml::Spanned<DeValue<'a>>| {
            let at = item.span().start;
            match item.into_inner() {
                DeValue::Table(entries) => Ok(Self::new(entries, at)),
                other => Err(Wrong { at, message: expected("a table", &other) }),
            }
        };
        items.into_iter().map(one).collect()
    }

    /// Fails if a key is left that nobody took.
    pub fn finish(self) -> Result<(), Wrong> {
        let first = self.entries.iter().map(|(key, _)| (key.span().start, key.get_ref())).min();
        let Some((at, key)) = first else { return Ok(()) };
        let mut message = format!("unknown field `{}`, expected one of", key.escape_debug());
        for known in self.known {
            // Writing to a String cannot fail.
            let _ = write!(message, " `{known}`");
        }
        Err(Wrong { at, message })
    }
}

/// A string.
pub fn text<'v>(value: &'v DeValue<'_>) -> Result<&'v str, String> {
    value.as_str().ok_or_else(|| expected("a string", value))
}

/// A whole number that fits.
pub fn number<T: TryFrom<i64>>(value: &DeValue<'_>) -> Result<T, String> {
    let integer = value.as_integer().ok_or_else(|| expected("a whole number", value))?;
    let parsed = i64::from_str_radix(integer.as_str(), integer.radix()).ok();
    parsed.and_then(|number| T::try_from(number).ok()).ok_or_else(|| "the number is out of bounds".to_owned())
}

/// `true` or `false`.
pub fn boolean(value: &DeValue<'_>) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| expected("a boolean", value))
}

/// An array, each item as `read` makes it.
pub fn array<'a, T>(
    value: &DeValue<'a>,
    mut read: impl FnMut(&DeValue<'a>) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let items = value.as_array().ok_or_else(|| expected("an array", value))?;
    items.iter().map(|item| read(item.get_ref())).collect()
}

/// A text, or an array of at least one text, each as `read` makes it.
pub fn texts<T>(
    value: &DeValue<'_>,
    mut read: impl FnMut(&str) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    if let Some(one) = value.as_str() {
        return read(one).map(|one| vec![one]);
    }
    let items = value.as_array().ok_or_else(|| expected("a string or an array of strings", value))?;
    if items.is_empty() {
        return Err("an empty array fits nobody; leave the key out to fit everybody".to_owned());
    }
    items.iter().map(|item| read(text(item.get_ref())?)).collect()
}

/// What to say of a value of another type.
#[must_use]
pub fn expected(what: &str, found: &DeValue<'_>) -> String {
    format!("expected {what}, found {}", found.type_str())
}
