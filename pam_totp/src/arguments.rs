//! The module's arguments in pam.d, and the settings they point to and override.

use crate::sys;
use config::{ConfigError, Settings, Unenrolled};
use std::ffi::CStr;
use std::fmt;
use std::path::PathBuf;

/// What stands on the module's line.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Arguments {
    config: Option<PathBuf>,
    nullok: bool,
    prompt: Option<String>,
    echo: bool,
    pass: Pass,
    debug: bool,
}

/// Where the code stands, as the module's line says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Pass {
    /// One prompt takes both.
    pub(crate) forward: bool,
    /// Whether the code is at the end of what another module has asked for.
    pub(crate) first: First,
}

/// What is made of the password that another module has asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum First {
    /// Nothing.
    #[default]
    Leave,
    /// The code may be at its end; else it is asked for.
    Try,
    /// The code is at its end, and nothing is asked.
    Use,
}

/// The prompt for both: editors, VPN plugins and scripts look for its words.
const COMBINED: &str = "Password & verification code: ";

/// What is wrong with the line or the settings: nobody is let in, and the log says what and where.
#[derive(Debug)]
pub(crate) enum Misconfigured {
    Unknown(String),
    Value(&'static str, &'static str),
    /// Two arguments that contradict each other, and why.
    Together(&'static str, &'static str, &'static str),
    Settings(ConfigError),
}

/// Settings as one login uses them.
pub(crate) struct Effective {
    pub(crate) settings: Settings,
    pub(crate) debug: bool,
    pub(crate) pass: Pass,
}

impl Arguments {
    pub(crate) fn parse(line: &[&CStr]) -> Result<Self, Misconfigured> {
        let mut arguments = Self::default();
        for argument in line {
            let text = argument.to_str().map_err(|_| unknown(argument))?;
            match text.split_once('=') {
                None if text == "nullok" => arguments.nullok = true,
                None if text == "echo" => arguments.echo = true,
                None if text == "debug" => arguments.debug = true,
                None if text == "forward_pass" => arguments.pass.forward = true,
                None if text == "use_first_pass" => arguments.first(First::Use)?,
                None if text == "try_first_pass" => arguments.first(First::Try)?,
                Some(("config", path)) if path.starts_with('/') => arguments.config = Some(path.into()),
                Some(("config", _)) => {
                    return Err(Misconfigured::Value("config=", "expected an absolute path"));
                }
                Some(("prompt", prompt)) => arguments.prompt = Some(checked_prompt(prompt)?),
                _ => return Err(unknown(argument)),
            }
        }
        arguments.agree()?;
        Ok(arguments)
    }

    fn first(&mut self, first: First) -> Result<(), Misconfigured> {
        if self.pass.first != First::Leave && self.pass.first != first {
            let why = "the one asks and the other never does";
            return Err(Misconfigured::Together("try_first_pass", "use_first_pass", why));
        }
        self.pass.first = first;
        Ok(())
    }

    fn agree(&self) -> Result<(), Misconfigured> {
        const NEVER: &str = "nothing is ever asked";
        let together = |one, other, why| Err(Misconfigured::Together(one, other, why));
        match self.pass {
            Pass { forward: true, .. } if self.echo => {
                together("echo", "forward_pass", "a password is never shown")
            }
            Pass { first: First::Use, .. } if self.echo => together("echo", "use_first_pass", NEVER),
            Pass { first: First::Use, .. } if self.prompt.is_some() => {
                together("prompt=", "use_first_pass", NEVER)
            }
            _ => Ok(()),
        }
    }

