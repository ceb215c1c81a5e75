//! Several people at once, and one person many times at once: each login by a process that is there already.

use crate::contenders::{self, Contender};
use crate::raw::Raw;
use crate::size::Size;
use crate::{Site, once};
use std::io::Read;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// How many come at once.
const CROWDS: [usize; 4] = [1, 2, 8, 32];
/// Codes are handed out in pieces of this size, which a pipe does not tear apart among those who read from it.
const CODE: usize = 8;

pub(crate) fn run(raw: &mut Raw, site: &Site, size: Size) {
    let users = size.users()[1];
    eprintln!("bench: several at once");
    for contender in contenders::counting(site, users) {
        let mut contender = contender;
        for crowd in CROWDS {
            contender.renew();
            let codes = (0..crowd).map(|place| codes(&mut contender, place, size.each())).collect();
            measure(raw, &contender, "different people", crowd, codes);
        }
        for crowd in CROWDS {
            contender.renew();
            // Everybody comes with the same code, and one of them opens; then with the next.
            let each = codes(&mut contender, 0, size.each());
            let shared = each.chunks(CODE).flat_map(|code| code.repeat(crowd)).collect();
            measure(raw, &contender, "one person", crowd, vec![shared]);
        }
    }
}

fn codes(contender: &mut Contender, place: usize, count: usize) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..count {
        let try_ = contender.for_person(place);
        let (_, code) = try_.prompt().expect("somebody is asked");
        text.extend(format!("{code:<CODE$}").bytes());
    }
    text
}

/// A worker for each list of codes or, if there is but one, as many as come, who share it.
fn measure(raw: &mut Raw, contender: &Contender, who: &str, crowd: usize, codes: Vec<Vec<u8>>) {
    let mut workers = Vec::new();
    let mut gates = Vec::new();
    for (place, list) in codes.into_iter().enumerate() {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        let sharing = if who == "one person" { crowd } else { 1 };
        workers.extend(
            (0..sharing).map(|_| worker(contender, place, reader.try_clone().expect("a descriptor"))),
        );
        gates.push((writer, list));
    }
    // Everybody is there, and waits for the first code.
    std::thread::sleep(std::time::Duration::from_millis(300));
    let start = Instant::now();
    for (mut gate, list) in gates {
        gate.write_all(&list).expect("a pipe has room for so much");
    }
    let said: String = workers.into_iter().map(finished).collect();
    let taken = start.elapsed().as_nanos();
    raw.put("crowd", contender.name, crowd, who, "total ns", taken);
    for line in said.lines() {
        let (nanoseconds, opened) = line.split_once(' ').expect("two words");
        raw.put("crowd", contender.name, crowd, who, "ns", nanoseconds);
        raw.put("crowd", contender.name, crowd, who, "opened", u8::from(opened == "true"));
    }
}

fn worker(contender: &Contender, place: usize, codes: std::io::PipeReader) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["worker", &contender.service, &contender.user(place)]);
    command.arg(contender.words(place).expect("somebody is asked")).stdin(codes).stdout(Stdio::piped());
    command.spawn().expect("this program runs")
}

fn finished(worker: Child) -> String {
    let output = worker.wait_with_output().expect("a child");
    assert!(output.status.success(), "{}", output.status);
    String::from_utf8(output.stdout).expect("numbers")
}

/// Takes code after code until there are no more.
pub(crate) fn child(service: &str, user: &str, prompt: &str) {
    let mut code = [0; CODE];
    // Not by way of a buffer, which would take the codes of others.
    let mut codes = std::fs::File::open("/dev/stdin").expect("codes");
    let mut said = String::new();
    while codes.read_exact(&mut code).is_ok() {
        let code = std::str::from_utf8(&code).expect("digits").trim();
        let (nanoseconds, opened) = once::timed(service, user, Some((prompt, code)));
        said.push_str(&format!("{nanoseconds} {opened}\n"));
    }
    print!("{said}");
}
