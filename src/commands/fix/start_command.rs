//! Start commands: the text that was typed, or the one that a person is offered.

use crate::cli::FixArgs;
use crate::commands::fix::FixRun;
use crate::commands::service_selection::Services;
use crate::drift::model::finding::Finding;
use crate::drift::plan::start_command::{ChangeLocation, OfferedStartCommand, StartCommandChange, offered, typed};
use crate::drift::{Secret, Target};
use crate::error::Error;
use crate::io::terminal::stream::Sort;
use crate::io::world::World;
use crate::report::{CommandTexts, Format, escape, shell_command};

const FLAG: &str = "--start-command";

/// What a run may do about start commands.
#[derive(Default)]
pub(super) struct StartChoices {
    /// The change to the text that was typed.
    pub(super) typed: Option<StartCommandChange>,
    /// Whether text was typed that the settings have already.
    pub(super) is_set_already: bool,
    /// What a person is offered. It may come from `doctor.toml`, so it is never taken without an answer.
    pub(super) offers: Vec<(StartCommandChange, String)>,
    /// What a person has to change elsewhere: sentences, and lines that may hold credentials.
    pub(super) elsewhere: Vec<(String, Option<Secret>)>,
}

/// Whether `--service` names the service of the start command, and other flags are about more than that one.
pub(super) fn is_one_of_several(args: &FixArgs) -> bool {
    args.start_command.is_some() && (args.push || args.pull || args.redeploy)
}

/// Refuses text that can't be a start command, and more than one service for it.
pub(super) fn refuse(args: &FixArgs) -> Result<(), Error> {
    let Some(text) = &args.start_command else { return Ok(()) };
    if args.targeting.service.len() != 1 {
        return Err(Error::Flag {
            flag: FLAG,
            value: "used with more than one service".to_owned(),
            cause: "it sets the start command of one service".to_owned(),
            help: "name one service with --service, and run it again for the next one".to_owned(),
        });
    }
    let Some(why) = unwritable(text) else { return Ok(()) };
    Err(Error::Flag {
        flag: FLAG,
        value: "used with that text".to_owned(),
        cause: why.to_owned(),
        help: "write the whole command as one line of visible characters".to_owned(),
    })
}

/// Why text is never written as a start command: a person who confirms it must have seen all of it.
fn unwritable(text: &str) -> Option<&'static str> {
    if text.trim().is_empty() {
        return Some("it is empty");
    }
    (escape::line(text) != text).then_some("it contains control characters or invisible characters")
}

/// What can be done about start commands in this run.
pub(super) fn commands(run: &FixRun<'_>, findings: &[Finding]) -> Result<StartChoices, Error> {
    let mut commands = StartChoices::default();
    if let Some(text) = &run.args.start_command {
        let change = typed(run.survey(), target(run)?, &Secret::new(text.as_str())).map_err(|(why, next)| {
            Error::Flag { flag: FLAG, value: "used for this service".to_owned(), cause: why, help: next }
        })?;
        commands.is_set_already = change.is_none();
        commands.typed = change;
        return Ok(commands);
    }
    let not_offered =
        |service: &str, why: &str| (format!("no start command is offered for {service}: {why}"), None::<Secret>);
    for OfferedStartCommand { service, found, change } in offered(run.survey(), findings) {
        match change {
            ChangeLocation::Settings(_) if run.args.no_deploy => {
                commands
                    .elsewhere
                    .push(not_offered(&service.name, "Railway deploys with it, and --no-deploy is given"));
            }
            ChangeLocation::Settings(setting) => {
                match setting.after.as_ref().and_then(|text| unwritable(text.expose())) {
                    None => commands.offers.push((setting, found)),
                    Some(why) => commands.elsewhere.push(not_offered(&service.name, why)),
                }
            }
            ChangeLocation::File(file, line) => {
                let to = if line.is_some() { ", to" } else { "" };
                let words = format!("the start command of {} is set in {file}: change it there{to}", service.name);
                commands.elsewhere.push((words, line));
            }
            ChangeLocation::ByHand(why) => {
                let flag = shell_command::line(&[format!("--service={}", service.name)]);
                let words = format!("{why}: set it with --start-command TEXT {flag}");
                commands.elsewhere.push((words, None));
            }
        }
    }
    Ok(commands)
}

/// The service that `--service` names.
fn target<'r>(run: &'r FixRun<'_>) -> Result<&'r Target, Error> {
    let services = Services::of(&run.gathered().selected.shape, run.config);
    let wanted = run.args.targeting.service.first().map(String::as_str).unwrap_or_default();
    let service = services.named(wanted)?;
    let found = run.survey().targets.iter().find(|target| target.service == *service);
    found.ok_or_else(|| Error::Flag {
        flag: FLAG,
        value: format!("used for {}", service.name),
        cause: "other services take their values from it, so it is left out beside them".to_owned(),
        help: "run it without --push, --pull and --redeploy".to_owned(),
    })
}

/// Whether the command line that sets this text may be printed: on a terminal, where a person has seen the text in full; or the
/// text was typed, and no known value is in it.
pub(super) fn is_printable(run: &FixRun<'_>, setting: &StartCommandChange, world: &World<'_>) -> bool {
    let text = setting.after.as_ref().map(Secret::expose).unwrap_or_default();
    let is_typed = run.args.start_command.as_deref() == Some(text);
    // The commands go to standard output below a plan, and to standard error where it is declined.
    let is_seen = run.output.format == Format::Text
        && run.output.file.is_none()
        && run.output.command_texts(world) == CommandTexts::Shown
        && [world.terminal.out, world.terminal.err].iter().all(|one| *one != Sort::Pipe);
    is_seen || is_typed && run.client.scrubber.redact(text) == text
}
