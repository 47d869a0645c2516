//! `doctor hook run`: what is staged, then what drifted, within a time that nobody minds.

use std::time::Duration;

use jiff::tz::Offset;

use crate::cli::{Global, HookRun};
use crate::command::check;
use crate::command::hook::{look, recent};
use crate::command::layers::Absent;
use crate::command::telling::{self, Manner, Showing};
use crate::command::visit::{self, Options};
use crate::drift::examine::{Examination, examine};
use crate::drift::rule::{RULES, commit_behind};
use crate::drift::sentence::count;
use crate::error::{Error, Exit};
use crate::outside::config::{self, Config, OnDrift};
use crate::outside::recent::{Recent, Slot};
use crate::outside::world::World;
use crate::report::{escape, leak};

/// The least time that git is given for a question.
const LEAST: Duration = Duration::from_millis(100);

/// The time of the whole run.
pub(super) struct Time(Duration);

impl Time {
    /// What is left of it.
    pub(super) fn left(&self, world: &World<'_>) -> Duration {
        self.0.saturating_sub(world.clock.elapsed()).max(LEAST)
    }
}

/// Looks at the index, then at Railway. What stops a commit is a mistake in it, or drift; not the weather.
pub(super) fn run(args: &HookRun, global: &Global, world: &mut World<'_>) -> Result<Exit, Error> {
    if world.variable("DOCTOR") == Some("0") {
        world.talk.say("doctor: skipped, because DOCTOR is 0");
        return Ok(Exit::Clean);
    }
    let time = Time(telling::duration(&args.timeout)?);
    let rules: Vec<_> = RULES.iter().map(|rule| (rule.code, rule.name)).collect();
    let config = config::load(&visit::choice(global), &world.folder, &rules).inspect_err(|_| way_round(world))?;
    let today = Offset::UTC.to_datetime(world.clock.now()).date();
    match look::look(&args.env_file, config.as_ref(), &time, today, world) {
        Ok(None) => world.talk.say("doctor: this folder is in no git repository, so nothing is staged"),
        Ok(Some(seen)) => {
            if !seen.unread.is_empty() {
                let names = seen.unread.iter().map(|name| escape::line(name)).collect::<Vec<_>>().join(", ");
                world.talk.say(&format!("doctor: not looked into, because of the size: {names}"));
            }
            if !seen.leaks.is_empty() {
                world.print(&leak::text(&seen.leaks))?;
                way_round(world);
                return Ok(Exit::Findings);
            }
        }
        Err(why) if args.strict => {
            way_round(world);
            return Err(Error::Machine {
                what: "can't look at what is staged".to_owned(),
                why,
                next: "run `git status`, or leave out --strict".to_owned(),
            });
        }
        Err(why) => world.talk.say(&format!("doctor: warning: what is staged was not looked at: {why}")),
    }
    let slot = recent::slot(args, global, config.as_ref(), world);
    let kept = slot.as_ref().and_then(|slot| slot.get(world.clock.now()));
    if let Some(recent) = kept.filter(|recent| recent.drift == 0 || only_warns(config.as_ref())) {
        say_recent(&recent, world);
        return Ok(Exit::Clean);
    }
    match check(args, global, (config.as_ref(), &time, slot.as_ref()), world) {
        Err(error) if !args.strict && is_weather(&error) => {
            let line = escape::line(&error.to_string()).into_owned();
            world.talk.say(&format!("doctor: warning: not compared with Railway: {line}"));
            Ok(Exit::Clean)
        }
        Err(error) => {
            way_round(world);
            Err(error)
        }
        ended => ended,
    }
}

