//! What has to be right for this process to be fit to work: what `/readyz` looks at, the certificate, the clocks, and whether what
//! is too old is deleted.

use jiff::{SignedDuration, Timestamp};
use tokio::task::spawn_blocking;

use crate::{
    http::{Api, caller::now, health, tls::Certificate},
    store::PruneTurn,
};

/// Something that has to be right.
pub(super) struct FitRow {
    pub(super) check: &'static str,
    /// `ok`, `warn` or `bad`.
    pub(super) state: &'static str,
    pub(super) why: String,
    pub(super) remedy: &'static str,
}

impl FitRow {
    /// In a word.
    pub(super) fn words(&self) -> &'static str {
        match self.state {
            "ok" => "right",
            "warn" => "soon not right",
            _ => "not right",
        }
    }
}

/// All of it.
pub(super) async fn checks(api: &Api) -> Vec<FitRow> {
    let seen = health::seen(api).await.into_iter();
    let mut rows: Vec<_> = seen
        .map(|(check, why)| FitRow {
            check,
            state: if why.is_none() { "ok" } else { "bad" },
            remedy: if why.is_none() { "" } else { remedy(check) },
            why: why.unwrap_or_default(),
        })
        .collect();
    rows.push(shown_certificate(api).await);
    rows.push(clocks(api).await);
    rows.push(retention(api).await);
    rows
}

fn remedy(check: &str) -> &'static str {
    match check {
        "store" => {
            "look whether the database runs, and at `store.url`; nothing is dialled meanwhile, and it goes on by itself"
        }
        "disk" => {
            "make room, or shorten `retention` and `evidence.max_age`; `aftertone prune` removes what is over at once"
        }
        "pbx" => "run the doctor below, which says what is wrong on the way to it",
        "controller" => {
            "look at the log of the service, and restart it: what is in flight is found again"
        }
        _ => "look at the log of the service",
    }
}

async fn shown_certificate(api: &Api) -> FitRow {
    let Some(files) = api.config.borrow().serve.tls.clone() else {
        return FitRow {
            check: CERTIFICATE,
            state: "ok",
            why: "this server speaks plain HTTP: a certificate before it is not looked at here"
                .to_owned(),
            remedy: "",
        };
    };
    let ends = spawn_blocking(move || Certificate::read(&files).map(|read| read.expires()));
    match ends.await {
        Ok(Ok(ends)) => certificate(ends.and_then(|at| Timestamp::from_second(at).ok()), now()),
        Ok(Err(error)) => FitRow {
            check: CERTIFICATE,
            state: "bad",
            why: error.to_string(),
            remedy: "put a certificate and its key there, and reload; the one that is shown stays until then",
        },
        Err(_) => certificate(None, now()),
    }
}

/// Whether a certificate that ends at a moment is right.
fn certificate(ends: Option<Timestamp>, now: Timestamp) -> FitRow {
    let Some(ends) = ends else {
        return FitRow {
            check: CERTIFICATE,
            state: "warn",
            why: "when it ends cannot be read".to_owned(),
            remedy: "look at it with `openssl x509 -noout -enddate`",
        };
    };
    let left = ends.duration_since(now);
    let day = ends.strftime("%Y-%m-%d");
    let (state, why) = if left.is_negative() {
        ("bad", format!("it has ended on {day}: browsers refuse it"))
    } else if left < SOON {
        (
            "warn",
            format!("it ends on {day}, in {} days", left.as_hours() / 24),
        )
    } else {
        ("ok", format!("it ends on {day}"))
    };
    FitRow {
        check: CERTIFICATE,
        state,
        why,
        remedy: match state {
            "ok" => "",
            _ => {
                "put the next one into the file of `serve.tls_certificate`, its key into `serve.tls_key`, and reload"
            }
        },
    }
}

async fn clocks(api: &Api) -> FitRow {
    // What the controller itself finds comes first: for it nothing is dialled.
    let doubt = api.view.borrow().as_ref().and_then(|view| {
        let mut campaigns = view.campaigns.iter();
        let waiting = campaigns.find(|campaign| campaign.waits_for_clocks())?;
        waiting.run.as_ref()?.idle_words.clone()
    });
    if let Some(why) = doubt {
        return FitRow {
            check: CLOCKS,
            state: "bad",
            why,
            remedy: CLOCKS_REMEDY,
        };
    }
    let before = now();
    let ahead = api.store.server_ahead(before).await;
    let took = now().duration_since(before);
    match ahead {
        Ok(ahead) => clock(ahead, took),
        Err(_) => FitRow {
            check: CLOCKS,
            state: "warn",
            why: "the database does not say what its clock shows".to_owned(),
            remedy: remedy("store"),
        },
    }
}

