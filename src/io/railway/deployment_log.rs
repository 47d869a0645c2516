//! Whether declared lines are in the log of a deployment: matched here, line by line; Railway's filter only helps.

use std::time::Duration;

use graphql_client::GraphQLQuery;
use jiff::{SignedDuration, Timestamp};

use crate::drift::model::deployment::Deployment;
use crate::drift::model::observed::Observed;
use crate::drift::runtime::{LogCoverage, LogMatch, LogRead};
use crate::error::Error;
use crate::io::railway::client::Client;
use crate::io::railway::operations::{DeploymentLog, deployment_log};
use crate::io::railway::response::{ErrorKind, QueryError};

/// The most lines that one request may ask for; whoever asks for more gets none.
const MOST_LINES: usize = 5000;

/// Requests without a filter for one log.
const MOST_PAGES: usize = 4;

/// How long a fresh deployment has for a line that says nothing of it.
pub const WITHIN: Duration = Duration::from_secs(60);

/// What a program says when it is well, it says soon after its start: where the log is too long to be read, that part of
/// it is looked at first.
const EARLY: SignedDuration = SignedDuration::from_mins(15);

/// No plan keeps a log for less.
const LEAST_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A deployment whose first line is that much younger than itself has lost the lines before it.
const SLOWEST_START: SignedDuration = SignedDuration::from_hours(2);

/// A shorter word stands in too many lines.
const SHORTEST_WORD: usize = 3;

/// A declared line.
#[derive(Clone, Copy, Debug)]
pub struct WantedLine<'w> {
    /// A part of it.
    pub contains: &'w str,
    /// How long a fresh deployment has for it.
    pub within: Option<Duration>,
}

/// How lines are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchMode {
    /// Once: the filter is asked first, because most lines are there, and a fresh deployment's may still come.
    AtOnce,
    /// Again and again, in a log that is young and short; whoever asks knows how long to wait.
    Waiting,
}

/// Lines that were read.
struct LogPage {
    lines: Vec<(Timestamp, String, String)>,
}

/// Everything that was read of one log.
struct LogReading {
    found: Vec<Option<String>>,
    lines: usize,
    span: Option<[(Timestamp, String); 2]>,
    reach: LogCoverage,
    /// Why the answer can't be trusted.
    doubt: Option<String>,
}

/// The part of a log that is asked for.
#[derive(Clone, Default)]
struct LogRange {
    filter: Option<String>,
    start: Option<String>,
    end: Option<String>,
}

