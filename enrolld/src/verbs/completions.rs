//! `completions`: a script that teaches a shell our verbs.

use crate::cli::Cli;
use crate::failure::Failure;
use crate::output;
use clap::CommandFactory;
use clap_complete::{Shell, generate};

pub(crate) fn run(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "totpctl", &mut script);
    output::put(&String::from_utf8_lossy(&script))
}
