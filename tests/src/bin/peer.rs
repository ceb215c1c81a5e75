//! A peer of enrolld that is not our client: says any bytes, or misbehaves, or plays the daemon itself.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a rig that cannot do its work must fail"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words[0].as_str() {
        "ask" => ask(&words[1]),
        "crowd" => crowd(&words[1], words[2].parse().expect("a number")),
        "sit" => sit(&words[1], words[2].parse().expect("a number")),
        "pour" => pour(&words[1], words[2].parse().expect("a number")),
        "time" => time(&words[1], &words[2], words[3].parse().expect("a number")),
        "ponder" => ponder(&words[1], &words[2], words[3].parse().expect("a number")),
        "play" => play(&words[1]),
        "strangers" => strangers(&words[1], words[2].parse().expect("a uid")),
        "hammer" => hammer(&words[1], &words[2]),
        "hoard" => hoard(&words[1]),
        other => panic!("{other} is none of what a peer does"),
    }
}

/// Sends what stands in standard input, and prints the answer up to its NUL.
fn ask(socket: &str) {
    let mut message = Vec::new();
    std::io::stdin().read_to_end(&mut message).expect("a pipe");
    let Ok(mut stream) = UnixStream::connect(socket) else { return };
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
    let _ = stream.write_all(&message);
    let mut answer = Vec::new();
    let mut byte = [0];
    while matches!(stream.read(&mut byte), Ok(1)) && byte != [0] {
        answer.push(byte[0]);
    }
    std::io::stdout().write_all(&answer).expect("a pipe");
}

/// So many peers at once that waste the daemon's time, each in another way, until standard input ends. Those
/// that are hung up on come again.
fn crowd(socket: &str, count: usize) {
    for kind in 0..count {
        let socket = socket.to_owned();
        std::thread::Builder::new()
            .stack_size(64 * 1024)
            .spawn(move || {
                loop {
                    if let Ok(stream) = UnixStream::connect(&socket) {
                        misbehave(stream, kind);
                    }
                    std::thread::sleep(Duration::from_millis(50));
                }
            })
            .expect("a thread");
    }
    println!("here");
    let _ = std::io::stdin().read(&mut [0]);
}

/// Keeps so many connections and says nothing, until standard input ends. One that is hung up on comes again
/// at once.
fn sit(socket: &str, count: usize) {
    for _ in 0..count {
        let socket = socket.to_owned();
        let again = move || {
            loop {
                let seated = UnixStream::connect(&socket).and_then(|mut stream| stream.read(&mut [0]));
                if seated.is_err() {
                    std::thread::sleep(Duration::from_millis(50));
                }
            }
        };
        std::thread::Builder::new().stack_size(64 * 1024).spawn(again).expect("a thread");
    }
    println!("here");
    let _ = std::io::stdin().read(&mut [0]);
}

/// Sends so many bytes without a NUL, over as many connections as that takes.
fn pour(socket: &str, bytes: usize) {
    let chunk = vec![b'x'; 256 * 1024];
    let (mut poured, mut connections) = (0, 0);
    while poured < bytes {
        let Ok(mut stream) = UnixStream::connect(socket) else { continue };
        connections += 1;
        while let Ok(length) = stream.write(&chunk) {
            poured += length;
        }
    }
    println!("{connections}");
}

/// Connects, and asks so many milliseconds later; prints the answer.
fn ponder(socket: &str, message: &str, milliseconds: u64) {
    let stream = UnixStream::connect(socket).expect("somebody listens");
    std::thread::sleep(Duration::from_millis(milliseconds));
    let answer = answer(stream, message).unwrap_or_default();
    std::io::stdout().write_all(&answer).expect("a pipe");
}

