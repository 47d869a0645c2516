//! The name of a run, which a user can type. Its number orders runs independently of the clock.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The format of the time in a run's name, in UTC.
const MINUTE: &str = "%Y-%m-%d-%H%M";
/// The length of `2026-11-24-1345`; `-0007` follows.
const MINUTE_LENGTH: usize = 15;

/// The name of one run of `fix` or `undo`, such as `2026-11-24-1345-0007`: the minute in UTC, and the run's number in
/// hexadecimal. A new run has a higher number than every run in the journal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunName(String);

impl RunName {
    /// Returns the name for the run of that number at that time.
    pub(super) fn new(time: Timestamp, number: u32) -> Self {
        Self(format!("{}-{number:04x}", time.strftime(MINUTE)))
    }

    /// Parses a whole name, as typed or as part of a file name.
    pub fn parse(text: &str) -> Option<Self> {
        let run = Self(text.to_owned());
        // Formatted again, so that only the canonical spelling is accepted.
        (Self::new(run.read_time()?, run.read_number()?) == run).then_some(run)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the number that orders runs: clocks jump, and two runs may share a minute.
    pub fn number(&self) -> u32 {
        self.read_number().unwrap_or(0)
    }

    fn read_number(&self) -> Option<u32> {
        u32::from_str_radix(self.0.get(MINUTE_LENGTH..)?.strip_prefix('-')?, 16).ok()
    }

    /// Returns the time of the run, to the minute.
    pub fn time(&self) -> Timestamp {
        self.read_time().unwrap_or(Timestamp::UNIX_EPOCH)
    }

    fn read_time(&self) -> Option<Timestamp> {
        let minute = DateTime::strptime(MINUTE, self.0.get(..MINUTE_LENGTH)?).ok()?;
        TimeZone::UTC.to_timestamp(minute).ok()
    }
}

impl fmt::Display for RunName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use crate::io::storage::journal::run_name::RunName;

    #[test]
    fn run_name_consists_of_time_and_number() {
        let time = "2026-11-24T13:45:59.9Z".parse().unwrap();
        for (number, name) in [
            (1, "2026-11-24-1345-0001"),
            (0x7f0a, "2026-11-24-1345-7f0a"),
            (0x1_0000, "2026-11-24-1345-10000"),
            (u32::MAX, "2026-11-24-1345-ffffffff"),
        ] {
            let run = RunName::new(time, number);
            assert_eq!((run.as_str(), run.number()), (name, number));
            assert_eq!(run.time(), "2026-11-24T13:45:00Z".parse().unwrap());
            assert_eq!(RunName::parse(name), Some(run));
        }
    }

    #[test]
    fn rejects_malformed_run_names() {
        for text in [
            "",
            "2026-11-24-1345",
            "2026-11-24-1345-7f3",
            "2026-11-24-1345-07f3a",
            "2026-11-24-1345-100000000",
            "2026-11-24-1345-+7f3",
            "2026-11-24-1345--7f3",
            "2026-11-24-1345-7F3A",
            "2026-11-24-1345_7f3a",
            "2026-11-24-2545-7f3a",
            "2026-02-30-1345-7f3a",
            "2026-1-024-1345-7f3a",
            "+026-11-24-1345-7f3a",
            "../../../etc/passwd0",
            "2026-11-24-134é-7f3",
            "2026-11-24-1345-7fé",
        ] {
            assert_eq!(RunName::parse(text), None, "{text}");
        }
    }
}
