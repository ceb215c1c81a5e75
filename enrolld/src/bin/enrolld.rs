//! `enrolld`: see the library.

fn main() -> std::process::ExitCode {
    enrolld::serve(std::env::args_os())
}
