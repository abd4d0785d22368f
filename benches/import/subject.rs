//! What is measured, each in a process of its own.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use aftertone::{
    import::Import,
    list::{ContactRules, Fingerprint, List, Mapping},
    phone::{PhoneNumber, Rules},
    store::{Across, DatabaseAddress, ListName, NewCampaign, OWN_LIST, Store},
};
use anyhow::{Context as _, Result, bail, ensure};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

/// What is measured.
pub(crate) enum Subject {
    /// The `csv` crate alone.
    Csv,
    /// Our reader and the digest.
    Fingerprint,
    /// Reader and contacts, on one core.
    Rows,
    /// The `sqlite3` shell.
    Shell,
    /// The import into SQLite.
    Sqlite,
    /// The same, while another process adds opt-outs.
    SqliteBeside,
    /// The import into PostgreSQL, by its URL.
    Postgres(String),
    /// The same, while another process adds opt-outs.
    PostgresBeside(String),
}

impl Subject {
    pub(crate) fn all(postgres: Option<&str>) -> Vec<Self> {
        let mut all = vec![
            Self::Csv,
            Self::Fingerprint,
            Self::Rows,
            Self::Shell,
            Self::Sqlite,
            Self::SqliteBeside,
        ];
        if let Some(url) = postgres {
            all.push(Self::Postgres(url.to_owned()));
            all.push(Self::PostgresBeside(url.to_owned()));
        }
        all
    }

    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Fingerprint => "survey",
            Self::Rows => "rows",
            Self::Shell => "sqlite3",
            Self::Sqlite => "aftertone sqlite",
            Self::SqliteBeside => "aftertone sqlite +",
            Self::Postgres(_) => "aftertone postgres",
            Self::PostgresBeside(_) => "aftertone postgres +",
        }
    }

    /// The arguments that make a process this subject.
    pub(crate) fn arguments(&self, list: &Path, folder: &Path) -> Vec<String> {
        let database = match self {
            Self::Postgres(url) | Self::PostgresBeside(url) => url.clone(),
            Self::Csv
            | Self::Fingerprint
            | Self::Rows
            | Self::Shell
            | Self::Sqlite
            | Self::SqliteBeside => format!("sqlite:{}", folder.join("bench.db").display()),
        };
        let list = list.display().to_string();
        let folder = folder.display().to_string();
        vec![
            ROLE.to_owned(),
            self.name().to_owned(),
            list,
            folder,
            database,
        ]
    }
}

/// The subject that a process is to be.
pub(crate) struct Asked {
    subject: String,
    list: PathBuf,
    folder: PathBuf,
    database: String,
}

/// Whether this process is a subject.
pub(crate) fn asked(arguments: &[String]) -> Option<Result<Asked>> {
    let (role, rest) = arguments.split_first()?;
    if role != ROLE {
        return None;
    }
    let [subject, list, folder, database, ..] = rest else {
        return Some(Err(anyhow::anyhow!("a subject needs four arguments")));
    };
    Some(Ok(Asked {
        subject: subject.clone(),
        list: list.into(),
        folder: folder.into(),
        database: database.clone(),
    }))
}

impl Asked {
    pub(crate) fn run(&self) -> Result<Figures> {
        if self.subject == OPT_OUTS {
            return self.add_opt_outs();
        }
        let began = Instant::now();
        let mut waited = None;
        let rows = match self.subject.as_str() {
            "csv" => self.csv()?,
            "survey" => Fingerprint::of(File::open(&self.list)?, &Mapping::default())?.rows,
            "rows" => self.rows()?,
            other if other.starts_with("aftertone") => {
                let (rows, waits) = self.import(other.ends_with('+'))?;
                waited = waits;
                rows
            }
            other => bail!("no subject `{other}`"),
        };
        ensure!(rows > 0, "nothing was read");
        Figures::of(began, waited)
    }

    /// Adds a number to the do-not-call list twenty times a second until nobody reads what it says, and says how long the
    /// longest took.
    fn add_opt_outs(&self) -> Result<Figures> {
        tokio::runtime::Runtime::new()?.block_on(async {
            let place = DatabaseAddress::parse(&self.database.clone().into())?;
            let store = Store::open(&place).await?;
            let list = ListName::new(OWN_LIST).context("a list's name")?;
            let (ended, mut at_end) = tokio::sync::oneshot::channel();
            std::thread::spawn(move || {
                let _ = std::io::stdin().read_to_end(&mut Vec::new());
                let _ = ended.send(());
            });
            println!("ready");
            let mut longest = Duration::ZERO;
            for nth in 0.. {
                let number = PhoneNumber::from_digits(12_025_550_000 + nth).context("a number")?;
                let began = Instant::now();
                store.bar(&list, &[number], None, Timestamp::now()).await?;
                longest = longest.max(began.elapsed());
                let next = tokio::time::timeout(Duration::from_millis(50), &mut at_end);
                if next.await.is_ok() {
                    break;
                }
            }
            Ok(Figures {
                seconds: longest.as_secs_f64(),
                peak_mb: None,
                longest_wait: None,
            })
        })
    }

