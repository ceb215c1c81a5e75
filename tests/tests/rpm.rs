//! The rpm, by rpm itself: on this machine's own files, below a layer that takes every write.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use acceptance::artefacts;
use acceptance::lab::run;
use acceptance::mounts;
use acceptance::sandbox;
use nix::mount::{MsFlags, mount};

const ROOT: &str = "/run/lab/root";
const PACKAGES: &str = "/var/tmp/packages";

fn build(version: &str) -> PathBuf {
    let script = artefacts::workspace().join("packaging/rpm");
    let binaries = artefacts::path("totpctl").parent().unwrap().to_owned();
    let mut command = Command::new("bash");
    command.arg(script).arg(version).arg("--binaries").arg(binaries).args(["--output", PACKAGES]);
    let printed = String::from_utf8(run(&mut command).stdout).unwrap();
    PathBuf::from(printed.trim_end())
}

/// This machine as it is on disk, of which nothing is changed by what is done below [`ROOT`].
fn lay_root() {
    let layers = ["/run/lab/layers/upper", "/run/lab/layers/work"];
    for folder in layers.iter().chain([&ROOT]) {
        fs::create_dir_all(folder).unwrap();
    }
    let options = format!("lowerdir=/,upperdir={},workdir={}", layers[0], layers[1]);
    mount(Some("overlay"), ROOT, Some("overlay"), MsFlags::empty(), Some(options.as_str())).unwrap();
    for folder in ["dev", "proc"] {
        let bound = Path::new(ROOT).join(folder);
        mount(Some(&*format!("/{folder}")), &bound, None::<&str>, MsFlags::MS_BIND, None::<&str>).unwrap();
    }
    mounts::tmpfs(&Path::new(ROOT).join("var/lib"), "mode=755");
    mounts::tmpfs(&Path::new(ROOT).join("run"), "mode=755");
}

fn rpm(arguments: &[&str], package: &Path) -> Output {
    Command::new("rpm").args(["--root", ROOT]).args(arguments).arg(package).output().unwrap()
}

fn done(output: &Output) -> String {
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    text
}

fn below(path: &str) -> PathBuf {
    Path::new(ROOT).join(path.trim_start_matches('/'))
}

/// Everything in pam.d.
fn stacks() -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(below("/etc/pam.d")).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.clone(), fs::read(&path).unwrap())).collect()
}

#[test]
fn the_rpm_installs_upgrades_and_leaves_and_no_login_and_no_store_is_touched() {
    sandbox::within(|_| {
        let (first, next) = (build("0.1.0"), build("0.2.0"));
        lay_root();
        let before = stacks();
        let name = Path::new("pam_totp");
        done(&rpm(&["--install", "--nodeps"], &first));
        assert_eq!(done(&rpm(&["--verify", "--nodeps"], name)), "");
        let format = fs::read(below("/var/lib/pam_totp/FORMAT")).unwrap();
        let mode = |path: &str| fs::metadata(below(path)).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode("/var/lib/pam_totp"), mode("/usr/lib64/security/pam_totp.so")), (0o700, 0o755));

        fs::write(below("/etc/security/pam_totp.toml"), "issuer = \"example.org\"\n").unwrap();
        done(&rpm(&["--upgrade", "--nodeps"], &next));
        let settings = fs::read_to_string(below("/etc/security/pam_totp.toml")).unwrap();
        assert_eq!(settings, "issuer = \"example.org\"\n");
        let verified = rpm(&["--verify", "--nodeps"], name);
        assert_eq!(String::from_utf8_lossy(&verified.stdout), "S.5....T.  c /etc/security/pam_totp.toml\n");
        assert_eq!(fs::read(below("/var/lib/pam_totp/FORMAT")).unwrap(), format);

        let sshd = fs::read_to_string(below("/etc/pam.d/sshd")).unwrap();
        fs::write(below("/etc/pam.d/sshd"), format!("{sshd}auth required \\\npam_totp.so\n")).unwrap();
        let refused = rpm(&["--erase"], name);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && said.contains("\n/etc/pam.d/sshd\n"), "{said}");
        assert!(below("/usr/lib64/security/pam_totp.so").exists());
        fs::write(below("/etc/pam.d/sshd"), &sshd).unwrap();
        done(&rpm(&["--erase"], name));
        assert!(!below("/usr/lib64/security/pam_totp.so").exists());
        assert_eq!(fs::read(below("/var/lib/pam_totp/FORMAT")).unwrap(), format);
        assert_eq!(stacks(), before);
    });
}

#[test]
fn the_rpm_has_what_is_laid_for_every_package() {
    sandbox::within(|_| {
        let package = build("0.1.0");
        let listed = String::from_utf8(run(Command::new("rpm").arg("-qlp").arg(&package)).stdout).unwrap();
        let staged = "/var/tmp/staged";
        let script = artefacts::workspace().join("packaging/stage");
        let binaries = artefacts::path("totpctl").parent().unwrap().to_owned();
        let licenses = ["--licenses", "/usr/share/licenses/pam_totp"];
        run(Command::new("bash").arg(script).arg(staged).arg("--binaries").arg(binaries).args(licenses));
        let found = run(Command::new("find").args([staged, "-type", "f", "-printf", "/%P\\n"])).stdout;
        let found = String::from_utf8(found).unwrap();
        assert!(found.lines().count() > 25);
        for path in found.lines() {
            assert!(listed.lines().any(|line| line == path), "{path}");
        }
        let others: Vec<_> = listed.lines().filter(|line| !found.lines().any(|path| path == *line)).collect();
        let folders = others.iter().filter(|path| path.starts_with("/usr/share/"));
        assert_eq!(others.len() - folders.count(), 1, "the preset, and folders of our own: {others:?}");
    });
}
