//! Pictures of the code in files: they hold the secret, so they do not outlive what failed.

use crate::card::failure;
use crate::failure::Failure;
use crate::output;
use crate::qr::{Code, write_new};
use std::path::{Path, PathBuf};

/// The files written so far; removed on drop unless kept.
#[derive(Default)]
pub(crate) struct Pictures(Vec<PathBuf>);

impl Pictures {
    /// Writes what was asked for.
    pub(crate) fn write(png: Option<&Path>, svg: Option<&Path>, code: &Code) -> Result<Self, Failure> {
        let mut pictures = Self::default();
        if let Some(path) = png {
            let png = code.png().map_err(|error| Failure::new(format!("the picture: {error}")))?;
            pictures.add(path, &png)?;
        }
        if let Some(path) = svg {
            pictures.add(path, code.svg().as_bytes())?;
        }
        Ok(pictures)
    }

    fn add(&mut self, path: &Path, content: &[u8]) -> Result<(), Failure> {
        write_new(path, content).map_err(|error| failure(&error))?;
        self.0.push(path.to_owned());
        Ok(())
    }

    /// It is done: they stay, and it is said what they are.
    pub(crate) fn keep(mut self) {
        for path in self.0.drain(..) {
            output::note(&format!("{path:?} holds the secret: remove it once it is scanned"));
        }
    }
}

impl Drop for Pictures {
    fn drop(&mut self) {
        for path in &self.0 {
            let _ = std::fs::remove_file(path);
        }
    }
}
