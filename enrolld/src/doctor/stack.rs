//! The stack of a service: its lines in pam.d with all that they include, flat, as libpam lays it out
//! (`pam_handlers.c`).

use crate::doctor::control::Control;
use crate::doctor::lines::{Entry, entries};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What every answer is looked up by: libpam asks each kind of line separately.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Facility {
    Auth,
    Account,
}

impl Facility {
    const NAMES: [&str; 4] = ["auth", "account", "session", "password"];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Account => "account",
        }
    }
}

/// A line as libpam will come by it.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) file: PathBuf,
    pub(crate) number: usize,
    /// How many substacks it lies in.
    pub(crate) level: usize,
    /// The control as it is written.
    pub(crate) written: String,
    pub(crate) control: Control,
    pub(crate) step: Step,
}

/// What libpam does when it comes by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// Asks a module.
    Module { path: String, arguments: Vec<String> },
    /// Opens a substack.
    Substack,
    /// Takes it for a refusal, for a reason that stands in the log.
    Fails(Flaw),
}

/// What libpam cannot make sense of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Flaw {
    Kind(String),
    NoModule,
    Include(String),
    TooDeep(String),
}

impl Line {
    /// The module's name without folder and ending.
    pub(crate) fn module(&self) -> &str {
        let Step::Module { path, .. } = &self.step else { return "" };
        let name = path.rsplit('/').next().unwrap_or_default();
        name.strip_suffix(".so").unwrap_or(name)
    }

    pub(crate) fn arguments(&self) -> &[String] {
        match &self.step {
            Step::Module { arguments, .. } => arguments,
            _ => &[],
        }
    }

    pub(crate) fn is_ours(&self) -> bool {
        ["pam_totp", "libpam_totp"].contains(&self.module())
    }

    /// `/etc/pam.d/sshd:4`.
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", self.file.display(), self.number)
    }
}

/// The lines of one kind that libpam comes by for a service.
#[derive(Clone, Debug)]
pub(crate) struct Stack {
    pub(crate) lines: Vec<Line>,
    /// Whether they are those of the service `other`, for want of its own.
    pub(crate) is_other: bool,
}

/// The folders with services, first the one that outweighs the other.
pub(crate) struct Services {
    root: PathBuf,
    folders: [PathBuf; 2],
}

/// As deep as libpam follows files that include files (`PAM_SUBSTACK_MAX_LEVEL`).
const DEEPEST: usize = 16;

impl Services {
    /// The services of the system below `root`.
    pub(crate) fn below(root: &Path) -> Self {
        let folders = ["etc/pam.d", "usr/lib/pam.d"].map(|folder| root.join(folder));
        Self { root: root.to_owned(), folders }
    }

    /// Every name that there is a file for.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        let entries = self.folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
        let files = entries.filter(|entry| entry.path().is_file());
        let names = files.filter_map(|entry| entry.file_name().into_string().ok());
        // What package managers and editors leave behind is nobody's service.
        let left = |name: &String| name.ends_with('~') || name.contains(".dpkg-") || name.contains(".rpm");
        names.filter(|name| !left(name)).collect()
    }

    /// What libpam asks for `service`; none where neither the service nor `other` has a line of this kind.
    pub(crate) fn stack(&self, service: &str, facility: Facility) -> Stack {
        // libpam looks services up in lower case.
        let own = self.flat(&service.to_lowercase(), facility);
        if !own.is_empty() {
            return Stack { lines: own, is_other: false };
        }
        Stack { lines: self.flat("other", facility), is_other: true }
    }

    /// The names of all files that `service` is made of, for lines of this kind.
    pub(crate) fn files(&self, service: &str, facility: Facility) -> BTreeSet<PathBuf> {
        let mut reading = Reading { services: self, facility, lines: Vec::new(), files: BTreeSet::new() };
        reading.follow(&service.to_lowercase(), Some(facility), 0, 0);
        reading.files
    }

    /// Whether a file is only a part of others: it is included, and has no account line of its own, without
    /// which no program could let anybody in.
    pub(crate) fn is_a_part(&self, name: &str, names: &BTreeSet<String>) -> bool {
        let Some(file) = self.file(name).map(|path| self.shown(&path)) else { return false };
        let mut others = names.iter().filter(|other| *other != name);
        self.flat(name, Facility::Account).is_empty()
            && others.any(|other| self.files(other, Facility::Auth).contains(&file))
    }

    /// Where the file for this name is.
    pub(crate) fn file(&self, name: &str) -> Option<PathBuf> {
        if let Some(absolute) = name.strip_prefix('/') {
            return Some(self.root.join(absolute)).filter(|path| path.is_file());
        }
        self.folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file())
    }

    fn flat(&self, service: &str, facility: Facility) -> Vec<Line> {
        let mut reading = Reading { services: self, facility, lines: Vec::new(), files: BTreeSet::new() };
        reading.follow(service, None, 0, 0);
        reading.lines
    }

    /// As the system below `root` names it.
    pub(crate) fn shown(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.root).map_or_else(|_| path.to_owned(), |path| Path::new("/").join(path))
    }
}

