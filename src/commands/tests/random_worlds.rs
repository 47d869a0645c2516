//! Random projects, files, flags and answers to prompts, all generated from one seed.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt::Write;

use crate::commands::tests::sandbox::Sandbox;
use crate::drift::Secret;
use crate::error::Error;
use crate::io::sim::Sim;
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::{Environment, Estate, Project, SimService};
use crate::io::terminal::prompt::{PromptAnswer, Prompter, YesNo};

const SINCE: &str = "2026-11-20T10:00:00.000Z";
const KEYS: [&str; 6] = ["API_KEY", "OPS_TOKEN", "PORT", "STRIPE_KEY", "DB_URL", "PLAIN"];
const SERVICES: [&str; 4] = ["web", "worker", "my api", "front-end"];

/// `SplitMix64`: the same numbers on every machine.
pub(super) struct Dice(Cell<u64>);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    pub(super) fn below(&self, end: usize) -> usize {
        self.0.set(self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        let mut mixed = self.0.get();
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(end).unwrap()).unwrap()
    }

    fn pick<'t>(&self, texts: &[&'t str]) -> &'t str {
        texts[self.below(texts.len())]
    }

    fn some<'t>(&self, texts: &[&'t str], one_in: usize) -> Vec<&'t str> {
        texts.iter().copied().filter(|_| self.below(one_in) == 0).collect()
    }
}

/// How a run is confirmed, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// `--dry-run`.
    Dry,
    /// Without a terminal.
    Unasked,
    /// `--yes`.
    Yes,
    /// Selected at prompts, and declined.
    Declined,
}

/// Adds an accepted `doctor.toml`. Other tests cover unaccepted ones.
fn accepted(sandbox: Sandbox, config: &str) -> Sandbox {
    let sandbox = sandbox.file("doctor.toml", config);
    assert_eq!(sandbox.run(&["trust", "--yes"]).code, 0);
    sandbox
}

/// A project, a file, a `doctor.toml` and a command line.
#[derive(Debug)]
pub(super) struct World {
    seed: u64,
    file: String,
    config: String,
    /// Service, key and stored value; `<sealed>` is a sealed one.
    stored: Vec<(&'static str, &'static str, String)>,
    /// Whether the settings of the worker lack the declared part.
    lacking: bool,
    /// Services that are running with an old value, or were started without the declared part.
    stale: Vec<&'static str>,
    services: Vec<&'static str>,
    pub(super) required: BTreeSet<(String, String)>,
    pub(super) words: Vec<String>,
    pub(super) mode: Mode,
}

fn local(dice: &Dice, key: &str) -> Option<&'static str> {
    let values: &[&str] = match key {
        "STRIPE_KEY" => &["sk_test_0123456789abcdef01", "sk_live_9876543210abcdef98"],
        "PORT" => &["3000", "8080"],
        "DB_URL" => &["postgres://db.example.com/app", "postgres://localhost/app"],
        "PLAIN" => &["changeme", "a plain one", ""],
        _ => &["new-secret-value-0123", "new-secret-value-4567"],
    };
    (dice.below(8) > 0).then(|| dice.pick(values))
}

fn stored(dice: &Dice, key: &str, local: Option<&str>) -> Option<String> {
    let other = match key {
        "STRIPE_KEY" => dice.pick(&["sk_live_5555555555abcdef55", "sk_test_7777777777abcdef77"]),
        "PORT" => "4000",
        "DB_URL" => dice.pick(&["postgres://other.example.com/app", "${{shared.BASE}}"]),
        _ => dice.pick(&["old-secret-value-0123", "OLD-SECRET-VALUE-0123", "new-secret-value-0123 "]),
    };
    match dice.below(12) {
        0..=2 => None,
        3..=4 => local.map(str::to_owned),
        5 => Some("${{shared.BASE}}".to_owned()),
        6 => Some("<sealed>".to_owned()),
        7 => Some("${{web.API_KEY}}".to_owned()),
        _ => Some(other.to_owned()),
    }
}

impl World {
    pub(super) fn of(seed: u64) -> Self {
        let dice = Dice::new(seed);
        let services: Vec<&str> = SERVICES[..2 + dice.below(3)].to_vec();
        let (mut file, mut all) = (String::new(), Vec::new());
        for key in KEYS {
            let local = local(&dice, key);
            if let Some(value) = local {
                writeln!(file, "{key}=\"{value}\"").unwrap();
            }
            for &service in &services {
                all.extend(stored(&dice, key, local).map(|value| (service, key, value)));
            }
        }
        file.push_str("REGION=eu\n");
        all.extend(services.iter().map(|&service| (service, "REGION", "eu".to_owned())));
        all.push((services[0], "EXTRA", "only-on-railway".to_owned()));
        let stale = dice.some(&services, 4);
        let (config, required) = config(&dice, &services);
        let (words, mode) = arguments(&dice, &services);
        let lacking = dice.below(2) == 0;
        Self { seed, file, config, stored: all, lacking, stale, services, required, words, mode }
    }

