//! Who is enrolled: a store, a users file and homes, as full as is asked for.
//!
//! The store is written by its own code as far as that is to be had from outside: the first person is enrolled,
//! and everybody else's files are that person's with another uid, name and id. A login that opens proves them.

use config::StoreSettings;
use otp::{
    Algorithm, BackupCode, Digits, Kind, Ledger, Period, Policy, Secret, Time, Token, TokenName, TokenState,
};
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use verifier::{
    Account, Authority, Enrolled, FileStore, Id, LEDGER_LEN, Local, NewToken, Slot, Slots, Verifier, init,
};

/// People who log in by each kind of code; all others are only there.
pub(crate) const POOL: usize = 32;
/// Their uids, from here on: they stand in passwd(5), those with event tokens in a large store last.
const FIRST: u32 = 50_000;
/// The uids of all others, as `tests/nss/many.c` knows them.
pub(crate) const CROWD: u32 = 1_000_000;
const PERIOD: u64 = 30;

/// The name of one of them.
pub(crate) fn name(place: usize) -> String {
    format!("bench{place}")
}

pub(crate) fn uid(place: usize) -> u32 {
    FIRST + place as u32
}

/// The uid and name of the `place`-th person of all.
pub(crate) fn person(place: usize) -> (u32, String) {
    if place < POOL {
        return (uid(place), name(place));
    }
    let uid = CROWD + place as u32;
    (uid, format!("p{uid}"))
}

/// Everybody's token, of either kind: what is measured does not depend on the key.
pub(crate) fn token(kind: Kind) -> Token {
    Token {
        name: TokenName::new("phone").expect("a name"),
        kind,
        algorithm: Algorithm::Sha1,
        digits: Digits::SIX,
        secret: Secret::new(&[7; 20]).expect("a secret"),
    }
}

pub(crate) fn totp() -> Kind {
    Kind::Totp { period: Period::new(PERIOD).expect("a period") }
}

/// The code of this moment, or the one for a counter.
pub(crate) fn code(counter: Option<u64>) -> String {
    let kind = if counter.is_some() { Kind::Hotp } else { totp() };
    token(kind).code(counter.unwrap_or(clock().0 / PERIOD)).expose().to_owned()
}

/// The settings of the store in which so many are enrolled.
pub(crate) fn settings(here: &Path, users: usize) -> PathBuf {
    here.join(format!("totp-{users}.toml"))
}

/// Whether a store of so many holds people of either kind.
pub(crate) fn is_mixed(users: usize) -> bool {
    users > 2 * POOL
}

/// A store of our own in which so many are enrolled; in a large one the last [`POOL`] with the other kind of token.
pub(crate) fn store(folder: &Path, users: usize, kind: Kind) {
    let settings = StoreSettings { directory: folder.into(), id: None };
    init(&settings, [7; 48]).expect("a new store");
    let model = enroll(&settings, kind, 0);
    let alike = if is_mixed(users) { users - POOL } else { users };
    (1..alike).for_each(|place| copy(folder, &model, person(place), place));
    if is_mixed(users) {
        let model = enroll(&settings, Kind::Hotp, POOL);
        let others = (POOL + 1..2 * POOL).zip(alike + 1..);
        others.for_each(|(place, number)| copy(folder, &model, (uid(place), name(place)), number));
    }
}

/// Somebody's files.
struct Model {
    text: String,
    id: String,
    uid: u32,
    name: String,
}

fn enroll(settings: &StoreSettings, kind: Kind, place: usize) -> Model {
    let verifier = Local::new(FileStore::open(settings).expect("a store"), Policy::default(), clock, random);
    let (uid, name) = (uid(place), name(place));
    let account = Account::local(&name, uid);
    // As many backup codes as `totpctl enroll` makes: they are part of what a login reads.
    let backup: Vec<_> = (11..=20)
        .map(|number| BackupCode::from_random([number; 12]).expect("letters of the alphabet"))
        .collect();
    let token = token(kind);
    let new = NewToken {
        from: None,
        how: Enrolled::First,
        token: &token,
        confirm: None,
        authority: Authority::Root,
        backup: &backup,
    };
    verifier.enroll(&account, &new).expect("enrolled");
    let text = fs::read_to_string(settings.directory.join(format!("users/{uid}/enrollment.toml")));
    let text = text.expect("the enrollment");
    let id = text.lines().find_map(|line| line.strip_prefix("id = \"")).expect("an id").trim_end_matches('"');
    // The first login syncs the folder once more and says so in the ledger: here, it has.
    let ledger = settings.directory.join(format!("users/{uid}/ledger.{id}"));
    fs::write(ledger, &blank(Id::parse(id).expect("an id")).0[..]).expect("a file of ours");
    Model { id: id.to_owned(), text, uid, name }
}

