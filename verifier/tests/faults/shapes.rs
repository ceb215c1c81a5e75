//! What lies where our files should: links, pipes, folders, sockets, strangers' files, files of a wrong size.

use crate::place::{Place, alice, is_root};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use verifier::{Account, Outcome, Verifier};

/// Every file and folder on the way to alice's record, each with what names it.
fn everything(place: &Place) -> [PathBuf; 6] {
    let format = place.root().join("FORMAT");
    [place.root(), format, place.users(), place.folder(), place.enrollment(), place.ledger()]
}

fn aside(path: &Path) -> PathBuf {
    let aside = path.with_extension("aside");
    fs::rename(path, &aside).unwrap();
    aside
}

#[test]
fn no_symbolic_link_is_followed_wherever_it_stands() {
    for index in 0..6 {
        let place = Place::enrolled();
        let path = &everything(&place)[index];
        symlink(aside(path), path).unwrap();
        place.assert_refuses(&format!("{}: a symbolic link is not followed", path.display()));
        place.assert_standing_refuses("a symbolic link is not followed");
    }
}

#[test]
fn a_file_with_a_second_name_is_refused() {
    for index in [1, 4, 5] {
        let place = Place::enrolled();
        let path = &everything(&place)[index];
        fs::hard_link(path, place.root().join("second name")).unwrap();
        place.assert_refuses("has more than one hard link");
        place.assert_standing_refuses("has more than one hard link");
    }
}

#[test]
fn a_pipe_is_refused_and_nobody_hangs_at_it() {
    for index in [1, 4, 5] {
        let place = Place::enrolled();
        let path = &everything(&place)[index];
        fs::remove_file(path).unwrap();
        nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let start = Instant::now();
        place.assert_refuses("not a regular file");
        place.assert_standing_refuses("not a regular file");
        assert!(start.elapsed() < Duration::from_secs(1));
    }
}

#[test]
fn a_folder_or_a_socket_is_no_file() {
    for index in [1, 4, 5] {
        let place = Place::enrolled();
        let path = &everything(&place)[index];
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
        place.assert_refuses("not a regular file");
        place.assert_standing_refuses("not a regular file");
        fs::remove_dir(path).unwrap();
        // A socket's address is short; its name in the folder may be any.
        let short = tempfile::tempdir_in(place.root()).unwrap();
        let _listener = UnixListener::bind(short.path().join("s")).unwrap();
        fs::rename(short.path().join("s"), path).unwrap();
        place.assert_refuses("not a regular file");
        place.assert_standing_refuses("not a regular file");
    }
}

#[test]
fn a_file_is_no_folder() {
    for index in [0, 2, 3] {
        let place = Place::enrolled();
        let path = &everything(&place)[index];
        aside(path);
        fs::write(path, "").unwrap();
        place.assert_refuses("not a folder");
        place.assert_standing_refuses("not a folder");
    }
}

#[test]
fn what_others_can_read_or_write_is_refused() {
    for (index, modes) in [
        (0, [0o750, 0o701]),
        (2, [0o710, 0o707]),
        (3, [0o770, 0o705]),
        (4, [0o640, 0o602]),
        (5, [0o620, 0o604]),
    ] {
        for mode in modes {
            let place = Place::enrolled();
            let path = &everything(&place)[index];
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
            place.assert_refuses("open to group or others");
            place.assert_standing_refuses("open to group or others");
        }
    }
}

#[test]
fn what_somebody_else_owns_is_refused() {
    if !is_root() {
        eprintln!("skipped: only root gives files away");
        return;
    }
    for index in 0..6 {
        let place = Place::enrolled();
        chown(&everything(&place)[index], Some(65_534), None).unwrap();
        place.assert_refuses("not owned by root");
        place.assert_standing_refuses("not owned by root");
    }
}

