//! Assertions about a run under a fault: the exit code, the error, and that no data is lost.

use std::time::Duration;

use crate::commands::{CommandCase, ErrorFormat};
use crate::error_lines::is_error;
use crate::fault::{Expected, FaultCase};
use crate::parallel::ensure;
use crate::run::{ENV, PULLED, ROTATED, RunOutput, Sandbox, Watch, names};
use crate::server::Backend;

/// The most memory that a run may use, in KiB: a response is read up to 32 MiB, and the program needs the rest.
pub(crate) const MAX_MEMORY_KIB: u64 = 64 << 10;

/// How long a run may take beyond `--timeout`; most of it is for busy machines.
pub(crate) const TIMEOUT_MARGIN: Duration = Duration::from_secs(3);

/// A finished run of one command under one fault.
pub(crate) struct Outcome<'v> {
    pub(crate) case: &'v FaultCase,
    /// The value of `--timeout`.
    pub(crate) timeout: Duration,
    pub(crate) command: &'v CommandCase,
    pub(crate) sandbox: &'v Sandbox,
    pub(crate) backend: &'v Backend,
    pub(crate) output: &'v RunOutput,
}

/// Why a run failed a check.
pub(crate) enum Failure {
    /// It took too long.
    Duration(String),
    /// The exit code or the printed error is not the expected one.
    Ending(String),
    /// It did what it must not do, however slow the machine is.
    Effect(String),
}

impl From<String> for Failure {
    fn from(reason: String) -> Self {
        Self::Effect(reason)
    }
}

