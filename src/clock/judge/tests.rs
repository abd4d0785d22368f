use super::*;

/// Microseconds of a second.
const S: i64 = 1_000_000;
const HOUR: i64 = 3_600 * S;
const START: i64 = 1_800_000_000 * S;

/// Clocks of a machine and of a server, and the judge that reads them.
struct Clocks {
    /// The real time since the start, which the boot time is as well.
    passed: i64,
    /// By how much the wall clock and the server's are wrong.
    wall: i64,
    server: Option<i64>,
    judge: ClockJudge,
}

impl Clocks {
    fn new() -> Self {
        let first = Reading {
            wall: START,
            boot: 0,
        };
        Self {
            passed: 0,
            wall: 0,
            server: None,
            judge: ClockJudge::new(first),
        }
    }

    fn beside_server() -> Self {
        let mut clocks = Self::new();
        clocks.server = Some(0);
        clocks.look();
        clocks
    }

    fn read(&mut self) -> i64 {
        let reading = self.reading();
        self.judge.read(reading)
    }

    fn reading(&self) -> Reading {
        Reading {
            wall: START + self.passed + self.wall,
            boot: self.passed,
        }
    }

    /// Reads all clocks; returns how far the time gone by is from the real one.
    fn look(&mut self) -> i64 {
        let given = self.read();
        if let Some(server) = self.server {
            let shown = START + self.passed + server;
            let reading = self.reading();
            self.judge.compare(given, shown, reading);
        }
        self.read() - START - self.passed
    }

    /// Lets so many seconds pass, with a look in each.
    fn pass(&mut self, seconds: i64) -> i64 {
        for _ in 0..seconds {
            self.passed += S;
            self.look();
        }
        self.look()
    }

    fn is_certain(&self) -> bool {
        self.judge.doubt().is_none()
    }

    fn words(&self) -> String {
        self.judge
            .doubt()
            .map(|doubt| doubt.to_string())
            .unwrap_or_default()
    }
}

#[test]
fn a_jump_of_the_wall_clock_is_doubted_at_once_and_not_followed() {
    for jump in [10 * HOUR, -10 * HOUR, 3 * S, -3 * S, 2 * S + 1, -2 * S - 1] {
        let mut clocks = Clocks::new();
        clocks.pass(60);
        clocks.wall = jump;
        assert_eq!(clocks.look(), 0, "{jump}");
        assert!(!clocks.is_certain(), "{jump}");
        assert_eq!(clocks.pass(599), 0, "{jump}");
        assert!(!clocks.is_certain(), "{jump}");
        // It is put right.
        clocks.wall = 0;
        assert_eq!(clocks.look(), 0);
        assert_eq!(clocks.pass(4), 0);
        assert!(!clocks.is_certain(), "not at the first sight");
        assert_eq!(clocks.pass(1), 0);
        assert!(clocks.is_certain(), "{}", clocks.words());
    }
}

#[test]
fn small_corrections_are_followed_slowly_and_nothing_stands_still() {
    for jump in [2 * S, -2 * S, S / 2] {
        let mut clocks = Clocks::new();
        clocks.wall = jump;
        assert_eq!(clocks.look(), 0);
        let mut before = 0;
        for second in 1..=4_001 {
            let off = clocks.pass(1);
            assert!(clocks.is_certain());
            assert!((off - before).abs() <= 500, "{second}: {before} {off}");
            before = off;
        }
        assert_eq!(clocks.look(), jump);
    }
    // Each is small; together they are not.
    let mut clocks = Clocks::new();
    for _ in 0..3 {
        clocks.wall += 19 * S / 10;
        clocks.pass(1);
    }
    assert!(!clocks.is_certain());
    // Slow enough, they are followed as far as they go.
    let mut clocks = Clocks::new();
    for _ in 0..20 {
        clocks.wall += S;
        clocks.pass(2_400);
        assert!(clocks.is_certain(), "{}", clocks.words());
    }
    assert_eq!(clocks.look(), 20 * S);
}

#[test]
fn a_machine_that_was_suspended_has_not_jumped() {
    for away in [5 * S, 60 * S, 5 * HOUR] {
        let mut clocks = Clocks::beside_server();
        clocks.pass(10);
        clocks.passed += away;
        assert_eq!(clocks.look(), 0);
        assert!(clocks.is_certain(), "{}", clocks.words());
    }
}

#[test]
fn a_jump_ahead_that_stays_becomes_the_time_and_one_back_wants_a_new_run() {
    let mut clocks = Clocks::new();
    clocks.wall = 5 * HOUR;
    assert_eq!(clocks.pass(600), 0);
    assert!(!clocks.is_certain());
    assert_eq!(clocks.pass(6), 5 * HOUR);
    assert!(clocks.is_certain());

    let mut clocks = Clocks::new();
    clocks.wall = -2 * HOUR;
    assert_eq!(clocks.pass(700), 0);
    let words = "the clock of this machine was set back by 2 h 0 min, and has stayed so; the run begins anew with that time once \
                 the drops in flight have ended";
    assert_eq!(clocks.words(), words);
    // A clock that jumps about never settles.
    let mut clocks = Clocks::new();
    for turn in 0..100 {
        clocks.wall = if turn % 2 == 0 { 10 * HOUR } else { HOUR };
        assert_eq!(clocks.pass(300), 0);
        assert!(!clocks.is_certain());
    }
}

