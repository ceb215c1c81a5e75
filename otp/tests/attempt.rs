//! What is typed, poured or sent into the prompt, and what is made of it.

#![allow(clippy::unwrap_used, clippy::panic)]
mod common;

use common::{K1, NOW, enrolled, judged, phone, typed};
use otp::{Malformed, Policy, Time, Typed, Verdict};

/// The shape of a reply, its codes written out.
fn shape(reply: &[u8]) -> String {
    match Typed::parse(reply) {
        Typed::Code(code) => format!("code {}", code.expose()),
        Typed::Pair(first, second) => format!("pair {} {}", first.expose(), second.expose()),
        Typed::Backup(code) => format!("backup {}", *code.expose()),
        Typed::Malformed(why) => format!("{why:?}"),
    }
}

#[test]
fn every_reply_has_one_shape() {
    let table: &[(&[u8], &str)] = &[
        (b"078169", "code 078169"),
        (b"000000", "code 000000"),
        (b"1234567", "code 1234567"),
        (b"70592691", "code 70592691"),
        (b"123 456", "code 123456"),
        (b"123-456", "code 123456"),
        (b" 1 2 3 4 5 6 ", "code 123456"),
        (b"123456\r", "code 123456"),
        (b"123456\r\n", "code 123456"),
        (b"\t123456\t", "code 123456"),
        (b"-123456-", "code 123456"),
        // Fewer, more or other digits.
        (b"78169", "WrongLength"),
        (b"1", "WrongLength"),
        (b"123456789", "WrongLength"),
        (b"12345678901", "WrongLength"),
        (b"1234567890123", "WrongLength"),
        (b"123456123456123456", "WrongLength"),
        (b"+123456", "NotACode"),
        (b"12345.6", "NotACode"),
        (b"0x123456", "NotACode"),
        (b"123\t456", "NotACode"),
        (b"123\r456", "NotACode"),
        ("١٢٣٤٥٦".as_bytes(), "NotACode"),
        ("１２３４５６".as_bytes(), "NotACode"),
        ("123\u{a0}456".as_bytes(), "NotACode"),
        ("\u{a0}123456".as_bytes(), "NotACode"),
        ("\u{feff}123456".as_bytes(), "NotACode"),
        // Two codes in one reply.
        (b"123456 654321", "pair 123456 654321"),
        (b"123456654321", "pair 123456 654321"),
        (b"123 456 654 321", "pair 123456 654321"),
        (b"123456-654321\r", "pair 123456 654321"),
        (b"1234567 7654321", "pair 1234567 7654321"),
        (b"12345678 87654321", "pair 12345678 87654321"),
        (b"123456,654321", "NotACode"),
        // Backup codes, and passwords that look like one.
        (b"abcd-efgh-jkmn", "backup abcd-efgh-jkmn"),
        (b"ABCDEFGHJKMN", "backup abcd-efgh-jkmn"),
        (b"abcd efgh jkmn\r", "backup abcd-efgh-jkmn"),
        (b"OIl0-1234-567z", "backup 0110-1234-567z"),
        (b"correcthorse", "backup c0rr-ecth-0rse"),
        (b"correcthors", "NotACode"),
        (b"correcthorses", "NotACode"),
        (b"sturdy-hurdle", "NotACode"),
        (b"pass-word-123", "NotACode"),
        (b"abcd_efgh_jkmn", "NotACode"),
        // Letters that fold to digits alone: no backup code is made of those, and no one-time code has letters.
        (b"ooooooiiiiii", "NotACode"),
        // Keyboards and keys.
        ("(çé-ç&".as_bytes(), "NotACode"),
        (b"ccccccabcdef123456", "NotACode"),
        (b"vvccccbdkvnlhulrnnegguhhgrnfkcbhtcgdlefuflvt", "NotACode"),
        (b"hunter2", "NotACode"),
        ("пароль".as_bytes(), "NotACode"),
        // Nothing at all.
        (b"", "Empty"),
        (b" ", "Empty"),
        (b"\r\n", "Empty"),
        (b"-", "Empty"),
        (b" - - ", "Empty"),
        // What is no text.
        (b"\0", "NotACode"),
        (b"123456\0", "NotACode"),
        (b"123\x00456", "NotACode"),
        (b"\xff\xfe123456", "NotText"),
        (b"123456\xc3", "NotText"),
        // sshd's placeholder, as long as what was really typed.
        (b"\x08\n\r\x7fINCORRECT", "SshdPlaceholder"),
        (b"\x08\n\r\x7fINCORRECT\x08\n\r\x7fINCORRECT\x08\n", "SshdPlaceholder"),
        (b"\x08\n\r\x7fIN", "SshdPlaceholder"),
        (b"\x08\n\r\x7f", "SshdPlaceholder"),
        (b"\x08\n\r", "SshdPlaceholder"),
        (b"\x08\n", "SshdPlaceholder"),
        (b"\x08", "SshdPlaceholder"),
        (b"\x08\n\r\x7fCORRECT", "NotACode"),
        (b"INCORRECT", "NotACode"),
    ];
    for (reply, wanted) in table {
        assert_eq!(shape(reply), *wanted, "{:?}", String::from_utf8_lossy(reply));
    }
}

