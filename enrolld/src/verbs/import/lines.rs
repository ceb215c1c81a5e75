//! A file of secrets, line by line, in memory that does not grow and is wiped.

use std::fs::File;
use std::io::{ErrorKind, Read};
use zeroize::Zeroizing;

/// Longest line that is read, in bytes.
const LONGEST: usize = 4096;

/// The lines of a file.
pub(super) struct Lines<'a> {
    file: &'a File,
    buffer: Zeroizing<Vec<u8>>,
    /// What of the buffer is still to be given out.
    from: usize,
    to: usize,
    number: usize,
}

/// A line, with its number from 1.
pub(super) struct Line<'a> {
    pub(super) number: usize,
    /// Its text; none for one that is too long, or no text.
    pub(super) text: Option<&'a str>,
}

impl<'a> Lines<'a> {
    pub(super) fn of(file: &'a File) -> Self {
        Self { file, buffer: Zeroizing::new(vec![0; 16 * LONGEST]), from: 0, to: 0, number: 0 }
    }

    /// The next line; `None` after the last.
    pub(super) fn next(&mut self) -> std::io::Result<Option<Line<'_>>> {
        let mut is_long = false;
        loop {
            let held = self.buffer.get(self.from..self.to).unwrap_or_default();
            if let Some(length) = held.iter().position(|&byte| byte == b'\n') {
                let start = self.from;
                self.from += length + 1;
                return Ok(Some(self.line(start, start + length, is_long)));
            }
            if held.len() >= LONGEST {
                is_long = true;
                self.from = self.to;
            }
            if self.refill()? == 0 {
                let (start, end) = (self.from, self.to);
                self.from = end;
                let is_end = start == end && !is_long;
                return Ok(if is_end { None } else { Some(self.line(start, end, is_long)) });
            }
        }
    }

    fn line(&mut self, start: usize, end: usize, is_long: bool) -> Line<'_> {
        self.number += 1;
        let bytes = self.buffer.get(start..end).unwrap_or_default();
        let fits = !is_long && bytes.len() <= LONGEST;
        Line { number: self.number, text: std::str::from_utf8(bytes).ok().filter(|_| fits) }
    }

    fn refill(&mut self) -> std::io::Result<usize> {
        self.buffer.copy_within(self.from..self.to, 0);
        (self.from, self.to) = (0, self.to - self.from);
        loop {
            let room = self.buffer.get_mut(self.to..).unwrap_or_default();
            match (&mut &*self.file).read(room) {
                Ok(count) => {
                    self.to += count;
                    return Ok(count);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek, Write};

    #[test]
    fn every_line_is_given_once_whatever_its_length() {
        let mut file = tempfile::tempfile().unwrap();
        let mut expected = Vec::new();
        for length in (0..5000).step_by(37).chain([4095, 4096, 4097, 70_000, 3]) {
            let text = "x".repeat(length);
            writeln!(file, "{text}").unwrap();
            expected.push((length <= LONGEST).then_some(text));
        }
        file.write_all(b"\xff\nlast").unwrap();
        expected.extend([None, Some("last".to_owned())]);
        file.rewind().unwrap();
        let mut lines = Lines::of(&file);
        for (expected, number) in expected.iter().zip(1..) {
            let line = lines.next().unwrap().unwrap();
            assert_eq!((line.number, line.text), (number, expected.as_deref()));
        }
        assert!(lines.next().unwrap().is_none());
    }
}
