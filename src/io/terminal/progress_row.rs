//! Progress rows, laid out in columns for a terminal or printed as log lines.

use std::time::Duration;

use crate::io::terminal::progress::FREE;
use crate::io::terminal::text_width::{cut_end, cut_middle, harmless, width};

/// The minimum width of a shortened name.
const SHORTEST_NAME: usize = 8;

/// The progress of one operation, such as a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgressRow {
    /// The service's name, escaped.
    pub name: String,
    /// The state in one or two words.
    pub state: String,
    /// The time since the operation began.
    pub elapsed: Duration,
    pub done: RowState,
}

/// Whether an operation has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowState {
    Running,
    /// It succeeded.
    Good,
    /// It failed.
    Bad,
}

impl RowState {
    pub(in crate::io) fn mark(self) -> Option<&'static str> {
        match self {
            Self::Running => None,
            Self::Good => Some("✓"),
            Self::Bad => Some("✗"),
        }
    }
}

impl ProgressRow {
    /// Returns the row as a log line.
    pub(in crate::io) fn sentence(&self) -> String {
        format!("{}: {} ({})", harmless(&self.name), harmless(&self.state), time(self.elapsed))
    }

    /// Returns whether the rows differ at most in the elapsed time.
    pub(in crate::io) fn is_like(&self, other: &Self) -> bool {
        (&self.name, &self.state, self.done) == (&other.name, &other.state, other.done)
    }
}

/// Lays out the rows in columns that fit the terminal, each without the mark and the space in front. Names are
/// shortened first: in the middle, where the names in one project differ least.
pub(in crate::io) fn layout(rows: &[ProgressRow], columns: usize) -> Vec<String> {
    let texts: Vec<[String; 3]> =
        rows.iter().map(|row| [harmless(&row.name), harmless(&row.state), time(row.elapsed)]).collect();
    let widest = |column: usize| texts.iter().map(|text| width(&text[column])).max().unwrap_or(0);
    // A mark and a space in front, two spaces between columns, and the columns that stay free.
    let room = columns.saturating_sub(2 + 2 + 2 + FREE + widest(1) + widest(2));
    let name_width = widest(0).min(room.max(SHORTEST_NAME));
    let state_width = widest(1);
    texts
        .iter()
        .map(|[name, state, time]| {
            let name = padded(&cut_middle(name, name_width), name_width);
            let line = format!("{name}  {}  {time:>end$}", padded(state, state_width), end = widest(2));
            cut_end(&line, columns.saturating_sub(2 + FREE))
        })
        .collect()
}

fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Formats a duration: `12 s`, `2 min 05 s`.
pub fn time(elapsed: Duration) -> String {
    match (elapsed.as_secs() / 60, elapsed.as_secs() % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, seconds) => format!("{minutes} min {seconds:02} s"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::io::terminal::progress_row::{FREE, ProgressRow, RowState, layout, width};

    fn rows() -> Vec<ProgressRow> {
        [
            ("agentverse-api-staging", "BUILDING", 12),
            ("agentverse-worker-staging", "SUCCESS", 125),
            ("日本語のサービス", "QUEUED", 0),
        ]
        .map(|(name, state, seconds)| ProgressRow {
            name: name.to_owned(),
            state: state.to_owned(),
            elapsed: Duration::from_secs(seconds),
            done: RowState::Running,
        })
        .to_vec()
    }

    #[test]
    fn rows_are_aligned_in_columns() {
        let expected = [
            "agentverse-api-staging     BUILDING        12 s",
            "agentverse-worker-staging  SUCCESS   2 min 05 s",
            "日本語のサービス           QUEUED           0 s",
        ];
        assert_eq!(layout(&rows(), 60), expected);
        assert_eq!(layout(&rows(), 52), expected, "49 columns with the mark, and three to spare");
    }

    #[test]
    fn long_names_are_shortened_in_the_middle() {
        let expected = [
            "agentver…-staging  BUILDING        12 s",
            "agentver…-staging  SUCCESS   2 min 05 s",
            "日本語のサービス   QUEUED           0 s",
        ];
        assert_eq!(layout(&rows(), 44), expected);
        for columns in 0..60 {
            assert!(layout(&rows(), columns).iter().all(|line| 2 + width(line) + FREE <= columns.max(6)), "{columns}");
        }
    }

    #[test]
    fn control_characters_are_replaced() {
        let mut row = rows().remove(0);
        row.name = "a\u{1b}[2Jb\n".to_owned();
        assert_eq!(layout(std::slice::from_ref(&row), 60), ["a\u{fffd}[2Jb\u{fffd}  BUILDING  12 s"]);
        assert_eq!(row.sentence(), "a\u{fffd}[2Jb\u{fffd}: BUILDING (12 s)");
    }
}
