use crate::reader::{all_read_as, read};
use crate::screen::{
    CENTRED, Colours, DARK_THEMES, FILLED, HONEST_THEMES, LIGHT_THEMES, LOWERED, Picture, RAISED, Spacing,
    THEMES, TIGHT, Theme, cells, show,
};
use crate::{LONG, NON_ASCII, ORDINARY, code};
use enrolld::qr::Style::{Ascii, Blank, Utf8Colour, Utf8Plain};
use enrolld::qr::{Code, Error, Ground, Style};

fn shown(
    uri: &str,
    style: Style,
    themes: &[Theme],
    colours: Colours,
    spacings: &[Spacing],
) -> Vec<(String, Picture)> {
    let rows = code(uri).rows(style);
    let label = |theme: &Theme, spacing| format!("{style:?} {} {colours:?} {spacing:?}", theme.name);
    let all = themes.iter().flat_map(|theme| spacings.iter().map(move |&spacing| (theme, spacing)));
    all.map(|(theme, spacing)| (label(theme, spacing), show(&rows, theme, colours, spacing))).collect()
}

#[test]
fn half_blocks_are_read_on_every_theme_and_spacing() {
    let spacings = [TIGHT, FILLED, CENTRED, RAISED, LOWERED];
    all_read_as(ORDINARY, shown(ORDINARY, Utf8Colour, &THEMES, Colours::Cube, &spacings), 0);
}

#[test]
fn blanks_are_read_on_every_theme_and_spacing() {
    all_read_as(ORDINARY, shown(ORDINARY, Blank, &THEMES, Colours::Cube, &[TIGHT, CENTRED]), 0);
}

#[test]
fn eight_and_sixteen_colours_are_enough() {
    for colours in [Colours::Eight, Colours::Sixteen] {
        for style in [Utf8Colour, Blank] {
            all_read_as(ORDINARY, shown(ORDINARY, style, &HONEST_THEMES, colours, &[TIGHT, CENTRED]), 0);
        }
    }
}

#[test]
fn without_escapes_it_is_read_on_the_ground_that_it_was_drawn_for() {
    for (ground, themes) in [(Ground::Dark, &DARK_THEMES[..]), (Ground::Light, &LIGHT_THEMES[..])] {
        all_read_as(ORDINARY, shown(ORDINARY, Utf8Plain(ground), themes, Colours::Cube, &[TIGHT, FILLED]), 0);
        all_read_as(ORDINARY, shown(ORDINARY, Ascii(ground), themes, Colours::Cube, &[TIGHT]), 4);
    }
}

#[test]
fn on_the_other_ground_it_is_a_negative_that_this_reader_refuses() {
    let pictures = shown(ORDINARY, Utf8Plain(Ground::Dark), &LIGHT_THEMES, Colours::Cube, &[TIGHT]);
    let pictures: Vec<_> = pictures.into_iter().map(|(_, picture)| picture).collect();
    assert_eq!(read(&pictures, 0), vec![""; LIGHT_THEMES.len()]);
}

#[test]
fn a_drawing_that_may_be_a_negative_comes_with_a_word() {
    for ground in [Ground::Dark, Ground::Light] {
        assert_ne!(Utf8Plain(ground).note(), None);
        assert_ne!(Ascii(ground).note(), None);
    }
    assert_eq!((Utf8Colour.note(), Blank.note()), (None, None));
}

#[test]
fn long_and_foreign_names_are_read() {
    for uri in [LONG, NON_ASCII] {
        for style in [Utf8Colour, Blank, Utf8Plain(Ground::Dark)] {
            all_read_as(uri, shown(uri, style, &DARK_THEMES, Colours::Cube, &[TIGHT]), 0);
        }
        all_read_as(uri, shown(uri, Utf8Colour, &THEMES, Colours::Cube, &[CENTRED]), 0);
    }
}

/// Line spacing hurts some codes more than others: here are 40, none of them a secret of anybody.
#[test]
fn any_secret_is_read_with_its_rows_spaced() {
    let uri = |number: u64| {
        let mixed = |at: u64| (number * 32 + at + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 59;
        let letter = |at| char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[mixed(at) as usize]);
        ORDINARY.replace("JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU", &(0..32).map(letter).collect::<String>())
    };
    let uris: Vec<String> = (0..40).map(uri).collect();
    let spaced = |uri: &String| show(&code(uri).rows(Utf8Colour), &THEMES[0], Colours::Cube, CENTRED);
    assert_eq!(read(&uris.iter().map(spaced).collect::<Vec<_>>(), 0), uris);
}

#[test]
fn every_cell_has_both_colours_and_no_row_leaves_any_behind() {
    for style in [Utf8Colour, Blank] {
        for colours in [Colours::Eight, Colours::Sixteen, Colours::Cube] {
            for row in code(ORDINARY).rows(style).iter() {
                let (cells, left) = cells(row, &THEMES[0], colours);
                assert!(cells.iter().all(|c| c.foreground.is_some() && c.background.is_some() && !c.odd));
                assert_eq!(
                    (left.foreground, left.background, left.swapped, left.odd),
                    (None, None, false, false)
                );
            }
        }
    }
}

#[test]
fn no_escape_is_in_what_has_none() {
    for ground in [Ground::Dark, Ground::Light] {
        assert!(!code(ORDINARY).rows(Utf8Plain(ground)).concat().chars().any(char::is_control));
        let ascii = code(ORDINARY).rows(Ascii(ground)).concat();
        assert!(ascii.chars().all(|c| c == '#' || c == ' '));
    }
}

#[test]
fn rows_are_as_wide_and_as_many_as_announced() {
    for uri in [ORDINARY, LONG] {
        let code = code(uri);
        for style in [Utf8Colour, Blank, Utf8Plain(Ground::Dark), Ascii(Ground::Light)] {
            let rows = code.rows(style);
            assert_eq!(rows.len(), code.height(style));
            let wide = |row: &String| cells(row, &THEMES[0], Colours::Cube).0.len() == code.width(style);
            assert!(rows.iter().all(wide), "{style:?}");
        }
    }
}

#[test]
fn a_row_fits_a_pam_message() {
    assert!(code(LONG).rows(Utf8Plain(Ground::Dark)).iter().all(|row| row.len() < 512));
    assert!(code(ORDINARY).rows(Utf8Colour).iter().all(|row| row.len() < 512));
}

#[test]
fn what_no_code_holds_is_refused() {
    let long = format!("{ORDINARY}&image={}", "x".repeat(3000));
    assert!(matches!(Code::new(&long), Err(Error::TooLong { bytes }) if bytes == long.len()));
    assert!(matches!(Code::new("otpauth://totp/Zürich"), Err(Error::NotAscii)));
}

#[test]
fn debug_shows_no_module() {
    assert_eq!(format!("{:?}", code(ORDINARY)), "Code { side: 33, .. }");
}
