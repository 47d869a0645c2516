//! Local values are pushed only to a target that a flag, the link, an environment variable or a token selects. An
//! unaccepted `doctor.toml` and other files in the checkout do not count.

use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::drift::{ResourceRef, Secret};
use crate::io::credentials::Logins;
use crate::io::railway::transport::Scheme;
use crate::io::sim::Sim;
use crate::io::sim::estate::{Environment, Estate, Project, SimVariable};
use crate::io::sim::fault::Fault;
use crate::io::sim::seed::{ACCOUNT_TOKEN, PROJECT_TOKEN};

/// The host of the stored logins.
const HOST: &str = "backboard.railway.com";

const PUSH: &[&str] = &["fix", "--push", "--yes", "--only", "A"];

/// Returns a project with `staging` and `live`, neither of which is selected.
fn sandbox() -> Sandbox {
    let environment = |name| Environment::named(name).service(service("api", &[("A", "stored")]));
    let project = Project::named("shop").environment(environment("staging")).environment(environment("live"));
    Sandbox::new(Sim::new(Estate::of("crew").project(project).with_tokens()))
        .variable("RAILWAY_PROJECT_ID", None)
        .variable("RAILWAY_ENVIRONMENT_ID", None)
        .file(".env", "A=local\n")
}

/// Returns the project's id, and those of its environments.
fn ids(sandbox: &Sandbox) -> [String; 3] {
    sandbox.sim.change(|estate| {
        let project = &estate.projects[0];
        [project.id.clone(), project.environments[0].id.clone(), project.environments[1].id.clone()]
    })
}

/// Returns the stored value in each environment: `stored` or `local`.
fn stored(sandbox: &Sandbox) -> Vec<String> {
    sandbox.sim.change(|estate| {
        let environments = estate.projects[0].environments.iter();
        let value = |environment: &Environment| match &environment.services[0].variables["A"] {
            SimVariable::Open(text) | SimVariable::Sealed(text) => text.expose().to_owned(),
        };
        environments.map(value).collect()
    })
}

/// Adds a link of the working directory to the Railway CLI's file in the home directory.
fn linked(sandbox: Sandbox, project: &str, environment: &str) -> Sandbox {
    let links = serde_json::json!({ "user": {}, "projects": { (sandbox.work().to_str().unwrap()): {
        "projectPath": sandbox.work(), "name": "shop", "project": project,
        "environment": environment, "environmentName": "staging", "service": null,
    }}});
    let folder = sandbox.home().join(".railway");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.json"), links.to_string()).unwrap();
    sandbox
}

fn assert_refused(sandbox: &Sandbox, ended: &Ended, message: &str) {
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.err.contains(message), "{message}: {ended:?}");
    assert_eq!(stored(sandbox), ["stored", "stored"]);
}

#[test]
fn printed_command_has_names_and_no_flag_that_the_link_makes_redundant() {
    let [project, staging, live] = ids(&sandbox());
    let flags_of = |place: Sandbox, flags: &[&str]| {
        let run = place.run(&[&["check"], flags].concat());
        let command = run.out.lines().find_map(|line| line.trim().strip_prefix("doctor fix --only A"));
        command.unwrap_or_else(|| panic!("{run:?}")).trim().to_owned()
    };
    let link = || linked(sandbox(), &project, &staging);
    assert_eq!(flags_of(link(), &[]), "");
    assert_eq!(flags_of(link(), &["-e", &live]), "--environment=live");
    assert_eq!(flags_of(link(), &["--project", &project]), "");
    assert_eq!(flags_of(link(), &["-s", "AP"]), "--service=api");
    let elsewhere = linked(sandbox(), &project.replace('0', "1"), &staging);
    let flags = ["--project", project.as_str(), "-e", staging.as_str()];
    assert_eq!(flags_of(elsewhere, &flags), format!("--project={project} --environment=staging"));
    let with_variable = link().variable("RAILWAY_ENVIRONMENT_ID", Some(&live));
    let flags = ["--project", project.as_str()];
    assert_eq!(flags_of(with_variable, &flags), format!("--project={project}"));
}

