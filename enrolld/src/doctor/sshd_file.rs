//! sshd_config(5), read for one purpose: which file and line a value comes from. The value itself is what
//! sshd says.

use std::fs;
use std::path::{Path, PathBuf};

/// Whom a configuration is asked about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Connection {
    pub(crate) user: String,
    pub(crate) groups: Vec<String>,
    pub(crate) address: String,
}

/// A line that sets a keyword.
struct Setting {
    keyword: String,
    value: String,
    file: PathBuf,
    number: usize,
    /// The criteria of the Match blocks that it stands in.
    criteria: Vec<String>,
}

/// The lines of a configuration, in the order in which sshd comes by them.
#[derive(Default)]
pub(crate) struct Configuration {
    settings: Vec<Setting>,
    matches: Vec<String>,
}

/// As deep as sshd follows Include (SERVCONF_MAX_DEPTH).
const DEEPEST: usize = 16;

impl Configuration {
    pub(crate) fn read(path: &Path) -> Self {
        let mut configuration = Self::default();
        configuration.follow(path, &[], 0);
        configuration
    }

    /// The place that decides about `keyword`.
    pub(crate) fn place(&self, keyword: &str, connection: Option<&Connection>) -> Option<String> {
        self.deciding(keyword, connection).map(|one| format!("{}:{}", one.file.display(), one.number))
    }

    /// Whether that place says this.
    pub(crate) fn says(&self, keyword: &str, value: &str, connection: Option<&Connection>) -> bool {
        self.deciding(keyword, connection).is_some_and(|one| one.value.eq_ignore_ascii_case(value))
    }

    /// A line in a Match block that applies, before one that is global; of these the first.
    fn deciding(&self, keyword: &str, connection: Option<&Connection>) -> Option<&Setting> {
        let of_keyword = || self.settings.iter().filter(|one| one.keyword.eq_ignore_ascii_case(keyword));
        let applies = |one: &&Setting| {
            !one.criteria.is_empty()
                && connection.is_some_and(|who| one.criteria.iter().all(|criteria| who.fits(criteria)))
        };
        of_keyword().find(applies).or_else(|| of_keyword().find(|one| one.criteria.is_empty()))
    }

    /// Words behind a criterion of any Match block, such as addresses.
    pub(crate) fn named(&self, criterion: &str) -> Vec<String> {
        let mut named = Vec::new();
        for line in &self.matches {
            let words: Vec<_> = line.split_whitespace().collect();
            for pair in words.chunks(2) {
                if let [name, values] = pair
                    && name.eq_ignore_ascii_case(criterion)
                {
                    named
                        .extend(values.split(',').filter(|value| !value.starts_with('!')).map(str::to_owned));
                }
            }
        }
        named
    }

    fn follow(&mut self, path: &Path, outer: &[String], depth: usize) {
        let Ok(text) = fs::read_to_string(path) else { return };
        // A Match block ends with its file.
        let mut criteria = outer.to_vec();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (keyword, rest) = line.split_once([' ', '\t', '=']).unwrap_or((line, ""));
            let rest = rest.trim_start_matches([' ', '\t', '=']).trim();
            match keyword.to_ascii_lowercase().as_str() {
                "match" => {
                    criteria = outer.iter().cloned().chain([rest.to_owned()]).collect();
                    self.matches.push(rest.to_owned());
                }
                "include" if depth < DEEPEST => {
                    for pattern in rest.split_whitespace() {
                        for file in matching(pattern.trim_matches('"')) {
                            self.follow(&file, &criteria, depth + 1);
                        }
                    }
                }
                _ => self.settings.push(Setting {
                    keyword: keyword.to_owned(),
                    value: rest.to_owned(),
                    file: path.to_owned(),
                    number,
                    criteria: criteria.clone(),
                }),
            }
        }
    }
}

impl Connection {
    /// Whether the criteria of a Match line hold, as far as they are known here.
    fn fits(&self, criteria: &str) -> bool {
        let words: Vec<_> = criteria.split_whitespace().collect();
        if words.first().is_some_and(|word| word.eq_ignore_ascii_case("all")) {
            return true;
        }
        words.chunks(2).all(|pair| {
            let [name, patterns] = pair else { return false };
            match name.to_ascii_lowercase().as_str() {
                "user" => listed(patterns, |pattern| fits(pattern, &self.user)),
                "group" => self.groups.iter().any(|group| listed(patterns, |pattern| fits(pattern, group))),
                "address" => {
                    listed(patterns, |pattern| fits(pattern, &self.address) || within(pattern, &self.address))
                }
                _ => false,
            }
        })
    }
}

