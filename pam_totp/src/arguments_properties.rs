//! What holds for any arguments.
//!
//! `tests/fuzz` looks for bytes that break it; what it has found worth keeping is in its corpus, and is tried
//! again by the test below. Nothing of this is in a shipped build.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each function is a property, and says so by a panic"
)]

use super::{Arguments, First, Misconfigured};
use std::ffi::{CStr, CString};

/// Those that are one word.
const WORDS: [&str; 6] = ["nullok", "echo", "debug", "forward_pass", "use_first_pass", "try_first_pass"];

/// Each NUL ends an argument. A line that is taken says what its words say, no more, whatever their order, and does
/// not contradict itself; one that is refused stays so whatever is added, and the log is told why in one line.
pub(crate) fn arguments(bytes: &[u8]) {
    let given: Vec<_> =
        bytes.split(|&byte| byte == 0).map(|text| CString::new(text).expect("no NUL")).collect();
    let line: Vec<&CStr> = given.iter().map(CString::as_c_str).collect();
    let reversed: Vec<&CStr> = line.iter().rev().copied().collect();
    let again = Arguments::parse(&reversed);
    match Arguments::parse(&line) {
        Ok(arguments) => {
            says_what_stands_there(&arguments, &line);
            agrees_with_itself(&arguments);
            let again = again.expect("another order is no mistake");
            assert_eq!(
                (again.nullok, again.echo, again.debug, again.pass),
                (arguments.nullok, arguments.echo, arguments.debug, arguments.pass)
            );
            comes_back(&arguments);
        }
        Err(why) => {
            assert!(again.is_err());
            is_told(&why, &line);
            for more in [c"debug", c"config=/x", c"prompt=x"] {
                assert!(Arguments::parse(&[&line[..], &[more]].concat()).is_err(), "{more:?} makes it good");
            }
        }
    }
}

fn says_what_stands_there(arguments: &Arguments, line: &[&CStr]) {
    let texts = || line.iter().map(|argument| argument.to_str().expect("others are refused"));
    let value = |key: &str| texts().filter_map(|text| text.strip_prefix(key)).next_back();
    for text in texts() {
        assert!(
            WORDS.contains(&text) || text.starts_with("config=") || text.starts_with("prompt="),
            "{text:?}"
        );
    }
    let has = WORDS.map(|word| texts().any(|text| text == word));
    let Arguments { config, nullok, prompt, echo, pass, debug } = arguments;
    let (uses, tries) = (pass.first == First::Use, pass.first == First::Try);
    assert_eq!([*nullok, *echo, *debug, pass.forward, uses, tries], has);
    assert_eq!(config.as_deref().map(|path| path.as_os_str()), value("config=").map(str::as_ref));
    assert_eq!(prompt.as_deref(), value("prompt="));
}

fn agrees_with_itself(Arguments { config, prompt, echo, pass, .. }: &Arguments) {
    assert!(config.as_ref().is_none_or(|path| path.is_absolute()));
    assert!(prompt.as_ref().is_none_or(|prompt| config::is_prompt(prompt)));
    assert!(!echo || !pass.forward && pass.first != First::Use, "a password is shown, or nothing is");
    assert!(prompt.is_none() || pass.first != First::Use, "nothing is asked");
}

/// As pam.d would say it.
fn comes_back(arguments: &Arguments) {
    let Arguments { config, nullok, prompt, echo, pass, debug } = arguments;
    let (uses, tries) = (pass.first == First::Use, pass.first == First::Try);
    let flags = [*nullok, *echo, *debug, pass.forward, uses, tries];
    let words = WORDS.into_iter().zip(flags).filter(|(_, is)| *is).map(|(word, _)| word.to_owned());
    let config = config.as_ref().map(|path| format!("config={}", path.display()));
    let prompt = prompt.as_ref().map(|prompt| format!("prompt={prompt}"));
    let line: Vec<_> =
        words.chain(config).chain(prompt).map(|text| CString::new(text).expect("no NUL")).collect();
    let line: Vec<&CStr> = line.iter().map(CString::as_c_str).collect();
    assert_eq!(Arguments::parse(&line).as_ref().ok(), Some(arguments));
}

fn is_told(why: &Misconfigured, line: &[&CStr]) {
    let text = why.to_string();
    assert!(!text.contains(char::is_control), "{text:?}");
    let stands_there =
        |start: &str| line.iter().any(|argument| argument.to_bytes().starts_with(start.as_bytes()));
    match why {
        Misconfigured::Unknown(named) => {
            assert!(
                line.iter().any(|argument| argument.to_string_lossy() == *named)
                    && !WORDS.contains(&named.as_str())
            );
        }
        Misconfigured::Value(named, _) => assert!(stands_there(named)),
        Misconfigured::Together(one, other, _) => assert!(stands_there(one) && stands_there(other)),
        Misconfigured::Settings(_) => panic!("nothing was read"),
    }
}

#[cfg(test)]
#[path = "../../tests/fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    #[test]
    fn a_line_says_what_its_words_say_or_is_refused_by_name() {
        super::replay::holds_for("arguments", super::arguments);
    }
}