/// Asks this over a new connection, for so many milliseconds, as a client that behaves; prints how long the
/// answers took, in microseconds, and `none` for one that did not come.
fn time(socket: &str, message: &str, milliseconds: u64) {
    let end = Instant::now() + Duration::from_millis(milliseconds);
    while Instant::now() < end {
        let start = Instant::now();
        match UnixStream::connect(socket).and_then(|stream| answer(stream, message)) {
            Ok(answer) if answer.starts_with(b"{") && answer.ends_with(b"\0") => {
                println!("{}", start.elapsed().as_micros());
            }
            _ => println!("none"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn answer(mut stream: UnixStream, message: &str) -> std::io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.write_all(format!("{message}\0").as_bytes())?;
    let mut answer = Vec::new();
    BufReader::new(stream).read_until(0, &mut answer)?;
    Ok(answer)
}

fn misbehave(mut stream: UnixStream, kind: usize) {
    let call = b"{\"method\":\"org.varlink.service.GetInfo\"}\0";
    let mut noise = 0x9e37_79b9_7f4a_7c15_u64 ^ kind as u64;
    for round in 0.. {
        let sent = match kind % 6 {
            // A byte a second, and never the last one.
            0 => stream.write_all(&call[round % 20..=round % 20]),
            // Half a message, and then nothing.
            1 if round == 0 => stream.write_all(&call[..20]),
            // As much as goes, without a NUL.
            2 => stream.write_all(&[b'x'; 4096]),
            3 => {
                let bytes: Vec<u8> = (0..256)
                    .map(|_| {
                        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        (noise >> 33) as u8
                    })
                    .collect();
                stream.write_all(&bytes)
            }
            // Asks and asks, and reads nothing.
            4 => stream.write_all(call),
            // Opens and says nothing.
            _ => Ok(()),
        };
        if sent.is_err() || (round > 50 && matches!(kind % 6, 0 | 1 | 5)) {
            return;
        }
        match kind % 6 {
            0 => std::thread::sleep(Duration::from_secs(1)),
            2 | 4 => {}
            _ => std::thread::sleep(Duration::from_millis(100)),
        }
    }
}

/// Plays a daemon that says yes to everything: what somebody could put into its place.
fn play(socket: &str) {
    let listener = UnixListener::bind(socket).expect("a folder of one's own");
    println!("here");
    let yes = b"{\"parameters\":{\"uid\":2001,\"enrolled\":false,\"verdict\":\"accepted\",\"method\":\
        \"backup-code\",\"backup_left\":1}}\0";
    for mut stream in listener.incoming().flatten() {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(yes);
    }
}

/// As root: peers of ever other uids from `first` on, who open and say nothing, until standard input ends.
fn strangers(socket: &str, first: u32) {
    for place in 0..4 {
        let socket = socket.to_owned();
        std::thread::spawn(move || {
            let mut held = std::collections::VecDeque::new();
            for uid in (first..first + 60_000).skip(place).step_by(4).cycle() {
                // SAFETY: a system call without memory arguments; by itself, and not by way of libc, it
                // changes this thread alone.
                assert_eq!(unsafe { libc::syscall(libc::SYS_setresuid, -1, uid, -1) }, 0);
                held.extend(UnixStream::connect(&socket));
                // SAFETY: likewise.
                assert_eq!(unsafe { libc::syscall(libc::SYS_setresuid, -1, 0, -1) }, 0);
                if held.len() > 100 {
                    held.pop_front();
                }
            }
        });
    }
    println!("here");
    let _ = std::io::stdin().read(&mut [0]);
}

/// Eight peers that ask about this user as fast as they are answered, until standard input ends.
fn hammer(socket: &str, user: &str) {
    for _ in 0..8 {
        let socket = socket.to_owned();
        let call = format!(
            "{{\"method\":\"org.pamtotp.enrolld1.Check\",\"parameters\":{{\"user\":\"{user}\",\
             \"code\":\"0000-0000-0000\"}}}}\0"
        );
        std::thread::spawn(move || {
            loop {
                let Ok(mut stream) = UnixStream::connect(&socket) else { continue };
                let mut reader = stream.try_clone().expect("a socket");
                std::thread::spawn(move || while matches!(reader.read(&mut [0; 4096]), Ok(1..)) {});
                while stream.write_all(call.repeat(50).as_bytes()).is_ok() {}
            }
        });
    }
    println!("here");
    let _ = std::io::stdin().read(&mut [0]);
}

/// Asks without end and reads nothing for two seconds, over one connection; prints how many bytes of replies
/// lie in the socket's buffer then.
fn hoard(socket: &str) {
    let mut stream = UnixStream::connect(socket).expect("a daemon");
    let call = b"{\"method\":\"org.varlink.service.GetInfo\"}\0".repeat(2000);
    stream.set_write_timeout(Some(Duration::from_secs(2))).expect("a socket");
    let _ = stream.write_all(&call);
    std::thread::sleep(Duration::from_secs(2));
    stream.set_nonblocking(true).expect("a socket");
    let mut replies = Vec::new();
    let _ = stream.read_to_end(&mut replies);
    println!("{}", replies.len());
}
