//! Logins that are remembered: whoever was let in by a code is not asked again in the same session, for as long
//! as a rule says.
//!
//! One small file each below `/run`, for root alone, in the folder of the person. Its name is a hash of all that
//! must be the same, its text names the session, the enrollment and the time. It needs no lock and no sync: it is
//! put in place by a rename, a boot voids it, and whatever is wrong with one means that a code is asked for.

use crate::disk::{beneath, checked_folder, create_file, failed, folder_flags, io, names_in, open_file};
use crate::disk::{open_folder, read_all};
use crate::forgotten::Forgotten;
use crate::person::{Current, Person};
use crate::session::Proc;
use crate::{Account, Bound, Id, Local, Session, Store, StoreError, vet};
use nix::errno::Errno;
use nix::fcntl::{OFlag, renameat};
use nix::sys::stat::{Mode, fchmod, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use std::fmt::Write;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How many logins of one person are remembered; the oldest make room.
const MOST: usize = 64;
/// The longest that any rule may say.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);
/// By when whoever wrote a new file has put it in place, or is gone.
const LEFT_BEHIND: Duration = Duration::from_secs(60);
/// The first line of a file.
pub(crate) const TITLE: &str = "pam_totp remembered 1";

/// A login that is remembered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    session: Session,
    /// What the code was of. Every change of an enrollment has a new id, and so forgets.
    enrollment: Id,
    /// When the code was taken, by CLOCK_BOOTTIME (clock_gettime(2)): nobody sets it, and it counts on while
    /// the machine sleeps.
    since: Duration,
}

impl Entry {
    pub(crate) fn render(&self) -> String {
        let Session { boot, namespace, id, started, terminal } = &self.session;
        let mut text = format!("{TITLE}\nboot {boot}\nsession {namespace} {id} {started} {terminal}\n");
        // Writing to a String cannot fail.
        let _ = write!(text, "enrollment {}\nsince {}\n", self.enrollment, self.since.as_nanos());
        text
    }

    /// Reads what [`Entry::render`] writes, and nothing that it would write in another way.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut lines = text.lines().skip(1);
        let mut value = |key: &str| lines.next()?.strip_prefix(key)?.strip_prefix(' ');
        let boot = value("boot")?.to_owned();
        let mut numbers = value("session")?.split(' ');
        let session = Session {
            boot,
            namespace: numbers.next()?.parse().ok()?,
            id: numbers.next()?.parse().ok()?,
            started: numbers.next()?.parse().ok()?,
            terminal: numbers.next()?.parse().ok()?,
        };
        let enrollment = Id::parse(value("enrollment")?)?;
        let since = Duration::from_nanos(value("since")?.parse().ok()?);
        let entry = Self { session, enrollment, since };
        (entry.render() == text).then_some(entry)
    }

    /// Whether it can still be of use to anybody.
    fn is_of_use(&self, enrollment: Id, now: Duration, proc: &Proc) -> bool {
        let is_young = now.checked_sub(self.since).is_some_and(|age| age < LONGEST);
        // A session of another namespace may live.
        is_young && self.enrollment == enrollment && proc.has(&self.session).unwrap_or(true)
    }
}

/// Where logins are remembered.
pub struct Remembered {
    run: PathBuf,
}

impl Default for Remembered {
    fn default() -> Self {
        Self { run: "/run".into() }
    }
}

impl Remembered {
    /// By what enrollment's code, and when by CLOCK_BOOTTIME, a login that is bound to `bound` was last opened;
    /// `None` if none is remembered.
    ///
    /// # Errors
    /// Whatever is wrong with the files: what cannot be established is not remembered.
    pub fn recall(&self, bound: &Bound) -> Result<Option<(Id, Duration)>, StoreError> {
        let Some((folder, path)) = self.folder(bound.uid, false)? else { return Ok(None) };
        let entry = read(&folder, &path, &bound.name())?;
        let Some(entry) = entry.filter(|entry| entry.session == bound.session) else { return Ok(None) };
        // Looked for last: whatever was put in place meanwhile is known to be older than this.
        let forgotten = Forgotten::read(&folder, &path)?;
        let counts = forgotten.is_none_or(|forgotten| !forgotten.covers(&entry.session, entry.since));
        Ok(counts.then_some((entry.enrollment, entry.since)))
    }

    /// Remembers a login that a code of `enrollment` opened at `since`; `now` and `since` by CLOCK_BOOTTIME.
    ///
    /// # Errors
    /// If it could not be written. Then the former one, if there was any, is still there.
    pub fn keep(
        &self,
        bound: &Bound,
        enrollment: Id,
        since: Duration,
        now: Duration,
    ) -> Result<(), StoreError> {
        let Some((folder, path)) = self.folder(bound.uid, true)? else { return Err(self.no_folder()) };
        let name = bound.name();
        sweep(&folder, &path, &name, enrollment, now)?;
        let entry = Entry { session: bound.session.clone(), enrollment, since };
        put(&folder, &path, &name, &entry.render(), now)
    }

