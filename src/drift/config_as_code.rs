//! Config as Code: `railway.json` and `railway.toml` in the deployed code, which override a service's settings in every
//! deployment until Railway stops reading them.

use jiff::civil::{Date, date};

/// The first day on which Railway does not read these files. Railway's documentation names it (“Existing Config as Code
/// files stop being read on 2026-12-01 (hard cutoff)”, <https://docs.railway.com/infrastructure-as-code>, read on
/// 2026-11-29). If Railway moves it, this line is all that changes.
pub const END: Date = date(2026, 12, 1);

/// Whether Railway still reads these files on that day.
pub fn is_read_on(today: Date) -> bool {
    today < END
}

/// Whether a deployment of that time may have read such a file, as far as the calendar shows; an RFC 3339 text in UTC.
pub fn was_read_at(created_at: &str) -> bool {
    created_at < END.to_string().as_str()
}

/// The day of a check and the deployment that runs then, against the day on which the files end.
#[derive(Clone, Copy)]
pub enum Support {
    /// Railway still reads them.
    Before,
    /// It does not.
    Over,
    /// A deployment read one after that day.
    Moved,
}

impl Support {
    /// The phase of that day, for a deployment of that time.
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
