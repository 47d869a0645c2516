//! `--baseline`: reads the baseline before the first request, compares it with the findings, and writes it.

use std::path::{Path, PathBuf};

use crate::cli::{BaselineArgs, CheckArgs, GlobalArgs};
use crate::commands::analysis::Analysis;
use crate::commands::input_files;
use crate::drift::engine::baseline::{Baseline, BaselineComparison};
use crate::drift::survey::Coverage;
use crate::drift::{ResourceRef, Severity};
use crate::error::{Error, Help};
use crate::io::files;
use crate::io::world::World;
use crate::io::{config, files::display_path};
use crate::report::baseline::{BaselineAction, BaselineReport};

/// What a run does with its baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Compare,
    NewOnly,
    Write,
}

/// The baseline of a run.
#[derive(Debug)]
pub(crate) struct BaselineFile {
    path: PathBuf,
    /// The path in messages.
    name: String,
    /// The path as it was typed.
    typed: String,
    mode: Mode,
    /// `None` if the file does not exist yet.
    old: Option<Baseline>,
}

impl BaselineFile {
    /// Reads the file of `--baseline`, if the flag is set. Refuses a path that must not be replaced.
    pub(crate) fn read(args: &CheckArgs, global: &GlobalArgs, world: &World<'_>) -> Result<Option<Self>, Error> {
        let BaselineArgs { file: Some(typed), new_only, write_baseline } = &args.baseline else { return Ok(None) };
        let mode = match (new_only, write_baseline) {
            (_, true) => Mode::Write,
            (true, _) => Mode::NewOnly,
            _ => Mode::Compare,
        };
        let path = world.directory.join(typed);
        let name = display_path(&path, &world.directory);
        let refused = |cause: String| refusal(mode, &name, cause);
        let inputs =
            if mode == Mode::Write { input_files::of(&args.files.env_file, global, world) } else { Vec::new() };
        files::refuse_replacement(&path, &inputs, &world.directory).map_err(refused)?;
        if mode == Mode::Write && is_reserved(&path) {
            return Err(refused("doctor would read it as another kind of file".to_owned()));
        }
        let old = config::read_baseline(&path, &name)?;
        match mode {
            Mode::Write => {
                files::refuse_unwritable(&path, &world.directory).map_err(|error| not_written(&name, &error))?;
            }
            _ if old.is_none() => return Err(missing(name)),
            _ => {}
        }
        Ok(Some(Self { path, name, typed: typed.display().to_string(), mode, old }))
    }

    /// Compares the findings with the baseline, writes it, and removes the known findings, depending on the flags.
    pub(crate) fn apply(&self, analysis: &mut Analysis, world: &World<'_>) -> Result<BaselineReport, Error> {
        let survey = &analysis.gathered.survey;
        if let Some(old) = self.old.as_ref().filter(|old| !old.is_for(survey)) {
            return Err(self.other_environment(old, [&survey.project, &survey.environment]));
        }
        let old = self.old.clone().unwrap_or_default();
        if self.mode == Mode::Write {
            return self.write(&old, analysis, world);
        }
        let comparison = compare(&old, analysis);
        let action = if self.mode == Mode::NewOnly {
            analysis.hide_known(&old);
            BaselineAction::Hidden
        } else {
            BaselineAction::Compared
        };
        Ok(self.report(action, comparison, analysis, world))
    }

    /// Writes the baseline of the findings, unless the check is incomplete. The report then shows what the baseline does
    /// not cover.
    fn write(&self, old: &Baseline, analysis: &mut Analysis, world: &World<'_>) -> Result<BaselineReport, Error> {
        if let Some(cause) = analysis.incomplete() {
            let comparison = compare(old, analysis);
            return Ok(self.report(BaselineAction::NotWritten(cause), comparison, analysis, world));
        }
        let (survey, findings) = (&analysis.gathered.survey, &analysis.examination.findings);
        let new = old.updated(survey, findings, coverage(analysis), least(analysis));
        let action = if self.old.as_ref() == Some(&new) { BaselineAction::Unchanged } else { BaselineAction::Written };
        let text = config::baseline_text(&new);
        config::refuse_large_baseline(&text, &self.name)?;
        // Written even if the entries are equal: the file may be in another order or form.
        let write = || files::write_report(&self.path, text.as_bytes(), &world.directory);
        world.interrupt.without_time_limit(write).map_err(|error| not_written(&self.name, &error))?;
        let comparison = compare(&new, analysis);
        analysis.hide_known(&new);
        Ok(self.report(action, comparison, analysis, world))
    }

    fn report(
        &self,
        action: BaselineAction,
        comparison: BaselineComparison,
        analysis: &Analysis,
        world: &World<'_>,
    ) -> BaselineReport {
        let next = match action {
            BaselineAction::Written | BaselineAction::Unchanged => "--new-only",
            _ => "--write-baseline",
        };
        let baseline = format!("--baseline={}", self.typed);
        let arguments = ["check", &baseline, next].map(ToOwned::to_owned);
        let next = analysis.gathered.repeated(&arguments, world);
        BaselineReport { file: self.name.clone(), action, comparison, next }
    }

    fn other_environment(&self, old: &Baseline, run: [&ResourceRef; 2]) -> Error {
        let target = |[project, environment]: [&ResourceRef; 2]| format!("{} · {}", project.name, environment.name);
        Error::Usage {
            what: format!("{} is the baseline of another environment", self.name),
            cause: Some(format!(
                "it was written for {}, and this run checks {}",
                target([&old.project, &old.environment]),
                target(run)
            )),
            help: "pass the baseline of this environment with `--baseline FILE`; each environment needs its own".into(),
        }
    }
}

fn compare(baseline: &Baseline, analysis: &Analysis) -> BaselineComparison {
    let findings = &analysis.examination.findings;
    baseline.compare(&analysis.gathered.survey, findings, coverage(analysis), least(analysis))
}

/// Returns whether `--service` limits the run.
fn coverage(analysis: &Analysis) -> Coverage {
    if analysis.gathered.selection.flags.is_empty() { Coverage::Whole } else { Coverage::Part }
}

/// Returns the lowest severity that is recorded. Notes are recorded only if they fail the run.
fn least(analysis: &Analysis) -> Severity {
    if analysis.fail_on == Some(Severity::Note) { Severity::Note } else { Severity::Warning }
}

/// Returns whether another run would read the file as variables or as a configuration.
fn is_reserved(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name == "doctor.toml" || name.starts_with(".env")
}

fn refusal(mode: Mode, name: &str, cause: String) -> Error {
    let help = Help::from("pass another file with `--baseline FILE`");
    match mode {
        Mode::Write => Error::Write { path: name.to_owned(), cause, help },
        Mode::Compare | Mode::NewOnly => Error::File { path: name.to_owned(), cause, help },
    }
}

fn not_written(name: &str, error: &Error) -> Error {
    refusal(Mode::Write, name, error.cause_or_message())
}

fn missing(path: String) -> Error {
    Error::File {
        path,
        cause: "no such file".to_owned(),
        help: Help::command("to create it, run:", "--write-baseline"),
    }
}
