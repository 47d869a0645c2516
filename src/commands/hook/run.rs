//! `doctor hook run`: searches what is staged for secrets, then compares as `check` does, within a short time.

use std::time::Duration;

use jiff::tz::Offset;

use crate::cli::{GlobalArgs, HookRunArgs};
use crate::commands::analysis::{Analysis, analyse};
use crate::commands::env_files::MissingFile;
use crate::commands::gather::{GatherOptions, Gathered, Prefetch, gather};
use crate::commands::hook::cache_key;
use crate::commands::hook::staged_secrets::{StagedSearch, StagedSecrets};
use crate::commands::output_options::{OutputOptions, OutputRequest, RevealFlags};
use crate::commands::service_selection::ServiceFlagRole;
use crate::commands::session::Session;
use crate::commands::{config_file, lines, output, timeout};
use crate::drift::leak::LINES;
use crate::drift::model::rule::HookScope;
use crate::drift::phrases::count;
use crate::error::{Error, Exit};
use crate::io::config::{Config, OnDrift};
use crate::io::files;
use crate::io::git::Asker;
use crate::io::git::blobs::{LONGEST, Unread};
use crate::io::git::pushed_files::{self, Range};
use crate::io::interrupt::RunEnd;
use crate::io::storage::hook_cache::{HookCacheSlot, Recent};
use crate::io::terminal::status::Silence;
use crate::io::terminal::stream::Sort;
use crate::io::world::World;
use crate::report::{Format, escape, hook_findings, shell_command};

/// The time that is kept for the comparison with Railway.
const RESERVE: Duration = Duration::from_millis(500);

/// How long git may take to write what is pushed. It does so before the hook starts.
const PATIENCE: Duration = Duration::from_millis(300);

/// The most files that are named in a line.
const NAMED: usize = 5;

/// What a run goes by.
struct HookSettings<'o> {
    args: &'o HookRunArgs,
    global: &'o GlobalArgs,
    config: Option<&'o Config>,
    /// The time of the whole run.
    limit: Duration,
}

/// Looks at the index, then at Railway. What stops a commit is a mistake in it, or drift; not the weather.
pub(super) fn run(args: &HookRunArgs, global: &GlobalArgs, world: &mut World<'_>) -> Result<Exit, Error> {
    if world.variable("DOCTOR") == Some("0") {
        world.talk.print_line("doctor: skipped, because DOCTOR is 0");
        return Ok(Exit::Clean);
    }
    let ended = search_staged(args, global, world);
    if !matches!(ended, Ok(Exit::Clean)) {
        world.talk.print_line(&stopped(world));
    }
    ended
}

fn stopped(world: &World<'_>) -> String {
    format!("doctor: stopped; to go round it once: {}", way_round(world))
}

/// How a run ends that a limit stops: the commit passes with a warning, and with `--strict` it does not pass.
pub(crate) fn unfinished(args: &HookRunArgs, error: &Error, world: &World<'_>) -> RunEnd {
    if args.strict {
        let words = format!("{}\n{}", lines(error, world.terminal), stopped(world));
        return RunEnd { words, exit: error.exit() };
    }
    let words =
        format!("doctor: warning: this commit was not checked to the end: {}", escape::line(&error.to_string()));
    RunEnd { words, exit: Exit::Clean }
}

fn search_staged(args: &HookRunArgs, global: &GlobalArgs, world: &mut World<'_>) -> Result<Exit, Error> {
    let limit = timeout::parse(&args.timeout)?;
    let mut config = config_file::read(global, world)?;
    // A log or an endpoint tells of what runs, in its own time, and nothing of what is committed.
    if let Some(config) = &mut config {
        config.expect_log.clear();
        config.expect_http.clear();
    }
    let settings = HookSettings { args, global, config: config.as_ref(), limit };
    if settings.staged(limit.saturating_sub(world.clock.elapsed()), world)? == Exit::Findings {
        return Ok(Exit::Findings);
    }
    let asker = Asker::new(&world.variables).within(limit.saturating_sub(world.clock.elapsed()));
    let slot = cache_key::slot(args, global, settings.config, asker, world);
    let kept = slot.as_ref().and_then(|slot| slot.get(world.clock.now()));
    if let Some(recent) = kept.filter(|recent| recent.drift == 0 || settings.only_warn()) {
        print_cached(&recent, world);
        return Ok(Exit::Clean);
    }
    match settings.check(slot.as_ref(), world) {
        Err(error) if !args.strict && is_weather(&error) => {
            let why = match &error {
                Error::File { .. } => error.with_cause(": "),
                _ => error.to_string(),
            };
            world.talk.print_line(&format!("doctor: warning: not compared with Railway: {}", escape::line(&why)));
            Ok(Exit::Clean)
        }
        ended => ended,
    }
}