/// A stack that is being read.
struct Reading<'a> {
    services: &'a Services,
    facility: Facility,
    lines: Vec<Line>,
    files: BTreeSet<PathBuf>,
}

impl Reading<'_> {
    /// Reads a file; `false` where there is none. `wanted` is the one kind of line that an include asks for.
    fn follow(&mut self, name: &str, wanted: Option<Facility>, level: usize, depth: usize) -> bool {
        let Some(path) = self.services.file(name) else { return false };
        let Ok(text) = fs::read(&path) else { return false };
        let shown = self.services.shown(&path);
        self.files.insert(shown.clone());
        for entry in entries(&String::from_utf8_lossy(&text)) {
            self.take(&shown, &entry, wanted, level, depth);
        }
        true
    }

    fn take(&mut self, file: &Path, entry: &Entry, wanted: Option<Facility>, level: usize, depth: usize) {
        let mut words = entry.words.iter().map(String::as_str);
        let kind = words.next().unwrap_or_default();
        let at = |written: &str, control, step| Line {
            file: file.to_owned(),
            number: entry.number,
            level,
            written: written.to_owned(),
            control,
            step,
        };
        if kind.eq_ignore_ascii_case("@include") {
            // libpam has no use for its kind here: all lines of the file count, or those already asked for.
            let name = words.next().unwrap_or_default();
            if let Err(flaw) = self.include(name, wanted, level, depth) {
                self.lines.push(at("@include", Control::required(), Step::Fails(flaw)));
            }
            return;
        }
        let bare = kind.strip_prefix('-').unwrap_or(kind);
        let is_known = Facility::NAMES.iter().any(|name| name.eq_ignore_ascii_case(bare));
        // What libpam does not know it takes for auth, or for what is being included, and for a refusal.
        if is_known && !bare.eq_ignore_ascii_case(self.facility.name())
            || !is_known && wanted.unwrap_or(Facility::Auth) != self.facility
        {
            return;
        }
        let control = words.next().unwrap_or_default();
        let is_substack = control.eq_ignore_ascii_case("substack");
        if is_substack || control.eq_ignore_ascii_case("include") {
            let name = words.next().unwrap_or_default();
            if is_substack {
                self.lines.push(at(control, Control::none(), Step::Substack));
            }
            let inner = level + usize::from(is_substack);
            if let Err(flaw) = self.include(name, Some(self.facility), inner, depth) {
                self.lines.push(at(control, Control::required(), Step::Fails(flaw)));
            }
            return;
        }
        let step = match words.next() {
            _ if !is_known => Step::Fails(Flaw::Kind(bare.to_owned())),
            None => Step::Fails(Flaw::NoModule),
            Some(path) => {
                Step::Module { path: path.to_owned(), arguments: words.map(str::to_owned).collect() }
            }
        };
        self.lines.push(at(control, Control::parse(control), step));
    }

    fn include(
        &mut self,
        name: &str,
        wanted: Option<Facility>,
        level: usize,
        depth: usize,
    ) -> Result<(), Flaw> {
        if depth + 1 >= DEEPEST {
            return Err(Flaw::TooDeep(name.to_owned()));
        }
        match self.follow(name, wanted, level, depth + 1) {
            true => Ok(()),
            false => Err(Flaw::Include(name.to_owned())),
        }
    }
}
