//! FILEFORMAT.md is true: what it shows is what the code writes, and what it says of each byte is there.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use config::StoreSettings;
use otp::{
    Algorithm, BackupCode, Digits, Kind, Network, Period, Policy, Reason, Secret, Time, Token, TokenName,
    Typed, Uses,
};
use std::cell::Cell;
use std::fmt::Write;
use verifier::{
    Account, Authority, Enrolled, FileStore, Local, NewBypass, NewToken, Origin, Read, SLOT_LEN, Slots,
    Verifier, init,
};

const DOCUMENT: &str = include_str!("../FILEFORMAT.md");
const NOW: u64 = 1_800_000_000;

/// The store of the document after its story.
struct Example {
    _temporary: tempfile::TempDir,
    settings: StoreSettings,
}

thread_local! {
    static DRAWN: Cell<u8> = const { Cell::new(0) };
}

fn random(bytes: &mut [u8]) -> std::io::Result<()> {
    let drawn = DRAWN.replace(DRAWN.get() + 1);
    let first = 0xa0 + (drawn << 4);
    bytes.iter_mut().zip(first..).for_each(|(to, from)| *to = from);
    Ok(())
}

fn alice() -> Account {
    Account::local("alice", 1000)
}

impl Example {
    /// Alice enrolls with a code, gets backup codes and a bypass, logs in with one of each at the console and
    /// with the next code from 203.0.113.9, and a stranger guesses.
    fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let directory = temporary.path().canonicalize().unwrap().join("store");
        let settings = StoreSettings { directory, id: None };
        let mut seed = [0u8; 48];
        seed.iter_mut().zip(0u8..).for_each(|(to, from)| *to = from);
        init(&settings, seed).unwrap();
        let example = Self { _temporary: temporary, settings };
        let verifier = example.verifier();
        let token = Token {
            name: TokenName::new("phone").unwrap(),
            kind: Kind::Totp { period: Period::THIRTY },
            algorithm: Algorithm::Sha1,
            digits: Digits::SIX,
            secret: Secret::from_base32("JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU").unwrap(),
        };
        let backup = ["2345-6789-abcd", "efgh-jkmn-pqrs"].map(|code| BackupCode::parse(code).unwrap());
        let typed = Typed::parse(b"316541");
        let new = NewToken {
            from: None,
            how: Enrolled::First,
            token: &token,
            confirm: Some(&typed),
            authority: Authority::Root,
            backup: &[],
        };
        verifier.enroll(&alice(), &new).unwrap();
        let from = || verifier.status(&alice()).unwrap().unwrap().id;
        verifier.backup_codes(&alice(), from(), &backup, Authority::Root).unwrap();
        let code = BackupCode::parse("stvw-xyz0-1234").unwrap();
        let (uses, reason) = (Uses::new(3).unwrap(), Reason::new("lost phone, ticket 4711").unwrap());
        let bypass = NewBypass { code: &code, lasts: 3600, uses, reason: &reason };
        verifier.bypass(&alice(), from(), &bypass).unwrap();
        let home = Origin::Network(Network::of_rhost("203.0.113.9").unwrap());
        let story = [
            ("2345-6789-abcd", Origin::Console),
            ("stvw-xyz0-1234", Origin::Console),
            ("592691", home),
            ("000000", Origin::Stranger),
        ];
        for (typed, origin) in story {
            verifier.check(&alice(), &Typed::parse(typed.as_bytes()), origin);
        }
        example
    }

    fn verifier(&self) -> Local<FileStore> {
        Local::new(FileStore::open(&self.settings).unwrap(), Policy::default(), || Time(NOW), random)
    }

    fn read(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.settings.directory.join(path)).unwrap()
    }

    fn ledger(&self) -> Vec<u8> {
        let id = self.verifier().status(&alice()).unwrap().unwrap().id;
        self.read(&format!("users/1000/ledger.{id}"))
    }
}

