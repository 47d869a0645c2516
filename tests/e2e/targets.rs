//! Whom to look at: each source of project and environment, their order, and what they cost.

use railway_doctor::io::sim::estate::{Environment, Estate, Project, SimService};
use railway_doctor::io::sim::seed::PROJECT_TOKEN;

use crate::binary::{Doctor, Ended};

/// Two projects with the same names of environments; `A` tells them apart.
fn two() -> Estate {
    let environment =
        |name: &str, value: &str| Environment::named(name).service(SimService::named("api").variables(&[("A", value)]));
    let shop = Project::named("shop")
        .environment(environment("production", "shop-production"))
        .environment(environment("staging", "shop-staging"));
    let blog = Project::named("blog").environment(environment("staging", "blog-staging"));
    Estate::of("crew").project(shop).project(blog).with_tokens()
}

/// Beside the two projects, with no ids in the process environment.
fn doctor() -> Doctor {
    Doctor::new(two())
        .file(".env", "A=shop-staging\n")
        .variable("RAILWAY_PROJECT_ID", None)
        .variable("RAILWAY_ENVIRONMENT_ID", None)
}

/// The ids of a project and one of its environments.
fn ids(doctor: &Doctor, project: &str, environment: &str) -> (String, String) {
    doctor.served.sim.change(|estate| {
        let project = estate.projects.iter().find(|known| known.name == project).unwrap();
        let environment = project.environments.iter().find(|known| known.name == environment).unwrap();
        (project.id.clone(), environment.id.clone())
    })
}

/// Links the folder above the working folder, as `railway link` does.
fn linked(doctor: Doctor, project: &str, environment: &str) -> Doctor {
    let (project, environment) = ids(&doctor, project, environment);
    let above = doctor.work().canonicalize().unwrap().parent().unwrap().display().to_string();
    let config = serde_json::json!({
        "projects": { above.clone(): { "projectPath": above, "project": project, "environment": environment } },
        "user": {},
    });
    std::fs::create_dir_all(doctor.home().join(".railway")).unwrap();
    std::fs::write(doctor.home().join(".railway/config.json"), config.to_string()).unwrap();
    doctor
}

/// Project, environment, origin and requests of a report.
fn target(ended: &Ended) -> (String, String, String, u64) {
    let report = ended.report();
    let text = |path: &str| report.pointer(path).unwrap().as_str().unwrap().to_owned();
    (
        text("/target/project/name"),
        text("/target/environment/name"),
        text("/target/origin"),
        report["summary"]["requests"].as_u64().unwrap(),
    )
}

fn expect(doctor: &Doctor, arguments: &[&str], expected: (&str, &str, &str, u64)) {
    let ended = doctor.check(&[arguments, &["--format", "json"]].concat());
    let (project, environment, origin, requests) = target(&ended);
    assert_eq!((project.as_str(), environment.as_str(), origin.as_str(), requests), expected, "{arguments:?}");
}

#[test]
fn link_in_a_parent_folder_is_used() {
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
    let ended = doctor.check(&["--project", "blog"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("no environment is named for project blog"), "{ended:?}");
    assert!(ended.err.contains("--environment=staging"), "{ended:?}");
}

#[test]
fn project_token_sets_environment_and_rejects_conflicts() {
    let doctor = doctor().variable("RAILWAY_API_TOKEN", None).variable("RAILWAY_TOKEN", Some(PROJECT_TOKEN));
    expect(&doctor, &[], ("shop", "production", "RAILWAY_TOKEN", 2));
    expect(&doctor, &["--project", "shop", "-e", "production"], ("shop", "production", "RAILWAY_TOKEN", 2));
    for (arguments, word) in
        [(["-e", "staging"], "--environment says staging"), (["--project", "blog"], "--project says blog")]
    {
        let ended = doctor.check(&arguments);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains(word), "{ended:?}");
    }
    let doctor = doctor.file("doctor.toml", "environment = \"staging\"\n");
    assert!(doctor.check(&[]).err.contains("doctor.toml says staging"));
    // What stands below the token does not matter to it.
    let (blog, staging) = ids(&doctor, "blog", "staging");
    let doctor = doctor.variable("RAILWAY_PROJECT_ID", Some(&blog)).variable("RAILWAY_ENVIRONMENT_ID", Some(&staging));
    expect(&doctor, &["--no-config"], ("shop", "production", "RAILWAY_TOKEN", 2));
}

#[test]
fn environment_specific_file_takes_precedence() {
    let doctor = linked(doctor(), "shop", "staging").file(".env.staging", "A=other\n");
    let ended = doctor.check(&["--format", "json"]);
    assert_eq!(ended.report()["findings"][0]["places"][0]["file"], ".env.staging");
    let ended = doctor.check(&["--format", "json", "--env-file", ".env.staging", "--env-file", ".env"]);
    assert_eq!(ended.code, Some(0), "the later layer wins: {ended:?}");
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
    assert_eq!(differing(&doctor), ["HASH", "JOINED"], "as written, where loaders part");
    for (loader, expected) in [("node", &["JOINED"][..]), ("python", &["HASH"]), ("dotenvy", &["HASH"])] {
        let doctor = doctor.overwrite("doctor.toml", &format!("loader = \"{loader}\"\n"));
        assert_eq!(differing(doctor), expected, "{loader}");
    }
}
