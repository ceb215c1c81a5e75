//! The code on a screen, in a file, in a picture.

use crate::bench::Bench;
use crate::session::{CODE, CTRL_C};
use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

#[test]
fn no_escape_sequence_goes_to_a_file_and_the_secret_always_does() {
    let settings: [&[(&str, &str)]; 5] = [
        &[],
        &[("TERM", "dumb")],
        &[("NO_COLOR", "1")],
        &[("LC_ALL", "C")],
        &[("LC_ALL", "C"), ("TERM", "dumb"), ("NO_COLOR", "1")],
    ];
    for environment in settings {
        for how in ["auto", "utf8", "blank", "ascii", "none"] {
            let bench = environment.iter().fold(Bench::new(), |bench, (name, value)| bench.with(name, value));
            let ran = bench.run(["enroll", &bench.user, "--no-confirm", "--qr", how]).done();
            assert!(!ran.out.contains('\u{1b}'), "{environment:?} {how}");
            let secret = ran.out.split("?secret=").nth(1).unwrap()[..32].to_owned();
            let groups: Vec<_> =
                secret.as_bytes().chunks(4).map(|group| str::from_utf8(group).unwrap()).collect();
            let shown: Vec<_> = ran.out.split_whitespace().filter(|word| groups.contains(word)).collect();
            assert_eq!(shown, groups, "{environment:?} {how}:\n{}", ran.out);
        }
    }
}

#[test]
fn the_code_and_the_question_fit_80_by_24() {
    let bench = Bench::new();
    let mut session = bench.session(["enroll", &bench.user, "--label", "alice@web1.example.org"]);
    session.expect("otpauth://");
    let shown = session.expect(CODE);
    assert!(shown.contains("\u{1b}[") && shown.contains("Does it not scan?"), "{shown}");
    assert!(shown.lines().count() <= 25, "the URI's line, the code, the question: {shown}");
    session.press(CTRL_C);
    session.end();
}

#[test]
fn a_terminal_that_is_too_small_is_told_and_gets_the_secret() {
    let bench = Bench::new();
    for size in [(30, 24), (80, 10)] {
        let mut session = bench.session_of(["enroll", &bench.user], size, None);
        let said = session.expect("Type this into");
        assert!(said.contains("note: the QR code needs "), "{said}");
        assert!(said.contains(&format!("this terminal has {} and {}", size.0, size.1)), "{said}");
        assert!(said.contains("write a picture with --png FILE"), "{said}");
        session.expect(CODE);
        session.press(CTRL_C);
        session.end();
    }
}

#[test]
fn a_terminal_without_utf8_is_offered_half_blocks_where_only_those_fit() {
    let bench = Bench::new().with("LC_ALL", "C");
    let mut session = bench.session(["enroll", &bench.user]);
    session.expect("hint: if the terminal speaks UTF-8: --qr utf8");
    session.expect(CODE);
    session.press(CTRL_C);
    session.end();
}

#[test]
fn a_picture_holds_the_uri_and_belongs_to_its_owner_alone() {
    let bench = Bench::new();
    let (png, svg) = (bench.path("code.png"), bench.path("code.svg"));
    let names = [png.to_str().unwrap(), svg.to_str().unwrap()];
    let arguments = ["enroll", &bench.user, "--no-confirm", "--json", "--png", names[0], "--svg", names[1]];
    let ran = bench.run(arguments);
    assert_eq!(ran.status, Some(0), "{}", ran.err);
    assert!(ran.err.contains("holds the secret: remove it once it is scanned"), "{}", ran.err);
    let printed: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let read = Command::new("zbarimg").args(["--quiet", "--raw"]).arg(&png).output().expect("zbarimg");
    assert_eq!(String::from_utf8(read.stdout).unwrap().trim(), printed["uri"].as_str().unwrap());
    for path in [&png, &svg] {
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o7777, 0o600);
    }
}

#[test]
fn a_file_that_is_there_is_left_alone_and_nothing_is_enrolled() {
    let bench = Bench::new();
    let (png, svg) = (bench.path("new.png"), bench.path("old.svg"));
    std::fs::write(&svg, "mine").unwrap();
    let names = [png.to_str().unwrap(), svg.to_str().unwrap()];
    let arguments = ["enroll", &bench.user, "--no-confirm", "--json", "--png", names[0], "--svg", names[1]];
    bench.run(arguments).refused("old.svg exists already");
    assert!(!png.exists(), "the picture of a token that was not stored");
    assert_eq!(std::fs::read_to_string(&svg).unwrap(), "mine");
    assert_eq!(bench.status()["enrolled"], false);
}

#[test]
fn a_picture_goes_when_the_enrollment_is_aborted() {
    let bench = Bench::new();
    let png = bench.path("code.png");
    let mut session = bench.session(["enroll", &bench.user, "--png", png.to_str().unwrap()]);
    session.expect(CODE);
    assert!(png.exists());
    session.press(CTRL_C);
    assert_eq!(session.end().0, Some(1));
    assert!(!png.exists());
}

#[test]
fn the_drawing_follows_standard_output_and_the_question_the_terminal() {
    let bench = Bench::new();
    let file = bench.path("out");
    let out = File::create(&file).unwrap();
    let mut session = bench.session_of(["enroll", &bench.user], (80, 24), Some(out));
    session.expect(CODE);
    session.press(CTRL_C);
    let (_, screen) = session.end();
    assert!(!screen.contains("otpauth://"), "{screen}");
    let written = std::fs::read_to_string(file).unwrap();
    assert!(written.contains("otpauth://") && !written.contains('\u{1b}'), "{written}");
}
