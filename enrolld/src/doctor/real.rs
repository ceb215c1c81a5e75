//! The reader and the walk against libpam itself: every fixture is played through both.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use crate::doctor::control::Answer;
use crate::doctor::nature::{Nature, nature};
use crate::doctor::stack::{Facility, Services, Step};
use crate::doctor::worlds::{Ours, World, Worlds};
use crate::libpam::{Converser, Style, Transaction};
use std::fs;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

struct Nobody;

impl Converser for Nobody {
    fn answer(&mut self, _: Style, _: &str) -> Option<Zeroizing<Vec<u8>>> {
        None
    }
}

fn libpam_says(folder: &Path, service: &str) -> u8 {
    // PAM_ABORT, where libpam gives up on the files.
    Transaction::start_in(folder, service, "nobody", Nobody).map_or(26, |begun| begun.authenticate().unwrap())
}

/// The folder of pam.d of each fixture.
fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/doctor/stacks");
    let mut all: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

/// Writes the files of a fixture again, each line that names a module with pam_debug.so in its place, which
/// answers as its arguments say (pam_debug(8)).
fn rewrite(root: &Path, into: &Path, answers: &dyn Fn(&str, usize) -> Option<Answer>) {
    for folder in ["usr/lib/pam.d", "etc/pam.d"] {
        let Ok(entries) = fs::read_dir(root.join(folder)) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let text = fs::read_to_string(&path).unwrap();
            let place = format!("/{folder}/{name}");
            let lines = text.lines().enumerate().map(|(index, line)| {
                let name = line.find("pam_").map(|place| &line[..place]);
                let module = name.map(|before| before.rfind([' ', '\t']).map_or(0, |blank| blank + 1));
                match (answers(&place, index + 1), module) {
                    (Some(answer), Some(start)) => {
                        format!("{}pam_debug.so auth={}\n", &line[..start], answer.name())
                    }
                    _ => format!("{}\n", with_whole_path(line, into)),
                }
            });
            fs::write(into.join(&name), lines.collect::<String>()).unwrap();
        }
    }
}

/// Debian's libpam takes what is included from /etc/pam.d, wherever services are.
fn with_whole_path(line: &str, folder: &Path) -> String {
    let words: Vec<_> = line.split_whitespace().collect();
    let name = match words[..] {
        ["@include", name, ..] | [_, "include" | "substack", name, ..] => name,
        _ => return line.to_owned(),
    };
    line.replace(name, folder.join(name).to_str().unwrap())
}

fn compare(root: &Path, service: &str, world: World) {
    let services = Services::below(root);
    let stack = services.stack(service, Facility::Auth);
    let worlds = Worlds::of(&stack, |_| true);
    let expected = worlds.walk(world);
    let folder = tempfile::tempdir().unwrap();
    let answers = |file: &str, number: usize| {
        // A line that was joined from several ends where the next one begins.
        let of_file = stack.lines.iter().enumerate().filter(|(_, line)| line.file == Path::new(file));
        let before = of_file.filter(|(_, line)| line.number <= number);
        let (index, line) = before.max_by_key(|(_, line)| line.number)?;
        matches!(line.step, Step::Module { .. }).then(|| worlds.answer_of(world, index))
    };
    rewrite(root, folder.path(), &answers);
    let real = Answer(libpam_says(folder.path(), service));
    // Where libpam gives up on the files altogether, that is a refusal under another name.
    let agree = real == expected.outcome || real != Answer::SUCCESS && !expected.is_open();
    assert!(agree, "{} {service} {world:?}: libpam says {real:?}, the walk {expected:?}", root.display());
    if !stack.lines.iter().any(|line| matches!(line.step, Step::Fails(_))) {
        assert_eq!(real, expected.outcome, "{} {service} {world:?}", root.display());
    }
}

#[test]
fn libpam_and_the_walk_agree_on_every_fixture_and_every_login() {
    let mut compared = 0;
    for root in fixtures() {
        let services = Services::below(&root);
        for service in services.names() {
            let stack = services.stack(&service, Facility::Auth);
            let worlds = Worlds::of(&stack, |_| true);
            for ours in [Ours::Accepts, Ours::Denies, Ours::Ignores] {
                for world in worlds.all(ours).take(24) {
                    compare(&root, &service, world);
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 500, "{compared}");
}

#[test]
fn every_module_that_answers_differently_has_its_nature() {
    let stack = |text: &str| {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("etc/pam.d")).unwrap();
        fs::write(root.path().join("etc/pam.d/door"), text).unwrap();
        Services::below(root.path()).stack("door", Facility::Auth)
    };
    let natures = |text: &str| stack(text).lines.iter().map(nature).collect::<Vec<_>>();
    let says = Nature::Says;
    assert_eq!(
        natures(
            "auth required /opt/pam_totp.so\nauth required pam_wheel.so\nauth required pam_wheel.so trust\n"
        ),
        [Nature::Ours, says(Answer::IGNORE), Nature::Names]
    );
}
