//! `FORMAT`: what makes a folder our store. Four lines of text, written by `init` alone.

use crate::id::{hex, unhex};
use crate::{Id, StoreError};
use std::path::Path;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The file's name.
pub(crate) const FORMAT: &str = "FORMAT";

const TITLE: &str = "pam_totp store";
const VERSION: &str = "1";

/// A store's format version, id and key.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Format {
    /// The store's random id.
    #[zeroize(skip)]
    pub id: Id,
    /// The random key under which networks are hashed in the ledgers.
    pub network_key: [u8; 32],
}

impl Format {
    /// Parses the text; `path` is for the error.
    pub(crate) fn parse(text: &[u8], path: &Path) -> Result<Self, StoreError> {
        let other = |found: &str| StoreError::OtherFormat { path: path.into(), found: found.to_owned() };
        let damaged = |line| StoreError::Damaged { path: path.into(), line };
        let text = std::str::from_utf8(text).map_err(|_| damaged(0))?;
        let mut lines = text.lines();
        if lines.next() != Some(TITLE) {
            return Err(damaged(1));
        }
        match lines.next().and_then(|line| line.strip_prefix("format ")) {
            Some(VERSION) => {}
            Some(version) => return Err(other(version)),
            None => return Err(damaged(2)),
        }
        let id = lines.next().and_then(|line| line.strip_prefix("id ")).and_then(Id::parse);
        let key = lines.next().and_then(|line| line.strip_prefix("key ")).and_then(unhex);
        Ok(Self { id: id.ok_or_else(|| damaged(3))?, network_key: key.ok_or_else(|| damaged(4))? })
    }

    /// The text.
    pub(crate) fn render(&self) -> String {
        format!("{TITLE}\nformat {VERSION}\nid {}\nkey {}\n", self.id, hex(&self.network_key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let format = Format { id: Id([1; 16]), network_key: [2; 32] };
        let read = Format::parse(format.render().as_bytes(), Path::new("FORMAT")).unwrap();
        assert_eq!((read.id, read.network_key), (format.id, format.network_key));
    }

    #[test]
    fn another_format_is_named_and_refused() {
        let text = Format { id: Id([1; 16]), network_key: [2; 32] }.render();
        let error =
            |text: &str| Format::parse(text.as_bytes(), Path::new("F")).map(|_| ()).unwrap_err().to_string();
        assert_eq!(
            error(&text.replace("format 1", "format 2")),
            "F: format \"2\" is not one that this version reads"
        );
        assert_eq!(error(&text.replace("key 02", "key 0x")), "F:4: cannot be read");
        assert_eq!(error(""), "F:1: cannot be read");
    }
}
