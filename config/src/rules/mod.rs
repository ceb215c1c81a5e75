//! `[[rule]]`: which logins are asked for a code, which are not, and which are refused.
//!
//! The rules stand in order, the first that fits decides, and where none fits a code is required. Whatever
//! cannot be established never exempts anybody: a rule that is reached and cannot be evaluated ends the
//! search with a refusal, if it says deny, or else with a code. Nothing here looks anything up: accounts,
//! groups and places are facts that module and command line hand in, so that `totpctl explain` answers by the
//! very code which decides.

mod cidr;
mod decision;
mod place;
mod rule;

pub use cidr::Cidr;
pub use decision::{Decision, Facts, Fit, Ground, Key, decide, fit, may_deny};
pub use place::Place;
pub use rule::{Rule, Source, Then};
