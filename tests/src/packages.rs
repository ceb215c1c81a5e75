//! The packages under test, built of what cargo built: the present version, and one that is higher.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::artefacts;
use crate::lab::run;

/// What a package is made of, besides the programs.
const SOURCES: [&str; 8] = [
    "packaging",
    "config/pam_totp.toml",
    "verifier/FILEFORMAT.md",
    "README.md",
    "SECURITY.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "Cargo.toml",
];
const PROGRAMS: [&str; 3] = ["libpam_totp.so", "totpctl", "enrolld"];
/// What is behind the version of the higher one.
const HIGHER: &str = "+higher1";

/// The package of this version.
pub fn present() -> PathBuf {
    package("")
}

/// The same content under a higher version.
pub fn higher() -> PathBuf {
    package(HIGHER)
}

fn package(suffix: &str) -> PathBuf {
    let architecture = run(Command::new("dpkg").arg("--print-architecture")).stdout;
    let architecture = String::from_utf8(architecture).expect("a word");
    let version = concat!(env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"), ".");
    let version = format!("{version}{}{suffix}", env!("CARGO_PKG_VERSION_PATCH"));
    folder().join(format!("libpam-totp_{version}_{}.deb", architecture.trim()))
}

fn folder() -> PathBuf {
    artefacts::path("totpctl").with_file_name("package")
}

/// Builds both where they are older than what they are made of. This needs the machine's own tools, and so
/// happens outside of a sandbox.
pub fn bring_up_to_date() {
    let lock = File::open(artefacts::workspace().join("packaging")).expect("the folder is ours");
    lock.lock().expect("a lock on our own folder");
    for suffix in ["", HIGHER] {
        if !is_fresh(&package(suffix)) {
            build(suffix);
        }
    }
}

fn is_fresh(package: &Path) -> bool {
    if !package.exists() {
        return false;
    }
    let mut find = Command::new("find");
    find.args(SOURCES.map(|name| artefacts::workspace().join(name)));
    find.args(PROGRAMS.map(artefacts::path));
    find.args(["-type", "f", "-newer"]).arg(package).args(["-print", "-quit"]);
    run(&mut find).stdout.is_empty()
}

fn build(suffix: &str) {
    let mut command = Command::new("bash");
    command.arg("packaging/deb").current_dir(artefacts::workspace());
    command.args([
        "--binaries".as_ref(),
        artefacts::path("totpctl").parent().expect("a file lies in a folder").as_os_str(),
        "--output".as_ref(),
        folder().as_os_str(),
    ]);
    if !suffix.is_empty() {
        let name = package(suffix).file_name().expect("a file").to_string_lossy().into_owned();
        command.arg(name.split('_').nth(1).expect("name_version_architecture"));
    }
    let built = run(&mut command).stdout;
    assert_eq!(Path::new(String::from_utf8_lossy(&built).trim()), package(suffix));
}
