//! `FORMAT`: what makes a folder our store. Four lines of text, written by `init` alone.
//!
//! A store outlives the program: a screen locker goes on with the module that it loaded, while a package brings
//! the next one. So each version reads the format after its own, where it understands what it meets, and judges
//! logins there; what it would write anew, it leaves to the newer version.

use crate::id::{hex, unhex};
use crate::{Id, StoreError};
use std::path::Path;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The file's name.
pub(crate) const FORMAT: &str = "FORMAT";

const TITLE: &str = "pam_totp store";
/// The format that this version writes.
pub const VERSION: u32 = 1;
/// The newest that it reads.
pub(crate) const NEXT: u32 = VERSION + 1;

/// A store's format version, id and key.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Format {
    /// The version of all that lies in the store: [`VERSION`] or the next.
    #[zeroize(skip)]
    pub version: u32,
    /// The store's random id.
    #[zeroize(skip)]
    pub id: Id,
    /// The random key under which networks are hashed in the ledgers.
    pub network_key: [u8; 32],
}

impl Format {
    /// Parses the text; `path` is for the error.
    pub(crate) fn parse(text: &[u8], path: &Path) -> Result<Self, StoreError> {
        let damaged = |line| StoreError::Damaged { path: path.into(), line };
        let text = std::str::from_utf8(text).map_err(|_| damaged(0))?;
        let mut lines = text.lines();
        if lines.next() != Some(TITLE) {
            return Err(damaged(1));
        }
        let version = lines.next().and_then(|line| line.strip_prefix("format ")).and_then(decimal);
        let version = version.ok_or_else(|| damaged(2))?;
        if version > NEXT {
            return Err(StoreError::OtherFormat { path: path.into(), found: version });
        }
        // The next format may say more below.
        let id = lines.next().and_then(|line| line.strip_prefix("id ")).and_then(Id::parse);
        let key = lines.next().and_then(|line| line.strip_prefix("key ")).and_then(unhex);
        let (id, network_key) = (id.ok_or_else(|| damaged(3))?, key.ok_or_else(|| damaged(4))?);
        Ok(Self { version, id, network_key })
    }

    /// The text.
    pub(crate) fn render(&self) -> String {
        format!("{TITLE}\nformat {}\nid {}\nkey {}\n", self.version, self.id, hex(&self.network_key))
    }
}

/// A number from 1 as it is written: no sign, no leading zero.
fn decimal(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number: &u32| *number > 0 && number.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> String {
        Format { version: VERSION, id: Id([1; 16]), network_key: [2; 32] }.render()
    }

    fn error(text: &str) -> String {
        Format::parse(text.as_bytes(), Path::new("F")).map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let read = Format::parse(text().as_bytes(), Path::new("FORMAT")).unwrap();
        assert_eq!((read.version, read.id, read.network_key), (1, Id([1; 16]), [2; 32]));
    }

    #[test]
    fn the_next_format_is_read_and_may_say_more() {
        let next = text().replace("format 1", "format 2") + "moved 1800000000\n";
        let read = Format::parse(next.as_bytes(), Path::new("FORMAT")).unwrap();
        assert_eq!((read.version, read.id, read.network_key), (2, Id([1; 16]), [2; 32]));
    }

    #[test]
    fn a_format_beyond_is_named_and_refused() {
        let beyond = "F: format 3 is too new: this version reads 1 and 2";
        assert_eq!(error(&text().replace("format 1", "format 3")), beyond);
    }

    #[test]
    fn what_is_no_format_is_refused() {
        for version in ["0", "01", "+1", "1 ", "", "4294967296", "one"] {
            let line = format!("format {version}");
            assert_eq!(error(&text().replace("format 1", &line)), "F:2: cannot be read", "{version:?}");
        }
        assert_eq!(error(&text().replace("key 02", "key 0x")), "F:4: cannot be read");
        assert_eq!(error(""), "F:1: cannot be read");
    }
}
