//! The AppArmor profile of enrolld, parsed by AppArmor's own parser with all that it includes.

use std::collections::BTreeMap;
use std::process::Command;

use acceptance::artefacts;
use acceptance::lab::run;
use acceptance::sandbox;

use crate::traced::{self, Access, Deed};

fn parser(arguments: &[&str]) -> String {
    let profile = artefacts::workspace().join("packaging/apparmor/usr.sbin.enrolld");
    let mut command = Command::new("apparmor_parser");
    command.args(["--skip-kernel-load", "--skip-cache"]).args(arguments);
    String::from_utf8(run(command.arg(profile)).stdout).unwrap()
}

/// Patterns of paths with what is allowed on them.
struct Profile {
    rules: Vec<(Vec<String>, String)>,
}

impl Profile {
    fn read() -> Self {
        let text = parser(&["--preprocess"]);
        let mut variables = BTreeMap::<String, Vec<String>>::new();
        let mut rules = Vec::new();
        for line in text.lines().map(str::trim) {
            if let Some((name, values)) = line.strip_prefix("@{").and_then(|line| line.split_once('=')) {
                let name = format!("@{{{}", name.trim());
                variables.entry(name).or_default().extend(values.split_whitespace().map(str::to_owned));
                continue;
            }
            let line = line.trim_end_matches(',').trim_start_matches("owner ");
            if let Some((pattern, may)) = line.rsplit_once(' ')
                && (pattern.starts_with('/') || pattern.starts_with("@{"))
            {
                rules.push((expanded(pattern.trim(), &variables), may.to_owned()));
            }
        }
        assert!(rules.len() > 50, "with what it includes");
        Self { rules }
    }

    fn allows(&self, path: &str, needed: &str) -> bool {
        let fitting = self.rules.iter().filter(|(patterns, _)| patterns.iter().any(|one| fits(one, path)));
        let may: String = fitting.map(|(_, may)| may.as_str()).collect();
        needed.chars().all(|letter| may.contains(letter))
    }
}

/// A pattern without variables and alternatives.
fn expanded(pattern: &str, variables: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let all = |head: &str, middles: &[String], tail: &str| -> Vec<String> {
        middles.iter().flat_map(|middle| expanded(&format!("{head}{middle}{tail}"), variables)).collect()
    };
    if let Some((name, values)) = variables.iter().find(|(name, _)| pattern.contains(name.as_str())) {
        let (head, tail) = pattern.split_once(name.as_str()).unwrap();
        return all(head, values, tail);
    }
    let Some(close) = pattern.find('}') else { return vec![pattern.replace("//", "/")] };
    // The innermost, whose end comes first.
    let open = pattern[..close].rfind('{').unwrap();
    let words: Vec<_> = pattern[open + 1..close].split(',').map(str::to_owned).collect();
    all(&pattern[..open], &words, &pattern[close + 1..])
}

/// `*` goes up to the next slash, `**` beyond it, `[1-9]` is one of these.
fn fits(pattern: &str, path: &str) -> bool {
    if let Some(rest) = pattern.strip_prefix("**") {
        return (0..=path.len()).any(|at| path.is_char_boundary(at) && fits(rest, &path[at..]));
    }
    if let Some(rest) = pattern.strip_prefix('*') {
        let end = path.find('/').unwrap_or(path.len());
        return (0..=end).any(|at| path.is_char_boundary(at) && fits(rest, &path[at..]));
    }
    let Some(letter) = path.chars().next() else { return pattern.is_empty() };
    if let Some((set, rest)) = pattern.strip_prefix('[').and_then(|set| set.split_once(']')) {
        let among = match set.as_bytes() {
            [from, b'-', to] => (char::from(*from)..=char::from(*to)).contains(&letter),
            _ => set.contains(letter),
        };
        return among && fits(rest, &path[letter.len_utf8()..]);
    }
    pattern.starts_with(letter) && fits(&pattern[letter.len_utf8()..], &path[letter.len_utf8()..])
}

/// The path as a profile has it (a folder ends in a slash), and the letters that the deed needs.
fn needs((deed, path): &Access) -> (String, &'static str) {
    let folder = format!("{}/", path.trim_end_matches('/'));
    match deed {
        Deed::Read => (path.clone(), "r"),
        Deed::Write | Deed::Make => (path.clone(), "rw"),
        Deed::Remove | Deed::Connect => (path.clone(), "w"),
        Deed::OpenFolder => (folder, "r"),
        Deed::MakeFolder => (folder, "w"),
        Deed::LockFolder => (folder, "k"),
    }
}

#[test]
fn apparmor_lets_the_daemon_do_what_it_does_and_no_more_of_the_store() {
    sandbox::within(|lab| {
        parser(&[]);
        let profile = Profile::read();
        let deeds = traced::daemon(lab);
        let needed: Vec<_> = deeds.iter().map(needs).collect();
        let missing: Vec<_> =
            needed.iter().filter(|(path, letters)| !profile.allows(path, letters)).collect();
        assert!(missing.is_empty(), "{missing:?}");
        assert!(deeds.len() > 20, "{deeds:?}");
        for (path, letters) in [
            ("/etc/shadow", "r"),
            ("/var/lib/pam_totp/FORMAT", "w"),
            ("/home/alice/.ssh/id_ed25519", "r"),
            ("/var/lib/pam_totp/users/2001/other", "r"),
            ("/usr/bin/sh", "x"),
        ] {
            assert!(!profile.allows(path, letters), "{path} {letters}");
        }
    });
}
