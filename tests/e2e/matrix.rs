//! A large matrix in every format, without values.

use railway_doctor::io::sim::estate::{Environment, Estate, Project, SimService};

use crate::binary::{Doctor, outcome};

const KEYS: usize = 1000;
const SERVICES: usize = 50;

/// Every 7th service differs in every 40th key and lacks the key after it. Every value contains `mark4711`.
fn large_project() -> Doctor {
    let key = |number: usize| format!("SOME_RATHER_LONG_KEY_{number:04}");
    let value = |number: usize| format!("mark4711-{number}");
    let service = |index: usize| {
        let rows: Vec<(String, String)> = (0..KEYS)
            .filter(|number| !index.is_multiple_of(7) || number % 40 != 1)
            .map(|number| {
                let differs = index.is_multiple_of(7) && number.is_multiple_of(40);
                (key(number), if differs { "mark4711-other".to_owned() } else { value(number) })
            })
            .collect();
        let rows: Vec<(&str, &str)> = rows.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        SimService::named(&format!("agentverse-service-{index:02}-staging")).variables(&rows)
    };
    let environment = (0..SERVICES).map(service).fold(Environment::named("staging"), Environment::service);
    let estate = Estate::of("crew").project(Project::named("big").environment(environment)).with_tokens();
    let file: Vec<String> = (0..KEYS).map(|number| format!("{}={}", key(number), value(number))).collect();
    Doctor::new(estate).file(".env", file.join("\n"))
}

#[test]
fn thousand_keys_on_fifty_services_fit_one_page() {
    let doctor = large_project();
    let matrix = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_doctor"));
        command.args(["matrix", "--timeout=60s", "--api-url", &doctor.served.url()]).args(arguments);
        doctor.prepare(&mut command);
        outcome(command.output().unwrap())
    };
    let page = matrix(&["--format", "html"]);
    assert_eq!((page.code, page.err.as_str()), (Some(1), ""), "{}", page.err);
    assert_eq!(
        page.out.matches("<tr data-states=").count(),
        25,
        "25 keys differ; a key that a service never had is no problem"
    );
    assert_eq!(page.out.matches("<tr class=\"folded\"").count(), KEYS - 25);
    assert_eq!(page.out.matches("aria-label=\"differs\"").count(), 25 * 8);
    assert!(!page.out.contains("mark4711"));
    // `.ci/tools/matrix_in_browser.py` opens it.
    std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/matrix-1000x50.html"), &page.out).unwrap();
    for format in ["text", "markdown", "json"] {
        let outcome = matrix(&["--format", format, "-v"]);
        assert_eq!(outcome.code, Some(1), "{format}: {}", outcome.err);
        assert!(outcome.out.contains("SOME_RATHER_LONG_KEY_0999") && !outcome.out.contains("mark4711"), "{format}");
    }
}
