//! The simulated Railway's own time, which passes with the requests, so that every run is the same.

use std::time::Duration;

use jiff::Timestamp;

/// 2026-11-24T09:00:00Z; whatever a seed deployed is older.
const START: i64 = 1_795_510_800;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SimClock(Timestamp);

impl Default for SimClock {
    fn default() -> Self {
        Self(Timestamp::from_second(START).unwrap_or_default())
    }
}

impl SimClock {
    /// Returns a time in Railway's format; the beginning of time where it is none.
    pub fn at(text: &str) -> Self {
        Self(text.parse().unwrap_or_default())
    }

    /// In the format of a `DateTime`.
    pub fn text(self) -> String {
        format!("{:.3}", self.0)
    }

    /// In the format of a log line.
    pub fn precisely(self) -> String {
        format!("{:.9}", self.0)
    }

    /// Returns the moment itself.
    pub fn moment(self) -> Timestamp {
        self.0
    }

    /// So much later.
    #[must_use = "a clock is a moment; this makes another"]
    pub fn after(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time).unwrap_or(self.0))
    }

    /// Returns whether a text is a time.
    pub(crate) fn reads(text: &str) -> bool {
        text.parse::<Timestamp>().is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::io::sim::clock::SimClock;

    #[test]
    fn formats_times_like_railway() {
        let clock = SimClock::default().after(Duration::from_millis(1_005));
        assert_eq!(clock.text(), "2026-11-24T09:00:01.005Z");
        assert_eq!(clock.precisely(), "2026-11-24T09:00:01.005000000Z");
        assert_eq!(SimClock::at("2026-11-24T09:00:01.005Z"), clock);
        assert!(SimClock::reads("2026-11-24T09:00:01Z") && !SimClock::reads("yesterday"));
    }
}
