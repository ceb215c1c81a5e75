//! How long refusals take: figures to judge by, and nothing that a busy machine could fail.

use std::time::{Instant, SystemTime};

use acceptance::lab::Lab;
use acceptance::order;
use acceptance::pam::{Code, Login};
use acceptance::people::Person;
use acceptance::sandbox;

const FAILURES: usize = 1000;
/// As many as the settings let somebody have before there is a delay.
const FREE: usize = 100;
/// The standard deviation of the random delay for the shipped 2 seconds, in microseconds.
const BLUR: f64 = 2e6 / 6.0;

/// How long a refusal took, in microseconds.
struct Took {
    /// The module, without any delay.
    bare: f64,
    /// With the delay that libpam chose.
    delayed: f64,
    /// The same for an attacker who knows what libpam makes of the second, before 1.6.
    corrected: f64,
}

fn refusal(user: &str, code: &str) -> Took {
    let login = Login::new("door", user).code(code).hurried();
    let factor = factor(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() as u32);
    let begun = Instant::now();
    let report = login.play();
    let bare = begun.elapsed().as_secs_f64() * 1e6;
    assert_eq!(report.verdict(), Code::AuthErr, "{user}");
    let delayed = bare + f64::from(report.delay.unwrap());
    Took { bare, delayed, corrected: delayed / factor }
}

/// What libpam multiplies a delay by, before 1.6 (`_pam_compute_delay` in libpam/pam_delay.c).
fn factor(mut second: u32) -> f64 {
    let mut sum = 0.0;
    for _ in 0..3 {
        second = second.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        sum += f64::from(second / 10 % 1_000_000);
    }
    0.5 + sum / 3e6
}

/// The largest distance between the distributions of two samples (Kolmogorov and Smirnov). Two of a thousand from the
/// same one are further apart than 0.061 once in twenty times.
fn distance(one: &[f64], other: &[f64]) -> f64 {
    let below =
        |sorted: &[f64], value: f64| sorted.partition_point(|&x| x <= value) as f64 / sorted.len() as f64;
    let apart = |&value: &f64| (below(one, value) - below(other, value)).abs();
    one.iter().chain(other).map(apart).fold(0.0, f64::max)
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
    // Two failures each a round.
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
        lab.settings("[throttle]\nfree_failures = 100\nyearly_risk = 0.01\n");
        let people = people(lab);
        let throttled = lab.enroll_slow("alice");
        let wrong = throttled.phone.wrong();
        for _ in 0..FREE + 8 {
            refusal("alice", &wrong);
        }
        let of_people = |code: fn(&Person) -> String| {
            people.iter().map(|person| (person.name.clone(), code(person))).collect()
        };
        let of_one = |user: &str| vec![(user.to_owned(), "000000".to_owned()); people.len()];
        let kinds: [(&str, Vec<(String, String)>); 5] = [
            ("somebody unknown", of_one("mallory")),
            ("somebody not enrolled", of_one("bob")),
            ("no digit right", of_people(far_off)),
            ("all but one digit right", of_people(nearly)),
            ("somebody who has to wait", of_one("alice")),
        ];
        let mut times = kinds.each_ref().map(|_| Vec::new());
        let mut random = 1;
        let mut places = [0, 1, 2, 3, 4];
        for round in 0..FAILURES {
            // Each is met by what the one before it left behind in caches and on the disk.
            order::shuffle(&mut places, &mut random);
            for place in places {
                let (user, code) = &kinds[place].1[round * people.len() / FAILURES];
                times[place].push(refusal(user, code));
            }
        }
        let sorted = |took: &[Took], part: fn(&Took) -> f64| {
            let mut sorted: Vec<f64> = took.iter().map(part).collect();
            sorted.sort_unstable_by(f64::total_cmp);
            sorted
        };
        let parts: [fn(&Took) -> f64; 3] = [|took| took.bare, |took| took.delayed, |took| took.corrected];
        let first = parts.map(|part| sorted(&times[0], part));
        for ((name, _), times) in kinds.iter().zip(&times) {
            let [bare, delayed, corrected] = parts.map(|part| sorted(times, part));
            let (low, median, high) = (quantile(&bare, 0.1), quantile(&bare, 0.5), quantile(&bare, 0.9));
            // Of two means that differ so much, so many failures each tell which is which, 19 times of 20.
            let needed = 2.0 * (1.96 * BLUR / (median - quantile(&first[0], 0.5)).abs().max(1.0)).powi(2);
            println!(
                "faults: {FAILURES} refusals, {name} | {median:.0} us (10 %: {low:.0}, 90 %: {high:.0}) and the \
                 delay; apart from the first by {:.3} without it, {:.3} behind it, {:.3} if libpam's part is known \
                 (0.061 is chance); their means by {needed:.1e} failures each",
                distance(&bare, &first[0]),
                distance(&delayed, &first[1]),
                distance(&corrected, &first[2]),
            );
        }
        let digits = distance(&sorted(&times[2], parts[0]), &sorted(&times[3], parts[0]));
        println!(
            "faults: how much of a code is right | {digits:.3} between no digit and all but one, without any delay \
             (0.061 is chance)"
        );
    });
}