#[test]
fn a_clock_that_comes_and_goes_is_never_relied_on() {
    let mut clocks = Clocks::new();
    for turn in 0..1_000 {
        clocks.wall = if turn % 2 == 0 { 10 * HOUR } else { 0 };
        assert_eq!(clocks.pass(3), 0);
        assert!(!clocks.is_certain());
    }
}

#[test]
fn clocks_that_differ_from_the_server_s_are_doubted_until_they_agree() {
    for by in [10 * HOUR, -10 * HOUR, 3 * S, -3 * S] {
        // Ours jumps; theirs jumps.
        for ours in [true, false] {
            let mut clocks = Clocks::beside_server();
            clocks.pass(30);
            let jumped = |clocks: &mut Clocks, by| match ours {
                true => clocks.wall = by,
                false => clocks.server = Some(by),
            };
            jumped(&mut clocks, by);
            assert_eq!(clocks.look(), 0, "{by} {ours}");
            assert!(!clocks.is_certain(), "{by} {ours}");
            let whose = if ours {
                ": it jumped"
            } else {
                ": the server's jumped"
            };
            assert!(clocks.words().contains(whose), "{}", clocks.words());
            // However long it lasts.
            assert_eq!(clocks.pass(2_000), 0);
            assert!(!clocks.is_certain(), "{by} {ours}");
            jumped(&mut clocks, 0);
            assert_eq!(clocks.pass(6), 0);
            assert!(clocks.is_certain(), "{by} {ours}: {}", clocks.words());
        }
    }
    // A drift, without any jump.
    let mut clocks = Clocks::beside_server();
    for _ in 0..21 {
        clocks.server = clocks.server.map(|server| server + S / 10);
        clocks.pass(3_600);
    }
    assert!(!clocks.is_certain());
}

#[test]
fn a_server_on_the_same_machine_is_no_second_opinion() {
    let mut clocks = Clocks::beside_server();
    clocks.pass(1_000);
    clocks.wall = 10 * HOUR;
    clocks.server = Some(10 * HOUR);
    assert_eq!(clocks.look(), 0);
    assert!(!clocks.is_certain());
    assert_eq!(clocks.pass(599), 0);
    let words = clocks.words();
    assert!(
        words.contains("and of the database server jumped by +10 h 0 min"),
        "{words}"
    );
    assert!(!clocks.is_certain());
    clocks.wall = 0;
    clocks.server = Some(0);
    assert_eq!(clocks.pass(6), 0);
    assert!(clocks.is_certain());
}

#[test]
fn a_clock_that_was_wrong_at_the_start_is_not_gone_by() {
    // Ours is ahead of the server's and is put right; behind it; the server's is put right.
    for (ours, theirs) in [
        (10 * HOUR, 0),
        (-10 * HOUR, 0),
        (0, 10 * HOUR),
        (0, -10 * HOUR),
    ] {
        let mut clocks = Clocks::new();
        let first = Reading {
            wall: START + ours,
            boot: 0,
        };
        clocks.judge = ClockJudge::new(first);
        (clocks.wall, clocks.server) = (ours, Some(theirs));
        clocks.look();
        assert!(!clocks.is_certain(), "{ours} {theirs}");
        assert!(clocks.words().contains("10 h 0 min"), "{}", clocks.words());
        clocks.pass(600);
        assert!(!clocks.is_certain(), "{ours} {theirs}");
        (clocks.wall, clocks.server) = (0, Some(0));
        assert_eq!(clocks.pass(6), 0, "{ours} {theirs}");
        assert!(clocks.is_certain(), "{ours} {theirs}: {}", clocks.words());
    }
}

#[test]
fn an_answer_that_took_long_says_only_what_is_certain() {
    let mut clocks = Clocks::beside_server();
    let late = |clocks: &mut Clocks, server: i64| {
        let given = clocks.read();
        clocks.passed += 8 * S;
        let reading = clocks.reading();
        clocks.judge.compare(given, given + server, reading);
        clocks.is_certain()
    };
    assert!(late(&mut clocks, S), "the server read its clock at once");
    assert!(late(&mut clocks, 8 * S), "or at last");
    assert!(!late(&mut clocks, 11 * S), "it is ahead");
    let mut clocks = Clocks::beside_server();
    assert!(!late(&mut clocks, -3 * S), "it is behind");
}

#[test]
fn time_never_goes_back() {
    let mut clocks = Clocks::beside_server();
    let mut last = 0;
    for turn in 0..5_000_i64 {
        clocks.passed += 70_003 * (turn % 13);
        clocks.wall = (turn * 7_919 % 23 - 11) * S * (turn % 5);
        clocks.server = Some((turn / 100 % 3) * 5 * S);
        clocks.look();
        let now = clocks.read();
        assert!(now >= last);
        last = now;
    }
}