    /// Another process that adds opt-outs.
    fn beside(&self) -> Result<Child> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([ROLE, OPT_OUTS])
            .args([&self.list, &self.folder])
            .arg(&self.database)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let said = child.stdout.as_mut().context("its words")?;
        said.read_exact(&mut [0; 6])?;
        Ok(child)
    }

    fn csv(&self) -> Result<u64> {
        let mut reader = csv::Reader::from_path(&self.list)?;
        let mut record = csv::StringRecord::new();
        let mut rows = 0;
        while reader.read_record(&mut record)? {
            rows += 1;
        }
        Ok(rows)
    }

    fn rows(&self) -> Result<u64> {
        let mut list = List::open(File::open(&self.list)?, &Mapping::default())?;
        let rules = ContactRules {
            phone: Rules::default(),
            dates: None,
            message: |_| Ok(()),
        };
        let mut rows = 0;
        while let Some(batch) = list.batch(1_000)? {
            for row in batch.rows() {
                list.columns()
                    .contact(row, &rules)
                    .map_err(|reject| reject.reason)?;
                rows += 1;
            }
        }
        Ok(rows)
    }

    fn import(&self, is_beside: bool) -> Result<(u64, Option<f64>)> {
        tokio::runtime::Runtime::new()?.block_on(async {
            let place = DatabaseAddress::parse(&self.database.clone().into())?;
            let store = Store::open(&place).await?;
            let new = NewCampaign {
                name: format!("bench-{}", std::process::id()),
                spec: "{}".to_owned(),
            };
            let campaign = store.create_campaign(&new, Timestamp::now()).await?;
            let import = Import {
                campaign: campaign.id,
                list: self.list.clone(),
                mapping: Mapping::default(),
                rules: Rules::default(),
                dates: None,
                across: Across::Allow,
                name: None,
                rejects: self.folder.join("rejects.csv"),
                is_change_accepted: false,
                is_beside_others: false,
            };
            let beside = is_beside.then(|| self.beside()).transpose()?;
            let imported = import
                .run(&store, &CancellationToken::new(), |_| {})
                .await?;
            store.close().await;
            let progress = imported.progress;
            ensure!(
                imported.is_complete && progress.rejected == 0,
                "{imported:?}"
            );
            let longest = beside.map(|mut beside| {
                drop(beside.stdin.take());
                let said = beside.wait_with_output()?.stdout;
                let figures = Figures::parse(String::from_utf8_lossy(&said).trim())?;
                anyhow::Ok(figures.seconds)
            });
            Ok((progress.added, longest.transpose()?))
        })
    }
}

/// Runs the `sqlite3` shell; `None` if there is none.
pub(crate) fn shell(list: &Path, folder: &Path) -> Result<Option<Figures>> {
    let database = folder.join("shell.db");
    let table = "PRAGMA journal_mode = WAL; CREATE TABLE contacts (id TEXT, phone TEXT UNIQUE, name TEXT, timezone TEXT, \
                 state TEXT, consent TEXT, consent_at TEXT, consent_source TEXT, city TEXT);";
    let began = Instant::now();
    let ran = Command::new("sqlite3")
        .arg(&database)
        .args([table, ".mode csv"])
        .arg(format!(".import --skip 1 {} contacts", list.display()))
        .output();
    let output = match ran {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    ensure!(
        output.status.success(),
        "sqlite3: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(Some(Figures {
        seconds: began.elapsed().as_secs_f64(),
        peak_mb: None,
        longest_wait: None,
    }))
}

/// What was measured.
pub(crate) struct Figures {
    pub(crate) seconds: f64,
    /// The most memory that the process ever held, in MB of 10^6 bytes, if it is known.
    pub(crate) peak_mb: Option<f64>,
    /// How long the longest of the opt-outs took that were added meanwhile, in seconds.
    pub(crate) longest_wait: Option<f64>,
}

impl Figures {
    fn of(began: Instant, longest_wait: Option<f64>) -> Result<Self> {
        let seconds = began.elapsed().as_secs_f64();
        let status = std::fs::read_to_string("/proc/self/status")?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib: f64 = peak
            .and_then(|peak| peak.split_ascii_whitespace().next())
            .context("no VmHWM in /proc/self/status")?
            .parse()?;
        Ok(Self {
            seconds,
            peak_mb: Some(kib * 1024.0 / 1e6),
            longest_wait,
        })
    }

    pub(crate) fn line(&self) -> String {
        let text = |figure: Option<f64>| figure.map_or_else(|| "-".to_owned(), |it| it.to_string());
        format!(
            "{} {} {}",
            self.seconds,
            text(self.peak_mb),
            text(self.longest_wait)
        )
    }

    pub(crate) fn parse(line: &str) -> Result<Self> {
        let mut figures = line.split(' ');
        let mut next = || {
            figures
                .next()
                .with_context(|| format!("no figures: {line}"))
        };
        Ok(Self {
            seconds: next()?.parse()?,
            peak_mb: next()?.parse().ok(),
            longest_wait: next()?.parse().ok(),
        })
    }
}

const OPT_OUTS: &str = "opt-outs";

const ROLE: &str = "subject";
