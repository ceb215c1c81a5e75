//! A code as a picture in a file.

use super::{Code, Error};
use qrcode::Color;
use qrcode::render::{Renderer, svg};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use zeroize::Zeroizing;

/// Light modules around the code, as ISO/IEC 18004 wants them.
const QUIET: usize = 4;
/// Pixels a module in both directions. In a PNG of one bit a pixel that makes a module a byte.
const PIXELS: u32 = 8;

impl Code {
    /// A PNG, black and white, 8 pixels a module, the quiet zone 4 modules wide.
    ///
    /// # Errors
    /// What the encoder reports; with memory to write to there is nothing.
    pub fn png(&self) -> io::Result<Zeroizing<Vec<u8>>> {
        let side = self.side + 2 * QUIET;
        let mut pixels = Zeroizing::new(Vec::new());
        for y in 0..side {
            for _ in 0..PIXELS {
                pixels.extend((0..side).map(|x| if self.is_dark(x, y, QUIET) { 0x00 } else { 0xff }));
            }
        }
        let extent = u32::try_from(side).map_err(io::Error::other)? * PIXELS;
        let mut file = Zeroizing::new(Vec::new());
        let mut encoder = png::Encoder::new(&mut *file, extent, extent);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::One);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&pixels)?;
        writer.finish()?;
        Ok(file)
    }

    /// An SVG, black on white, 8 units a module, the quiet zone 4 modules wide.
    #[must_use]
    pub fn svg(&self) -> Zeroizing<String> {
        let modules = self.modules.iter().map(|&dark| if dark { Color::Dark } else { Color::Light });
        let modules: Vec<Color> = modules.collect();
        // QUIET is 4: no cast to fail.
        let mut renderer = Renderer::<svg::Color<'_>>::new(&modules, self.side, QUIET as u32);
        Zeroizing::new(renderer.module_dimensions(PIXELS, PIXELS).build())
    }
}

/// Writes a new file that only its owner may read. A file that is there, or a link of that name, is left
/// alone; what could not be written whole is removed again.
///
/// # Errors
/// [`Error::Exists`], [`Error::NotPermitted`], [`Error::NoFolder`], [`Error::Write`], with the path.
pub fn write_new(path: &Path, content: &[u8]) -> Result<(), Error> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| Error::creating(path.to_owned(), error))?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(|error| {
        // The error that matters is the first one.
        let _ = fs::remove_file(path);
        Error::Write(path.to_owned(), error)
    })
}
