use enrolld::qr::Style::{Ascii, Blank, Utf8Colour, Utf8Plain};
use enrolld::qr::{Ground, Style, Surroundings, Wish, choose};

const USUAL: Surroundings<'_> = Surroundings {
    terminal: true,
    term: Some("xterm-256color"),
    no_color: None,
    colorfgbg: None,
    lc_all: None,
    lc_ctype: None,
    lang: Some("de_DE.UTF-8"),
};
const FILE: Surroundings<'_> = Surroundings { terminal: false, ..USUAL };
const PLAIN: Option<Style> = Some(Utf8Plain(Ground::Dark));
const CHARACTERS: Option<Style> = Some(Ascii(Ground::Dark));

#[test]
fn the_usual_terminal_gets_half_blocks_in_black_and_white() {
    assert_eq!(choose(Wish::Auto, &USUAL), Some(Utf8Colour));
}

#[test]
fn no_escape_goes_to_a_file_whatever_was_asked_for() {
    for (_, wish) in Wish::NAMES {
        for lang in ["C", "C.UTF-8"] {
            let style = choose(wish, &Surroundings { lang: Some(lang), ..FILE });
            assert!(!matches!(style, Some(Utf8Colour | Blank)), "{wish:?} {lang}");
        }
    }
}

#[test]
fn a_terminal_without_escapes_gets_none() {
    for term in [None, Some(""), Some("dumb"), Some("unknown"), Some("linux-m"), Some("xterm-mono")] {
        let around = Surroundings { term, ..USUAL };
        assert_eq!(choose(Wish::Auto, &around), PLAIN, "{term:?}");
        assert_eq!(choose(Wish::Utf8, &around), PLAIN, "{term:?}");
        assert_eq!(choose(Wish::Blank, &around), CHARACTERS, "{term:?}");
    }
}

#[test]
fn no_color_is_obeyed_but_for_an_argument() {
    let around = Surroundings { no_color: Some("1"), ..USUAL };
    assert_eq!(choose(Wish::Auto, &around), PLAIN);
    assert_eq!(choose(Wish::Utf8, &around), PLAIN);
    assert_eq!(choose(Wish::Blank, &around), Some(Blank));
    assert_eq!(choose(Wish::Auto, &Surroundings { no_color: Some(""), ..USUAL }), Some(Utf8Colour));
}

#[test]
fn a_terminal_that_says_it_is_white_gets_no_negative() {
    for (value, ground) in [
        ("0;15", Ground::Light),
        ("0;default;15", Ground::Light),
        ("0;7", Ground::Light),
        ("15;0", Ground::Dark),
        ("default;default", Ground::Dark),
        ("", Ground::Dark),
    ] {
        let around = Surroundings { no_color: Some("1"), colorfgbg: Some(value), ..USUAL };
        assert_eq!(choose(Wish::Auto, &around), Some(Utf8Plain(ground)), "{value}");
        assert_eq!(choose(Wish::Ascii, &around), Some(Ascii(ground)), "{value}");
    }
}

#[test]
fn a_locale_without_utf8_gets_plain_characters() {
    let locale = |lc_all, lc_ctype, lang| Surroundings { lc_all, lc_ctype, lang, ..USUAL };
    for (utf8, around) in [
        (false, locale(None, None, None)),
        (false, locale(None, None, Some("C"))),
        (false, locale(Some("C"), Some("C.UTF-8"), Some("C.UTF-8"))),
        (false, locale(None, Some("POSIX"), Some("C.UTF-8"))),
        (false, locale(None, None, Some("de_DE.ISO-8859-15@euro"))),
        (true, locale(Some("C.UTF-8"), Some("C"), Some("C"))),
        (true, locale(Some(""), Some(""), Some("en_US.utf8"))),
        (true, locale(None, Some("de_DE.UTF-8@euro"), Some("C"))),
    ] {
        assert_eq!(choose(Wish::Auto, &around) == Some(Utf8Colour), utf8, "{around:?}");
        let file = Surroundings { terminal: false, ..around };
        assert_eq!(choose(Wish::Auto, &file), if utf8 { PLAIN } else { CHARACTERS }, "{around:?}");
    }
    assert_eq!(choose(Wish::Auto, &locale(None, None, Some("C"))), Some(Blank));
    assert_eq!(choose(Wish::Utf8, &locale(None, None, Some("C"))), Some(Utf8Colour));
}

#[test]
fn none_is_none() {
    assert_eq!(choose(Wish::None, &USUAL), None);
}

#[test]
fn wishes_are_read_by_their_names() {
    for (name, wish) in Wish::NAMES {
        assert_eq!(name.parse(), Ok(wish));
    }
    assert!("UTF8".parse::<Wish>().is_err());
}
