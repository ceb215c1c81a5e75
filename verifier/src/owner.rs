//! Whose a folder of the store is: an account's, by its uid; or somebody's who has none, by their name.

use crate::UserName;
use std::fmt::{self, Write};

/// Whose something is that the store keeps.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Owner {
    /// An account's: every name that the name service maps to this uid is the same person.
    Uid(u32),
    /// That of somebody without an account, who was enrolled as such.
    Name(FoldedName),
}

impl Owner {
    /// The account's uid; `None` where there is no account.
    #[must_use]
    pub fn uid(&self) -> Option<u32> {
        match self {
            Self::Uid(uid) => Some(*uid),
            Self::Name(_) => None,
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uid(uid) => uid.fmt(f),
            Self::Name(name) => f.write_str(name.as_str()),
        }
    }
}

/// A user name of which upper and lower case are one, and which fits into a file name. Who has no account has no
/// uid by which spellings could be told to be the same person: without this, each would have tokens, spent steps
/// and lanes of its own.
///
/// Characters are folded one by one, as Unicode's lower case of their upper case, so `STRASSE` is `straße`. Two
/// ways to compose a character (NFC, NFD) stay two names: the one that is not enrolled is nobody's.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct FoldedName(UserName);

/// Most bytes of a file name (NAME_MAX).
const LONGEST: usize = 255;

impl FoldedName {
    /// Folds `name`; `None` where it does not fit into a file name, and so can be nobody's.
    #[must_use]
    pub fn of(name: &UserName) -> Option<Self> {
        let name: String = name.as_str().chars().flat_map(folded).collect();
        let name = Self(UserName::new(&name).ok()?);
        (name.file_name().len() <= LONGEST).then_some(name)
    }

    /// Reads what [`Self::as_str`] gave.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::of(&UserName::new(text).ok()?).filter(|name| name.as_str() == text)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The name, to be asked for.
    #[must_use]
    pub fn as_user_name(&self) -> &UserName {
        &self.0
    }

    /// Its folder's: all but `a-z 0-9 _ -` is written as `%` and two hexadecimal digits a byte, so that no name is
    /// `.` or `..`, or leads anywhere.
    pub(crate) fn file_name(&self) -> String {
        let mut encoded = String::with_capacity(self.as_str().len());
        for byte in self.as_str().bytes() {
            match byte {
                b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => encoded.push(char::from(byte)),
                // Writing to a String cannot fail.
                _ => drop(write!(encoded, "%{byte:02X}")),
            }
        }
        encoded
    }

    /// The name whose folder is called so; `None` if it is nobody's, also where another is how we call it.
    pub(crate) fn of_file_name(encoded: &str) -> Option<Self> {
        let mut bytes = Vec::with_capacity(encoded.len());
        let mut rest = encoded.as_bytes();
        while let Some((&first, behind)) = rest.split_first() {
            let (byte, behind) = match (first, behind) {
                (b'%', [high, low, behind @ ..]) => (hexadecimal(*high)? << 4 | hexadecimal(*low)?, behind),
                (plain, behind) => (plain, behind),
            };
            bytes.push(byte);
            rest = behind;
        }
        Self::parse(std::str::from_utf8(&bytes).ok()?).filter(|name| name.file_name() == encoded)
    }
}

fn hexadecimal(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Lower case alone would keep apart what has one upper case: `σ` and `ς`. The dotless `ı`, whose upper case is
/// `I`, is another letter.
fn folded(letter: char) -> impl Iterator<Item = char> {
    let keep = (letter == 'ı').then_some(letter);
    let fold = letter.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    keep.into_iter().chain(fold.filter(move |_| keep.is_none()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Option<FoldedName> {
        FoldedName::of(&UserName::new(text).ok()?)
    }

    #[test]
    fn upper_and_lower_case_are_one_name() {
        for (spellings, folded) in [
            (["alice", "Alice", "ALICE"], "alice"),
            (["ÉMILIE", "émilie", "Émilie"], "émilie"),
            (["ΟΔΥΣΣΕΥΣ", "οδυσσευς", "Οδυσσευσ"], "οδυσσευσ"),
            (["STRASSE", "straße", "straẞe"], "strasse"),
            (["Ivan@VPN.Example", "ivan@vpn.example", "IVAN@VPN.EXAMPLE"], "ivan@vpn.example"),
        ] {
            for spelling in spellings {
                assert_eq!(name(spelling).unwrap().as_str(), folded, "{spelling}");
            }
        }
        for (one, other) in [("ıvan", "ivan"), ("e\u{301}milie", "émilie"), ("alice", "alice "), ("a", "а")]
        {
            assert_ne!(name(one), name(other), "{one} {other}");
        }
    }

    #[test]
    fn a_folded_name_folds_to_itself_whatever_the_letter() {
        let has_case =
            |letter: &char| letter.to_uppercase().ne([*letter]) || letter.to_lowercase().ne([*letter]);
        for letter in (0..=u32::from(char::MAX)).filter_map(char::from_u32).filter(has_case) {
            let Some(once) = name(&letter.to_string()) else { continue };
            assert_eq!(FoldedName::parse(once.as_str()), Some(once.clone()), "{letter:?}");
            let upper: String = letter.to_uppercase().collect();
            let lower: String = letter.to_lowercase().collect();
            if letter != 'ı' {
                assert_eq!((name(&upper), name(&lower)), (Some(once.clone()), Some(once)), "{letter:?}");
            }
        }
    }

    #[test]
    fn no_name_is_a_path_and_every_folder_has_one_name() {
        for (text, encoded) in [
            ("alice", "alice"),
            ("...", "%2E%2E%2E"),
            ("%2e%2e", "%252e%252e"),
            ("a%2fb", "a%252fb"),
            ("CORP\\Bob", "corp%5Cbob"),
            ("é", "%C3%A9"),
            ("-rf _", "-rf%20_"),
        ] {
            let name = name(text).unwrap();
            assert_eq!(name.file_name(), encoded);
            assert_eq!(FoldedName::of_file_name(encoded), Some(name));
        }
        for foreign in
            ["", "Alice", "%2e", "%2E", "%2E%2E", "%2F", "a/b", "%61", "a%", "%C3", "%00", "alice.bak"]
        {
            assert_eq!(FoldedName::of_file_name(foreign), None, "{foreign}");
        }
        for none in
            ["../x", ".", "..", "a\0b", "a\nb", "", &"x".repeat(256), &"é".repeat(43), &"x".repeat(5000)]
        {
            assert_eq!(name(none), None, "{none}");
        }
        assert!(name(&"x".repeat(255)).is_some() && name(&"é".repeat(42)).is_some());
    }
}
