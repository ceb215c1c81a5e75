//! How long a login takes beside one through pam_permit, and a question to the daemon beside one to the files,
//! on the disk at hand. `bash tests/pace` runs it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a measurement that cannot be taken must not be printed"
)]

mod socket;

use acceptance::pam::{Code, Login};
use config::StoreSettings;
use otp::{Algorithm, Digits, Kind, MAX_TOKENS, Period, Policy, Secret, Time, Token, TokenName};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};
use verifier::{Account, Authority, Enrolled, FileStore, Local, NewToken, Verifier, init};

/// Steps on either side of now that the settings of `tests/pace` accept: so many logins fit into an instant.
const WINDOW: u64 = 10;

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["once", service, code] => println!("{}", login(service, code).as_nanos()),
        [store] => compare(store.into()),
        ["socket", store, enrolld] => socket::compare(store.into(), enrolld),
        _ => panic!("usage: bash tests/pace"),
    }
}

fn compare(store: PathBuf) {
    let codes = enroll(StoreSettings { directory: store, id: None });
    let (in_process, fresh) = codes.split_at(codes.len() / 2);
    let one = |service: &str, code: &str| login(service, code);
    print("one process, repeated", in_process, one);
    print("a fresh process each", fresh, |service, code| {
        let this = std::env::current_exe().expect("this program");
        let output = Command::new(this).args(["once", service, code]).output().expect("this program runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("a number");
        Duration::from_nanos(text.trim().parse().expect("a number"))
    });
}

/// Interleaved, so that what else the machine does meets both.
fn print(title: &str, codes: &[String], one: impl Fn(&str, &str) -> Duration) {
    let (mut permit, mut totp) = (Vec::new(), Vec::new());
    for code in codes {
        permit.push(one("permit", code));
        totp.push(one("totp", code));
    }
    permit.sort();
    totp.sort();
    println!(
        "{title}: pam_permit p50 {} us, pam_totp p50 {} us p90 {} us, ratio of p50 {:.1} ({} logins each)",
        at(&permit, 50),
        at(&totp, 50),
        at(&totp, 90),
        at(&totp, 50) as f64 / at(&permit, 50) as f64,
        codes.len()
    );
}

fn at(sorted: &[Duration], percent: usize) -> u128 {
    sorted[sorted.len() * percent / 100].as_micros()
}

fn login(service: &str, code: &str) -> Duration {
    let login = Login::new(service, "root").code(code);
    let login = if service == "permit" { Login::new(service, "root") } else { login };
    let start = Instant::now();
    let report = login.play();
    let taken = start.elapsed();
    assert_eq!(report.verdict(), Code::Success, "{service}");
    taken
}

/// Eight tokens for root, and every code of the window: each opens once if they are taken in this order.
fn enroll(settings: StoreSettings) -> Vec<String> {
    init(&settings, [7; 48]).expect("a new store");
    let store = FileStore::open(&settings).expect("a store");
    let verifier = Local::new(store, Policy::default(), clock, random);
    let root = Account::local("root", 0);
    let step = clock().0 / 300;
    let mut codes = Vec::new();
    for number in 0..MAX_TOKENS {
        let token = Token {
            name: TokenName::new(&format!("token{number}")).expect("a name"),
            kind: Kind::Totp { period: Period::new(300).expect("a period") },
            algorithm: Algorithm::Sha1,
            digits: Digits::new(8).expect("a length"),
            secret: Secret::new(&[number as u8 + 1; 20]).expect("a secret"),
        };
        let status = verifier.status(&root).expect("a status");
        let how = if status.is_some() { Enrolled::Add } else { Enrolled::First };
        let from = status.map(|status| status.id);
        let new =
            NewToken { from, how, token: &token, confirm: None, authority: Authority::Root, backup: &[] };
        verifier.enroll(&root, &new).expect("enrolled");
        // The outermost steps would leave the window should a period end meanwhile.
        codes.extend((step - WINDOW + 1..step + WINDOW).map(|step| token.code(step).expose().to_owned()));
    }
    codes
}

fn clock() -> Time {
    Time(SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_secs())
}

fn random(bytes: &mut [u8]) -> std::io::Result<()> {
    use std::io::Read;
    std::fs::File::open("/dev/urandom")?.read_exact(bytes)
}
