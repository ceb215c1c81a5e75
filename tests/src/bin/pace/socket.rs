//! `Check` through the socket beside the same in this process, as a program of root's may do either.

use acceptance::booted::within;
use config::StoreSettings;
use otp::{Malformed, Typed, Verdict};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use verifier::wire::{Claims, INTERFACE};
use verifier::{Account, FileStore, Local, Origin, Outcome, Receiver, Remote, Verifier, transmit};

/// Wrong codes in a row, by either way: fewer than the settings of `tests/pace` leave free, and so few in all
/// that a year's budget covers them.
const WRONG: usize = 3;
const CLIENTS: usize = 4;

struct Sides {
    account: Account,
    socket: PathBuf,
}

pub(crate) fn compare(store: PathBuf, enrolld: &str) {
    let sides = Sides { account: Account::local("root", 0), socket: store.with_extension("socket") };
    let codes = crate::enroll(StoreSettings { directory: store, id: None });
    let _daemon = Daemon::start(enrolld, &sides.socket);
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
    accepted.print("accepted");
    wrong.print("wrong");
    sides.malformed().print("malformed");
    sides.throughput(&codes[0]);
}

/// Ends with this value, also where a measurement cannot be taken.
struct Daemon(Child);

impl Daemon {
    fn start(enrolld: &str, socket: &Path) -> Self {
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
    fn print(mut self, title: &str) {
        self.direct.sort();
        self.asked.sort();
        let [direct, asked] = [&self.direct, &self.asked].map(|times| crate::at(times, 50));
        println!(
            "Check, {title}: direct p50 {direct} us, through the socket p50 {asked} us p90 {} us, ratio of p50 \
             {:.1} ({} each)",
            crate::at(&self.asked, 90),
            asked as f64 / direct as f64,
            self.asked.len()
        );
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
        let settings = config::load(None).expect("the settings of tests/pace");
        let store = FileStore::open(&settings.store).expect("a store");
        let local = Local::new(store, settings.policy(), crate::clock, crate::random);
        judged(local.check(&self.account, typed, Origin::Console))
    }

    fn asked(&self, typed: &Typed) -> Verdict {
        judged(Remote::new(&self.socket, Claims::default()).check(&self.account, typed, Origin::Console))
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
    fn throughput(&self, spent: &str) {
        const EACH: usize = 500;
        let spent = Typed::parse(spent.as_bytes());
        let direct = timed(|| (0..EACH).for_each(|_| drop(self.direct(&spent))));
        let one = timed(|| (0..EACH).for_each(|_| drop(self.asked(&spent))));
        let many = timed(|| {
            std::thread::scope(|scope| {
                for _ in 0..CLIENTS {
                    scope.spawn(|| (0..EACH).for_each(|_| drop(self.asked(&spent))));
                }
            });
        });
        let rate = |count: usize, time: Duration| count as f64 / time.as_secs_f64();
        println!(
            "Check, as many as go: direct {:.0} a second, through the socket {:.0}, by {CLIENTS} clients {:.0}",
            rate(EACH, direct),
            rate(EACH, one),
            rate(CLIENTS * EACH, many)
        );
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
