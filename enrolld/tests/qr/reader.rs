//! The readers: zxing-cpp, by the Python of `tests/python`, and zbarimg.

use crate::screen::Picture;
use std::path::Path;
use std::process::{Command, Output};

const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/python");
const READ: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/qr/read.py");

/// What zxing-cpp reads in each picture, inversion off; empty for nothing.
pub(crate) fn read(pictures: &[Picture], blur: u32) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<_> = (0..pictures.len()).map(|at| folder.path().join(format!("{at}.ppm"))).collect();
    for (picture, name) in pictures.iter().zip(&names) {
        std::fs::write(name, picture.ppm()).unwrap();
    }
    read_files(&names, blur)
}

/// As [`read`], from files.
pub(crate) fn read_files(names: &[impl AsRef<Path>], blur: u32) -> Vec<String> {
    let mut command = Command::new(PYTHON);
    command.arg(READ).arg("--blur").arg(blur.to_string()).args(names.iter().map(AsRef::as_ref));
    let texts: Vec<String> = text(command.output().unwrap()).lines().map(str::to_owned).collect();
    assert_eq!(texts.len(), names.len());
    texts
}

/// What zbarimg reads in a file.
pub(crate) fn zbarimg(name: &Path) -> String {
    let mut command = Command::new("zbarimg");
    command.args(["--quiet", "--raw", "-Sdisable", "-Sqrcode.enable"]).arg(name);
    text(command.output().expect("zbarimg of the package zbar-tools")).trim_end().to_owned()
}

/// Asserts that every picture is read as `uri`, and names those that are not.
pub(crate) fn all_read_as(uri: &str, pictures: Vec<(String, Picture)>, blur: u32) {
    let (labels, pictures): (Vec<_>, Vec<_>) = pictures.into_iter().unzip();
    let texts = read(&pictures, blur);
    let failed: Vec<_> = labels.iter().zip(&texts).filter(|(_, text)| *text != uri).collect();
    assert!(failed.is_empty(), "{} of {} not read: {failed:?}", failed.len(), labels.len());
}

fn text(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
