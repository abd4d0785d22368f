//! A process that was started to be measured: words to and from it, and what the kernel says about it.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::{Context, Result, bail};

/// This program, started in another role. It ends with its handle.
pub(crate) struct Started {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Started {
    pub(crate) fn new(arguments: &[String]) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--role")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        Ok(Self {
            child,
            input: input.context("no standard input")?,
            output: BufReader::new(output.context("no standard output")?),
        })
    }

    pub(crate) fn say(&mut self, word: &str) -> Result<()> {
        writeln!(self.input, "{word}")?;
        Ok(self.input.flush()?)
    }

    pub(crate) fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }

    pub(crate) fn expect(&mut self, word: &str) -> Result<()> {
        let line = self.line()?;
        if line != word {
            bail!("said `{line}` where `{word}` was due");
        }
        Ok(())
    }

    /// Processor seconds used so far.
    pub(crate) fn cpu(&self) -> Result<f64> {
        cpu(self.child.id())
    }

    /// One of the memory figures of proc(5)'s status file, in MB of a million bytes.
    pub(crate) fn memory(&self, name: &str) -> Result<f64> {
        memory(self.child.id(), name)
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for a line from the process that started this one; `None` if there will be none.
pub(crate) async fn told() -> Result<Option<String>> {
    let line = tokio::task::spawn_blocking(|| std::io::stdin().lines().next().transpose());
    Ok(line.await??)
}

/// Processor seconds that a process has used so far, user and system.
pub(crate) fn cpu(process: u32) -> Result<f64> {
    Ok(ticks(process, 11, 2)? / 100.0)
}

/// The sum of fields of proc(5)'s stat file, in hundredths of a second; the first after the name is 0.
pub(crate) fn ticks(process: u32, first: usize, fields: usize) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, after_name) = stat.rsplit_once(')').context("an odd stat file")?;
    let fields = after_name.split_whitespace().skip(first).take(fields);
    Ok(fields.filter_map(|field| field.parse::<f64>().ok()).sum())
}

/// One of the memory figures of proc(5)'s status file, in MB of a million bytes.
pub(crate) fn memory(process: u32, name: &str) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find(|line| line.starts_with(name));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    Ok(kilobytes.context("an odd status file")? * 1_024.0 / 1e6)
}
