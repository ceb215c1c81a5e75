//! Nothing is stored until a code of the new token was typed, and that code is spent by it.

use super::plan::Plan;
use crate::authority::Given;
use crate::failure::Failure;
use crate::house::House;
use crate::terminal::{Reply, Terminal};
use crate::words::{self, Words};
use crate::{clock, kernel_clock};
use otp::{Kind, Malformed, Typed, Verdict};
use verifier::{Made, Refusal};

/// How many codes are asked for.
const TRIES: usize = 5;

const PROMPT: &str = "Code that the app shows (empty to abort): ";

/// Asks until a code is right, and stores.
pub(super) fn confirmed(
    house: &House,
    plan: &Plan,
    terminal: &Terminal,
    given: &Given,
) -> Result<Made, Failure> {
    for _ in 0..TRIES {
        let typed = match terminal.ask(PROMPT)? {
            Reply::Line(line) => Typed::parse(&line),
            Reply::Aborted => return Err(aborted()),
        };
        if matches!(typed, Typed::Malformed(Malformed::Empty)) {
            return Err(aborted());
        }
        match house.verifier.enroll(&plan.account, &plan.new_token(Some(&typed), given.authority())) {
            Ok(made) => return Ok(made),
            Err(Refusal::NotConfirmed(Verdict::ClockBehind { seconds })) => {
                return Err(Failure::new(format!("this machine's clock is at least {seconds} s behind"))
                    .hint("set it first; nothing was stored"));
            }
            Err(Refusal::NotConfirmed(verdict)) => {
                terminal.say(&page(&why(house, plan, &typed, &verdict)))?
            }
            Err(refusal) => {
                let failure = Failure::refusal(&refusal, &plan.account.name);
                return Err(failure.hint(match refusal {
                    // It may be the only token by now.
                    Refusal::Store(error) if error.may_be_done() => "keep the entry just scanned until then",
                    _ => "the entry just scanned is good for nothing: delete it in the app",
                }));
            }
        }
    }
    Err(Failure::new(format!("no right code in {TRIES} tries, nothing was stored"))
        .hint("delete the entry in the app before you try again"))
}

fn aborted() -> Failure {
    Failure::new("aborted, nothing was stored").hint("delete the entry in the app, if it was scanned")
}

/// Why a code is not the right one, found by trying the neighbours.
fn why(house: &House, plan: &Plan, typed: &Typed, verdict: &Verdict) -> Words {
    if let Typed::Code(code) | Typed::Pair(code, _) = typed
        && let Some(found) = otp::diagnose(&plan.token, &plan.replaced, code, clock::now())
    {
        let synchronized = kernel_clock::is_synchronized();
        let mut words = words::diagnosis(&found, &plan.token, synchronized);
        let drift = house.settings.policy().drift;
        words.hints.extend(words::learning(&found, &plan.token, drift, synchronized));
        return words;
    }
    match verdict {
        Verdict::Malformed(why) => words::malformed(*why, &[plan.token.digits.count()]),
        _ => Words { what: "not a code of the new token".to_owned(), hints: vec![newest(plan, house)] },
    }
}

fn newest(plan: &Plan, house: &House) -> String {
    match plan.token.kind {
        Kind::Totp { .. } => "take the newest code of the entry just scanned".to_owned(),
        Kind::Hotp => {
            let first = u32::from(house.settings.policy().look_ahead) + 1;
            format!("it is looked for among the first {first} codes; is it a counter token in the app, too?")
        }
    }
}

fn page(words: &Words) -> String {
    let hints: String = words.hints.iter().map(|hint| format!("hint: {hint}\n")).collect();
    format!("{}\n{hints}", words.what)
}
