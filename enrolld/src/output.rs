//! Results go to standard output, whole and unbuffered: a buffer would keep a copy of what is secret.

use crate::failure::Failure;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use zeroize::Zeroizing;

/// Writes `text` to standard output.
pub(crate) fn put(text: &str) -> Result<(), Failure> {
    let stdout = std::io::stdout().as_fd().try_clone_to_owned().map(File::from);
    stdout
        .and_then(|mut stdout| stdout.write_all(text.as_bytes()))
        .map_err(|error| Failure::new(format!("standard output: {error}")))
}

/// Writes a value as one line of JSON.
pub(crate) fn put_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    // Large enough that growing leaves no copies behind.
    let mut json = Zeroizing::new(Vec::with_capacity(16 * 1024));
    serde_json::to_writer(&mut *json, value).map_err(|error| Failure::new(format!("json: {error}")))?;
    json.push(b'\n');
    put(std::str::from_utf8(&json).unwrap_or_default())
}

/// Writes values as one line of JSON, an array, some at a time. None of them holds a secret.
pub(crate) fn put_json_array(values: impl Iterator<Item = impl serde::Serialize>) -> Result<(), Failure> {
    const ENOUGH: usize = 64 * 1024;
    let mut text = String::from("[");
    let mut is_first = true;
    for value in values {
        if !std::mem::take(&mut is_first) {
            text.push(',');
        }
        let json = serde_json::to_string(&value);
        text += &json.map_err(|error| Failure::new(format!("json: {error}")))?;
        if text.len() >= ENOUGH {
            put(&std::mem::take(&mut text))?;
        }
    }
    text += "]\n";
    put(&text)
}

/// What failed, where others go on.
pub(crate) fn complain(failure: &Failure) {
    // Where standard error is closed there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "{failure}");
}

/// Something worth knowing that is no result.
pub(crate) fn note(text: &str) {
    // Where standard error is closed there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "note: {text}");
}

/// What helps, under a note.
pub(crate) fn hint(text: &str) {
    let _ = writeln!(std::io::stderr(), "hint: {text}");
}
