//! The numbers in the menu, the plan and the receipts of an interactive `fix` agree.

use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::Sandbox;
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::{Environment, SimService};
use crate::io::terminal::prompt::YesNo;
use crate::io::terminal::prompt::script::PreparedAnswer;

const YES: PreparedAnswer = PreparedAnswer::Reply(YesNo::Yes);
const REVIEW: &str = "Review one by one";

/// An interactive run, with the numbers that it has to show.
struct CountedRun {
    name: &'static str,
    sandbox: Sandbox,
    words: &'static [&'static str],
    answers: Vec<PreparedAnswer>,
    /// The choices of the menu that contain a number.
    menu: &'static [&'static str],
    plan: &'static str,
    /// The steps in the receipts.
    steps: &'static [&'static str],
    /// The start of the last line.
    last: &'static str,
}

fn pick(indices: &[usize]) -> Vec<PreparedAnswer> {
    indices.iter().map(|&index| PreparedAnswer::Choice(index)).collect()
}

fn then(mut answers: Vec<PreparedAnswer>, more: &[PreparedAnswer]) -> Vec<PreparedAnswer> {
    answers.extend(more.iter().cloned());
    answers
}

fn stale(name: &str) -> SimService {
    let running = SimDeployment::serving("2026-11-20T08:00:00.000Z").had("B", "0").had("A", "stored");
    service(name, &[("A", "stored"), ("B", "1")]).deployed(running)
}

fn worker(name: &str) -> SimService {
    service(name, &[("A", "stored"), ("B", "1")]).start("celery worker")
}

fn required() -> Sandbox {
    let services = [service("api", &[("A", "one"), ("B", "1")]), service("worker", &[("A", "two"), ("B", "1")])];
    let config = "[[require]]\nkeys = [\"A\"]\nservices = [\"api\", \"worker\"]\n";
    Sandbox::of(services).file(".env", "A=local\nB=1\n").file("doctor.toml", config)
}

fn two() -> Sandbox {
    Sandbox::of([service("api", &[("A", "stored-one"), ("B", "stored-two"), ("C", "3")])])
        .file(".env", "A=local-one\nB=local-two\nC=3\n")
}

fn shared() -> Sandbox {
    let environment = Environment::named("staging").shared(&[("A", "shared-value")]);
    let services = ["api", "worker"].map(|name| service(name, &[("A", "${{shared.A}}"), ("B", "1")]));
    Sandbox::in_environment(environment, services).file(".env", "A=local-value\nB=1\n")
}

fn start_commands(local: &str) -> Sandbox {
    let section = |name: &str| format!("[services.{name}]\nstart-command-contains = [\"-B\"]\n");
    Sandbox::of([worker("jobs"), worker("mail")])
        .file(".env", local)
        .file("doctor.toml", &[section("jobs"), section("mail")].concat())
}

fn changes_of_variables() -> Vec<CountedRun> {
    vec![
        CountedRun {
            name: "required key that differs everywhere",
            sandbox: required(),
            words: &["fix"],
            answers: then(vec![YES], &then(pick(&[0]), &[YES])),
            menu: &["Push .env to Railway (2 variables)", "Review one by one (1 question)"],
            plan: "Plan: 2 variables on Railway, 2 deployments",
            steps: &["push api A", "push worker A", "redeploy api SUCCESS", "redeploy worker SUCCESS"],
            last: "All checks passed",
        },
        CountedRun {
            name: "file and Railway",
            sandbox: two(),
            words: &["fix"],
            answers: then(pick(&[2, 0, 1]), &[YES]),
            menu: &[
                "Push .env to Railway (2 variables)",
                "Pull Railway's values to .env (2 values)",
                "Review one by one (2 questions)",
            ],
            plan: "Plan: 1 variable on Railway, 1 change in .env, 1 deployment",
            steps: &["pull .env B", "push api A", "redeploy api SUCCESS"],
            last: "All checks passed",
        },
        CountedRun {
            name: "value that can't be written to the file",
            sandbox: Sandbox::of([service("api", &[("A", "$(touch canary)`x`'\""), ("OK", "two")])])
                .file(".env", "A=1\nOK=1\n"),
            words: &["fix"],
            answers: then(pick(&[1]), &[YES]),
            menu: &[
                "Push .env to Railway (2 variables)",
                "Pull Railway's values to .env (1 value)",
                "Review one by one (2 questions)",
            ],
            plan: "Plan: 1 change in .env, no deployment",
            steps: &["pull .env OK"],
            last: "1 error · ",
        },
        CountedRun {
            name: "shared variable",
            sandbox: shared(),
            words: &["fix", "-v"],
            answers: then(pick(&[0, 0]), &[YES]),
            menu: &["Review one by one (1 question)"],
            plan: "Plan: 1 variable on Railway, 2 deployments",
            steps: &["push shared variables A", "redeploy api SUCCESS", "redeploy worker SUCCESS"],
            last: "All checks passed",
        },
        CountedRun {
            name: "entry in doctor.toml",
            sandbox: two(),
            words: &["fix"],
            answers: then(pick(&[2, 0, 3]), &[PreparedAnswer::Line("at home"), YES]),
            menu: &[
                "Push .env to Railway (2 variables)",
                "Pull Railway's values to .env (2 values)",
                "Review one by one (2 questions)",
            ],
            plan: "Plan: 1 variable on Railway, 1 change in doctor.toml, 1 deployment",
            steps: &["ignore doctor.toml B", "push api A", "redeploy api SUCCESS"],
            last: "All checks passed · 3 values compared · 1 ignored by doctor.toml",
        },
    ]
}