impl Outcome<'_> {
    /// Checks how the run ended, and what it did. If an error is expected, its effects are checked first: it must have
    /// none, even if it timed out.
    pub(crate) fn check(&self, expected: &Expected, before: &(Vec<String>, Vec<String>)) -> Result<(), Failure> {
        let Self { sandbox, output, .. } = self;
        self.check_process()?;
        match expected {
            Expected::Unaffected => {
                self.check_unaffected_ending().map_err(Failure::Ending)?;
                self.check_unaffected(before)?;
            }
            Expected::ExitCode { code } => {
                self.check_exit_code(*code).map_err(Failure::Ending)?;
                if sandbox.read(".env") != self.expected_env() || sandbox.names() != before.0 {
                    return Err(Failure::Effect("unexpected content of .env".to_owned()));
                }
            }
            Expected::Error { code, fragments } => {
                self.check_untouched(before)?;
                self.check_error(*code, fragments).map_err(Failure::Ending)?;
                if output.duration >= self.timeout + TIMEOUT_MARGIN {
                    return Err(Failure::Duration(format!("it took {:?}", output.duration)));
                }
            }
        }
        Ok(())
    }

    fn check_process(&self) -> Result<(), String> {
        let Self { case, output, backend, .. } = self;
        ensure!(!output.stderr.contains("panicked"), "it panicked");
        ensure!(backend.sim.violations().is_empty(), "it sent an unknown request: {:?}", backend.sim.violations());
        ensure!(output.peak_kib < MAX_MEMORY_KIB, "it used {} KiB of memory", output.peak_kib);
        ensure!(case.watch == Watch::Nothing || output.peak_kib > 0, "its memory was not measured");
        Ok(())
    }

    /// Checks that the run changed nothing, and sent no mutation.
    fn check_untouched(&self, before: &(Vec<String>, Vec<String>)) -> Result<(), String> {
        let Self { sandbox, backend, .. } = self;
        ensure!(sandbox.read(".env") == ENV, ".env was changed");
        ensure!(sandbox.names() == before.0, "unexpected files: {:?}", sandbox.names());
        // The key of the hook's cache reveals nothing.
        let mut state = names(&sandbox.state());
        state.retain(|name| name != "hook");
        ensure!(state == before.1, "unexpected state files: {state:?}");
        let cache = names(&sandbox.state().join("hook"));
        ensure!(cache.iter().all(|name| name == "hook.key"), "unexpected files in the hook cache: {cache:?}");
        ensure!(backend.sim.mutations().is_empty(), "it sent mutations: {:?}", backend.sim.mutations());
        Ok(())
    }

    fn check_exit_code(&self, expected: i32) -> Result<(), String> {
        let code = self.output.code;
        ensure!(code == Some(expected), "exit code {code:?}, expected {expected}");
        Ok(())
    }

    /// Checks the exit code and the error, in the format of the command.
    fn check_error(&self, code: i32, fragments: &[String]) -> Result<(), String> {
        let (output, error_format) = (self.output, self.command.error_format);
        self.check_exit_code(if error_format == ErrorFormat::Warning { 0 } else { code })?;
        let has_output = self.command.args[0] == "auth" && self.command.args[1] == "status";
        ensure!(output.stdout.is_empty() || has_output, "standard output is not empty");
        let lines: Vec<&str> = output.stderr.lines().filter(|line| !is_status_line(line)).collect();
        let text = match (error_format, lines.as_slice()) {
            (ErrorFormat::Warning, [line]) => {
                ensure!(line.starts_with("doctor: warning: not compared with Railway: "), "no warning");
                return Ok(());
            }
            (ErrorFormat::Text | ErrorFormat::TextAfterOutput, lines) => {
                ensure!(is_error(lines), "standard error is not one error");
                output.stderr.clone()
            }
            (ErrorFormat::Json, [line]) => {
                let json: serde_json::Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
                let error = &json["error"];
                ensure!(error["exit_code"] == code, "wrong exit code in the JSON");
                let text = |part: &str| error[part].as_str().unwrap_or_default().to_owned();
                ensure!(
                    ["kind", "message", "help"].iter().all(|part| !text(part).is_empty()),
                    "the JSON error is incomplete"
                );
                [text("message"), text("cause"), text("help")].join("\n")
            }
            _ => return Err("standard error is not one error".to_owned()),
        };
        for fragment in fragments {
            ensure!(text.contains(fragment), "the error does not contain {fragment:?}");
        }
        Ok(())
    }

    /// The content of `.env` after a successful run.
    fn expected_env(&self) -> &'static str {
        match self.command.name {
            "pull" => PULLED,
            "rotate with a file" => ROTATED,
            _ => ENV,
        }
    }

    /// Checks that the run ended as it does without a fault.
    fn check_unaffected_ending(&self) -> Result<(), String> {
        self.check_exit_code(self.command.exit_code)?;
        let stderr = &self.output.stderr;
        ensure!(!stderr.contains("error: ") && !stderr.contains("not compared"), "it printed an error or a warning");
        Ok(())
    }

    /// Checks that the run had the same effects as without a fault.
    fn check_unaffected(&self, before: &(Vec<String>, Vec<String>)) -> Result<(), String> {
        let Self { command, sandbox, backend, .. } = self;
        ensure!(sandbox.read(".env") == self.expected_env(), "unexpected content of .env");
        let created = match command.name {
            "baseline" => vec!["known.toml".to_owned()],
            "init" => vec!["doctor.toml".to_owned()],
            "new file" => vec!["new.env".to_owned()],
            _ => Vec::new(),
        };
        let mut expected = [before.0.clone(), created].concat();
        expected.sort();
        ensure!(sandbox.names() == expected, "unexpected files: {:?}", sandbox.names());
        let sent: Vec<String> = backend.sim.mutations().iter().map(|sent| sent.operation.clone()).collect();
        let expected: &[&str] = match command.name {
            "push" | "rotate" | "rotate with a file" => &["SetVariables", "SetVariables", "Redeploy", "Redeploy"],
            // The shared variable, and a reference to it on each service.
            "hoist" => &["SetVariables", "SetVariables", "SetVariables"],
            "undo" => &["SetVariables", "SetVariables"],
            "redeploy" => &["Redeploy"],
            "start command" => &["CommitPatch"],
            _ => &[],
        };
        ensure!(sent == expected, "it sent {sent:?}");
        let recording = ["push", "pull", "undo", "start command", "rotate", "rotate with a file", "hoist"];
        let recorded = usize::from(recording.contains(&command.name));
        let recorded_before = before.1.iter().filter(|name| name.ends_with(".journal")).count();
        ensure!(sandbox.runs().len() == recorded_before + recorded, "{} runs are recorded", sandbox.runs().len());
        Ok(())
    }
}

/// Returns whether a line of standard error is a status line and not part of the error.
pub(crate) fn is_status_line(line: &str) -> bool {
    line.starts_with("rate limited by ")
        || line.contains(" blocked by doctor. ")
        || line.starts_with("    doctor check")
        || line.trim_start().starts_with("DOCTOR=0 git ")
}
