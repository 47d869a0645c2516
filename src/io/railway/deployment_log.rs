//! Searches the log of a deployment for declared lines.
//!
//! A line is found only if doctor itself finds it in a returned line, because Railway's filter has its own syntax and
//! misses some texts. The filter is only a shortcut: if it finds nothing, the log is read in pages, newest first.

use std::time::Duration;

use graphql_client::GraphQLQuery;
use jiff::{SignedDuration, Timestamp};

use crate::drift::model::deployment::Deployment;
use crate::drift::model::observed::Observed;
use crate::drift::runtime::{LogCoverage, LogMatch, LogRead};
use crate::error::{Error, Seconds};
use crate::io::railway::client::Client;
use crate::io::railway::operations::{DeploymentLog, deployment_log};
use crate::io::railway::response::{ErrorKind, QueryError};

/// The maximum number of lines per request. With a larger limit, Railway returns none.
const MOST_LINES: usize = 5000;

/// The maximum number of requests without a filter for a log.
const MOST_PAGES: usize = 4;

/// The default time that a new deployment has for a line.
pub const WITHIN: Duration = Duration::from_secs(60);

/// Programs print their ready message soon after the start: in a log with more than one page, this first part is
/// searched before the rest.
const EARLY: SignedDuration = SignedDuration::from_mins(15);

/// The shortest log retention of Railway's plans.
const LEAST_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// If the first line of a log is this much newer than the deployment, earlier lines have been deleted.
const SLOWEST_START: SignedDuration = SignedDuration::from_hours(2);

/// The minimum length of a word for the filter; shorter ones are in too many lines.
const SHORTEST_WORD: usize = 3;

/// A declared line.
#[derive(Clone, Copy, Debug)]
pub struct WantedLine<'w> {
    /// A part of the line.
    pub contains: &'w str,
    /// The time that a new deployment has for it.
    pub within: Option<Duration>,
}

/// How a log is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchMode {
    /// Once. The filter is tried first, because most lines exist. The result for a new deployment may be open.
    AtOnce,
    /// Repeatedly, in a new and short log. The caller decides how long to wait.
    Waiting,
}

/// The lines of one response.
struct LogPage {
    lines: Vec<(Timestamp, String, String)>,
}

/// The results of reading a log.
struct LogReading {
    found: Vec<Option<String>>,
    lines: usize,
    span: Option<[(Timestamp, String); 2]>,
    reach: LogCoverage,
    /// The reason why a missing line is not conclusive.
    doubt: Option<String>,
}

/// The requested part of a log.
#[derive(Clone, Default)]
struct LogRange {
    filter: Option<String>,
    start: Option<String>,
    end: Option<String>,
}

