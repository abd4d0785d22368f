use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use super::*;
use crate::store::{Campaign, DatabaseAddress, NewCampaign};

/// A store, a campaign and a folder for lists.
struct Desk {
    folder: tempfile::TempDir,
    store: Store,
    campaign: CampaignId,
}

impl Desk {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).await;
        let campaign = campaign(&store, "spring").await.id;
        Self {
            folder,
            store,
            campaign,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn import(&self, text: &str) -> Import {
        fs::write(self.path("leads.csv"), text).unwrap();
        import(self.folder.path(), self.campaign)
    }

    fn rejects(&self) -> String {
        fs::read_to_string(self.path("rejects.csv")).unwrap()
    }

    async fn run(&self, import: &Import) -> Imported {
        import
            .run_by(FEW, &self.store, &CancellationToken::new(), |_| {})
            .await
            .unwrap()
    }

    /// Runs until so many transactions are in.
    async fn some(&self, import: &Import, transactions: usize) -> Imported {
        let stop = CancellationToken::new();
        let mut told = 0;
        // It reports once before the first one.
        let tell = |_: &Progress| {
            told += 1;
            if told > transactions {
                stop.cancel();
            }
        };
        import.run_by(FEW, &self.store, &stop, tell).await.unwrap()
    }

    /// The lines that became contacts, by the import that is the latest.
    async fn lines(&self) -> Vec<u64> {
        let imports = self.store.imports(self.campaign).await.unwrap();
        let (_, last) = imports.last().unwrap();
        self.store.lines_in(last, 0..=u64::MAX >> 1).await.unwrap()
    }
}

/// Small steps, so that small lists have many of them; only rows end a transaction.
const FEW: Steps = Steps {
    batch: 200,
    rows: TRANSACTION,
    time: Duration::from_secs(600),
    checkpoint: None,
    pause: None,
};

const TRANSACTION: usize = 1_000;

async fn open(folder: &Path) -> Store {
    let place = DatabaseAddress::Sqlite(folder.join("aftertone.db"));
    Store::open(&place).await.unwrap()
}

async fn campaign(store: &Store, name: &str) -> Campaign {
    let new = NewCampaign {
        name: name.to_owned(),
        spec: "{}".to_owned(),
    };
    store.create_campaign(&new, wall()).await.unwrap()
}

fn import(folder: &Path, campaign: CampaignId) -> Import {
    Import {
        campaign,
        list: folder.join("leads.csv"),
        mapping: Mapping::default(),
        rules: Rules::default(),
        dates: None,
        across: Across::Allow,
        name: None,
        rejects: folder.join("rejects.csv"),
        is_change_accepted: false,
        is_beside_others: false,
    }
}

/// A list of so many rows; of ten rows one is no number, and one has the number of the row before it.
fn list(rows: u64) -> String {
    let mut text = "phone,name\n".to_owned();
    for n in 0..rows {
        match n % 10 {
            3 => text.push_str(&format!("x,=row {n}\n")),
            7 => text.push_str(&format!("{},again\n", number(n - 1))),
            _ => text.push_str(&format!("{},row {n}\n", number(n))),
        }
    }
    text
}

fn number(n: u64) -> String {
    format!("+1202{}{:04}", 220 + n / 10_000, n % 10_000)
}

#[tokio::test]
async fn rows_become_contacts_or_rejects_and_a_list_is_imported_once() {
    let desk = Desk::new().await;
    let import = desk.import(
        "phone,name,note\n2025550101,Ann,\nx,Bob,=1+1\n(202) 555-0101,Ann again,\n202-555-0102,Eve,\n",
    );
    let done = desk.run(&import).await;
    assert!(done.is_complete);
    assert_eq!(
        (
            done.progress.added,
            done.progress.rejected,
            done.progress.rows_in_all
        ),
        (2, 2, 4)
    );
    assert_eq!(
        done.reasons,
        BTreeMap::from([("duplicate", 1), ("invalid_number", 1)])
    );
    assert_eq!(done.rejects, Some(desk.path("rejects.csv")));
    let rejects = desk.rejects();
    let lines: Vec<_> = rejects.lines().collect();
    assert_eq!(
        lines[0],
        "rejected_line,rejected_because,rejected_detail,phone,name,note"
    );
    assert!(lines[1].starts_with("3,invalid_number,") && lines[1].ends_with(",x,Bob,\"'=1+1\""));
    assert!(
        lines[2].starts_with("4,duplicate,") && lines[2].ends_with(",(202) 555-0101,Ann again,")
    );
    assert_eq!(desk.lines().await, [2, 5]);

    let again = desk.run(&import).await;
    assert!(again.is_complete && again.rejects.is_none());
    assert_eq!((again.progress.added, again.rows_before), (2, 4));
    assert_eq!(desk.rejects(), rejects);
}