/// One that fits, and none with `!` that does.
fn listed(patterns: &str, fits: impl Fn(&str) -> bool) -> bool {
    let (no, yes): (Vec<&str>, Vec<&str>) = patterns.split(',').partition(|pattern| pattern.starts_with('!'));
    yes.into_iter().any(&fits) && !no.into_iter().filter_map(|pattern| pattern.strip_prefix('!')).any(fits)
}

/// `*` and `?` as ssh_config(5) has them.
pub(crate) fn fits(pattern: &str, text: &str) -> bool {
    let mut letters = pattern.chars();
    match letters.next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = letters.as_str();
            text.char_indices().any(|(place, _)| text.get(place..).is_some_and(|left| fits(rest, left)))
                || fits(rest, "")
        }
        Some(letter) => {
            let mut of_text = text.chars();
            of_text.next().is_some_and(|found| {
                (letter == '?' || letter == found) && fits(letters.as_str(), of_text.as_str())
            })
        }
    }
}

/// Whether an address lies in a network.
fn within(network: &str, address: &str) -> bool {
    let bits = |text: &str| match text.parse() {
        Ok(std::net::IpAddr::V4(address)) => Some((u128::from(u32::from(address)) << 96, 32)),
        Ok(std::net::IpAddr::V6(address)) => Some((u128::from(address), 128)),
        Err(_) => None,
    };
    let Some((base, length)) = network.split_once('/') else { return false };
    let (Some((base, width)), Some((address, own)), Ok(length)) =
        (bits(base), bits(address), length.parse::<u32>())
    else {
        return false;
    };
    width == own && length <= width && (length == 0 || (base ^ address) >> (128 - length) == 0)
}

/// The files that an Include names, in the order of their names.
fn matching(pattern: &str) -> Vec<PathBuf> {
    let path = Path::new("/etc/ssh").join(pattern);
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Vec::new();
    };
    if !name.contains(['*', '?']) {
        return vec![path];
    }
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let hidden = |found: &str| found.starts_with('.');
    let named = entries
        .filter(|entry| entry.file_name().to_str().is_some_and(|found| !hidden(found) && fits(name, found)));
    let mut files: Vec<_> = named.map(|entry| entry.path()).collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alice() -> Connection {
        Connection {
            user: "alice".into(),
            groups: vec!["alice".into(), "staff".into()],
            address: "192.0.2.7".into(),
        }
    }

    #[test]
    fn a_match_block_applies_to_those_whom_all_its_criteria_name() {
        for yes in [
            "User alice",
            "user bob,al*",
            "Group staff",
            "Address 192.0.2.0/24",
            "User alice Address 192.0.2.?",
            "All",
        ] {
            assert!(alice().fits(yes), "{yes}");
        }
        for no in [
            "User bob",
            "User *,!alice",
            "Group wheel",
            "Address 198.51.100.0/24",
            "User alice Address ::/0",
            "Exec true",
        ] {
            assert!(!alice().fits(no), "{no}");
        }
    }

    #[test]
    fn the_first_line_wins_and_a_match_block_outweighs_what_is_global() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("d")).unwrap();
        let include = format!("Include {}/d/*.conf\n", folder.path().display());
        fs::write(
            path("main"),
            format!("{include}UsePAM yes\nKbdInteractiveAuthentication yes\nMatch User alice\n  UsePAM no\n"),
        )
        .unwrap();
        fs::write(
            path("d/10.conf"),
            "# nothing\nKbdInteractiveAuthentication no\nMatch User bob\nPermitTTY no\n",
        )
        .unwrap();
        fs::write(path("d/20.conf"), "KbdInteractiveAuthentication = yes\n").unwrap();
        let read = Configuration::read(&path("main"));
        let alice = alice();
        let place = |keyword: &str, who: Option<&Connection>| {
            read.place(keyword, who).map(|place| place.rsplit('/').next().unwrap().to_owned())
        };
        assert_eq!(place("kbdinteractiveauthentication", Some(&alice)).unwrap(), "10.conf:2");
        assert_eq!(place("usepam", Some(&alice)).unwrap(), "main:5");
        assert_eq!(place("usepam", None).unwrap(), "main:2");
        assert_eq!(place("permittty", Some(&alice)), None);
        assert_eq!(read.named("user"), ["bob", "alice"]);
    }
}
