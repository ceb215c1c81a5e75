//! The manual pages as packages install them: no warning of mandoc or groff, and at home in 80 columns.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use acceptance::artefacts;
use acceptance::lab::run;
use acceptance::sandbox;

/// Lines that a program reads as one: nothing may break them.
const UNBROKEN: [&str; 1] = ["plugin openvpn-plugin-auth-pam.so "];

fn pages(test: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("man-{test}"));
    let _ = fs::remove_dir_all(&folder);
    run(Command::new("bash").arg(artefacts::workspace().join("packaging/man/render")).arg(&folder));
    let pages: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(pages.len(), 4);
    pages
}

fn man(page: &Path) -> Output {
    let mut command = Command::new("man");
    command.arg("--warnings").arg("--local-file").arg(page);
    command.envs([("MANWIDTH", "80"), ("LC_ALL", "C.UTF-8")]);
    run(&mut command)
}

fn shown(page: &Path) -> String {
    String::from_utf8(man(page).stdout).unwrap()
}

#[test]
fn neither_mandoc_nor_groff_finds_fault_with_a_page_and_none_is_wider_than_a_terminal() {
    for page in pages("warnings") {
        let lint = Command::new("mandoc").args(["-T", "lint"]).arg(&page).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&lint.stdout), "");
        assert!(lint.status.success());
        assert_eq!(String::from_utf8_lossy(&man(&page).stderr), "", "{}", page.display());
        let text = shown(&page);
        let lines: Vec<_> = text.lines().collect();
        // groff leaves two columns free.
        assert!(lines.len() > 100 && lines[0].chars().count() == 78, "{}", lines[0]);
        for line in lines {
            let unbroken = UNBROKEN.iter().any(|start| line.trim_start().starts_with(start));
            assert!(unbroken || line.chars().count() <= 80, "{}: {line}", page.display());
        }
    }
}

/// pandoc takes the margin of a list for blanks within what is typed, where that goes on in the next line.
#[test]
fn nothing_that_is_typed_has_a_margin_of_its_source_in_it() {
    for page in pages("margins") {
        let mut is_example = false;
        for line in fs::read_to_string(&page).unwrap().lines() {
            is_example = line == ".nf" || is_example && line != ".fi";
            assert!(is_example || !line.trim_start().contains("  "), "{}: {line}", page.display());
        }
    }
}

#[test]
fn words_that_are_typed_stand_whole_in_a_terminal() {
    for page in pages("words") {
        let text = shown(&page);
        assert!(!text.contains('\u{2010}'), "a hyphen of the typesetter's: {}", page.display());
        let source = page.file_name().unwrap().to_str().unwrap();
        let source = artefacts::workspace().join(format!("packaging/man/{source}.md"));
        let source = fs::read_to_string(source).unwrap();
        let bold = source.lines().filter(|line| line.starts_with("**"));
        let words = bold.flat_map(|line| line.split("**").skip(1).step_by(2).map(str::to_owned));
        for word in words.filter(|word| !word.contains(' ')) {
            assert!(text.contains(&word), "{word} in {}", page.display());
        }
    }
}

/// Lines of totpctl as they are printed, without what a shell does before and after it.
fn commands() -> BTreeSet<String> {
    let pages = ["pam_totp.8", "totpctl.1", "enrolld.8", "pam_totp.toml.5"];
    let pages = pages.map(|page| format!("packaging/man/{page}.md")).into_iter().chain(["README.md".into()]);
    let text: String =
        pages.map(|page| fs::read_to_string(artefacts::workspace().join(page)).unwrap()).collect();
    let typed = text.lines().filter_map(|line| {
        let line = line.strip_prefix("    ")?.trim_start();
        let line = line.strip_prefix("# ").or_else(|| line.strip_prefix("$ "))?;
        line.starts_with("totpctl ").then_some(line)
    });
    let alone =
        |line: &str| line.split(['<', '>', '|']).next().unwrap().split("   ").next().unwrap().to_owned();
    typed.map(alone).collect()
}

#[test]
fn no_command_line_that_is_printed_is_a_wrong_usage() {
    sandbox::within(|lab| {
        lab.enroll("alice");
        let program = lab.program("totpctl");
        let commands = commands();
        assert!(commands.len() > 20, "{commands:?}");
        for line in commands {
            let script = format!("exec {}{}", program.display(), line.trim_start_matches("totpctl"));
            let output = Command::new("sh").args(["-c", &script]).stdin(Stdio::null()).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(matches!(output.status.code(), Some(0 | 1)), "{line}: {:?} {said}", output.status);
        }
    });
}
