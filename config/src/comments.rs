//! What a comment says is no setting: the shipped file is mostly comments, and reading them took the parser
//! longer than all else that a login asks of the file.

/// `text` with its lines of comment left empty: the same settings, on the same lines. `None` where only a
/// parser can tell what is a comment, or that it is a good one.
pub(crate) fn without_comments(text: &str) -> Option<String> {
    let mut bare = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        if line.trim_start_matches([' ', '\t']).starts_with('#') {
            if !is_plain(line) {
                return None;
            }
            bare.push('\n');
        } else {
            // In a string of several lines a line may begin with '#'. No comment begins such a string, so the
            // first line that holds its quotes is seen here.
            if line.contains("\"\"\"") || line.contains("'''") {
                return None;
            }
            bare.push_str(line);
        }
    }
    Some(bare)
}

/// Whether nothing is in this line that TOML forbids in a comment. A carriage return before the newline is none
/// of it, but is left to the parser too.
fn is_plain(line: &str) -> bool {
    line.bytes()
        .fold(true, |plain, byte| plain & (byte >= b' ' && byte != 0x7f || byte == b'\t' || byte == b'\n'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, parse};
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

    fn result(settings: Result<Settings, crate::table::Wrong>) -> String {
        format!("{settings:?}")
    }

    #[test]
    fn a_file_says_the_same_with_and_without_its_comments() {
        let (mut bared, mut good) = (0, 0);
        let count = PIECES.len();
        for number in 0..count.pow(4) {
            let piece = |place: u32| PIECES.get(number / count.pow(place) % count).copied().unwrap_or("");
            let text: String = (0..4).map(piece).collect();
            let Some(bare) = without_comments(&text) else { continue };
            bared += 1;
            let Ok(settings) = Settings::read(&bare) else { continue };
            good += 1;
            assert_eq!(result(Ok(settings)), result(Settings::read(&text)), "{text:?}");
        }
        assert!(bared > 10_000 && good > 1_000, "{bared} {good}");
    }

    #[test]
    fn a_mistake_behind_comments_is_found_at_its_place() {
        let text = "# one\n  # two\nissuer = 7 # three\n";
        let error = parse(Path::new("x"), text).map(|_| ()).unwrap_err();
        assert!(error.to_string().starts_with("x:3:10"), "{error}");
    }
}
