//! The code with words beside it: the secret stands next to what failed to scan.

use super::{Code, Style};
use zeroize::Zeroizing;

/// Columns between the code and the words.
const GAP: usize = 2;

/// A secret in groups of four, as people type it, in lines of at most `columns` (at least one group each).
#[must_use]
pub fn grouped(secret: &str, columns: usize) -> Zeroizing<Vec<String>> {
    let mut lines: Zeroizing<Vec<String>> = Zeroizing::default();
    for (at, letter) in secret.chars().enumerate() {
        let opens_group = at % 4 == 0;
        match lines.last_mut() {
            Some(line) if opens_group && line.len() + 5 <= columns => line.push(' '),
            Some(_) if !opens_group => {}
            _ => lines.push(String::with_capacity(columns.min(secret.len() * 2))),
        }
        if let Some(line) = lines.last_mut() {
            line.push(letter);
        }
    }
    lines
}

impl Code {
    /// Columns left for words beside the code on a terminal of `columns`, the gap taken off.
    #[must_use]
    pub fn room_beside(&self, style: Style, columns: usize) -> usize {
        columns.saturating_sub(self.width(style) + GAP)
    }

    /// The code with `text` beside it, or under it where a line of it does not fit a terminal of `columns`.
    /// Control characters in the text become `?`.
    #[must_use]
    pub fn beside(&self, style: Style, text: &[impl AsRef<str>], columns: usize) -> Zeroizing<Vec<String>> {
        let room = self.room_beside(style, columns);
        let text = text.iter().map(|line| line.as_ref().replace(char::is_control, "?"));
        let text: Zeroizing<Vec<String>> = Zeroizing::new(text.collect());
        let mut lines = self.rows(style);
        if text.iter().any(|line| cells(line) > room) {
            lines.push(String::new());
            lines.extend(text.iter().cloned());
            return lines;
        }
        // The first row is quiet zone: words look level with the code from the second.
        let height = text.len() + 1;
        if height > lines.len() {
            lines.resize(height, " ".repeat(self.width(style)));
        }
        for (line, words) in lines.iter_mut().skip(1).zip(text.iter()).filter(|(_, words)| !words.is_empty())
        {
            line.push_str(&" ".repeat(GAP));
            line.push_str(words);
        }
        lines
    }
}

/// Columns that a text takes at most: whatever is not ASCII may be wide, and a row that wraps tears the code.
fn cells(text: &str) -> usize {
    text.chars().map(|letter| if letter.is_ascii() { 1 } else { 2 }).sum()
}
