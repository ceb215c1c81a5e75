//! The QR code that carries a provisioning URI to a phone, on a terminal or in a file.
//!
//! Half of the complaints about command lines like this one are about a code that does not scan: a negative
//! on a dark theme, rows torn by line spacing, a picture wider than the window. What is drawn here is tested
//! with a reader whose inversion is off, on the themes and the spacings that people have.
//!
//! Everything here holds the secret, so it is wiped on drop, except what the encoder keeps while it works.

mod choice;
mod error;
mod image;
mod layout;
mod terminal;

pub use choice::{Surroundings, Wish, choose};
pub use error::Error;
pub use image::write_new;
pub use layout::grouped;
pub use terminal::{Ground, Size, Style};

use qrcode::{Color, EcLevel, QrCode};
use zeroize::Zeroizing;

/// A code: a square of modules, dark or light.
pub struct Code {
    /// Row by row from the top, dark is true.
    modules: Zeroizing<Vec<bool>>,
    side: usize,
}

impl Code {
    /// The smallest code that holds `uri`, with the strongest error correction that costs no larger one: on
    /// a screen nothing is scratched, and every module saved is a column of the terminal.
    ///
    /// # Errors
    /// [`Error::NotAscii`] for what is no URI (readers guess at the encoding of anything else), and
    /// [`Error::TooLong`] for what no code holds.
    pub fn new(uri: &str) -> Result<Self, Error> {
        if !uri.is_ascii() {
            return Err(Error::NotAscii);
        }
        let smallest = QrCode::with_error_correction_level(uri, EcLevel::L)
            .map_err(|_| Error::TooLong { bytes: uri.len() })?;
        let version = smallest.version();
        let code = [EcLevel::H, EcLevel::Q, EcLevel::M]
            .into_iter()
            .find_map(|level| QrCode::with_version(uri, version, level).ok())
            .unwrap_or(smallest);
        let side = code.width();
        let modules = code.into_colors().into_iter().map(|module| module == Color::Dark).collect();
        Ok(Self { modules: Zeroizing::new(modules), side })
    }

    /// Modules from edge to edge, without the quiet zone.
    #[must_use]
    pub fn side(&self) -> usize {
        self.side
    }

    /// Whether the module at `x`, `y` is dark, counted from the corner of a quiet zone `quiet` modules wide;
    /// all that lies outside the code is light.
    fn is_dark(&self, x: usize, y: usize, quiet: usize) -> bool {
        let (Some(x), Some(y)) = (x.checked_sub(quiet), y.checked_sub(quiet)) else { return false };
        x < self.side && self.modules.get(y * self.side + x).copied().unwrap_or(false)
    }
}

/// The modules are the secret: only the size is told.
impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Code").field("side", &self.side).finish_non_exhaustive()
    }
}
