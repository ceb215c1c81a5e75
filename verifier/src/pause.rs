//! A pause: for a while nobody is asked for a code. It is one command for an outage, also for one of the store:
//! so it stands apart from that, in a folder that no reboot survives.
//!
//! It ends by the wall clock, by the time since the boot, or with the boot, whichever comes first: a clock that
//! is set back does not prolong it. What is odd about its file is no pause.

use crate::disk::{checked_folder, create_file, failed, io, open_file, open_folder, read_all};
use crate::record_toml::quoted;
use crate::{Fault, StoreError};
use config::table::{Table, Wrong, number, text};
use nix::errno::Errno;
use nix::fcntl::{OFlag, renameat};
use nix::sys::stat::Mode;
use nix::time::{ClockId, clock_gettime};
use nix::unistd::{UnlinkatFlags, mkdir, unlinkat};
use otp::{Reason, Time, calendar};
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use toml::de::DeValue;

/// Where it stands.
const FOLDER: &str = "/run/pam_totp";
const FILE: &str = "paused";
/// The new one, until it is put in place.
const NEW: &str = "paused.new";
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// The format that this version writes, and the only one it reads.
const FORMAT: u32 = 1;

/// Nobody is asked for a code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pause {
    /// Since when.
    pub since: Time,
    /// Until when.
    pub until: Time,
    /// Why, in the administrator's words.
    pub reason: Reason,
    /// The login uid of who said so; `None` where nobody had logged in.
    pub by: Option<u32>,
}

impl Pause {
    /// Longest, in seconds: a second factor that is off for longer is not one.
    pub const LONGEST: u64 = 7 * 86_400;

    /// The one that holds at `now`, which is this machine's wall clock. Only root can say.
    ///
    /// # Errors
    /// Something is there that is none of ours, or cannot be read: that is no pause.
    pub fn current(now: Time) -> Result<Option<Self>, StoreError> {
        read(Path::new(FOLDER), now)
    }

    /// Puts it in the place of any that was there.
    ///
    /// # Errors
    /// It could not be written, or lasts longer than [`Pause::LONGEST`].
    pub fn begin(&self) -> Result<(), StoreError> {
        write(Path::new(FOLDER), self)
    }

    /// Ends whatever is there; `false` where nothing is.
    ///
    /// # Errors
    /// It could not be removed.
    pub fn end() -> Result<bool, StoreError> {
        remove(Path::new(FOLDER))
    }

    fn lasts(&self) -> u64 {
        self.until.since(self.since)
    }
}

/// `paused until 2026-11-25 12:03:22 UTC by login uid 1000: directory down`.
impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "paused until {}", calendar::instant(self.until))?;
        // A script of the system's own has logged in as nobody.
        if let Some(uid) = self.by {
            write!(f, " by login uid {uid}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// A pause as its file has it.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Written {
    pub(crate) pause: Pause,
    boot: String,
    /// When it is over by CLOCK_BOOTTIME, in seconds.
    pub(crate) ends: u64,
}

impl Written {
    /// Whether it is not over, in its own boot; `None` where it says more than was ever asked for.
    pub(crate) fn is_on(&self, now: Time, since_boot: u64) -> Option<bool> {
        let most = since_boot.saturating_add(Pause::LONGEST);
        let is_believed = self.pause.lasts() <= Pause::LONGEST && self.ends <= most;
        is_believed.then_some(now < self.pause.until && since_boot < self.ends)
    }
}

fn read(folder: &Path, now: Time) -> Result<Option<Pause>, StoreError> {
    let Some(opened) = open(folder)? else { return Ok(None) };
    let path = folder.join(FILE);
    let Some((file, stat)) = open_file(&opened, FILE, &path, OFlag::O_RDONLY)? else { return Ok(None) };
    let bytes = read_all(&file, &stat, &path, 4096)?;
    let damaged = |line| StoreError::Damaged { path: path.clone(), line };
    let text = std::str::from_utf8(&bytes).map_err(|_| damaged(0))?;
    let written = parse(text).map_err(|wrong| damaged(wrong.place(text).0))?;
    let holds = written.is_on(now, since_boot()?).ok_or_else(|| damaged(0))? && written.boot == boot()?;
    Ok(holds.then_some(written.pause))
}

fn write(folder: &Path, pause: &Pause) -> Result<(), StoreError> {
    match mkdir(folder, Mode::S_IRWXU) {
        Ok(()) | Err(Errno::EEXIST) => {}
        Err(errno) => return Err(failed(folder, "create the folder", errno)),
    }
    let opened = open(folder)?.ok_or_else(|| failed(folder, "open", Errno::ENOENT))?;
    let lasts = pause.lasts();
    if !(1..=Pause::LONGEST).contains(&lasts) {
        return Err(StoreError::Refused { path: folder.join(FILE), fault: Fault::TooLarge });
    }
    let written = Written { pause: pause.clone(), boot: boot()?, ends: since_boot()?.saturating_add(lasts) };
    // Left behind by one that was killed.
    forget(&opened, folder, NEW)?;
    create_file(&opened, NEW, &folder.join(NEW), render(&written).as_bytes())?;
    renameat(&opened, NEW, &opened, FILE).map_err(|errno| failed(&folder.join(FILE), "put in place", errno))
}

fn remove(folder: &Path) -> Result<bool, StoreError> {
    match open(folder)? {
        Some(opened) => forget(&opened, folder, FILE),
        None => Ok(false),
    }
}

fn open(folder: &Path) -> Result<Option<File>, StoreError> {
    match open_folder(folder) {
        Ok(opened) => checked_folder(opened, folder).map(Some),
        Err(Errno::ENOENT) => Ok(None),
        Err(errno) => Err(failed(folder, "open", errno)),
    }
}

fn forget(opened: &File, folder: &Path, name: &str) -> Result<bool, StoreError> {
    match unlinkat(opened, name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) => Ok(true),
        Err(Errno::ENOENT) => Ok(false),
        Err(errno) => Err(failed(&folder.join(name), "remove", errno)),
    }
}