impl HookSettings<'_> {
    /// Searches what is committed or pushed. What can't be searched is reported, and blocks nothing without `--strict`.
    fn staged(&self, limit: Duration, world: &mut World<'_>) -> Result<Exit, Error> {
        let ranges = self.ranges(world);
        let search = StagedSearch {
            env_file: &self.args.files.env_file,
            config: self.config,
            asker: &Asker::new(&world.variables).within(limit.saturating_sub(RESERVE.min(limit / 4))),
            today: Offset::UTC.to_datetime(world.clock.now()).date(),
            ranges: &ranges,
        };
        let seen = match search.run(world) {
            Ok(Some(seen)) => seen,
            Ok(None) => {
                world.talk.print_line("doctor: this folder is in no git repository, so nothing is staged");
                return Ok(Exit::Clean);
            }
            Err(why) if self.args.strict => return Err(unchecked(why)),
            Err(why) => {
                world.talk.print_line(&format!("doctor: warning: what is staged was not looked at: {why}"));
                return Ok(Exit::Clean);
            }
        };
        let gaps = gaps(&seen);
        for gap in &gaps {
            world.talk.print_line(&format!("doctor: warning: {gap}"));
        }
        world.print(&hook_findings::text(&seen.leaks))?;
        match gaps.into_iter().next() {
            _ if !seen.leaks.is_empty() => Ok(Exit::Findings),
            Some(gap) if self.args.strict => Err(unchecked(gap)),
            _ => Ok(Exit::Clean),
        }
    }

    /// What is pushed. git names it on standard input, which it does not use for a commit.
    fn ranges(&self, world: &World<'_>) -> Vec<Range> {
        let named = pushed_files::range_of(&world.variables);
        let is_commit = world.variables.contains_key("GIT_INDEX_FILE");
        let is_used = self.args.files.env_file.iter().any(|path| files::is_stream(path));
        if !named.is_empty() || is_commit || is_used || world.terminal.input != Sort::Pipe {
            return named;
        }
        world.ask.hook_input(PATIENCE).map(|input| pushed_files::ranges(input.expose())).unwrap_or_default()
    }

    /// One check, its verdict, and a note of it for the next commit.
    fn check(&self, slot: Option<&HookCacheSlot>, world: &mut World<'_>) -> Result<Exit, Error> {
        let mut analysis = analyse(self.gather(world)?, None);
        analysis.examination.findings.retain(|finding| finding.rule.hook == HookScope::Reported);
        let exit = analysis.exit();
        let recent = counted(&analysis, world);
        if let Some(slot) = slot.filter(|_| matches!(exit, Exit::Clean | Exit::Findings)) {
            slot.put(&recent);
        }
        if recent.drift > 0 {
            return self.print_drift(analysis, exit, world);
        }
        let survey = &analysis.gathered.survey;
        let place = format!("{} · {}", survey.project.name, survey.environment.name);
        if exit == Exit::Clean {
            let (values, services) = (count(recent.compared, "value"), count(recent.services, "service"));
            world
                .talk
                .print_line(&format!("doctor: {}: {values} compared on {services}, no drift", escape::line(&place)));
            return Ok(exit);
        }
        let unread = survey.targets.iter().find_map(|target| target.stored.as_ref().err());
        let why = unread.map_or("nothing was compared".to_owned(), ToString::to_string);
        world.talk.print_line(&format!("doctor: warning: {}: {}", escape::line(&place), escape::line(&why)));
        Ok(if self.args.strict { exit } else { Exit::Clean })
    }

    /// Both sides. What is waited for on the way is not worth a line beside the one with the result.
    fn gather(&self, world: &mut World<'_>) -> Result<Gathered, Error> {
        let options = GatherOptions {
            limit: self.limit,
            global: self.global,
            targeting: &self.args.targeting,
            service_flags: ServiceFlagRole::Select,
            env_file: &self.args.files.env_file,
            only: &[],
            absent: MissingFile::Refused,
            haste: Prefetch::Ahead,
        };
        let talk = std::mem::replace(&mut world.talk, &Silence);
        let session = Session::open(self.config, &options, world);
        let gathered =
            session.and_then(|session| gather(&session.client(self.limit, world), &options, &session, world));
        world.talk = talk;
        gathered
    }

    /// Reports drift, as briefly as a commit deserves.
    fn print_drift(&self, analysis: Analysis, exit: Exit, world: &mut World<'_>) -> Result<Exit, Error> {
        let brief = GlobalArgs { quiet: !self.global.verbose, ..self.global.clone() };
        let request = OutputRequest {
            format: Format::Text,
            file: None,
            reveal: RevealFlags::default(),
            env_file: &[],
            global: &brief,
        };
        let output = OutputOptions::of(request, world)?;
        let repeated = |verb: &str| shell_command::line(&analysis.gathered.repeated(&[verb.to_owned()], world));
        let hint = ["check", "fix"].map(repeated);
        let report = output::report("check", analysis, exit, world);
        output.write_report(&report, world)?;
        if self.only_warn() {
            world.talk.print_line("doctor: warning: drift, and doctor.toml says on-drift = \"warn\"");
            return Ok(if self.args.strict && exit != Exit::Findings { exit } else { Exit::Clean });
        }
        world.talk.print_line(&format!("doctor: `{}` tells more, `{}` mends it", hint[0], hint[1]));
        Ok(if self.args.strict { exit } else { Exit::Findings })
    }

    fn only_warn(&self) -> bool {
        self.config.and_then(|config| config.on_drift) == Some(OnDrift::Warn)
    }
}

