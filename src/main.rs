//! The `hayrake` binary: read the arguments, run the command, end with its
//! exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    hayrake::cli::run()
}
