//! Tokens by another name.

use crate::bench::{Bench, K1, NOW};

#[test]
fn a_renamed_token_is_the_same_token() {
    let bench = Bench::new().at(NOW);
    bench.enroll_key(K1, &[]);
    bench.verify("592691").done();
    let said = bench.run(["rename-token", &bench.user, "--token", "phone", "--to", "old-phone"]).done().out;
    assert_eq!(said, format!("{}'s token phone is named old-phone now\n", bench.user));
    let status = bench.status();
    assert_eq!(status["tokens"][0]["name"], "old-phone");
    assert_eq!(status["tokens"][0]["last_used"], "2027-01-15T08:00:00Z");
    assert_eq!(status["backup_codes_left"], 10);
    bench.verify("592691").refused("was used before");
    let out = bench.verify("606107").done().out;
    assert_eq!(out, "accepted: a code of token old-phone\n");
}

#[test]
fn a_name_that_is_taken_and_a_token_that_is_not_there_change_nothing() {
    let bench = Bench::new();
    bench.enroll(&[]);
    bench.enroll(&["--add", "--token", "fob"]);
    let before = bench.snapshot();
    let rename = |old: &str, new: &str| bench.run(["rename-token", &bench.user, "--token", old, "--to", new]);
    for new in ["fob", "phone"] {
        rename("phone", new).refused(&format!("has a token {new} already\nhint: choose another --to"));
    }
    rename("tablet", "x").refused("has no such token\nhint: totpctl status");
    assert_eq!(rename("phone", "a b").status, Some(2));
    assert_eq!(bench.snapshot(), before);
}
