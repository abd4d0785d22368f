//! The recogniser's process: how it is started, kept out of the way of calls, and ended.

use std::{
    io,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;
use tracing::{Instrument as _, Span, debug, info};

use super::protocol::{Line, Lines, plain};
use crate::{
    clock,
    subprocess::{ProcessGroup, set_apart},
};

/// A process that runs, with its three pipes.
pub(super) struct Process {
    child: Child,
    group: ProcessGroup,
    pub(super) stdin: ChildStdin,
    pub(super) stdout: ChildStdout,
    /// Logs what it writes there; its last line.
    stderr: AbortOnDropHandle<Option<String>>,
}

impl Process {
    /// Starts a command, which holds at least the program.
    pub(super) fn start(command: &[String]) -> io::Result<Self> {
        let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // A Ctrl-C is ours: calls go on until they have ended.
        set_apart(&mut command);
        let mut child = command.spawn()?;
        let id = child.id();
        let group = ProcessGroup::of(&child);
        group.keep_back();
        let piped = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = piped else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        debug!(program, pid = id, "the recogniser runs");
        let log = log(stderr).instrument(Span::current());
        Ok(Self {
            child,
            group,
            stdin,
            stdout,
            stderr: AbortOnDropHandle::new(tokio::spawn(log)),
        })
    }

    /// Lets it end by itself, its input closed; kills it if it does not.
    pub(super) async fn end(self) -> Option<ExitStatus> {
        let Self {
            mut child,
            group,
            stdin,
            stdout: _stdout,
            stderr: _stderr,
        } = self;
        drop(stdin);
        match timeout(FAREWELL, child.wait()).await {
            Ok(status) => status.ok(),
            Err(_) => {
                kill(group, &mut child);
                None
            }
        }
    }

    /// Ends it at once. Returns how it ended, if it had by itself, and the last line that it wrote to its stderr.
    pub(super) async fn cut_off(mut self) -> (Option<ExitStatus>, Option<String>) {
        // Its pipes close before its end is known.
        let ended = timeout(ENDED, self.child.wait()).await;
        let status = ended.ok().and_then(Result::ok);
        kill(self.group, &mut self.child);
        let last = timeout(ENDED, self.stderr).await;
        (status, last.ok().and_then(Result::ok).flatten())
    }
}

fn kill(group: ProcessGroup, child: &mut Child) {
    group.kill();
    let _ = child.start_kill();
}

/// Logs each line, and returns the last one. What comes too fast is counted only.
async fn log(mut stderr: impl AsyncRead + Unpin) -> Option<String> {
    let mut lines = Lines::default();
    let mut bytes = [0; 2_048];
    let mut last = None;
    let (mut since, mut logged, mut left_out) = (clock::now(), 0_u32, 0_u32);
    while let Ok(read @ 1..) = stderr.read(&mut bytes).await {
        lines.take(&bytes[..read], |line| {
            let (Line::Whole(line) | Line::TooLong(line)) = line;
            let text = plain(&String::from_utf8_lossy(line));
            let now = clock::now();
            if now.saturating_duration_since(since) > LOG_EVERY {
                if left_out > 0 {
                    info!(left_out, "lines of the recogniser are not logged");
                }
                (since, logged, left_out) = (now, 0, 0);
            }
            if logged < LOG_LINES {
                logged += 1;
                info!(line = text, "the recogniser says");
            } else {
                left_out += 1;
            }
            if !text.trim().is_empty() {
                last = Some(text);
            }
        });
    }
    last
}

/// How long it may take to end once its input is closed.
pub(super) const FAREWELL: Duration = Duration::from_secs(2);

/// How long the end of a process is looked for that closed its pipes.
const ENDED: Duration = Duration::from_millis(300);

/// As many lines of its stderr are logged in each such time.
const LOG_LINES: u32 = 20;
const LOG_EVERY: Duration = Duration::from_secs(10);
