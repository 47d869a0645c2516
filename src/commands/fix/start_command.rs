//! Start commands: from `--start-command`, or suggested at a prompt.

use crate::cli::FixArgs;
use crate::commands::fix::FixRun;
use crate::commands::service_selection::Services;
use crate::drift::model::finding::Finding;
use crate::drift::plan::start_command::{ChangeLocation, OfferedStartCommand, StartCommandChange, offered, typed};
use crate::drift::{Secret, Target};
use crate::error::Error;
use crate::io::terminal::stream::StreamKind;
use crate::io::world::World;
use crate::report::{CommandTexts, Format, escape, shell_command};

const FLAG: &str = "--start-command";

/// The start commands that a run may change.
#[derive(Default)]
pub(super) struct StartChoices {
    /// The change to the text of `--start-command`.
    pub(super) typed: Option<StartCommandChange>,
    /// Whether the settings already have the text of `--start-command`.
    pub(super) is_set_already: bool,
    /// Suggested changes, each with its finding. They may come from `doctor.toml`, so each one requires confirmation.
    pub(super) offers: Vec<(StartCommandChange, String)>,
    /// Changes that the user has to make elsewhere: a sentence, and a line that may contain credentials.
    pub(super) elsewhere: Vec<(String, Option<Secret>)>,
}

/// Returns whether `--service` selects the service of the start command, while other flags apply to all services in
/// scope.
pub(super) fn is_one_of_several(args: &FixArgs) -> bool {
    args.start_command.is_some() && (args.push || args.pull || args.redeploy)
}

/// Refuses text that can't be a start command, and a selection of several services.
pub(super) fn refuse(args: &FixArgs) -> Result<(), Error> {
    let Some(text) = &args.start_command else { return Ok(()) };
    if args.targeting.service.len() != 1 {
        return Err(Error::Usage {
            what: format!("{FLAG} requires exactly one --service"),
            cause: None,
            help: "to set it for several services, run the command once for each".into(),
        });
    }
    let Some(cause) = unwritable(text) else { return Ok(()) };
    Err(Error::Usage {
        what: format!("invalid {FLAG}"),
        cause: Some(cause.to_owned()),
        help: "write the command in one line of visible characters".into(),
    })
}

/// Returns why text is never set as a start command. The user must be able to read all of it before confirming.
fn unwritable(text: &str) -> Option<&'static str> {
    if text.trim().is_empty() {
        return Some("it is empty");
    }
    (escape::line(text) != text).then_some("it contains control characters or invisible characters")
}

/// Returns the start commands that this run may change.
pub(super) fn commands(run: &FixRun<'_>, findings: &[Finding]) -> Result<StartChoices, Error> {
    match &run.args.start_command {
        Some(text) => typed_choice(run, text),
        None => Ok(suggested_choices(run, findings)),
    }
}

fn typed_choice(run: &FixRun<'_>, text: &str) -> Result<StartChoices, Error> {
    let change = typed(run.survey(), target(run)?, &Secret::new(text)).map_err(|(why, next)| Error::Usage {
        what: format!("{FLAG} is not available for this service"),
        cause: Some(why),
        help: next.into(),
    })?;
    Ok(StartChoices { is_set_already: change.is_none(), typed: change, ..StartChoices::default() })
}

fn suggested_choices(run: &FixRun<'_>, findings: &[Finding]) -> StartChoices {
    let mut commands = StartChoices::default();
    let not_offered =
        |service: &str, why: &str| (format!("no start command is suggested for {service}: {why}"), None::<Secret>);
    for OfferedStartCommand { service, found, change } in offered(run.survey(), findings) {
        match change {
            ChangeLocation::Settings(_) if run.args.no_deploy => {
                commands
                    .elsewhere
                    .push(not_offered(&service.name, "setting it deploys the service, but --no-deploy is given"));
            }
            ChangeLocation::Settings(setting) => {
                match setting.after.as_ref().and_then(|text| unwritable(text.expose())) {
                    None => commands.offers.push((setting, found)),
                    Some(why) => commands.elsewhere.push(not_offered(&service.name, why)),
                }
            }
            ChangeLocation::File(file, line) => {
                let to = if line.is_some() { " to:" } else { "" };
                let sentence = format!("the start command of {} is set in {file}; change it there{to}", service.name);
                commands.elsewhere.push((sentence, line));
            }
            ChangeLocation::ByHand(why) => {
                let flag = shell_command::line(&[format!("--service={}", service.name)]);
                let sentence = format!("{why}; set it with --start-command TEXT {flag}");
                commands.elsewhere.push((sentence, None));
            }
        }
    }
    commands
}

/// Returns the service given by `--service`.
fn target<'r>(run: &'r FixRun<'_>) -> Result<&'r Target, Error> {
    let services = Services::of(&run.gathered().selected.shape, run.config);
    let wanted = run.args.targeting.service.first().map(String::as_str).unwrap_or_default();
    let service = services.named(wanted)?;
    let found = run.survey().targets.iter().find(|target| target.service == *service);
    found.ok_or_else(|| Error::Usage {
        what: format!("{FLAG} is not available for {}", service.name),
        cause: Some("it only provides values to the other services in scope, so it is skipped".to_owned()),
        help: "run the command without --push, --pull and --redeploy".into(),
    })
}

/// Returns whether a command that sets this text may be printed: in a terminal, where the user has read the text in
/// full, or if the text was typed and contains no known value.
pub(super) fn is_printable(run: &FixRun<'_>, setting: &StartCommandChange, world: &World<'_>) -> bool {
    let text = setting.after.as_ref().map(Secret::expose).unwrap_or_default();
    let is_typed = run.args.start_command.as_deref() == Some(text);
    // The command goes to standard output below a plan, and to standard error after a declined or refused one.
    let is_shown = run.output.format == Format::Text
        && run.output.file.is_none()
        && run.output.command_texts(world) == CommandTexts::Shown
        && [world.terminal.out, world.terminal.err].iter().all(|one| *one != StreamKind::Pipe);
    is_shown || is_typed && run.client.redactor.redact(text) == text
}