#[tokio::test]
async fn numbers_of_other_campaigns_are_left_out_where_that_is_asked() {
    let desk = Desk::new().await;
    desk.run(&desk.import("phone\n2025550101\n")).await;
    let other = campaign(&desk.store, "summer").await.id;
    let import = Import {
        campaign: other,
        across: Across::SkipAny,
        ..desk.import("phone\n2025550101\n2025550102\n")
    };
    let done = desk.run(&import).await;
    assert_eq!((done.progress.added, done.progress.rejected), (1, 1));
    assert!(
        desk.rejects()
            .contains("2,duplicate,another campaign has the number,2025550101")
    );
}

#[tokio::test]
async fn a_list_that_cannot_be_read_to_its_end_is_refused_as_a_whole() {
    let desk = Desk::new().await;
    let import = desk.import("phone\n2025550101\n");
    fs::write(
        &import.list,
        b"phone,name\n2025550101,Ann\n2025550102,Ren\xe9\n",
    )
    .unwrap();
    let ended = import
        .run(&desk.store, &CancellationToken::new(), |_| {})
        .await;
    let error = ended.unwrap_err();
    assert!(matches!(
        &error,
        ImportError::List {
            source: ListError::NotUtf8 { line: 3 },
            ..
        }
    ));
    assert!(error.hint().unwrap().contains("iconv"));
    assert!(desk.store.imports(desk.campaign).await.unwrap().is_empty());

    let import = Import {
        rejects: import.list.clone(),
        ..import
    };
    let ended = import
        .run(&desk.store, &CancellationToken::new(), |_| {})
        .await;
    assert!(matches!(ended, Err(ImportError::SameFile { .. })));
}

#[tokio::test]
async fn an_import_that_stopped_goes_on_as_if_it_had_not() {
    let rows = 4 * TRANSACTION as u64 + 100;
    let text = list(rows);
    let whole = Desk::new().await;
    let expected = whole.run(&whole.import(&text)).await;
    assert!(expected.is_complete);
    assert_eq!(expected.progress.rows, rows);
    assert_eq!(expected.progress.rejected, rows / 10 + rows / 10);

    let desk = Desk::new().await;
    let import = desk.import(&text);
    for batches in [1, 2] {
        let stopped = desk.some(&import, batches).await;
        assert!(!stopped.is_complete);
    }
    // Killed behind a commit: the rejects of its batches are there in part, or not at all.
    let rejects = desk.rejects();
    let third = rejects
        .lines()
        .filter(|line| reject_line(line) <= 2 * TRANSACTION as u64 + 1)
        .count();
    let kept: String = rejects.split_inclusive('\n').take(third).collect();
    for cut in [kept.len() + 17, kept.len()] {
        fs::write(&import.rejects, &rejects[..cut]).unwrap();
        let stopped = desk.some(&import, 0).await;
        assert_eq!(stopped.progress.rows, 3 * TRANSACTION as u64);
        assert_eq!(desk.rejects(), rejects, "cut at {cut}");
    }
    let done = desk.run(&import).await;
    assert_eq!(done.rows_before, 3 * TRANSACTION as u64);
    assert!(done.is_complete);
    assert_eq!(
        (done.progress.added, done.progress.rejected),
        (expected.progress.added, expected.progress.rejected)
    );
    assert_eq!(desk.rejects(), whole.rejects());
    assert_eq!(desk.lines().await, whole.lines().await);
}

#[tokio::test]
async fn rejects_that_a_transaction_lacks_are_found_again_to_the_last_row() {
    // No end of line behind the last row, and transactions of unequal lengths, cut by their time.
    let text = list(2 * TRANSACTION as u64 + 8);
    let text = text.trim_end();
    let whole = Desk::new().await;
    let expected = whole.run(&whole.import(text)).await;
    for steps in [
        FEW,
        ONE_WRITER,
        Steps {
            batch: 7,
            rows: 800,
            ..FEW
        },
    ] {
        let desk = Desk::new().await;
        let import = desk.import(text);
        let stop = CancellationToken::new();
        // Every transaction is in, but not that the list is at its end; a kill there leaves the last one's rejects out.
        let ended = import
            .run_by(steps, &desk.store, &stop, |progress| {
                if progress.rows == progress.rows_in_all {
                    fs::write(&import.list, "phone\n").unwrap();
                }
            })
            .await;
        assert!(
            matches!(ended, Err(ImportError::Changing { .. })),
            "{ended:?}"
        );
        let import = desk.import(text);
        let last = desk
            .store
            .imports(desk.campaign)
            .await
            .unwrap()
            .pop()
            .unwrap()
            .1;
        assert!(
            !last.is_complete && last.bytes == text.len() as u64,
            "{last:?}"
        );
        let rejects = desk.rejects();
        let kept: String = rejects
            .split_inclusive('\n')
            .take_while(|line| reject_line(line) <= last.last_lines)
            .collect();
        assert!(kept.len() < rejects.len());
        fs::write(&import.rejects, kept).unwrap();
        // The next run may take other steps.
        let done = desk.run(&import).await;
        assert!(done.is_complete);
        assert_eq!(done.progress.rejected, expected.progress.rejected);
        assert_eq!(desk.rejects(), whole.rejects());
    }
}

