//! The table, as README links to it.

use crate::raw::{Raw, grouped, time};
use std::fmt::Write as _;

pub(crate) fn render(raw: &Raw) -> String {
    let mut text = String::from("# How fast a login is\n\n");
    let parts = [
        about(raw),
        logins(raw),
        ratios(raw),
        counts(raw),
        loading(raw),
        crowds(raw),
        bulk(raw),
        socket(raw),
    ];
    text.push_str(&parts.join("\n"));
    text
}

fn about(raw: &Raw) -> String {
    format!(
        "Made by `bash tests/bench` from its own raw data, on a machine of {}, {}, {}, {}; load at the \
         start {}. A login is `pam_start_confdir`, `pam_authenticate` and `pam_end` of a service with this one module, \
         with a code that is fresh each time and that the module records. Everybody comes once in each of {} \
         rounds, first in one process that goes on, then in a fresh process each, as sshd and sudo have it. \
         Shipped settings throughout; pam_google_authenticator has DISALLOW_REUSE, pam_oath event tokens. Where time \
         makes the codes, what a module has recorded is put back between its logins, outside of what is timed.\n\n\
         ![Time of a login over the number of people enrolled](speed.svg)\n",
        raw.text("processors"),
        raw.text("system"),
        raw.text("kernel"),
        raw.text("file system"),
        raw.text("load").split(' ').next().unwrap_or(""),
        raw.text("rounds"),
    )
}

pub(crate) const CONTENDERS: [&str; 6] = [
    "pam_permit",
    "pam_totp",
    "pam_totp, counting",
    "pam_google_authenticator",
    "pam_google_authenticator, counting",
    "pam_oath",
];

fn logins(raw: &Raw) -> String {
    let mut text = String::from(
        "## Logins\n\n| enrolled | module | in one process: p50 | p90 | p99 | in a fresh one: p50 | p90 | p99 |\n\
         |---:|---|---:|---:|---:|---:|---:|---:|\n",
    );
    for users in raw.users("login") {
        for who in CONTENDERS {
            let at =
                |how, percent| raw.at(percent, "login", who, users, how, "ns").map_or("-".to_owned(), time);
            let cells = ["same", "fresh"].map(|how| [50, 90, 99].map(|percent| at(how, percent)).join(" | "));
            line(&mut text, &[&grouped(users as u64), who, &cells[0], &cells[1]]);
        }
        let at =
            |percent| raw.at(percent, "overwrite", "disk", users, "-", "ns").map_or("-".to_owned(), time);
        let limit = [50, 90, 99].map(at).join(" | ");
        line(&mut text, &[&grouped(users as u64), "*4096 bytes overwritten durably*", &limit, "| |"]);
    }
    text
}

fn line(text: &mut String, cells: &[&str]) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}

/// What is aimed at, and what is.
fn ratios(raw: &Raw) -> String {
    let users = raw.users("login");
    let (Some(&one), Some(&most)) = (users.first(), users.iter().rfind(|&&users| users <= 100_000)) else {
        return String::new();
    };
    let last = users.last().copied().unwrap_or(most);
    let p50 = |who: &str, users: usize, how: &str| {
        raw.at(50, "login", who, users, how, "ns").map(|time| time as f64)
    };
    let mut text = String::from(
        "## What is aimed at\n\n| p50 | aim | in one process | in a fresh one |\n|---|---:|---:|---:|\n",
    );
    let mut row = |name: &str, aim: &str, of: &dyn Fn(&str) -> Option<f64>| {
        let cells =
            ["same", "fresh"].map(|how| of(how).map_or("-".to_owned(), |ratio| format!("{ratio:.2}")));
        line(&mut text, &[name, aim, &cells[0], &cells[1]]);
    };
    let over = |who: &'static str, users: usize| {
        move |how: &str| Some(p50(who, users, how)? / p50("pam_totp", users, how)?)
    };
    row("pam_totp / pam_permit", "at most 3", &|how| {
        Some(p50("pam_totp", one, how)? / p50("pam_permit", one, how)?)
    });
    row("pam_totp / (empty module + overwrite + pam_permit)", "at most 1.3", &|how| {
        let load = raw.at(50, "load", "empty", 0, "fresh", "ns")? as f64;
        let disk = raw.at(50, "overwrite", "disk", one, "-", "ns")? as f64;
        Some(p50("pam_totp", one, how)? / (load + disk + p50("pam_permit", one, how)?))
    });
    row("pam_google_authenticator / pam_totp", "at least 5", &over("pam_google_authenticator", one));
    row("pam_oath / pam_totp, one enrolled", "at least 2", &over("pam_oath", one));
    row(
        &format!("pam_oath / pam_totp, {} enrolled", grouped(most as u64)),
        "at least 100",
        &over("pam_oath", most),
    );
    row(&format!("pam_totp, {} enrolled / one", grouped(last as u64)), "at most 1.1", &|how| {
        Some(p50("pam_totp", last, how)? / p50("pam_totp", one, how)?)
    });
    text
}