    /// Forgets every login of `uid`, those too that are not written down yet; how many were.
    ///
    /// # Errors
    /// If any may still be there.
    pub fn forget(&self, uid: u32) -> Result<usize, StoreError> {
        let Some((folder, path)) = self.folder(uid, true)? else { return Err(self.no_folder()) };
        let unknown = || failed(Path::new("/proc"), "look at", Errno::ENOENT);
        let marked = Forgotten::now().ok_or_else(unknown).and_then(|now| now.write(&folder, &path));
        let count = unlink_all(&folder, &path)?;
        marked.map(|()| count)
    }

    fn no_folder(&self) -> StoreError {
        io(&self.run, "make a folder in", std::io::ErrorKind::NotFound.into())
    }

    /// The folder of `uid`, made if it is to be; `None` if there is none.
    fn folder(&self, uid: u32, make: bool) -> Result<Option<(File, PathBuf)>, StoreError> {
        let mut path = self.run.clone();
        let opened = open_folder(&path).map_err(|errno| failed(&path, "open", errno))?;
        let mut folder = File::from(opened);
        for name in ["pam_totp", "remembered", &uid.to_string()] {
            path.push(name);
            if make {
                make_folder(&folder, name, &path)?;
            }
            folder = match beneath(&folder, name, folder_flags()) {
                Err(Errno::ENOENT) => return Ok(None),
                opened => checked_folder(opened.map_err(|errno| failed(&path, "open", errno))?, &path)?,
            };
        }
        Ok(Some((folder, path)))
    }
}

/// Before the name of a file that is not in place yet.
const NEW: &str = "new.";

/// Makes a folder, if there is none.
fn make_folder(within: &File, name: &str, path: &Path) -> Result<(), StoreError> {
    let create = |errno| failed(path, "create the folder", errno);
    match mkdirat(within, name, Mode::S_IRWXU) {
        Err(Errno::EEXIST) => Ok(()),
        Err(errno) => Err(create(errno)),
        // Whatever the umask took away: su has its caller's.
        Ok(()) => {
            let made = beneath(within, name, folder_flags()).map_err(create)?;
            fchmod(&made, Mode::S_IRWXU).map_err(create)
        }
    }
}

/// Writes a file beside its name and puts it in place.
pub(crate) fn put(
    folder: &File,
    path: &Path,
    name: &str,
    text: &str,
    now: Duration,
) -> Result<(), StoreError> {
    let new = format!("{NEW}{}.{}", now.as_nanos(), std::process::id());
    let written = create_file(folder, &new, &path.join(&new), text.as_bytes());
    let placed = written.and_then(|_| {
        let renamed = renameat(folder, new.as_str(), folder, name);
        renamed.map_err(|errno| failed(&path.join(name), "put in place", errno))
    });
    placed.inspect_err(|_| remove(folder, &new))
}

/// Removes every login; how many there were.
fn unlink_all(folder: &File, path: &Path) -> Result<usize, StoreError> {
    let mut count = 0;
    for name in names_in(folder, path)?.iter().filter(|name| is_ours(name)) {
        match unlinkat(folder, name.as_str(), UnlinkatFlags::NoRemoveDir) {
            Ok(()) => count += 1,
            Err(Errno::ENOENT) => {}
            Err(errno) => return Err(failed(&path.join(name), "remove", errno)),
        }
    }
    Ok(count)
}

/// What a file says; `None` where there is none, and where it says nothing that we write.
fn read(folder: &File, path: &Path, name: &str) -> Result<Option<Entry>, StoreError> {
    let path = path.join(name);
    let Some((file, stat)) = open_file(folder, name, &path, OFlag::O_RDONLY)? else { return Ok(None) };
    Ok(Entry::parse(&read_all(&file, &stat, &path, 1024)?))
}

/// Removes what is of no use any more, and the oldest beyond what is kept beside `name`.
fn sweep(folder: &File, path: &Path, name: &str, enrollment: Id, now: Duration) -> Result<(), StoreError> {
    let proc = Proc::open().ok_or_else(|| failed(Path::new("/proc"), "look at", Errno::ENOENT))?;
    let mut kept = Vec::new();
    for other in names_in(folder, path)?.into_iter().filter(|other| other != name) {
        if let Some(rest) = other.strip_prefix(NEW) {
            if is_left_behind(rest, now) {
                remove(folder, &other);
            }
            continue;
        }
        if !is_ours(&other) {
            continue;
        }
        match read(folder, path, &other) {
            Ok(Some(entry)) if entry.is_of_use(enrollment, now, &proc) => kept.push((entry.since, other)),
            _ => remove(folder, &other),
        }
    }
    kept.sort_unstable();
    let beyond = (kept.len() + 1).saturating_sub(MOST);
    kept.iter().take(beyond).for_each(|(_, oldest)| remove(folder, oldest));
    Ok(())
}

