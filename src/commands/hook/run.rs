//! `doctor hook run`: searches staged files for secrets, then compares as `check` does, within a short time limit.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::Offset;

use crate::cli::{GlobalArgs, HookRunArgs};
use crate::commands::analysis::{Analysis, analyse};
use crate::commands::env_files::ReadAhead;
use crate::commands::error_output::lines;
use crate::commands::gather::{GatherOptions, Gathered, Prefetch, gather};
use crate::commands::hook::cache_key::CacheKey;
use crate::commands::hook::install::skip_command;
use crate::commands::hook::staged_secrets::StagedSearch;
use crate::commands::hook::unchecked::{
    ValueSearch, gaps, is_unrelated_to_commit, no_values, unchecked, unchecked_line, unread_push,
};
use crate::commands::missing_file::MissingFile;
use crate::commands::output_options::{OutputOptions, OutputRequest, RevealFlags, detail};
use crate::commands::read_ahead::nothing_declared;
use crate::commands::service_selection::ServiceFlagRole;
use crate::commands::session::Session;
use crate::commands::{config_file, output, session, timeout};
use crate::drift::model::rule::HookScope;
use crate::drift::phrases::count;
use crate::error::{Error, Exit};
use crate::io::config::{Config, OnDrift};
use crate::io::files;
use crate::io::git::GitClient;
use crate::io::git::pushed_files::{self, Range};
use crate::io::interrupt::RunEnd;
use crate::io::railway::batch::ReadOptions;
use crate::io::storage::hook_cache::{HookCacheSlot, Recent};
use crate::io::terminal::status::NoStatus;
use crate::io::terminal::stream::StreamKind;
use crate::io::world::World;
use crate::report::{Format, MAIN_WORKTREE, escape, hook_findings, shell_command};

/// The time that is reserved for the comparison with Railway.
const RESERVED: Duration = Duration::from_millis(500);

/// How long to wait for the pushed range on standard input. git writes it before it starts the hook.
const INPUT_TIMEOUT: Duration = Duration::from_millis(300);

/// The most lines of a message about drift.
const MOST_LINES: usize = 5;

/// The settings of a run.
struct HookSettings<'o> {
    args: &'o HookRunArgs,
    global: &'o GlobalArgs,
    /// The pushed ranges. Empty for a commit.
    ranges: &'o [Range],
    config: Option<&'o Config>,
    git: GitClient,
    /// The time limit of the run.
    limit: Duration,
}

/// The outcome of a run.
enum HookOutcome {
    /// Secrets were reported, with what allows them instead of how to skip the hook.
    Secrets,
    /// Drift was reported, which the command shows in detail.
    Drift { exit: Exit, details: String },
    /// No secret was found.
    Checked(Exit),
}

/// Searches the index, then compares with Railway. Secrets and drift block a commit; an unavailable Railway does not.
pub(super) fn run(args: &HookRunArgs, global: &GlobalArgs, world: &mut World<'_>) -> Result<Exit, Error> {
    if world.variable("DOCTOR") == Some("0") {
        world.status.print_line("doctor: skipped (DOCTOR=0)");
        return Ok(Exit::Clean);
    }
    let (ranges, unread) = match ranges(args, world) {
        Ok(ranges) => (ranges, None),
        Err(error) if args.strict => (Vec::new(), Some(error)),
        Err(error) => {
            world.status.print_line(&format!("doctor: warning: {}", error.with_cause(": ")));
            (Vec::new(), None)
        }
    };
    let searched = unread.map_or_else(|| search_staged(args, global, &ranges, world), Err);
    let (mut ended, details) = match searched {
        Ok(HookOutcome::Secrets) => return Ok(Exit::Findings),
        Ok(HookOutcome::Checked(exit)) => (Ok(exit), None),
        Ok(HookOutcome::Drift { exit, details }) => (Ok(exit), Some(details)),
        Err(error) => (Err(error), None),
    };
    if !matches!(ended, Ok(Exit::Clean)) {
        // How to skip the hook comes last, after the error.
        if let Err(error) = &ended
            && !global.quiet
            && *error != Error::Interrupted
        {
            world.status.print_line(&lines(error, world.terminal));
            ended = Ok(error.exit());
        }
        world.status.print_line(&blocked(&ranges, details.as_deref(), world));
    }
    ended
}

