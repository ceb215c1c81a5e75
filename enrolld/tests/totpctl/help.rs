//! Help: to be read on 80 columns.

use crate::bench::Bench;
use std::io::Write;
use std::process::{Command, Stdio};

const VERBS: [&str; 23] = [
    "init",
    "enroll",
    "status",
    "list",
    "verify",
    "code",
    "show",
    "remove-token",
    "rename-token",
    "backup-codes",
    "revoke",
    "unlock",
    "restored",
    "prune",
    "suspend",
    "resume",
    "pause",
    "adopt",
    "import",
    "export",
    "doctor",
    "rehearse",
    "completions",
];

fn fits(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn every_verb_explains_itself_on_80_columns() {
    let bench = Bench::without_store();
    let all = bench.run(["--help"]).done().out;
    fits(&all);
    for verb in VERBS {
        assert!(all.contains(&format!("\n  {verb} ")), "{verb} is not in:\n{all}");
        let help = bench.run([verb, "--help"]).done().out;
        fits(&help);
        assert!(help.contains("\nExample:\n") && help.contains(&format!("totpctl {verb}")), "{help}");
    }
    for source in ["google-authenticator", "oath", "uri"] {
        let help = bench.run(["import", source, "--help"]).done().out;
        fits(&help);
        assert!(
            help.contains("\nExample:\n") && help.contains(&format!("totpctl import {source}")),
            "{help}"
        );
    }
    assert!(bench.run(["--version"]).done().out.starts_with("totpctl 0."));
}

#[test]
fn alone_it_shows_its_help_and_fails() {
    let output = Command::new(env!("CARGO_BIN_EXE_totpctl")).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    assert!(said.contains("Usage: totpctl") && said.contains("  enroll "), "{said}");
    fits(&said);
}

#[test]
fn completions_are_scripts_that_know_the_verbs() {
    let bench = Bench::without_store();
    for shell in ["bash", "zsh", "fish"] {
        let script = bench.run(["completions", shell]).done().out;
        assert!(VERBS.iter().all(|verb| script.contains(verb)), "{shell}");
    }
    let script = bench.run(["completions", "bash"]).done().out;
    let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn().unwrap();
    bash.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(bash.wait().unwrap().success());
    // Who asks for a completion script of a shell that does not exist is told which there are.
    let unknown = bench.run(["completions", "csh"]);
    assert!(unknown.status == Some(2) && unknown.err.contains("bash"), "{}", unknown.err);
}
