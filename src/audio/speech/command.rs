//! Runs the command that speaks.

use std::{
    collections::BTreeSet,
    fs, io, mem,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    pin::pin,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, ChildStdin, Command},
    time::timeout,
};

use super::{
    error::SpeechError,
    settings::{OUTPUT, SaidText, SpeechSettings, TEXT_FILE, VOICE},
};
use crate::{
    audio::refusal::Refusal,
    subprocess::{ProcessGroup, set_apart},
};

/// What a command has said.
pub(super) struct MadeSpeech {
    /// The file.
    pub(super) file: PathBuf,
    _folder: TempDir,
}

/// Lets the command say a text.
///
/// # Errors
/// [`SpeechError`]; it is killed then, with all that it has started.
pub(super) async fn run(
    settings: &SpeechSettings,
    voice: &str,
    said: &SaidText,
    folder: TempDir,
) -> Result<MadeSpeech, SpeechError> {
    let program = || settings.program().to_owned();
    let no_file = |source| SpeechError::File {
        program: program(),
        source,
    };
    let (output, text_file) = (folder.path().join("out.wav"), folder.path().join("text"));
    let line = format!("{}\n", said.text);
    if settings.has(TEXT_FILE) {
        fs::write(&text_file, &line).map_err(no_file)?;
    }
    let is_written = settings.has(OUTPUT);
    let mut arguments = settings.command.iter().map(|argument| {
        argument
            .replace(VOICE, voice)
            .replace(OUTPUT, &output.display().to_string())
            .replace(TEXT_FILE, &text_file.display().to_string())
    });
    let mut command = Command::new(arguments.next().unwrap_or_default());
    command
        .args(arguments)
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(if is_written {
            Stdio::null()
        } else {
            Stdio::piped()
        })
        .stderr(Stdio::piped());
    set_apart(&mut command);
    let mut child = command.spawn().map_err(|source| SpeechError::NotStarted {
        program: program(),
        source,
    })?;
    let group = ProcessGroup::of(&child);
    group.keep_back();
    group.limit_files(MOST_BYTES);
    // Also if nobody waits for it any more.
    let killer = GroupKiller(group);
    let heard = match timeout(settings.timeout, talk(&mut child, &line, killer)).await {
        Ok(heard) => heard.map_err(no_file)?,
        Err(_) => {
            return Err(SpeechError::TimedOut {
                program: program(),
                after: settings.timeout,
            });
        }
    };
    let unfit = |why| SpeechError::Unfit {
        program: program(),
        why,
    };
    if heard.bytes.len() as u64 > MOST_BYTES {
        return Err(unfit(Refusal::TooLarge {
            bytes: heard.bytes.len() as u64,
            limit: MOST_BYTES,
        }));
    }
    if !heard.status.success() {
        return Err(SpeechError::Failed {
            program: program(),
            how: how(heard.status),
            said: last_line(&heard.complaints, said),
        });
    }
    if !is_written {
        fs::write(&output, &heard.bytes).map_err(no_file)?;
    } else if is_missing_or_empty(&output) {
        return Err(SpeechError::Failed {
            program: program(),
            how: "has written nothing".to_owned(),
            said: last_line(&heard.complaints, said),
        });
    }
    Ok(MadeSpeech {
        file: output,
        _folder: folder,
    })
}

/// What a program did from its start to its end.
struct Talk {
    status: ExitStatus,
    bytes: Vec<u8>,
    complaints: Vec<u8>,
}

/// Talks to a program until it ends. What it has started and left running goes then, and nobody waits for that to let go of
/// the pipes.
async fn talk(child: &mut Child, line: &str, killer: GroupKiller) -> io::Result<Talk> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (mut bytes, mut complaints) = (Vec::new(), Vec::new());
    {
        let piped = async {
            tokio::join!(
                write(stdin, line),
                read(stdout, &mut bytes),
                tail(stderr, &mut complaints)
            );
        };
        let mut piped = pin!(piped);
        let ended = killer.0.leader_ended();
        let mut ended = pin!(ended);
        tokio::select! {
            () = &mut ended => {
                // What it wrote last may be on its way.
                let _ = timeout(GRACE, piped).await;
            }
            () = &mut piped => ended.await,
        }
    }
    killer.0.kill();
    let status = child.wait().await?;
    // From here on its id may be another's.
    killer.spare();
    Ok(Talk {
        status,
        bytes,
        complaints,
    })
}

