//! Programs of the user's that run beside us: in groups of their own, without our secrets, and behind calls.

use std::fs;

use rustix::{
    io::Errno,
    process::{
        Pid, Resource, Rlimit, Signal, WaitId, WaitIdOptions, kill_process_group, prlimit,
        setpriority_process, waitid,
    },
};
use tokio::{
    process::{Child, Command},
    task::spawn_blocking,
};
use tracing::debug;

/// Sets a program apart from us before it is started: a Ctrl-C is not for it, our variables are not its, and it does not
/// outlive what waits for it.
pub(crate) fn set_apart(command: &mut Command) {
    command.process_group(0).kill_on_drop(true);
    // Secrets may come by our environment.
    for (name, _) in std::env::vars_os() {
        if name.as_encoded_bytes().starts_with(OURS) {
            command.env_remove(name);
        }
    }
}

/// A program that was set apart, and all that it has started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProcessGroup(Option<Pid>);

impl ProcessGroup {
    /// The group of a child that was just started.
    pub(crate) fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.and_then(Pid::from_raw))
    }

    /// Calls come first: it gets what of the processor is left, and is the first to go if memory runs out.
    pub(crate) fn keep_back(self) {
        let Some(pid) = self.0 else {
            return;
        };
        if let Err(error) = setpriority_process(Some(pid), NICE) {
            debug!(%error, "the program runs at our own priority");
        }
        let score = format!("/proc/{}/oom_score_adj", pid.as_raw_nonzero());
        if let Err(error) = fs::write(score, OOM_SCORE) {
            debug!(%error, "the program is not the first to go if memory runs out");
        }
    }

    /// Lets it write files of at most so many bytes each.
    pub(crate) fn limit_files(self, most: u64) {
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        if let Some(pid) = self.0
            && let Err(error) = prlimit(Some(pid), Resource::Fsize, limit)
        {
            debug!(%error, "the program may write files of any size");
        }
    }

    /// Waits until the child has ended, and leaves it to be waited for: until that is done nobody else gets its id, and the
    /// group is its own.
    pub(crate) async fn leader_ended(self) {
        let Some(pid) = self.0 else {
            return;
        };
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        // If it cannot be told, whoever waits for the child is told.
        let waited =
            spawn_blocking(
                move || {
                    while matches!(waitid(WaitId::Pid(pid), ended), Err(Errno::INTR)) {}
                },
            );
        let _ = waited.await;
    }

    /// Kills all of it: the command may be a shell that started the program.
    pub(crate) fn kill(self) {
        if let Some(group) = self.0 {
            // It may be gone.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// What the names of our own variables begin with.
const OURS: &[u8] = b"AFTERTONE";

const NICE: i32 = 10;

const OOM_SCORE: &str = "800";