fn unchecked(why: String) -> Error {
    Error::System {
        what: "can't check all of what is staged".to_owned(),
        cause: why,
        help: "run `git status`, or leave out --strict".to_owned(),
    }
}

/// What was not checked, in a few lines.
fn gaps(seen: &StagedSecrets) -> Vec<String> {
    let unread =
        |why: Unread| seen.unread.iter().filter(move |(_, reason)| *reason == why).map(|(name, _)| name.as_str());
    let mut gaps: Vec<String> = [
        gap(&format!("not searched for secrets, larger than {} MiB", LONGEST >> 20), unread(Unread::Size)),
        gap("not searched for secrets, the time was over", unread(Unread::Time)),
        gap("not searched for secrets, git does not have the file", unread(Unread::Missing)),
        gap(&format!("only the first {LINES} lines were read"), seen.cut.iter().map(String::as_str)),
    ]
    .into_iter()
    .flatten()
    .collect();
    gaps.extend(
        seen.unsearched.iter().take(NAMED).map(|(name, why)| {
            escape::line(&format!("the values of {name} were not searched for: {why}")).into_owned()
        }),
    );
    if seen.unsearched.len() > NAMED {
        gaps.push(format!("the values of {} were not searched for", count(seen.unsearched.len() - NAMED, "more file")));
    }
    gaps
}

/// One line for all files with the same reason.
fn gap<'n>(reason: &str, names: impl Iterator<Item = &'n str>) -> Option<String> {
    let names: Vec<String> = names.map(|name| escape::line(name).into_owned()).collect();
    let shown = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        _ if names.is_empty() => None,
        0 => Some(format!("{reason}: {shown}")),
        more => Some(format!("{reason}: {shown} and {more} more")),
    }
}

fn counted(analysis: &Analysis, world: &World<'_>) -> Recent {
    Recent {
        time: world.clock.now().as_second(),
        compared: analysis.examination.extents.iter().map(|extent| extent.compared).sum(),
        services: analysis.gathered.survey.targets.len(),
        drift: analysis.failing(),
    }
}

/// What a result of a moment ago says.
fn print_cached(recent: &Recent, world: &World<'_>) {
    let age = world.clock.now().as_second().saturating_sub(recent.time);
    let (values, services) = (count(recent.compared, "value"), count(recent.services, "service"));
    world.talk.print_line(&match recent.drift {
        0 => format!("doctor: {values} compared on {services} {age} s ago, no drift"),
        drift => format!("doctor: warning: drift, {} {age} s ago; `doctor check` tells more", count(drift, "finding")),
    });
}

/// Whether an error tells nothing of the commit: Railway is away, nobody is logged in, nothing is set up here, the file can't
/// be read, or the machine has no room for it.
fn is_weather(error: &Error) -> bool {
    let unset = matches!(
        error,
        Error::NoEnvFile { .. }
            | Error::File { .. }
            | Error::NoProject { .. }
            | Error::NoEnvironment { .. }
            | Error::NotFound { .. }
            | Error::Deleted { .. }
            | Error::System { .. }
    );
    unset || matches!(error.exit(), Exit::Credentials | Exit::Unreachable)
}

/// How to do it all the same, once. git tells of a commit by its index, and pre-commit of a push by where it goes.
fn way_round(world: &World<'_>) -> &'static str {
    if world.variable("PRE_COMMIT_REMOTE_NAME").is_some() {
        "`DOCTOR=0 git push`"
    } else if world.variable("GIT_INDEX_FILE").is_some() {
        "`DOCTOR=0 git commit`"
    } else {
        "`DOCTOR=0 git commit`, or `DOCTOR=0 git push`"
    }
}
