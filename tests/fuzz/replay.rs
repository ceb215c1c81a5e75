//! What fuzzing found worth keeping, tried again by ordinary tests: each file of a corpus as it is, and damaged
//! in ways that are the same every time. Compiled into the tests of each crate that has properties.

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

/// How many damaged files are tried for each target: all targets together take some seconds.
const TRIES: usize = 4000;
/// As long as a file may become, in bytes.
const LONGEST: usize = 4096;

/// Whether `property` holds for every file in the corpus of `target`, and for what is made of them.
pub(super) fn holds_for(target: &str, property: fn(&[u8])) {
    let corpus = corpus(target);
    assert!(corpus.len() >= 10, "{target}: {} files", corpus.len());
    for (name, bytes) in &corpus {
        tried(target, name, bytes, property);
    }
    let mut random = Random(target.bytes().map(u64::from).sum());
    for _ in 0..TRIES {
        let (name, bytes) = &corpus[random.below(corpus.len())];
        let mut damaged = bytes.clone();
        for _ in 0..=random.below(3) {
            random.damage(&mut damaged, &corpus);
        }
        tried(target, name, &damaged, property);
    }
}

fn tried(target: &str, name: &str, bytes: &[u8], property: fn(&[u8])) {
    let held = catch_unwind(|| property(bytes)).is_ok();
    assert!(held, "{target} does not hold for this, made of {name}: b\"{}\"", bytes.escape_ascii());
}

/// Names and contents, in the same order on every machine.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus").join(target);
    let entries = fs::read_dir(folder).expect("a corpus").map(|entry| entry.expect("a file"));
    let named = |entry: fs::DirEntry| entry.file_name().into_string().expect("a plain name");
    let mut corpus: Vec<_> = entries
        .map(|entry| (entry.path(), named(entry)))
        .map(|(path, name)| (name, fs::read(path).expect("a file")))
        .collect();
    corpus.sort();
    corpus
}

/// Numbers that look random (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// Two places, the lower one first.
    fn range(&mut self, length: usize) -> (usize, usize) {
        let (one, other) = (self.below(length + 1), self.below(length + 1));
        (one.min(other), one.max(other))
    }

    /// Changes `bytes` in one of the ways in which a fuzzer does.
    fn damage(&mut self, bytes: &mut Vec<u8>, corpus: &[(String, Vec<u8>)]) {
        let (start, end) = self.range(bytes.len());
        let (_, other) = &corpus[self.below(corpus.len())];
        let (from, to) = self.range(other.len());
        match self.next() % 6 {
            0 => bytes.truncate(end),
            1 => drop(bytes.drain(start..end)),
            2 => bytes.extend_from_within(start..end),
            3 => drop(bytes.splice(start..end, other[from..to].iter().copied())),
            4 => bytes.insert(start, self.next() as u8),
            _ => {
                if let Some(byte) = bytes.get_mut(start) {
                    *byte ^= 1 << (self.next() % 8);
                }
            }
        }
        bytes.truncate(LONGEST);
    }
}
