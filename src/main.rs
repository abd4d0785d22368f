//! The `aftertone` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    aftertone::cli::main()
}