/// Returns the pushed ranges. git writes them to standard input, which it does not use for a commit.
fn ranges(args: &HookRunArgs, world: &World<'_>) -> Result<Vec<Range>, Error> {
    let named = pushed_files::range_of(&world.variables);
    let is_commit = world.variables.contains_key("GIT_INDEX_FILE");
    let is_input = |path: &PathBuf| files::named_path(path, &world.directory) == Path::new(files::STANDARD_INPUT);
    let is_used = args.files.env_file.iter().any(is_input);
    if !named.is_empty() || is_commit || is_used || world.terminal.input != StreamKind::Pipe {
        return Ok(named);
    }
    let input = world.prompt.hook_input(INPUT_TIMEOUT).map_err(|why| unread_push(format!("standard input: {why}")))?;
    let invalid = |line| unread_push(format!("line {line} of standard input is not a pushed ref"));
    pushed_files::ranges(input.expose()).map_err(invalid)
}

/// Returns the message for a blocked commit or push, with the command that shows the details.
fn blocked(ranges: &[Range], details: Option<&str>, world: &World<'_>) -> String {
    let (what, hooks) = skippable(ranges, world);
    let commands: Vec<String> = details
        .into_iter()
        .chain(hooks.iter().map(|hook| skip_command(hook)))
        .map(|command| format!("    {command}"))
        .collect();
    let how = if details.is_some() { "For details, and to skip it once" } else { "Skip once" };
    format!("{what} blocked by doctor. {how}:\n{}", commands.join("\n"))
}

/// Returns what the hook blocks, and its hooks. Only a push has ranges. git sets `GIT_INDEX_FILE` for a commit, and
/// pre-commit sets `PRE_COMMIT_REMOTE_NAME` for a push.
fn skippable(ranges: &[Range], world: &World<'_>) -> (&'static str, &'static [&'static str]) {
    if !ranges.is_empty() || world.variable("PRE_COMMIT_REMOTE_NAME").is_some() {
        ("Push", &["pre-push"])
    } else if world.variable("GIT_INDEX_FILE").is_some() {
        ("Commit", &["pre-commit"])
    } else {
        ("Commit or push", &["pre-commit", "pre-push"])
    }
}

/// Returns the end of a run that reaches a limit: the commit passes with a warning, but not with `--strict`.
pub(crate) fn unfinished(args: &HookRunArgs, error: &Error, world: &World<'_>) -> RunEnd {
    if args.strict {
        let words = format!("{}\n{}", lines(error, world.terminal), blocked(&[], None, world));
        return RunEnd { message: words, exit: error.exit() };
    }
    let words = format!("doctor: warning: this commit was only partly checked: {}", escape::line(&error.to_string()));
    RunEnd { message: words, exit: Exit::Clean }
}

fn search_staged(
    args: &HookRunArgs,
    global: &GlobalArgs,
    ranges: &[Range],
    world: &mut World<'_>,
) -> Result<HookOutcome, Error> {
    let limit = timeout::parse(&args.timeout)?;
    let mut config = config_file::read(global, world)?;
    // Logs and endpoints depend on what runs, not on the commit, and checking them takes time.
    if let Some(config) = &mut config {
        config.expect_log.clear();
        config.expect_http.clear();
    }
    let git = GitClient::new(&world.variables);
    let settings = HookSettings { args, global, ranges, config: config.as_ref(), git, limit };
    let streams = session::streams(&settings.options(), world);
    let git_client = settings.git.clone().within(limit.saturating_sub(world.clock.elapsed()));
    let key = CacheKey::read(args, global, settings.config, git_client, world);
    let searched = settings.staged(&streams, world);
    let slot = key.and_then(|key| key.slot(world));
    let Some(search) = searched? else { return Ok(HookOutcome::Secrets) };
    let kept = slot.as_ref().and_then(|slot| slot.get(world.clock.now()));
    if let Some(recent) = kept.filter(|recent| recent.drift == 0 || settings.only_warn()) {
        print_cached(&recent, world);
        return settings.accept_unchecked(search, Ok(HookOutcome::Checked(Exit::Clean)), world);
    }
    let ended = streams.and_then(|streams| settings.check(&streams, slot.as_ref(), world));
    settings.accept_unchecked(search, ended, world)
}

