//! Which keys a TOML text has: where our reader passes over one, what it says is lost when it is written anew.

use std::collections::BTreeMap;
use toml::de::{DeTable, DeValue};

/// A text without its values.
#[derive(PartialEq, Debug)]
pub(super) enum Keys {
    Value,
    Items(Vec<Keys>),
    Members(BTreeMap<String, Keys>),
}

/// Those of a text that was read as TOML.
pub(super) fn keys(text: &str) -> Keys {
    members(DeTable::parse(text).expect("it was read before").get_ref())
}

fn members(table: &DeTable<'_>) -> Keys {
    Keys::Members(
        table.iter().map(|(key, value)| (key.get_ref().to_string(), below(value.get_ref()))).collect(),
    )
}

fn below(value: &DeValue<'_>) -> Keys {
    match value {
        DeValue::Table(table) => members(table),
        DeValue::Array(items) => Keys::Items(items.iter().map(|item| below(item.get_ref())).collect()),
        _ => Keys::Value,
    }
}

/// Whether a text has such a line, from 1. Behind its last line feed there may stand nothing.
pub(super) fn has_line(text: &str, line: usize) -> bool {
    (1..=text.matches('\n').count() + 1).contains(&line)
}