fn boot() -> Result<String, StoreError> {
    let path = Path::new(BOOT_ID);
    let text = std::fs::read_to_string(path).map_err(|error| io(path, "read", error))?;
    Ok(text.trim().to_owned())
}

/// Nobody sets this clock, and it goes on while the machine sleeps.
fn since_boot() -> Result<u64, StoreError> {
    let unknown = |errno| failed(&PathBuf::from("CLOCK_BOOTTIME"), "read", errno);
    let time = clock_gettime(ClockId::CLOCK_BOOTTIME).map_err(unknown)?;
    u64::try_from(time.tv_sec()).map_err(|_| unknown(Errno::ERANGE))
}

pub(crate) fn parse(source: &str) -> Result<Written, Wrong> {
    let mut root = Table::parse(source)?;
    let is_ours =
        |value: &DeValue<'_>| (number::<u32>(value)? == FORMAT).then_some(()).ok_or_else(String::new);
    root.need("format", is_ours)?;
    let pause = Pause {
        since: root.need("since", |value| number(value).map(Time))?,
        until: root.need("until", |value| number(value).map(Time))?,
        reason: root.need("reason", |value| Reason::new(text(value)?).ok_or_else(String::new))?,
        by: root.take("by", number)?,
    };
    let boot = root.need("boot", |value| text(value).map(str::to_owned))?;
    let ends = root.need("boottime", number)?;
    root.finish()?;
    Ok(Written { pause, boot, ends })
}

