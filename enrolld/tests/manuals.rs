//! The manuals say what the code does: every verb, option, argument, key and verdict, and none besides.
//!
//! Both sides are read as they are shipped: the pages of packaging/man, the help of the binary, the settings
//! file, and the two tables of the module that no library shows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

type Set = BTreeSet<String>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn file(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn page(name: &str) -> String {
    file(&format!("packaging/man/{name}.md"))
}

/// What stands under a heading, up to the next one of its level or above.
fn under<'a>(page: &'a str, heading: &str) -> &'a str {
    let start = page.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading:?}"));
    let rest = &page[start + heading.len() + 2..];
    let level = heading.split(' ').next().unwrap().len();
    let ends = (1..=level).filter_map(|level| rest.find(&format!("\n{} ", "#".repeat(level))));
    &rest[..ends.min().unwrap_or(rest.len())]
}

/// `**--token** NAME` and `**-h**, **--help**`: what a page defines, line by line, as its bold words.
fn defined(text: &str) -> Set {
    let lines = text.lines().filter(|line| line.starts_with("**") && !line.contains("**. "));
    lines.flat_map(|line| line.split("**").skip(1).step_by(2)).map(str::to_owned).collect()
}

fn help(words: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_totpctl")).args(words).arg("--help").output().unwrap();
    assert!(output.status.success(), "{words:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn verbs() -> Vec<String> {
    let help = help(&[]);
    let lines = help.lines().skip_while(|line| *line != "Verbs:").skip(1).take_while(|line| !line.is_empty());
    lines.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

/// The options that a help text lists: lines that begin with a hyphen.
fn options(help: &str) -> Set {
    let lines = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    let heads = lines.map(|line| line.split("  ").next().unwrap());
    heads
        .flat_map(|head| head.split(", ").map(|option| option.split(' ').next().unwrap().to_owned()))
        .collect()
}

fn headings<'a>(page: &'a str, level: &str) -> Vec<&'a str> {
    page.lines().filter_map(|line| line.strip_prefix(level)).collect()
}

#[test]
fn every_verb_has_a_section_and_no_other() {
    let page = page("totpctl.1");
    let written: Vec<_> = headings(under(&page, "## VERBS"), "### ");
    let mut written: Vec<_> = written.iter().map(|heading| heading.split(' ').next().unwrap()).collect();
    // A verb with several sources has a section for each.
    written.dedup();
    assert_eq!(written, verbs());
}

#[test]
fn every_option_stands_under_its_verb_and_no_other() {
    let page = page("totpctl.1");
    let global = defined(under(&page, "## OPTIONS"));
    assert_eq!(global, options(&help(&[])));
    for heading in headings(under(&page, "## VERBS"), "### ") {
        let is_positional = |word: &&str| word.contains(char::is_uppercase);
        let verb: Vec<_> = heading.split(' ').take_while(|word| !is_positional(word)).collect();
        let help = help(&verb);
        let own: Set = options(&help).difference(&global).cloned().collect();
        assert_eq!(defined(under(&page, &format!("### {heading}"))), own, "{verb:?}");
        let positional = heading.split(' ').rfind(is_positional);
        let usage = help.lines().find(|line| line.starts_with("Usage: ")).unwrap();
        // What may be left out stands in brackets on both sides.
        let last = usage.rsplit(' ').next().unwrap();
        let expected = match positional {
            Some(word) if word.starts_with('[') => word.to_owned(),
            Some(word) => format!("<{word}>"),
            None => "[OPTIONS]".to_owned(),
        };
        assert_eq!(last, expected, "{usage}");
    }
}

#[test]
fn every_option_of_the_daemon_is_written_and_no_other() {
    let output = Command::new(env!("CARGO_BIN_EXE_enrolld")).arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let page = page("enrolld.8");
    assert_eq!(defined(under(&page, "## OPTIONS")), options(&help));
    let synopsis = under(&page, "## SYNOPSIS");
    assert!(
        options(&help)
            .iter()
            .all(|name| synopsis.contains(name)
                || ["-h", "-V", "--help", "--version"].contains(&name.as_str()))
    );
}

