//! Whether declared lines are in the log of a deployment: matched here, line by line; Railway's filter only helps.

use std::time::Duration;

use graphql_client::GraphQLQuery;
use jiff::{SignedDuration, Timestamp};

use crate::drift::deployment::Deployment;
use crate::drift::learned::Learned;
use crate::drift::live::{LogRead, Reach, Sought};
use crate::error::Error;
use crate::outside::railway::answer::Kind;
use crate::outside::railway::client::{Client, Unanswered};
use crate::outside::railway::operation::{DeploymentLog, deployment_log};

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
pub struct Wanted<'w> {
    /// A part of it.
    pub contains: &'w str,
    /// How long a fresh deployment has for it.
    pub within: Option<Duration>,
}

/// How lines are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Once: the filter is asked first, because most lines are there, and a fresh deployment's may still come.
    AtOnce,
    /// Again and again, in a log that is young and short; whoever asks knows how long to wait.
    Waiting,
}

/// Lines that were read.
struct Page {
    lines: Vec<(Timestamp, String, String)>,
}

/// Everything that was read of one log.
struct Reading {
    found: Vec<Option<String>>,
    lines: usize,
    span: Option<[(Timestamp, String); 2]>,
    reach: Reach,
    /// Why the answer can't be trusted.
    doubt: Option<String>,
}

/// The part of a log that is asked for.
#[derive(Clone, Default)]
struct Part {
    filter: Option<String>,
    start: Option<String>,
    end: Option<String>,
}

