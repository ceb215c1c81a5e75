use crate::reader::{read, read_files, zbarimg};
use crate::screen::Picture;
use crate::{LONG, NON_ASCII, ORDINARY, code};
use enrolld::qr::{Error, write_new};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

#[test]
fn a_png_is_read_by_both_readers() {
    let folder = tempfile::tempdir().unwrap();
    for (at, uri) in [ORDINARY, LONG, NON_ASCII].into_iter().enumerate() {
        let name = folder.path().join(format!("{at}.png"));
        write_new(&name, &code(uri).png().unwrap()).unwrap();
        assert_eq!(read_files(&[&name], 0), [uri]);
        assert_eq!(zbarimg(&name), uri);
    }
}

#[test]
fn a_png_has_8_pixels_a_module_and_a_quiet_zone_of_4() {
    let png = code(ORDINARY).png().unwrap();
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    assert_eq!((number(16), number(20)), ((33 + 8) * 8, (33 + 8) * 8));
}

#[test]
fn an_svg_is_read() {
    for uri in [ORDINARY, LONG, NON_ASCII] {
        assert_eq!(read(&[drawn(&code(uri).svg())], 0), [uri]);
    }
}

/// Draws the one rectangle and the one path of rectangles (`M x y h w v h H x V y`) of our SVG.
fn drawn(svg: &str) -> Picture {
    let between = |from: &str, to: &str| {
        let start = svg.find(from).unwrap_or_else(|| panic!("no {from} in {svg}")) + from.len();
        &svg[start..start + svg[start..].find(to).unwrap()]
    };
    let side: usize = between(r#"<rect x="0" y="0" width=""#, "\"").parse().unwrap();
    assert_eq!(between(r#"viewBox=""#, "\""), format!("0 0 {side} {side}"));
    assert!(svg.contains(&format!(r##"height="{side}" fill="#fff"/>"##)), "white all over");
    assert!(svg.contains(r##"<path fill="#000""##));
    let mut picture = Picture::new(side, side);
    for rectangle in between(" d=\"", "\"").split('M').skip(1) {
        let numbers: Vec<usize> =
            rectangle.split([' ', 'h', 'v', 'H', 'V']).map(|number| number.parse().unwrap()).collect();
        let [x, y, width, height, back, up] = numbers[..] else { panic!("{rectangle}") };
        assert_eq!((back, up), (x, y));
        assert!(x >= 32 && y >= 32 && x + width <= side - 32 && y + height <= side - 32, "a quiet zone of 4");
        picture.fill(x, y, width, height, [0; 3]);
    }
    picture
}

#[test]
fn a_file_is_its_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().join("code.svg");
    write_new(&name, b"content").unwrap();
    assert_eq!(fs::metadata(&name).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(fs::read(&name).unwrap(), b"content");
}

#[test]
fn what_is_there_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (name, link) = (folder.path().join("code.png"), folder.path().join("link.png"));
    fs::write(&name, b"mine").unwrap();
    symlink("elsewhere", &link).unwrap();
    for name in [&name, &link] {
        let error = write_new(name, b"other").unwrap_err();
        assert_eq!(error.to_string(), format!("{} exists already", name.display()));
        assert!(matches!(error, Error::Exists(_)));
    }
    assert_eq!(fs::read(&name).unwrap(), b"mine");
    assert!(!folder.path().join("elsewhere").exists());
}

#[test]
fn a_missing_folder_is_named() {
    let error = write_new(Path::new("/nonexistent/code.png"), b"").unwrap_err();
    assert_eq!(error.to_string(), "the folder of /nonexistent/code.png does not exist");
    assert!(error.hint().is_some());
}

/// Nobody creates files in /sys, root neither.
#[test]
fn a_folder_that_takes_no_files_is_named() {
    let error = write_new(Path::new("/sys/kernel/code.png"), b"").unwrap_err();
    assert_eq!(error.to_string(), "no permission to create /sys/kernel/code.png");
    assert!(error.hint().is_some());
}

#[test]
fn any_other_trouble_comes_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let name = folder.path().join("x".repeat(300));
    let error = write_new(&name, b"").unwrap_err();
    assert!(matches!(error, Error::Write(_, _)));
    assert!(error.to_string().contains("File name too long"), "{error}");
}
