//! No output contains a value: the values on both sides contain a marker, and the output of every format, verbosity and
//! failure is searched for it.

use std::panic;

use railway_doctor::drift::Secret;
use railway_doctor::drift::dotenv::LocalFile;
use railway_doctor::drift::model::variable::Variable;
use railway_doctor::io::process::panic_message;
use railway_doctor::io::sim::estate::{Environment, Estate, Project, SimService};
use railway_doctor::io::sim::fault::Fault;

use crate::binary::{Doctor, Outcome};

/// Part of every value, so that one search finds them all.
const MARK: &str = "mark4711";

/// Values of every kind on Railway; the local values are equal, different, malformed or misplaced.
fn marked() -> Doctor {
    let api = SimService::named("api")
        .variables(&[
            ("DIFFERS", "mark4711-stored"),
            ("SAME", "mark4711-same"),
            ("SPACED", " mark4711-spaced "),
            ("QUOTED", "\"mark4711-quoted\""),
            ("REFERENCE", "pre-mark4711-${{shared.SHARED}}-${{worker.OTHER}}"),
            ("DANGLING", "${{missing.KEY}}mark4711"),
            ("ONLY_HERE", "mark4711-only-here"),
            ("URL", "https://user:mark4711@example.com/"),
            ("PLACEHOLDER", "<mark4711>"),
            ("LINES", "mark4711\nmark4711\n"),
        ])
        .sealed("SEALED", "mark4711-sealed");
    let worker = SimService::named("worker").variables(&[("OTHER", "mark4711-other"), ("DIFFERS", "mark4711-third")]);
    let environment =
        Environment::named("production").shared(&[("SHARED", "mark4711-shared")]).service(api).service(worker);
    let estate = Estate::of("crew").project(Project::named("shop").environment(environment)).with_tokens();
    Doctor::new(estate).file(
        ".env",
        "DIFFERS=mark4711-local\nSAME=mark4711-same\nSPACED=mark4711-spaced\nQUOTED=mark4711-quoted\n\
         REFERENCE=mark4711-literal\nSEALED=mark4711-mine\nMISSING_KEY='mark4711-missing'\nmark4711 without a key\n\
         =mark4711\nBROKEN=\"mark4711 never closed\nSAME=mark4711-again\nURL=http://user:mark4711@example.com\n\
         LIVE=${HOME}mark4711\n'odd key'=mark4711\nLINES=\"mark4711\\nmark4711\"\n\
         PEM=-----BEGIN PRIVATE KEY-----\nMIIBmark4711+/\nmark4711==\n-----END PRIVATE KEY-----\n",
    )
}

fn assert_no_value(name: &str, outcome: &Outcome) {
    // Names of keys and services may be printed; none of them contains the marker.
    assert!(!outcome.out.contains(MARK), "{name}: standard output contains a value");
    assert!(!outcome.err.contains(MARK), "{name}: standard error contains a value");
}

#[test]
fn no_format_or_verbosity_prints_a_value() {
    let doctor =
        marked().file("doctor.toml", "[[require]]\nkeys = [\"DIFFERS\", \"REFERENCE\", \"MISSING_EVERYWHERE\"]\n");
    for arguments in [
        &[][..],
        &["-v"],
        &["-q"],
        &["--color", "always", "-v"],
        &["--format", "json"],
        &["--format", "json", "-v"],
        &["--format", "html"],
        &["--fail-on", "never"],
        &["--only", "DIFFERS"],
        &["--service", "api", "--service", "worker"],
    ] {
        let outcome = doctor.check(arguments);
        assert!(matches!(outcome.code, Some(0 | 1)), "{arguments:?}: {outcome:?}");
        assert!(outcome.out.contains("DIFFERS"), "{arguments:?}: {outcome:?}");
        assert_no_value(&format!("{arguments:?}"), &outcome);
    }
}

#[test]
fn report_file_contains_no_value() {
    let doctor = marked();
    let outcome = doctor.check(&["-v", "--output", "report.txt"]);
    assert_no_value("--output", &outcome);
    let report = std::fs::read_to_string(doctor.work().join("report.txt")).unwrap();
    assert!(report.contains("DIFFERS") && !report.contains(MARK));
}