#[test]
fn a_store_without_its_users_is_damaged_and_not_empty() {
    let place = Place::enrolled();
    aside(&place.users());
    place.assert_refuses("users: open: No such file");
    place.assert_standing_refuses("users: open: No such file");
    let bob = Account::local("bob", 1001);
    assert!(place.verifier().standing(&bob).is_err(), "nor is anybody else not enrolled");
    assert!(place.enroll(&bob, None).is_err());
    assert!(!place.users().exists(), "only init makes it");
}

#[test]
fn an_enrollment_of_ten_megabytes_is_not_read() {
    let place = Place::enrolled();
    fs::OpenOptions::new().write(true).open(place.enrollment()).unwrap().set_len(10 << 20).unwrap();
    place.assert_refuses("too large");
    place.assert_standing_refuses("too large");
}

#[test]
fn a_ledger_of_another_size_is_refused() {
    for size in [0, 1, 4096, 8191, 8193, 1 << 20] {
        let place = Place::enrolled();
        fs::OpenOptions::new().write(true).open(place.ledger()).unwrap().set_len(size).unwrap();
        place.assert_refuses("not 8192 bytes long");
    }
}

#[test]
fn an_enrollment_that_is_cut_short_or_garbled_is_refused_by_its_line() {
    let place = Place::enrolled();
    let whole = fs::read_to_string(place.enrollment()).unwrap();
    for damaged in ["", "\0\0\0\0", "# nothing\n", &whole[..whole.len() / 2], &whole.replace("uid", "vid")] {
        fs::write(place.enrollment(), damaged).unwrap();
        place.assert_refuses("enrollment.toml");
        place.assert_standing_refuses("cannot be read");
    }
    fs::write(place.enrollment(), b"\xff\xfe").unwrap();
    place.assert_refuses("cannot be read");
    fs::write(place.enrollment(), whole).unwrap();
    assert!(place.accepts(crate::place::CODE), "and was whole before");
}

#[test]
fn another_persons_enrollment_lets_nobody_in() {
    let place = Place::enrolled();
    let bob = Account::local("bob", 1001);
    place.enroll(&bob, None).unwrap();
    let folder = place.users().join("1001");
    let name = place.verifier().status(&bob).unwrap().unwrap().id;
    fs::copy(place.enrollment(), folder.join("enrollment.toml")).unwrap();
    fs::copy(place.ledger(), folder.join(format!("ledger.{}", place.id()))).unwrap();
    assert_ne!(name, place.id());
    let typed = otp::Typed::parse(crate::place::CODE.as_bytes());
    let outcome = place.verifier().check(&bob, &typed, verifier::Origin::Console);
    assert!(matches!(outcome, Outcome::Unavailable(_)), "{outcome:?}");
    assert!(place.verifier().standing(&bob).is_err());
    assert!(place.verifier().status(&alice()).is_ok());
}

#[test]
fn format_is_asked_before_anything_else() {
    let place = Place::enrolled();
    let path = place.root().join("FORMAT");
    let whole = fs::read_to_string(&path).unwrap();
    for (text, reason) in [
        (whole.replace("format 1", "format 3"), "format 3 is too new: this version reads 1 and 2"),
        (whole.replace("pam_totp", "another"), "FORMAT:1: cannot be read"),
        (String::new(), "FORMAT:1: cannot be read"),
        ("x".repeat(5000), "too large"),
    ] {
        fs::write(&path, text).unwrap();
        place.assert_refuses(reason);
        place.assert_standing_refuses(reason);
    }
    fs::remove_file(&path).unwrap();
    place.assert_refuses("no FORMAT file: not our store, or not mounted");
    fs::remove_dir_all(place.root()).unwrap();
    place.assert_refuses("no FORMAT file: not our store, or not mounted");
}

#[test]
fn a_store_with_another_id_than_the_pinned_one_is_refused() {
    let mut place = Place::enrolled();
    place.settings.id = Some("00".repeat(16));
    place.assert_refuses("this is store 07070707070707070707070707070707, not the one that [store] id names");
    place.settings.id = Some("07".repeat(16));
    assert!(place.accepts(crate::place::CODE));
}
