//! Says how whole a message is in a recording: `find_message MESSAGE.wav RECORDING.wav`, both 8 kHz mono 16-bit.
//!
//! Exit status: 0 whole, 1 cut or absent, 2 the question could not be answered.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command of one line's answer"
)]

use std::{env, path::Path, process::ExitCode};

use aftertone_lab::recording;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [message, recorded] = arguments.as_slice() else {
        eprintln!("usage: find_message MESSAGE.wav RECORDING.wav");
        return ExitCode::from(2);
    };
    let found = recording::read(Path::new(message)).and_then(|message| {
        Ok(recording::find(
            &message,
            &recording::read(Path::new(recorded))?,
        ))
    });
    match found {
        Ok(Some(found)) if found.is_whole() => {
            println!("whole: {found}");
            ExitCode::SUCCESS
        }
        Ok(Some(found)) => {
            println!("cut: {found}");
            ExitCode::FAILURE
        }
        Ok(None) => {
            println!("absent: no part of the message is in the recording");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}
