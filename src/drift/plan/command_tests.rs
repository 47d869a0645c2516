//! Which commands are printed for changes that one command can't make. That a command does exactly what its plan shows
//! is tested with random worlds.

use std::collections::{BTreeMap, BTreeSet};

use crate::drift::engine::run_rules::examine;
use crate::drift::model::deployment::StartCommand;
use crate::drift::model::observed::Observed;
use crate::drift::plan::commands::{CommandRequest, Scope, commands};
use crate::drift::plan::invocation::{Deploying, PredictionInput, Redeploy};
use crate::drift::plan::offer::{Direction, FixPermissions, Offer, Prompting};
use crate::drift::plan::proposals::proposals;
use crate::drift::plan::redeploys::{DueRedeploy, due};
use crate::drift::plan::start_command::StartCommandChange;
use crate::drift::runtime::{Code, Relation};
use crate::drift::test_support::{got, named, out_of_scope, require, running, shared, survey, target};
use crate::drift::{Secret, Survey, Variable};

/// A change that the user picks: the direction, the key, and the services; all for none.
type Pick<'p> = (Direction, &'p str, &'p [&'p str]);

const PUSH: Direction = Direction::Push;
const PULL: Direction = Direction::Pull;
const SHARED: Direction = Direction::PushShared;

/// A run with picked changes.
#[derive(Default)]
struct Run {
    shared: BTreeMap<String, Variable>,
    settings: Vec<StartCommandChange>,
    due: Vec<DueRedeploy>,
    only: BTreeSet<String>,
    deploying: Deploying,
}

