//! What the person scans or types into the app.

use crate::failure::Failure;
use crate::output;
use crate::qr::{Code, Error, Size, Style, Surroundings, Wish, choose, grouped};
use crate::terminal::Terminal;
use otp::{Kind, Token};
use std::io::IsTerminal;
use std::os::fd::AsFd;
use terminal_size::terminal_size_of;
use zeroize::Zeroizing;

/// What is taken where nobody tells the size of the screen.
const USUAL: Size = Size { columns: 80, rows: 24 };

/// A token and its URI.
#[derive(Clone, Copy)]
pub(crate) struct Card<'a> {
    pub(crate) token: &'a Token,
    pub(crate) uri: &'a str,
}

/// Shows a token: on the terminal, where standard output is for a script.
pub(crate) fn show(
    card: Card<'_>,
    code: &Code,
    wish: Wish,
    terminal: Option<&Terminal>,
) -> Result<(), Failure> {
    let screen = Screen::of(terminal);
    let style = screen.style(code, wish);
    let text = match style {
        Some(style) => drawn(card, code, style, screen.size),
        None => written(card),
    };
    match terminal {
        Some(terminal) => terminal.say(&text),
        None => output::put(&text),
    }
}

/// Where it will be seen.
struct Screen {
    is_terminal: bool,
    size: Size,
    /// Whether the size is known, so that a code may be too big for it.
    sized: bool,
}

impl Screen {
    fn of(terminal: Option<&Terminal>) -> Self {
        let stdout = std::io::stdout();
        let (is_terminal, size) = match terminal {
            Some(terminal) => (true, terminal_size_of(terminal.as_fd())),
            None => (stdout.is_terminal(), terminal_size_of(stdout.as_fd())),
        };
        // A pseudo-terminal that nobody gave a size says 0 x 0.
        let size = size.map(|(width, height)| Size { columns: width.0.into(), rows: height.0.into() });
        let size = size.filter(|size| size.columns > 0 && size.rows > 0);
        Self { is_terminal, size: size.unwrap_or(USUAL), sized: size.is_some() }
    }

    /// The drawing, or none where none is wanted or where it does not fit, which is said.
    fn style(&self, code: &Code, wish: Wish) -> Option<Style> {
        let style = self.chosen(wish)?;
        let Err(error) = code.fits(style, self.size) else { return Some(style) };
        if !self.sized {
            return Some(style);
        }
        output::note(&error.to_string());
        if wish == Wish::Auto
            && self.chosen(Wish::Utf8).is_some_and(|half| code.fits(half, self.size).is_ok())
        {
            output::hint("if the terminal speaks UTF-8: --qr utf8 takes half the room");
        }
        if let Some(hint) = error.hint() {
            output::hint(hint);
        }
        None
    }

    #[allow(clippy::disallowed_methods, reason = "a command line follows its own environment")]
    fn chosen(&self, wish: Wish) -> Option<Style> {
        let [term, no_color, colorfgbg, lc_all, lc_ctype, lang] =
            ["TERM", "NO_COLOR", "COLORFGBG", "LC_ALL", "LC_CTYPE", "LANG"]
                .map(|name| std::env::var(name).ok());
        let around = Surroundings {
            terminal: self.is_terminal,
            term: term.as_deref(),
            no_color: no_color.as_deref(),
            colorfgbg: colorfgbg.as_deref(),
            lc_all: lc_all.as_deref(),
            lc_ctype: lc_ctype.as_deref(),
            lang: lang.as_deref(),
        };
        choose(wish, &around)
    }
}

/// The code with words beside it. The URI stands above, so that nothing pushes the code off the screen.
fn drawn(card: Card<'_>, code: &Code, style: Style, size: Size) -> Zeroizing<String> {
    let words = beside(card, style, code.room_beside(style, size.columns));
    let lines = code.beside(style, &words, size.columns);
    // Of its whole size at once: growing would leave copies of the secret behind.
    let length = card.uri.len() + 1 + lines.iter().map(|line| line.len() + 1).sum::<usize>();
    let mut text = Zeroizing::new(String::with_capacity(length));
    text.push_str(card.uri);
    text.push('\n');
    for line in lines.iter() {
        text.push_str(line);
        text.push('\n');
    }
    text
}

fn beside(card: Card<'_>, style: Style, room: usize) -> Zeroizing<Vec<String>> {
    let mut words = Zeroizing::new(Vec::with_capacity(24));
    words.extend(["Scan this code with an", "authenticator app."].map(str::to_owned));
    words.extend(style.note().map(|note| format!("({note})")));
    words.extend(["", "Does it not scan? Type instead:"].map(str::to_owned));
    words.extend(grouped(&card.token.secret.to_base32(), room.clamp(19, 24)).iter().cloned());
    words.push(parameters(card.token));
    words.extend(["", "or try --qr blank or --png FILE."].map(str::to_owned));
    words
}

/// The same without a drawing.
fn written(card: Card<'_>) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(card.uri.len() + 512));
    text.push_str("Type this into an authenticator app:\n\n    secret  ");
    text.push_str(&card.token.secret.to_groups());
    text.push_str("\n    kind    ");
    text.push_str(&parameters(card.token));
    text.push_str("\n    uri     ");
    text.push_str(card.uri);
    text.push_str("\n\n");
    text
}

/// What an app asks for when a secret is typed.
fn parameters(token: &Token) -> String {
    let hash = token.algorithm.uri_name().replace("SHA", "SHA-");
    match token.kind {
        Kind::Totp { period } => {
            format!("time, {hash}, {} digits, {} s", token.digits.count(), period.seconds())
        }
        Kind::Hotp => format!("counter, {hash}, {} digits", token.digits.count()),
    }
}

/// What the code cannot be, in our form.
pub(crate) fn failure(error: &Error) -> Failure {
    Failure::new(error.to_string()).hints(error.hint().map(str::to_owned))
}
