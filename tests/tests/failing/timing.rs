//! How long refusals take: figures to judge by, and nothing that a busy machine could fail.

use std::time::Instant;

use acceptance::lab::Lab;
use acceptance::pam::{Code, Login};
use acceptance::people::Person;
use acceptance::sandbox;

const FAILURES: usize = 1000;
/// As many as the settings let somebody have before there is a delay.
const FREE: usize = 100;
/// The standard deviation of libpam's random delay for the shipped 2 seconds, in microseconds: the sum of three
/// even numbers, between half of it and one and a half (`_pam_compute_delay`).
const BLUR: f64 = 2e6 / 6.0;

/// Microseconds of one refusal without libpam's delay.
fn refusal(user: &str, code: &str) -> f64 {
    let login = Login::new("door", user).code(code);
    let begun = Instant::now();
    let report = login.play();
    let took = begun.elapsed();
    assert_eq!(report.verdict(), Code::AuthErr, "{user}");
    took.as_secs_f64() * 1e6
}

/// A code of which all digits but the last are right.
fn nearly(person: &Person) -> String {
    let mut digits = person.phone.code(0);
    let last = digits.pop().unwrap().to_digit(10).unwrap();
    format!("{digits}{}", (last + 5) % 10)
}

/// A code without one right digit.
fn far_off(person: &Person) -> String {
    person
        .phone
        .code(0)
        .chars()
        .map(|c| char::from_digit((c.to_digit(10).unwrap() + 5) % 10, 10).unwrap())
        .collect()
}

fn people(lab: &Lab) -> Vec<Person> {
    (0..2 * FAILURES / FREE + 2)
        .map(|number| {
            let name = format!("person{number}");
            lab.add_account(&name, u32::try_from(3000 + number).unwrap());
            lab.enroll_slow(&name)
        })
        .collect()
}

fn quantile(times: &[f64], part: f64) -> f64 {
    times[((times.len() - 1) as f64 * part) as usize]
}

#[test]
#[ignore = "figures: run by tests/faults"]
fn how_long_a_thousand_refusals_of_each_kind_take() {
    sandbox::within(|lab| {
        lab.door("");
        lab.settings("[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 100\nyearly_risk = 0.01\n");
        let people = people(lab);
        let (near, far) = people.split_at(people.len() / 2);
        let throttled = lab.enroll_slow("alice");
        let wrong = throttled.phone.wrong();
        for _ in 0..FREE + 8 {
            refusal("alice", &wrong);
        }
        let codes = |people: &[Person], code: fn(&Person) -> String| {
            people.iter().map(|person| (person.name.clone(), code(person))).collect::<Vec<_>>()
        };
        let somebody = |user: &str| vec![(user.to_owned(), "000000".to_owned()); FAILURES / FREE + 1];
        let kinds = [
            ("somebody unknown", somebody("mallory")),
            ("somebody not enrolled", somebody("bob")),
            ("no digit right", codes(far, far_off)),
            ("all but one digit right", codes(near, nearly)),
            ("somebody who has to wait", somebody("alice")),
        ];
        let mut times = kinds.each_ref().map(|_| Vec::new());
        for round in 0..FAILURES {
            for (place, (_, logins)) in kinds.iter().enumerate() {
                let (user, code) = &logins[round / (FREE - 5)];
                times[place].push(refusal(user, code));
            }
        }
        let first = mean_and_median(&mut times[0]).1;
        for ((name, _), times) in kinds.iter().zip(&mut times) {
            let (mean, median) = mean_and_median(times);
            let (low, high) = (quantile(times, 0.1), quantile(times, 0.9));
            // Of two means that differ so much, so many failures each tell which is which, 19 times of 20.
            let needed = 2.0 * (1.96 * BLUR / (median - first).abs().max(1.0)).powi(2);
            println!(
                "faults: {FAILURES} refusals, {name} | median {median:.0} us (10 %: {low:.0}, 90 %: {high:.0}, \
                 mean {mean:.0}); behind the delay {needed:.0} of each would tell it from the first"
            );
        }
    });
}

fn mean_and_median(times: &mut [f64]) -> (f64, f64) {
    times.sort_unstable_by(f64::total_cmp);
    (times.iter().sum::<f64>() / times.len() as f64, quantile(times, 0.5))
}