fn counts(raw: &Raw) -> String {
    let mut text = String::from(
        "## What a login takes\n\nIn a fresh process. Instructions are those outside of the kernel (callgrind); peak \
         memory is that of the whole process; written is what was handed to the kernel, dirtied what came of it on \
         the disk.\n\n| enrolled | module | instructions | system calls | page faults | written | dirtied | peak memory |\n\
         |---:|---|---:|---:|---:|---:|---:|---:|\n",
    );
    for users in raw.users("login") {
        for who in CONTENDERS {
            let figure = |unit| raw.at(50, "login", who, users, "fresh", unit);
            let Some(instructions) = figure("instructions").or(figure("system calls").map(|_| 0)) else {
                continue;
            };
            let cell = |unit, suffix| figure(unit).map_or("-".to_owned(), |value| grouped(value) + suffix);
            let instructions = if instructions == 0 { "-".to_owned() } else { grouped(instructions) };
            let cells = [
                grouped(users as u64),
                who.to_owned(),
                instructions,
                cell("system calls", ""),
                cell("faults", ""),
                cell("written", " B"),
                cell("dirtied", " B"),
                cell("peak KiB", " KiB"),
            ];
            line(&mut text, &cells.each_ref().map(String::as_str));
        }
    }
    text
}

fn loading(raw: &Raw) -> String {
    let mut text = String::from(
        "## Loading\n\nIn a fresh process that has libpam, with all that the module needs beside it.\n\n\
         | module | p50 | p90 | mapped |\n|---|---:|---:|---:|\n",
    );
    for who in ["empty", "pam_permit", "pam_totp", "pam_google_authenticator", "pam_oath"] {
        let at = |percent| raw.at(percent, "load", who, 0, "fresh", "ns").map_or("-".to_owned(), time);
        let mapped = raw.at(50, "load", who, 0, "fresh", "mapped").map_or(0, |bytes| bytes / 1024);
        line(&mut text, &[who, &at(50), &at(90), &format!("{} KiB", grouped(mapped))]);
    }
    text
}

fn crowds(raw: &Raw) -> String {
    let mut text = String::from(
        "## Several at once\n\nEach in a process of its own that makes login after login, with codes that count. One \
         person many times: all come with the same code, of whom one is to be let in.\n\n\
         | at once | who | module | p50 | p99 | logins a second | let in |\n|---:|---|---|---:|---:|---:|---:|\n",
    );
    for crowd in raw.users("crowd") {
        for how in ["different people", "one person"] {
            for who in ["pam_totp, counting", "pam_google_authenticator, counting", "pam_oath"] {
                let at =
                    |percent| raw.at(percent, "crowd", who, crowd, how, "ns").map_or("-".to_owned(), time);
                let opened = raw.values("crowd", who, crowd, how, "opened");
                let total = raw.at(50, "crowd", who, crowd, how, "total ns").unwrap_or(1);
                let rate = opened.len() as f64 * 1e9 / total as f64;
                let cells = [
                    crowd.to_string(),
                    how.to_owned(),
                    who.to_owned(),
                    at(50),
                    at(99),
                    grouped(rate as u64),
                    format!("{} of {}", opened.iter().sum::<u64>(), opened.len()),
                ];
                line(&mut text, &cells.each_ref().map(String::as_str));
            }
        }
    }
    text
}

fn bulk(raw: &Raw) -> String {
    let mut text = String::from(
        "## Many people\n\nThe name service answers at once for each of them.\n\n\
         | verb | people | time | people a second | peak memory |\n|---|---:|---:|---:|---:|\n",
    );
    for count in raw.users("bulk").into_iter().rev() {
        for what in ["import", "list", "enroll"] {
            let Some(taken) = raw.at(50, "bulk", what, count, "-", "ns") else { continue };
            let peak = raw.at(100, "bulk", what, count, "-", "peak KiB").unwrap_or(0);
            let rate = (count as f64 * 1e9 / taken as f64) as u64;
            let (people, peak) = (grouped(count as u64), format!("{} KiB", grouped(peak)));
            line(&mut text, &[&format!("`totpctl {what}`"), &people, &time(taken), &grouped(rate), &peak]);
        }
    }
    text
}

fn socket(raw: &Raw) -> String {
    let mut text = String::from(
        "## Asking the daemon\n\nOne `Check` by the files and by the socket, in a process that goes on.\n\n\
         | verdict | files: p50 | socket: p50 | p90 |\n|---|---:|---:|---:|\n",
    );
    for verdict in ["accepted", "wrong", "malformed"] {
        let at = |how, percent| raw.at(percent, "check", verdict, 0, how, "ns").map_or("-".to_owned(), time);
        line(&mut text, &[verdict, &at("files", 50), &at("socket", 50), &at("socket", 90)]);
    }
    for (how, words) in
        [("files", "by the files"), ("socket", "by the socket"), ("four", "by the socket, four at once")]
    {
        let rate = raw.at(50, "check", "rate", 0, how, "a second").unwrap_or(0);
        let _ = write!(
            text,
            "{}{} a second {words}",
            if how == "files" { "\nAs many as go: " } else { ", " },
            grouped(rate)
        );
    }
    text.push_str(".\n");
    text
}
