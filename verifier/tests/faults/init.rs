//! Making a store: once, where it belongs, and never over another.

use crate::place::{CODE, Place, is_root};
use config::StoreSettings;
use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use verifier::{FileStore, Initialized, StoreError, init};

fn at(directory: PathBuf) -> StoreSettings {
    StoreSettings { directory, id: None }
}

/// Every file below `root` with its bytes and mode.
fn contents(root: &Path) -> Vec<(PathBuf, u32, Vec<u8>)> {
    let mut all = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let mode = entry.metadata().unwrap().permissions().mode();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
                all.push((entry.path(), mode, Vec::new()));
            } else {
                all.push((entry.path(), mode, fs::read(entry.path()).unwrap()));
            }
        }
    }
    all.sort();
    all
}

#[test]
fn a_store_is_made_once_and_left_alone_ever_after() {
    let place = Place::enrolled();
    assert!(place.accepts(CODE));
    let before = contents(&place.root());
    for random in [[1; 48], [2; 48]] {
        let Initialized::Existing(id) = init(&place.settings, random).unwrap() else { panic!("made anew") };
        assert_eq!(id.to_string(), "07".repeat(16));
    }
    assert!(before == contents(&place.root()));
}

#[test]
fn a_new_store_is_open_to_nobody_else_under_any_umask() {
    let temporary = tempfile::tempdir().unwrap();
    let settings = at(temporary.path().canonicalize().unwrap().join("store"));
    let Initialized::Created(id) = init(&settings, [9; 48]).unwrap() else { panic!("found one") };
    assert_eq!(FileStore::open(&settings).unwrap().format().id, id);
    for (path, mode, _) in contents(&settings.directory) {
        assert_eq!(mode & 0o7077, 0, "{}", path.display());
    }
}

#[test]
fn a_store_that_cannot_be_read_is_not_made_anew() {
    let place = Place::enrolled();
    let format = place.root().join("FORMAT");
    let whole = fs::read(&format).unwrap();
    for damaged in ["", "pam_totp store\nformat 2\n", "something else"] {
        fs::write(&format, damaged).unwrap();
        let before = contents(&place.root());
        assert!(init(&place.settings, [1; 48]).is_err());
        assert!(before == contents(&place.root()), "{damaged:?}");
    }
    fs::write(&format, whole).unwrap();
    fs::set_permissions(&format, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(init(&place.settings, [1; 48]).is_err());
}

#[test]
fn a_store_that_the_settings_pin_is_not_replaced_by_a_new_one() {
    let temporary = tempfile::tempdir().unwrap();
    let directory = temporary.path().canonicalize().unwrap().join("store");
    let settings = StoreSettings { id: Some("07".repeat(16)), ..at(directory) };
    let error = init(&settings, [1; 48]).unwrap_err();
    assert!(matches!(error, StoreError::PinnedMissing { .. }), "{error}");
    assert!(error.hint("").unwrap().contains("mount"), "{error}");
    assert!(!settings.directory.exists());
}

#[test]
fn an_init_that_was_cut_short_is_repeated() {
    let private = |path: &Path| fs::DirBuilder::new().mode(0o700).create(path).unwrap();
    for steps in 0..5 {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path().canonicalize().unwrap().join("store");
        if steps > 0 {
            private(&root);
        }
        if steps > 1 {
            private(&root.join("users"));
        }
        if steps > 2 {
            let half = if steps == 3 { "pam_totp st" } else { "" };
            fs::write(root.join("FORMAT.new"), half).unwrap();
        }
        let settings = at(root.clone());
        assert!(matches!(init(&settings, [5; 48]).unwrap(), Initialized::Created(_)), "after {steps} steps");
        assert!(!root.join("FORMAT.new").exists());
        assert!(FileStore::open(&settings).is_ok());
    }
}

#[test]
fn a_link_or_an_open_folder_is_not_made_a_store() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().canonicalize().unwrap();
    fs::create_dir(folder.join("elsewhere")).unwrap();
    std::os::unix::fs::symlink("elsewhere", folder.join("store")).unwrap();
    assert!(init(&at(folder.join("store")), [1; 48]).is_err());
    fs::set_permissions(folder.join("elsewhere"), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(init(&at(folder.join("elsewhere")), [1; 48]).is_err());
    assert_eq!(fs::read_dir(folder.join("elsewhere")).unwrap().count(), 0);
    assert!(
        init(&at(folder.join("nowhere/store")), [1; 48]).is_err(),
        "the folder above it is not ours to make"
    );
}

const POINT: &str = "PAM_TOTP_TEST_POINT";

/// In a mount namespace of its own, where fstab and systemd's folder can be anything.
fn in_private_mounts(script: &str, point: &Path) -> bool {
    let script = format!("mount --make-rprivate / && {script} && exec \"$0\" --exact --ignored {}", CHILD);
    let child = Command::new("unshare")
        .args(["--mount", "sh", "-ec", &script])
        .arg(std::env::current_exe().unwrap())
        .env(POINT, point)
        .status();
    child.unwrap().success()
}

const CHILD: &str = "init::child_that_meets_an_unmounted_mount_point";

#[test]
fn a_mount_point_with_nothing_mounted_is_refused() {
    let probe = Command::new("unshare").args(["--mount", "true"]).status();
    if !is_root() || !probe.is_ok_and(|status| status.success()) {
        eprintln!("skipped: needs root and mount namespaces");
        return;
    }
    let temporary = tempfile::tempdir().unwrap();
    let point = temporary.path().canonicalize().unwrap().join("point");
    fs::create_dir(&point).unwrap();
    let fstab = temporary.path().join("fstab");
    fs::write(&fstab, format!("tmpfs {} tmpfs defaults 0 0\n", point.display())).unwrap();
    let bind = format!("mount --bind {} /etc/fstab", fstab.display());
    assert!(in_private_mounts(&bind, &point), "named by fstab");
    let unit = format!("$(systemd-escape --path --suffix=mount {})", point.display());
    let has_systemd = Command::new("systemd-escape").arg("--version").output().is_ok();
    if has_systemd {
        let write = format!(
            "mount -t tmpfs none /run && mkdir -p /run/systemd/system && touch /run/systemd/system/{unit}"
        );
        assert!(in_private_mounts(&write, &point), "named by a mount unit");
    }
    assert_eq!(fs::read_dir(&point).unwrap().count(), 0);
}

#[test]
#[ignore = "run by a_mount_point_with_nothing_mounted_is_refused"]
fn child_that_meets_an_unmounted_mount_point() {
    let Some(point) = std::env::var_os(POINT).map(PathBuf::from) else { return };
    let settings = at(point.join("store"));
    let error = init(&settings, [1; 48]).unwrap_err();
    assert!(matches!(error, StoreError::NotMounted { .. }), "{error}");
    assert!(!settings.directory.exists());
    // Once it is mounted, the same settings make a store there.
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "mode=0700", "none"]).arg(&point).status();
    assert!(mounted.unwrap().success());
    assert!(matches!(init(&settings, [1; 48]).unwrap(), Initialized::Created(_)));
}
