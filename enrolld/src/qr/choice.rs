//! Which drawing suits the terminal: decided from plain values, so that every case can be tested.

use super::{Ground, Style};
use std::str::FromStr;

/// What `--qr` asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Wish {
    /// What suits the terminal.
    #[default]
    Auto,
    /// Half blocks: in black and white, or without escapes where those are unwanted.
    Utf8,
    /// Spaces with backgrounds, for fonts whose blocks have gaps.
    Blank,
    /// `##` and spaces.
    Ascii,
    /// No code.
    None,
}

impl Wish {
    /// Every wish with its name on the command line.
    pub const NAMES: [(&'static str, Self); 5] = [
        ("auto", Self::Auto),
        ("utf8", Self::Utf8),
        ("blank", Self::Blank),
        ("ascii", Self::Ascii),
        ("none", Self::None),
    ];
}

impl FromStr for Wish {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::NAMES.into_iter().find(|(name, _)| *name == text);
        known.map(|(_, wish)| wish).ok_or("one of auto, utf8, blank, ascii, none")
    }
}

/// What is known about where the code will be seen. The strings are environment variables as they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Surroundings<'a> {
    /// Whether the output is a terminal.
    pub terminal: bool,
    /// `TERM`.
    pub term: Option<&'a str>,
    /// `NO_COLOR` (no-color.org: any value but the empty one forbids colours).
    pub no_color: Option<&'a str>,
    /// `COLORFGBG`, in which konsole, rxvt and iTerm2 tell their theme: `15;0` is light on dark.
    pub colorfgbg: Option<&'a str>,
    /// `LC_ALL`.
    pub lc_all: Option<&'a str>,
    /// `LC_CTYPE`.
    pub lc_ctype: Option<&'a str>,
    /// `LANG`.
    pub lang: Option<&'a str>,
}

impl Surroundings<'_> {
    /// POSIX: the first of the three that is set and not empty names the locale.
    fn utf8(&self) -> bool {
        let locale = [self.lc_all, self.lc_ctype, self.lang].into_iter().flatten().find(|v| !v.is_empty());
        let codeset = locale.and_then(|name| name.split_once('.')).map(|(_, rest)| rest);
        let codeset = codeset.and_then(|rest| rest.split('@').next()).unwrap_or_default();
        codeset.eq_ignore_ascii_case("UTF-8") || codeset.eq_ignore_ascii_case("UTF8")
    }

    /// Whether escape sequences may be sent at all: never to a file, never to a terminal that is not known
    /// or known to have no colours.
    fn escapes(&self) -> bool {
        let term = self.term.unwrap_or_default();
        let without =
            ["", "dumb", "unknown"].contains(&term) || term.ends_with("-m") || term.ends_with("-mono");
        self.terminal && !without
    }

    fn colours(&self) -> bool {
        self.escapes() && self.no_color.is_none_or(str::is_empty)
    }

    /// The background that a drawing without colours has to reckon with: dark, unless the terminal says that
    /// it is white. That is what most terminals are, and a wrong guess is a negative either way.
    fn ground(&self) -> Ground {
        match self.colorfgbg.and_then(|value| value.rsplit(';').next()) {
            Some("7" | "15") => Ground::Light,
            _ => Ground::Dark,
        }
    }
}

/// The drawing to use, or none where none is wanted.
///
/// Where the locale has no half blocks, spaces with backgrounds are better than characters: they take the
/// same room and are never a negative. `--qr blank` outranks NO_COLOR, as no-color.org has it for arguments,
/// but puts no escape sequence into a file.
#[must_use]
pub fn choose(wish: Wish, around: &Surroundings<'_>) -> Option<Style> {
    let ground = around.ground();
    let utf8 = if around.colours() { Style::Utf8Colour } else { Style::Utf8Plain(ground) };
    match wish {
        Wish::None => None,
        Wish::Ascii => Some(Style::Ascii(ground)),
        Wish::Utf8 => Some(utf8),
        Wish::Blank if around.escapes() => Some(Style::Blank),
        Wish::Blank => Some(Style::Ascii(ground)),
        Wish::Auto if around.utf8() => Some(utf8),
        Wish::Auto if around.colours() => Some(Style::Blank),
        Wish::Auto => Some(Style::Ascii(ground)),
    }
}
