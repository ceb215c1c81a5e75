//! What was measured on, in words that name no machine.

use crate::Site;
use crate::raw::Raw;
use crate::size::Size;
use std::fs;
use std::process::Command;

pub(crate) fn describe(raw: &mut Raw, site: &Site, size: Size) {
    let mut put =
        |name: &str, text: String| raw.put("machine", "-", 0, "-", name, text.replace(['\t', '\n'], " "));
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    put("processors", format!("{processors} {} processors", std::env::consts::ARCH));
    put("kernel", kernel());
    put("system", system());
    put("file system", said(Command::new("findmnt").args(["-no", "FSTYPE", "-T"]).arg(&site.here)));
    put("rounds", size.rounds(1).to_string());
    put("load", fs::read_to_string("/proc/loadavg").unwrap_or_default());
}

/// The two numbers that matter of it.
fn kernel() -> String {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let numbers: Vec<_> = release.split('.').take(2).collect();
    format!("Linux {}", numbers.join("."))
}

fn system() -> String {
    let text = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    name.unwrap_or("unknown").trim_matches('"').to_owned()
}

fn said(command: &mut Command) -> String {
    let output = command.output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}
