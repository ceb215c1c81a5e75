//! The package, installed by apt into a fresh Debian, upgraded, removed and purged, while people log in by its
//! own sshd and sudo.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use acceptance::codes::Fob;
use acceptance::debian::Debian;
use acceptance::lab::run;
use acceptance::{packages, sandbox};

const SETTINGS: &str = "/etc/security/pam_totp.toml";
const STORE: &str = "/var/lib/pam_totp";
const SOCKET_UNIT: &str = "/etc/systemd/system/sockets.target.wants/enrolld.socket";
const NONE: [&str; 0] = [];

/// A key fob of somebody's: as many codes as a test wants, whatever the clock says.
fn enroll(debian: &Debian, user: &str) -> Fob {
    let printed = debian.run(&["totpctl", "enroll", user, "--hotp", "--no-confirm", "--json"]);
    let printed: serde_json::Value = serde_json::from_str(&printed).unwrap();
    Fob::new(&printed["secret"].as_str().unwrap().replace(' ', ""))
}

/// Every file of pam.d, by its name.
fn stacks(debian: &Debian) -> BTreeMap<String, String> {
    let files = fs::read_dir(debian.path("/etc/pam.d")).unwrap().map(|entry| entry.unwrap());
    let named = files.map(|entry| (entry.file_name().into_string().unwrap(), entry.path()));
    named.map(|(name, path)| (name, fs::read_to_string(path).unwrap())).collect()
}

/// The files of pam.d that are not as they were.
fn changed(debian: &Debian, before: &BTreeMap<String, String>) -> Vec<String> {
    let now = stacks(debian);
    let names: BTreeSet<_> = now.keys().chain(before.keys()).collect();
    names.into_iter().filter(|name| now.get(*name) != before.get(*name)).cloned().collect()
}

fn module(debian: &Debian) -> std::path::PathBuf {
    let files = debian.run(&["dpkg", "-L", "libpam-totp"]);
    debian.path(files.lines().find(|line| line.ends_with("/security/pam_totp.so")).unwrap())
}

fn enable(debian: &Debian) {
    debian.run(&["pam-auth-update", "--enable", "totp"]);
    let auth = &stacks(debian)["common-auth"];
    assert!(auth.contains("\nauth\trequired\tpam_totp.so"), "{auth}");
}

fn is_in(debian: &Debian, user: &str, code: &str) -> bool {
    let output = debian.ssh(user, code);
    println!("{user} {:?}: {}", output.status.code(), String::from_utf8_lossy(&output.stderr).trim());
    output.status.success()
}

fn assert_sound(debian: &Debian) {
    assert_eq!(debian.run(&["dpkg", "--audit"]), "");
}

#[test]
fn it_changes_no_login_until_it_is_told_to_and_leaves_everything_as_it_was() {
    sandbox::packaged(|_| {
        let debian = Debian::start(&["alice", "bob"]);
        let before = stacks(&debian);
        assert!(is_in(&debian, "alice", "") && debian.sudo("alice", ""));

        let said = debian.install(&packages::present());
        assert_eq!(changed(&debian, &before), NONE);
        assert!(is_in(&debian, "alice", "") && debian.sudo("alice", ""), "no login is changed");
        assert!(said.contains("created the store /var/lib/pam_totp"), "{said}");
        assert!(said.contains("services that ask for a code: none"), "the doctor reports: {said}");
        assert!(said.contains("\nno login is changed; turn it on step by step: man pam_totp, "), "{said}");
        let doctor =
            |more: &[&str]| debian.command(&[&["totpctl", "doctor"], more].concat()).output().unwrap();
        assert!(
            !said.contains("[no-line]") && String::from_utf8_lossy(&doctor(&[]).stdout).contains("[no-line]")
        );
        assert_eq!(fs::metadata(debian.path(STORE)).unwrap().permissions().mode() & 0o7777, 0o700);
        assert!(debian.path(SOCKET_UNIT).is_symlink());
        if debian.has_systemd() {
            debian.run(&["systemctl", "is-active", "enrolld.socket"]);
        }

        let alice = enroll(&debian, "alice");
        enable(&debian);
        assert!(is_in(&debian, "alice", &alice.code(0)));
        assert!(!is_in(&debian, "alice", &alice.code(0)), "a code works once");
        assert!(debian.sudo("alice", &alice.code(1)));
        assert!(!debian.sudo("alice", &alice.code(1)), "a code works once");
        assert!(!is_in(&debian, "bob", ""), "who is not enrolled stays outside, where nothing else is set");

        debian.run(&["apt-get", "remove", "--yes", "libpam-totp"]);
        assert_eq!(changed(&debian, &before), NONE);
        assert!(is_in(&debian, "alice", "") && debian.sudo("alice", ""), "the password alone opens again");
        assert!(debian.path(SETTINGS).exists() && debian.path(STORE).join("users").exists());
        if debian.has_systemd() {
            assert!(
                !debian.command(&["systemctl", "is-active", "enrolld.socket"]).status().unwrap().success()
            );
        }

        // Purged while it is installed and asked for: all that it needs to forget is there.
        debian.install(&packages::present());
        enable(&debian);
        assert!(is_in(&debian, "alice", &alice.code(2)), "who was enrolled is still");
        let said = run(&mut debian.command(&["apt-get", "purge", "--yes", "libpam-totp"]));
        let said = String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned();
        assert_eq!(changed(&debian, &before), NONE);
        assert!(is_in(&debian, "alice", "") && debian.sudo("alice", ""));
        assert!(said.contains("kept /var/lib/pam_totp"), "{said}");
        assert!(debian.path(STORE).join("users").exists());
        assert!(!debian.path(SETTINGS).exists() && !debian.path(SOCKET_UNIT).is_symlink());
        assert!(!debian.path("/usr/bin/totpctl").exists());
        assert_sound(&debian);
    });
}