#[test]
fn long_replies_are_not_read() {
    assert_eq!(shape(&[b'1'; 500]), "TooLong");
    assert_eq!(shape(&[b' '; 500]), "TooLong");
    assert_eq!(shape(&[0xff; 500]), "TooLong");
    assert_eq!(shape(&[b'1'; 129]), "TooLong");
    assert_eq!(shape(&[b'1'; 128]), "WrongLength");
    let spaced = format!("{:>128}", "123456");
    assert_eq!(shape(spaced.as_bytes()), "code 123456");
    let placeholder: Vec<u8> = b"\x08\n\r\x7fINCORRECT".iter().copied().cycle().take(500).collect();
    assert_eq!(shape(&placeholder), "SshdPlaceholder");
}

#[test]
fn debug_shows_nothing_that_was_typed() {
    for reply in ["592691", "592691 606107", "abcd-efgh-jkmn"] {
        let shown = format!("{:?}", Typed::parse(reply.as_bytes()));
        for part in ["592691", "606107", "abcd", "ABCD"] {
            assert!(!shown.contains(part), "{shown}");
        }
    }
    assert_eq!(format!("{:?}", Typed::parse(b"592691")), "Code(Code(6 digits))");
    assert_eq!(format!("{:?}", Typed::parse(b"abcd-efgh-jkmn")), "Backup(BackupCode(..))");
}

#[test]
fn a_leading_zero_is_part_of_the_code() {
    let (enrollment, mut ledger) = enrolled(vec![phone(K1)]);
    let policy = Policy::default();
    let now = Time(1_800_000_900);
    let without = judged(&enrollment, &mut ledger, &typed("78169"), now, &policy);
    assert_eq!(without, Verdict::Malformed(Malformed::WrongLength));
    let with = judged(&enrollment, &mut ledger, &typed("078169"), now, &policy);
    assert!(matches!(with, Verdict::Accepted { .. }), "{with:?}");
}

#[test]
fn what_no_code_looks_like_costs_nothing() {
    let (enrollment, ledger) = enrolled(vec![phone(K1)]);
    for reply in
        ["", "78169", "1234567", "70592691", "(çé-ç&", "ccccccabcdef123456", "hunter2", "\x08\n\r\x7fINC"]
    {
        let judgement = otp::judge(&enrollment, &ledger, &typed(reply), NOW, &Policy::default());
        assert!(matches!(judgement.verdict, Verdict::Malformed(_)), "{reply:?}: {:?}", judgement.verdict);
        assert_eq!(judgement.next, None, "{reply:?}");
    }
}
