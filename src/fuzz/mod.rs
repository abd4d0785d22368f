//! A small fuzzer: makes bytes, hands them to a check, and keeps those that make it panic.
//!
//! ```text
//!  inputs/TARGET ──> corpus ──> mutate ──> check ──panics──> inputs/TARGET/found-…, and the test fails
//!                      ^─── reached something new ───┘
//! ```
//!
//! As an ordinary test each check gets all its kept inputs and then a fixed number of mutated ones, always the same.
//! Under `make fuzz` it runs for [`SECONDS`], and what reaches code that no input reached before is mutated further; the
//! compiler counts (see `tests/fuzz/coverage.rs`). The checks are beside what they check, in each `fuzz` module.

mod bytes;
mod ears;
mod mutate;

use std::{
    fs,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use self::mutate::Mutator;

pub(crate) use self::bytes::Bytes;

/// What is tested, and how.
pub(crate) struct Target {
    /// Its name, and that of the folder of its inputs.
    pub(crate) name: &'static str,
    /// How many inputs an ordinary test makes up.
    pub(crate) inputs: u32,
    /// The longest input, in bytes.
    pub(crate) longest: usize,
    /// Words that its inputs are likely to hold.
    pub(crate) words: &'static [&'static [u8]],
}

impl Target {
    /// Hands inputs to `check`.
    ///
    /// # Panics
    /// If one of them makes it panic. The input is kept, and the message says where.
    pub(crate) fn check(&self, check: impl Fn(&[u8])) {
        let only = std::env::var("FUZZ_TARGET").unwrap_or_default();
        if !only.is_empty() && only != self.name {
            return;
        }
        let mut corpus = Vec::new();
        for path in files(&self.folder()) {
            let input = fs::read(&path).unwrap();
            let ended = panic::catch_unwind(AssertUnwindSafe(|| check(&input)));
            assert!(ended.is_ok(), "{}: {} fails", self.name, path.display());
            corpus.push(input);
        }
        let mutator = Mutator::new(self.longest, self.words);
        match std::env::var(SECONDS) {
            Err(_) => self.some(corpus, mutator, check),
            Ok(seconds) => {
                let time = Duration::from_secs(seconds.parse().expect("a number of seconds"));
                self.guided(corpus, mutator, check, time);
            }
        }
    }

    /// Always the same inputs, so that a test that fails here fails everywhere.
    fn some(&self, corpus: Vec<Vec<u8>>, mut mutator: Mutator, check: impl Fn(&[u8])) {
        for n in 0..self.inputs {
            let input = mutator.next(&corpus);
            if panic::catch_unwind(AssertUnwindSafe(|| check(&input))).is_err() {
                let kept = self.keep(&input);
                panic!("{}: input {n} fails; it is kept as {kept}", self.name);
            }
        }
    }

    /// What reaches something new is mutated further.
    #[expect(
        clippy::print_stdout,
        clippy::disallowed_methods,
        reason = "it runs by the clock, and says how far it is"
    )]
    fn guided(
        &self,
        mut corpus: Vec<Vec<u8>>,
        mut mutator: Mutator,
        check: impl Fn(&[u8]),
        time: Duration,
    ) {
        let grown = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("target/fuzz/corpus")
            .join(self.name);
        fs::create_dir_all(&grown).unwrap();
        let kept = files(&grown)
            .into_iter()
            .map(|path| fs::read(path).unwrap());
        let mut waiting: Vec<_> = kept.chain(std::mem::take(&mut corpus)).collect();
        let began = Instant::now();
        mutator.seed(u64::from(began.elapsed().subsec_nanos()) ^ u64::from(std::process::id()));
        let mut reached = Reached::default();
        let watch = Watch::new(self.name, &grown);
        let (mut runs, mut told) = (0_u64, began);
        while began.elapsed() < time {
            let given = waiting.pop();
            let input = given.clone().unwrap_or_else(|| mutator.next(&corpus));
            watch.begins(&input);
            if panic::catch_unwind(AssertUnwindSafe(|| check(&input))).is_err() {
                let small = smallest(&input, &check);
                let kept = self.keep(&small);
                panic!("{}: input {runs} fails; it is kept as {kept}", self.name);
            }
            runs += 1;
            if reached.is_new() {
                if given.is_none() {
                    fs::write(grown.join(format!("{:016x}", hash(&input))), &input).unwrap();
                }
                corpus.push(input);
            }
            if told.elapsed() > Duration::from_secs(10) {
                told = Instant::now();
                println!("{}", self.progress(runs, began, &corpus, &reached));
            }
        }
        println!("{}: done", self.progress(runs, began, &corpus, &reached));
    }

    fn progress(&self, runs: u64, began: Instant, corpus: &[Vec<u8>], reached: &Reached) -> String {
        format!(
            "{:<12} {:>5.0} s {runs:>9} inputs {:>5} kept {:>6} of {} branches",
            self.name,
            began.elapsed().as_secs_f64(),
            corpus.len(),
            reached.branches(),
            reached.seen.len(),
        )
    }

    fn folder(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/fuzz/inputs")
            .join(self.name)
    }

    /// Keeps an input that fails, for every test to come.
    fn keep(&self, input: &[u8]) -> String {
        let path = self.folder().join(format!("found-{:016x}", hash(input)));
        match fs::create_dir_all(self.folder()).and_then(|()| fs::write(&path, input)) {
            Ok(()) => path.display().to_string(),
            // A folder that cannot be written to: then the message has to hold it.
            Err(error) => format!("{input:02x?} ({error})"),
        }
    }
}

