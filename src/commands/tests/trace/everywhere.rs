//! `doctor trace --everywhere`: how many requests it sends, how they are confirmed, and what is not searched.

use serde_json::Value;

use crate::commands::tests::rotate::{OLD, running};
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::commands::tests::trace::places;
use crate::commands::tests::without_file::report;
use crate::io::railway::transport::TransportFailure;
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::{Environment, Estate, Project, SimService};
use crate::io::sim::fault::Fault;
use crate::io::sim::seed::{ACCOUNT_TOKEN, LOGIN_TOKEN, PROJECT_TOKEN, WORKSPACE_TOKEN};
use crate::io::sim::{RemainingHeader, Sim, SimOptions};
use crate::io::terminal::prompt::YesNo;
use crate::io::terminal::prompt::script::PreparedAnswer;

const EVERYWHERE: &[&str] = &["trace", "API_KEY", "--everywhere"];

/// Returns an environment with this number of services, of which the first has the traced value.
fn environment(name: &str, services: usize) -> Environment {
    (0..services).fold(Environment::named(name), |known, number| {
        let value = if number == 0 { OLD } else { "other-value-123" };
        known.service(running(&format!("service-{number}"), &[("API_KEY", value)]))
    })
}

fn sandbox(estate: Estate) -> Sandbox {
    Sandbox::new(Sim::new(estate.with_tokens())).file(".env", &format!("API_KEY='{OLD}'\n"))
}

/// Returns projects with this number of environments each, of which each has this number of services.
fn account(projects: usize, environments: usize, services: usize) -> Sandbox {
    let project = |project: usize| {
        (0..environments).fold(Project::named(&format!("project-{project}")), |known, number| {
            known.environment(environment(&format!("environment-{number}"), services))
        })
    };
    sandbox((0..projects).map(project).fold(Estate::of("crew"), Estate::project))
}

/// Returns ten projects with three environments each, of which each has three services, in a Railway with these options.
fn account_with(options: SimOptions) -> Sandbox {
    let estate = account(10, 3, 3).sim.change(|estate| estate.clone());
    Sandbox::new(Sim::with(estate, options)).file(".env", &format!("API_KEY='{OLD}'\n"))
}

/// Returns the projects `shop` and `blog`, each with `staging` and `production`.
fn two_projects() -> Sandbox {
    let project = |name: &str| {
        Project::named(name).environment(environment("staging", 1)).environment(environment("production", 1))
    };
    sandbox(Estate::of("crew").project(project("shop")).project(project("blog")))
}

fn run(sandbox: &Sandbox, words: &[&str]) -> Ended {
    sandbox.run(&[EVERYWHERE, words].concat())
}

/// Runs with `--yes` and `--format json`.
fn json(sandbox: &Sandbox) -> Ended {
    run(sandbox, &["--yes", "--format", "json"])
}

/// Returns the environments with a place, such as `shop/staging`, each once.
#[track_caller]
fn found_in(ended: &Ended) -> Vec<String> {
    let report = report(ended);
    let name = |place: &Value| {
        let [project, environment] = ["project", "environment"].map(|of| place[of]["name"].as_str());
        Some(format!("{}/{}", project?, environment?))
    };
    let mut found: Vec<String> = report["trace"]["places"].as_array().unwrap().iter().filter_map(name).collect();
    found.dedup();
    found
}

/// Returns what was not searched.
#[track_caller]
fn unsearched(ended: &Ended) -> Vec<String> {
    let report = report(ended);
    let unsearched = report["trace"]["unsearched"].as_array().unwrap().iter();
    unsearched.map(|one| one["reason"].as_str().unwrap().to_owned()).collect()
}

/// Returns the operations that were sent, each with its number if it was sent several times in a row.
fn operations(sandbox: &Sandbox) -> Vec<String> {
    let mut counted: Vec<(String, usize)> = Vec::new();
    for asked in sandbox.sim.requests() {
        match counted.last_mut().filter(|(operation, _)| *operation == asked.operation) {
            Some((_, number)) => *number += 1,
            None => counted.push((asked.operation, 1)),
        }
    }
    let text = |(operation, number)| if number == 1 { operation } else { format!("{operation} {number}") };
    counted.into_iter().map(text).collect()
}