#[test]
fn who_may_ask_what_is_the_daemons_table() {
    let source = file("enrolld/src/daemon/table.rs");
    let rows = source.lines().filter_map(|line| line.trim().strip_prefix("Row { method: Method::"));
    let page = page("enrolld.8");
    let written = under(&page, "## WHO MAY ASK WHAT");
    let mut compared = 0;
    for row in rows {
        let name = row.split(',').next().unwrap();
        let may = ["owner", "root", "checker", "other"].map(|who| row.contains(&format!("{who}: true")));
        let shown = if name.starts_with("Get") { "what the service is" } else { name };
        let line = written.lines().find(|line| line.starts_with(&format!("| {shown} |"))).unwrap();
        let cells: Vec<_> =
            line.split('|').skip(2).take(4).map(|cell| cell.trim().starts_with("yes")).collect();
        assert_eq!(cells, may, "{name}");
        compared += 1;
    }
    assert_eq!(compared, 7);
}

#[test]
fn every_choice_of_an_option_is_named() {
    let page = page("totpctl.1");
    for (verb, heading) in [("enroll", "### enroll [USER]"), ("completions", "### completions SHELL")] {
        let help = help(&[verb]).split_whitespace().collect::<Vec<_>>().join(" ");
        let (_, rest) = help.split_once("[possible values: ").unwrap();
        for choice in rest.split_once(']').unwrap().0.split(", ") {
            assert!(under(&page, heading).contains(&format!("`{choice}`")), "{choice}");
        }
    }
}

/// The keys of a settings file, as `section.key`, with their values; commented ones too.
fn keys(text: &str) -> Vec<(String, String)> {
    let mut section = String::new();
    let mut keys = Vec::new();
    for line in text.lines() {
        // A rule is shown and not set, so its heading is a comment.
        if let Some(name) = line.strip_prefix('[').or_else(|| line.strip_prefix("#[[")) {
            section = format!("{}.", name.trim_end_matches(']'));
        } else if let Some((key, value)) = line.trim_start_matches('#').split_once(" = ")
            && key.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
        {
            let value = value.split("     #").next().unwrap().split("   #").next().unwrap();
            keys.push((format!("{section}{key}"), value.trim().to_owned()));
        }
    }
    keys
}

#[test]
fn every_key_stands_in_its_section_and_no_other() {
    let page = page("pam_totp.toml.5");
    let settings = under(&page, "## SETTINGS");
    let mut section = String::new();
    let mut written = Vec::new();
    for line in settings.lines() {
        if let Some(name) = line.strip_prefix("### [") {
            section = format!("{}.", name.trim_matches(['[', ']']));
        } else if let Some(rest) = line.strip_prefix("**") {
            written.push(format!("{section}{}", rest.split("**").next().unwrap()));
        }
    }
    let shipped: Vec<_> = keys(&file("config/pam_totp.toml")).into_iter().map(|(key, _)| key).collect();
    assert_eq!(written, shipped);
}

#[test]
fn every_default_is_the_one_in_the_shipped_file() {
    let page = page("pam_totp.toml.5");
    let settings = under(&page, "## SETTINGS");
    // Examples in the file, for what has no value of its own; and a list too long to repeat.
    let without = ["issuer", "store.id", "login.skip_until", "login.local_services"];
    for (key, value) in keys(&file("config/pam_totp.toml")) {
        if without.contains(&key.as_str()) || key.starts_with("rule.") {
            continue;
        }
        let (section, name) = key.split_once('.').unwrap();
        let text = under(settings, &format!("### [{section}]"));
        let (_, text) = text.split_once(&format!("**{name}** = ")).unwrap();
        let text = text.split("\n**").next().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(&format!("Default: `{value}`")), "{key} = {value}: {text}");
    }
}

/// Words in quotation marks behind `before` in a source.
fn quoted<'a>(source: &'a str, before: &str) -> Vec<&'a str> {
    let found = source.split(before).skip(1);
    found.map(|rest| rest.split('"').next().unwrap()).collect()
}

