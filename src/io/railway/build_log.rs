//! The end of a build's log, with the errors of its steps.
//!
//! Railway has two sources for it: the log of the deployment, and the log of the environment filtered by the build's
//! snapshot. The second one is read if the first one is empty or rejected.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use graphql_client::GraphQLQuery;
use jiff::Timestamp;

use crate::error::Error;
use crate::io::railway::client::Client;
use crate::io::railway::operations::{
    BuildLog as BuildLogOperation, BuildLogBySnapshot, build_log, build_log_by_snapshot,
};

/// The number of lines to read. The error of a step may be far before the last lines, because other steps continue.
const LINES: i64 = 500;

/// Lines are read from this long before the deployment was created, like in the Railway CLI.
const BEFORE: Duration = Duration::from_secs(5 * 60);

/// Railway's time has a resolution of a second, so lines of the current second are included.
const SECOND: Duration = Duration::from_secs(1);

/// The deployment of a build.
#[derive(Clone, Copy, Debug)]
pub struct Build<'b> {
    /// The id of its environment.
    pub environment: &'b str,
    /// Its id.
    pub deployment: &'b str,
    /// The snapshot id of its build in the environment's log; `None` if nothing was built.
    pub snapshot: Option<&'b str>,
    /// When it was created.
    pub created_at: Option<&'b str>,
}

/// The end of a build's log.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct BuildLog {
    /// Lines, redacted.
    pub lines: Vec<String>,
    /// Whether one of them is the error of a step.
    pub has_cause: bool,
}

/// A line before redaction, which may contain values.
struct RawLine {
    message: String,
    attributes: Vec<(String, String)>,
}

/// Converts the lines of either operation. A macro, because the generated types differ only in name.
macro_rules! raw_lines {
    ($lines:expr) => {{
        let lines = $lines.into_iter().map(|line| {
            let attributes = line.attributes.into_iter().map(|attribute| (attribute.key, attribute.value)).collect();
            RawLine { message: line.message, attributes }
        });
        let mut lines: Vec<RawLine> = lines.collect();
        // Railway returns one line more than the limit.
        let surplus = lines.len().saturating_sub(usize::try_from(LINES).unwrap_or_default());
        lines.drain(..surplus);
        lines
    }};
}

impl Client<'_> {
    /// Reads the last lines of a deployment's build: one request, or two if the first source is empty or rejected.
    ///
    /// # Errors
    ///
    /// The error of the first source, if the second one has no lines either.
    pub fn build_log(&self, build: Build<'_>, most: usize) -> Result<BuildLog, Error> {
        let lines = match self.own_build_log(build.deployment) {
            Ok(lines) if !lines.is_empty() => lines,
            empty_or_failed => match self.build_log_by_snapshot(build) {
                Some(lines) if !lines.is_empty() => lines,
                _ => empty_or_failed?,
            },
        };
        Ok(tail(&lines, most, |text| self.redactor.redact(text)))
    }

    fn own_build_log(&self, deployment: &str) -> Result<Vec<RawLine>, Error> {
        let variables = build_log::Variables { deployment_id: deployment.to_owned(), limit: LINES };
        let data: build_log::ResponseData = self
            .query("BuildLog", &BuildLogOperation::build_query(variables))
            .map_err(|failure| self.error(failure, "BuildLog", "the build log"))?;
        Ok(raw_lines!(data.build_logs))
    }

    /// `None` if the build has no snapshot, or the request failed.
    fn build_log_by_snapshot(&self, build: Build<'_>) -> Option<Vec<RawLine>> {
        // A filter has a syntax, so only a plain id is inserted.
        let is_id = |id: &&str| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let snapshot = build.snapshot.filter(is_id)?;
        let now = self.railway_time().unwrap_or_else(|| self.clock.now());
        let created_at = build.created_at.and_then(|time| time.parse::<Timestamp>().ok());
        let variables = build_log_by_snapshot::Variables {
            environment_id: build.environment.to_owned(),
            build: format!("(@snapshot:{snapshot} OR @replica:{snapshot})"),
            start: created_at.and_then(|time| time.checked_sub(BEFORE).ok()).map(|time| time.to_string()),
            end: now.checked_add(SECOND).unwrap_or(now).to_string(),
            limit: LINES,
        };
        let operation = BuildLogBySnapshot::build_query(variables);
        let data: build_log_by_snapshot::ResponseData = self.query("BuildLogBySnapshot", &operation).ok()?;
        Some(raw_lines!(data.environment_logs))
    }
}

