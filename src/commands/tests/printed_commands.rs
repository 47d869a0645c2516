//! A printed command does exactly what the plan above it shows, and never adds a key to another service.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use crate::commands::tests::random_worlds::{Mode, World};
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::drift::Secret;
use crate::drift::dotenv::LocalFile;

/// The name of a start command among the variables of a service.
const START: &str = " start";
/// The number of worlds in a normal test run.
const WORLDS: u64 = 60;
/// The environment variable with another number of worlds.
const MORE: &str = "DOCTOR_TEST_WORLDS";

/// The changes of a plan or of a run. Variables are `service key`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Done {
    variables: Vec<String>,
    deployments: Vec<String>,
    edits: BTreeSet<String>,
}

impl Done {
    fn sorted(mut self) -> Self {
        self.variables.sort();
        self.deployments.sort();
        self
    }

    /// Returns the changes of a plan in text.
    fn shown(text: &str) -> Option<Self> {
        let (_, plan) = text.split_once("Plan: ")?;
        let mut done = Self::default();
        let mut owner = "";
        for line in plan.lines().skip(1) {
            let Some(rest) = line.strip_prefix("  ") else {
                if line.starts_with("Nothing was changed") {
                    break;
                }
                continue;
            };
            if let Some(edit) = rest.strip_prefix('+').filter(|rest| !rest.starts_with("++ ")) {
                done.edits.extend(edit.split_once('=').map(|(key, _)| key.to_owned()));
                continue;
            }
            match rest.strip_prefix("  ") {
                None => owner = rest,
                // Without `then`, the plan has only deployments.
                Some(words) if owner == "then" || owner.is_empty() => {
                    let (service, how) = words.split_once("  ").unwrap_or((words, ""));
                    let is_continued = words.starts_with(' ') || how.trim_start().starts_with("is not deployed");
                    done.deployments.extend((!is_continued).then(|| service.to_owned()));
                }
                // The old and the new start command.
                Some(words) if words.starts_with(' ') => {}
                Some(words) => {
                    let mut words = words.split_whitespace();
                    if let (Some("+" | "~" | "-"), Some(key)) = (words.next(), words.next()) {
                        done.variables.push(format!("{owner} {key}"));
                    }
                }
            }
        }
        Some(done.sorted())
    }

    /// Returns the changes of a plan in JSON.
    fn planned(plan: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let list = |name: &str| plan[name].as_array().unwrap().clone();
        let edits = list("files").into_iter().flat_map(|file| file["changes"].as_array().unwrap().clone());
        Self {
            variables: list("variables")
                .iter()
                .map(|one| text(&one["service"]) + " " + &text(&one["key"]))
                .chain(list("start_commands").iter().map(|one| text(&one["service"]) + START))
                .collect(),
            deployments: list("deployments")
                .iter()
                .filter(|one| one["method"] != "not")
                .map(|one| text(&one["service"]))
                .collect(),
            edits: edits.map(|edit| text(&edit["key"])).collect(),
        }
        .sorted()
    }

    /// Returns the mutations that Railway received, and the changes of the file.
    fn received(sandbox: &Sandbox, before: &str) -> Self {
        let mut done = Self::default();
        let names: BTreeMap<String, String> = sandbox.sim.change(|estate| {
            let services = &estate.projects[0].environments[0].services;
            services.iter().map(|service| (service.id.clone(), service.name.clone())).collect()
        });
        let mut by_itself = Vec::new();
        for mutation in sandbox.sim.mutations() {
            let owner = mutation.service.as_ref().map_or("shared variables", |id| names[id].as_str());
            let name =
                |key: &String| if mutation.operation == "CommitPatch" { START.to_owned() } else { format!(" {key}") };
            done.variables.extend(mutation.keys.iter().map(|key| format!("{owner}{}", name(key))));
            // Railway also deploys automatically when a variable is deleted.
            let made = mutation.deployments.iter().map(|_| owner.to_owned());
            if mutation.operation == "DeleteVariable" { &mut by_itself } else { &mut done.deployments }.extend(made);
        }
        by_itself.dedup();
        by_itself.retain(|service| !done.deployments.contains(service));
        done.deployments.append(&mut by_itself);
        let read = |text: &str| {
            let file = LocalFile::parse(".env", Secret::new(text));
            let entries = file.entries.iter().map(|entry| (entry.key.clone(), entry.value.expose().to_owned()));
            entries.collect::<BTreeMap<_, _>>()
        };
        let (before, after) = (read(before), read(&sandbox.text(".env")));
        done.edits =
            after.into_iter().filter(|(key, value)| before.get(key) != Some(value)).map(|(key, _)| key).collect();
        done.sorted()
    }
}