    pub(super) fn sandbox(&self) -> Sandbox {
        let mut environment = Environment::named("staging").shared(&[("BASE", "shared-base-value")]);
        for &name in &self.services {
            let own: Vec<_> = self.stored.iter().filter(|(service, ..)| *service == name).collect();
            let is_lacking = self.lacking && name == "worker";
            let command = if is_lacking { "run" } else { "run --now" };
            let mut service = SimService::named(name).repository("shop/shop").start(command);
            for (_, key, value) in own {
                service = match value.as_str() {
                    "<sealed>" => service.sealed(key, "sealed-secret-value"),
                    value => service.variables(&[(key, value)]),
                };
            }
            let running = SimDeployment::serving(SINCE).started_with(command);
            environment = environment.service(service.deployed(match self.stale.contains(&name) {
                true if name == "worker" => SimDeployment::serving(SINCE).started_with("run"),
                true => running.had("REGION", "us"),
                false => running,
            }));
        }
        let estate = Estate::of("crew").project(Project::named("shop").environment(environment)).with_tokens();
        let sandbox = Sandbox::new(Sim::new(estate)).file(".env", &self.file);
        let sandbox = if self.config.is_empty() { sandbox } else { accepted(sandbox, &self.config) };
        if self.mode == Mode::Declined { sandbox.at_a_terminal() } else { sandbox }
    }

    /// Returns whether a service has a key before the run.
    pub(super) fn has_key(&self, service: &str, key: &str) -> bool {
        self.stored.iter().any(|(owner, name, _)| (*owner, *name) == (service, key))
    }

    /// Returns whether flags add this key to this service.
    pub(super) fn is_added(&self, service: &str, key: &str) -> bool {
        let has = |word: String| self.words.contains(&word);
        has("--add".to_owned()) && has(format!("--only={key}")) && has(format!("--service={service}"))
    }

    pub(super) fn user(&self) -> RandomUser {
        RandomUser { dice: Dice::new(!self.seed), asked: RefCell::default() }
    }
}

