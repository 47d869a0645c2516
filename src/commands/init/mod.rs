//! `doctor init`: gathers both sides, asks what can't be known, shows a `doctor.toml`, and writes it where there is none.

mod draft;
mod gather_sides;
mod questions;
mod unignored_files;

use crate::cli::{self, GlobalArgs, ResultFormat};
use crate::commands::fix::refuse_parts;
use crate::commands::init::draft::InitDraft;
use crate::commands::init::gather_sides::SideReader;
use crate::commands::init::unignored_files::UnignoredFiles;
use crate::commands::service_selection::Services;
use crate::commands::trust;
use crate::drift::Secret;
use crate::drift::rules::RULES;
use crate::drift::suggest::ConfigDraft;
use crate::error::{Error, Exit};
use crate::io::config::{self, Config, ConfigLocation, RuleName, fresh};
use crate::io::files::{self, Created};
use crate::io::terminal::prompt::{PromptAnswer, YesNo, can_ask};
use crate::io::world::World;
use crate::report::json::drafted::{Drafted, drafted};
use crate::report::{escape, shell_command};

/// Writes a `doctor.toml` as the user wishes it.
pub(crate) fn run(args: &cli::InitArgs, global: &GlobalArgs, world: &mut World<'_>) -> Result<Exit, Error> {
    let site = site(args, global, world)?;
    let sides = SideReader::open(args, global, world)?;
    let is_read = args.result.format == ResultFormat::Json;
    let is_asked = !args.yes && !is_read && can_ask(&world.terminal, &world.variables);
    let gathered = if is_asked {
        questions::file(&sides, world)?
    } else {
        sides.gather(&args.files.env_file, &args.targeting.service, world)?
    };
    if args.yes {
        refuse_parts(&gathered)?;
    }
    let mut interview = InitDraft::new(gathered, &site)?;
    if !is_read {
        world.print(&interview.summary(world.terminal.width))?;
    }
    if is_asked {
        questions::all(&mut interview, &sides, world)?;
    }
    interview.refuse_unread()?;
    let draft = interview.draft();
    let text = text(&draft, &site, &interview)?;
    let exposed = UnignoredFiles::of(&interview.gathered, &site);
    // The new doctor.toml names files and services; what was typed is repeated all the same.
    let check = [world.program.clone(), vec!["check".to_owned()], targeting(args), same(global)].concat();
    if is_read {
        let remarks = &interview.gathered.remarks;
        let result = InitResult { text: &text, draft: &draft, remarks, site: &site, exposed: &exposed, check };
        return for_programs(result, args, global, world);
    }
    world.print(&format!("\n{}, as it is to be:\n\n{text}\n", escape::line(&site.name)))?;
    exposed.show(world)?;
    let adds = match (args.yes, is_asked) {
        (true, _) => YesNo::No,
        (false, true) => obtain(&exposed, world)?,
        (false, false) => return Err(unasked(args, global, world)),
    };
    world.interrupt.begin_writing();
    let written = write(&text, &site, &draft, world).and_then(|written| written.write_result(&site, &draft, world));
    let added = written.and_then(|()| exposed.add(adds, world));
    world.interrupt.end_writing();
    added?;
    world.print(&format!("Commit it. Next: `{}`\n", shell_command::line(&check)))?;
    Ok(Exit::Clean)
}

/// A `doctor.toml` that is complete.
struct InitResult<'r> {
    text: &'r str,
    draft: &'r ConfigDraft,
    remarks: &'r [String],
    site: &'r ConfigLocation,
    exposed: &'r UnignoredFiles,
    /// The command that uses it.
    check: Vec<String>,
}

/// The same in one document: written with `--yes`, and only shown without.
fn for_programs(
    result: InitResult<'_>,
    args: &cli::InitArgs,
    global: &GlobalArgs,
    world: &mut World<'_>,
) -> Result<Exit, Error> {
    let InitResult { text, draft, remarks, site, exposed, check } = result;
    let written = if args.yes {
        world.interrupt.begin_writing();
        let written = write(text, site, draft, world);
        world.interrupt.end_writing();
        Some(written?)
    } else {
        None
    };
    let mut remarks = remarks.to_vec();
    if let Some(FileOutcome::NotAccepted(why)) = &written {
        remarks.push(format!("it is not accepted yet: {why}"));
    }
    let (tracked, unignored) = exposed.names();
    let exit = if args.yes { Exit::Clean } else { Exit::Usage };
    let document = drafted(Drafted {
        file: &site.name,
        written: written.is_some(),
        accepted: written == Some(FileOutcome::Accepted),
        draft,
        text,
        tracked,
        unignored,
        remarks: &remarks,
        next: if args.yes { check } else { again(args, global, world) },
        exit_code: exit.code(),
    });
    world.print(&document)?;
    if args.yes { Ok(exit) } else { Err(unasked(args, global, world)) }
}

