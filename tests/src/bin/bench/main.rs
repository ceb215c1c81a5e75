//! How fast a login is, beside the modules that people come from and beside what the disk allows, on the machine
//! at hand. `bash tests/bench` runs it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a measurement that cannot be taken must not be printed"
)]

mod bulk;
mod contenders;
mod counts;
mod crowd;
mod load;
mod log;
mod machine;
mod once;
mod people;
mod plot;
mod raw;
mod rounds;
mod size;
mod socket;
mod table;

use raw::Raw;
use size::Size;
use std::path::{Path, PathBuf};

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["once", service, user, ref prompt @ ..] => once::child(service, user, prompt),
        ["load", module] => load::child(module),
        ["log"] => log::child(),
        ["worker", service, user, prompt] => crowd::child(service, user, prompt),
        ["draw", raw] => draw(&Raw::read(Path::new(raw)), Path::new(raw)),
        [size, modules, programs, here] => measure(Size::of(size), &Site::new(modules, programs, here)),
        _ => panic!("usage: bash tests/bench [--quick | --full]"),
    }
}

/// Where things are.
struct Site {
    /// The folder of the module under test and of `empty.so`.
    modules: PathBuf,
    /// The folder of the programs.
    programs: PathBuf,
    /// A new folder on the disk that is measured.
    here: PathBuf,
}

impl Site {
    fn new(modules: &str, programs: &str, here: &str) -> Self {
        Self { modules: modules.into(), programs: programs.into(), here: here.into() }
    }
}

fn measure(size: Size, site: &Site) {
    let _log = log::Log::start();
    let mut raw = Raw::create(&site.modules.join("raw.tsv"));
    people::homes(&site.here.join("home"));
    machine::describe(&mut raw, site, size);
    for &users in size.users() {
        rounds::run(&mut raw, site, size, users);
    }
    load::run(&mut raw, site, size);
    crowd::run(&mut raw, site, size);
    bulk::run(&mut raw, site, size);
    socket::run(&mut raw, site);
    let path = raw.finish();
    draw(&Raw::read(&path), &path);
}

/// The table and the plot, from the raw data alone.
fn draw(raw: &Raw, path: &Path) {
    let table = table::render(raw);
    println!("\n{table}");
    std::fs::write(path.with_file_name("speed.md"), table).expect("beside the raw data");
    std::fs::write(path.with_file_name("speed.svg"), plot::render(raw)).expect("beside the raw data");
}