/// Says so, also when it is dropped by a panic.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn an_upgrade_amid_logins_fails_none() {
    sandbox::packaged(|_| {
        let debian = Debian::start(&["alice", "bob", "carol"]);
        // Beneath the layer over all of it, whose files and folders are of several devices, a store is none.
        debian.run(&["mkdir", "--mode=700", STORE]);
        debian.run(&["mount", "-t", "tmpfs", "-o", "mode=700", "tmpfs", STORE]);
        debian.install(&packages::present());
        let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| enroll(&debian, name));
        enable(&debian);
        let settings = "issuer = \"Example\"\n";
        fs::write(debian.path(SETTINGS), settings).unwrap();
        let (former, stacks_before) = (fs::metadata(module(&debian)).unwrap().ino(), stacks(&debian));

        let ended = AtomicBool::new(false);
        let logins = |what: &str, log_in: &dyn Fn(&str) -> bool, fob: &Fob| {
            for counter in 0.. {
                // The last of them begins behind the upgrade.
                let is_last = ended.load(Ordering::SeqCst);
                assert!(log_in(&fob.code(counter)), "login {counter} by {what} failed");
                if is_last {
                    println!("{} by {what}", counter + 1);
                    return;
                }
            }
        };
        thread::scope(|scope| {
            let end = Ends(&ended);
            scope.spawn(|| logins("ssh", &|code| is_in(&debian, "alice", code), &alice));
            scope.spawn(|| logins("sudo", &|code| debian.sudo("bob", code), &bob));
            if debian.has_systemd() {
                scope.spawn(|| logins("the daemon", &|code| debian.verify("carol", code), &carol));
            }
            debian.install(&packages::higher());
            drop(end);
        });

        let version = debian.run(&["dpkg-query", "-W", "-f", "${Version}", "libpam-totp"]);
        assert!(version.ends_with("+higher1"), "{version}");
        assert_ne!(
            fs::metadata(module(&debian)).unwrap().ino(),
            former,
            "renamed into place, not written over"
        );
        assert_eq!(fs::read_to_string(debian.path(SETTINGS)).unwrap(), settings);
        assert_eq!(changed(&debian, &stacks_before), NONE);
        assert_sound(&debian);
    });
}

#[test]
fn it_is_not_removed_while_a_line_written_by_hand_would_be_left_without_its_module() {
    sandbox::packaged(|_| {
        let debian = Debian::start(&["alice"]);
        debian.install(&packages::present());
        let alice = enroll(&debian, "alice");
        let sshd = debian.path("/etc/pam.d/sshd");
        let stock = fs::read_to_string(&sshd).unwrap();
        let common = "@include common-auth\n";
        fs::write(&sshd, stock.replace(common, &format!("{common}auth required pam_totp.so\n"))).unwrap();
        let remove = || debian.command(&["apt-get", "remove", "--yes", "libpam-totp"]).output().unwrap();

        let refused = remove();
        let said = String::from_utf8_lossy(&[refused.stdout, refused.stderr].concat()).into_owned();
        assert!(!refused.status.success() && said.contains("not removed"), "{said}");
        assert!(said.contains("/etc/pam.d/sshd"), "{said}");
        assert!(is_in(&debian, "alice", &alice.code(0)) && !is_in(&debian, "alice", ""));
        assert_sound(&debian);

        // pam-auth-update leaves files alone that somebody has changed.
        fs::write(&sshd, &stock).unwrap();
        enable(&debian);
        let auth = debian.path("/etc/pam.d/common-auth");
        let text = fs::read_to_string(&auth).unwrap();
        fs::write(&auth, text.replacen("\nauth\t", "\nauth\toptional\tpam_faildelay.so\nauth\t", 1)).unwrap();
        let refused = remove();
        assert!(!refused.status.success(), "{refused:?}");
        assert!(is_in(&debian, "alice", &alice.code(1)));

        fs::write(&auth, text.replace("\nauth\trequired\tpam_totp.so", "\n#auth\trequired\tpam_totp.so"))
            .unwrap();
        // libpam reads on in the next line, and reads the folder that a link stands for.
        fs::write(&sshd, format!("{stock}auth required \\\npam_totp.so\n")).unwrap();
        debian.run(&["mv", "/etc/pam.d", "/etc/pam.elsewhere"]);
        debian.run(&["ln", "-s", "pam.elsewhere", "/etc/pam.d"]);
        let refused = remove();
        let said = String::from_utf8_lossy(&refused.stdout);
        assert!(!refused.status.success() && said.contains("\n/etc/pam.d/sshd"), "{refused:?}");
        assert!(module(&debian).exists());

        fs::write(&sshd, &stock).unwrap();
        assert!(remove().status.success());
        assert!(is_in(&debian, "alice", ""));
        assert_sound(&debian);
    });
}

