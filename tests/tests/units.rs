//! The units for systemd, judged by systemd's own tools.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use acceptance::artefacts;
use acceptance::daemon::{Daemon, SOCKET, call};
use acceptance::lab::{STORE, run};
use acceptance::sandbox;
use serde_json::json;

/// Of 10; what `systemd-analyze security` calls safe ends at 2. Its option counts tenths.
const MOST_EXPOSED: &str = "--threshold=15";

fn unit(name: &str) -> String {
    fs::read_to_string(artefacts::workspace().join("packaging/systemd").join(name)).unwrap()
}

/// Copies of the units, with the daemon where it is.
fn units() -> (PathBuf, PathBuf) {
    let folder = Path::new("/var/tmp");
    let (service, socket) = (folder.join("enrolld.service"), folder.join("enrolld.socket"));
    let text = unit("enrolld.service").replace("/usr/sbin/enrolld", "/run/lab/enrolld");
    fs::write(&service, text).unwrap();
    fs::write(&socket, unit("enrolld.socket")).unwrap();
    (service, socket)
}

#[test]
fn systemd_finds_no_mistake_in_them() {
    sandbox::within(|_| {
        let (service, socket) = units();
        let mut command = Command::new("systemd-analyze");
        let output = run(command.args(["verify", "--man=no"]).arg(service).arg(socket));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    });
}

#[test]
fn systemd_finds_no_mistake_in_the_drop_in_for_polkits_helper() {
    sandbox::within(|_| {
        let folder = Path::new("/var/tmp/polkit-agent-helper@.service.d");
        fs::create_dir(folder).unwrap();
        let helper = folder.with_extension("");
        fs::write(&helper, "[Service]\nExecStart=/bin/true\nProtectSystem=strict\n").unwrap();
        let verified = |text: &str| {
            fs::write(folder.join("pam_totp.conf"), text).unwrap();
            let output = run(Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&helper));
            String::from_utf8_lossy(&output.stderr).into_owned()
        };
        let text = unit("polkit-agent-helper@.service.d/pam_totp.conf");
        assert_eq!(verified(&text), "");
        let misspelt = text.replace("ReadWritePaths", "ReadWritePath");
        assert!(verified(&misspelt).contains("pam_totp.conf"), "it is read at all");
        assert!(text.contains(STORE), "the store is where the settings say");
    });
}

#[test]
fn systemd_calls_the_service_safe() {
    sandbox::within(|_| {
        let (service, _) = units();
        let mut command = Command::new("systemd-analyze");
        run(command.args(["security", "--no-pager", "--offline=true", MOST_EXPOSED]).arg(service));
    });
}

#[test]
fn every_peer_is_seen_as_who_it_is() {
    let service = unit("enrolld.service");
    assert!(
        !service.lines().any(|line| line.starts_with("PrivateUsers=") || line.starts_with("DynamicUser="))
    );
}

#[test]
fn the_socket_is_where_the_settings_say() {
    let socket = unit("enrolld.socket");
    assert!(socket.contains(&format!("\nListenStream={SOCKET}\n")), "{socket}");
    assert!(
        fs::read_to_string(artefacts::workspace().join("config/pam_totp.toml")).unwrap().contains(SOCKET)
    );
}

#[test]
fn systemd_makes_the_sockets_folder() {
    sandbox::within(|_| {
        let root = Path::new("/var/tmp/root");
        fs::create_dir(root).unwrap();
        let entry = artefacts::workspace().join("packaging/systemd/enrolld.conf");
        run(Command::new("systemd-tmpfiles")
            .arg(format!("--root={}", root.display()))
            .arg("--create")
            .arg(entry));
        let folder = fs::metadata(root.join("run/enrolld")).unwrap();
        assert_eq!(folder.permissions().mode() & 0o7777, 0o755);
    });
}

/// The system calls of systemd's sets, by the set's name.
fn call_sets() -> BTreeMap<String, Vec<String>> {
    let text = run(Command::new("systemd-analyze").args(["syscall-filter", "--no-pager"])).stdout;
    let mut sets = BTreeMap::<String, Vec<String>>::new();
    let mut name = String::new();
    for line in String::from_utf8(text).unwrap().lines() {
        match line.strip_prefix("    ") {
            Some(item) if !item.starts_with('#') => {
                sets.entry(name.clone()).or_default().push(item.trim().into())
            }
            None if line.starts_with('@') => line.trim().clone_into(&mut name),
            _ => {}
        }
    }
    sets
}

fn members(sets: &BTreeMap<String, Vec<String>>, set: &str) -> BTreeSet<String> {
    let items = sets[set].iter();
    items
        .flat_map(|item| if item.starts_with('@') { members(sets, item) } else { [item.clone()].into() })
        .collect()
}

#[test]
fn the_service_may_do_all_that_the_daemon_does_and_it_needs_no_capability() {
    sandbox::within(|lab| {
        let alice = lab.enroll_slow("alice");
        let list = "/var/tmp/calls";
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-o", list, "setpriv", "--bounding-set=-all", "--inh-caps=-all"]);
        command.arg(lab.program("enrolld")).args(["--socket", SOCKET]).stdin(Stdio::null());
        let daemon = Daemon::run(&mut command);
        let checked =
            |code: &str| call(2001, "Check", &json!({ "user": "alice", "code": code }))["parameters"].clone();
        assert_eq!(checked(&alice.phone.code(0))["verdict"], "accepted");
        assert_eq!(checked(&alice.phone.wrong())["verdict"], "wrong");
        assert_eq!(call(2001, "Status", &json!({ "user": "alice" }))["parameters"]["enrolled"], true);
        drop(daemon);
        let sets = call_sets();
        let service = unit("enrolld.service");
        let filters: Vec<&str> =
            service.lines().filter_map(|line| line.strip_prefix("SystemCallFilter=")).collect();
        let [allowed, denied] = filters[..] else { panic!("{filters:?}") };
        let mut may = members(&sets, allowed);
        for set in denied.strip_prefix('~').unwrap().split(' ') {
            may = may.difference(&members(&sets, set)).cloned().collect();
        }
        let trace = fs::read_to_string(list).unwrap();
        let of_daemon = trace.lines().skip_while(|line| !line.contains("execve(\"/run/lab/enrolld\""));
        let made: BTreeSet<&str> = of_daemon
            .skip(1)
            .filter_map(|line| line.split_whitespace().nth(1)?.split_once('('))
            .map(|(name, _)| name)
            .collect();
        assert!(made.contains("pwrite64") && made.contains("accept4"), "{made:?}");
        // Its own limit on core files, which the unit sets too.
        let more: Vec<_> =
            made.into_iter().filter(|name| !may.contains(*name) && *name != "prlimit64").collect();
        assert_eq!(more, [""; 0]);
    });
}