#[test]
fn environments_of_all_projects_share_requests() {
    for (size, expected, announced) in [
        (
            (3, 1, 1),
            &["Environment", "Values", "Projects", "ApiTokenProbe", "Projects", "EnvironmentBatch", "Values"][..],
            "searching 2 other environments of 2 projects takes 1 more request",
        ),
        (
            (10, 3, 3),
            &["Environment", "Values", "Projects", "ApiTokenProbe", "Projects", "EnvironmentBatch 3", "Values 4"],
            "searching 29 other environments of 10 projects takes 4 more requests",
        ),
        (
            (1, 30, 9),
            &["Environment", "Values", "Projects", "ApiTokenProbe", "Projects", "EnvironmentBatch 3", "Values 11"],
            "searching 29 other environments of 1 project takes 11 more requests",
        ),
    ] {
        let (projects, environments, services) = size;
        let sandbox = account(projects, environments, services);
        let ended = json(&sandbox);
        assert_eq!((ended.code, operations(&sandbox)), (0, expected.iter().map(|&one| one.to_owned()).collect()));
        ended.assert_shows(announced);
        assert_eq!(found_in(&ended).len(), projects * environments, "{ended:?}");
        let report = report(&ended);
        assert_eq!(report["summary"]["requests"], sandbox.sim.count());
        assert_eq!(report["trace"]["complete"], true);
        assert_eq!(sandbox.mutations(), Vec::<String>::new());
    }
}

#[test]
fn shared_variables_of_all_environments_take_one_request() {
    let sandbox = account(4, 2, 1);
    sandbox.sim.change(|estate| {
        for project in &mut estate.projects {
            for environment in project.environments.iter_mut().skip(1) {
                *environment = environment.clone().shared(&[("SHARED_KEY", OLD)]);
            }
        }
    });
    let ended = json(&sandbox);
    assert_eq!(operations(&sandbox)[5..], ["EnvironmentBatch", "SharedValuesBatch", "Values"]);
    ended.assert_shows("searching 7 other environments of 4 projects takes 2 more requests");
    assert_eq!(places(&ended).iter().filter(|place| place.starts_with("shared SHARED_KEY")).count(), 4);
}

#[test]
fn old_values_that_still_run_are_found() {
    let sandbox = two_projects();
    let serving = SimDeployment::serving("2026-11-20T08:00:00.000Z").had("TOKEN", OLD);
    let service = SimService::named("web").image("web").variables(&[("TOKEN", "new-value-123")]).deployed(serving);
    sandbox.sim.change(|estate| {
        let production = &mut estate.projects[1].environments[1];
        *production = Environment { id: production.id.clone(), ..Environment::named("production") }.service(service);
        production.services[0].id = "0c0f3f4a-54f5-4c93-9e0b-51c83a1f5b0e".to_owned();
    });
    let ended = json(&sandbox);
    assert!(places(&ended).contains(&"web TOKEN running literal same".to_owned()), "{ended:?}");
}

#[test]
fn account_without_other_environments_needs_no_confirmation() {
    let sandbox = account(1, 1, 1);
    let ended = run(&sandbox, &["--format", "json"]);
    assert_eq!((ended.code, unsearched(&ended)), (0, vec![]), "{ended:?}");
    assert_eq!(operations(&sandbox)[2..], ["Projects", "ApiTokenProbe", "Projects"]);
    assert!(!ended.text().contains("more request"), "{ended:?}");
    ended.assert_shows("the token reaches no other environment");
}

#[test]
fn project_token_has_no_other_environment() {
    let sandbox = two_projects().variable("RAILWAY_API_TOKEN", None).variable("RAILWAY_TOKEN", Some(PROJECT_TOKEN));
    let ended = run(&sandbox, &["--format", "json"]);
    assert_eq!((ended.code, found_in(&ended)), (0, vec!["shop/staging".to_owned()]), "{ended:?}");
    assert_eq!(operations(&sandbox), ["EnvironmentByToken", "Values"]);
    ended.assert_shows("the project token from RAILWAY_TOKEN reaches only environment staging");
}

#[test]
fn other_tokens_search_what_they_reach() {
    let all = ["shop/staging", "shop/production", "blog/staging", "blog/production", "wiki/live"];
    for (token, expected) in [(ACCOUNT_TOKEN, &all[..]), (WORKSPACE_TOKEN, &all[..4]), (LOGIN_TOKEN, &all[..4])] {
        let sandbox = two_projects().variable("RAILWAY_API_TOKEN", Some(token));
        sandbox.sim.change(|estate| {
            let wiki = Project::named("wiki").environment(environment("live", 1));
            *estate = std::mem::take(estate).workspace("guests").project(wiki);
        });
        let ended = json(&sandbox);
        let mut found = found_in(&ended);
        found.sort_by_key(|name| all.iter().position(|known| known == name));
        assert_eq!((ended.code, found), (0, expected.iter().map(|&name| name.to_owned()).collect()), "{token}");
    }
}

