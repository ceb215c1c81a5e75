//! The module's arguments in pam.d, and the settings they point to and override.

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
    debug: bool,
}

/// What is wrong with the line or the settings: nobody is let in, and the log says what and where.
#[derive(Debug)]
pub(crate) enum Misconfigured {
    Unknown(String),
    Value(&'static str, &'static str),
    Settings(ConfigError),
}

/// Settings as one login uses them.
pub(crate) struct Effective {
    pub(crate) settings: Settings,
    pub(crate) debug: bool,
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
                Some(("config", path)) if path.starts_with('/') => arguments.config = Some(path.into()),
                Some(("config", _)) => {
                    return Err(Misconfigured::Value("config=", "expected an absolute path"));
                }
                Some(("prompt", prompt)) => arguments.prompt = Some(checked_prompt(prompt)?),
                _ => return Err(unknown(argument)),
            }
        }
        Ok(arguments)
    }

    /// Reads the settings, and lets the arguments override them.
    pub(crate) fn effective(self) -> Result<Effective, Misconfigured> {
        let mut settings = config::load(self.config.as_deref()).map_err(Misconfigured::Settings)?;
        if self.nullok {
            settings.login.unenrolled = Unenrolled::Skip;
        }
        if let Some(prompt) = self.prompt {
            settings.login.prompt = prompt;
        }
        settings.login.echo |= self.echo;
        Ok(Effective { settings, debug: self.debug })
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
            Self::Settings(error) => error.fmt(f),
        }
    }
}

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