fn copy(folder: &Path, model: &Model, (uid, name): (u32, String), number: usize) {
    let id = format!("{number:032x}");
    let mine = folder.join(format!("users/{uid}"));
    fs::DirBuilder::new().mode(0o700).create(&mine).expect("a folder");
    let text = model
        .text
        .replacen(&model.id, &id, 1)
        .replacen(&format!("uid = {}", model.uid), &format!("uid = {uid}"), 1)
        .replacen(&format!("account = \"{}\"", model.name), &format!("account = \"{name}\""), 1);
    create(&mine.join("enrollment.toml"), text.as_bytes());
    create(&mine.join(format!("ledger.{id}")), &blank(Id::parse(&id).expect("an id")).0[..]);
}

/// The ledger of somebody who has never logged in.
fn blank(enrollment: Id) -> Slots {
    let tokens = vec![TokenState::default()];
    let ledger = Ledger { tokens, ..Ledger::default() };
    Slots::new(&Slot { generation: 0, enrollment, confirmed: true, ledger })
}

fn create(path: &Path, bytes: &[u8]) {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path).expect("a new file");
    file.write_all(bytes).expect("room on the disk");
}

/// The ledger of one of [`POOL`], and its bytes before any login.
pub(crate) struct Saved {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Saved {
    pub(crate) fn ledger(store: &Path, place: usize) -> Self {
        let folder = store.join(format!("users/{}", uid(place)));
        let entries = fs::read_dir(&folder).expect("a person's folder");
        let mut paths = entries.map(|entry| entry.expect("an entry").path());
        Self::of(paths.find(|path| path.to_string_lossy().contains("/ledger.")).expect("a ledger"))
    }

    fn of(path: PathBuf) -> Self {
        Self { bytes: fs::read(&path).expect("a file"), path }
    }

    /// What pam_google_authenticator reads of one of [`POOL`].
    pub(crate) fn google(homes: &Path, place: usize) -> Self {
        Self {
            path: homes.join(name(place)).join(GOOGLE),
            bytes: google("DISALLOW_REUSE\n\" TOTP_AUTH").into(),
        }
    }

    /// Puts the bytes back in place and waits until the disk has them, so that a code is fresh once more.
    pub(crate) fn restore(&self) {
        let file = OpenOptions::new().write(true).open(&self.path).expect("a file");
        if self.bytes.len() != LEDGER_LEN {
            file.set_len(0).expect("a file of ours");
        }
        file.write_all_at(&self.bytes, 0).expect("a file of ours");
        file.sync_data().expect("a disk");
    }
}

/// What pam_oath reads: everybody, with event tokens, which alone are always fresh.
pub(crate) fn users_file(path: &Path, users: usize) {
    let key: String = token(totp()).secret.expose().iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    });
    let mut file = BufWriter::new(File::create(path).expect("a new file"));
    // Those who log in stand at the end: a file grows there.
    for place in (0..users).rev() {
        writeln!(file, "HOTP {} - {key}", person(place).1).expect("room on the disk");
    }
    file.flush().expect("room on the disk");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("a file of ours");
}

const GOOGLE: &str = ".google_authenticator";

/// A file of pam_google_authenticator.
fn google(option: &str) -> String {
    format!("{}\n\" WINDOW_SIZE 3\n\" {option}\n", *token(totp()).secret.to_base32())
}

/// Homes with what pam_google_authenticator reads, time-based and counting.
pub(crate) fn homes(folder: &Path) {
    for place in 0..POOL {
        let home = folder.join(name(place));
        fs::create_dir_all(&home).expect("a folder");
        for (name, text) in [(GOOGLE, google("TOTP_AUTH")), (".counting", google("HOTP_COUNTER 1"))] {
            create(&home.join(name), text.as_bytes());
            chown(&home.join(name), place);
        }
        chown(&home, place);
    }
}

fn chown(path: &Path, place: usize) {
    std::os::unix::fs::chown(path, Some(uid(place)), Some(uid(place))).expect("root does this");
}

pub(crate) fn clock() -> Time {
    Time(SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_secs())
}

pub(crate) fn random(bytes: &mut [u8]) -> std::io::Result<()> {
    use std::io::Read;
    File::open("/dev/urandom")?.read_exact(bytes)
}
