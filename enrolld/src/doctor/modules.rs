//! The files of modules: whether they are there, are for this machine, and load.

use crate::doctor::finding::{self, Finding};
use crate::doctor::stack::{Line, Step};
use crate::libpam;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Where libpam may look for modules, by distribution.
const FOLDERS: [&str; 9] = [
    "usr/lib/x86_64-linux-gnu/security",
    "usr/lib/aarch64-linux-gnu/security",
    "lib/x86_64-linux-gnu/security",
    "lib/aarch64-linux-gnu/security",
    "usr/lib64/security",
    "lib64/security",
    "usr/lib/security",
    "lib/security",
    "usr/lib/pam",
];

/// The modules of the system below a folder.
pub(crate) struct Modules {
    root: PathBuf,
    folder: Option<PathBuf>,
}

impl Modules {
    pub(crate) fn below(root: &Path) -> Self {
        let folders = FOLDERS.iter().map(|folder| root.join(folder));
        let folder = folders.filter(|folder| folder.is_dir()).max_by_key(|folder| weight(folder));
        Self { root: root.to_owned(), folder }
    }

    /// Whether libpam finds this module. Where no folder of modules is known, all are taken to be there.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.file(path).is_none_or(|file| file.is_file())
    }

    fn file(&self, path: &str) -> Option<PathBuf> {
        // libpam puts a folder of the architecture in the place of $ISA, which today is none.
        let path = path.replace("$ISA/", "").replace("$ISA", "");
        match path.strip_prefix('/') {
            Some(absolute) if self.folder.is_some() || self.is_here() => Some(self.root.join(absolute)),
            Some(_) => None,
            None => self.folder.as_ref().map(|folder| folder.join(path)),
        }
    }

    /// As the system itself names it.
    fn shown(&self, file: &Path) -> String {
        let inside = file.strip_prefix(&self.root).unwrap_or(file);
        Path::new("/").join(inside).display().to_string()
    }

    /// Whether these are the modules of the running system.
    pub(crate) fn is_here(&self) -> bool {
        self.root == Path::new("/")
    }

    /// What is wrong with the files of these lines.
    pub(crate) fn findings<'a>(&self, lines: impl Iterator<Item = &'a Line>) -> Vec<Finding> {
        let mut files = BTreeMap::new();
        for line in lines {
            if let Step::Module { path, .. } = &line.step {
                files.entry(path.as_str()).or_insert(line);
            }
        }
        files.into_iter().filter_map(|(path, line)| self.look_at(path, line)).collect()
    }

    fn look_at(&self, path: &str, line: &Line) -> Option<Finding> {
        let file = self.file(path)?;
        let how = if line.is_ours() {
            "install the module there, or put # before the line until it is".to_owned()
        } else {
            "install what brings the module, or take the line away".to_owned()
        };
        if !file.is_file() {
            // Whoever ignores what a missing module says has meant it.
            let silent = line.control.on(crate::doctor::control::Answer::MODULE_UNKNOWN);
            let is_meant = silent == crate::doctor::control::Action::Ignore && !line.is_ours();
            let what = format!("{} is not there", self.shown(&file));
            return (!is_meant).then(|| finding::MODULE_MISSING.finding(what, how).at(line.place()));
        }
        if !self.is_here() {
            return None;
        }
        let trouble = foreign(&file).or_else(|| libpam::does_not_load(&file))?;
        let what = format!("{}: {trouble}", self.shown(&file));
        Some(finding::MODULE_BROKEN.finding(what, how).at(line.place()))
    }
}

/// The folder with pam_unix.so is the one that libpam uses; links to it weigh the same.
fn weight(folder: &Path) -> (bool, bool) {
    (folder.join("pam_unix.so").exists(), folder.join("pam_totp.so").exists())
}

/// Why a file cannot be loaded by programs of this machine (elf(5)).
fn foreign(path: &Path) -> Option<String> {
    let mut head = [0; 20];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut head));
    let [0x7f, b'E', b'L', b'F', class, order, .., low, high] = head else {
        return Some("is no ELF file".to_owned());
    };
    if let Err(error) = read {
        return Some(error.to_string());
    }
    let (ours, ours_order) =
        (u8::from(cfg!(target_pointer_width = "64")) + 1, u8::from(cfg!(target_endian = "big")) + 1);
    let machine = if order == 1 { u16::from_le_bytes([low, high]) } else { u16::from_be_bytes([low, high]) };
    let known = [("x86_64", 62), ("aarch64", 183), ("x86", 3), ("arm", 40), ("riscv64", 243), ("s390x", 22)];
    let expected = known.iter().find(|(name, _)| *name == std::env::consts::ARCH);
    let is_ours = expected.is_none_or(|(_, number)| *number == machine);
    (class != ours || order != ours_order || !is_ours)
        .then(|| format!("is for another architecture than {}", std::env::consts::ARCH))
}