/// Returns the commands that a run prints for its plan, in order: each on a line by itself, or several between
/// backticks.
fn printed(ended: &Ended) -> Vec<Vec<String>> {
    let below =
        [&ended.out, &ended.err].map(|text| text.split_once("o apply this plan").map_or("", |(_, below)| below));
    let commands = below.iter().flat_map(|below| {
        let (first, rest) = below.split_once('\n').unwrap_or((below, ""));
        let lines = rest.lines().map_while(|line| line.strip_prefix("    doctor "));
        let quoted = first.split('`').skip(1).step_by(2).filter_map(|command| command.strip_prefix("doctor "));
        quoted.chain(lines)
    });
    commands.map(|command| shlex::split(&format!("doctor {command}")).unwrap()).collect()
}

fn run(sandbox: &Sandbox, words: &[String]) -> Ended {
    sandbox.run(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

fn first(world: &World, sandbox: &Sandbox) -> Ended {
    if world.mode == Mode::Declined {
        let words: Vec<&str> = world.words.iter().map(String::as_str).collect();
        let user = world.user();
        let mut ended = sandbox.run_asking(&words, &user, &Arc::default());
        ended.asked = user.asked.into_inner();
        return ended;
    }
    run(sandbox, &world.words)
}

/// Asserts that no service gets a new key, unless it is required there, added by a flag, or selected at a prompt.
fn assert_not_spread(world: &World, done: &Done, ended: &Ended, names: &dyn Fn() -> String) {
    let was_picked = |service: &str, key: &str| {
        let only = format!("Fix {key}? Add: create it on {service}, which does not have it");
        let (several, one) = (format!("Which services should get {key}? ("), format!(") {service}"));
        let is_picked =
            |answer: &String| answer.ends_with(&only) || answer.starts_with(&several) && answer.ends_with(&one);
        world.mode == Mode::Declined && ended.asked.iter().any(is_picked)
    };
    for pair in done.variables.iter().filter(|pair| !pair.starts_with("shared variables ") && !pair.ends_with(START)) {
        let (service, key) = pair.rsplit_once(' ').unwrap();
        let is_allowed = world.has_key(service, key)
            || world.required.contains(&(service.to_owned(), key.to_owned()))
            || world.is_added(service, key)
            || was_picked(service, key);
        assert!(is_allowed, "{service} gets {key}, which it lacked\n{}", names());
    }
}

/// Counts of what the worlds covered.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    planned: usize,
    in_one: usize,
    in_several: usize,
    in_none: usize,
    added: usize,
    started: usize,
}

fn play(seed: u64, count: &mut Count) {
    let world = World::of(seed);
    let sandbox = world.sandbox();
    let file = sandbox.text(".env");
    let ended = first(&world, &sandbox);
    let names = || format!("world {seed}: {world:#?}\n{}\n{}", ended.out, ended.err);
    let received = Done::received(&sandbox, &file);
    assert_not_spread(&world, &received, &ended, &names);
    let may_write = world.mode == Mode::Yes && ended.code != 2;
    assert!(may_write || received == Done::default(), "an unconfirmed change is applied: {received:?}\n{}", names());
    let Some(shown) = Done::shown(&ended.out).filter(|_| !may_write) else { return };
    count.planned += 1;
    assert_not_spread(&world, &shown, &ended, &names);
    let commands = printed(&ended);
    match commands.len() {
        0 => {
            count.in_none += 1;
            assert!((ended.out.clone() + &ended.err).contains("o flags select exactly these changes"), "{}", names());
            assert!(world.mode == Mode::Declined || world.words.contains(&"--dependents".to_owned()), "{}", names());
            return;
        }
        1 => count.in_one += 1,
        _ => count.in_several += 1,
    }
    if world.mode == Mode::Dry {
        let json = run(&sandbox, &[world.words.as_slice(), &["--format=json".to_owned()]].concat());
        let report: Value = serde_json::from_str(&json.out).unwrap();
        assert_eq!(Done::planned(&report["plan"]), shown, "the plan in JSON is the same\n{}", names());
        let in_json: Vec<Vec<String>> = serde_json::from_value(report["plan"]["commands"].clone()).unwrap();
        assert_eq!(in_json, commands, "{}", names());
    }
    let unasked = sandbox.unattended();
    let mut ends = Vec::new();
    for command in &commands {
        let mut keys: Vec<&String> = command.iter().filter(|word| word.starts_with("--only=")).collect();
        keys.dedup();
        assert_eq!(keys.len(), command.iter().filter(|word| word.starts_with("--only=")).count(), "{}", names());
        ends.push(run(&unasked, &command[1..]));
    }
    let received = Done::received(&unasked, &file);
    count.added += received
        .variables
        .iter()
        .filter(|pair| {
            let (service, key) = pair.rsplit_once(' ').unwrap();
            !world.has_key(service, key) && !pair.ends_with(START)
        })
        .count();
    count.started += received.variables.iter().filter(|pair| pair.ends_with(START)).count();
    let output = || ends.iter().map(|end| format!("{}\n{}", end.out, end.err)).collect::<Vec<_>>().join("\n");
    assert_eq!(received, shown, "{commands:?}\n{}\n{}", names(), output());
}

/// Worlds that have found a bug. Every test run includes them.
const FOUND: [u64; 8] = [322, 2396, 2938, 4084, 6084, 7810, 9331, 9415];

#[test]
#[expect(clippy::print_stdout, reason = "the number of worlds, for runs with more of them")]
fn printed_command_matches_plan() {
    let wanted = std::env::var(MORE).ok().map(|text| text.parse().expect("a number of worlds"));
    let began = std::time::Instant::now();
    let worlds: u64 = wanted.unwrap_or(WORLDS);
    let threads: u64 = 2;
    let play_all = |from: u64| {
        let mut count = Count::default();
        let known = FOUND.into_iter().filter(|seed| seed % threads == from && *seed >= worlds);
        (from..worlds).step_by(usize::try_from(threads).unwrap()).chain(known).for_each(|seed| play(seed, &mut count));
        count
    };
    let counts: Vec<Count> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|from| scope.spawn(move || play_all(from))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let sum = |of: fn(&Count) -> usize| counts.iter().map(of).sum::<usize>();
    println!(
        "{worlds} worlds in {:?}: {} plans, {} with one command, {} with several, {} with none; {} variables added, {} start \
         commands",
        began.elapsed(),
        sum(|one| one.planned),
        sum(|one| one.in_one),
        sum(|one| one.in_several),
        sum(|one| one.in_none),
        sum(|one| one.added),
        sum(|one| one.started)
    );
    assert!(sum(|one| one.started) > 0, "no start command is set: {counts:?}");
    assert!(sum(|one| one.in_one) > 0 && sum(|one| one.in_several) > 0, "the worlds cover too little: {counts:?}");
}

/// Runs every `next` of a check as it is, and with the flags that an agent would add to skip prompts.
#[test]
fn following_next_commands_adds_no_unrequired_keys() {
    let worlds: u64 = std::env::var(MORE).ok().map_or(WORLDS / 3, |text| text.parse().expect("a number of worlds"));
    let mut followed = 0;
    for seed in 0..worlds {
        let world = World::of(seed);
        let sandbox = world.sandbox().unattended();
        let file = sandbox.text(".env");
        let check = sandbox.run(&["check", "--format", "json"]);
        let report: Value = serde_json::from_str(&check.out).unwrap_or_else(|_| panic!("{check:?}"));
        for finding in report["findings"].as_array().unwrap() {
            let names = || format!("world {seed}: {finding:#}");
            if finding["severity"] == "note" {
                assert_eq!(finding["next"], Value::Null, "{}", names());
            }
            let Some(next) = finding["next"].as_array() else { continue };
            let next: Vec<String> = next.iter().skip(1).map(|word| word.as_str().unwrap().to_owned()).collect();
            for more in [&[][..], &["--yes"], &["--push", "--yes"]] {
                let more = more.iter().map(|&word| word.to_owned());
                run(&sandbox, &next.iter().cloned().chain(more).collect::<Vec<_>>());
            }
            followed += 1;
            for pair in Done::received(&sandbox, &file).variables {
                let (service, key) = pair.rsplit_once(' ').unwrap();
                let is_required = world.required.contains(&(service.to_owned(), key.to_owned()));
                assert!(world.has_key(service, key) || is_required, "{service} gets {key}\n{}", names());
            }
        }
    }
    assert!(followed > worlds, "only {followed} commands were run");
}
