//! Stacks. `tests/doctor/stacks/NAME/expected` has what is to be found, a line each: service and finding.
//! What libpam itself makes of them is compared in `src/doctor/real.rs`.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/doctor/stacks")
}

/// The system of files of this name; the one that has no flaw of its own lies beside the others.
fn root(name: &str) -> PathBuf {
    let stack = folder().join(name);
    if stack.exists() { stack } else { folder().with_file_name(name) }
}

fn names() -> Vec<String> {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = entries.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

pub(crate) fn command(name: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_totpctl"));
    command.arg("doctor").arg("--root").arg(root(name));
    command
}

pub(crate) fn examine(name: &str, more: &[&str]) -> (Value, Option<i32>) {
    let output = command(name).arg("--json").args(more).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let value = serde_json::from_str(&printed);
    let value = value.unwrap_or_else(|error| panic!("{name}: {error}: {printed}{:?}", output.stderr));
    (value, output.status.code())
}

pub(crate) fn found(value: &Value) -> Vec<String> {
    let findings = value["findings"].as_array().unwrap().iter();
    let named = findings.map(|finding| {
        let service = finding["service"].as_str().unwrap_or_default();
        format!("{service} {}", finding["id"].as_str().unwrap())
    });
    let mut named: Vec<_> = named.collect();
    named.sort();
    named
}

#[test]
fn every_flaw_is_found_and_nothing_else() {
    let mut wrong = Vec::new();
    for name in names() {
        let (value, status) = examine(&name, &[]);
        let mut expected: Vec<_> = fs::read_to_string(folder().join(&name).join("expected"))
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect();
        expected.sort();
        if found(&value) != expected {
            wrong.push(format!("{name}: expected {expected:?}, found {:#}", value["findings"]));
        }
        let is_clean = name.starts_with("healthy_") || name.starts_with("note_");
        assert_eq!(
            (status, &value["clean"]),
            (Some(i32::from(!is_clean)), &Value::Bool(is_clean)),
            "{name}: {value:#}"
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn at_least_twenty_are_broken_and_three_are_healthy() {
    let all = names();
    let healthy = all.iter().filter(|name| name.starts_with("healthy_")).count();
    let notes = all.iter().filter(|name| name.starts_with("note_")).count();
    assert!(healthy >= 3 && all.len() - healthy - notes >= 20, "{all:?}");
}

#[test]
fn each_finding_says_what_why_and_how_to_put_it_right() {
    for name in names() {
        let (value, _) = examine(&name, &[]);
        for finding in value["findings"].as_array().unwrap() {
            for key in ["what", "why", "fix"] {
                assert!(finding[key].as_str().is_some_and(|text| text.len() > 5), "{name}: {finding}");
            }
            let place = finding["place"].as_str();
            let is_of_a_file =
                ["no-line", "sibling", "cousin", "no-account"].contains(&finding["id"].as_str().unwrap());
            assert!(is_of_a_file || place.unwrap().starts_with("/"), "{name}: {finding}");
        }
    }
}
