//! What a comment says is no setting: the shipped file is mostly comments, and reading them took the parser
//! longer than all else that a login asks of the file.

use crate::Settings;
use crate::table::Wrong;

/// A text without its lines of comment and its empty ones: the same settings.
pub(crate) struct Bare {
    pub(crate) text: String,
    /// The number of each line in the whole text, from 1.
    lines: Vec<usize>,
}

impl Bare {
    /// `None` where only a parser can tell what is a comment, or that it is a good one.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let mut bare = Self { text: String::new(), lines: Vec::new() };
        let (mut rest, mut number) = (text, 1);
        while !rest.is_empty() {
            let blank = rest.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            let comment = rest.as_bytes().get(blank..).filter(|line| line.starts_with(b"#"));
            let length = match comment {
                Some(comment) => blank + plain(comment)?,
                None => rest.find('\n').unwrap_or(rest.len()),
            };
            let (line, behind) = rest.split_at_checked((length + 1).min(rest.len()))?;
            // What stands first stays first: a byte order mark is allowed nowhere else.
            match (comment.is_some() || line == "\n", bare.lines.is_empty()) {
                (true, false) => {}
                (true, true) => bare.push(number, "\n"),
                // In a string of several lines a line may begin with '#'. No comment begins such a string, so the
                // first line that holds its quotes is seen here.
                (false, _) if line.contains("\"\"\"") || line.contains("'''") => return None,
                (false, _) => bare.push(number, line),
            }
            (rest, number) = (behind, number + 1);
        }
        Some(bare)
    }

    fn push(&mut self, number: usize, line: &str) {
        self.text.push_str(line);
        self.lines.push(number);
    }

    /// The line of the whole text that begins so many bytes from the start of this one.
    pub(crate) fn line(&self, at: usize) -> usize {
        let before = self.text.get(..at).map_or(0, |before| before.matches('\n').count());
        self.lines.get(before).copied().unwrap_or(0)
    }

    /// The settings in it.
    pub(crate) fn settings(&self) -> Result<Settings, Wrong> {
        Settings::read_numbered(&self.text, |at| self.line(at))
    }
}

/// How long a comment is, to its newline or the end of the file. `None` where something is in it that TOML forbids. A
/// carriage return before the newline is none of that, but is left to the parser too.
fn plain(comment: &[u8]) -> Option<usize> {
    let mut length = 0;
    loop {
        // Eight letters at once, as long as there is nothing special among them.
        while let Some(letters) = comment.get(length..).and_then(<[u8]>::first_chunk)
            && !has_control(u64::from_le_bytes(*letters))
        {
            length += 8;
        }
        match comment.get(length) {
            None | Some(b'\n') => return Some(length),
            Some(b'\t' | b' '..=b'~' | 0x80..) => length += 1,
            Some(_) => return None,
        }
    }
}

/// Whether one of these eight bytes is a control character of ASCII: below the space, or DEL.
fn has_control(bytes: u64) -> bool {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGH: u64 = ONES * 0x80;
    let below = |bytes: u64, limit: u64| bytes.wrapping_sub(ONES * limit) & !bytes & HIGH != 0;
    below(bytes, 0x20) || below(bytes ^ (ONES * 0x7f), 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;
    use std::path::Path;

    /// Pieces of TOML that come next to each other in every order.
    const PIECES: [&str; 19] = [
        "# a comment\n",
        "  \t# another \u{e9}, \"\"\" and '''\n",
        "# with a bell \u{7}\n",
        "# for Windows\r\n",
        "#\r#\n",
        "#[[rule]]\n",
        "# the end",
        "\n",
        "issuer = \"x\" # y\n",
        "issuer = \"\"\"\n",
        "\"\"\"\n",
        "issuer = '''",
        "'''\n",
        "[[rule]]\nuser = [ # z\n",
        "\"alice\",\n",
        "]\nthen = \"deny\"\n",
        "then = \"skip\"\n",
        "\u{feff}",
        "[login]\necho = true\n",
    ];

    fn result(settings: Result<Settings, Wrong>) -> String {
        format!("{settings:?}")
    }

    #[test]
    fn a_file_says_the_same_with_and_without_its_comments() {
        let (mut bared, mut good) = (0, 0);
        let count = PIECES.len();
        for number in 0..count.pow(4) {
            let piece = |place: u32| PIECES.get(number / count.pow(place) % count).copied().unwrap_or("");
            let text: String = (0..4).map(piece).collect();
            let Some(bare) = Bare::of(&text) else { continue };
            bared += 1;
            let Ok(settings) = bare.settings() else { continue };
            good += 1;
            assert_eq!(result(Ok(settings)), result(Settings::read(&text)), "{text:?}");
        }
        assert!(bared > 10_000 && good > 1_000, "{bared} {good}");
    }

    #[test]
    fn what_is_forbidden_in_a_comment_is_found_wherever_it_stands() {
        for (byte, length) in (0..=u8::MAX).flat_map(|byte| (0..20).map(move |length| (byte, length))) {
            let comment = [&b"# a comment of some length"[..length + 1], &[byte], b"and more"].concat();
            let expected = match byte {
                b'\n' => Some(length + 1),
                b'\t' | 0x20..=0x7e | 0x80.. => Some(comment.len()),
                _ => None,
            };
            assert_eq!(plain(&comment), expected, "{byte:#x} after {length}");
        }
    }

    #[test]
    fn a_mistake_behind_comments_is_found_at_its_place() {
        let text = "# one\n  # two\nissuer = 7 # three\n";
        let error = parse(Path::new("x"), text).map(|_| ()).unwrap_err();
        assert!(error.to_string().starts_with("x:3:10"), "{error}");
    }
}