#[test]
fn unaccepted_file_cannot_change_environment() {
    let [project, staging, live] = ids(&sandbox());
    let by_name = |environment: &str| format!("environment = \"{environment}\"\n");
    let with_project = |environment: &str| format!("project = \"{project}\"\nenvironment = \"{environment}\"\n");
    for text in [by_name("live"), by_name(&live), with_project("live"), with_project(&live)] {
        let link = || linked(sandbox().file("doctor.toml", &text), &project, &staging);
        let variables = || {
            let sandbox = sandbox().file("doctor.toml", &text).variable("RAILWAY_PROJECT_ID", Some(&project));
            sandbox.variable("RAILWAY_ENVIRONMENT_ID", Some(&staging))
        };
        for sandbox in [link(), variables()] {
            let refused = sandbox.run(PUSH);
            assert_refused(&sandbox, &refused, "only doctor.toml names the environment live");
            assert!(
                refused.err.contains("`doctor trust`") && refused.err.contains("\n    --environment=live\n"),
                "{refused:?}"
            );
            // `check` sends no values.
            assert_eq!(sandbox.run(&["check"]).code, 1);
            let by_flag = sandbox.run(&[PUSH, &["--environment", "staging"]].concat());
            assert_eq!((by_flag.code, stored(&sandbox)), (0, vec!["local".into(), "stored".into()]), "{by_flag:?}");
        }
        let sandbox = link();
        assert_eq!(sandbox.run(&["trust", "--yes"]).code, 0);
        assert_eq!((sandbox.run(PUSH).code, stored(&sandbox)), (0, vec!["stored".into(), "local".into()]), "{text}");
    }
    for text in [by_name("staging"), by_name(&staging), with_project("staging"), with_project(&staging)] {
        let sandbox = linked(sandbox().file("doctor.toml", &text), &project, &staging);
        let pushed = sandbox.run(PUSH);
        assert_eq!((pushed.code, stored(&sandbox)), (0, vec!["local".into(), "stored".into()]), "{text}: {pushed:?}");
    }
}

#[test]
fn project_and_environment_must_both_be_confirmed() {
    let [project, staging, _] = ids(&sandbox());
    let text = format!("project = \"{project}\"\nenvironment = \"staging\"\n");
    let flags = |words: &[&str]| {
        let sandbox = sandbox().file("doctor.toml", &text);
        (sandbox.run(&[PUSH, words].concat()), sandbox)
    };
    let (ended, sandbox) = flags(&["--project", "shop"]);
    assert_refused(&sandbox, &ended, "only doctor.toml names the environment staging");
    let (ended, sandbox) = flags(&["--environment", "staging"]);
    assert_refused(&sandbox, &ended, "only doctor.toml names the project shop");
    for words in [&["--project", "shop", "--environment", "staging"][..], &["--project", &project, "-e", &staging]] {
        assert_eq!(flags(words).0.code, 0);
    }
    let token = crate::commands::tests::target_sources::sandbox().file("doctor.toml", &text);
    let token = token.variable("RAILWAY_API_TOKEN", None).variable("RAILWAY_TOKEN", Some(PROJECT_TOKEN));
    assert_eq!(token.run(PUSH).code, 0, "a project token is for one environment");
}

#[test]
fn project_named_like_linked_id_is_not_trusted() {
    let sandbox = sandbox().file("doctor.toml", "project = \"p-evil\"\nenvironment = \"staging\"\n");
    let [project, staging, _] = ids(&sandbox);
    sandbox.sim.change(|estate| {
        // An attacker has named the project like the id of the linked one.
        estate.projects[0].id = "p-evil".to_owned();
        estate.projects[0].name.clone_from(&project);
    });
    let sandbox = linked(sandbox, &project, &staging);
    let refused = sandbox.run(PUSH);
    assert_eq!((refused.code, sandbox.sim.mutations().len()), (2, 0), "{refused:?}");
    assert!(refused.err.contains("only doctor.toml names the project"), "{refused:?}");
}

#[test]
fn link_and_trust_record_inside_checkout_are_ignored() {
    let [project, staging, _] = ids(&sandbox());
    // The repository contains the working directory, the home directory and the state directory.
    let repository = |sandbox: Sandbox| sandbox.file("../.git/HEAD", "ref: refs/heads/main\n");
    let inside = linked(repository(sandbox()), &project, &staging);
    let refused = inside.run(PUSH);
    assert_refused(&inside, &refused, "config.json names the project shop and the environment staging");
    assert!(refused.err.contains("that file is inside the checkout"), "{refused:?}");
    assert!(refused.err.contains("\n    --project=shop --environment=staging\n"), "{refused:?}");
    assert_eq!(inside.run(&["check"]).code, 1, "check sends no values");
    let by_flags = inside.run(&[PUSH, &["--project", "shop", "--environment", "staging"]].concat());
    assert_eq!(by_flags.code, 0, "{by_flags:?}");

    let text = format!("project = \"{project}\"\nenvironment = \"staging\"\n");
    let trusted = sandbox().file("doctor.toml", &text);
    assert_eq!(trusted.run(&["trust", "--yes"]).code, 0);
    let inside = repository(trusted);
    assert_refused(&inside, &inside.run(PUSH), "only doctor.toml names the project shop and the environment staging");
    let kept = inside.run(&["trust", "--yes"]);
    assert_eq!(kept.code, 2, "{kept:?}");
    assert!(kept.err.contains("is inside the checkout") && kept.err.contains("XDG_STATE_HOME"), "{kept:?}");
}

