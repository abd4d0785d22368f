//! How often somebody may ask: requests of a token or a user, attempts to sign in of an address and of a name.

use std::{
    fmt,
    net::IpAddr,
    num::NonZeroU32,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::HashMapStateStore,
};

use super::problem::{Problem, ProblemKind};
use crate::metrics::{self, AuthFailure};

/// Counts by a key, of which those are forgotten now and then that have their whole allowance again.
struct Limiter {
    limiter: KeyedLimiter,
    /// How many keys there may be before it is looked which can be forgotten.
    many: AtomicUsize,
}

type KeyedLimiter =
    RateLimiter<String, HashMapStateStore<String>, DefaultClock, StateInformationMiddleware>;

/// All limits. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Limits {
    requests: Arc<Mutex<Option<Requests>>>,
    attempts: Arc<Mutex<Option<Arc<Limiter>>>>,
}

/// Those of requests, as they are configured.
struct Requests {
    per_second: NonZeroU32,
    limiter: Arc<Limiter>,
}

/// What is left to somebody, for the headers of the answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    per_second: u32,
    burst: u32,
    left: u32,
}

impl Limits {
    /// Counts a request of a principal; `None` if there is no limit.
    ///
    /// # Errors
    /// [`Problem`] if it is one too many, which says when the next one may come.
    pub(super) fn count(
        &self,
        principal: &str,
        per_second: Option<NonZeroU32>,
    ) -> Result<Option<Allowance>, Problem> {
        let Some(per_second) = per_second else {
            return Ok(None);
        };
        let limiter = {
            let mut kept = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
            let kept = match kept.take() {
                Some(same) if same.per_second == per_second => kept.insert(same),
                Some(_) | None => {
                    let quota = Quota::per_second(per_second).allow_burst(burst(per_second));
                    kept.insert(Requests {
                        per_second,
                        limiter: Arc::new(Limiter::new(quota)),
                    })
                }
            };
            Arc::clone(&kept.limiter)
        };
        let left = limiter.count(principal.to_owned()).map_err(|wait| {
            let words = format!("a token or a user may make {per_second} requests a second");
            too_many(&words, wait)
        })?;
        Ok(Some(Allowance {
            per_second: per_second.get(),
            burst: burst(per_second).get(),
            left,
        }))
    }

    /// Counts an attempt to sign in, of an address and of a name.
    ///
    /// # Errors
    /// [`Problem`] if it is one too many.
    pub(super) fn attempt(&self, ip: IpAddr, name: &str) -> Result<(), Problem> {
        let limiter = {
            let mut kept = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
            let quota = || {
                let a_minute = Quota::with_period(Duration::from_secs(60));
                let a_minute = a_minute.expect("a minute is not nothing");
                a_minute.allow_burst(ATTEMPTS)
            };
            Arc::clone(kept.get_or_insert_with(|| Arc::new(Limiter::new(quota()))))
        };
        // An address of version 6 is one of a network that belongs to one.
        let from = match ip.to_canonical() {
            IpAddr::V6(ip) => format!("ip {:x?}", &ip.segments()[..4]),
            ip @ IpAddr::V4(_) => format!("ip {ip}"),
        };
        for key in [from, format!("name {name}")] {
            let counted = limiter.count(key);
            counted.map_err(|wait| too_many("there were too many attempts to sign in", wait))?;
        }
        Ok(())
    }
}

impl Allowance {
    /// Tells whoever asked what is left, after draft-ietf-httpapi-ratelimit-headers.
    pub(super) fn tell(self, headers: &mut HeaderMap) {
        let window = self.burst.div_ceil(self.per_second);
        let policy = format!("\"requests\";q={};w={window}", self.burst);
        let missing = self.burst.saturating_sub(self.left);
        let until_full = missing.div_ceil(self.per_second);
        let state = format!("\"requests\";r={};t={until_full}", self.left);
        for (name, text) in [(POLICY, policy), (STATE, state)] {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(name, value);
            }
        }
    }
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Limits")
    }
}

impl Limiter {
    fn new(quota: Quota) -> Self {
        Self {
            limiter: RateLimiter::hashmap(quota).with_middleware(),
            many: AtomicUsize::new(MANY),
        }
    }

    /// Counts one; returns what is left, or how long to wait.
    fn count(&self, key: String) -> Result<u32, Duration> {
        if self.limiter.len() > self.many.load(Ordering::Relaxed) {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
            // So that it is not looked at each time if they are as many as before.
            let many = MANY.max(self.limiter.len() * 2);
            self.many.store(many, Ordering::Relaxed);
        }
        let counted = self.limiter.check_key(&key);
        counted
            .map(|state| state.remaining_burst_capacity())
            .map_err(|until| until.wait_time_from(DefaultClock::default().now()))
    }
}

const fn burst(per_second: NonZeroU32) -> NonZeroU32 {
    per_second.saturating_mul(NonZeroU32::MIN.saturating_add(1))
}

fn too_many(words: &str, wait: Duration) -> Problem {
    metrics::auth_failure(AuthFailure::Limited);
    let seconds = u32::try_from(wait.as_secs() + 1).unwrap_or(u32::MAX);
    Problem::new(ProblemKind::TooManyRequests, words).retry_after(seconds)
}

/// Attempts to sign in that are allowed at once; then it is one a minute.
const ATTEMPTS: NonZeroU32 = NonZeroU32::new(10).expect("it is not zero");

/// How many are remembered before it is looked who can be forgotten.
const MANY: usize = 10_000;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STATE: HeaderName = HeaderName::from_static("ratelimit");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_has_a_burst_and_others_have_theirs() {
        let limits = Limits::default();
        let five = NonZeroU32::new(5);
        for left in (0..10).rev() {
            let allowance = limits.count("token:a", five).unwrap().unwrap();
            assert_eq!(allowance.left, left);
        }
        let refused = limits.count("token:a", five).unwrap_err();
        assert_eq!(refused.kind(), ProblemKind::TooManyRequests);
        assert!(limits.count("token:b", five).is_ok());
        assert!(limits.count("token:a", None).unwrap().is_none());
        // Another limit begins anew.
        assert!(limits.count("token:a", NonZeroU32::new(6)).is_ok());
        let mut headers = HeaderMap::new();
        let allowance = Allowance {
            per_second: 50,
            burst: 100,
            left: 49,
        };
        allowance.tell(&mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"requests\";q=100;w=2");
        assert_eq!(headers["ratelimit"], "\"requests\";r=49;t=2");
    }

    #[test]
    fn attempts_are_counted_by_address_and_by_name() {
        let limits = Limits::default();
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        for n in 0..10 {
            assert!(limits.attempt(ip("10.0.0.1"), &format!("user{n}")).is_ok());
        }
        assert!(limits.attempt(ip("10.0.0.1"), "ann").is_err());
        for n in 0..10 {
            assert!(limits.attempt(ip(&format!("10.0.1.{n}")), "bob").is_ok());
        }
        assert!(limits.attempt(ip("10.0.2.1"), "bob").is_err());
        for n in 0..10 {
            let from = ip(&format!("2001:db8:1:2::{n}"));
            assert!(limits.attempt(from, &format!("six{n}")).is_ok());
        }
        assert!(limits.attempt(ip("2001:db8:1:2:ffff::1"), "eve").is_err());
        assert!(limits.attempt(ip("2001:db8:1:3::1"), "eve").is_ok());
    }
}