impl Run {
    /// Returns the printed commands, without `doctor fix`; none if no commands make exactly these changes.
    fn printed(&self, found: &mut Survey, picks: &[Pick<'_>]) -> Vec<String> {
        self.commands(found, &self.picked(found, picks))
    }

    fn commands(&self, found: &mut Survey, offers: &[Offer]) -> Vec<String> {
        let request = CommandRequest {
            offers,
            settings: &self.settings,
            due: &self.due,
            scope: Scope::Default,
            only: &self.only,
            ways: &BTreeSet::new(),
            redeploy: Redeploy::None,
            deploying: self.deploying,
            known: PredictionInput { shared_values: &self.shared, unwritable: &BTreeSet::new() },
        };
        let all = commands(found, &request).unwrap_or_default();
        all.iter().map(|one| one.arguments(&[])[1..].join(" ")).collect()
    }

    fn picked(&self, found: &Survey, picks: &[Pick<'_>]) -> Vec<Offer> {
        let findings = examine(found).findings;
        let permissions = FixPermissions {
            asking: Prompting::Interactive,
            shared_values: self.shared.clone(),
            sealed: picks.iter().map(|(_, key, _)| (*key).to_owned()).collect(),
            ..FixPermissions::default()
        };
        let proposals = proposals(found, &findings, &permissions);
        let offers: Vec<&Offer> = proposals.iter().flat_map(|one| &one.offers).collect();
        let pick = |&(way, key, services): &Pick<'_>| {
            let offer = offers.iter().find(|offer| offer.way == way && offer.key == key);
            let mut offer = (*offer.unwrap_or_else(|| panic!("{way:?} {key} is not offered: {offers:?}"))).clone();
            let is_picked = |name: &str| services.is_empty() || services.contains(&name);
            if way == PUSH {
                offer.stores.retain(|store| is_picked(store.owner.name()));
            }
            for pull in &mut offer.pulls {
                pull.from.retain(|service| is_picked(&service.name));
            }
            offer
        };
        picks.iter().map(pick).collect()
    }
}

#[test]
fn changes_in_one_direction_take_one_command() {
    let mut found = survey(&["A=1", "B=1", "C=1"], &[("api", &["A=2", "B=2"]), ("web", &["B=2", "C=2"])]);
    let run = Run::default();
    assert_eq!(run.printed(&mut found, &[(PUSH, "A", &[]), (PUSH, "B", &[])]), ["--push --only=A --only=B"]);
    assert_eq!(run.printed(&mut found, &[(PULL, "A", &[]), (PULL, "B", &[])]), ["--pull --only=A --only=B"]);
    let stored = Run { deploying: Deploying::Never, ..Run::default() };
    assert_eq!(stored.printed(&mut found, &[(PUSH, "A", &[])]), ["--push --no-deploy --only=A"]);
    assert_eq!(run.printed(&mut found, &[(PUSH, "B", &["web"])]), ["--push --only=B --service=web"]);
}

/// One service gets fewer keys than it has differing values.
#[test]
fn services_with_different_keys_take_a_command_each() {
    let mut found = survey(&["A=1", "B=1"], &[("api", &["A=2", "B=2"]), ("web", &["A=2", "B=2"]), ("zoo", &["A=2"])]);
    let picks: &[Pick<'_>] = &[(PUSH, "A", &["api", "zoo"]), (PUSH, "B", &["web"])];
    let expected = ["--push --only=A --service=api --service=zoo", "--push --only=B --service=web"];
    assert_eq!(Run::default().printed(&mut found, picks), expected);
}

#[test]
fn pull_and_push_take_a_command_each() {
    let mut found = survey(&["A=1", "B=1"], &[("api", &["A=2", "B=2"])]);
    let picks: &[Pick<'_>] = &[(PUSH, "B", &[]), (PULL, "A", &[])];
    let expected = ["--pull --only=A --service=api", "--push --only=B --service=api"];
    assert_eq!(Run::default().printed(&mut found, picks), expected);
    // The second command would find the result of the first.
    let mut both = survey(&["A=1"], &[("api", &["A=2"]), ("web", &["A=1"])]);
    assert_eq!(Run::default().printed(&mut both, &[(PUSH, "A", &[]), (PULL, "A", &[])]), [""; 0]);
}

#[test]
fn pulls_from_services_that_disagree_take_a_command_each() {
    let (api, web): (&[&str], &[&str]) = (&["A=2", "B=3"], &["A=4", "B=5"]);
    let run = Run::default();
    let [a, b] = [("A", api, "api"), ("B", web, "web")].map(|(key, rows, service)| {
        let alone = survey(&["A=1", "B=1"], &[(service, rows)]);
        run.picked(&alone, &[(PULL, key, &[])]).remove(0)
    });
    let mut both = survey(&["A=1", "B=1"], &[("api", api), ("web", web)]);
    let expected = ["--pull --only=A --service=api", "--pull --only=B --service=web"];
    assert_eq!(run.commands(&mut both, &[a, b.clone()]), expected);
    let mut changed = survey(&["A=1", "B=1"], &[("api", api), ("web", &["A=4", "B=6"])]);
    assert_eq!(run.commands(&mut changed, &[b]), [""; 0], "no service has this value");
}

/// The services have the same value for it, and one of them has another key as well.
#[test]
fn own_variables_are_stored_before_the_shared_variable() {
    let api: &[&str] = &["A=${{shared.A}} => 2", "B=2"];
    let mut found = survey(&["A=1", "B=1"], &[("api", api), ("web", api), ("zoo", &["B=2"])]);
    shared(&mut found, "A");
    let run = Run { shared: BTreeMap::from([("A".to_owned(), Variable::Plain(Secret::new("2")))]), ..Run::default() };
    let picks: &[Pick<'_>] = &[(SHARED, "A", &[]), (PUSH, "B", &["api", "zoo"])];
    let expected = [
        "--push --no-deploy --only=B --service=api",
        "--push --allow-shared=A --only=A --service=api --service=web",
        "--push --only=B --service=zoo",
    ];
    assert_eq!(run.printed(&mut found, picks), expected);
}

/// A reference renders to another value once its target was written.
#[test]
fn overwritten_reference_comes_before_its_target() {
    let web: &[&str] = &["A=2", "X=${{api.A}} => 2"];
    let mut found = survey(&["A=1", "X=3"], &[("api", &["A=2"]), ("web", web)]);
    let picks: &[Pick<'_>] = &[(PUSH, "A", &["api"]), (PUSH, "X", &["web"])];
    let expected = ["--push --allow-reference=X --only=X --service=web", "--push --only=A --service=api"];
    assert_eq!(Run::default().printed(&mut found, picks), expected);
    let plain: &[&str] = &["A=2", "X=2"];
    let mut apart = survey(&["A=1", "X=3"], &[("api", &["A=2"]), ("web", plain)]);
    let expected = ["--push --only=A --service=api", "--push --only=X --service=web"];
    assert_eq!(Run::default().printed(&mut apart, picks), expected);
}

/// Returns a survey in which `web` still runs with the old value of `OLD`.
fn with_stale_web(file: &[&str], api: &[&str], web: &[&str]) -> (Survey, Vec<DueRedeploy>) {
    let mut found = survey(file, &[("api", api), ("web", web)]);
    running(&mut found, "web", "SUCCESS");
    let mut before: Vec<&str> = web.iter().copied().filter(|row| !row.starts_with("OLD=")).collect();
    before.push("OLD=before");
    got(&mut found, "web", &before);
    let due = due(&found, &examine(&found).findings);
    assert_eq!(due.iter().map(|due| due.service.name.as_str()).collect::<Vec<_>>(), ["web"]);
    (found, due)
}

#[test]
fn service_that_no_change_deploys_is_redeployed_last() {
    let (mut found, due) = with_stale_web(&["A=1", "B=1"], &["A=2", "B=2"], &["OLD=1"]);
    let run = Run { due, ..Run::default() };
    let picks: &[Pick<'_>] = &[(PUSH, "B", &[]), (PULL, "A", &[])];
    let expected = ["--pull --only=A --service=api", "--push --only=B --service=api", "--redeploy --service=web"];
    assert_eq!(run.printed(&mut found, picks), expected);
    // Naming the key would leave out the redeploy, which concerns another key.
    let expected = ["--push --only=A --service=api", "--redeploy --service=web"];
    assert_eq!(run.printed(&mut found, &[(PUSH, "A", &[])]), expected);
    let (mut found, due) = with_stale_web(&["A=1"], &["A=2"], &["OLD=1", "A=1"]);
    require(&mut found, "A", &[]);
    assert_eq!(Run { due, ..Run::default() }.printed(&mut found, &[(PUSH, "A", &[])]), ["--push --redeploy"]);
}

#[test]
fn changed_service_is_not_deployed_twice() {
    let (mut found, due) = with_stale_web(&["A=1", "B=1"], &["A=2"], &["OLD=1", "B=2"]);
    let run = Run { due, ..Run::default() };
    let picks: &[Pick<'_>] = &[(PUSH, "B", &[]), (PULL, "A", &[])];
    let expected = ["--pull --only=A --service=api", "--push --only=B --service=web"];
    assert_eq!(run.printed(&mut found, picks), expected, "the push deploys it");
}

/// A push deploys the running commit again, so a later command deploys the service with the newer one.
#[test]
fn service_behind_its_commit_is_deployed_by_the_last_command() {
    let (mut found, _) = with_stale_web(&["A=1", "B=1"], &["A=2"], &["OLD=1", "B=2"]);
    let code = Code {
        expected: "371a158".to_owned(),
        commit: Some("371a158f".to_owned()),
        running: Relation::Behind(2),
        coming: None,
        skipped: None,
    };
    target(&mut found, "web").live.code = Observed::Known(code);
    let due = due(&found, &examine(&found).findings);
    assert!(due[0].commit.is_some());
    let run = Run { due, ..Run::default() };
    let picks: &[Pick<'_>] = &[(PUSH, "B", &[]), (PULL, "A", &[])];
    let expected =
        ["--pull --only=A --service=api", "--push --no-deploy --only=B --service=web", "--redeploy --service=web"];
    assert_eq!(run.printed(&mut found, picks), expected);
}

#[test]
fn start_command_is_set_after_the_keys_of_its_service_are_stored() {
    let mut found = survey(&["A=1", "B=1"], &[("api", &["A=2", "B=2"]), ("web", &["A=2"])]);
    running(&mut found, "api", "SUCCESS");
    if let Observed::Known(deployed) = &mut target(&mut found, "api").live.deployed {
        deployed.active[0].origin.start = StartCommand::Set(Secret::new("celery"));
    }
    let after = Some(Secret::new("celery -B"));
    let run =
        Run { settings: vec![StartCommandChange { service: named("api"), before: None, after }], ..Run::default() };
    let picks: &[Pick<'_>] = &[(PUSH, "B", &[]), (PULL, "A", &[])];
    let expected = [
        "--pull --only=A --service=api --service=web",
        "--push --no-deploy --only=B --service=api",
        "--start-command=celery -B --service=api",
    ];
    assert_eq!(run.printed(&mut found, picks), expected);
    assert_eq!(
        run.printed(&mut found, &[(PUSH, "B", &[])]),
        ["--push --only=B --start-command=celery -B --service=api"]
    );
    assert_eq!(run.printed(&mut found, &[]), ["--start-command=celery -B --service=api"]);
}

#[test]
fn sealed_value_has_its_own_flag() {
    let mut found = survey(&["S=1", "R=3"], &[("api", &["S=<sealed>", "R=${{Postgres.URL}} => 2"])]);
    out_of_scope(&mut found, "Postgres", &["URL"]);
    let picks: &[Pick<'_>] = &[(PUSH, "S", &[]), (PUSH, "R", &[])];
    let expected = ["--push --allow-reference=R --allow-sealed=S --only=R --only=S"];
    assert_eq!(Run::default().printed(&mut found, picks), expected);
}