impl Client<'_> {
    /// Whether these lines are in the log of the deployment, in their order: a request for each line that the filter finds,
    /// and one for the log, more where it is longer than one answer.
    pub fn look_for_lines(
        &self,
        deployment: &Deployment,
        wanted: &[Wanted<'_>],
        manner: Manner,
    ) -> Vec<Learned<LogRead>> {
        if deployment.origin.build_only {
            let why = "its deployment was only built, and its command runs at set times";
            return wanted.iter().map(|_| Learned::Untold(why.to_owned())).collect();
        }
        let mut reading = Reading::of(wanted.len());
        if manner == Manner::AtOnce {
            for (at, line) in wanted.iter().enumerate() {
                self.filtered(deployment, line, &mut reading.found[at]);
            }
        }
        let read = if reading.is_done() { Ok(()) } else { self.read_log(deployment, wanted, &mut reading) };
        let whole = |at: usize| match (&read, &reading.found[at]) {
            (Err(why), None) => Learned::Untold(why.clone()),
            _ => Learned::Known(self.conclude(deployment, &reading, (at, wanted[at].within, manner))),
        };
        (0..wanted.len()).map(whole).collect()
    }

    /// A word of the line as filter. A refusal is no answer: the log itself is asked next.
    fn filtered(&self, deployment: &Deployment, line: &Wanted<'_>, found: &mut Option<String>) {
        let Some(word) = word(line.contains) else { return };
        let part = Part { filter: Some(word.to_owned()), start: Some(deployment.created_at.clone()), end: None };
        if let Ok(page) = self.page(&deployment.id, part) {
            *found = page.find(line.contains);
        }
    }

    /// Reads the log, its end and its beginning first, until every line is found or all of it was read.
    fn read_log(&self, deployment: &Deployment, wanted: &[Wanted<'_>], reading: &mut Reading) -> Result<(), String> {
        let start = Part { start: Some(deployment.created_at.clone()), ..Part::default() };
        let first = match self.page(&deployment.id, start.clone()) {
            Err(Unanswered::Refused(refusals)) if refusals.iter().all(|refusal| refusal.kind == Kind::Problem) => {
                return self.read_what_is_kept(deployment, wanted, reading);
            }
            first => first.map_err(|unanswered| self.why(unanswered))?,
        };
        reading.take(&first, wanted);
        if !first.is_full() {
            reading.reach = self.reach(deployment, &first);
            return Ok(());
        }
        reading.reach = Reach::End;
        let created = deployment.created_at.parse::<Timestamp>().ok();
        let longest = wanted.iter().filter_map(|line| SignedDuration::try_from(line.within?).ok()).max();
        let early = created.and_then(|created| created.checked_add(longest.unwrap_or_default().max(EARLY)).ok());
        let mut pages = 1;
        if let (Some(early), Some(earliest)) = (early, first.first())
            && early < earliest
            && !reading.is_done()
        {
            let page = self.page(&deployment.id, Part { end: Some(early.to_string()), ..start.clone() });
            reading.take(&page.map_err(|unanswered| self.why(unanswered))?, wanted);
            pages += 1;
        }
        self.read_on(deployment, wanted, (reading, &first, pages))
    }

    /// Goes back page by page. A server that answers with the first lines instead of the last has nothing older, and is
    /// asked forward.
    fn read_on(
        &self,
        deployment: &Deployment,
        wanted: &[Wanted<'_>],
        (reading, first, pages): (&mut Reading, &Page, usize),
    ) -> Result<(), String> {
        let start = Some(deployment.created_at.clone());
        let (Some(mut earliest), Some(mut latest)) = (first.first(), first.last()) else { return Ok(()) };
        let mut is_from_end = true;
        for _ in pages..MOST_PAGES {
            if reading.is_done() {
                return Ok(());
            }
            let part = if is_from_end {
                // A server may know less of a second than it writes.
                let end = earliest.checked_add(Duration::from_millis(1)).unwrap_or(earliest);
                Part { start: start.clone(), end: Some(end.to_string()), filter: None }
            } else {
                Part { start: Some(latest.to_string()), ..Part::default() }
            };
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
        wanted: &[Wanted<'_>],
        reading: &mut Reading,
    ) -> Result<(), String> {
        let page = self.page(&deployment.id, Part::default()).map_err(|unanswered| self.why(unanswered))?;
        reading.take(&page, wanted);
        reading.reach = Reach::Kept;
        if self.age(deployment, page.last()).is_some_and(|age| age < LEAST_KEPT) {
            reading.reach = Reach::End;
            reading.doubt = Some("Railway could not answer for the time of its start".to_owned());
        }
        Ok(())
    }

    /// Whether a log that was read to its beginning still has it.
    fn reach(&self, deployment: &Deployment, page: &Page) -> Reach {
        let created = deployment.created_at.parse::<Timestamp>().ok();
        let lost = match (page.first(), created) {
            (Some(first), Some(created)) => first.duration_since(created) > SLOWEST_START,
            _ => page.lines.is_empty(),
        };
        let is_old = self.age(deployment, page.last()).is_some_and(|age| age > LEAST_KEPT);
        if lost && is_old { Reach::Kept } else { Reach::Whole }
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
        reading: &Reading,
        (at, within, manner): (usize, Option<Duration>, Manner),
    ) -> LogRead {
        let span = reading.span.as_ref().map(|[(_, first), (_, last)]| (first.clone(), last.clone()));
        let within = within.unwrap_or(WITHIN);
        let last = reading.span.as_ref().map(|[_, (last, _)]| *last);
        let age = self.age(deployment, last).filter(|_| manner == Manner::AtOnce);
        let fresh = age.filter(|age| SignedDuration::try_from(within).is_ok_and(|within| *age < within));
        let sought = match (&reading.found[at], &reading.doubt, fresh) {
            (Some(time), ..) => Sought::At(self.scrubber.scrub(time)),
            (None, Some(doubt), _) => Sought::Open(doubt.clone()),
            (None, None, Some(age)) => Sought::Open(format!(
                "the deployment is {} old, and the line has {}",
                words(age.unsigned_abs()),
                words(within)
            )),
            (None, None, None) => Sought::Nowhere,
        };
        LogRead { sought, lines: reading.lines, span, reach: reading.reach, replicas: deployment.instances }
    }

    fn page(&self, deployment: &str, part: Part) -> Result<Page, Unanswered> {
        let variables = deployment_log::Variables {
            deployment_id: deployment.to_owned(),
            limit: i64::try_from(MOST_LINES).unwrap_or(i64::MAX),
            filter: part.filter,
            start_date: part.start,
            end_date: part.end,
        };
        let data: deployment_log::ResponseData = self.ask("DeploymentLog", &DeploymentLog::build_query(variables))?;
        let lines = data
            .deployment_logs
            .into_iter()
            .filter_map(|line| Some((line.timestamp.parse::<Timestamp>().ok()?, line.timestamp, line.message)));
        Ok(Page { lines: lines.collect() })
    }

    fn why(&self, unanswered: Unanswered) -> String {
        let error: Error = self.error(unanswered, "DeploymentLog", "the log");
        match error.because() {
            Some(because) => format!("{error}: {because}"),
            None => error.to_string(),
        }
    }
}

impl Page {
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

impl Reading {
    fn of(wanted: usize) -> Self {
        Self { found: vec![None; wanted], lines: 0, span: None, reach: Reach::Whole, doubt: None }
    }

    fn is_done(&self) -> bool {
        self.found.iter().all(Option::is_some)
    }

    /// Pages overlap by a line or two, which count once where their times tell.
    fn take(&mut self, page: &Page, wanted: &[Wanted<'_>]) {
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
fn word(contains: &str) -> Option<&str> {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let words = contains.split(|letter| !is_plain(letter));
    let words = words.filter(|word| word.len() >= SHORTEST_WORD && !["AND", "NOT"].contains(word));
    words.max_by_key(|word| word.len())
}

/// `40 s`, `5 min`.
fn words(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds >= 120 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{word, words};

    #[test]
    fn the_longest_plain_word_is_asked_for() {
        for (line, expected) in [
            ("Worker boot_id stored in Redis", Some("boot_id")),
            ("ready", Some("ready")),
            ("a-b c.d", None),
            ("«готово»", None),
            ("NOT ok AND up", None),
            ("listening on :8080", Some("listening")),
        ] {
            assert_eq!(word(line), expected, "{line}");
        }
    }

    #[test]
    fn times_are_said_in_seconds_and_minutes() {
        for (seconds, expected) in [(0, "0 s"), (90, "90 s"), (120, "2 min"), (300, "5 min")] {
            assert_eq!(words(Duration::from_secs(seconds)), expected);
        }
    }
}