/// The fenced block of the document that is marked with `mark`.
fn block(mark: &str) -> &'static str {
    let start = format!("```{mark}\n");
    let (_, after) = DOCUMENT.split_once(&start).unwrap_or_else(|| panic!("no block {mark}"));
    after.split_once("```").unwrap().0
}

/// The record in a slot as the document shows it: sixteen bytes a line.
fn dump(slot: &[u8]) -> String {
    let mut text = String::new();
    for (index, line) in slot[..length(slot)].chunks(16).enumerate() {
        write!(text, "{:04x} ", index * 16).unwrap();
        line.iter().for_each(|byte| write!(text, " {byte:02x}").unwrap());
        text.push('\n');
    }
    text
}

fn length(slot: &[u8]) -> usize {
    u32::from_le_bytes(slot[8..12].try_into().unwrap()) as usize
}

fn undump(text: &str) -> Vec<u8> {
    let mut bytes: Vec<u8> = text
        .lines()
        .flat_map(|line| line.split_whitespace().skip(1))
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect();
    bytes.resize(SLOT_LEN, 0);
    bytes
}

#[test]
fn the_files_shown_are_those_that_are_written() {
    let example = Example::new();
    assert_eq!(String::from_utf8(example.read("FORMAT")).unwrap(), block("format"));
    assert_eq!(String::from_utf8(example.read("users/1000/enrollment.toml")).unwrap(), block("toml"));
    assert_eq!(dump(&example.ledger()[SLOT_LEN..]), block("hex"));
}

#[test]
fn the_slot_shown_is_read_as_what_it_says() {
    let example = Example::new();
    let mut bytes = example.ledger();
    bytes[SLOT_LEN..].copy_from_slice(&undump(block("hex")));
    let id = example.verifier().status(&alice()).unwrap().unwrap().id;
    let Read::Whole(slot) = Slots(Box::new(bytes.try_into().unwrap())).read(id, 1) else {
        panic!("not whole")
    };
    assert_eq!((slot.generation, slot.confirmed, slot.ledger.latest), (7, true, Time(NOW)));
    assert_eq!(slot.ledger.tokens[0].spent, [59_999_999, 60_000_000]);
    assert_eq!((slot.ledger.spent_backup, slot.ledger.strangers.failures), (1, 1));
    assert_eq!(slot.ledger.bypass_uses, [1, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(slot.ledger.acknowledged, 1);
    assert_eq!(slot.ledger.known.len(), 1);
}

/// The rows `| offset | bytes | … | in the example |` of the document's table.
fn fields() -> Vec<(usize, usize, &'static str)> {
    let rows = DOCUMENT.lines().filter(|line| line.starts_with("| ") && line.ends_with(" |"));
    let cells = rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect::<Vec<_>>());
    cells
        .filter(|cells| cells.len() == 4)
        .filter_map(|cells| {
            Some((cells[0].parse().ok()?, cells[1].parse().ok()?, cells[3].trim_matches('`')))
        })
        .collect()
}

#[test]
fn every_byte_of_the_slot_is_in_the_table_with_its_value() {
    let bytes = undump(block("hex"));
    let length = length(&bytes);
    let mut next = 0;
    for (offset, count, shown) in fields() {
        assert_eq!(offset, next, "a gap or an overlap");
        next += count;
        let field = &bytes[offset..next];
        let mut number = [0; 16];
        let is_value = match shown.strip_prefix("0x") {
            Some(hex) => field.iter().map(|byte| format!("{byte:02x}")).collect::<String>() == hex,
            None if shown.starts_with('"') => field == shown.trim_matches('"').as_bytes(),
            None if shown.is_empty() => true,
            None => {
                number[..count].copy_from_slice(field);
                u128::from_le_bytes(number) == shown.parse::<u128>().unwrap()
            }
        };
        assert!(is_value, "offset {offset}: {field:02x?} is not {shown}");
    }
    assert_eq!(next, length, "the table describes the whole record");
    assert!(bytes[length..].iter().all(|&byte| byte == 0));
}
