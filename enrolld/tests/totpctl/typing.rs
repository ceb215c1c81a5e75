//! What is typed that is no code.

use crate::bench::{Bench, K1, NOW};
use serde_json::json;

const LAYOUT: &str = "letters where digits were expected: keyboard layout?";

#[test]
fn a_leading_zero_belongs_to_the_code() {
    let bench = Bench::new().at(NOW + 900);
    bench.enroll_key(K1, &[]);
    bench
        .verify("78169")
        .refused("digits, but not as many as a code has\nhint: a code has 6 digits; a leading zero");
    bench.verify("078169").done();
}

#[test]
fn letters_are_called_a_keyboard_layout_and_cost_nothing() {
    let bench = Bench::new().at(NOW);
    bench.enroll_key(K1, &[]);
    for _ in 0..3 {
        // 592691 on an unshifted AZERTY row, in UTF-8 and in Latin-1; a keyboard token's identity and code.
        bench.verify("(çé-ç&").refused(LAYOUT);
        bench.verify(b"(\xe7\xe9-\xe7&").refused(LAYOUT);
        bench.verify("cccccckdvvul592691").refused(LAYOUT);
        bench.verify("correct horse battery").refused(LAYOUT);
    }
    assert_eq!(bench.status()["throttled"], json!([]));
    bench.verify("592 691\r").done();
}

#[test]
fn nothing_and_too_much_are_said_by_kind() {
    let bench = Bench::new();
    bench.enroll_key(K1, &[]);
    bench.verify("").refused("nothing was typed");
    bench.run(["verify", &bench.user]).refused("nothing was typed");
    bench.verify("1".repeat(500)).refused("longer than any code");
    bench.verify("1".repeat(100_000)).refused("longer than any code");
    bench.verify("123456789").refused("digits, but not as many as a code has");
    bench.verify([0; 20]).refused("");
    assert_eq!(bench.status()["throttled"], json!([]));
}

#[test]
fn only_the_first_line_is_a_code() {
    let bench = Bench::new().at(NOW);
    bench.enroll_key(K1, &[]);
    bench.run_with(["verify", &bench.user], b"592691\nrest\n").done();
    bench.run_with(["verify", &bench.user], b"606107").done();
}
