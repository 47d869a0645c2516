//! The simulated Railway's clock. It advances with the requests, so that every run is the same.

use std::time::Duration;

use jiff::Timestamp;

/// 2026-11-24T09:00:00Z, later than all deployments of the seeds.
const START: i64 = 1_795_510_800;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SimClock(Timestamp);

impl Default for SimClock {
    fn default() -> Self {
        Self(Timestamp::from_second(START).unwrap_or_default())
    }
}

impl SimClock {
    /// Parses a time in Railway's format; the Unix epoch if it is invalid.
    pub fn at(text: &str) -> Self {
        Self(text.parse().unwrap_or_default())
    }

    /// Formats it as a `DateTime`.
    pub fn text(self) -> String {
        format!("{:.3}", self.0)
    }

    /// Formats it as the time of a log line.
    pub fn precisely(self) -> String {
        format!("{:.9}", self.0)
    }

    /// Returns the timestamp.
    pub fn moment(self) -> Timestamp {
        self.0
    }

    /// Returns the time after this duration.
    #[must_use = "returns a new clock"]
    pub fn after(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time).unwrap_or(self.0))
    }

    /// Returns whether a text is a valid time.
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