fn deployments() -> Vec<CountedRun> {
    vec![
        CountedRun {
            name: "start commands only",
            sandbox: start_commands("A=stored\nB=1\n"),
            words: &["fix", "--service", "jobs", "--service", "mail"],
            answers: then(pick(&[0]), &[YES, YES, YES]),
            menu: &[
                "Set the start command of 2 services without changing variables",
                "Review one by one (2 questions)",
            ],
            plan: "Plan: 2 start commands, 2 deployments",
            steps: &["start-command jobs", "start-command mail", "redeploy jobs SUCCESS", "redeploy mail SUCCESS"],
            last: "All checks passed",
        },
        CountedRun {
            name: "variables and start commands",
            sandbox: start_commands("A=local\nB=1\n"),
            words: &["fix", "--service", "jobs", "--service", "mail"],
            answers: then(vec![YES], &then(pick(&[0]), &[YES, YES, YES])),
            menu: &[
                "Push .env to Railway (2 variables), and set 2 start commands",
                "Pull Railway's values to .env (1 value)",
                "Review one by one (3 questions)",
            ],
            plan: "Plan: 2 variables on Railway, 2 start commands, 2 deployments",
            steps: &[
                "push jobs A",
                "push mail A",
                "start-command jobs",
                "start-command mail",
                "redeploy jobs SUCCESS",
                "redeploy mail SUCCESS",
            ],
            last: "All checks passed",
        },
        CountedRun {
            name: "deployments only",
            sandbox: Sandbox::of([stale("api"), stale("web")]).file(".env", "A=stored\nB=1\n"),
            words: &["fix"],
            answers: then(pick(&[0]), &[YES]),
            menu: &["Redeploy 2 services without changing variables", "Review one by one (2 questions)"],
            plan: "Plan: 2 deployments",
            steps: &["redeploy api SUCCESS", "redeploy web SUCCESS"],
            last: "All checks passed",
        },
        CountedRun {
            name: "variables of stale services",
            sandbox: Sandbox::of([stale("api"), stale("web")]).file(".env", "A=local\nB=1\n"),
            words: &["fix"],
            answers: then(pick(&[3, 0]), &[YES]),
            menu: &[
                "Push .env to Railway (2 variables)",
                "Pull Railway's values to .env (1 value)",
                "Redeploy 2 services without changing variables",
                "Review one by one (3 questions)",
            ],
            plan: "Plan: 2 variables on Railway, 2 deployments",
            steps: &["push api A", "push web A", "redeploy api SUCCESS", "redeploy web SUCCESS"],
            last: "All checks passed",
        },
    ]
}

#[test]
fn menu_plan_and_receipts_have_the_same_numbers() {
    for run in changes_of_variables().into_iter().chain(deployments()) {
        let CountedRun { name, sandbox, words, answers, menu, plan, steps, last } = run;
        let ended = sandbox.at_a_terminal().answered(words, answers);
        let shown = ended.asked.iter().find(|prompt| prompt.contains(REVIEW)).unwrap_or_else(|| panic!("{name}"));
        let choices: Vec<&str> =
            shown.lines().skip(1).map(str::trim).filter(|choice| *choice != "Exit without changes").collect();
        assert_eq!(choices, menu, "{name}: {ended:?}");
        let plans: Vec<&str> = ended.out.lines().filter(|line| line.starts_with("Plan: ")).collect();
        assert_eq!(plans, [plan], "{name}: {ended:?}");
        let receipts = ended.out.lines().filter(|line| line.starts_with("done ") || line.starts_with("not-tried "));
        let receipts: Vec<String> =
            receipts.map(|line| line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(receipts, steps, "{name}: {ended:?}");
        let end = ended.out.lines().rev().find(|line| !line.is_empty()).unwrap_or_default();
        assert!(end.starts_with(last), "{name}: the last line is “{end}”: {ended:?}");
    }
}