#[test]
fn every_argument_of_the_module_is_written_and_no_other() {
    let source = file("pam_totp/src/arguments.rs");
    let source = source.split("#[cfg(test)]").next().unwrap();
    let flags = quoted(source, "if text == \"").into_iter().map(str::to_owned);
    let values = quoted(source, "Some((\"").into_iter().map(|name| format!("{name}="));
    let read: Set = flags.chain(values).collect();
    assert!(read.len() >= 5, "{read:?}");
    let page = page("pam_totp.8");
    let names = defined(under(&page, "## ARGUMENTS"));
    let bare = |name: &String| match name.split_once('=') {
        Some((name, _)) => format!("{name}="),
        None => name.clone(),
    };
    assert_eq!(names.iter().map(bare).collect::<Set>(), read);
    let synopsis = under(&page, "## SYNOPSIS");
    assert!(names.iter().all(|name| synopsis.contains(&format!("[{name}]"))), "{synopsis}");
}

#[test]
fn every_finding_of_the_doctor_is_written_with_its_level_and_no_other() {
    let source = file("enrolld/src/doctor/finding.rs");
    let kinds = source.lines().filter(|line| line.contains(": Fault, \"") || line.contains(": Note, \""));
    let level = |line: &str| if line.contains(": Fault, ") { "fault" } else { "note" };
    let defined: Set =
        kinds.map(|line| format!("{} | {}", line.split('"').nth(1).unwrap(), level(line))).collect();
    assert!(defined.len() >= 40, "{defined:?}");
    let page = page("totpctl.1");
    let rows = under(&page, "## FINDINGS").lines().filter_map(|line| line.strip_prefix("| "));
    let rows = rows.map(|row| row.split(" | ").take(2).collect::<Vec<_>>().join(" | "));
    assert_eq!(rows.filter(|row| !row.starts_with("finding")).collect::<Set>(), defined);
}

#[test]
fn the_doctor_knows_every_argument_of_the_module_and_no_other() {
    let source = file("pam_totp/src/arguments.rs");
    let source = source.split("#[cfg(test)]").next().unwrap();
    let flags = quoted(source, "if text == \"").into_iter().map(str::to_owned);
    let values = quoted(source, "Some((\"").into_iter().map(|name| format!("{name}="));
    let read: Set = flags.chain(values).collect();
    let known = file("enrolld/src/doctor/arguments.rs");
    let lists = known.split("[&str; ").skip(1).map(|list| list.split("];").next().unwrap().to_owned());
    let known: Set = lists
        .flat_map(|list| list.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>())
        .collect();
    assert_eq!(known, read);
}

#[test]
fn every_verdict_of_the_log_is_written_and_no_other() {
    let source = file("pam_totp/src/report.rs");
    let (_, table) = source.split_once("fn row(").unwrap();
    let table = table.split("\n}\n").next().unwrap();
    let rows = table.lines().filter(|line| line.contains("PAM_") && line.contains('"'));
    let shared = file("verifier/src/log_line.rs");
    let (_, shared) = shared.split_once("fn words(").unwrap();
    let shared = shared.split("\n}\n").next().unwrap().lines().filter(|line| line.contains("=> ("));
    let words: Set = rows.chain(shared).map(|row| row.rsplit('"').nth(1).unwrap().to_owned()).collect();
    let page = page("pam_totp.8");
    let lines = under(&page, "## LOGGING").lines().filter_map(|line| line.strip_prefix("| "));
    let cells = lines.map(|line| line.split(" |").next().unwrap().to_owned());
    assert_eq!(cells.filter(|cell| cell != "verdict").collect::<Set>(), words);
}

/// What is indented by four: blocks of code, each without its indentation.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks = vec![String::new()];
    for line in text.lines() {
        match (line.strip_prefix("    "), line.is_empty()) {
            (Some(code), _) => blocks.last_mut().unwrap().push_str(&format!("{code}\n")),
            (None, true) => blocks.last_mut().unwrap().push('\n'),
            (None, false) => blocks.push(String::new()),
        }
    }
    blocks.into_iter().filter(|block| !block.trim().is_empty()).collect()
}

