//! `[daemon] checkers`: which programs without privilege may ask about everybody.

use crate::table::{Table, Wrong, number, text};
use toml::de::DeValue;

/// A service without privilege that may have anybody's code judged, such as a database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checker {
    /// The uid that it runs as.
    pub uid: u32,
    /// What the log calls it.
    pub service: String,
}

impl Checker {
    /// Reads the entry that follows `others`.
    pub(crate) fn read(mut table: Table<'_>, others: &[Self]) -> Result<Self, Wrong> {
        let uid = table.need("uid", |value| match uid(value)? {
            uid if others.iter().any(|other| other.uid == uid) => Err(format!("uid {uid} stands here twice")),
            uid => Ok(uid),
        })?;
        let service = table.need("service", service)?;
        table.finish()?;
        Ok(Self { uid, service })
    }
}

/// Root needs no entry. 65534 and -1 are nobody's: as what the kernel shows uids that have no mapping.
fn uid(value: &DeValue<'_>) -> Result<u32, String> {
    match number(value)? {
        nobodys @ (0 | 65_534 | u32::MAX) => Err(format!("uid {nobodys} cannot be given this")),
        uid => Ok(uid),
    }
}

fn service(value: &DeValue<'_>) -> Result<String, String> {
    let name = text(value)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if (1..=64).contains(&name.len()) && name.bytes().all(plain) {
        return Ok(name.to_owned());
    }
    Err("expected 1 to 64 of A-Z a-z 0-9 . _ -".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_one_to_sixty_four_plain_letters() {
        for (length, good) in [(0, false), (1, true), (64, true), (65, false)] {
            assert_eq!(service(&DeValue::String("x".repeat(length).into())).is_ok(), good, "{length}");
        }
        for wrong in ["a b", "a/b", "a\n", "é", "a=b", "a\"b"] {
            assert!(service(&DeValue::String(wrong.into())).is_err(), "{wrong}");
        }
    }
}
