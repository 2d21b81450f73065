//! The binary: hands over to `cli`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    huifang::cli::run()
}