#[test]
fn no_failure_prints_a_value() {
    let error = |text: &str| format!(r#"{{"errors":[{{"message":{}}}],"data":null}}"#, serde_json::json!(text));
    let faults = [
        ("a message with a local value", Fault::reply(200, &error("bad value mark4711-local here"))),
        ("a message with an escaped local value", Fault::reply(200, &error("bad \\\"mark4711-local\\\""))),
        ("an HTML page with a value", Fault::reply(200, "<html>mark4711-stored</html>")),
        ("truncated JSON with a value", Fault::reply(200, "{\"data\":{\"stored_0\":{\"A\":\"mark4711-stored\"")),
        (
            "an unexpected shape",
            Fault::reply(200, "{\"data\":{\"stored_0\":\"mark4711\",\"rendered_0\":[\"mark4711\"]}}"),
        ),
        ("a redirect with a value", Fault::reply(302, "").header("location", "https://example.com/mark4711")),
        ("a gateway error with a value", Fault::reply(502, "mark4711-stored")),
    ];
    for operation in ["Environment", "Values"] {
        for (name, fault) in faults.clone() {
            let doctor = marked();
            doctor.served.sim.fault(fault.on(operation).permanent());
            let outcome = doctor.check(&["-v", "--timeout", "2s"]);
            assert!(outcome.code != Some(0) && outcome.code != Some(101), "{operation}, {name}: {outcome:?}");
            assert_no_value(&format!("{operation}, {name}"), &outcome);
        }
    }
}

#[test]
fn invalid_input_is_not_quoted() {
    for (name, doctor) in [
        ("a value in doctor.toml", marked().file("doctor.toml", "environment = [\"mark4711\"]\n")),
        ("a value as severity", marked().file("doctor.toml", "[severity]\nsealed = \"mark4711\"\n")),
        ("invalid doctor.toml", marked().file("doctor.toml", "environment = \"mark4711\n")),
        ("a token with a space", marked().variable("RAILWAY_API_TOKEN", Some("mark4711 mark4711"))),
        ("an unknown token", marked().variable("RAILWAY_API_TOKEN", Some("mark4711"))),
        ("a token of the wrong kind", marked().variable("RAILWAY_TOKEN", Some("mark4711"))),
    ] {
        let outcome = doctor.check(&[]);
        assert!(matches!(outcome.code, Some(2 | 4)), "{name}: {outcome:?}");
        assert_no_value(name, &outcome);
    }
    let doctor = marked();
    std::fs::create_dir_all(doctor.home().join(".railway")).unwrap();
    let config = r#"{"projects":{},"user":{"accessToken":"mark4711-access","refreshToken":"mark4711-refresh","tokenExpiresAt":1}"#;
    std::fs::write(doctor.home().join(".railway/config.json"), config).unwrap();
    let doctor = doctor.variable("RAILWAY_API_TOKEN", None).variable("RAILWAY_PROJECT_ID", None);
    assert_no_value("an invalid config of the Railway CLI", &doctor.check(&["-v"]));
}

#[test]
fn debug_output_contains_no_value() {
    let secret = || Secret::new("mark4711");
    let file = LocalFile::parse(".env", Secret::new("A=mark4711\nB='mark4711\n"));
    let reference = Variable::Reference { template: secret(), rendered: Some(secret()) };
    for text in [
        format!("{:?}", secret()),
        format!("{file:?}"),
        format!("{reference:?}"),
        format!("{:#?}", Variable::Plain(secret())),
    ] {
        assert!(
            !text.contains(MARK) && text.contains("•••"),
            "Debug output of {} characters is not redacted",
            text.len()
        );
    }
    let doctor = marked();
    doctor.check(&[]);
    for asked in doctor.served.sim.requests() {
        assert!(!format!("{asked:?}").contains(MARK));
    }
}

#[test]
fn panic_message_has_location_and_no_value() {
    let message = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let written = std::sync::Arc::clone(&message);
    let default_hook = panic::take_hook();
    panic::set_hook(Box::new(move |panic| *written.lock().unwrap() = panic_message(panic.location())));
    let result = panic::catch_unwind(|| {
        // The default message of a panic for a slice inside a character quotes the whole string.
        let value = Secret::new("mark4711-ü");
        value.expose()[..value.expose().len() - 1].len()
    });
    panic::set_hook(default_hook);
    assert!(result.is_err());
    let message = message.lock().unwrap();
    assert!(message.contains("leaks.rs") && message.contains("help:") && !message.contains(MARK), "{message}");
}
