//! `doctor init`: gathers both sides, asks questions, shows a new `doctor.toml`, and writes it after confirmation.

mod draft;
mod gather_sides;
mod questions;
mod unignored_files;

use crate::cli::{self, GlobalArgs, ResultFormat};
use crate::commands::fix::refuse_parts;
use crate::commands::gather::Gathered;
use crate::commands::init::draft::InitDraft;
use crate::commands::init::gather_sides::SideReader;
use crate::commands::init::unignored_files::UnignoredFiles;
use crate::commands::prompts;
use crate::commands::service_selection::Services;
use crate::commands::trust;
use crate::drift::Secret;
use crate::drift::phrases;
use crate::drift::rules::RULES;
use crate::drift::suggest::ConfigDraft;
use crate::error::{Error, Exit, Help};
use crate::io::config::{self, Config, ConfigLocation, RuleName, generate};
use crate::io::files::{self, Created};
use crate::io::terminal::prompt::{PromptAnswer, YesNo, can_ask};
use crate::io::world::World;
use crate::report::json::drafted::{Drafted, drafted};
use crate::report::{escape, shell_command};

/// Writes a new `doctor.toml`.
pub(crate) fn run(args: &cli::InitArgs, global: &GlobalArgs, world: &mut World<'_>) -> Result<Exit, Error> {
    let context = context(args, global, world)?;
    let sides = SideReader::open(args, global, world)?;
    let is_json = args.result.format == ResultFormat::Json;
    let is_asked = !args.yes && !is_json && can_ask(&world.terminal, &world.variables);
    let gathered = if is_asked { questions::file(&sides, world)? } else { gather_unasked(args, &sides, world)? };
    let mut interview = InitDraft::new(gathered, &context)?;
    if !is_json {
        world.print(&interview.summary(world.terminal.width))?;
    }
    if is_asked {
        questions::all(&mut interview, &sides, world)?;
    }
    interview.refuse_unread()?;
    let draft = interview.draft();
    let text = text(&draft, &context, &interview)?;
    let exposed = UnignoredFiles::of(&interview.gathered, &context);
    // Repeat the flags, although the new doctor.toml names files and services.
    let check = [world.program.clone(), vec!["check".to_owned()], targeting(args), same(global)].concat();
    if is_json {
        let remarks = &interview.gathered.remarks;
        let result = InitResult { text: &text, draft: &draft, remarks, context: &context, exposed: &exposed, check };
        return print_json(result, args, global, world);
    }
    world.print(&format!("\nNew {}:\n\n{text}\n", escape::line(&context.name)))?;
    exposed.show(world)?;
    let adds = match (args.yes, is_asked) {
        (true, _) => YesNo::No,
        (false, true) => confirm(&exposed, &context, world)?,
        (false, false) => return Err(not_confirmed(args, &context, global, world)),
    };
    world.interrupt.begin_writing();
    let written =
        write(&text, &context, &draft, world).and_then(|written| written.write_result(&context, &draft, world));
    let added = written.and_then(|()| exposed.add(adds, world));
    world.interrupt.end_writing();
    added?;
    let files = if adds == YesNo::Yes { "both files" } else { "it" };
    world.print(&format!("Commit {files}, then run:\n    {}\n", shell_command::line(&check)))?;
    Ok(Exit::Clean)
}

/// Gathers both sides without questions. A remark reports that no service is in scope.
fn gather_unasked(args: &cli::InitArgs, sides: &SideReader<'_>, world: &mut World<'_>) -> Result<Gathered, Error> {
    let mut gathered = sides.gather(&args.files.env_file, &args.targeting.service, world)?;
    if args.yes {
        refuse_parts(&gathered)?;
    }
    if gathered.survey.targets.is_empty() {
        let files: Vec<&str> = gathered.files.iter().map(|(name, _)| name.as_str()).collect();
        let files = phrases::names(&files);
        gathered.remarks.push(format!("no service shares a key with {files}, so nothing is compared; see --service"));
    }
    Ok(gathered)
}

/// A complete `doctor.toml`.
struct InitResult<'r> {
    text: &'r str,
    draft: &'r ConfigDraft,
    remarks: &'r [String],
    context: &'r ConfigLocation,
    exposed: &'r UnignoredFiles,
    /// The next command to run.
    check: Vec<String>,
}

