//! Selection of project and environment: each source, their precedence, and the number of requests.

use railway_doctor::io::sim::estate::{Environment, Estate, Project, SimService};
use railway_doctor::io::sim::seed::PROJECT_TOKEN;

use crate::binary::{Doctor, Outcome};

/// Two projects, both with an environment `staging`. The value of `A` identifies the environment.
fn two_projects() -> Estate {
    let environment =
        |name: &str, value: &str| Environment::named(name).service(SimService::named("api").variables(&[("A", value)]));
    let shop = Project::named("shop")
        .environment(environment("production", "shop-production"))
        .environment(environment("staging", "shop-staging"));
    let blog = Project::named("blog").environment(environment("staging", "blog-staging"));
    Estate::of("crew").project(shop).project(blog).with_tokens()
}

/// Serves the two projects, without ids in environment variables.
fn doctor() -> Doctor {
    Doctor::new(two_projects())
        .file(".env", "A=shop-staging\n")
        .variable("RAILWAY_PROJECT_ID", None)
        .variable("RAILWAY_ENVIRONMENT_ID", None)
}

/// Returns the ids of a project and one of its environments.
fn ids(doctor: &Doctor, project: &str, environment: &str) -> (String, String) {
    doctor.served.sim.change(|estate| {
        let project = estate.projects.iter().find(|known| known.name == project).unwrap();
        let environment = project.environments.iter().find(|known| known.name == environment).unwrap();
        (project.id.clone(), environment.id.clone())
    })
}

/// Links the parent of the working directory, as `railway link` does.
fn linked(doctor: Doctor, project: &str, environment: &str) -> Doctor {
    let (project, environment) = ids(&doctor, project, environment);
    let parent = doctor.work().canonicalize().unwrap().parent().unwrap().display().to_string();
    let config = serde_json::json!({
        "projects": { parent.clone(): { "projectPath": parent, "project": project, "environment": environment } },
        "user": {},
    });
    std::fs::create_dir_all(doctor.home().join(".railway")).unwrap();
    std::fs::write(doctor.home().join(".railway/config.json"), config.to_string()).unwrap();
    doctor
}

/// Returns the project, the environment, their origin and the number of requests of a report.
fn target(outcome: &Outcome) -> (String, String, String, u64) {
    let report = outcome.report();
    let text = |path: &str| report.pointer(path).unwrap().as_str().unwrap().to_owned();
    (
        text("/target/project/name"),
        text("/target/environment/name"),
        text("/target/origin"),
        report["summary"]["requests"].as_u64().unwrap(),
    )
}

fn expect(doctor: &Doctor, arguments: &[&str], expected: (&str, &str, &str, u64)) {
    let outcome = doctor.check(&[arguments, &["--format", "json"]].concat());
    let (project, environment, origin, requests) = target(&outcome);
    assert_eq!((project.as_str(), environment.as_str(), origin.as_str(), requests), expected, "{arguments:?}");
}

#[test]
fn link_in_a_parent_directory_is_used() {
    expect(&linked(doctor(), "shop", "staging"), &[], ("shop", "staging", "railway link", 2));
}

#[test]
fn variables_override_link_and_doctor_toml_overrides_both() {
    let doctor = linked(doctor(), "shop", "staging");
    let (project, environment) = ids(&doctor, "blog", "staging");
    let doctor =
        doctor.variable("RAILWAY_PROJECT_ID", Some(&project)).variable("RAILWAY_ENVIRONMENT_ID", Some(&environment));
    expect(&doctor, &[], ("blog", "staging", "RAILWAY_PROJECT_ID", 2));
    let (shop, production) = ids(&doctor, "shop", "production");
    let doctor = doctor.file("doctor.toml", format!("project = \"{shop}\"\nenvironment = \"{production}\"\n"));
    expect(&doctor, &[], ("shop", "production", "doctor.toml", 2));
    expect(&doctor, &["--no-config"], ("blog", "staging", "RAILWAY_PROJECT_ID", 2));
    expect(&doctor, &["--project", "shop", "-e", "staging"], ("shop", "staging", "--project", 3));
}