impl HookSettings<'_> {
    /// Searches the files of the commit or push, and returns `None` if it reported secrets. Files that can't be
    /// searched block only with `--strict`.
    fn staged(&self, streams: &Result<ReadAhead, Error>, world: &mut World<'_>) -> Result<Option<ValueSearch>, Error> {
        let limit = self.limit.saturating_sub(world.clock.elapsed());
        let none = ReadAhead::default();
        let search = StagedSearch {
            env_file: &self.args.files.env_file,
            streams: streams.as_ref().unwrap_or(&none),
            config: self.config,
            git: &self.git.clone().within(limit.saturating_sub(RESERVED.min(limit / 4))),
            today: Offset::UTC.to_datetime(world.clock.now()).date(),
            ranges: self.ranges,
        };
        let found = match search.run(world) {
            Ok(Some(found)) => found,
            Ok(None) => {
                world.status.print_line("doctor: not a git repository, so nothing is staged");
                return Ok(Some(ValueSearch::Done));
            }
            Err(why) if self.args.strict => return Err(unchecked(why)),
            Err(why) => {
                world.status.print_line(&format!("doctor: warning: staged files were not searched: {why}"));
                return Ok(Some(ValueSearch::Done));
            }
        };
        let gaps = gaps(&found);
        for gap in &gaps {
            world.status.print_line(&format!("doctor: warning: {gap}"));
        }
        world.print(&hook_findings::text(&found.leaks))?;
        match gaps.into_iter().next() {
            _ if !found.leaks.is_empty() => Ok(None),
            Some(gap) if self.args.strict => Err(unchecked(gap)),
            _ if found.lacks_values => Ok(Some(ValueSearch::NoFile)),
            _ => Ok(Some(ValueSearch::Done)),
        }
    }

    /// Reports in one line what was not checked for reasons that are unrelated to the commit. With `--strict`, such a
    /// run fails, unless `--no-env-file` accepts that there are no values to search for or to compare.
    fn accept_unchecked(
        &self,
        search: ValueSearch,
        ended: Result<HookOutcome, Error>,
        world: &World<'_>,
    ) -> Result<HookOutcome, Error> {
        let needs_no_file = self.args.no_file.no_env_file;
        let is_accepted = |error: &Error| {
            (!self.args.strict && is_unrelated_to_commit(error)) || (needs_no_file && *error == nothing_declared())
        };
        let (ended, accepted) = match ended {
            Err(error) if is_accepted(&error) => (Ok(HookOutcome::Checked(Exit::Clean)), Some(error)),
            Ok(HookOutcome::Checked(_)) if search == ValueSearch::NoFile && self.args.strict && !needs_no_file => {
                (Err(no_values()), None)
            }
            ended => (ended, None),
        };
        if let Some(line) = unchecked_line(search, accepted.as_ref()).filter(|_| ended.is_ok()) {
            world.status.print_line(&format!("doctor: warning: {line}"));
        }
        ended
    }

    /// Compares with Railway, prints the result, and caches it for the next commit.
    fn check(
        &self,
        streams: &ReadAhead,
        slot: Option<&HookCacheSlot>,
        world: &mut World<'_>,
    ) -> Result<HookOutcome, Error> {
        let mut analysis = analyse(self.gather(streams, world)?, None);
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
            world.status.print_line(&format!(
                "doctor: {}: {}, no drift{}",
                escape::line(&place),
                checked(&recent),
                origin(&recent)
            ));
            return Ok(HookOutcome::Checked(exit));
        }
        let unread = survey.targets.iter().find_map(|target| target.stored.as_ref().err());
        let why = unread.map_or("nothing was compared".to_owned(), ToString::to_string);
        world.status.print_line(&format!("doctor: warning: {}: {}", escape::line(&place), escape::line(&why)));
        Ok(HookOutcome::Checked(if self.args.strict { exit } else { Exit::Clean }))
    }

    /// Gathers both sides without progress output.
    fn gather(&self, streams: &ReadAhead, world: &mut World<'_>) -> Result<Gathered, Error> {
        let options = self.options();
        let status = std::mem::replace(&mut world.status, &NoStatus);
        let session = Session::with_streams(streams, self.config, &options, world);
        let gathered =
            session.and_then(|session| gather(&session.client(self.limit, world), &options, &session, world));
        world.status = status;
        gathered
    }

    fn options(&self) -> GatherOptions<'_> {
        GatherOptions {
            limit: self.limit,
            global: self.global,
            targeting: &self.args.targeting,
            service_flags: ServiceFlagRole::Select,
            env_file: &self.args.files.env_file,
            only: &[],
            missing_file: MissingFile::InMainWorktree.unless_excluded(&self.args.no_file),
            along: ReadOptions::Running,
            prefetch: Prefetch::Ahead,
        }
    }

    /// Reports drift briefly.
    fn print_drift(&self, analysis: Analysis, exit: Exit, world: &mut World<'_>) -> Result<HookOutcome, Error> {
        let details = shell_command::line(&analysis.gathered.repeated(&["check".to_owned()], world));
        let report = output::report("check", analysis, exit, detail(self.global), world);
        if self.global.verbose {
            self.output(world)?.write_report(&report, world)?;
        } else {
            let (_, hooks) = skippable(self.ranges, world);
            world.print(&hook_findings::drift(&report, MOST_LINES - hooks.len() - 2))?;
        }
        for line in report.services.iter().filter(|line| line.error.is_some()).take(1) {
            let why = format!("{}: {}", line.service.name, line.error.as_deref().unwrap_or_default());
            world.status.print_line(&format!("doctor: warning: {}", escape::line(&why)));
        }
        if self.only_warn() {
            world.status.print_line("doctor: warning: drift, not blocked by on-drift = \"warn\" in doctor.toml");
            let exit = if self.args.strict && exit != Exit::Findings { exit } else { Exit::Clean };
            return Ok(HookOutcome::Checked(exit));
        }
        Ok(HookOutcome::Drift { exit: if self.args.strict { exit } else { Exit::Findings }, details })
    }

    fn output(&self, world: &World<'_>) -> Result<OutputOptions<'_>, Error> {
        let request = OutputRequest {
            format: Format::Text,
            file: None,
            reveal: RevealFlags::default(),
            inputs: &[],
            global: self.global,
        };
        OutputOptions::of(request, world)
    }

    fn only_warn(&self) -> bool {
        self.config.and_then(|config| config.on_drift) == Some(OnDrift::Warn)
    }
}