#[tokio::test]
async fn a_transaction_ends_by_its_rows_or_its_bytes() {
    let tells = async |text: &str, steps: Steps| {
        let desk = Desk::new().await;
        let mut told = Vec::new();
        let stop = CancellationToken::new();
        let tell = |progress: &Progress| told.push(progress.rows);
        let import = desk.import(text);
        import
            .run_by(steps, &desk.store, &stop, tell)
            .await
            .unwrap();
        told
    };
    let text = list(1_500);
    assert_eq!(tells(&text, FEW).await, [0, 1_000, 1_500]);
    // One that has to be over at once has a batch, as soon as it is known how long they take.
    let at_once = Steps {
        time: Duration::ZERO,
        ..FEW
    };
    let told = tells(&list(2_500), at_once).await;
    assert_eq!(told, [0, 1_000, 2_000, 2_200, 2_400, 2_500]);
    let long = format!(
        "phone,note\n{}",
        format!("x,{}\n", "y".repeat(8_000)).repeat(900)
    );
    // A batch is of a MiB at most.
    assert_eq!(tells(&long, FEW).await, [0, 528, 900]);
}

fn reject_line(line: &str) -> u64 {
    line.split(',').next().unwrap().parse().unwrap_or(0)
}

#[tokio::test]
async fn a_list_that_changed_while_its_import_was_stopped_is_refused_until_that_is_accepted() {
    let desk = Desk::new().await;
    let text = list(2 * TRANSACTION as u64);
    let import = desk.import(&text);
    assert!(!desk.some(&import, 1).await.is_complete);
    let mut changed = desk.import(&format!("{text}2025550101,New\n"));
    let ended = changed
        .run(&desk.store, &CancellationToken::new(), |_| {})
        .await;
    assert!(matches!(ended, Err(ImportError::Changed { rows, .. }) if rows == TRANSACTION as u64));
    assert!(ended.unwrap_err().hint().is_some());

    changed.is_change_accepted = true;
    let done = desk.run(&changed).await;
    // The changed list says of the first half what was known, and the rest is added.
    let progress = done.progress;
    assert!(done.is_complete && progress.unchanged > TRANSACTION as u64 / 2);
    assert_eq!(progress.updated, 0);
    let lines = desk.lines().await;
    assert_eq!(lines.len() as u64, progress.added + progress.unchanged);
}

#[tokio::test]
async fn a_list_that_changes_while_it_is_imported_is_not_complete() {
    let desk = Desk::new().await;
    let import = desk.import(&list(2 * TRANSACTION as u64));
    let path = import.list.clone();
    let tell = |progress: &Progress| {
        if progress.rows > 0 {
            fs::write(&path, "phone\n").unwrap();
        }
    };
    let ended = import
        .run_by(FEW, &desk.store, &CancellationToken::new(), tell)
        .await;
    assert!(ended.is_err(), "{ended:?}");
    assert!(
        !desk.store.imports(desk.campaign).await.unwrap()[0]
            .1
            .is_complete
    );
}

/// Is a process of its own, if the test below says so: imports, reports after each transaction, and is killed.
#[test]
#[expect(clippy::print_stdout, reason = "who kills it waits for its words")]
fn importing_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let folder = PathBuf::from(folder);
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = open(&folder).await;
        let campaign = store.campaign("spring").await.unwrap().unwrap().id;
        let import = import(&folder, campaign);
        let tell = |progress: &Progress| println!("rows {}", progress.rows);
        import
            .run_by(FEW, &store, &CancellationToken::new(), tell)
            .await
            .unwrap();
    });
}

#[tokio::test]
async fn an_import_that_is_killed_again_and_again_ends_as_one_that_was_not() {
    let rows = 12 * TRANSACTION as u64;
    let text = list(rows);
    let whole = Desk::new().await;
    whole.run(&whole.import(&text)).await;

    let desk = Desk::new().await;
    let import = desk.import(&text);
    desk.store.close().await;
    let mut kills = 0;
    let mut dice = 7_u64;
    loop {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "import::tests::importing_until_it_is_killed",
                "--nocapture",
            ])
            .env(FOLDER, desk.folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        dice = dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        // Behind the first or second transaction, and a little: in the midst of the next one.
        let after = 2 + usize::from(dice >> 40 & 1 == 1);
        let mut lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok)
            .filter(|line| line.starts_with("rows "));
        let told = lines.by_ref().take(after).count();
        for _ in 0..dice >> 33 & 0xf_ffff {
            std::hint::spin_loop();
        }
        let is_over = told < after;
        if !is_over {
            child.kill().unwrap();
            kills += 1;
        }
        child.wait().unwrap();
        if is_over || kills > 40 {
            break;
        }
    }
    assert!(kills >= 4, "killed {kills} times");
    let desk = Desk {
        store: open(desk.folder.path()).await,
        ..desk
    };
    let done = desk.run(&import).await;
    assert!(done.is_complete);
    assert_eq!(done.progress.rows, rows);
    assert_eq!(desk.lines().await, whole.lines().await);
    assert_eq!(desk.rejects(), whole.rejects());
}

const FOLDER: &str = "AFTERTONE_TEST_IMPORT_FOLDER";
