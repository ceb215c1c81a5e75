//! Attackers who guess as soon as each lane lets them, for years on end. What counts is not whether they were
//! lucky but what chance they were given: the sum over all guesses that were really judged, which bounds it
//! whatever they know of each other. How often they are lucky is counted as well, at many owners.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
#[path = "../common/mod.rs"]
mod common;
mod measured;
mod siege;

use common::{NOW, named, numbered_secret, totp};
use otp::{Chance, Kind, Origin, Policy, Token};
use siege::{Place, Siege, YEAR};

/// Tokens of the owner of this number.
pub(crate) fn phones(owner: u64, count: u64, digits: u8) -> Vec<Token> {
    (0..count).map(|n| token(owner, n, totp(30), digits)).collect()
}

pub(crate) fn keys(owner: u64, count: u64, digits: u8) -> Vec<Token> {
    (8..8 + count).map(|n| token(owner, n, Kind::Hotp, digits)).collect()
}

fn token(owner: u64, number: u64, kind: Kind, digits: u8) -> Token {
    let secret = numbered_secret(owner << 16 | number << 8 | u64::from(digits));
    named(&format!("{number}.{digits}"), kind, digits, secret)
}

fn siege_of(tokens: Vec<Token>) -> Siege {
    Siege::of(tokens, 0, Policy::default(), false)
}

#[test]
fn one_phone_is_guessed_at_in_every_lane() {
    let siege = siege_of(phones(0, 1, 6)).lasts(730);
    siege.stays_under_the_bound(80);
    assert!(siege.took_two.iter().all(|&days| days > 300), "single codes were not even closed");
}

#[test]
fn eight_phones_are_guessed_at_in_every_lane() {
    siege_of(phones(0, 8, 6)).lasts(730).stays_under_the_bound(80);
}

#[test]
fn eight_event_tokens_are_guessed_at_in_every_lane() {
    siege_of(keys(0, 8, 6)).lasts(730).stays_under_the_bound(60);
}

#[test]
fn a_wide_window_is_guessed_at_in_every_lane() {
    let policy = Policy { window: 10, look_ahead: 100, ..Policy::default() };
    let tokens = [phones(0, 3, 6), keys(0, 1, 6)].concat();
    Siege::of(tokens, 0, policy, false).lasts(730).stays_under_the_bound(50);
}

#[test]
fn codes_of_six_and_eight_digits_and_a_sheet_of_scratch_codes_are_guessed_at_in_every_lane() {
    let tokens = [phones(0, 2, 6), keys(0, 2, 8)].concat();
    Siege::of(tokens, 10, Policy::default(), false).lasts(730).stays_under_the_bound(80);
}

#[test]
fn phones_whose_clocks_are_off_are_guessed_at_in_every_lane() {
    let mut siege = siege_of(phones(0, 2, 6));
    (siege.ledger.tokens[0].drift, siege.ledger.tokens[1].drift) = (-9, 7);
    siege.lasts(730).stays_under_the_bound(80);
}

#[test]
fn the_likelier_ones_of_eight_digits_are_guessed_at_in_every_lane() {
    siege_of(phones(0, 8, 8)).lasts(730).stays_under_the_bound(90);
}

#[test]
fn eight_digits_are_guessed_at_as_often_as_the_delays_let_them() {
    let mut siege = siege_of(phones(0, 1, 8));
    let places = [Origin::Console, Origin::Stranger].map(Place::At);
    siege.attackers.retain(|attacker| places.contains(&attacker.place));
    let siege = siege.lasts(730);
    for class in ["console", "strangers"] {
        let worst = siege.worst_year(Some(class));
        assert!(worst <= u128::from(siege.policy.throttle.yearly_risk.0), "{class}: {worst}");
        // One in a quarter of an hour, and ten until the delay is that long, after each success of the owner.
        let guesses = siege.given.iter().filter(|given| given.class == class).count() as u64;
        assert!((20_000..=2 * YEAR / 900 + 3 * 10 * 731).contains(&guesses), "{class}: {guesses} guesses");
    }
}

#[test]
fn guesses_at_pairs_are_bound_too() {
    // At the shipped risk this takes a hundred million guesses; at a ten-millionth of it, few.
    let mut siege = Siege::of(keys(0, 8, 6), 0, Policy::default(), true);
    siege.policy.look_ahead = 100;
    siege.policy.throttle.yearly_risk = Chance(100_000_000_000);
    siege.goes_on_until(NOW.after(2 * YEAR));
    siege.stays_under_the_bound(80);
}