    /// Reads the settings, and lets the arguments override them.
    pub(crate) fn effective(self) -> Result<Effective, Misconfigured> {
        let settings = config::load_where(self.config.as_deref(), sys::can_parse);
        let mut settings = settings.map_err(Misconfigured::Settings)?;
        if self.nullok {
            settings.login.unenrolled = Unenrolled::Skip;
        }
        if self.pass.forward {
            // The settings' own are about the prompt for a code alone.
            settings.login.prompt = COMBINED.to_owned();
            settings.login.echo = false;
        }
        if let Some(prompt) = self.prompt {
            settings.login.prompt = prompt;
        }
        settings.login.echo |= self.echo;
        Ok(Effective { settings, debug: self.debug, pass: self.pass })
    }
}

fn checked_prompt(prompt: &str) -> Result<String, Misconfigured> {
    if !config::is_prompt(prompt) {
        return Err(Misconfigured::Value("prompt=", config::PROMPT));
    }
    Ok(prompt.to_owned())
}

fn unknown(argument: &CStr) -> Misconfigured {
    Misconfigured::Unknown(argument.to_string_lossy().into_owned())
}

impl fmt::Display for Misconfigured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(argument) => write!(f, "unknown argument {argument:?}"),
            Self::Value(argument, expected) => write!(f, "argument {argument} {expected}"),
            Self::Together(one, other, why) => {
                write!(f, "arguments {one} and {other} contradict each other: {why}")
            }
            Self::Settings(error) => error.fmt(f),
        }
    }
}

#[cfg(any(test, fuzzing))]
#[path = "arguments_properties.rs"]
pub(crate) mod properties;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_argument_is_read() {
        let line = [c"config=/etc/x.toml", c"nullok", c"prompt=Code for [x]: ", c"echo", c"debug"];
        let arguments = Arguments::parse(&line).unwrap();
        assert_eq!(arguments.config, Some("/etc/x.toml".into()));
        assert!(arguments.nullok && arguments.echo && arguments.debug);
        assert_eq!(arguments.prompt.as_deref(), Some("Code for [x]: "));
        assert_eq!(arguments.pass, Pass::default());
        let pass = |line: &[&CStr]| Arguments::parse(line).unwrap().pass;
        assert_eq!(pass(&[c"forward_pass"]), Pass { forward: true, first: First::Leave });
        assert_eq!(pass(&[c"forward_pass", c"use_first_pass"]), Pass { forward: true, first: First::Use });
        assert_eq!(pass(&[c"try_first_pass", c"echo"]), Pass { forward: false, first: First::Try });
    }

    #[test]
    fn arguments_that_contradict_each_other_are_named() {
        for [one, other] in [
            [c"try_first_pass", c"use_first_pass"],
            [c"echo", c"forward_pass"],
            [c"echo", c"use_first_pass"],
            [c"prompt=x", c"use_first_pass"],
        ] {
            for line in [[one, other], [other, one]] {
                let error = Arguments::parse(&line).unwrap_err();
                assert!(matches!(error, Misconfigured::Together(..)), "{line:?}");
                let named = |name: &CStr| {
                    let name = name.to_str().unwrap().trim_end_matches('x');
                    error.to_string().contains(name)
                };
                assert!(named(one) && named(other), "{error}");
            }
        }
    }

    #[test]
    fn the_settings_words_and_echo_are_not_those_of_a_password() {
        let folder = std::env::temp_dir().join(format!("arguments-{}.toml", std::process::id()));
        std::fs::write(&folder, "[login]\nprompt = \"Code: \"\necho = true\n").unwrap();
        let path = std::ffi::CString::new(format!("config={}", folder.display())).unwrap();
        let login = |line: &[&CStr]| {
            let line: Vec<_> = line.iter().copied().chain([path.as_c_str()]).collect();
            let login = Arguments::parse(&line).unwrap().effective().unwrap().settings.login;
            (login.prompt, login.echo)
        };
        assert_eq!(login(&[]), ("Code: ".to_owned(), true));
        assert_eq!(login(&[c"try_first_pass"]), ("Code: ".to_owned(), true));
        assert_eq!(login(&[c"forward_pass"]), ("Password & verification code: ".to_owned(), false));
        assert_eq!(login(&[c"forward_pass", c"prompt=Both: "]), ("Both: ".to_owned(), false));
        std::fs::remove_file(folder).unwrap();
    }

    #[test]
    fn an_unknown_argument_is_named() {
        for wrong in [c"nulok", c"nullok=1", c"NULLOK", c"config", c"", c"secret=/x", c"\xff", c"window=3"] {
            assert!(matches!(Arguments::parse(&[wrong]), Err(Misconfigured::Unknown(_))), "{wrong:?}");
        }
        for wrong in [c"config=", c"config=etc", c"prompt=", c"prompt=a\nb"] {
            assert!(matches!(Arguments::parse(&[wrong]), Err(Misconfigured::Value(..))), "{wrong:?}");
        }
    }
}
