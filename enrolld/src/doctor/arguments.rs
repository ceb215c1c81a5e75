//! The arguments on our line, as the module reads them (`pam_totp/src/arguments.rs`; a test of the manuals
//! compares the two).

use crate::doctor::finding::{self, Finding};
use crate::doctor::stack::Line;
use std::path::Path;

const FLAGS: [&str; 6] = ["nullok", "echo", "debug", "forward_pass", "use_first_pass", "try_first_pass"];
/// What does not go together, as `Arguments::agree` has it.
const CONTRADICTIONS: [(&str, &str); 4] = [
    ("try_first_pass", "use_first_pass"),
    ("echo", "forward_pass"),
    ("echo", "use_first_pass"),
    ("prompt=", "use_first_pass"),
];
const VALUES: [&str; 2] = ["config=", "prompt="];

/// What the module would refuse. Settings that the line names are read where they are `here`.
pub(crate) fn findings(line: &Line, here: bool) -> Vec<Finding> {
    let wrong = line.arguments().iter().filter_map(|argument| complaint(argument, here));
    let has = |word: &str| {
        line.arguments()
            .iter()
            .any(|argument| argument == word || word.ends_with('=') && argument.starts_with(word))
    };
    let both = CONTRADICTIONS.iter().filter(|(one, other)| has(one) && has(other));
    let both = both.map(|(one, other)| {
        finding::ARGUMENT.finding(format!("{one} and {other} contradict each other"), "take one of them away")
    });
    wrong.chain(both).map(|finding| finding.at(line.place())).collect()
}

fn complaint(argument: &str, here: bool) -> Option<Finding> {
    if FLAGS.contains(&argument) {
        return None;
    }
    let known = VALUES.iter().find_map(|name| Some((*name, argument.strip_prefix(name)?)));
    match known {
        None => {
            let fix = format!("take it away; these are known: {} {}", FLAGS.join(" "), VALUES.join(" "));
            Some(finding::ARGUMENT.finding(format!("the module knows no argument {argument:?}"), fix))
        }
        Some(("config=", path)) if !path.starts_with('/') => Some(
            finding::ARGUMENT.finding(format!("{argument:?} is no absolute path"), "write the whole path"),
        ),
        Some(("config=", path)) if here => {
            let error = config::load(Some(Path::new(path))).err()?;
            Some(finding::SETTINGS.finding(error.to_string(), "correct the place: pam_totp.toml(5)"))
        }
        Some(("prompt=", prompt)) if !config::is_prompt(prompt) => {
            Some(finding::ARGUMENT.finding(format!("prompt= {}", config::PROMPT), "write other words"))
        }
        Some(_) => None,
    }
}
