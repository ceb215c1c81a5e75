use crate::reader::all_read_as;
use crate::screen::{Colours, THEMES, TIGHT, cells, show};
use crate::{LONG, ORDINARY, code};
use enrolld::qr::{Error, Ground, Size, Style, grouped};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

const STYLE: Style = Style::Utf8Colour;
const USUAL: Size = Size { columns: 80, rows: 24 };

fn words() -> Vec<String> {
    let mut words = vec!["Or type the secret into the app:".to_owned()];
    words.extend(
        grouped("JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU", code(ORDINARY).room_beside(STYLE, 80)).iter().cloned(),
    );
    words.push(String::new());
    words.push("It does not scan? Try --qr blank.".to_owned());
    words
}

#[test]
fn code_secret_and_hint_fit_80_by_24() {
    let code = code(ORDINARY);
    assert!(code.fits(STYLE, USUAL).is_ok());
    let lines = code.beside(STYLE, &words(), USUAL.columns);
    assert!(lines.len() < USUAL.rows, "{} rows, and one for the prompt", lines.len());
    let width = |line: &String| cells(line, &THEMES[0], Colours::Cube).0.len();
    assert!(lines.iter().all(|line| width(line) <= USUAL.columns));
    assert!(lines[2].ends_with("JVQW WZJA NFXH MZLO ORSW IIDT MVRX EZLU"), "in one line, right of the code");
}

#[test]
fn a_code_with_words_beside_it_is_read() {
    let lines = code(ORDINARY).beside(STYLE, &words(), 80);
    let pictures =
        THEMES.iter().map(|theme| (theme.name.to_owned(), show(&lines, theme, Colours::Cube, TIGHT)));
    all_read_as(ORDINARY, pictures.collect(), 0);
}

#[test]
fn words_go_under_the_code_where_they_do_not_fit_beside_it() {
    let code = code(ORDINARY);
    let lines = code.beside(STYLE, &words(), 60);
    let (drawn, under) = lines.split_at(code.height(STYLE));
    assert_eq!(drawn, &code.rows(STYLE)[..]);
    assert_eq!(under[0], "");
    assert_eq!(&under[1..], &words()[..]);
}

#[test]
fn more_words_than_rows_go_on_beside() {
    let code = code(ORDINARY);
    let lines = code.beside(STYLE, &vec!["word"; 30], 80);
    assert_eq!(lines.len(), 31);
    assert_eq!(lines[30], format!("{}  word", " ".repeat(code.width(STYLE))));
}

#[test]
fn a_wide_letter_counts_as_two_columns() {
    let code = code(ORDINARY);
    let room = code.room_beside(STYLE, 80);
    let beside = |text: &str| code.beside(STYLE, &[text], 80).len() == code.height(STYLE);
    assert!(beside(&"麗".repeat(room / 2)));
    assert!(!beside(&"麗".repeat(room / 2 + 1)));
}

#[test]
fn a_name_cannot_move_the_cursor() {
    let lines = code(ORDINARY).beside(STYLE, &["web1\x1b[2J\n"], 80);
    assert!(lines[1].ends_with("  web1?[2J?"));
}

#[test]
fn the_secret_comes_in_groups_of_four_in_lines_that_fit() {
    assert_eq!(*grouped("JVQWWZJANFXHMZLO", 80), ["JVQW WZJA NFXH MZLO"]);
    assert_eq!(*grouped("JVQWWZJANFXHMZLO", 18), ["JVQW WZJA NFXH", "MZLO"]);
    assert_eq!(*grouped("ONUG64TUEB2GK43UEBZWKY3SMU", 9), ["ONUG 64TU", "EB2G K43U", "EBZW KY3S", "MU"]);
    assert_eq!(*grouped("ABCDE", 0), ["ABCD", "E"]);
}

#[test]
fn a_terminal_that_is_too_small_is_told_so() {
    let says = |uri, style, size| code(uri).fits(style, size).map_err(|error| error.to_string());
    let small = Size { columns: 40, rows: 19 };
    assert_eq!(
        says(ORDINARY, STYLE, small),
        Err("the QR code needs 37 columns and 20 rows, this terminal has 40 and 19".to_owned())
    );
    assert!(says(ORDINARY, STYLE, Size { columns: 37, rows: 20 }).is_ok());
    assert!(says(ORDINARY, STYLE, Size { columns: 36, rows: 20 }).is_err());
    assert!(says(ORDINARY, Style::Blank, USUAL).is_err());
    assert!(says(ORDINARY, Style::Ascii(Ground::Dark), Size { columns: 80, rows: 38 }).is_ok());
    assert!(says(LONG, STYLE, USUAL).is_err());
    assert!(Error::TooBig { needs: USUAL, has: small }.hint().unwrap().contains("--png"));
}

/// A terminal that is not ours: what it holds after the code was written to it is read back and scanned.
#[test]
fn a_real_terminal_of_80_by_24_shows_the_whole_code() {
    let folder = tempfile::tempdir().unwrap();
    let tmux = |arguments: &[&str]| {
        let mut command = Command::new("tmux");
        command.env_remove("TMUX").env("LC_ALL", "C.UTF-8").env("SHELL", "/bin/sh").arg("-S");
        let output = command
            .arg(folder.path().join("socket"))
            .args(["-u", "-f", "/dev/null"])
            .args(arguments)
            .output();
        let output = output.expect("tmux");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let lines = code(ORDINARY).beside(STYLE, &words(), 80);
    let file = folder.path().join("code");
    std::fs::write(&file, format!("{}\nCode: ", lines.join("\n"))).unwrap();
    let command = format!("cat '{}'; sleep 60", file.display());
    tmux(&["new-session", "-d", "-x", "80", "-y", "24", &command]);
    let mut screen = String::new();
    for _ in 0..100 {
        screen = tmux(&["capture-pane", "-e", "-N", "-p"]);
        if screen.contains("Code:") {
            break;
        }
        sleep(Duration::from_millis(50));
    }
    tmux(&["kill-server"]);
    let rows: Vec<String> = carried(&screen);
    let text = |row: &String| {
        cells(row, &THEMES[0], Colours::Cube).0.iter().map(|cell| cell.glyph).collect::<String>()
    };
    assert_eq!(text(&rows[lines.len()]).trim_end(), "Code:", "nothing wrapped, nothing scrolled away");
    let pictures =
        THEMES.iter().map(|theme| (theme.name.to_owned(), show(&rows, theme, Colours::Cube, TIGHT)));
    all_read_as(ORDINARY, pictures.collect(), 0);
}

/// tmux carries colours on from line to line: each line here starts with all that came before it.
fn carried(screen: &str) -> Vec<String> {
    let mut escapes = String::new();
    let mut lines = Vec::new();
    for line in screen.lines() {
        lines.push(format!("{escapes}{line}"));
        for escape in line.split('\x1b').skip(1) {
            let end = escape.find('m').unwrap();
            escapes.push_str(&format!("\x1b{}", &escape[..=end]));
        }
    }
    lines
}