impl Client<'_> {
    /// Searches the log of a deployment for these lines, and returns the results in order: one request per line with
    /// the filter, and one for the log, more if it has several pages.
    pub fn find_lines(
        &self,
        deployment: &Deployment,
        wanted: &[WantedLine<'_>],
        manner: SearchMode,
    ) -> Vec<Observed<LogRead>> {
        if deployment.origin.build_only {
            let why = "the deployment was only built; its command runs on a cron schedule";
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

    /// Searches with a word of the line as filter. An error is ignored, because the log itself is read next.
    fn filtered(&self, deployment: &Deployment, line: &WantedLine<'_>, found: &mut Option<String>) {
        let Some(word) = filter_word(line.contains) else { return };
        let part = LogRange { filter: Some(word.to_owned()), start: Some(deployment.created_at.clone()), end: None };
        if let Ok(page) = self.page(&deployment.id, part) {
            *found = page.find(line.contains);
        }
    }

    /// Reads the log until all lines are found or all of it was read: first the end, then the beginning, then the rest.
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
            first => first.map_err(|failure| self.why(failure))?,
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
            reading.take(&page.map_err(|failure| self.why(failure))?, wanted);
            pages += 1;
        }
        self.read_on(deployment, wanted, reading, &first, MOST_PAGES - pages)
    }

    /// Reads backward, page by page. If the server returns the first lines of a range instead of the last ones, there
    /// is nothing older, and the log is read forward.
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
            let page = self.page(&deployment.id, part).map_err(|failure| self.why(failure))?;
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

    /// Railway rejects a start time before its log retention with `Problem processing request`, its error for any
    /// failure. The kept lines are then read without a start time.
    fn read_what_is_kept(
        &self,
        deployment: &Deployment,
        wanted: &[WantedLine<'_>],
        reading: &mut LogReading,
    ) -> Result<(), String> {
        let page = self.page(&deployment.id, LogRange::default()).map_err(|failure| self.why(failure))?;
        reading.take(&page, wanted);
        reading.reach = LogCoverage::Kept;
        if self.age(deployment, page.last()).is_some_and(|age| age < LEAST_KEPT) {
            reading.reach = LogCoverage::End;
            reading.doubt = Some("Railway could not read the log from the start of the deployment".to_owned());
        }
        Ok(())
    }

    /// Returns whether a log that was read to its first line still has all lines since the start.
    fn reach(&self, deployment: &Deployment, page: &LogPage) -> LogCoverage {
        let created = deployment.created_at.parse::<Timestamp>().ok();
        let lost = match (page.first(), created) {
            (Some(first), Some(created)) => first.duration_since(created) > SLOWEST_START,
            _ => page.lines.is_empty(),
        };
        let is_old = self.age(deployment, page.last()).is_some_and(|age| age > LEAST_KEPT);
        if lost && is_old { LogCoverage::Kept } else { LogCoverage::Whole }
    }

    /// Returns the age of a deployment by Railway's clock: the `Date` of its responses, or the last line's time.
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
            (Some(time), ..) => LogMatch::At(self.redactor.redact(time)),
            (None, Some(doubt), _) => LogMatch::Open(doubt.clone()),
            (None, None, Some(age)) => LogMatch::Open(format!(
                "the deployment is {} old; the line may take up to {}",
                Seconds(Duration::from_secs(age.unsigned_abs().as_secs().max(1))),
                Seconds(within)
            )),
            (None, None, None) => LogMatch::Nowhere,
        };
        LogRead { outcome: sought, lines: reading.lines, span, coverage: reading.reach, replicas: deployment.instances }
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

    fn why(&self, failure: QueryError) -> String {
        let error: Error = self.error(failure, "DeploymentLog", "the log");
        error.with_cause(": ")
    }
}

impl LogRange {
    fn from(start: String) -> Self {
        Self { start: Some(start), ..Self::default() }
    }

    /// Ends with this line, which is included again: the server may compare times with less precision than it returns.
    fn until(start: Option<String>, line: Timestamp) -> Self {
        let end = line.checked_add(Duration::from_millis(1)).unwrap_or(line);
        Self { start, end: Some(end.to_string()), filter: None }
    }
}

impl LogPage {
    fn find(&self, contains: &str) -> Option<String> {
        self.lines.iter().find(|(_, _, message)| message.contains(contains)).map(|(_, time, _)| time.clone())
    }

    /// Returns whether there may be more lines. Railway returns one line more than the limit if it has one.
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

    /// Adds a page. Pages overlap by a line or two, which are counted once if their times show it.
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

/// Returns the longest plain word of a line, because the filter does not find quoted or hyphenated text.
fn filter_word(contains: &str) -> Option<&str> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let words = contains.split(|letter| !is_plain(letter));
    let words = words.filter(|word| word.len() >= SHORTEST_WORD && !["AND", "NOT"].contains(word));
    words.max_by_key(|word| word.len())
}

#[cfg(test)]
mod tests {
    use crate::io::railway::deployment_log::filter_word;

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
            assert_eq!(filter_word(line), expected, "{line}");
        }
    }
}
