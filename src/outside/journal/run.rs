//! The name of one fix: a person can type it, and names sort by time.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The part of a run's name that is its time, in UTC.
const MINUTE: &str = "%Y-%m-%d-%H%M";
/// `2026-11-24-1345` is that long; `-7f3a` follows.
const MINUTE_LENGTH: usize = 15;
/// The length of a whole name.
const LENGTH: usize = MINUTE_LENGTH + 5;

/// The name of one run of `fix` or `undo`, such as `2026-11-24-1345-7f3a`: the minute in UTC, and four random digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Run(String);

impl Run {
    /// The name for a run at that time; `chance` tells runs of one minute apart.
    pub(super) fn new(time: Timestamp, chance: [u8; 2]) -> Self {
        Self(format!("{}-{:02x}{:02x}", time.strftime(MINUTE), chance[0], chance[1]))
    }

    /// Reads a name as it is typed or as a file is called; nothing else than a whole name is one.
    pub fn parse(text: &str) -> Option<Self> {
        let run = Self(text.to_owned());
        let digits = text.get(LENGTH - 4..)?;
        let well_formed = text.len() == LENGTH
            && text.as_bytes()[MINUTE_LENGTH] == b'-'
            && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        // Written again, so that only one spelling of a time is a name.
        let time = run.read_time()?;
        (well_formed && time.strftime(MINUTE).to_string() == text[..MINUTE_LENGTH]).then_some(run)
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// When it was, to the minute.
    pub fn time(&self) -> Timestamp {
        self.read_time().unwrap_or(Timestamp::UNIX_EPOCH)
    }

    fn read_time(&self) -> Option<Timestamp> {
        let minute = DateTime::strptime(MINUTE, self.0.get(..MINUTE_LENGTH)?).ok()?;
        TimeZone::UTC.to_timestamp(minute).ok()
    }
}

impl fmt::Display for Run {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Run;

    #[test]
    fn a_name_is_its_time_and_four_digits() {
        let run = Run::new("2026-11-24T13:45:59.9Z".parse().unwrap(), [0x7f, 0x0a]);
        assert_eq!(run.as_str(), "2026-11-24-1345-7f0a");
        assert_eq!(run.time(), "2026-11-24T13:45:00Z".parse().unwrap());
        assert_eq!(Run::parse(run.as_str()), Some(run));
    }

    #[test]
    fn nothing_but_a_whole_name_is_one() {
        for text in [
            "",
            "2026-11-24-1345",
            "2026-11-24-1345-7f3",
            "2026-11-24-1345-7f3aa",
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
            assert_eq!(Run::parse(text), None, "{text}");
        }
    }
}
