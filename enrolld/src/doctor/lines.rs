//! The lines of a file in pam.d, cut into words as libpam cuts them (`_pam_assemble_line`, `_pam_StrTok`).

/// A line without comment, with the number that it begins at, from 1.
pub(crate) struct Entry {
    pub(crate) number: usize,
    pub(crate) words: Vec<String>,
}

/// Every line that says something.
pub(crate) fn entries(text: &str) -> Vec<Entry> {
    let mut lines = (1..).zip(text.lines());
    let mut entries = Vec::new();
    while let Some((number, text)) = assemble(&mut lines) {
        let words = words(&text);
        if !words.is_empty() {
            entries.push(Entry { number, words });
        }
    }
    entries
}

/// One line with those that a backslash at its end joins to it. Between them libpam passes over blank lines
/// and comments; a comment behind a line ends it.
fn assemble<'a>(lines: impl Iterator<Item = (usize, &'a str)>) -> Option<(usize, String)> {
    let mut begun: Option<(usize, String)> = None;
    for (number, line) in lines {
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let (first, mut text) = begun.unwrap_or((number, String::new()));
        if let Some((before, _)) = line.split_once('#') {
            return Some((first, text + before));
        }
        let line = line.trim_end();
        let Some(joined) = line.strip_suffix('\\') else { return Some((first, text + line)) };
        text += joined;
        text.push(' ');
        begun = Some((first, text));
    }
    begun
}

/// Words between blanks; one that begins with a bracket goes to the next closing bracket, and `\]` in it
/// stands for a bracket.
fn words(line: &str) -> Vec<String> {
    let blank = |letter: char| letter == ' ' || letter == '\t';
    let mut words = Vec::new();
    let mut rest = line.trim_start_matches(blank);
    while !rest.is_empty() {
        let (word, left) = match rest.strip_prefix('[') {
            Some(inside) => bracketed(inside),
            None => {
                let end = rest.find(blank).unwrap_or(rest.len());
                let (word, left) = rest.split_at_checked(end).unwrap_or((rest, ""));
                (word.to_owned(), left)
            }
        };
        words.push(word);
        rest = left.trim_start_matches(blank);
    }
    words
}

fn bracketed(inside: &str) -> (String, &str) {
    let mut word = String::new();
    let mut letters = inside.char_indices();
    while let Some((place, letter)) = letters.next() {
        match letter {
            '\\' if inside.get(place + 1..).is_some_and(|rest| rest.starts_with(']')) => {
                word.push(']');
                letters.next();
            }
            ']' => return (word, inside.get(place + 1..).unwrap_or_default()),
            _ => word.push(letter),
        }
    }
    (word, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(usize, Vec<String>)> {
        entries(text).into_iter().map(|entry| (entry.number, entry.words)).collect()
    }

    fn words_of<const N: usize>(words: [&str; N]) -> Vec<String> {
        words.map(str::to_owned).to_vec()
    }

    #[test]
    fn comments_and_blank_lines_say_nothing() {
        let text = "# auth required pam_deny.so\n\n  \t\nauth\trequired pam_unix.so # nullok\n";
        assert_eq!(read(text), [(4, words_of(["auth", "required", "pam_unix.so"]))]);
    }

    #[test]
    fn a_backslash_joins_the_next_line_and_what_is_commented_between_them_is_passed_over() {
        let text = "auth \\\n# not this\n\n  required\\\n pam_unix.so\nauth required pam_deny.so\n";
        let (first, second) = (["auth", "required", "pam_unix.so"], ["auth", "required", "pam_deny.so"]);
        assert_eq!(read(text), [(1, words_of(first)), (6, words_of(second))]);
    }

    #[test]
    fn brackets_hold_blanks_and_an_escaped_bracket() {
        let text = "auth [success=1 default=ignore] pam_totp.so [prompt=Code for [x\\]: ] echo";
        let expected = ["auth", "success=1 default=ignore", "pam_totp.so", "prompt=Code for [x]: ", "echo"];
        assert_eq!(read(text), [(1, words_of(expected))]);
    }
}