/// Whether the database's clock is right, which was so far ahead of what ours showed before it was asked, and was answered for in
/// this time.
fn clock(ahead: Option<SignedDuration>, took: SignedDuration) -> FitRow {
    let Some(ahead) = ahead else {
        return FitRow {
            check: CLOCKS,
            state: "ok",
            why: "the database is on this machine; the doctor compares with the PBX".to_owned(),
            remedy: "",
        };
    };
    // What it showed lies between the question and the answer.
    let off = if ahead.is_negative() {
        ahead
    } else {
        ahead.saturating_sub(took).max(SignedDuration::ZERO)
    };
    let seconds = off.abs().as_secs_f64();
    let (state, words) = match off {
        _ if off.abs() <= TOLERATED => (
            "ok",
            format!("this clock and the database's agree within {seconds:.3} s"),
        ),
        off if off.is_negative() => (
            "warn",
            format!("the database's clock is {seconds:.3} s behind this one"),
        ),
        _ => (
            "warn",
            format!("the database's clock is {seconds:.3} s ahead of this one"),
        ),
    };
    FitRow {
        check: CLOCKS,
        state: if off.abs() > BAD { "bad" } else { state },
        why: words,
        remedy: match state {
            "ok" => "",
            _ => CLOCKS_REMEDY,
        },
    }
}

async fn retention(api: &Api) -> FitRow {
    match api.store.prune_turn(now()).await {
        Ok(turn) => retained(&turn, now()),
        Err(_) => FitRow {
            check: RETENTION,
            state: "warn",
            why: "the database does not say when what is too old was deleted".to_owned(),
            remedy: remedy("store"),
        },
    }
}

/// Whether what is too old is deleted.
fn retained(turn: &PruneTurn, now: Timestamp) -> FitRow {
    let (state, why, remedy) = match (turn.why_not(), turn.done_at) {
        (Some(why), _) => (
            "bad",
            why,
            "it is tried again every hour; `aftertone prune` deletes it now",
        ),
        (None, None) => (
            "ok",
            "nothing was deleted yet: a controller does it once a day".to_owned(),
            "",
        ),
        (None, Some(at)) if now.duration_since(at) > LONG_AGO => (
            "warn",
            format!("what is too old was last deleted at {at:.0}"),
            "controllers do it once a day: run one, or `aftertone prune`",
        ),
        (None, Some(at)) => ("ok", format!("what is too old was deleted at {at:.0}"), ""),
    };
    FitRow {
        check: RETENTION,
        state,
        why,
        remedy,
    }
}

const CERTIFICATE: &str = "certificate";
const CLOCKS: &str = "clocks";
const RETENTION: &str = "retention";
const CLOCKS_REMEDY: &str = "let both machines keep their clocks by NTP: hours are kept by this one, and leases by the database's";

/// From when on a certificate is about to end; the alert `AftertoneCertificateExpires` has the same.
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

/// After which time what is too old should have been deleted again; the alert `AftertoneRetentionNotKept` has the same.
const LONG_AGO: SignedDuration = SignedDuration::from_hours(2 * 24);

/// A difference of clocks that does no harm, and one that a lease does not outlast.
const TOLERATED: SignedDuration = SignedDuration::from_millis(500);
const BAD: SignedDuration = SignedDuration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_told_of_two_weeks_before_it_ends() {
        let now: Timestamp = "2026-12-01T12:00:00Z".parse().unwrap();
        for (ends, state, words) in [
            ("2027-03-01T12:00:00Z", "ok", "2027-03-01"),
            ("2026-12-15T11:00:00Z", "warn", "in 13 days"),
            ("2026-12-01T11:59:00Z", "bad", "has ended"),
        ] {
            let row = certificate(ends.parse().ok(), now);
            assert_eq!(row.state, state, "{ends}");
            assert!(row.why.contains(words), "{}", row.why);
            assert_eq!(row.remedy.is_empty(), state == "ok");
        }
        assert_eq!(certificate(None, now).state, "warn");
    }

    #[test]
    fn what_is_too_old_and_stays_is_told_of() {
        let now: Timestamp = "2026-12-01T12:00:00Z".parse().unwrap();
        let turn = |done_at: Option<&str>, failed_at: Option<&str>| {
            let turn = PruneTurn {
                is_held: false,
                done_at: done_at.map(|at| at.parse().unwrap()),
                failure: failed_at.map(|at| (at.parse().unwrap(), "no room".to_owned())),
            };
            retained(&turn, now)
        };
        assert_eq!(turn(None, None).state, "ok");
        assert_eq!(turn(Some("2026-11-30T11:00:00Z"), None).state, "ok");
        let late = turn(Some("2026-11-29T11:00:00Z"), None);
        assert_eq!(late.state, "warn");
        assert!(late.why.contains("2026-11-29"), "{}", late.why);
        let failed = turn(Some("2026-11-30T11:00:00Z"), Some("2026-12-01T11:00:00Z"));
        assert_eq!(failed.state, "bad");
        assert!(failed.why.contains("no room"), "{}", failed.why);
    }

    #[test]
    fn clocks_differ_only_by_what_the_way_does_not_explain() {
        let clock = |ahead: i64, took: i64| {
            let row = clock(
                Some(SignedDuration::from_millis(ahead)),
                SignedDuration::from_millis(took),
            );
            (row.state, row.why)
        };
        assert_eq!(clock(40, 50).0, "ok");
        assert_eq!(clock(900, 1_000).0, "ok");
        assert!(clock(1_900, 1_000).1.contains("0.900 s ahead"));
        assert!(clock(-700, 10).1.contains("0.700 s behind"));
        assert_eq!(clock(-700, 10).0, "warn");
        assert_eq!(clock(60_000, 10).0, "bad");
        assert_eq!(super::clock(None, SignedDuration::ZERO).state, "ok");
    }
}
