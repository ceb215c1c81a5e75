//! Creating a store. Nothing else ever does: a folder without `FORMAT` is "not our store, or not mounted".

use crate::disk::{checked_folder, create_file, failed, io, open_folder};
use crate::format::{FORMAT, VERSION};
use crate::{FileStore, Format, Id, StoreError};
use config::StoreSettings;
use nix::errno::Errno;
use nix::fcntl::renameat;
use nix::sys::stat::{Mode, mkdirat};
use nix::sys::statfs::fstatfs;
use std::fs::File;
use std::path::{Path, PathBuf};

/// What [`init`] did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Initialized {
    /// Made a store with this id.
    Created(Id),
    /// Found one: nothing was changed.
    Existing(Id),
}

/// Makes the store that `settings` name, unless it is there. `random` are fresh random bytes.
///
/// `FORMAT` is put in place last, on what is durable by then: an init that was cut short can be repeated, and
/// a store that is there stays there.
pub fn init(settings: &StoreSettings, random: [u8; 48]) -> Result<Initialized, StoreError> {
    let path = settings.directory.as_path();
    match FileStore::open(settings) {
        Ok(store) => return Ok(Initialized::Existing(store.format().id)),
        Err(StoreError::NotAStore(_)) => {}
        Err(error) => return Err(error),
    }
    if let Some(id) = &settings.id {
        return Err(StoreError::PinnedMissing { path: path.into(), id: id.clone() });
    }
    refuse_unmounted(path)?;
    let (id, key) = random.split_at(16);
    let (Ok(id), Ok(network_key)) = (id.try_into(), key.try_into()) else {
        return Err(StoreError::Random(std::io::ErrorKind::InvalidData.into()));
    };
    let format = Format { version: VERSION, id: Id(id), network_key };
    let root = make_root(path)?;
    refuse_file_system(&root, path)?;
    make_folder(&root, &path.join("users"))?;
    write_format(&root, path, &format)?;
    Ok(Initialized::Created(format.id))
}

/// The store's folder, made and durable.
fn make_root(path: &Path) -> Result<File, StoreError> {
    let parent = path.parent().unwrap_or(Path::new("/"));
    let above = File::from(open_folder(parent).map_err(|errno| failed(parent, "open", errno))?);
    make_folder(&above, path)?;
    let opened = open_folder(path).map_err(|errno| failed(path, "open", errno))?;
    let root = checked_folder(opened, path)?;
    above.sync_all().map_err(|error| io(parent, "sync", error))?;
    Ok(root)
}

fn make_folder(within: &File, path: &Path) -> Result<(), StoreError> {
    match mkdirat(within, path.file_name().unwrap_or_default(), Mode::S_IRWXU) {
        Ok(()) | Err(Errno::EEXIST) => Ok(()),
        Err(errno) => Err(failed(path, "create the folder", errno)),
    }
}

/// Written beside and renamed, so that a store is one whole or not at all.
fn write_format(root: &File, path: &Path, format: &Format) -> Result<(), StoreError> {
    const NEW: &str = "FORMAT.new";
    let (new, target) = (path.join(NEW), path.join(FORMAT));
    // What an init that was cut short left behind.
    match nix::unistd::unlinkat(root, NEW, nix::unistd::UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => {}
        Err(errno) => return Err(failed(&new, "remove", errno)),
    }
    let file = create_file(root, NEW, &new, format.render().as_bytes())?;
    file.sync_all().map_err(|error| io(&new, "sync", error))?;
    root.sync_all().map_err(|error| io(path, "sync", error))?;
    renameat(root, NEW, root, FORMAT).map_err(|errno| failed(&target, "put in place", errno))?;
    root.sync_all().map_err(|error| io(path, "sync", error))
}

/// Where NFS says "synced", another client may still read the former bytes, and locks may be local.
fn refuse_file_system(root: &File, path: &Path) -> Result<(), StoreError> {
    const NFS: i64 = 0x6969;
    let kind = fstatfs(root).map_err(|errno| failed(path, "look at", errno))?.filesystem_type();
    if kind.0 as i64 == NFS {
        return Err(StoreError::FileSystem { path: path.into(), name: "NFS" });
    }
    Ok(())
}

/// A store made under a mount point while nothing is mounted there would be hidden by the real one later, or
/// would hide that the real one is gone.
fn refuse_unmounted(path: &Path) -> Result<(), StoreError> {
    let mounted = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mounted: Vec<_> = mounted.lines().filter_map(|line| line.split(' ').nth(4)).map(unescape).collect();
    let fstab = match std::fs::read("/etc/fstab") {
        Ok(fstab) => String::from_utf8_lossy(&fstab).into_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        // What it names cannot be told, so nothing is made.
        Err(error) => return Err(io(Path::new("/etc/fstab"), "read", error)),
    };
    for ancestor in path.ancestors().filter(|ancestor| *ancestor != Path::new("/")) {
        if mounted.iter().any(|point| point == ancestor) {
            continue;
        }
        if let Some(named_by) = named_by(ancestor, &fstab) {
            return Err(StoreError::NotMounted { path: ancestor.into(), named_by });
        }
    }
    Ok(())
}

fn named_by(point: &Path, fstab: &str) -> Option<PathBuf> {
    let of_line = |line: &str| line.split_whitespace().nth(1).map(unescape);
    let lines = fstab.lines().filter(|line| !line.trim_start().starts_with('#'));
    if lines.filter_map(of_line).any(|named| named == point) {
        return Some("/etc/fstab".into());
    }
    let unit = format!("{}.mount", unit_name(point)?);
    ["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"]
        .iter()
        .map(|folder| Path::new(folder).join(&unit))
        .find(|unit| unit.exists())
}

/// fstab(5) and proc(5) write space, tab, newline and backslash as three octal digits.
fn unescape(text: &str) -> PathBuf {
    let pairs = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    pairs.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to)).into()
}

/// A mount unit is named for its mount point (systemd-escape --path): `/` becomes `-`, what is not a letter,
/// a digit, `:`, `_` or `.` becomes `\xNN`.
fn unit_name(point: &Path) -> Option<String> {
    let mut name = String::new();
    for (index, byte) in point.to_str()?.trim_matches('/').bytes().enumerate() {
        match byte {
            b'/' => name.push('-'),
            b'.' if index == 0 => name.push_str("\\x2e"),
            b if b.is_ascii_alphanumeric() || b":_.".contains(&b) => name.push(char::from(b)),
            b => name.push_str(&format!("\\x{b:02x}")),
        }
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_units_are_named_as_systemd_does() {
        assert_eq!(unit_name(Path::new("/var/lib/pam_totp")).unwrap(), "var-lib-pam_totp");
        assert_eq!(unit_name(Path::new("/srv/my-store")).unwrap(), "srv-my\\x2dstore");
    }

    #[test]
    fn an_fstab_line_names_its_mount_point() {
        let fstab = "# /dev/a /srv/no ext4\nUUID=1 /srv/my\\040store ext4 defaults 0 2\n";
        assert_eq!(named_by(Path::new("/srv/my store"), fstab), Some("/etc/fstab".into()));
        assert_eq!(named_by(Path::new("/srv/no"), fstab), None);
    }
}