impl Client<'_> {
    /// Whether these lines are in the log of the deployment, in their order: a request for each line that the filter finds,
    /// and one for the log, more where it is longer than one answer.
    pub fn find_lines(
        &self,
        deployment: &Deployment,
        wanted: &[WantedLine<'_>],
        manner: SearchMode,
    ) -> Vec<Observed<LogRead>> {
        if deployment.origin.build_only {
            let why = "its deployment was only built, and its command runs at set times";
            return wanted.iter().map(|_| Observed::Unavailable(why.to_owned())).collect();
        }
        let mut reading = LogReading::of(wanted.len());
        if manner == SearchMode::AtOnce {
            for (at, line) in wanted.iter().enumerate() {
                self.filtered(deployment, line, &mut reading.found[at]);
            }
        }
        let read = if reading.is_done() { Ok(()) } else { self.read_log(deployment, wanted, &mut reading) };
        let whole = |at: usize| match (&read, &reading.found[at]) {
            (Err(why), None) => Observed::Unavailable(why.clone()),
            (_, found) => {
                Observed::Known(self.conclude(deployment, &reading, found.as_deref(), wanted[at].within, manner))
            }
        };
        (0..wanted.len()).map(whole).collect()
    }

    /// A word of the line as filter. A refusal is no answer: the log itself is asked next.
    fn filtered(&self, deployment: &Deployment, line: &WantedLine<'_>, found: &mut Option<String>) {
        let Some(word) = text(line.contains) else { return };
        let part = LogRange { filter: Some(word.to_owned()), start: Some(deployment.created_at.clone()), end: None };
        if let Ok(page) = self.page(&deployment.id, part) {
            *found = page.find(line.contains);
        }
    }

    /// Reads the log, its end and its beginning first, until every line is found or all of it was read.
    fn read_log(
        &self,
        deployment: &Deployment,
        wanted: &[WantedLine<'_>],
        reading: &mut LogReading,
    ) -> Result<(), String> {
        let start = LogRange::from(deployment.created_at.clone());
        let first = match self.page(&deployment.id, start.clone()) {
            Err(QueryError::Refused(refusals)) if refusals.iter().all(|refusal| refusal.kind == ErrorKind::Problem) => {
                return self.read_what_is_kept(deployment, wanted, reading);
            }
            first => first.map_err(|unanswered| self.why(unanswered))?,
        };
        reading.take(&first, wanted);
        if !first.is_full() {
            reading.reach = self.reach(deployment, &first);
            return Ok(());
        }
        reading.reach = LogCoverage::End;
        let created = deployment.created_at.parse::<Timestamp>().ok();
        let longest = wanted.iter().filter_map(|line| SignedDuration::try_from(line.within?).ok()).max();
        let early = created.and_then(|created| created.checked_add(longest.unwrap_or_default().max(EARLY)).ok());
        let mut pages = 1;
        if let (Some(early), Some(earliest)) = (early, first.first())
            && early < earliest
            && !reading.is_done()
        {
            let page = self.page(&deployment.id, LogRange { end: Some(early.to_string()), ..start.clone() });
            reading.take(&page.map_err(|unanswered| self.why(unanswered))?, wanted);
            pages += 1;
        }
        self.read_on(deployment, wanted, reading, &first, MOST_PAGES - pages)
    }

    /// Goes back page by page. A server that answers with the first lines instead of the last has nothing older, and is
    /// asked forward.
    fn read_on(
        &self,
        deployment: &Deployment,
        wanted: &[WantedLine<'_>],
        reading: &mut LogReading,
        first: &LogPage,
        most_pages: usize,
    ) -> Result<(), String> {
        let start = Some(deployment.created_at.clone());
        let (Some(mut earliest), Some(mut latest)) = (first.first(), first.last()) else { return Ok(()) };
        let mut is_from_end = true;
        for _ in 0..most_pages {
            if reading.is_done() {
                return Ok(());
            }
            let part =
                if is_from_end { LogRange::until(start.clone(), earliest) } else { LogRange::from(latest.to_string()) };
            let page = self.page(&deployment.id, part).map_err(|unanswered| self.why(unanswered))?;
            reading.take(&page, wanted);
            let older = page.first().is_some_and(|first| first < earliest);
            match (is_from_end, page.is_full()) {
                (true, true) if !older => return Ok(()),
                (true, true) => earliest = page.first().unwrap_or(earliest),
                (true, false) if older => {
                    reading.reach = self.reach(deployment, &page);
                    return Ok(());
                }
                (true, false) => is_from_end = false,
                (false, true) => latest = page.last().unwrap_or(latest),
                (false, false) => {
                    reading.reach = self.reach(deployment, first);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Railway refuses a time that is older than it keeps logs, in the words that it has for any trouble.
    fn read_what_is_kept(
        &self,
        deployment: &Deployment,
        wanted: &[WantedLine<'_>],
        reading: &mut LogReading,
    ) -> Result<(), String> {
        let page = self.page(&deployment.id, LogRange::default()).map_err(|unanswered| self.why(unanswered))?;
        reading.take(&page, wanted);
        reading.reach = LogCoverage::Kept;
        if self.age(deployment, page.last()).is_some_and(|age| age < LEAST_KEPT) {
            reading.reach = LogCoverage::End;
            reading.doubt = Some("Railway could not answer for the time of its start".to_owned());
        }
        Ok(())
    }

    /// Whether a log that was read to its beginning still has it.
    fn reach(&self, deployment: &Deployment, page: &LogPage) -> LogCoverage {
        let created = deployment.created_at.parse::<Timestamp>().ok();
        let lost = match (page.first(), created) {
            (Some(first), Some(created)) => first.duration_since(created) > SLOWEST_START,
            _ => page.lines.is_empty(),
        };
        let is_old = self.age(deployment, page.last()).is_some_and(|age| age > LEAST_KEPT);
        if lost && is_old { LogCoverage::Kept } else { LogCoverage::Whole }
    }

    /// How old a deployment is by Railway's own clock: its answers say what time it is, and so does the last line.
    fn age(&self, deployment: &Deployment, last: Option<Timestamp>) -> Option<SignedDuration> {
        let created = deployment.created_at.parse::<Timestamp>().ok()?;
        let now = self.railway_time().into_iter().chain(last).max()?;
        Some(now.duration_since(created))
    }

    fn conclude(
        &self,
        deployment: &Deployment,
        reading: &LogReading,
        found: Option<&str>,
        within: Option<Duration>,
        manner: SearchMode,
    ) -> LogRead {
        let span = reading.span.as_ref().map(|[(_, first), (_, last)]| (first.clone(), last.clone()));
        let within = within.unwrap_or(WITHIN);
        let last = reading.span.as_ref().map(|[_, (last, _)]| *last);
        let age = self.age(deployment, last).filter(|_| manner == SearchMode::AtOnce);
        let fresh = age.filter(|age| SignedDuration::try_from(within).is_ok_and(|within| *age < within));
        let sought = match (found, &reading.doubt, fresh) {
            (Some(time), ..) => LogMatch::At(self.scrubber.redact(time)),
            (None, Some(doubt), _) => LogMatch::Open(doubt.clone()),
            (None, None, Some(age)) => LogMatch::Open(format!(
                "the deployment is {} old, and the line has {}",
                duration_text(age.unsigned_abs()),
                duration_text(within)
            )),
            (None, None, None) => LogMatch::Nowhere,
        };
        LogRead { sought, lines: reading.lines, span, reach: reading.reach, replicas: deployment.instances }
    }

    fn page(&self, deployment: &str, part: LogRange) -> Result<LogPage, QueryError> {
        let variables = deployment_log::Variables {
            deployment_id: deployment.to_owned(),
            limit: i64::try_from(MOST_LINES).unwrap_or(i64::MAX),
            filter: part.filter,
            start_date: part.start,
            end_date: part.end,
        };
        let data: deployment_log::ResponseData = self.query("DeploymentLog", &DeploymentLog::build_query(variables))?;
        let lines = data
            .deployment_logs
            .into_iter()
            .filter_map(|line| Some((line.timestamp.parse::<Timestamp>().ok()?, line.timestamp, line.message)));
        Ok(LogPage { lines: lines.collect() })
    }

    fn why(&self, unanswered: QueryError) -> String {
        let error: Error = self.error(unanswered, "DeploymentLog", "the log");
        error.with_cause(": ")
    }
}

impl LogRange {
    fn from(start: String) -> Self {
        Self { start: Some(start), ..Self::default() }
    }

    /// Up to that line, once more included: a server may know less of a second than it writes.
    fn until(start: Option<String>, line: Timestamp) -> Self {
        let end = line.checked_add(Duration::from_millis(1)).unwrap_or(line);
        Self { start, end: Some(end.to_string()), filter: None }
    }
}

impl LogPage {
    fn find(&self, contains: &str) -> Option<String> {
        self.lines.iter().find(|(_, _, message)| message.contains(contains)).map(|(_, time, _)| time.clone())
    }

    /// Whether there may be more: Railway answers with one line more than it was asked for, where it has one.
    fn is_full(&self) -> bool {
        self.lines.len() >= MOST_LINES
    }

    fn first(&self) -> Option<Timestamp> {
        self.lines.iter().map(|(time, ..)| *time).min()
    }

    fn last(&self) -> Option<Timestamp> {
        self.lines.iter().map(|(time, ..)| *time).max()
    }
}

impl LogReading {
    fn of(wanted: usize) -> Self {
        Self { found: vec![None; wanted], lines: 0, span: None, reach: LogCoverage::Whole, doubt: None }
    }

    fn is_done(&self) -> bool {
        self.found.iter().all(Option::is_some)
    }

    /// Pages overlap by a line or two, which count once where their times tell.
    fn take(&mut self, page: &LogPage, wanted: &[WantedLine<'_>]) {
        for (found, line) in self.found.iter_mut().zip(wanted) {
            if found.is_none() {
                *found = page.find(line.contains);
            }
        }
        let [earliest, latest] = match &self.span {
            Some([(first, _), (last, _)]) => [Some(*first), Some(*last)],
            None => [None, None],
        };
        let is_new = |time: Timestamp| {
            earliest.is_none_or(|earliest| time < earliest) || latest.is_none_or(|latest| time > latest)
        };
        self.lines += page.lines.iter().filter(|(time, ..)| is_new(*time)).count();
        for (time, text, _) in &page.lines {
            let own = || (*time, text.clone());
            let [first, last] = self.span.get_or_insert_with(|| [own(), own()]);
            if *time < first.0 {
                *first = own();
            }
            if *time > last.0 {
                *last = own();
            }
        }
    }
}

/// The longest plain word of a line: the filter has a language of its own, and misses what is quoted or hyphenated.
fn text(contains: &str) -> Option<&str> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let words = contains.split(|letter| !is_plain(letter));
    let words = words.filter(|word| word.len() >= SHORTEST_WORD && !["AND", "NOT"].contains(word));
    words.max_by_key(|word| word.len())
}

/// `40 s`, `5 min`.
fn duration_text(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds >= 120 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::io::railway::deployment_log::{duration_text, text};

    #[test]
    fn filters_by_longest_plain_word() {
        for (line, expected) in [
            ("Worker boot_id stored in Redis", Some("boot_id")),
            ("ready", Some("ready")),
            ("a-b c.d", None),
            ("«готово»", None),
            ("NOT ok AND up", None),
            ("listening on :8080", Some("listening")),
        ] {
            assert_eq!(text(line), expected, "{line}");
        }
    }

    #[test]
    fn formats_durations_in_seconds_and_minutes() {
        for (seconds, expected) in [(0, "0 s"), (90, "90 s"), (120, "2 min"), (300, "5 min")] {
            assert_eq!(duration_text(Duration::from_secs(seconds)), expected);
        }
    }
}