fn config(dice: &Dice, services: &[&'static str]) -> (String, BTreeSet<(String, String)>) {
    let (mut text, mut required) = (String::new(), BTreeSet::new());
    if dice.below(3) == 0 {
        return (text, required);
    }
    if services.contains(&"worker") && dice.below(2) == 0 {
        for name in services {
            let alias = name.replace(' ', "-");
            writeln!(text, "[services.{alias}]\nname = \"{name}\"").unwrap();
            if *name == "worker" {
                text.push_str("start-command-contains = [\"--now\"]\n");
            }
        }
    }
    for key in dice.some(&KEYS, 4) {
        let names = dice.some(services, 2);
        let of = if names.is_empty() { services.to_vec() } else { names.clone() };
        required.extend(of.iter().map(|name| ((*name).to_owned(), key.to_owned())));
        let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
        writeln!(text, "[[require]]\nkeys = [\"{key}\"]").unwrap();
        if !names.is_empty() {
            writeln!(text, "services = [{}]", names.join(", ")).unwrap();
        }
    }
    for key in dice.some(&KEYS, 8) {
        let service = services[dice.below(services.len())];
        writeln!(text, "[[ignore]]\nkeys = [\"{key}\"]\nservices = [\"{service}\"]\nreason = \"known\"").unwrap();
    }
    (text, required)
}

fn arguments(dice: &Dice, services: &[&str]) -> (Vec<String>, Mode) {
    let mode = [Mode::Dry, Mode::Dry, Mode::Unasked, Mode::Yes, Mode::Declined][dice.below(5)];
    let mut words = vec!["fix".to_owned()];
    let only = dice.some(&KEYS, if dice.below(2) == 0 { 3 } else { 100 });
    let named = dice.some(services, if dice.below(2) == 0 { 2 } else { 100 });
    let starts = mode != Mode::Declined && dice.below(4) == 0;
    let named = if starts { vec![services[dice.below(services.len())]] } else { named };
    let add = !only.is_empty() && !named.is_empty() && !starts && dice.below(2) == 0;
    let directions: &[&[&str]] = &[
        &["--push"],
        &["--push"],
        &["--push"],
        &["--pull"],
        &["--redeploy"],
        &["--push", "--redeploy"],
        &["--pull", "--redeploy"],
        &["--push", "--prune"],
        &["--prune"],
        &[],
    ];
    let directions = if mode == Mode::Declined { &[][..] } else { directions[dice.below(directions.len())] };
    let directions: Vec<&str> = directions.iter().copied().filter(|word| !starts || *word != "--prune").collect();
    words.extend(directions.iter().map(|&word| word.to_owned()));
    if starts {
        words.push("--start-command=run 'it' --typed".to_owned());
    }
    if add && mode != Mode::Declined && !directions.contains(&"--pull") {
        words.push("--add".to_owned());
    }
    words.extend(only.iter().map(|key| format!("--only={key}")));
    words.extend(named.iter().map(|name| format!("--service={name}")));
    for (flag, one_in) in [("--allow-reference", 8), ("--allow-shared", 10), ("--allow-sealed", 10)] {
        words.extend(dice.some(&KEYS, one_in).iter().map(|key| format!("{flag}={key}")));
    }
    let deploying = dice.below(6);
    // Railway deploys automatically when a variable is deleted, so --no-deploy is not combined with a removal.
    if deploying == 0 && !starts && !directions.iter().any(|word| ["--redeploy", "--prune"].contains(word)) {
        words.push("--no-deploy".to_owned());
    } else if deploying == 1 {
        words.push("--dependents".to_owned());
    }
    match mode {
        Mode::Dry => {
            words.push("--dry-run".to_owned());
            if dice.below(4) == 0 {
                words.push("--yes".to_owned());
            }
        }
        Mode::Yes => words.push("--yes".to_owned()),
        Mode::Unasked | Mode::Declined => {}
    }
    (words, mode)
}

/// A user who answers at random, and never confirms a plan.
pub(super) struct RandomUser {
    dice: Dice,
    /// The prompts, each with what was picked, if it has choices.
    pub(super) asked: RefCell<Vec<String>>,
}

impl RandomUser {
    fn record(&self, prompt: &str) {
        self.asked.borrow_mut().push(prompt.to_owned());
    }
}

impl Prompter for RandomUser {
    fn choose(&self, prompt: &str, items: &[String], _: usize) -> Result<PromptAnswer<usize>, Error> {
        // Other tests cover these, and they might loop forever.
        let is_excluded = |item: &String| item.starts_with("Ignore: ") || item.starts_with("Show the values");
        let likely: Vec<usize> = (0..items.len()).filter(|&at| !is_excluded(&items[at])).collect();
        let leaves = |item: &String| item.starts_with("Exit") || item.starts_with("Skip");
        let doing: Vec<usize> = likely.iter().copied().filter(|&at| !leaves(&items[at])).collect();
        let among = if doing.is_empty() || self.dice.below(3) == 0 { &likely } else { &doing };
        let picked = among[self.dice.below(among.len())];
        self.record(&format!("{prompt} {}", items[picked]));
        Ok(PromptAnswer::Given(picked))
    }

    fn choose_many(&self, prompt: &str, items: &[String], picked: &[usize]) -> Result<PromptAnswer<Vec<usize>>, Error> {
        assert!(picked.is_empty(), "{prompt}: no service is preselected");
        let picked: Vec<usize> = (0..items.len()).filter(|_| self.dice.below(2) == 0).collect();
        for &index in &picked {
            self.record(&format!("{prompt} {}", items[index]));
        }
        Ok(PromptAnswer::Given(picked))
    }

    fn confirm(&self, prompt: &str, _: YesNo) -> Result<PromptAnswer<YesNo>, Error> {
        self.record(prompt);
        let yes = prompt != "Apply this plan?" && self.dice.below(3) > 0;
        Ok(PromptAnswer::Given(if yes { YesNo::Yes } else { YesNo::No }))
    }

    fn line(&self, prompt: &str) -> Result<PromptAnswer<String>, Error> {
        panic!("unexpected prompt for a line: {prompt}")
    }

    fn line_from(&self, prompt: &str, _: &str) -> Result<PromptAnswer<String>, Error> {
        self.line(prompt)
    }

    fn secret(&self, prompt: &str) -> Result<PromptAnswer<Secret>, Error> {
        panic!("unexpected prompt for a secret: {prompt}")
    }

    fn piped(&self) -> Result<Secret, Error> {
        panic!("unexpected read of standard input")
    }
}