#[test]
fn environment_flag_applies_to_the_linked_project() {
    let doctor = linked(doctor(), "shop", "staging");
    expect(&doctor, &["-e", "production"], ("shop", "production", "railway link", 3));
    let (_, production) = ids(&doctor, "shop", "production");
    expect(&doctor, &["-e", &production], ("shop", "production", "railway link", 2));
}

#[test]
fn fallback_environment_applies_only_to_the_same_project() {
    let doctor = linked(doctor(), "shop", "staging");
    let (shop, _) = ids(&doctor, "shop", "staging");
    expect(&doctor, &["--project", &shop], ("shop", "staging", "--project", 2));
    expect(&doctor, &["--project", "shop"], ("shop", "staging", "--project", 3));
    let outcome = doctor.check(&["--project", "blog"]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(outcome.err.contains("no environment is selected for project blog"), "{outcome:?}");
    assert!(outcome.err.contains("--environment=staging"), "{outcome:?}");
}

#[test]
fn project_token_sets_environment_and_rejects_conflicts() {
    let doctor = doctor().variable("RAILWAY_API_TOKEN", None).variable("RAILWAY_TOKEN", Some(PROJECT_TOKEN));
    expect(&doctor, &[], ("shop", "production", "RAILWAY_TOKEN", 2));
    expect(&doctor, &["--project", "shop", "-e", "production"], ("shop", "production", "RAILWAY_TOKEN", 2));
    for (arguments, fragment) in
        [(["-e", "staging"], "--environment names staging"), (["--project", "blog"], "--project names blog")]
    {
        let outcome = doctor.check(&arguments);
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        assert!(outcome.err.contains(fragment), "{outcome:?}");
    }
    let doctor = doctor.file("doctor.toml", "environment = \"staging\"\n");
    assert!(doctor.check(&[]).err.contains("doctor.toml names staging"));
    // Sources with a lower precedence than the token are ignored.
    let (blog, staging) = ids(&doctor, "blog", "staging");
    let doctor = doctor.variable("RAILWAY_PROJECT_ID", Some(&blog)).variable("RAILWAY_ENVIRONMENT_ID", Some(&staging));
    expect(&doctor, &["--no-config"], ("shop", "production", "RAILWAY_TOKEN", 2));
}

#[test]
fn environment_specific_file_takes_precedence() {
    let doctor = linked(doctor(), "shop", "staging").file(".env.staging", "A=other\n");
    let outcome = doctor.check(&["--format", "json"]);
    assert_eq!(outcome.report()["findings"][0]["places"][0]["file"], ".env.staging");
    let outcome = doctor.check(&["--format", "json", "--env-file", ".env.staging", "--env-file", ".env"]);
    assert_eq!(outcome.code, Some(0), "the last file takes precedence: {outcome:?}");
}

#[test]
fn declared_loader_determines_the_values() {
    let variables = [("HASH", "b"), ("JOINED", "https://shop.example/x"), ("HOST_NAME", "https://shop.example")];
    let environment = Environment::named("production").service(SimService::named("api").variables(&variables));
    let estate = Estate::of("crew").project(Project::named("shop").environment(environment)).with_tokens();
    let env_file = "HASH=b#c\nHOST_NAME=https://shop.example\nJOINED=${HOST_NAME}/x\n";
    let doctor = Doctor::new(estate).file(".env", env_file);
    let differing = |doctor: &Doctor| -> Vec<String> {
        let report = doctor.check(&["--format", "json"]).report();
        let findings = report["findings"].as_array().unwrap();
        let differing = findings.iter().filter(|finding| finding["rule"] == "value-differs");
        differing.map(|finding| finding["key"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        differing(&doctor),
        ["HASH"],
        "without a loader, HASH is compared as written, and JOINED may be expanded"
    );
    for (loader, expected) in [("node", &["JOINED"][..]), ("python", &["HASH"]), ("dotenvy", &["HASH"])] {
        let doctor = doctor.overwrite("doctor.toml", &format!("loader = \"{loader}\"\n"));
        assert_eq!(differing(doctor), expected, "{loader}");
    }
}