#[test]
fn number_of_requests_is_confirmed_at_the_terminal() {
    let sandbox = two_projects().at_a_terminal();
    let answered = |answer| sandbox.answered(EVERYWHERE, vec![answer]);
    let announced = "searching 3 other environments of 2 projects takes 1 more request";
    let ended = answered(PreparedAnswer::Reply(YesNo::Yes));
    assert_eq!((ended.code, ended.asked.as_slice()), (0, &["Send 1 request?".to_owned()][..]), "{ended:?}");
    ended.assert_shows(announced);
    ended.assert_shows("blog · production");
    for declined in [PreparedAnswer::Reply(YesNo::No), PreparedAnswer::Enter, PreparedAnswer::Back] {
        let before = sandbox.sim.count();
        let ended = answered(declined);
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{ended:?}");
        ended.assert_shows(announced);
        ended.assert_shows("cancelled");
        assert_eq!(sandbox.sim.requests()[before..].last().unwrap().operation, "EnvironmentBatch");
    }
    assert_eq!(run(&sandbox, &["--yes"]).code, 0, "--yes answers the prompt");
}

#[test]
fn run_without_terminal_needs_yes() {
    let sandbox = two_projects();
    for (words, flags) in
        [(&[][..], ""), (&["--from", "service-0"], " --from=service-0"), (&["--env-file", ".env"], " --env-file=.env")]
    {
        let before = sandbox.sim.count();
        let ended = run(&sandbox, words);
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{ended:?}");
        ended.assert_shows("error: searching 3 other environments of 2 projects takes 1 more request");
        ended.assert_shows("not an interactive terminal");
        ended.assert_shows(&format!("doctor trace API_KEY --everywhere --yes{flags}"));
        assert_eq!(sandbox.sim.requests()[before..].last().unwrap().operation, "EnvironmentBatch");
        let command = ended.err.lines().last().unwrap().trim();
        let printed: Vec<&str> = command.split(' ').skip(1).collect();
        assert_eq!(sandbox.run(&printed).code, 0, "{command}");
    }
}

#[test]
fn search_stays_within_the_allowance() {
    // 30 environments with 3 services: 2 requests for the first, 3 for the lists, 3 for the services, 4 for the values.
    for (allowed, read, sent) in
        [(12, 30, 12), (11, 26, 11), (10, 21, 10), (9, 17, 9), (8, 11, 8), (7, 9, 7), (6, 1, 5), (5, 1, 5), (3, 1, 3)]
    {
        for remaining in [RemainingHeader::Absent, RemainingHeader::Present] {
            let sandbox = account_with(SimOptions { allowance: Some(allowed), remaining, ..SimOptions::default() });
            let ended = json(&sandbox);
            let code = if read == 30 { 0 } else { 5 };
            assert_eq!((ended.code, found_in(&ended).len()), (code, read), "{allowed}: {}", ended.err);
            assert_eq!(sandbox.sim.count(), sent, "{allowed}: {:?}", operations(&sandbox));
            let unsearched = unsearched(&ended).concat();
            assert_eq!(unsearched.matches("environment-").count(), 30 - read, "{allowed}: {unsearched}");
        }
    }
}

#[test]
fn announcement_states_what_the_allowance_is_enough_for() {
    for (remaining, rest) in [
        (RemainingHeader::Absent, "(Railway allows 9 requests an hour, this run has sent 7)"),
        (RemainingHeader::Present, "(Railway allows 9 requests an hour, 2 are left)"),
    ] {
        let ended = json(&account_with(SimOptions { allowance: Some(9), remaining, ..SimOptions::default() }));
        let start = "searching 16 other environments of 6 projects takes 2 more requests";
        ended.assert_shows(&format!("{start} {rest}; 13 further environments would exceed that"));
        assert!(unsearched(&ended).iter().all(|reason| reason.ends_with("Railway allows 9 requests an hour")));
    }
}

#[test]
fn announced_number_is_exact_for_large_accounts() {
    // The values of 500 services, or the shared variables of 75 environments, are read at once.
    for (projects, environments, services, expected) in
        [(1, 4, 260, 33), (1, 2, 501, 21), (30, 4, 1, 2 + 5), (2, 100, 3, 3 + 24)]
    {
        let sandbox = account(projects, environments, services);
        sandbox.sim.change(|estate| {
            for environment in estate.projects.iter_mut().flat_map(|project| &mut project.environments) {
                if services < 10 {
                    *environment = environment.clone().shared(&[("SHARED_KEY", OLD)]);
                }
            }
        });
        let ended = json(&sandbox);
        let total = projects * environments;
        let announced = format!("takes {expected} more requests");
        assert!(ended.err.contains(&announced), "{total} environments with {services}: {}", ended.err);
        let lists = ["EnvironmentBatch", "MoreServices"];
        let listed =
            sandbox.sim.requests().iter().rposition(|asked| lists.contains(&asked.operation.as_str())).unwrap();
        assert_eq!(sandbox.sim.count() - listed - 1, expected);
        assert_eq!((ended.code, found_in(&ended).len()), (0, total));
    }
}