#[test]
fn settings_shown_as_examples_are_good_settings() {
    let (settings, module) = (page("pam_totp.toml.5"), page("pam_totp.8"));
    let of_module = blocks(under(&module, "### A roll-out"));
    let of_module = of_module[0].split_once("# /etc/security/pam_totp.toml\n").unwrap().1;
    let mut examples = blocks(under(&settings, "## EXAMPLES"));
    assert!(examples.len() >= 7);
    assert!(examples.iter().filter(|text| text.contains("[[rule]]")).count() >= 4);
    examples.push(of_module.to_owned());
    for text in examples {
        let read = config::parse(Path::new("example.toml"), &text);
        assert!(read.is_ok(), "{}\n{text}", read.unwrap_err());
    }
}

/// Lines of a page that go into files of pam.d and sshd_config.
fn configuration(page: &str) -> Set {
    let words = ["auth", "@include", "UsePAM", "KbdInteractive", "PasswordAuth", "AuthenticationMethods"];
    let lines = page.lines().filter(|line| line.starts_with("    ")).map(str::trim);
    lines.filter(|line| words.iter().any(|word| line.starts_with(word))).map(str::to_owned).collect()
}

#[test]
fn the_readme_prints_the_recipes_of_the_manual() {
    let manual = page("pam_totp.8");
    let tried = configuration(under(&manual, "## EXAMPLES"));
    let printed = configuration(&file("README.md"));
    // sshd -T answers in lower case, and is no line of a file.
    let printed: Set = printed.into_iter().filter(|line| !line.starts_with("authentication")).collect();
    assert!(printed.len() >= 7, "{printed:?}");
    assert!(printed.is_subset(&tried), "{:?}", printed.difference(&tried));
}

/// Words in backquotes.
fn backquoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn every_test_that_the_architecture_names_is_there() {
    let page = file("ARCHITECTURE.md");
    let laws = page.split_once("\n## Laws").unwrap().1.split("\n## ").next().unwrap();
    let mut named = 0;
    for item in laws.split("\n- ").skip(1) {
        let words: Vec<_> = backquoted(item.split("\n\n").next().unwrap()).collect();
        let [path, test] = words[..] else { panic!("{item}") };
        assert!(file(path).contains(&format!("fn {test}(")), "{path}: {test}");
        named += 1;
    }
    assert_eq!(laws.matches("\n### ").count(), 10);
    assert!(named >= 30, "{named}");
}

#[test]
fn every_path_that_is_printed_is_there() {
    for name in ["README.md", "ARCHITECTURE.md", "SECURITY.md", "CONTRIBUTING.md"] {
        let page = file(name);
        let rooms = ["otp/", "config/", "verifier/", "pam_totp/", "enrolld/", "tests/", "packaging/"];
        let paths = backquoted(&page).filter(|word| rooms.iter().any(|room| word.starts_with(room)));
        for path in paths {
            assert!(root().join(path).exists(), "{name}: {path}");
        }
        for link in page.split("](").skip(1).map(|rest| rest.split([')', '#']).next().unwrap()) {
            assert!(link.is_empty() || link.contains("://") || root().join(link).exists(), "{name}: {link}");
        }
    }
}

/// A client with ControlMaster goes on with the connection that is open, asks for nothing, and seems to have
/// been let in: people changed settings that worked.
#[test]
fn whoever_turns_it_on_is_told_to_try_a_connection_of_its_own() {
    assert!(under(&file("README.md"), "## Turn it on").contains("$ ssh -S none "));
    assert!(under(&page("pam_totp.8"), "## TURNING IT ON").contains("$ ssh -S none "));
}

#[test]
fn no_page_is_wider_than_a_hundred_columns() {
    let folders = [root(), root().join("packaging/man")];
    let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let pages = entries.map(|entry| entry.unwrap().path());
    for path in pages.filter(|path| path.extension().is_some_and(|extension| extension == "md")) {
        for (number, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            assert!(line.chars().count() <= 100, "{}:{}: {line}", path.display(), number + 1);
        }
    }
}
