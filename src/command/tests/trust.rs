//! A checkout's `doctor.toml` is believed once somebody has said so, and no longer than it stays as it was.

use crate::command::tests::fix::{KEY, WORKER, incident, service};
use crate::command::tests::sandbox::Sandbox;
use crate::outside::ask::Reply;
use crate::outside::ask::script::Prepared;
use crate::outside::sim::seed::incident::PROJECT;

const PUSH: &[&str] = &["fix", "--push", "--yes", "--only", KEY, "--service", WORKER];

/// A checkout that alone says which project is meant.
fn checkout(config: &str) -> Sandbox {
    incident().file("doctor.toml", config).variable("RAILWAY_PROJECT_ID", None).variable("RAILWAY_ENVIRONMENT_ID", None)
}

fn config() -> String {
    format!("project = \"{PROJECT}\"\nenvironment = \"staging\"\n")
}

#[test]
fn what_was_accepted_may_push_until_it_is_changed() {
    let sandbox = checkout(&config());
    let refused = sandbox.run(PUSH);
    assert_eq!((refused.code, sandbox.mutations().len()), (2, 0), "{refused:?}");
    assert!(refused.err.contains("only doctor.toml says") && refused.err.contains("`doctor trust`"), "{refused:?}");

    let nobody = sandbox.run(&["trust"]);
    assert_eq!(nobody.code, 2, "{nobody:?}");
    assert!(nobody.err.contains("next: run `doctor trust --yes`"), "{nobody:?}");
    assert!(nobody.out.contains(&format!("project      agentverse ({PROJECT})")), "{nobody:?}");
    assert!(!sandbox.state().exists(), "nothing was remembered");

    let accepted = sandbox.run(&["trust", "--yes"]);
    assert_eq!(accepted.code, 0, "{accepted:?}");
    assert!(accepted.out.ends_with("it has to be accepted again.\n"), "{accepted:?}");
    let again = sandbox.run(&["trust"]);
    assert_eq!(again.out, "doctor.toml is accepted for project agentverse already.\n");

    let sandbox = sandbox.file("doctor.toml", &(config() + "[[ignore]]\nkeys = [\"X\"]\nreason = \"none\"\n"));
    let changed = sandbox.run(PUSH);
    assert_eq!((changed.code, sandbox.mutations().len()), (2, 0), "{changed:?}");
    assert!(changed.err.contains("doctor.toml is not the one that was accepted"), "{changed:?}");
    assert!(changed.err.contains("next: look at it and run `doctor trust`"), "{changed:?}");
    assert!(sandbox.run(&["trust"]).out.starts_with("doctor.toml is not as it was when it was accepted.\n"));

    let sandbox = sandbox.file("doctor.toml", &config());
    let pushed = sandbox.run(PUSH);
    assert_eq!((pushed.code, sandbox.mutations().len()), (0, 2), "the accepted words are back: {pushed:?}");
}

#[test]
fn a_person_sees_what_may_leave_and_says_yes() {
    let extra = format!(
        "[services.api]\nname = \"agentverse-api-staging\"\nenv-file = [\"api.env\"]\n[[expect.http]]\n\
         service = \"api\"\nrequest = \"GET /ops?x=1\"\nheaders = {{ X-API-Key = \"${KEY}\" }}\nstatus = 200\n"
    );
    let sandbox = checkout(&(config() + &extra)).at_a_terminal();
    let no = sandbox.answered(&["trust"], vec![Prepared::Reply(Reply::No)]);
    assert_eq!(no.code, 2, "{no:?}");
    assert!(no.out.contains("environment  staging\n  services     agentverse-api-staging\n  files        api.env\n"));
    let sends = format!("Each check sends {KEY} to a domain of agentverse-api-staging: GET /ops?x=1\n");
    assert!(no.out.contains(&sends), "{no:?}");
    for answer in [Prepared::Back, Prepared::Interrupt] {
        assert_ne!(sandbox.answered(&["trust"], vec![answer]).code, 0);
    }
    assert!(!sandbox.state().exists());
    assert_eq!(sandbox.answered(&["trust"], vec![Prepared::Reply(Reply::Yes)]).code, 0);
    assert!(sandbox.run(&["trust"]).out.contains("already"));
}

#[test]
fn trust_is_in_a_project_and_not_in_its_name() {
    let by_name = config().replace(PROJECT, "agentverse");
    let sandbox = checkout(&by_name);
    assert_eq!(sandbox.run(&["trust", "--yes"]).code, 0);
    assert_eq!(sandbox.run(PUSH).code, 0);
    // Somebody else's project goes by that name now.
    sandbox.sim.change(|estate| estate.projects[0].id = "another-project".to_owned());
    let refused = sandbox.run(&["fix", "--push", "--yes", "--only", KEY]);
    assert_eq!((refused.code, sandbox.mutations().len()), (2, 2), "{refused:?}");
    assert!(refused.err.contains("not the one that was accepted"), "{refused:?}");
}

#[test]
fn what_can_not_be_accepted_is_said() {
    let bare = incident();
    let none = bare.run(&["trust", "--yes"]);
    assert_eq!(none.code, 2, "{none:?}");
    assert!(none.err.contains("can't read doctor.toml") && none.err.contains("`doctor init`"), "{none:?}");
    let silent = checkout("environment = \"staging\"\n").run(&["trust", "--yes"]);
    assert_eq!(silent.code, 2, "{silent:?}");
    assert!(silent.err.contains("doctor.toml:1:1: it names no project"), "{silent:?}");
    let unknown = checkout("project = \"nobodys\"\n").run(&["trust", "--yes"]);
    assert_eq!(unknown.code, 2, "{unknown:?}");
    assert!(unknown.err.contains("there is no project nobodys"), "{unknown:?}");
    assert!(!bare.state().exists());
}

#[test]
fn an_ignore_that_doctor_writes_itself_keeps_the_trust_and_nothing_else_does() {
    for (accepted, expected) in [(true, 0), (false, 2)] {
        let sandbox = Sandbox::of([service("api", &[("A", "stored-one"), ("B", "stored-two")])])
            .file(".env", "A=local-one\nB=local-two\n")
            .file("doctor.toml", "project = \"shop\"\nenvironment = \"staging\"\n")
            .variable("RAILWAY_PROJECT_ID", None)
            .variable("RAILWAY_ENVIRONMENT_ID", None)
            .at_a_terminal();
        if accepted {
            assert_eq!(sandbox.run(&["trust", "--yes"]).code, 0);
        }
        let answers = vec![
            Prepared::Choice(2),
            Prepared::Choice(3),
            Prepared::Line("only at home"),
            Prepared::Choice(2),
            Prepared::Reply(Reply::Yes),
        ];
        let ended = sandbox.answered(&["fix"], answers);
        assert!(sandbox.text("doctor.toml").contains("[[ignore]]"), "{ended:?}");
        let pushed = sandbox.run(&["fix", "--push", "--yes", "--only", "B"]);
        assert_eq!(pushed.code, expected, "{pushed:?}");
    }
}