#[test]
fn restricted_and_deleted_environments_are_not_searched() {
    let sandbox = sandbox(
        Estate::of("crew")
            .project(
                Project::named("shop")
                    .environment(environment("staging", 1))
                    .environment(environment("production", 1).restricted())
                    .environment(environment("audit", 1).restricted())
                    .environment(environment("old", 1).deleted())
                    .environment(environment("pr-7", 1).ephemeral()),
            )
            .project(Project::named("gone").environment(environment("staging", 1)).deleted()),
    );
    let ended = json(&sandbox);
    assert_eq!((ended.code, found_in(&ended)), (0, vec!["shop/staging".to_owned(), "shop/pr-7".to_owned()]));
    // The token does not reach them, so that the search is complete without them.
    let expected = "environments production, audit of project shop, because only admins have access to their variables";
    ended.assert_shows(&format!("not searched: {expected}"));
    assert_eq!((unsearched(&ended), &report(&ended)["trace"]["complete"]), (Vec::new(), &Value::Bool(true)));
}

#[test]
fn unreadable_environment_does_not_hide_the_others() {
    for (fault, code) in [
        (Fault::field("environment_1", "Not Authorized").on("EnvironmentBatch"), 4),
        (Fault::field("stored_1", "Not Authorized").on("Values").nth(2), 4),
        (Fault::field("environment_1", "odd").on("EnvironmentBatch"), 5),
        (Fault::field("environment_1", "Environment not found").on("EnvironmentBatch"), 2),
    ] {
        let sandbox = two_projects();
        sandbox.sim.fault(fault.clone());
        let ended = json(&sandbox);
        // The other environment of the same project comes first.
        let expected = ["shop/staging", "shop/production", "blog/production"].map(String::from);
        assert_eq!((ended.code, found_in(&ended)), (code, expected.to_vec()), "{fault:?}: {ended:?}");
        let unsearched = unsearched(&ended);
        assert!(unsearched[0].starts_with("environment staging of project blog: "), "{unsearched:?}");
        assert_eq!(unsearched.len(), 1);
    }
}

#[test]
fn what_was_read_before_the_end_of_requests_is_kept() {
    let lost = || Fault::failure(TransportFailure::Broken("reset".into())).permanent();
    let limited = || Fault::reply(429, "").header("retry-after", "3000");
    let page = || Fault::reply(502, "").permanent();
    for (fault, words, read) in [
        // Sixteen environments, and one service of the next one.
        (lost().on("Values").nth(4), &[][..], 18),
        (limited().on("Values").nth(4), &[], 18),
        (page().on("Values").nth(4), &["--timeout", "1s"], 18),
        (lost().on("EnvironmentBatch").nth(2), &[], 1),
        (limited().on("EnvironmentBatch"), &[], 1),
        (limited().on("Projects").nth(2), &[], 1),
        (lost().on("Projects"), &[], 1),
    ] {
        let sandbox = account(10, 3, 3);
        sandbox.sim.fault(fault.clone());
        let ended = run(&sandbox, &[&["--yes", "--format", "json"], words].concat());
        assert_eq!((ended.code, found_in(&ended).len()), (5, read), "{fault:?}: {}", ended.err);
        assert!(!unsearched(&ended).is_empty(), "{fault:?}");
        assert_eq!(report(&ended)["trace"]["complete"], false);
        let operation = sandbox.sim.requests().pop().unwrap().operation;
        assert!(format!("{fault:?}").contains(&operation), "{operation} was sent after {fault:?}");
    }
}

#[test]
fn values_never_appear_in_the_output() {
    const LATER: &str = "value-that-is-read-later-4711";
    let sandbox = two_projects();
    sandbox.sim.change(|estate| {
        let service = estate.projects[0].environments[1].service_named("service-0").unwrap();
        *service = service.clone().variables(&[("OTHER_TOKEN", LATER)]);
    });
    let message = format!("no access to {OLD} and {LATER}");
    for words in [&["--yes"][..], &["--yes", "-v"], &["--yes", "--format", "json"]] {
        sandbox.sim.fault(Fault::field("environment_1", &message).on("EnvironmentBatch"));
        let text = run(&sandbox, words).text();
        assert!(text.contains("no access to") && !text.contains(OLD) && !text.contains(LATER), "{text}");
    }
}
