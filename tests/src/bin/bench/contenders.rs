//! Who is compared, and how each is asked.

use crate::Site;
use crate::people::{self, POOL, Saved, code, name};
use otp::Kind;
use std::fs;
use std::path::{Path, PathBuf};

/// A service of /etc/pam.d with one module in it.
pub(crate) struct Contender {
    /// As the raw data and the table call it.
    pub(crate) name: &'static str,
    pub(crate) service: String,
    prompt: Option<&'static str>,
    /// What is put back before each login, a person each; empty where counters go on.
    saved: Vec<Saved>,
    /// Who of all that have a name here is the first of them.
    first: usize,
    /// The next counter of each person, of the first of whom it is the only one where one is enrolled.
    counters: Vec<u64>,
    renewal: Option<Renewal>,
    next: usize,
}

/// How counters are made to agree again, where a module refused codes that were right.
enum Renewal {
    /// The file says how far each is.
    Google { homes: PathBuf },
    /// Everybody starts anew.
    Oath { path: PathBuf, users: usize },
}

/// One login to come.
pub(crate) struct Try {
    pub(crate) user: String,
    prompt: Option<String>,
    code: String,
}

impl Try {
    /// What will be asked, and what is to be typed.
    pub(crate) fn prompt(&self) -> Option<(&str, &str)> {
        self.prompt.as_deref().map(|prompt| (prompt, self.code.as_str()))
    }
}

const OURS: &str = "Verification code: ";
const OATH: &str = "One-time password (OATH) for `USER': ";

impl Contender {
    fn new(name: &'static str, service: String, line: &str, prompt: Option<&'static str>) -> Self {
        fs::write(Path::new("/etc/pam.d").join(&service), format!("auth required {line}\n"))
            .expect("a layer over /etc");
        Self {
            name,
            service,
            prompt,
            saved: Vec::new(),
            first: 0,
            counters: Vec::new(),
            renewal: None,
            next: 0,
        }
    }

    /// The next person in turn gets a code that is fresh. Nothing of this is timed.
    pub(crate) fn prepare(&mut self) -> Try {
        let people = self.saved.len().max(self.counters.len()).max(1);
        let place = self.next % people;
        self.next += 1;
        self.for_person(place)
    }

    pub(crate) fn for_person(&mut self, place: usize) -> Try {
        let code = match (self.saved.get(place), self.counters.get_mut(place)) {
            (Some(saved), _) => {
                saved.restore();
                code(None)
            }
            (None, Some(counter)) => {
                *counter += 1;
                code(Some(*counter - 1))
            }
            (None, None) => String::new(),
        };
        Try { prompt: self.words(place), user: self.user(place), code }
    }

    pub(crate) fn renew(&mut self) {
        match &self.renewal {
            None => {}
            Some(Renewal::Google { homes }) => {
                let counters = self.counters.iter_mut().enumerate();
                counters.for_each(|(place, counter)| *counter = counted(homes, place));
            }
            Some(Renewal::Oath { path, users }) => {
                people::users_file(path, *users);
                self.counters.fill(0);
            }
        }
    }

    /// What somebody is called.
    pub(crate) fn user(&self, place: usize) -> String {
        name(self.first + place)
    }

    /// What somebody is asked.
    pub(crate) fn words(&self, place: usize) -> Option<String> {
        self.prompt.map(|prompt| prompt.replace("USER", &self.user(place)))
    }

    fn counting(mut self, people: usize, first: u64) -> Self {
        self.counters = vec![first; people];
        self
    }
}

/// All of them, with so many people enrolled.
pub(crate) fn all(site: &Site, users: usize) -> Vec<Contender> {
    let people = users.min(POOL);
    let google = "pam_google_authenticator.so";
    let mut by_time = Contender::new("pam_google_authenticator", "google".into(), google, Some(OURS));
    let homes = site.here.join("home");
    by_time.saved = (0..people).map(|place| Saved::google(&homes, place)).collect();
    vec![
        Contender::new("pam_permit", "permit".into(), "pam_permit.so", None),
        by_time,
        google_counting(site, people),
        oath(site, users),
        ours(site, users),
        ours_counting(site, users),
    ]
}