/// One check, its verdict, and a note of it for the next commit.
fn check(
    args: &HookRun,
    global: &Global,
    (config, time, slot): (Option<&Config>, &Time, Option<&Slot>),
    world: &mut World<'_>,
) -> Result<Exit, Error> {
    let options = Options {
        limit: time.0,
        targeting: &args.targeting,
        env_file: &args.env_file,
        only: &[],
        absent: Absent::Refused,
    };
    let (_, connection) = visit::prepare(&options, global, world)?;
    let client = connection.client(world, options.limit);
    let seen = visit::visit(&client, &options, config, world)?;
    let mut examination = examine(&seen.survey);
    // The commit that is being made can't run anywhere yet, and nor need the one before it.
    examination.findings.retain(|finding| finding.rule.name != commit_behind::RULE.name);
    let fail_on = seen.fail_on;
    let fails = |examination: &Examination| {
        examination.findings.iter().filter(|finding| fail_on.is_some_and(|least| finding.severity >= least)).count()
    };
    let (drift, compared) = (fails(&examination), examination.extents.iter().map(|extent| extent.compared).sum());
    let services = seen.survey.targets.len();
    let verdict = check::exit(&seen, &examination, fail_on);
    let place = format!("{} · {}", seen.survey.project.name, seen.survey.environment.name);
    let unread = seen.survey.targets.iter().filter_map(|target| target.stored.as_ref().err()).map(ToString::to_string);
    let unread: Vec<String> = unread.collect();
    let recent = Recent { time: world.clock.now().as_second(), compared, services, drift };
    if let Some(slot) = slot.filter(|_| unread.is_empty() && compared > 0) {
        slot.put(&recent);
    }
    if drift > 0 {
        let manner = Manner::of("text", None, Showing::of(false, false), world)?;
        let quiet = Global { quiet: !global.verbose, ..global.clone() };
        let report = telling::report("check", seen, examination, (fail_on, Exit::Findings), world);
        manner.tell(&report, &quiet, world)?;
        if only_warns(config) {
            world.talk.say("doctor: warning: drift, and doctor.toml says on-drift = \"warn\"");
            return Ok(Exit::Clean);
        }
        world.talk.say("doctor: `doctor check` tells more, `doctor fix` mends it");
        way_round(world);
        return Ok(Exit::Findings);
    }
    match verdict {
        Exit::Clean => {
            let (values, services) = (count(compared, "value"), count(services, "service"));
            world.talk.say(&format!("doctor: {}: {values} compared on {services}, no drift", escape::line(&place)));
            Ok(Exit::Clean)
        }
        exit => {
            let why = unread.first().map_or("nothing was compared", String::as_str);
            world.talk.say(&format!("doctor: warning: {}: {}", escape::line(&place), escape::line(why)));
            if args.strict {
                way_round(world);
            }
            Ok(if args.strict { exit } else { Exit::Clean })
        }
    }
}

/// What a result of a moment ago says.
fn say_recent(recent: &Recent, world: &World<'_>) {
    let age = world.clock.now().as_second().saturating_sub(recent.time);
    let (values, services) = (count(recent.compared, "value"), count(recent.services, "service"));
    let found =
        if recent.drift == 0 { "no drift".to_owned() } else { format!("warning: drift, {} found", recent.drift) };
    world.talk.say(&format!("doctor: {values} compared on {services} {age} s ago, {found}"));
}

fn only_warns(config: Option<&Config>) -> bool {
    config.and_then(|config| config.on_drift) == Some(OnDrift::Warn)
}

/// Whether an error tells nothing of the commit: Railway is away, nobody is logged in, or nothing is set up here.
fn is_weather(error: &Error) -> bool {
    let unset = matches!(
        error,
        Error::NoEnvFile { .. }
            | Error::NoProject { .. }
            | Error::NoEnvironment { .. }
            | Error::NotFound { .. }
            | Error::Deleted { .. }
    );
    unset || matches!(error.exit(), Exit::Credentials | Exit::Unreachable)
}

/// How to do it all the same, once.
fn way_round(world: &World<'_>) {
    let command = if world.variable("GIT_INDEX_FILE").is_some() {
        "`DOCTOR=0 git commit`"
    } else if world.variable("PRE_COMMIT_TO_REF").is_some() {
        "`DOCTOR=0 git push`"
    } else {
        "`DOCTOR=0 git commit`, or `DOCTOR=0 git push`"
    };
    world.talk.say(&format!("doctor: stopped; to go round it once: {command}"));
}
