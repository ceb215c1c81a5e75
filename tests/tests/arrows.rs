//! Which crate of this house may lean on which.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use acceptance::artefacts;
use acceptance::lab::run;
use serde_json::Value;

/// What each crate may name among its dependencies of this house.
const ARROWS: [(&str, &[&str]); 6] = [
    ("otp", &[]),
    ("config", &["otp"]),
    ("verifier", &["config", "otp"]),
    ("pam_totp", &["verifier", "config", "otp"]),
    ("enrolld", &["verifier", "config", "otp"]),
    ("acceptance", &["verifier", "config", "otp", "enrolld"]),
];

/// Runtimes, TLS and HTTP stacks, and what belongs to a terminal: never inside sshd.
const NOT_IN_THE_MODULE: [&str; 28] = [
    "tokio",
    "async-std",
    "smol",
    "async-io",
    "futures",
    "mio",
    "hyper",
    "h2",
    "reqwest",
    "ureq",
    "isahc",
    "curl",
    "rustls",
    "ring",
    "openssl",
    "openssl-sys",
    "native-tls",
    "aws-lc-rs",
    "tonic",
    "zbus",
    "url",
    "idna",
    "clap",
    "qrcode",
    "png",
    "serde_json",
    "rpassword",
    "syslog",
];

fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // For this platform alone: on a fresh machine the crates of others were never fetched.
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    command.args(["metadata", "--format-version", "1", "--locked", "--offline"]);
    command.args(["--filter-platform", &platform]);
    serde_json::from_slice(&run(command.current_dir(artefacts::workspace())).stdout).unwrap()
}

/// For each package, by name, the packages that it names as ordinary dependencies.
fn dependencies(metadata: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let name = |id: &Value| {
        let packages = metadata["packages"].as_array().unwrap();
        let found = packages.iter().find(|package| package["id"] == *id).unwrap();
        found["name"].as_str().unwrap().to_owned()
    };
    let ordinary = |dependency: &&Value| {
        // What `tests/fuzz` alone builds is in nothing that is shipped.
        let shipped = |kind: &Value| kind["kind"].is_null() && kind["target"] != "cfg(fuzzing)";
        dependency["dep_kinds"].as_array().unwrap().iter().any(shipped)
    };
    let mut all = BTreeMap::<String, BTreeSet<String>>::new();
    for node in metadata["resolve"]["nodes"].as_array().unwrap() {
        let named = node["deps"].as_array().unwrap().iter().filter(ordinary).map(|dep| name(&dep["pkg"]));
        // Two versions of one package count as one.
        all.entry(name(&node["id"])).or_default().extend(named);
    }
    all
}

#[test]
fn the_crates_of_this_house_lean_on_each_other_as_the_design_says() {
    let dependencies = dependencies(&metadata());
    let house: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    for (name, allowed) in ARROWS {
        let named = dependencies[name].iter().map(String::as_str).filter(|dep| house.contains(dep));
        let unexpected: Vec<&str> = named.filter(|dep| !allowed.contains(dep)).collect();
        assert_eq!(unexpected, [""; 0], "{name} leans on them");
    }
}

#[test]
fn no_runtime_and_no_network_stack_is_reachable_from_the_module() {
    let dependencies = dependencies(&metadata());
    let mut reached = BTreeSet::from(["pam_totp"]);
    let mut open = vec!["pam_totp"];
    while let Some(name) = open.pop() {
        open.extend(dependencies[name].iter().map(String::as_str).filter(|dep| reached.insert(dep)));
    }
    assert!(reached.contains("otp") && reached.contains("libc"), "{reached:?}");
    let unwanted: Vec<&str> = NOT_IN_THE_MODULE.into_iter().filter(|name| reached.contains(name)).collect();
    assert_eq!(unwanted, [""; 0]);
}
