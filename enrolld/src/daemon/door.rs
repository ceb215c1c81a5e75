//! Where peers knock: a socket that systemd hands over, or one of our own.

use crate::daemon::inherited;
use nix::sys::stat::{Mode, umask};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// A listening socket, in non-blocking mode.
pub(crate) struct Door {
    listener: UnixListener,
    /// Where it is, if it is ours to take away.
    own: Option<PathBuf>,
}

impl Door {
    /// The socket at `path`; without one what systemd handed over, or else the one that is `named`. That is
    /// not asked for needlessly: settings that are wrong are a reason to answer "unavailable", and none to
    /// end, for systemd gives up on what ends too often.
    pub(crate) fn open(
        path: Option<&Path>,
        named: impl FnOnce() -> Result<PathBuf, String>,
    ) -> Result<Self, String> {
        let inherited = if path.is_none() { inherited::listener()? } else { None };
        let door = match (path, inherited) {
            (Some(path), _) => Self::bind(path)?,
            (None, Some(listener)) => Self { listener, own: None },
            (None, None) => Self::bind(&named()?)?,
        };
        door.listener.set_nonblocking(true).map_err(|error| format!("the socket: {error}"))?;
        Ok(door)
    }

    fn bind(path: &Path) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("{}: {error}", path.display());
        make_folder(path).map_err(failed)?;
        remove_stale(path)?;
        // Everybody may knock; who is answered stands in the table. By the mask (no thread runs yet that would
        // mind), and not by chmod(2), which follows a link: in a folder of somebody else's the name may lead
        // to another file by now.
        let former = umask(Mode::S_IXUSR | Mode::S_IXGRP | Mode::S_IXOTH);
        let listener = UnixListener::bind(path);
        umask(former);
        Ok(Self { listener: listener.map_err(failed)?, own: Some(path.into()) })
    }

    pub(crate) fn listener(&self) -> &UnixListener {
        &self.listener
    }

    /// Whether systemd goes on listening when this process has ended.
    pub(crate) fn is_inherited(&self) -> bool {
        self.own.is_none()
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Some(path) = &self.own {
            // Where it is gone already there is nothing to take away.
            let _ = fs::remove_file(path);
        }
    }
}

fn make_folder(path: &Path) -> std::io::Result<()> {
    let Some(folder) = path.parent() else { return Ok(()) };
    match fs::DirBuilder::new().mode(0o755).create(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// What a daemon that was killed leaves behind is in the way. A socket at which somebody listens is not ours.
fn remove_stale(path: &Path) -> Result<(), String> {
    let named = |what: &dyn std::fmt::Display| format!("{}: {what}", path.display());
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(named(&error)),
        Ok(metadata) if !metadata.file_type().is_socket() => return Err(named(&"is no socket")),
        Ok(_) => {}
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|error| named(&error))
        }
        Ok(_) => Err(named(&"another process listens here")),
        Err(error) => Err(named(&error)),
    }
}