/// For how many seconds each target runs; unset in an ordinary test.
pub(crate) const SECONDS: &str = "FUZZ_SECONDS";

/// Which branches were ever reached, and about how often by one input.
#[derive(Default)]
struct Reached {
    /// For each branch the powers of two of how often.
    seen: Vec<u8>,
}

impl Reached {
    /// Whether the last input reached a branch that none did before, or another number of times.
    fn is_new(&mut self) -> bool {
        let mut new = false;
        take(|branch, times| {
            if branch >= self.seen.len() {
                self.seen.resize(counters().max(branch + 1), 0);
            }
            let often = 1 << times.ilog2();
            new |= self.seen[branch] & often == 0;
            self.seen[branch] |= often;
        });
        new
    }

    fn branches(&self) -> usize {
        self.seen.iter().filter(|often| **often > 0).count()
    }
}

#[cfg(fuzzing)]
use coverage::{counters, take};

/// Nothing counts in an ordinary build.
#[cfg(not(fuzzing))]
fn take(_: impl FnMut(usize, u8)) {}

#[cfg(not(fuzzing))]
fn counters() -> usize {
    0
}

/// Ends the program if one input takes too long, and keeps the input.
struct Watch {
    begins: mpsc::Sender<()>,
    input: Arc<Mutex<Vec<u8>>>,
}

impl Watch {
    fn new(name: &'static str, folder: &Path) -> Self {
        let (begins, begun) = mpsc::channel();
        let input = Arc::<Mutex<Vec<u8>>>::default();
        let (watched, path) = (Arc::clone(&input), folder.join("too-long"));
        thread::spawn(move || {
            loop {
                match begun.recv_timeout(TOO_LONG) {
                    Ok(()) => {}
                    Err(mpsc::RecvTimeoutError::Disconnected) => return,
                    Err(mpsc::RecvTimeoutError::Timeout) => {
                        let input = watched.lock().unwrap_or_else(PoisonError::into_inner);
                        // It ends here in any case.
                        let _ = fs::write(&path, &*input);
                        panic_out(name, &path);
                    }
                }
            }
        });
        Self { begins, input }
    }

    fn begins(&self, input: &[u8]) {
        let mut kept = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clear();
        kept.extend_from_slice(input);
        // The watch lives as long as this.
        let _ = self.begins.send(());
    }
}

#[expect(clippy::print_stderr, reason = "the last words of the program")]
fn panic_out(name: &str, path: &Path) -> ! {
    eprintln!(
        "{name}: one input took over {TOO_LONG:?}: {}",
        path.display()
    );
    std::process::abort()
}

/// Leaves out of an input all that it does not need to fail.
fn smallest(input: &[u8], check: impl Fn(&[u8])) -> Vec<u8> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let mut small = input.to_vec();
    let mut size = (small.len() / 2).max(1);
    loop {
        let mut at = 0;
        while at < small.len() {
            let mut less = small.clone();
            less.drain(at..(at + size).min(less.len()));
            if panic::catch_unwind(AssertUnwindSafe(|| check(&less))).is_err() {
                small = less;
            } else {
                at += size;
            }
        }
        if size == 1 {
            break;
        }
        size /= 2;
    }
    panic::set_hook(hook);
    small
}

/// All files of a folder, in the order of their names; none if there is no such folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// FNV-1a: names files by what is in them.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// No input needs as long as this.
const TOO_LONG: Duration = Duration::from_secs(60);

#[test]
fn what_fails_is_found_kept_small_and_found_again() {
    let bad = |input: &[u8]| assert!(!input.windows(3).any(|three| three == b"bad"));
    let long = b"some long text that is bad in one place of it".to_vec();
    assert_eq!(smallest(&long, bad), b"bad");
    let mut mutator = Mutator::new(64, &[b"bad"]);
    let found = (0..2_000).any(|_| mutator.next(&[]).windows(3).any(|three| three == b"bad"));
    assert!(found);
}