fn counted(analysis: &Analysis, world: &World<'_>) -> Recent {
    Recent {
        time: world.clock.now().as_second(),
        compared: analysis.examination.extents.iter().map(|extent| extent.compared).sum(),
        needs: analysis.examination.extents.iter().filter_map(|extent| extent.needs).sum(),
        main_worktree: in_main_worktree(&analysis.gathered.files),
        services: analysis.gathered.survey.targets.len(),
        drift: analysis.failing(),
    }
}

/// Returns the files that are in the main worktree.
fn in_main_worktree(files: &[(String, String)]) -> Vec<String> {
    files.iter().filter(|(_, origin)| origin == MAIN_WORKTREE).map(|(name, _)| name.clone()).collect()
}

/// Returns text such as ` (../shop/.env of the main worktree)`; empty if no file is from there.
fn origin(recent: &Recent) -> String {
    match recent.main_worktree.as_slice() {
        [] => String::new(),
        files => format!(" ({} of the main worktree)", escape::line(&files.join(", "))),
    }
}

/// Returns text such as `3 values compared on 2 services`.
fn checked(recent: &Recent) -> String {
    let compared = format!("{} compared", count(recent.compared, "value"));
    let needs = format!("{} checked", count(recent.needs, "needed key"));
    let checked = match (recent.compared, recent.needs) {
        (_, 0) => compared,
        (0, _) => needs,
        _ => format!("{compared} and {needs}"),
    };
    format!("{checked} on {}", count(recent.services, "service"))
}

/// Prints a cached result.
fn print_cached(recent: &Recent, world: &World<'_>) {
    let age = world.clock.now().as_second().saturating_sub(recent.time);
    world.status.print_line(&match recent.drift {
        0 => format!("doctor: {} {age} s ago, no drift{}", checked(recent), origin(recent)),
        drift => {
            format!("doctor: warning: drift, {} {age} s ago; run `doctor check` for details", count(drift, "finding"))
        }
    });
}
