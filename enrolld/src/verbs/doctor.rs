//! `doctor`: what would keep people out, or let them in.

use crate::cli;
use crate::doctor::before::{self, Reached};
use crate::doctor::finding::Finding;
use crate::doctor::{self, Doors, Report, Scope};
use crate::failure::Failure;
use crate::{output, people};
use nix::unistd::geteuid;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::Path;

/// The JSON of `doctor`, which scripts rely on. Keys are added and never changed.
#[derive(Serialize)]
struct Printed<'a> {
    clean: bool,
    services: &'a BTreeSet<String>,
    findings: &'a [Finding],
}

/// The same of `--before`.
#[derive(Serialize)]
struct Reaching<'a> {
    clean: bool,
    reaches: &'a [Reached],
    findings: &'a [Finding],
}

/// Whether there is nothing that must be done.
pub(crate) fn run(config: Option<&Path>, args: &cli::Doctor) -> Result<bool, Failure> {
    if args.root.is_none() && !geteuid().is_root() {
        return Err(Failure::new("only root may do this").hint("ask an administrator, or use sudo"));
    }
    let doors = || Doors::of(args.root.as_deref().unwrap_or(Path::new("/")));
    if let Some(file) = &args.before {
        let reached = doors().reached_by(file)?;
        let findings = match args.root {
            None => doctor::without_token(config, &reached)?,
            Some(_) => Vec::new(),
        };
        return reaching(file, &reached, &findings, args.json);
    }
    let only = args.user.as_deref().map(people::account).transpose()?;
    let scope = Scope { service: args.service.as_deref(), may_be_off: args.may_be_off };
    let report = match args.root {
        Some(_) => doors().examine(&scope, |_| false),
        None => doctor::examine(config, &scope, only.as_ref())?,
    };
    put(&report, args.json)?;
    if args.may_be_off && report.asking.is_empty() && !args.json {
        output::put("no login is changed; turn it on step by step: man pam_totp, TURNING IT ON\n")?;
    }
    Ok(report.is_clean())
}

fn put(report: &Report, json: bool) -> Result<(), Failure> {
    if json {
        let Report { asking, findings } = report;
        return output::put_json(&Printed { clean: report.is_clean(), services: asking, findings });
    }
    output::put(&report.page())
}

fn reaching(file: &str, reaches: &[Reached], findings: &[Finding], json: bool) -> Result<bool, Failure> {
    let clean = findings.is_empty();
    if json {
        output::put_json(&Reaching { clean, reaches, findings })?;
    } else {
        let pages: String = findings.iter().map(|finding| format!("\n{}", finding.page())).collect();
        output::put(&(before::page(file, reaches) + &pages))?;
    }
    Ok(clean)
}