/// Returns the last lines, preceded by the errors of steps that are further up. A line that a step repeats while it is
/// in progress is returned once.
fn tail(lines: &[RawLine], most: usize, redact: impl Fn(&str) -> String) -> BuildLog {
    let mut step_lines = HashSet::new();
    let mut shown: Vec<(String, bool)> = Vec::new();
    for line in lines {
        let cause = line.attribute("error");
        // The output of a step has its digest, too, but repeated lines in it are kept.
        let is_printed = line.attribute("type").is_some_and(|kind| kind != "vertex");
        let digest = line.attribute("digest").filter(|_| !is_printed);
        let text = match &cause {
            Some(cause) if !line.message.contains(cause) => format!("{}: {cause}", line.message),
            _ => line.message.clone(),
        };
        if digest.is_some_and(|digest| !step_lines.insert((digest, text.clone()))) {
            continue;
        }
        // A value may have several lines, so the text is redacted before it is split.
        shown.extend(redact(&text).lines().map(|line| (line.to_owned(), cause.is_some())));
    }
    let of_causes = (0..shown.len()).rev().filter(|&at| shown[at].1);
    let mut kept: BTreeSet<usize> = of_causes.take(most).collect();
    let others: Vec<usize> = (0..shown.len()).rev().filter(|at| !kept.contains(at)).take(most - kept.len()).collect();
    kept.extend(others);
    BuildLog {
        lines: kept.into_iter().map(|at| shown[at].0.clone()).collect(),
        has_cause: shown.iter().any(|(_, is_cause)| *is_cause),
    }
}

impl RawLine {
    /// Returns the value of an attribute, if it has one: plain text or a JSON string; `null` means none.
    fn attribute(&self, name: &str) -> Option<String> {
        let (_, value) = self.attributes.iter().find(|(key, _)| key == name)?;
        let text = serde_json::from_str::<String>(value).unwrap_or_else(|_| value.clone());
        Some(text.trim().to_owned()).filter(|text| !text.is_empty() && text != "null")
    }
}

#[cfg(test)]
mod tests {
    use crate::io::railway::build_log::{RawLine, tail};

    fn line(message: &str, attributes: &[(&str, &str)]) -> RawLine {
        let attributes = attributes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        RawLine { message: message.to_owned(), attributes }
    }

    fn shown(lines: &[RawLine], most: usize) -> (Vec<String>, bool) {
        let log = tail(lines, most, |text| text.replace("s3cret", "•••"));
        (log.lines, log.has_cause)
    }

    #[test]
    fn error_attribute_may_be_plain_text_json_or_null() {
        for (value, expected) in [
            ("\"exit code: 1\"", Some("RUN make: exit code: 1")),
            ("exit code: 1", Some("RUN make: exit code: 1")),
            ("\"no \\\"file\\\"\"", Some("RUN make: no \"file\"")),
            ("\"with s3cret\"", Some("RUN make: with •••")),
            ("{\"code\":1}", Some("RUN make: {\"code\":1}")),
            ("\"RUN make\"", Some("RUN make")),
            ("null", None),
            ("\"null\"", None),
            ("", None),
            ("\"\"", None),
            ("\" \\n\"", None),
        ] {
            let found = shown(&[line("RUN make", &[("type", "vertex"), ("error", value)])], 5);
            assert_eq!(found, (vec![expected.unwrap_or("RUN make").to_owned()], expected.is_some()), "{value}");
        }
        assert_eq!(shown(&[line("error", &[("level", "\"error\"")])], 5), (vec!["error".to_owned()], false));
        assert_eq!(shown(&[], 5), (Vec::new(), false));
    }

    #[test]
    fn repeated_steps_are_merged_but_output_lines_are_not() {
        let step = |error| line("RUN make", &[("type", "\"vertex\""), ("digest", "\"sha256:1\""), ("error", error)]);
        let other = line("RUN make", &[("type", "\"vertex\""), ("digest", "\"sha256:2\""), ("error", "null")]);
        let printed = || line("retrying", &[("type", "\"log\""), ("digest", "\"sha256:1\"")]);
        let plain = || line("no digest", &[("digest", "null")]);
        let lines = [
            step("null"),
            step("null"),
            other,
            printed(),
            printed(),
            plain(),
            plain(),
            step("\"failed\""),
            step("\"failed\""),
        ];
        let expected = ["RUN make", "RUN make", "retrying", "retrying", "no digest", "no digest", "RUN make: failed"];
        assert_eq!(shown(&lines, 20), (expected.map(str::to_owned).into(), true));
    }

    #[test]
    fn earlier_cause_is_shown_with_last_lines() {
        let mut lines: Vec<RawLine> = (0..9).map(|number| line(&format!("line {number}"), &[])).collect();
        lines.insert(2, line("RUN make", &[("error", "\"one\\ntwo s3cret\"")]));
        for (most, expected) in [
            (4, &["RUN make: one", "two •••", "line 7", "line 8"][..]),
            (2, &["RUN make: one", "two •••"]),
            (1, &["two •••"]),
            (0, &[]),
        ] {
            let expected: Vec<String> = expected.iter().map(|&line| line.to_owned()).collect();
            assert_eq!(shown(&lines, most), (expected, true), "{most}");
        }
        assert_eq!(shown(&lines, 20).0.len(), 11);
    }
}