async fn write(stdin: Option<ChildStdin>, line: &str) {
    if let Some(mut stdin) = stdin {
        // One that reads the file instead may have closed it.
        let _ = stdin.write_all(line.as_bytes()).await;
    }
}

/// All of it, up to one byte more than may be; whoever writes more finds nobody reading.
async fn read(stdout: Option<impl AsyncRead + Unpin>, bytes: &mut Vec<u8>) {
    if let Some(stdout) = stdout {
        // What was read counts; how it ended says the status.
        let _ = stdout.take(MOST_BYTES + 1).read_to_end(bytes).await;
    }
}

/// The end of it.
async fn tail(stderr: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let mut bytes = [0; 2_048];
    if let Some(mut stderr) = stderr {
        while let Ok(read @ 1..) = stderr.read(&mut bytes).await {
            kept.extend_from_slice(&bytes[..read]);
            let over = kept.len().saturating_sub(TAIL);
            kept.drain(..over);
        }
    }
}

/// Kills what is not spared.
struct GroupKiller(ProcessGroup);

impl GroupKiller {
    fn spare(self) {
        mem::forget(self);
    }
}

impl Drop for GroupKiller {
    fn drop(&mut self) {
        self.0.kill();
    }
}

fn how(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("failed with status {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "failed".to_owned(),
    }
}

/// The last line of what a program complained of, without what it was to say of a person.
fn last_line(complaints: &[u8], said: &SaidText) -> Option<String> {
    let text = String::from_utf8_lossy(complaints);
    let line = text.lines().rev().find(|line| !line.trim().is_empty())?;
    let line: String = line
        .trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(LINE)
        .collect();
    Some(if said.is_personal {
        without_words_of(&said.text, &line)
    } else {
        line
    })
}

/// The line with a `…` for each word that the text has as well.
fn without_words_of(text: &str, line: &str) -> String {
    let is_mark = |c: char| !c.is_alphanumeric();
    let spoken: BTreeSet<String> = text
        .split(is_mark)
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let mut left = String::new();
    for piece in line.split_inclusive(is_mark) {
        let word = piece.trim_end_matches(is_mark);
        if spoken.contains(&word.to_lowercase()) {
            left.push('…');
            left.push_str(&piece[word.len()..]);
        } else {
            left.push_str(piece);
        }
    }
    left
}

fn is_missing_or_empty(file: &Path) -> bool {
    !fs::metadata(file).is_ok_and(|about| about.len() > 0)
}

/// Most bytes of a recording that a command makes: ten minutes at 48 kHz.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// How long what it wrote may be on its way once it has ended.
const GRACE: Duration = Duration::from_millis(200);

/// How much of the end of its complaints is kept, in bytes.
const TAIL: usize = 4_096;

/// How much of a line is told, in characters.
const LINE: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_told_without_what_was_to_be_said_of_a_person() {
        let said = |text: &str, is_personal| SaidText {
            text: text.to_owned(),
            voice: None,
            is_personal,
        };
        let complaint = b"starting\n\x1b[31mcannot say \"Dr. Ann Smith\": no voice `ann-3`\n\n";
        let line = "[31mcannot say \"Dr. Ann Smith\": no voice `ann-3`";
        assert_eq!(
            last_line(complaint, &said("Ann", false)).as_deref(),
            Some(line)
        );
        let personal = said("Good morning Ann SMITH, room 3.", true);
        assert_eq!(
            last_line(complaint, &personal).as_deref(),
            Some("[31mcannot say \"Dr. … …\": no voice `…-…`")
        );
        assert_eq!(last_line(b" \n\n", &personal), None);
        let long = "x".repeat(5_000);
        assert_eq!(last_line(long.as_bytes(), &personal).unwrap().len(), LINE);
    }
}
