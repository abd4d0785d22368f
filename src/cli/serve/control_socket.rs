//! The socket in the state folder by which `aftertone reload` reaches a service on this machine.

use std::{
    fs, io,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};
use tracing::debug;

use crate::orders::{ReloadAnswer, ReloadRequest};

/// The socket, which is removed at the end.
pub(super) struct ControlSocket {
    path: PathBuf,
    /// Whether the service before this one has left its own, as one does that is killed.
    pub(super) replaces_one: bool,
    requests: mpsc::UnboundedReceiver<ReloadRequest>,
    task: JoinHandle<()>,
}

/// Where the service that is configured to listen there has its socket.
fn path_of(state_dir: &Path, listen: SocketAddr) -> PathBuf {
    let address = listen.to_string();
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || c == '.' {
            c
        } else {
            '-'
        }
    };
    let address: String = address.chars().map(safe).collect();
    state_dir.join(format!("serve-{address}.sock"))
}

impl ControlSocket {
    /// Begins to take requests, from whoever owns the state folder.
    ///
    /// # Errors
    /// If there cannot be a socket, for example because the folder's path is too long for one.
    pub(super) fn bind(state_dir: &Path, listen: SocketAddr) -> io::Result<Self> {
        let path = path_of(state_dir, listen);
        // Whoever had it before is gone, since this process has the address.
        let replaces_one = match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            removed => removed.is_ok(),
        };
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        let (ask, requests) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        tokio::spawn(answer(stream, ask.clone()));
                    }
                    Err(error) => {
                        debug!(%error, "nobody can be let in to the control socket");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                }
            }
        });
        Ok(Self {
            path,
            replaces_one,
            requests,
            task,
        })
    }

    /// Waits for the next request.
    pub(super) async fn next(&mut self) -> Option<ReloadRequest> {
        self.requests.recv().await
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        self.task.abort();
        // One that is left is replaced by the next service.
        let _ = fs::remove_file(&self.path);
    }
}

/// Takes one request, and answers it in a line of JSON.
async fn answer(stream: UnixStream, ask: mpsc::UnboundedSender<ReloadRequest>) {
    let talk = async {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        (&mut stream)
            .take(LONGEST_LINE)
            .read_line(&mut line)
            .await?;
        if line.trim() != RELOAD {
            return Ok(());
        }
        let (give, given) = oneshot::channel();
        if ask.send(give).is_err() {
            return Ok(());
        }
        let answer = given.await.unwrap_or_else(|_| ReloadAnswer {
            error: Some("the service is about to end".to_owned()),
            ..ReloadAnswer::default()
        });
        let mut text = serde_json::to_string(&answer)?;
        text.push('\n');
        stream.get_mut().write_all(text.as_bytes()).await
    };
    let talked: Result<io::Result<()>, _> = timeout(PATIENCE, talk).await;
    if let Ok(Err(error)) = talked {
        debug!(%error, "a request on the control socket was not answered");
    }
}

/// Has the service that listens there read its configuration anew.
///
/// # Errors
/// If there is none, or it does not answer.
pub(in crate::cli) async fn ask_to_reload(
    state_dir: &Path,
    listen: SocketAddr,
) -> io::Result<ReloadAnswer> {
    let talk = async {
        let mut stream = BufReader::new(UnixStream::connect(path_of(state_dir, listen)).await?);
        let request = format!("{RELOAD}\n");
        stream.get_mut().write_all(request.as_bytes()).await?;
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        Ok(serde_json::from_str(&line)?)
    };
    timeout(PATIENCE, talk).await?
}

const RELOAD: &str = "reload";

/// Bytes; a request has far fewer.
const LONGEST_LINE: u64 = 100;

/// How long either side waits for the other.
const PATIENCE: Duration = Duration::from_secs(30);