/// Whether a login may have this name. Of any other one, a file is none of ours.
fn is_ours(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether nobody is about to put this file in place: its name says when it was begun.
fn is_left_behind(rest: &str, now: Duration) -> bool {
    let begun = rest.split('.').next().and_then(|nanos| nanos.parse().ok()).map(Duration::from_nanos);
    begun.and_then(|begun| now.checked_sub(begun)).is_none_or(|age| age > LEFT_BEHIND)
}

/// Nothing depends on it: what stays is of no use, or swept the next time.
fn remove(folder: &File, name: &str) {
    let _ = unlinkat(folder, name, UnlinkatFlags::NoRemoveDir);
}

impl<S: Store> Local<S> {
    /// The id of what is enrolled for `account`, where all of it is as it should be and is accepted.
    ///
    /// # Errors
    /// If the store gives no answer, or the account is no longer the one that was enrolled.
    pub fn enrollment(&self, account: &Account) -> Result<Option<Id>, StoreError> {
        let Some(Person { record, ledger: Current::Whole(_) }) = self.store.read(&account.owner)? else {
            return Ok(None);
        };
        if record.enrollment().is_none() || record.suspended.is_some() {
            return Ok(None);
        }
        vet(&record.holder, account)?;
        Ok(Some(record.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bound::examples::{bound, others, session};

    fn entry() -> Entry {
        Entry { session: session(), enrollment: Id([7; 16]), since: Duration::from_nanos(1_234_567_890_123) }
    }

    #[test]
    fn what_fileformat_md_shows_is_what_is_written() {
        let document = include_str!("../FILEFORMAT.md");
        assert!(document.contains(&format!("```remembered\n{}```\n", entry().render())));
        assert!(document.contains(&format!("`{}`", bound().name())), "{}", bound().name());
    }

    #[test]
    fn what_is_kept_is_found_again_for_the_same_login_and_for_no_other() {
        let run = tempfile::tempdir().unwrap();
        let remembered = Remembered { run: run.path().canonicalize().unwrap() };
        assert_eq!(remembered.recall(&bound()).unwrap(), None);
        let (enrollment, since) = (Id([7; 16]), Duration::from_secs(100));
        remembered.keep(&bound(), enrollment, since, Duration::from_secs(101)).unwrap();
        assert_eq!(remembered.recall(&bound()).unwrap(), Some((enrollment, since)));
        for other in others() {
            assert_eq!(remembered.recall(&other).unwrap(), None, "{other:?}");
        }
        // A later one takes its place.
        let later = Duration::from_secs(200);
        remembered.keep(&bound(), Id([8; 16]), later, later).unwrap();
        assert_eq!(remembered.recall(&bound()).unwrap(), Some((Id([8; 16]), later)));
        assert_eq!((remembered.forget(1000).unwrap(), remembered.forget(1001).unwrap()), (1, 0));
        assert_eq!(remembered.recall(&bound()).unwrap(), None);
    }

    #[test]
    fn a_text_is_read_only_as_it_is_written() {
        let text = entry().render();
        assert_eq!(Entry::parse(text.as_bytes()), Some(entry()));
        for at in 0..text.len() {
            assert_eq!(Entry::parse(&text.as_bytes()[..at]), None, "{at}");
        }
        for (good, bad) in [
            ("remembered 1", "remembered 2"),
            ("since ", "since 0"),
            ("since ", "since +"),
            ("since ", "since -"),
            ("session ", "session  "),
            (" 4711", " 04711"),
            (" 34817", " 34817 1"),
            (" 34817", " 99999999999"),
            ("boot ", "Boot "),
            ("\n", "\r\n"),
            ("0707", "070G"),
        ] {
            assert_eq!(Entry::parse(text.replacen(good, bad, 1).as_bytes()), None, "{good} {bad}");
        }
        assert_eq!(Entry::parse(format!("{text}\n").as_bytes()), None);
        assert_eq!(Entry::parse(b"\xff"), None);
    }

    #[test]
    fn what_was_begun_a_minute_ago_or_lies_ahead_is_left_behind() {
        let now = Duration::from_secs(1000);
        let begun = |seconds: u64| is_left_behind(&format!("{}.77", seconds * 1_000_000_000), now);
        assert!(begun(0) && begun(939) && !begun(940) && !begun(1000) && begun(1001));
        assert!(is_left_behind("x.77", now) && is_left_behind("", now));
    }
}