#[test]
#[cfg(unix)]
fn link_writable_by_others_is_ignored() {
    use std::os::unix::fs::PermissionsExt;
    let [project, staging, _] = ids(&sandbox());
    for (mode, expected) in [(0o666, 2), (0o600, 0)] {
        let sandbox = linked(sandbox(), &project, &staging);
        let path = sandbox.home().join(".railway/config.json");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        let ended = sandbox.run(PUSH);
        assert_eq!(ended.code, expected, "{mode:o}: {ended:?}");
        assert_eq!(ended.err.contains("is writable by other users"), expected == 2, "{ended:?}");
    }
}

#[test]
fn unaccepted_file_cannot_choose_between_project_tokens() {
    let [project, staging, live] = ids(&sandbox());
    let named = |id: &str, name: &str| ResourceRef { id: id.to_owned(), name: name.to_owned() };
    let text = format!("project = \"{project}\"\nenvironment = \"staging\"\n");
    let mut sandbox = sandbox().file("doctor.toml", &text).variable("RAILWAY_API_TOKEN", None);
    sandbox.host = Some(HOST);
    let mut logins = Logins::default();
    logins.add(named(&project, "shop"), named(&staging, "staging"), Secret::new(PROJECT_TOKEN));
    logins.store(&sandbox.keyring, HOST).unwrap();
    assert_eq!(sandbox.run(PUSH).code, 0, "there is only one token");
    sandbox.sim.change(|estate| {
        let own = &mut estate.projects[0].environments[0].services[0].variables;
        own.insert("A".to_owned(), SimVariable::Open(Secret::new("stored")));
    });
    logins.add(named(&project, "shop"), named(&live, "live"), Secret::new("another-token"));
    logins.store(&sandbox.keyring, HOST).unwrap();
    let refused = sandbox.run(PUSH);
    assert_refused(&sandbox, &refused, "only doctor.toml names the project shop and the environment staging");
    assert_eq!(sandbox.run(&["trust", "--yes"]).code, 0);
    assert_eq!(sandbox.run(PUSH).code, 0);
}

#[test]
fn response_for_other_environment_is_rejected() {
    for words in [&PUSH[1..], &["--push", "--dry-run"], &["--pull", "--yes"], &["--redeploy", "--yes"]] {
        let sandbox = sandbox();
        let [project, _, live] = ids(&sandbox);
        sandbox.run(&["check", "--project", &project, "--environment", &live]);
        let request = sandbox.sim.requests().into_iter().find(|asked| asked.operation == "Environment").unwrap();
        let token = Secret::new(ACCOUNT_TOKEN);
        let reply = sandbox.sim.respond(request.body.expose(), Some((Scheme::Bearer, &token))).unwrap();
        let body = String::from_utf8(reply.body.to_vec()).unwrap();
        sandbox.sim.fault(Fault::reply(200, &body).on("Environment").permanent());
        let ended = sandbox.run(&[&["fix"], words, &["--project", &project, "--environment", "staging"]].concat());
        assert_eq!(ended.code, 5, "{words:?}: {ended:?}");
        assert!(ended.err.contains("the response is for a different environment"), "{ended:?}");
        assert_eq!((stored(&sandbox), sandbox.text(".env")), (vec!["stored".to_owned(); 2], "A=local\n".to_owned()));
        let check = sandbox.run(&["check", "--project", "shop", "--environment", "staging"]);
        assert_eq!((check.code, check.out.is_empty()), (5, true), "{check:?}");
    }
}

#[test]
fn deployment_of_other_environment_is_not_redeployed() {
    let sandbox = sandbox();
    let [project, staging, live] = ids(&sandbox);
    let sandbox = linked(sandbox, &project, &staging);
    let question = serde_json::json!({
        "operationName": "PreWriteState", "query": "query PreWriteState { }", "variables": { "projectId": project, "environmentId": live },
    });
    let token = Secret::new(ACCOUNT_TOKEN);
    let reply = sandbox.sim.respond(&question.to_string(), Some((Scheme::Bearer, &token))).unwrap();
    let body = String::from_utf8(reply.body.to_vec()).unwrap();
    sandbox.sim.fault(Fault::reply(200, &body).on("PreWriteState").permanent());
    let ended = sandbox.run(PUSH);
    assert_eq!((ended.code, sandbox.sim.mutations().len()), (5, 0), "{ended:?}");
    assert!(ended.err.contains("the response is for a different environment"), "{ended:?}");
}
