//! What is under test, as cargo built it: the module, the command, and the rig's own programs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

/// A package and the file that it makes.
const PRODUCTS: [(&str, &str); 3] =
    [("pam_totp", "libpam_totp.so"), ("enrolld", "totpctl"), ("enrolld", "enrolld")];

/// The name service double that build.rs compiles.
pub const NSS_DOUBLE: &str = env!("NSS_DOUBLE");

/// The file that cargo made, by its name.
pub fn path(name: &str) -> PathBuf {
    let path = folder().join(name);
    assert!(path.exists(), "{} has not been built", path.display());
    path
}

/// Builds the module and the command where their sources are newer than they are: no test of this crate
/// depends on a cdylib or on another package's binary, so cargo does not build them for it, and a test of
/// yesterday's module proves nothing.
pub fn bring_up_to_date() {
    for (package, artefact) in PRODUCTS {
        let stamp = folder().join(format!(".acceptance-{package}"));
        if is_fresh(&stamp, artefact) {
            continue;
        }
        let lock = File::create(folder().join(".acceptance-lock")).expect("the target folder is writable");
        lock.lock().expect("a lock on our own file");
        if !is_fresh(&stamp, artefact) {
            build(package);
            File::create(&stamp).expect("the target folder is writable");
        }
    }
}

fn folder() -> PathBuf {
    let exe = std::env::current_exe().expect("this process has a file");
    let here = exe.parent().expect("a file lies in a folder");
    let profile = if here.ends_with("deps") { here.parent().expect("deps lies in a profile") } else { here };
    profile.to_owned()
}

/// Cargo writes beside an artefact a `.d` file that lists every source it was made from.
fn is_fresh(stamp: &Path, artefact: &str) -> bool {
    let artefact = folder().join(artefact);
    let (Some(stamped), true) = (modified(stamp), artefact.exists()) else { return false };
    let Ok(list) = fs::read_to_string(artefact.with_extension("d")) else { return false };
    let sources = list.split_once(": ").map_or("", |(_, sources)| sources);
    let manifests = ["Cargo.toml", "Cargo.lock"].map(|name| workspace().join(name));
    let mut all = sources.split_whitespace().map(PathBuf::from).chain(manifests);
    all.all(|source| modified(&source).is_some_and(|time| time < stamped))
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// The top folder of the sources.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate is a member").to_owned()
}

fn build(package: &str) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--locked", "--package", package]).current_dir(workspace());
    // Where cargo is told for what machine to build, that is one folder more.
    let above = if std::env::var_os("CARGO_BUILD_TARGET").is_some() { 2 } else { 1 };
    let folder = folder();
    command
        .arg("--target-dir")
        .arg(folder.ancestors().nth(above).expect("a profile lies in the target folder"));
    if folder.ends_with("release") {
        command.arg("--release");
    }
    let output = command.output().expect("cargo runs these tests");
    assert!(
        output.status.success(),
        "cargo build -p {package} failed:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