/// Prints the result as JSON. Writes the file only with `--yes`.
fn print_json(
    result: InitResult<'_>,
    args: &cli::InitArgs,
    global: &GlobalArgs,
    world: &mut World<'_>,
) -> Result<Exit, Error> {
    let InitResult { text, draft, remarks, context, exposed, check } = result;
    let written = if args.yes {
        world.interrupt.begin_writing();
        let written = write(text, context, draft, world);
        world.interrupt.end_writing();
        Some(written?)
    } else {
        None
    };
    let mut remarks = remarks.to_vec();
    if let Some(FileOutcome::NotAccepted(why)) = &written {
        remarks.push(format!("{} is not accepted yet: {why}", context.name));
    }
    let (tracked, unignored) = exposed.names();
    let exit = if args.yes { Exit::Clean } else { Exit::Usage };
    let document = drafted(Drafted {
        file: &context.name,
        written: written.is_some(),
        accepted: written == Some(FileOutcome::Accepted),
        draft,
        text,
        tracked,
        unignored,
        remarks: &remarks,
        next: if args.yes { check } else { command_without_prompt(args, global, world) },
        exit_code: exit.code(),
    });
    world.print(&document)?;
    if args.yes { Ok(exit) } else { Err(not_confirmed(args, context, global, world)) }
}

/// Returns the location of the new file. Fails if there is a `doctor.toml`, or if it can't refer to an env file.
fn context(args: &cli::InitArgs, global: &GlobalArgs, world: &World<'_>) -> Result<ConfigLocation, Error> {
    if let Some(path) = &global.config {
        return Err(Error::Usage {
            what: format!("invalid --config `{}`", path.display()),
            cause: Some("init creates doctor.toml at the root of the repository".to_owned()),
            help: "remove --config".into(),
        });
    }
    if let Some(path) = config::nearest(&world.directory) {
        return Err(already_exists(&files::display_path(&path, &world.directory)));
    }
    let context = ConfigLocation::of(&world.directory);
    for file in &args.files.env_file {
        if files::is_stream(file) || files::is_stream(&world.directory.join(file)) {
            return Err(Error::Usage {
                what: format!("invalid --env-file `{}`", file.display()),
                cause: Some("doctor.toml can only refer to a file that can be read again".to_owned()),
                help: "pass a regular file, or remove --env-file".into(),
            });
        }
        context.reach(&files::normal(&world.directory.join(file))).map_err(elsewhere)?;
    }
    Ok(context)
}

/// `--env-file` can't pass a file outside the repository here, because doctor.toml can't name it.
fn elsewhere(error: Error) -> Error {
    match error {
        Error::File { path, cause, .. } => {
            Error::File { path, cause, help: "run `doctor init` in the directory of that file".into() }
        }
        other => other,
    }
}

fn already_exists(name: &str) -> Error {
    Error::NotConfirmed {
        what: format!("{name} already exists"),
        cause: "init never overwrites a doctor.toml".to_owned(),
        help: "edit it, or move it away first".into(),
    }
}

/// Returns the text, after parsing it and resolving its services to verify it.
fn text(draft: &ConfigDraft, context: &ConfigLocation, interview: &InitDraft) -> Result<String, Error> {
    let (text, read) = generate(draft, context, &rules())?;
    read.env_file.iter().flatten().try_for_each(|file| read.file(file).map(drop))?;
    let services = Services::of(&interview.gathered.selected.shape, Some(&read));
    for section in &draft.services {
        verify_alias(&read, &services, &section.alias, &section.service.id)?;
    }
    Ok(text)
}

fn rules() -> Vec<RuleName> {
    RULES.iter().map(|rule| (rule.code, rule.name)).collect()
}

/// Verifies that an alias and its service name resolve to the chosen service.
fn verify_alias(read: &Config, services: &Services, alias: &str, id: &str) -> Result<(), Error> {
    let Some(section) = read.services.get(alias) else { return Ok(()) };
    let by_alias = config::At { value: alias.to_owned(), ..section.name };
    for name in [&section.name, &by_alias] {
        let index = services.in_config(read, name)?;
        if services.candidates[index].service.id != id {
            let what = format!("`{}` resolves to a different service", name.value);
            return Err(read.fault(name, what, "nothing was written; write the file by hand, and report this bug"));
        }
    }
    Ok(())
}