/// Where the file goes; an error where there is one already, or where it could not name a file that it has to.
fn site(args: &cli::InitArgs, global: &GlobalArgs, world: &World<'_>) -> Result<ConfigLocation, Error> {
    if let Some(path) = &global.config {
        return Err(Error::Flag {
            flag: "--config",
            value: path.display().to_string(),
            cause: "init writes a new doctor.toml, at the root of the repository".to_owned(),
            help: "leave --config out".to_owned(),
        });
    }
    if let Some(path) = config::nearest(&world.folder) {
        return Err(there_already(&files::display_path(&path, &world.folder)));
    }
    let site = ConfigLocation::of(&world.folder);
    for file in &args.files.env_file {
        if files::is_stream(file) || files::is_stream(&world.folder.join(file)) {
            return Err(Error::Flag {
                flag: "--env-file",
                value: file.display().to_string(),
                cause: "doctor.toml names files, and this is read only once".to_owned(),
                help: "name a file, or leave --env-file out".to_owned(),
            });
        }
        site.reach(&files::normal(&world.folder.join(file)))?;
    }
    Ok(site)
}

fn there_already(name: &str) -> Error {
    Error::NoConsent {
        what: format!("{name} is there already"),
        cause: "init writes a new one, and never over another".to_owned(),
        help: "run `doctor check`, which uses it; edit it, or move it away first".to_owned(),
    }
}

/// The text, once the reader and the environment have agreed that it means what it should.
fn text(draft: &ConfigDraft, site: &ConfigLocation, interview: &InitDraft) -> Result<String, Error> {
    let (text, read) = fresh(draft, site, &rules())?;
    read.env_file.iter().flatten().try_for_each(|file| read.file(file).map(drop))?;
    let services = Services::of(&interview.gathered.selected.shape, Some(&read));
    for section in &draft.services {
        prove(&read, &services, &section.alias, &section.service.id)?;
    }
    Ok(text)
}

fn rules() -> Vec<RuleName> {
    RULES.iter().map(|rule| (rule.code, rule.name)).collect()
}

/// A short name and the name behind it must lead to the one service that was chosen.
fn prove(read: &Config, services: &Services, alias: &str, id: &str) -> Result<(), Error> {
    let Some(section) = read.services.get(alias) else { return Ok(()) };
    let by_alias = config::At { value: alias.to_owned(), ..section.name };
    for name in [&section.name, &by_alias] {
        let index = services.in_config(read, name)?;
        if services.candidates[index].service.id != id {
            let what = format!("`{}` would be another service than the one that was chosen", name.value);
            return Err(read.fault(name, what, "nothing was written: write it by hand, and report this"));
        }
    }
    Ok(())
}

/// Gets a yes from the person at the terminal, and whether `.gitignore` is to grow.
fn obtain(exposed: &UnignoredFiles, world: &mut World<'_>) -> Result<YesNo, Error> {
    let adds = exposed.ask(world)?;
    if world.ask.confirm("Write it?", YesNo::Yes)? == PromptAnswer::Given(YesNo::Yes) {
        Ok(adds)
    } else {
        Err(questions::left())
    }
}

fn unasked(args: &cli::InitArgs, global: &GlobalArgs, world: &World<'_>) -> Error {
    Error::NoConsent {
        what: "there is nobody to ask".to_owned(),
        cause: match args.result.format {
            ResultFormat::Text => "a new file needs a yes, and this is no terminal".to_owned(),
            ResultFormat::Json => "a new file needs a yes, and a program is asked nothing".to_owned(),
        },
        help: format!("run `{}`", shell_command::line(&again(args, global, world))),
    }
}

/// The command that writes the same without asking.
fn again(args: &cli::InitArgs, global: &GlobalArgs, world: &World<'_>) -> Vec<String> {
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

/// What became of a file that was written.
#[derive(Debug, PartialEq, Eq)]
enum FileOutcome {
    Accepted,
    /// Somebody has changed it since.
    Changed,
    /// Why it could not be accepted.
    NotAccepted(String),
}

/// Writes the text where nothing is, and accepts exactly what is there then.
fn write(text: &str, site: &ConfigLocation, draft: &ConfigDraft, world: &World<'_>) -> Result<FileOutcome, Error> {
    if files::create(&site.path, text, &world.folder)? == Created::ThereAlready {
        return Err(there_already(&site.name));
    }
    if files::current(&site.path) != Some(Secret::new(text)) {
        return Ok(FileOutcome::Changed);
    }
    let (_, read) = fresh(draft, site, &rules())?;
    Ok(match trust::accept(&read, &draft.project, world) {
        Ok(()) => FileOutcome::Accepted,
        Err(error) => FileOutcome::NotAccepted(error.cause().unwrap_or_default()),
    })
}

impl FileOutcome {
    fn write_result(&self, site: &ConfigLocation, draft: &ConfigDraft, world: &mut World<'_>) -> Result<(), Error> {
        let [name, project] = [&site.name, &draft.project.name].map(|name| escape::line(name).into_owned());
        match self {
            Self::Accepted => world.print(&format!("Wrote {name}, and accepted it for project {project}.\n")),
            Self::Changed => {
                world.print(&format!("Wrote {name}; somebody has changed it since, so it is not accepted.\n"))
            }
            Self::NotAccepted(why) => {
                world.print(&format!("Wrote {name}.\n"))?;
                let why = escape::line(why);
                world.talk.print_line(&format!("note: {name} is not accepted yet: {why}; `doctor trust` does that"));
                Ok(())
            }
        }
    }
}
