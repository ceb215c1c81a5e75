//! `Check` through the socket beside the same in this process, as a program of root's may do either.

use crate::Site;
use crate::people::{clock, random};
use crate::raw::Raw;
use acceptance::booted::within;
use config::StoreSettings;
use otp::{
    Algorithm, Digits, Kind, MAX_TOKENS, Malformed, Period, Policy, Secret, Token, TokenName, Typed, Verdict,
};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use verifier::wire::{Claims, INTERFACE};
use verifier::{
    Account, Authority, Enrolled, FileStore, Local, NewToken, Origin, Outcome, Receiver, Remote, Verifier,
    init, transmit,
};

/// Wrong codes in a row, by either way: fewer than are free, and so few in all that a year's budget covers them.
const WRONG: usize = 3;
const CLIENTS: usize = 4;
/// Steps on either side of now that are accepted here: so many logins fit into an instant.
const WINDOW: u64 = 10;

struct Sides {
    account: Account,
    socket: PathBuf,
}

pub(crate) fn run(raw: &mut Raw, site: &Site) {
    eprintln!("bench: the daemon is asked");
    let store = site.here.join("socket-store");
    let settings = format!(
        "[store]\ndirectory = {store:?}\n[accept]\nwindow = {WINDOW}\n[throttle]\nfree_failures = 100\n"
    );
    std::fs::write("/etc/security/pam_totp.toml", settings).expect("a layer over /etc");
    let sides = Sides { account: Account::local("root", 0), socket: store.with_extension("socket") };
    let codes = enroll(StoreSettings { directory: store, id: None });
    let _daemon = Daemon::start(&site.programs.join("enrolld"), &sides.socket);
    let (mut accepted, mut wrong) = (Times::default(), Times::default());
    for pair in codes.chunks_exact(2) {
        let typed = [&pair[0], &pair[1]].map(|code| Typed::parse(code.as_bytes()));
        accepted.direct.push(timed(|| assert!(matches!(sides.direct(&typed[0]), Verdict::Accepted { .. }))));
        accepted.asked.push(timed(|| assert!(matches!(sides.asked(&typed[1]), Verdict::Accepted { .. }))));
        for _ in 0..WRONG {
            let typed = Typed::parse(b"00000000");
            wrong.direct.push(timed(|| assert!(matches!(sides.direct(&typed), Verdict::Wrong { .. }))));
            wrong.asked.push(timed(|| assert!(matches!(sides.asked(&typed), Verdict::Wrong { .. }))));
        }
    }
    accepted.put(raw, "accepted");
    wrong.put(raw, "wrong");
    sides.malformed().put(raw, "malformed");
    sides.throughput(raw, &codes[0]);
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

/// Ends with this value, also where a measurement cannot be taken.
struct Daemon(Child);

impl Daemon {
    fn start(enrolld: &Path, socket: &Path) -> Self {
        let mut command = Command::new(enrolld);
        let child =
            command.arg("--socket").arg(socket).stdin(Stdio::null()).spawn().expect("enrolld is built");
        let daemon = Self(child);
        let up = within(Duration::from_secs(10), || UnixStream::connect(socket).is_ok(), |up| *up);
        assert!(up.is_some(), "enrolld does not listen");
        daemon
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[derive(Default)]
struct Times {
    direct: Vec<Duration>,
    asked: Vec<Duration>,
}

impl Times {
    fn put(self, raw: &mut Raw, verdict: &str) {
        for (how, times) in [("files", self.direct), ("socket", self.asked)] {
            for time in times {
                raw.put("check", verdict, 0, how, "ns", time.as_nanos());
            }
        }
    }
}

fn timed(one: impl FnOnce()) -> Duration {
    let start = Instant::now();
    one();
    start.elapsed()
}

impl Sides {
    /// Settings and store are opened anew, as the module and the daemon do.
    fn direct(&self, typed: &Typed) -> Verdict {
        let settings = config::load(None).expect("the settings of tests/bench");
        let store = FileStore::open(&settings.store).expect("a store");
        let local = Local::new(store, settings.policy(), clock, random);
        judged(local.check(&self.account, typed, Origin::Console))
    }

    fn asked(&self, typed: &Typed) -> Verdict {
        judged(self.ask(typed))
    }

    fn ask(&self, typed: &Typed) -> Outcome {
        Remote::new(&self.socket, Claims::default()).check(&self.account, typed, Origin::Console)
    }

    /// Our client does not ask about what cannot be a code: others might.
    fn malformed(&self) -> Times {
        let parameters = "{\"user\":\"root\",\"code\":\"not a code\"}";
        let call = format!("{{\"method\":\"{INTERFACE}.Check\",\"parameters\":{parameters}}}");
        let typed = Typed::Malformed(Malformed::NotACode);
        let mut times = Times::default();
        for _ in 0..500 {
            times.direct.push(timed(|| assert!(matches!(self.direct(&typed), Verdict::Malformed(_)))));
            times.asked.push(timed(|| {
                let deadline = Instant::now() + Duration::from_secs(5);
                let socket = UnixStream::connect(&self.socket).expect("it listens");
                transmit(&socket, &call, deadline).expect("it reads");
                let reply = Receiver::new(4096).next(&socket, deadline).expect("it answers");
                assert!(reply.windows(9).any(|window| window == b"malformed"));
            }));
        }
        times
    }

    /// Of a code that is spent: judged like any other, and never counted as a guess.
    fn throughput(&self, raw: &mut Raw, spent: &str) {
        const EACH: usize = 500;
        let spent = Typed::parse(spent.as_bytes());
        let direct = timed(|| (0..EACH).for_each(|_| drop(self.direct(&spent))));
        // The daemon hangs up on who knocks too often: that is no answer.
        let answered = AtomicUsize::new(0);
        let ask = || {
            let outcome = self.ask(&spent);
            answered.fetch_add(usize::from(matches!(outcome, Outcome::Judged(_))), Ordering::Relaxed);
        };
        let one = timed(|| (0..EACH).for_each(|_| ask()));
        let alone = answered.swap(0, Ordering::Relaxed);
        let many = timed(|| {
            std::thread::scope(|scope| {
                for _ in 0..CLIENTS {
                    scope.spawn(|| (0..EACH).for_each(|_| ask()));
                }
            });
        });
        let together = answered.into_inner();
        for (how, count, time) in [("files", EACH, direct), ("socket", alone, one), ("four", together, many)]
        {
            let rate = (count as f64 / time.as_secs_f64()) as u64;
            raw.put("check", "rate", 0, how, "a second", rate);
        }
    }
}

fn judged(outcome: Outcome) -> Verdict {
    match outcome {
        Outcome::Judged(verdict) => verdict,
        Outcome::NotEnrolled => panic!("root is enrolled"),
        Outcome::Suspended(_) => panic!("root is not suspended"),
        Outcome::Unavailable(error) => panic!("{error}"),
    }
}
