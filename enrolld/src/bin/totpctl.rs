//! `totpctl`: see the library.

fn main() -> std::process::ExitCode {
    enrolld::run(std::env::args_os())
}
