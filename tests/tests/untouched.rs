//! A login writes in one ledger, and touches nothing else of the store: above all no secret.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use acceptance::lab::STORE;
use acceptance::pam::Login;
use acceptance::sandbox;

/// Everything below `folder`: inode, time of the last change of the inode (nanoseconds), content.
fn everything(folder: &Path) -> BTreeMap<PathBuf, (u64, i64, Vec<u8>)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        let content = if metadata.is_dir() { Vec::new() } else { fs::read(&path).unwrap() };
        let changed = metadata.ctime() * 1_000_000_000 + metadata.ctime_nsec();
        found.insert(path.clone(), (metadata.ino(), changed, content));
        if metadata.is_dir() {
            found.append(&mut everything(&path));
        }
    }
    found
}

#[test]
fn a_login_writes_in_its_own_ledger_and_nowhere_else() {
    sandbox::within(|lab| {
        lab.door("");
        let alice = lab.enroll("alice");
        lab.enroll("bob");
        let spent = alice.phone.code(0);
        let answers =
            [spent.clone(), spent, alice.phone.wrong(), "no code".into(), alice.backup_codes[0].clone()];
        for answer in answers {
            let before = everything(Path::new(STORE));
            let _ = Login::new("door", "alice").code(answer).run();
            let after = everything(Path::new(STORE));
            assert!(before.keys().eq(after.keys()));
            let changed = after.iter().filter(|(path, now)| before[*path] != **now).map(|(path, _)| path);
            for path in changed {
                let name = path.strip_prefix(STORE).unwrap().to_str().unwrap();
                assert!(name.starts_with("users/2001/ledger."), "{name}");
                assert_eq!(before[path].0, after[path].0, "overwritten in place: {name}");
            }
        }
    });
}
