//! Config as Code: `railway.json` and `railway.toml` in the deployed code, which override a service's settings in every
//! deployment until Railway stops reading them.

use jiff::civil::{Date, date};

/// The first day on which Railway no longer reads these files, from its documentation (“Existing Config as Code files
/// stop being read on 2026-12-01 (hard cutoff)”, <https://docs.railway.com/infrastructure-as-code>, read on
/// 2026-11-29). If Railway moves the date, only this line changes.
pub const END: Date = date(2026, 12, 1);

/// Returns whether Railway still reads these files on that day.
pub fn is_read_on(today: Date) -> bool {
    today < END
}

/// Returns whether a deployment created at that time (RFC 3339 in UTC) may have read such a file, judging by the date
/// only.
pub fn was_read_at(created_at: &str) -> bool {
    created_at < END.to_string().as_str()
}

/// The phase of the retirement, for the day of a check and the running deployment.
#[derive(Clone, Copy)]
pub enum Support {
    /// Railway still reads the files.
    Before,
    /// Railway no longer reads the files.
    Over,
    /// A deployment read a file after the date, so that Railway must have moved it.
    Moved,
}

impl Support {
    /// Returns the phase on that day, for a deployment created at that time.
    pub fn of(today: Date, created_at: &str) -> Self {
        match (is_read_on(today), was_read_at(created_at)) {
            (true, _) => Self::Before,
            (false, true) => Self::Over,
            (false, false) => Self::Moved,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::{END, is_read_on, was_read_at};

    #[test]
    fn config_files_are_read_until_the_day_before_retirement() {
        assert!(is_read_on(END - 1.day()) && !is_read_on(END) && !is_read_on(END + 1.day()));
        let at = |date: jiff::civil::Date, time: &str| was_read_at(&format!("{date}T{time}Z"));
        assert!(at(END - 1.day(), "23:59:59.999") && !at(END, "00:00:00.000") && !at(END + 400.days(), "12:00:00.000"));
    }
}
