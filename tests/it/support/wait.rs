//! Waiting with a limit. No test sleeps and hopes: it asks again until what it waits for is so, or fails and says what was not.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long anything may take. Far more than it ever does: the limit is for what will never come, not for what is slow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(25);

/// Lets time pass where that is itself what is tested: a moment in which something must not happen, an engine that is slow.
#[expect(clippy::disallowed_methods, reason = "these tests are synchronous, and each has a thread of its own")]
pub(crate) fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

/// Now, as the engine counts: seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the engine is asked for what happened since then")]
pub(crate) fn now_secs() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A point in time after which waiting is given up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    #[expect(clippy::disallowed_methods, reason = "a limit of real time for a real program")]
    pub(crate) fn after(duration: Duration) -> Self {
        Self(Instant::now() + duration)
    }

    #[expect(clippy::disallowed_methods, reason = "a limit of real time for a real program")]
    pub(crate) fn is_over(self) -> bool {
        Instant::now() >= self.0
    }
}

/// Asks until the answer is `Some`; fails with `what` when it never is.
#[track_caller]
pub(crate) fn until_some<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Deadline::after(PATIENCE);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(!deadline.is_over(), "waited {} s in vain until {what}", PATIENCE.as_secs());
        pause(PAUSE);
    }
}

/// Asks until the answer is yes; fails with `what` when it never is.
#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    until_some(what, || is_so().then_some(()));
}