/// Those whose codes are fresh as often as they are asked for, with everybody of [`POOL`] among so many.
pub(crate) fn counting(site: &Site, users: usize) -> Vec<Contender> {
    let folder = Site {
        here: site.here.join("crowd"),
        modules: site.modules.clone(),
        programs: site.programs.clone(),
    };
    fs::create_dir(&folder.here).expect("a new folder");
    vec![google_counting(site, POOL), oath(&folder, users.max(POOL)), ours_counting(&folder, users.max(POOL))]
}

/// Its counters go on from one number of people to the next, as its files do.
fn google_counting(site: &Site, people: usize) -> Contender {
    let line = "pam_google_authenticator.so secret=${HOME}/.counting";
    let contender =
        Contender::new("pam_google_authenticator, counting", "google-hotp".into(), line, Some(OURS));
    let mut contender = contender.counting(people, 1);
    contender.renewal = Some(Renewal::Google { homes: site.here.join("home") });
    contender.renew();
    contender
}

/// The counter that stands in a person's file.
fn counted(homes: &Path, place: usize) -> u64 {
    let text = fs::read_to_string(homes.join(name(place)).join(".counting")).expect("a file");
    let counter = text.lines().find_map(|line| line.strip_prefix("\" HOTP_COUNTER "));
    counter.expect("a counter").trim().parse().expect("a number")
}

/// pam_oath's first counter is 0 in a row that has none.
fn oath(site: &Site, users: usize) -> Contender {
    let folder = site.here.join(format!("oath-{users}"));
    fs::create_dir(&folder).expect("a new folder");
    let path = folder.join("users.oath");
    people::users_file(&path, users);
    let line = format!("pam_oath.so usersfile={} window=5 digits=6", path.display());
    let contender = Contender::new("pam_oath", service(&folder), &line, Some(OATH));
    let renewal = Some(Renewal::Oath { path, users });
    Contender { renewal, ..contender.counting(users.min(POOL), 0) }
}

fn ours(site: &Site, users: usize) -> Contender {
    let store = site.here.join(format!("totp-{users}"));
    people::store(&store, users, people::totp());
    let mut contender = Contender::new("pam_totp", service(&store), &line(site, &store), Some(OURS));
    contender.saved = (0..users.min(POOL)).map(|place| Saved::ledger(&store, place)).collect();
    contender
}

/// In a large store these are among those of [`ours`].
fn ours_counting(site: &Site, users: usize) -> Contender {
    let is_mixed = people::is_mixed(users);
    let (word, kind) = if is_mixed { ("totp", people::totp()) } else { ("hotp", Kind::Hotp) };
    let store = site.here.join(format!("{word}-{users}"));
    if !store.exists() {
        people::store(&store, users, kind);
    }
    let people = users.min(POOL);
    let line = line(site, &store);
    let contender = Contender::new("pam_totp, counting", service(&store), &line, Some(OURS));
    Contender { first: if is_mixed { POOL } else { 0 }, ..contender.counting(people, 0) }
}

/// The settings are those that are shipped, but for the folder, and that who comes second with a code is refused
/// without delay: nobody would learn how long the answer took.
fn line(site: &Site, store: &Path) -> String {
    let shipped = include_str!("../../../../config/pam_totp.toml");
    let settings =
        shipped.replacen("#directory = \"/var/lib/pam_totp\"", &format!("directory = {store:?}"), 1);
    assert_ne!(settings, shipped, "the shipped settings name the folder");
    let settings = settings.replacen("#fail_delay = \"2s\"", "fail_delay = \"0s\"", 1);
    let path = store.with_extension("toml");
    fs::write(&path, settings).expect("a new file");
    format!("{}/libpam_totp.so config={}", site.modules.display(), path.display())
}

/// A name of its own for each folder. libpam looks for it in lower case.
fn service(folder: &Path) -> String {
    folder.to_string_lossy().trim_start_matches('/').replace('/', "-").to_lowercase()
}
