//! Names in `doctor.toml` that do not exist: the position, the suggestion, and no mention of a flag.

use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::Sandbox;

const HEAD: &str = "project = \"shop\"\nenvironment = \"staging\"\n";

fn shop(config: &str) -> Sandbox {
    let services = [service("api", &[("A", "1"), ("B", "2")]), service("worker", &[("A", "1")])];
    Sandbox::of(services).file(".env", "A=1\nB=2\n").file("doctor.toml", config)
}

fn refused(config: &str) -> String {
    let ended = shop(config).run(&["check"]);
    assert_eq!(ended.code, 2, "{config}: {ended:?}");
    ended.text()
}

#[test]
fn unknown_names_have_position_and_suggestion() {
    const SERVICE: &str = "environment staging has no service `apo` help: did you mean `api`?";
    const ENVIRONMENT: &str = "project shop has no environment `stagin` help: did you mean `staging`?";
    for (config, place, message) in [
        ("[services.api]\nname = \"apo\"\n", "4:8", SERVICE),
        ("[services.apo]\n", "3:11", SERVICE),
        ("[services]\napi = { commit = \"HEAD\", name = \"apo\" }\n", "4:33", SERVICE),
        ("services.api.name = \"apo\"\n", "3:21", SERVICE),
        ("[[require]]\nkeys = [\"A\"]\nservices = [\"api\", \"apo\"]\n", "5:20", SERVICE),
        ("[[ignore]]\nkeys = [\"A\"]\nreason = \"x\"\nservices = [\n  \"api\",\n\t\"apo\",\n]\n", "8:2", SERVICE),
        ("[[expect.log]]\nservice = \"apo\"\ncontains = \"x\"\n", "4:11", SERVICE),
        ("[[expect.http]]\nservice = \"apo\"\nrequest = \"GET /\"\nstatus = 200\n", "4:11", SERVICE),
        ("[environments.stagin]\nprotected = true\n", "3:15", ENVIRONMENT),
        ("environments.\"stagin\".protected = true\n", "3:14", ENVIRONMENT),
        ("[[ignore]]\nkeys = [\"A\"]\nreason = \"ä\"\nenvironments = [\"staging\", \"stagin\"]\n", "6:28", ENVIRONMENT),
        ("ignore = [{ reason = \"ä🚂\", keys = [\"A\"], environments = [\"stagin\"] }]\n", "3:58", ENVIRONMENT),
        (
            "[[ignore]]\nkeys = [\"A\"]\nreason = \"x\"\nrules = [\"sealed\", \"value-difers\"]\n",
            "6:20",
            "`rules` in [[ignore]] contains an unknown rule help: did you mean `value-differs`?",
        ),
    ] {
        let unix = format!("{HEAD}{config}");
        for text in [unix.clone(), unix.replace('\n', "\r\n"), format!("\u{feff}{unix}")] {
            let err = refused(&text);
            assert!(err.contains(&format!("error: doctor.toml:{place}: {message}")), "{text:?}: {err}");
            assert!(!err.contains("--"), "{text:?}: {err}");
        }
    }
}

#[test]
fn unknown_project_and_environment_have_a_position() {
    const UNKNOWN: &str = "c0ffee11-0000-4000-8000-000000000009";
    const NOT_FOUND: &str = "not found, or not visible to this token help: correct it, use a token";
    let (project, environment) = shop("").sim.change(|estate| {
        let project = &estate.projects[0];
        (project.id.clone(), project.environments[0].id.clone())
    });
    for (config, expected) in [
        ("project = \"shp\"\nenvironment = \"staging\"\n".to_owned(), "1:11: project `shp`".to_owned()),
        (
            "project = \"shop\"\nenvironment = \"stagin\"\n".to_owned(),
            "2:15: project shop has no environment `stagin` help: did you mean `staging`?".to_owned(),
        ),
        (
            format!("project = \"{UNKNOWN}\"\nenvironment = \"{environment}\"\n"),
            format!("1:11: project `{UNKNOWN}`: {NOT_FOUND}"),
        ),
        (
            format!("project = \"{project}\"\nenvironment = \"{UNKNOWN}\"\n"),
            format!("2:15: environment `{UNKNOWN}`: {NOT_FOUND}"),
        ),
    ] {
        let err = refused(&config);
        assert!(err.contains(&format!("error: doctor.toml:{expected}")), "{config}: {err}");
        assert!(!err.contains("--"), "{config}: {err}");
    }
}

#[test]
fn environment_without_similar_name_is_a_remark() {
    let ended = shop(&format!("{HEAD}[environments.production]\nprotected = true\n")).run(&["check"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.text().contains("doctor.toml:3:15: project shop has no environment `production`"), "{ended:?}");
    let two =
        shop(&format!("{HEAD}[environments.production]\nprotected = true\n[environments.eu]\nprotected = true\n"));
    let ended = two.run(&["check"]);
    assert_eq!((ended.code, ended.text().matches("project shop has no environment").count()), (0, 2), "{ended:?}");
    let typo = "[environments.abcxyz]\nprotected = true\n[environments.stagng]\nprotected = true\n";
    let err = refused(&format!("{HEAD}{typo}"));
    assert!(err.contains("doctor.toml:5:15: project shop has no environment `stagng`"), "{err}");
}

#[test]
fn known_environments_cost_no_request() {
    let config = "[environments.production]\nprotected = true\n[[ignore]]\nkeys = [\"A\"]\nreason = \"x\"\n\
                  environments = [\"production\"]\n";
    let sandbox = shop(config);
    sandbox.sim.change(|estate| {
        estate.projects[0].environments.push(crate::io::sim::estate::Environment::named("production"));
    });
    let ended = sandbox.run(&["check"]);
    assert_eq!((ended.code, sandbox.sim.count()), (0, 2), "{ended:?}");
    // The sections of `doctor.toml` are about its own project.
    let ended = shop("[environments.gone]\nprotected = true\n").run(&["check", "--project", "shop", "-e", "staging"]);
    assert_eq!(ended.code, 0, "{ended:?}");
}
