//! Reading the file: opened once, checked on the handle, read within bounds.

use crate::comments::Bare;
use crate::{ConfigError, Settings};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Where the settings are, unless `config=` or `--config` says otherwise.
pub const DEFAULT_PATH: &str = "/etc/security/pam_totp.toml";

/// Longest file that is read, in bytes.
const LONGEST: usize = 64 * 1024;

/// Reads the settings at `path`, or at [`DEFAULT_PATH`]. Only there may the file be missing: then every
/// setting has its default, under which nobody is exempt from anything.
///
/// # Errors
/// [`ConfigError`].
pub fn load(path: Option<&Path>) -> Result<Settings, ConfigError> {
    load_where(path, |_| true)
}

/// [`load`], where `fits` says whether the memory is there for a text of so many bytes: for a process that must not
/// end for want of it.
///
/// # Errors
/// [`ConfigError`]; of the kind [`ErrorKind::OutOfMemory`], if it does not fit.
pub fn load_where(path: Option<&Path>, fits: impl Fn(usize) -> bool) -> Result<Settings, ConfigError> {
    let named = path.is_some();
    let path = path.unwrap_or(Path::new(DEFAULT_PATH));
    // O_NONBLOCK: opening a FIFO must not hang a login.
    let flags = nix::fcntl::OFlag::O_NONBLOCK | nix::fcntl::OFlag::O_NOCTTY;
    let file = match File::options().read(true).custom_flags(flags.bits()).open(path) {
        Ok(file) => file,
        // A link that leads nowhere (what it leads to is not mounted, or not there yet) is not a missing file:
        // with the defaults another store would be asked, in which nobody is enrolled.
        Err(error) if error.kind() == ErrorKind::NotFound && !named && !is_there(path) => {
            return Ok(Settings::default());
        }
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(ConfigError::Missing(path.into())),
        Err(error) => return Err(ConfigError::Io(path.into(), error)),
    };
    let text = read(path, file)?;
    if !fits(text.len()) {
        return Err(ConfigError::Io(path.into(), ErrorKind::OutOfMemory.into()));
    }
    parse(path, &text)
}

/// Whether anything has this name, be it a link to nothing. What cannot be looked at may be there.
fn is_there(path: &Path) -> bool {
    path.symlink_metadata().map_or_else(|error| error.kind() != ErrorKind::NotFound, |_| true)
}

fn read(path: &Path, file: File) -> Result<String, ConfigError> {
    let io = |error| ConfigError::Io(path.into(), error);
    let refused = |fault| ConfigError::Unsafe(path.into(), fault);
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() {
        return Err(refused("not a regular file"));
    }
    if metadata.uid() != 0 && metadata.uid() != nix::unistd::geteuid().as_raw() {
        return Err(refused("not owned by root"));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(refused("writable by group or others (chmod go-w)"));
    }
    let length = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    if length > LONGEST {
        return Err(refused("longer than 64 KiB"));
    }
    let mut bytes = Vec::new();
    read_expected(&file, length, &mut bytes).map_err(io)?;
    // Somebody writes it in place: the lines that deny may be those that are not there yet.
    if bytes.len() != length {
        return Err(refused("changed while it was read"));
    }
    String::from_utf8(bytes).map_err(|_| refused("not UTF-8 text"))
}

/// Reads the `length` bytes that a regular file was said to have into `bytes`: fewer where it has become shorter, one
/// more where it has grown. What does not change is read at once, since only at its end a file answers with less than
/// was asked for, and no copy of it is left behind.
///
/// # Errors
/// Those of read(2).
pub fn read_expected(mut file: &File, length: usize, bytes: &mut Vec<u8>) -> std::io::Result<()> {
    bytes.resize(length.saturating_add(1), 0);
    let mut filled = 0;
    while let Some(room) = bytes.get_mut(filled..) {
        match file.read(room) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        if filled >= length {
            break;
        }
    }
    bytes.truncate(filled);
    Ok(())
}

/// Parses the text of a settings file; `path` is for the error.
pub fn parse(path: &Path, text: &str) -> Result<Settings, ConfigError> {
    if let Some(settings) = Bare::of(text).and_then(|bare| bare.settings().ok()) {
        return Ok(settings);
    }
    // Once more with all of it, so that what is wrong is found at its own column.
    Settings::read(text).map_err(|wrong| {
        let (line, column) = wrong.place(text);
        ConfigError::Text { path: path.into(), line, column, message: wrong.message }
    })
}
