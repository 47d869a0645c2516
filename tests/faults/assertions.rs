//! What must hold of a cell: the exit code, the words, and that nothing is lost.

use std::time::Duration;

use crate::commands::{Column, Speech};
use crate::fault::{Ends, Row};
use crate::parallel::hold;
use crate::run::{Cell, ENV, PULLED, Ran, Watch, names};
use crate::server::Case;

/// The most memory that any answer may cost, in KiB: an answer is read up to 32 MiB, and the rest is the program.
pub(crate) const MOST: u64 = 64 << 10;

/// What a run may take beyond `--timeout`; a busy machine takes most of it.
pub(crate) const MARGIN: Duration = Duration::from_secs(3);

/// One cell that was played.
pub(crate) struct Verdict<'v> {
    pub(crate) row: &'v Row,
    /// What `--timeout` was given.
    pub(crate) limit: Duration,
    pub(crate) column: &'v Column,
    pub(crate) cell: &'v Cell,
    pub(crate) case: &'v Case,
    pub(crate) ran: &'v Ran,
}

impl Verdict<'_> {
    pub(crate) fn of(&self, ends: &Ends, before: &(Vec<String>, Vec<String>)) -> Result<(), String> {
        let Self { row, cell, ran, case, .. } = self;
        hold!(!ran.err.contains("has a bug"), "it panicked");
        hold!(case.sim.violations().is_empty(), "it sent what no document says: {:?}", case.sim.violations());
        hold!(ran.peak < MOST, "it took {} KiB of memory", ran.peak);
        hold!(row.watch == Watch::Nothing || ran.peak > 0, "nobody saw its memory");
        match ends {
            Ends::AsEver => self.as_ever(before),
            Ends::Unproved { code } => {
                hold!(ran.code == Some(*code), "exit code {:?}, not {code}", ran.code);
                hold!(cell.read(".env") == self.env() && cell.names() == before.0, ".env is not as it should be");
                Ok(())
            }
            Ends::Fails { code, says } => {
                self.failed(*code, says)?;
                hold!(cell.read(".env") == ENV, ".env was changed");
                hold!(cell.names() == before.0, "left behind: {:?}", cell.names());
                // The key that the names of results are made with tells nothing.
                let mut remembered = names(&cell.state());
                remembered.retain(|name| name != "hook");
                hold!(remembered == before.1, "remembered: {remembered:?}");
                let kept = names(&cell.state().join("hook"));
                hold!(kept.iter().all(|name| name == "hook.key"), "remembered: {kept:?}");
                hold!(case.sim.mutations().is_empty(), "it went on: {:?}", case.sim.mutations());
                hold!(ran.took < self.limit + MARGIN, "it took {:?}", ran.took);
                Ok(())
            }
        }
    }

    /// The exit code, and the error as the column tells it.
    fn failed(&self, code: i32, says: &[String]) -> Result<(), String> {
        let (ran, speech) = (self.ran, self.column.speech);
        let expected = if speech == Speech::Warning { 0 } else { code };
        hold!(ran.code == Some(expected), "exit code {:?}, not {expected}", ran.code);
        let is_below = self.column.words[0] == "auth" && self.column.words[1] == "status";
        hold!(ran.out.is_empty() || is_below, "there is something on standard output");
        let lines: Vec<&str> = ran.err.lines().filter(|line| !is_talk(line)).collect();
        let told = match (speech, lines.as_slice()) {
            (Speech::Warning, [line]) => {
                hold!(line.starts_with("doctor: warning: not compared with Railway: "), "no warning");
                return Ok(());
            }
            (Speech::Lines | Speech::LinesBelow, [what, because, next]) => {
                let is_error = what.starts_with("error: ") && because.starts_with("  because: ");
                hold!(is_error && next.starts_with("  next: "), "no error of three lines");
                ran.err.clone()
            }
            (Speech::Lines | Speech::LinesBelow, [what, next]) => {
                hold!(what.starts_with("error: ") && next.starts_with("  next: "), "no error of two lines");
                ran.err.clone()
            }
            (Speech::Json, [line]) => {
                let told: serde_json::Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
                let error = &told["error"];
                hold!(error["exit_code"] == code, "another exit code in the JSON");
                let text = |part: &str| error[part].as_str().unwrap_or_default().to_owned();
                hold!(["kind", "message", "next"].iter().all(|part| !text(part).is_empty()), "a part is missing");
                [text("message"), text("because"), text("next")].join("\n")
            }
            _ => return Err("standard error holds something else than one error".to_owned()),
        };
        for word in says {
            hold!(told.contains(word), "the error does not say {word:?}");
        }
        Ok(())
    }

    /// The file after a run that did what it was to do.
    fn env(&self) -> &'static str {
        if self.column.name == "pull" { PULLED } else { ENV }
    }

    /// Everything is as if nothing had gone wrong.
    fn as_ever(&self, before: &(Vec<String>, Vec<String>)) -> Result<(), String> {
        let Self { column, cell, ran, case, .. } = self;
        hold!(ran.code == Some(column.as_ever), "exit code {:?}, not {}", ran.code, column.as_ever);
        hold!(!ran.err.contains("error: ") && !ran.err.contains("not compared"), "it complains");
        hold!(cell.read(".env") == self.env(), ".env is not as it should be");
        let made = if column.name == "init" { vec!["doctor.toml".to_owned()] } else { Vec::new() };
        let mut expected = [before.0.clone(), made].concat();
        expected.sort();
        hold!(cell.names() == expected, "left behind: {:?}", cell.names());
        let sent: Vec<String> = case.sim.mutations().iter().map(|sent| sent.operation.clone()).collect();
        let expected: &[&str] = match column.name {
            "push" => &["SetVariables", "SetVariables", "Redeploy", "Redeploy"],
            "undo" => &["SetVariables", "SetVariables"],
            "redeploy" => &["Redeploy"],
            "start command" => &["CommitPatch"],
            _ => &[],
        };
        hold!(sent == expected, "it sent {sent:?}");
        let recorded = usize::from(["push", "pull", "undo", "start command"].contains(&column.name));
        let known = before.1.iter().filter(|name| name.ends_with(".journal")).count();
        hold!(cell.runs().len() == known + recorded, "{} runs are recorded", cell.runs().len());
        Ok(())
    }
}

/// What is said while a run goes on.
pub(crate) fn is_talk(line: &str) -> bool {
    line.contains(" limits the rate of requests: waiting ")
        || line.starts_with("doctor: stopped; to go round it once: ")
}