/// pam-auth-update keeps the former file beside the one that it takes the line out of.
#[test]
fn an_argument_on_the_profiles_line_does_not_keep_the_package_there_with_the_profile_off() {
    sandbox::packaged(|_| {
        let debian = Debian::start(&["alice"]);
        let before = stacks(&debian);
        debian.install(&packages::present());
        enable(&debian);
        debian.run(&["sed", "-i", "s/pam_totp.so/& nullok/", "/etc/pam.d/common-auth"]);
        debian.run(&["apt-get", "remove", "--yes", "libpam-totp"]);
        let changed = changed(&debian, &before);
        assert!(changed.iter().all(|name| name.ends_with(".pam-old")), "{changed:?}");
        assert!(!debian.path("/usr/bin/totpctl").exists());
        assert!(is_in(&debian, "alice", ""));
        assert_sound(&debian);
    });
}

/// dpkg lets a package take the place of its namesake for another architecture, whose files it removes.
#[test]
fn the_package_of_another_architecture_does_not_take_the_modules_place() {
    sandbox::packaged(|_| {
        let debian = Debian::start(&["alice"]);
        debian.install(&packages::present());
        let alice = enroll(&debian, "alice");
        enable(&debian);
        let foreign = "\
            cd /var/tmp && dpkg-deb -R libpam-totp.deb other && \
            sed -i -e 's/^Architecture: .*/Architecture: mips64el/' -e '/^Depends: /d' other/DEBIAN/control && \
            mv other/usr/lib/*-linux-gnu* other/usr/lib/mips64el-linux-gnuabi64 && \
            dpkg-deb -b other other.deb && dpkg --add-architecture mips64el";
        debian.run(&["sh", "-c", foreign]);
        let refused = debian.command(&["dpkg", "--install", "/var/tmp/other.deb"]).output().unwrap();
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && said.contains("this package is for mips64el"), "{said}");
        assert!(module(&debian).exists());
        assert!(is_in(&debian, "alice", &alice.code(0)) && !is_in(&debian, "alice", ""));
        assert_sound(&debian);
    });
}

#[test]
fn a_purge_leaves_nothing_where_nobody_was_enrolled_or_it_was_told_so() {
    sandbox::packaged(|_| {
        let debian = Debian::start(&["alice"]);
        let purge = || debian.run(&["apt-get", "purge", "--yes", "libpam-totp"]);
        debian.install(&packages::present());
        purge();
        assert!(!debian.path(STORE).exists());

        debian.install(&packages::present());
        enroll(&debian, "alice");
        debian.run(&["touch", "/var/lib/pam_totp/PURGE"]);
        purge();
        assert!(!debian.path(STORE).exists());

        // A file system of its own is left there, with nothing in it.
        debian.run(&["mkdir", "--mode=700", STORE]);
        debian.run(&["mount", "-t", "tmpfs", "-o", "mode=700", "tmpfs", STORE]);
        debian.install(&packages::present());
        purge();
        assert_eq!(debian.run(&["find", STORE, "-mindepth", "1"]), "");
        assert_sound(&debian);
    });
}

#[test]
fn lintian_finds_no_fault_in_it() {
    sandbox::packaged(|_| {
        let mut lintian = Command::new("lintian");
        lintian.args(["--fail-on", "error,warning", "--tag-display-limit=0"]).arg(packages::present());
        assert_eq!(String::from_utf8_lossy(&run(&mut lintian).stdout), "");
    });
}
