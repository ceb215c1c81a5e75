//! `import`: people keep the tokens, scratch codes and counters that an earlier module gave them.

mod google_authenticator;
mod lines;
mod oath;
mod tally;
mod uri;

use crate::cli::Source;
use crate::failure::Failure;
use crate::house::House;

pub(crate) fn run(house: &House, source: &Source) -> Result<(), Failure> {
    match source {
        Source::GoogleAuthenticator(args) => google_authenticator::run(house, args),
        Source::Oath(args) => oath::run(house, args),
        Source::Uri(args) => uri::run(house, args),
    }
}
