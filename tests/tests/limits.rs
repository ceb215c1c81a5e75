//! Limits that a caller has set: `ulimit -n`, `-f` and `-v`, swept.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use acceptance::faults::Snapshot;
use acceptance::lab::{Lab, STORE};
use acceptance::pam::{Code, Limit, Login, OUT_OF_MEMORY, Report};
use acceptance::people::Person;
use acceptance::sandbox;

/// The answer under a limit; `None` where it left nothing for the host program itself.
fn limited(code: &str, limit: Limit) -> Option<Code> {
    let login = Login::new("door", "alice").code(code).limited(limit);
    let output = login.command().output().unwrap();
    (output.status.code() != Some(OUT_OF_MEMORY)).then(|| Report::of(output).verdict())
}

fn opens(code: &str) -> bool {
    Login::new("door", "alice").code(code).run().verdict() == Code::Success
}

/// Under every limit a right code opens once and is spent, or is answered just like a wrong one; and a
/// refused one is good afterwards. Gives how many opened and how many did not.
fn sweep(alice: &Person, limits: impl IntoIterator<Item = Limit>) -> (usize, usize) {
    let (right, wrong) = (alice.phone.code(0), alice.phone.wrong());
    let before = Snapshot::of(STORE);
    let (mut opened, mut refused) = (0, 0);
    for limit in limits {
        before.restore();
        let Some(of_right) = limited(&right, limit) else { continue };
        if of_right == Code::Success {
            opened += 1;
            assert!(!opens(&right), "accepted, and not recorded, under {limit:?}");
        } else {
            refused += 1;
            assert!(opens(&right), "refused, and spent, under {limit:?}");
        }
        before.restore();
        let Some(of_wrong) = limited(&wrong, limit) else { continue };
        assert_ne!(of_wrong, Code::Success, "{limit:?}");
        assert!(of_right == Code::Success || of_right == of_wrong, "{limit:?}: {of_right:?}, {of_wrong:?}");
    }
    (opened, refused)
}

fn alice(lab: &Lab) -> Person {
    lab.door("");
    lab.enroll_slow("alice")
}

#[test]
fn few_descriptors_never_open_unrecorded() {
    sandbox::within(|lab| {
        let (opened, refused) = sweep(&alice(lab), [0, 3].into_iter().chain(4..14).map(Limit::Descriptors));
        assert!(opened > 0 && refused > 0, "the sweep crosses the border: {opened}, {refused}");
    });
}

#[test]
fn small_files_never_open_unrecorded_and_kill_no_host() {
    sandbox::within(|lab| {
        let alice = alice(lab);
        let sizes = [0, 1, 511, 512, 4095, 4096, 4097, 8191, 8192, 8193];
        // Twice, for the record goes to one slot and then to the other.
        for _ in 0..2 {
            let (opened, refused) = sweep(&alice, sizes.map(Limit::FileSize));
            assert!(opened > 0 && refused > 0, "the sweep crosses the border: {opened}, {refused}");
            assert!(!opens(&alice.phone.wrong()));
        }
    });
}

#[test]
fn little_memory_never_opens_unrecorded_and_kills_no_host() {
    sandbox::within(|lab| {
        let pages = (0..40).map(|step| Limit::Memory(step * 2048));
        let (opened, refused) = sweep(&alice(lab), pages.chain([Limit::Memory(16 << 20)]));
        assert!(opened > 0, "{opened}, {refused}");
    });
}

#[test]
fn settings_of_some_size_kill_no_host_under_little_memory() {
    sandbox::within(|lab| {
        let alice = alice(lab);
        lab.settings(&"[[rule]]\nuser = \"nobody\"\nfrom = \"local\"\nthen = \"require\"\n\n".repeat(300));
        for left in [40_000, 120_000, 240_000] {
            let answer = limited(&alice.phone.code(0), Limit::Memory(left));
            assert!(matches!(answer, None | Some(Code::ServiceErr)), "{left}: {answer:?}");
        }
        assert!(opens(&alice.phone.code(0)));
    });
}

#[test]
fn what_cannot_be_recorded_is_not_judged() {
    sandbox::within(|lab| {
        let alice = alice(lab);
        let (spent, wrong) = (alice.phone.code(0), alice.phone.wrong());
        assert!(opens(&spent));
        // Whoever calls su sets the limit, and has a clock on its processor time: each judgement that is not
        // counted would be a guess for nothing.
        for size in [0, 4096, 8191] {
            for typed in [&spent, &wrong, &alice.backup_codes[0], "zzzz-zzzz-zzzz"] {
                lab.syslog.clear();
                assert_eq!(limited(typed, Limit::FileSize(size)), Some(Code::AuthErr));
                let line = lab.decision();
                assert!(line.contains("verdict=unavailable"), "{size}: {line}");
            }
        }
        assert!(opens(&alice.backup_codes[0]));
    });
}
