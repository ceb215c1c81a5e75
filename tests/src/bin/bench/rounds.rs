//! Rounds: everybody once, in any order, so that whatever else the machine does meets all of them.

use crate::contenders::{self, Contender};
use crate::raw::Raw;
use crate::size::Size;
use crate::{Site, counts, once};
use acceptance::order;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::time::{Duration, Instant};
use verifier::{LEDGER_LEN, SLOT_LEN};

pub(crate) fn run(raw: &mut Raw, site: &Site, size: Size, users: usize) {
    eprintln!("bench: {users} enrolled");
    let mut all = contenders::all(site, users);
    settle();
    let mut limit = Limit::new(site, users);
    let (mut pause, mut random) = (BREATH, 1);
    for round in 0..size.rounds(users) {
        let turn = round % all.len();
        for (place, contender) in all.iter_mut().enumerate() {
            if place == turn {
                std::thread::sleep(pause);
                raw.put("overwrite", "disk", users, "-", "ns", limit.overwrite());
                pause = BREATH;
            }
            let taken = once::here(contender, pause);
            raw.put("login", contender.name, users, "same", "ns", taken);
            pause = after(taken);
        }
        for contender in &mut all {
            pause = after(fresh(raw, contender, users, pause));
        }
        // Some leave more to caches and disk for whoever comes next than others: nobody is to come next always.
        order::shuffle(&mut all, &mut random);
    }
    if users == size.users()[0] || users == 100_000 {
        all.iter_mut().for_each(|contender| counts::run(raw, contender, users));
    }
}

fn fresh(raw: &mut Raw, contender: &mut Contender, users: usize, pause: Duration) -> u64 {
    let taken = once::fresh(contender, pause);
    for (unit, value) in [
        ("ns", taken.nanoseconds),
        ("faults", taken.faults),
        ("peak KiB", taken.peak),
        ("written", taken.written),
        ("dirtied", taken.dirtied),
    ] {
        raw.put("login", contender.name, users, "fresh", unit, value);
    }
    taken.nanoseconds
}

/// A process of its own takes as long to begin.
const BREATH: Duration = Duration::from_millis(3);

/// How long to wait after a login of so many nanoseconds: it may keep the disk busy for as long again.
fn after(taken: u64) -> Duration {
    BREATH.max(Duration::from_nanos(taken))
}

/// After bulk writes a disk has more to do for a while than what is measured.
fn settle() {
    nix::unistd::sync();
    std::thread::sleep(Duration::from_secs(2));
}

/// What no login can do without that is recorded before it is answered: one durable overwrite in place.
struct Limit {
    file: File,
    count: usize,
}

impl Limit {
    fn new(site: &Site, users: usize) -> Self {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create_new(true).custom_flags(libc::O_DSYNC);
        let file = options.open(site.here.join(format!("overwrite-{users}"))).expect("a new file");
        file.write_all_at(&[1; LEDGER_LEN], 0).expect("room on the disk");
        Self { file, count: 0 }
    }

    fn overwrite(&mut self) -> u64 {
        self.count += 1;
        let bytes = [self.count as u8; SLOT_LEN];
        let offset = (self.count % 2 * SLOT_LEN) as u64;
        let start = Instant::now();
        self.file.write_all_at(&bytes, offset).expect("a disk");
        start.elapsed().as_nanos() as u64
    }
}