pub(crate) fn render(written: &Written) -> String {
    let Written { pause: Pause { since, until, reason, by }, boot, ends } = written;
    let by = by.map_or(String::new(), |by| format!("by = {by}\n"));
    format!(
        "# Written by totpctl pause: end it with totpctl pause --end.\nformat = {FORMAT}\nsince = {}\n\
         until = {}\nreason = {}\n{by}boot = {}\nboottime = {ends}\n",
        since.0,
        until.0,
        quoted(reason.as_str()),
        quoted(boot),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    const NOW: u64 = 1_800_000_000;

    fn pause(lasts: u64) -> Pause {
        let reason = Reason::new("directory \"down\" \\ 12").unwrap();
        Pause { since: Time(NOW), until: Time(NOW + lasts), reason, by: Some(1000) }
    }

    /// A folder as ours is, with a pause of two hours.
    fn paused() -> (tempfile::TempDir, PathBuf) {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().canonicalize().unwrap().join("pam_totp");
        write(&folder, &pause(7200)).unwrap();
        (temporary, folder)
    }

    fn put(folder: &Path, text: &str) {
        let path = folder.join(FILE);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn text_of(folder: &Path) -> String {
        std::fs::read_to_string(folder.join(FILE)).unwrap()
    }

    #[test]
    fn it_tells_until_when_why_and_who_it_was_if_anybody_had_logged_in() {
        let words = "paused until 2027-01-15 10:00:00 UTC by login uid 1000: directory \"down\" \\ 12";
        assert_eq!(pause(7200).to_string(), words);
        let by_nobody = Pause { by: None, ..pause(7200) };
        assert_eq!(by_nobody.to_string(), words.replace(" by login uid 1000", ""));
    }

    #[test]
    fn it_holds_until_it_is_over_or_ended() {
        let (_temporary, folder) = paused();
        assert_eq!(read(&folder, Time(NOW)).unwrap(), Some(pause(7200)));
        assert_eq!(read(&folder, Time(NOW + 7199)).unwrap(), Some(pause(7200)));
        assert_eq!(read(&folder, Time(NOW + 7200)).unwrap(), None);
        write(&folder, &Pause { by: None, ..pause(60) }).unwrap();
        assert_eq!(read(&folder, Time(NOW)).unwrap(), Some(Pause { by: None, ..pause(60) }));
        assert!(remove(&folder).unwrap() && !remove(&folder).unwrap());
        assert_eq!(read(&folder, Time(NOW)).unwrap(), None);
        std::fs::remove_dir(&folder).unwrap();
        assert_eq!(read(&folder, Time(NOW)).unwrap(), None);
        assert!(!remove(&folder).unwrap());
    }

    #[test]
    fn a_clock_set_back_does_not_prolong_it_and_another_boot_ends_it() {
        let (_temporary, folder) = paused();
        let text = text_of(&folder);
        let (head, ends) = text.trim_end().rsplit_once(" = ").unwrap();
        let over = ends.parse::<u64>().unwrap() - 7200;
        put(&folder, &format!("{head} = {over}\n"));
        for now in [NOW, NOW - 7200, 0] {
            assert_eq!(read(&folder, Time(now)).unwrap(), None, "{now}");
        }
        put(&folder, &text.replace(&boot().unwrap(), "11111111-2222-3333-4444-555555555555"));
        assert_eq!(read(&folder, Time(NOW)).unwrap(), None);
    }

    #[test]
    fn more_than_a_week_is_neither_written_nor_believed() {
        let (_temporary, folder) = paused();
        for lasts in [0, Pause::LONGEST + 1] {
            assert!(write(&folder, &pause(lasts)).is_err(), "{lasts}");
        }
        write(&folder, &pause(Pause::LONGEST)).unwrap();
        assert!(read(&folder, Time(NOW)).unwrap().is_some());
        let text = text_of(&folder);
        let (_, ends) = text.trim_end().rsplit_once(" = ").unwrap();
        let far = ends.parse::<u64>().unwrap() + 60;
        put(&folder, &text.replace(ends, &far.to_string()));
        assert!(read(&folder, Time(NOW)).is_err());
        put(
            &folder,
            &text.replace(&(NOW + Pause::LONGEST).to_string(), &(NOW + Pause::LONGEST + 1).to_string()),
        );
        assert!(read(&folder, Time(NOW)).is_err());
    }

    #[test]
    fn what_is_odd_is_no_pause() {
        let (_temporary, folder) = paused();
        let path = folder.join(FILE);
        let text = text_of(&folder);
        for broken in [
            "",
            "until = 1\n",
            &text.replace("format = 1", "format = 2"),
            &text.replace("until = ", "untill = "),
            &text.replace("by = 1000", "by = -1"),
            &format!("{text}more = 1\n"),
            &"#".repeat(5000),
        ] {
            put(&folder, broken);
            assert!(read(&folder, Time(NOW)).is_err(), "{broken}");
        }
        let is = |fault| match read(&folder, Time(NOW)) {
            Err(StoreError::Refused { fault: found, .. }) => assert_eq!(found, fault),
            other => panic!("{other:?}"),
        };
        put(&folder, &text);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        is(Fault::Mode);
        put(&folder, &text);
        std::fs::hard_link(&path, folder.join("other")).unwrap();
        is(Fault::Links);
        std::fs::remove_file(&path).unwrap();
        symlink("other", &path).unwrap();
        is(Fault::Symlink);
        std::fs::remove_file(&path).unwrap();
        std::fs::rename(folder.join("other"), &path).unwrap();
        assert!(read(&folder, Time(NOW)).unwrap().is_some());
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        is(Fault::Mode);
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
        let link = folder.with_file_name("link");
        symlink(&folder, &link).unwrap();
        assert!(matches!(read(&link, Time(NOW)), Err(StoreError::Refused { fault: Fault::Symlink, .. })));
        assert!(write(&link, &pause(60)).is_err());
    }

    #[test]
    fn what_stood_in_its_place_is_replaced_and_not_followed() {
        let (_temporary, folder) = paused();
        let elsewhere = folder.with_file_name("elsewhere");
        std::fs::write(&elsewhere, "kept").unwrap();
        for name in [FILE, NEW] {
            let _ = std::fs::remove_file(folder.join(name));
            symlink(&elsewhere, folder.join(name)).unwrap();
        }
        write(&folder, &pause(60)).unwrap();
        assert_eq!(read(&folder, Time(NOW)).unwrap(), Some(pause(60)));
        assert_eq!(std::fs::read_to_string(&elsewhere).unwrap(), "kept");
    }
}
