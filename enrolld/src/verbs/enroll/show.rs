//! What the person scans or types into the app.

use super::plan::Plan;
use crate::failure::Failure;
use crate::output;
use crate::terminal::Terminal;
use zeroize::Zeroizing;

/// Shows the new token: on the terminal, where standard output is for a script.
pub(super) fn show(plan: &Plan, terminal: Option<&Terminal>) -> Result<(), Failure> {
    let mut text = Zeroizing::new(String::with_capacity(1024));
    text.push_str("secret: ");
    text.push_str(&plan.token.secret.to_groups());
    text.push_str("\nuri: ");
    text.push_str(&plan.uri);
    text.push('\n');
    match terminal {
        Some(terminal) => terminal.say(&text),
        None => output::put(&text),
    }
}
