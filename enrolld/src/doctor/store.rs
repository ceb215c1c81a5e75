//! The store: whether it answers, what lies in it, and what it lies on.

use crate::doctor::finding::{self, Finding};
use crate::house::House;
use crate::people;
use config::Settings;
use nix::sys::statfs::statfs;
use std::fs::File;
use std::path::Path;
use verifier::{Current, Fault, FileStore, Owner, Person, Store, StoreError};

/// What is wrong with the store that the settings name. `nullok`: whether a line or the settings exempt
/// whoever is not enrolled.
pub(crate) fn findings(settings: &Settings, nullok: Option<&str>) -> Vec<Finding> {
    let store = match FileStore::open(&settings.store) {
        Ok(store) => store,
        Err(error) => return vec![finding::STORE.finding(error.to_string(), remedy(&error, "USER"))],
    };
    let mut found = Vec::new();
    if let (Some(at), None) = (nullok, &settings.store.id) {
        let id = store.format().id;
        let fix = format!("in the settings:\n[store]\nid = \"{id}\"");
        let what = "nobody says which store this is to be";
        found.push(finding::UNPINNED.finding(what, fix).at(at));
    }
    found.extend(file_system(&settings.store.directory));
    found
}

/// What is wrong with anybody's record.
pub(crate) fn records(house: &House) -> Vec<Finding> {
    let store = match FileStore::open(&house.settings.store) {
        Ok(store) => store,
        Err(error) => return vec![finding::STORE.finding(error.to_string(), "totpctl list")],
    };
    let people = match store.people() {
        Ok(people) => people,
        Err(error) => return vec![finding::STORE.finding(error.to_string(), "totpctl list")],
    };
    people.iter().flat_map(|owner| record(house, &store, owner)).collect()
}

fn record(house: &House, store: &FileStore, owner: &Owner) -> Vec<Finding> {
    let account = match people::of_owner(owner) {
        Ok(account) => account,
        Err(error) => return vec![broken(&error, &owner.to_string())],
    };
    let name = account.name.as_str();
    let status = match house.verifier.status(&account) {
        Err(error) => return vec![broken(&error, name)],
        Ok(status) => status.filter(|status| status.enrolled),
    };
    let Some(status) = status else { return Vec::new() };
    let mut found: Vec<_> =
        people::vet(&status, &account).err().iter().map(|error| broken(error, name)).collect();
    if let Owner::Name(owner) = owner
        && let Some(shadow) = people::shadow(owner)
    {
        let fix = format!(
            "if this is the same person: totpctl adopt {name}; if not: totpctl revoke --no-account {name}"
        );
        found.push(finding::RECORD.finding(shadow, fix).about(Some(name)));
    }
    if matches!(store.read(owner), Ok(Some(Person { ledger: Current::Lost, .. }))) {
        let fix = format!("totpctl unlock {name}");
        found.push(finding::RECORD.finding("the ledger is missing or damaged", fix).about(Some(name)));
    }
    // What was found here stands among the warnings too.
    let is_new = |text: &&String| !found.iter().any(|one| text.starts_with(&one.what));
    let warnings: Vec<_> = status.warnings.iter().filter(is_new).map(|text| warning(text, name)).collect();
    found.extend(warnings);
    found
}

fn broken(error: &StoreError, user: &str) -> Finding {
    finding::RECORD.finding(error.to_string(), remedy(error, user)).about(Some(user))
}

fn remedy(error: &StoreError, user: &str) -> String {
    match error {
        StoreError::Refused { path, fault: Fault::Mode | Fault::Owner } => {
            let path = path.display();
            format!("see who changed it; then: chown root:root {path}; chmod u=rwX,go= {path}")
        }
        error => error.hint(user).unwrap_or_else(|| "put it back from a backup".to_owned()),
    }
}

fn warning(text: &str, user: &str) -> Finding {
    finding::WARNING.finding(text, format!("totpctl status {user}")).about(Some(user))
}

/// What a file system is called, by its number in statfs(2), that is none to keep a store on.
fn elsewhere(kind: i64) -> Option<&'static str> {
    const KINDS: [(i64, &str); 9] = [
        (0x9123_683e, "btrfs"),
        (0x2fc1_2fc1, "ZFS"),
        (0xca45_1a4e, "bcachefs"),
        (0xf2f5_2010, "F2FS"),
        (0x794c_7630, "overlay"),
        (0x6969, "NFS"),
        (0xff53_4d42, "CIFS"),
        (0xfe53_4d42, "SMB"),
        (0x6573_5546, "FUSE"),
    ];
    // Of some architectures the number is a signed one of 32 bits.
    KINDS.into_iter().find(|(magic, _)| *magic == kind & 0xffff_ffff).map(|(_, name)| name)
}

/// statfs(2): file systems that write elsewhere what is overwritten in place, or that promise less.
fn file_system(folder: &Path) -> Option<Finding> {
    let name = elsewhere(statfs(folder).ok()?.filesystem_type().0 as i64)?;
    if name == "btrfs" && is_nocow(folder) {
        return None;
    }
    let fix = match name {
        "btrfs" => format!(
            "chattr +C on a new folder, then move what is in {} into it; or another file system",
            folder.display()
        ),
        _ => format!("mount ext4 or xfs at {}", folder.display()),
    };
    Some(
        finding::FILE_SYSTEM
            .finding(format!("the store lies on {name}"), fix)
            .at(folder.display().to_string()),
    )
}

/// Whether new files there are overwritten in place (ioctl_iflags(2), FS_NOCOW_FL).
fn is_nocow(folder: &Path) -> bool {
    const NOCOW: libc::c_long = 0x0080_0000;
    let Ok(folder) = File::open(folder) else { return false };
    crate::inode_flags::inode_flags(&folder).is_some_and(|flags| flags & NOCOW != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers of the kernel's magic.h, as libc has them.
    #[test]
    fn what_cannot_be_mounted_here_is_known_by_its_number() {
        let known = [
            (libc::BTRFS_SUPER_MAGIC, "btrfs"),
            (libc::F2FS_SUPER_MAGIC, "F2FS"),
            (libc::FUSE_SUPER_MAGIC, "FUSE"),
            (libc::NFS_SUPER_MAGIC, "NFS"),
            (libc::OVERLAYFS_SUPER_MAGIC, "overlay"),
        ];
        for (kind, name) in known {
            assert_eq!(elsewhere(kind), Some(name));
        }
        assert_eq!(elsewhere(i64::from(0xff53_4d42_u32.cast_signed())), Some("CIFS"), "sign-extended");
        for kind in [libc::EXT4_SUPER_MAGIC, libc::XFS_SUPER_MAGIC, libc::TMPFS_MAGIC] {
            assert_eq!(elsewhere(kind), None);
        }
    }
}