/// Asks for confirmation, and whether to add the env files to `.gitignore`.
fn confirm(exposed: &UnignoredFiles, context: &ConfigLocation, world: &mut World<'_>) -> Result<YesNo, Error> {
    if world.prompt.confirm(&prompts::write_config(&context.name), YesNo::Yes)? == PromptAnswer::Given(YesNo::Yes) {
        exposed.ask(world)
    } else {
        Err(Error::Cancelled)
    }
}

fn not_confirmed(args: &cli::InitArgs, context: &ConfigLocation, global: &GlobalArgs, world: &World<'_>) -> Error {
    Error::NotConfirmed {
        what: format!("writing {} needs confirmation", context.name),
        cause: match args.result.format {
            ResultFormat::Text => "not an interactive terminal".to_owned(),
            ResultFormat::Json => "`--format json` never prompts".to_owned(),
        },
        help: Help::command(
            "to write it without a prompt, run:",
            shell_command::line(&command_without_prompt(args, global, world)),
        ),
    }
}

/// Returns the command that writes the same file without a prompt.
fn command_without_prompt(args: &cli::InitArgs, global: &GlobalArgs, world: &World<'_>) -> Vec<String> {
    let mut words = [world.program.clone(), vec!["init".to_owned(), "--yes".to_owned()]].concat();
    words.extend(targeting(args));
    if args.result.format == ResultFormat::Json {
        words.push("--format=json".to_owned());
    }
    words.extend(same(global));
    words
}

fn targeting(args: &cli::InitArgs) -> Vec<String> {
    let targeting = &args.targeting;
    let mut words = Vec::new();
    words.extend(targeting.place.project.iter().map(|project| format!("--project={project}")));
    words.extend(targeting.place.environment.iter().map(|environment| format!("--environment={environment}")));
    words.extend(targeting.service.iter().map(|service| format!("--service={service}")));
    words.extend(args.files.env_file.iter().map(|path| format!("--env-file={}", path.display())));
    words
}

fn same(global: &GlobalArgs) -> Vec<String> {
    global.api_url.iter().map(|url| format!("--api-url={url}")).collect()
}

/// The outcome for a file that was written.
#[derive(Debug, PartialEq, Eq)]
enum FileOutcome {
    Accepted,
    /// Another program changed it since.
    Changed,
    /// It could not be accepted, for this reason.
    NotAccepted(String),
}

/// Creates the file, and accepts it if its contents are still the same.
fn write(text: &str, context: &ConfigLocation, draft: &ConfigDraft, world: &World<'_>) -> Result<FileOutcome, Error> {
    if files::create(&context.path, text, &world.directory)? == Created::ThereAlready {
        return Err(already_exists(&context.name));
    }
    if files::current(&context.path) != Some(Secret::new(text)) {
        return Ok(FileOutcome::Changed);
    }
    let (_, read) = generate(draft, context, &rules())?;
    Ok(match trust::accept(&read, &draft.project, world) {
        Ok(()) => FileOutcome::Accepted,
        Err(error) => FileOutcome::NotAccepted(error.cause().unwrap_or_default()),
    })
}

impl FileOutcome {
    fn write_result(&self, context: &ConfigLocation, draft: &ConfigDraft, world: &mut World<'_>) -> Result<(), Error> {
        let [name, project] = [&context.name, &draft.project.name].map(|name| escape::line(name).into_owned());
        match self {
            Self::Accepted => world.print(&format!("Wrote {name} and accepted it for project {project}.\n")),
            Self::Changed => world.print(&format!("Wrote {name}. It has changed since then, so it is not accepted.\n")),
            Self::NotAccepted(why) => {
                world.print(&format!("Wrote {name}.\n"))?;
                let why = escape::line(why);
                world.status.print_line(&format!("note: {name} is not accepted yet: {why}; run `doctor trust`"));
                Ok(())
            }
        }
    }
}
