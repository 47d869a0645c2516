//! A value with copies in every form, before and after a rotation, and generated values.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use railway_doctor::io::sim::Sim;
use railway_doctor::io::sim::deployment::SimDeployment;
use railway_doctor::io::sim::estate::{Environment, Estate, Project, SimService, SimVariable};
use railway_doctor::io::sim::status_timeline::StatusTimeline;
use serde_json::{Value, json};

use crate::bad_responses::ScriptedResponse;
use crate::fixture::normal_responses;
use crate::leak_scan::FilesBefore;
use crate::leaks::{NEW_SECRET, VERBOSITIES, run_scanned};
use crate::parallel::{Job, PARALLEL_JOBS, ensure, run_jobs};
use crate::run::{RunOutput, Sandbox, Watch, with_production_token};
use crate::server::{Backend, Script, Server};

/// The value before the rotation, with characters that encodings treat differently.
const OLD_SECRET: &str = r#"mark4711/0ld+k=y"ü% &mark4711"#;

const FORMATS: [&str; 7] = ["text", "json", "sarif", "github", "junit", "markdown", "html"];

/// Escapes every byte that is special in some part of a URL.
fn percent(value: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    value.bytes().map(escape).collect()
}

/// Service, key, and the stored text with the value. Each form is written independently of `doctor`.
fn copies(value: &str) -> Vec<(&'static str, &'static str, String)> {
    let lower = percent(value).replace("%2F", "%2f").replace("%2B", "%2b").replace("%3D", "%3d");
    let document = json!({ "client": "shop", "key": value }).to_string();
    vec![
        ("api", "API_KEY", value.to_owned()),
        ("api", "AUTHORIZATION", format!("Basic {}", STANDARD.encode(format!("ops:{value}")))),
        ("api", "CLIENTS", document.clone()),
        ("worker", "API_KEY", value.to_owned()),
        ("worker", "BROKER_URL", format!("amqps://shop:{}@mq.example.com/pay", percent(value))),
        ("worker", "CALLBACK_URL", format!("https://example.com/hook?queue=ops&key={lower}")),
        ("worker", "ENCODED", STANDARD.encode(value)),
        ("worker", "ENCODED_FOR_URLS", URL_SAFE_NO_PAD.encode(value)),
        ("worker", "DOCUMENT", STANDARD.encode(document)),
    ]
}

fn service(name: &'static str, plan: &StatusTimeline) -> SimService {
    let copies = copies(OLD_SECRET);
    let own: Vec<(&str, &str)> =
        copies.iter().filter(|(of, ..)| *of == name).map(|(_, key, text)| (*key, text.as_str())).collect();
    let running = SimDeployment::serving("2026-11-09T16:20:47.902Z");
    SimService::named(name).repository("crew/shop").variables(&own).deployed(running).plan(plan.clone())
}

fn estate(plan: &StatusTimeline) -> Estate {
    let reports = SimService::named("reports").repository("crew/shop").variables(&[("KEY", "${{shared.SHARED_KEY}}")]);
    let staging = Environment::named("staging")
        .shared(&[("SHARED_KEY", OLD_SECRET)])
        .service(service("api", plan))
        .service(reports.plan(plan.clone()))
        .service(service("worker", plan));
    // Another environment with the value, and with others that are only read.
    let live = SimService::named("api")
        .repository("crew/shop")
        .variables(&[("API_KEY", OLD_SECRET), ("LIVE_KEY", "mark4711-live-9Qw2")]);
    let project =
        Project::named("shop").environment(staging).environment(Environment::named("production").service(live));
    with_production_token(Estate::of("crew").project(project).with_tokens())
}

/// The build fails, and its log has the new value in several encodings.
fn failing() -> StatusTimeline {
    let lines = [
        format!("got {NEW_SECRET}"),
        format!("Authorization: Basic {}", STANDARD.encode(format!("ops:{NEW_SECRET}"))),
        format!("GET /hook?key={} 401", percent(NEW_SECRET)),
        format!("{{\"key\":{}}}", Value::from(NEW_SECRET)),
        format!("previously {OLD_SECRET}, in base64 {}", STANDARD.encode(OLD_SECRET)),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    StatusTimeline::failing_build(&format!("got {NEW_SECRET}")).building("FAILED", &lines).with_log("FAILED", &lines)
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(".env", &format!("API_KEY='{OLD_SECRET}'\nCALLBACK_KEY='{OLD_SECRET}'\nMODE=plain\n"));
    sandbox.write(".gitignore", ".env\n");
    sandbox.make_repository();
    sandbox
}

/// The stored text of a variable of the first environment.
fn stored(backend: &Backend, service: &str, key: &str) -> String {
    backend.sim.change(|estate| {
        match &estate.projects[0].environments[0].service_named(service).unwrap().variables[key] {
            SimVariable::Open(text) | SimVariable::Sealed(text) => text.expose().to_owned(),
        }
    })
}

/// A run of `trace` or `rotate`, and how it ends.
struct Case {
    name: &'static str,
    args: &'static [&'static str],
    plan: fn() -> StatusTimeline,
    script: fn() -> Script,
    code: i32,
    /// Whether all copies have the new value afterwards.
    replaces: bool,
}

const ALL_COPIES: &[&str] =
    &["rotate", "API_KEY", "--stdin", "--yes", "--all-copies", "--keep-old-as=API_KEY_PREVIOUS"];

const WITH_LOGS: &[&str] = &["rotate", "API_KEY", "--stdin", "--yes", "--all-copies", "--show-logs"];

/// Quotes both values in a rejection.
fn quoting(operation: &'static str) -> Script {
    let quoted = |value: &str| {
        let forms = [value.to_owned(), percent(value), STANDARD.encode(value), URL_SAFE_NO_PAD.encode(value)];
        forms.map(|text| json!({ "message": format!("can't store {text}"), "path": [text] }))
    };
    let errors: Vec<Value> = [NEW_SECRET, OLD_SECRET].iter().flat_map(|value| quoted(value)).collect();
    let body = json!({ "errors": errors, "data": null }).to_string();
    Box::new(
        move |asked, _| {
            if asked == operation { ScriptedResponse::json(body.clone()) } else { ScriptedResponse::normal() }
        },
    )
}

const fn case(name: &'static str, args: &'static [&'static str], code: i32) -> Case {
    Case { name, args, plan: StatusTimeline::success, script: normal_responses, code, replaces: false }
}

fn cases() -> Vec<Case> {
    vec![
        case("trace", &["trace", "API_KEY"], 0),
        case("trace everywhere", &["trace", "API_KEY", "--everywhere", "--yes"], 0),
        case("dry run", &["rotate", "API_KEY", "--stdin", "--dry-run", "--all-copies"], 1),
        Case { replaces: true, ..case("rotate", ALL_COPIES, 0) },
        Case { plan: failing, replaces: true, ..case("rotate, failed deployments", ALL_COPIES, 7) },
        Case { plan: failing, replaces: true, ..case("rotate, shown logs", WITH_LOGS, 7) },
        Case { script: || quoting("SetVariables"), ..case("rotate, rejected writes", ALL_COPIES, 6) },
        Case { script: || quoting("Redeploy"), replaces: true, ..case("rotate, rejected deployments", ALL_COPIES, 6) },
        Case { script: || quoting("PreWriteState"), ..case("rotate, unreadable state", ALL_COPIES, 5) },
    ]
}

fn run(case: &Case, server: &Server, path: &str, extra_args: &[&str]) -> Result<(), String> {
    let backend = Backend::new(Sim::new(estate(&(case.plan)())), (case.script)());
    let (url, backend) = server.serve(path, backend);
    let sandbox = sandbox();
    let with_url = |args: &[&str]| -> Vec<String> {
        args.iter().chain(extra_args).map(|&arg| arg.to_owned()).chain([format!("--api-url={url}")]).collect()
    };
    let output = run_scanned(&sandbox, &with_url(case.args))?;
    ensure!(output.code == Some(case.code), "exit code {:?}, expected {}: {output:#?}", output.code, case.code);
    let value = if case.replaces { NEW_SECRET } else { OLD_SECRET };
    for (service, key, text) in copies(value) {
        let found = stored(&backend, service, key);
        ensure!(decoded(&found) == decoded(&text), "{key} of {service} is not exactly that value: {output:#?}");
    }
    let is_traced = case.args[0] == "trace" && extra_args.contains(&"--format=json");
    if is_traced {
        check_places(&output)?;
    }
    if case.replaces && output.code == Some(0) {
        let undone = run_scanned(&sandbox, &with_url(&["undo", "--yes", "--no-deploy"]))?;
        ensure!(undone.code == Some(0), "undo failed: {undone:#?}");
        for (service, key, text) in copies(OLD_SECRET) {
            ensure!(stored(&backend, service, key) == text, "{key} of {service} is not restored: {undone:#?}");
        }
    }
    Ok(())
}

/// The text in plain: percent-encoding, base64 and JSON are decoded.
fn decoded(text: &str) -> String {
    if let Some(credentials) = text.strip_prefix("Basic ") {
        return decoded(credentials);
    }
    let bytes = STANDARD.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(text));
    if let Some(inner) = bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok()) {
        return decoded(&inner);
    }
    if text.starts_with('{') {
        return serde_json::from_str::<Value>(text).map(|document| document["key"].to_string()).unwrap_or_default();
    }
    if !text.contains("://") {
        return text.to_owned();
    }
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let decoded = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| *first == b'%');
        if let Some(byte) = decoded {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).unwrap_or_default()
}

/// Every copy is found, so that the scan covers its form.
fn check_places(output: &RunOutput) -> Result<(), String> {
    let report: Value = serde_json::from_str(&output.stdout).map_err(|error| error.to_string())?;
    let places = report["trace"]["places"].as_array().ok_or("no places")?;
    for (service, key, _) in copies(OLD_SECRET) {
        let is_found = places.iter().any(|place| place["service"] == service && place["key"] == key);
        ensure!(is_found, "{key} of {service} is not found: {output:#?}");
    }
    Ok(())
}

#[test]
fn copies_in_any_form_are_replaced_and_never_shown() {
    let (server, cases) = (Server::plain(), cases());
    let mut jobs: Vec<Job<'_>> = Vec::new();
    for (case_number, case) in cases.iter().enumerate() {
        // Three formats of each case, and every format of several cases.
        let is_included = |number: usize| case_number == 3 || ((number + case_number) % 7).is_multiple_of(3);
        for (number, format) in FORMATS.iter().enumerate().filter(|(number, _)| is_included(*number)) {
            let (index, server) = (jobs.len(), &server);
            let verbosity = VERBOSITIES[number % VERBOSITIES.len()];
            let job = move || {
                let format = format!("--format={format}");
                run(case, server, &format!("copies-{index}"), &[&[format.as_str()], verbosity].concat())
            };
            jobs.push((format!("{} in {format} {verbosity:?}", case.name), Box::new(job)));
        }
    }
    run_jobs([(jobs, PARALLEL_JOBS)]);
}

fn generate(server: &Server, path: &str, (spec, format): (&str, &str)) -> Result<(), String> {
    let (url, backend) =
        server.serve(path, Backend::new(Sim::new(estate(&StatusTimeline::success())), normal_responses()));
    let sandbox = sandbox();
    let flags = [format!("--generate={spec}"), format!("--format={format}"), format!("--api-url={url}")];
    let [spec, format, url] = flags.each_ref().map(String::as_str);
    let args = ["rotate", "API_KEY", "--yes", "--all-copies", "-v", spec, format, url, Sandbox::DEBUG_API_FLAG];
    let before = FilesBefore::of(&sandbox);
    let output = sandbox.run(&args, "", Watch::Nothing);
    ensure!(output.code == Some(0), "{output:#?}");
    let value = stored(&backend, "api", "API_KEY");
    ensure!(sandbox.read(".env").contains(&value), "the file has another value than Railway");
    before.check_leaks(&sandbox, &output)?;
    before.check_value(&sandbox, &output, &value).map_err(|what| format!("{what}\n{output:#?}"))
}

#[test]
fn generated_value_is_never_shown() {
    let server = Server::plain();
    let mut jobs: Vec<Job<'_>> = Vec::new();
    // Every kind of value, and every format.
    for (spec, format) in ["hex:32", "base64:32", "base64url:32", "alnum:40", "uuid"].into_iter().cycle().zip(FORMATS) {
        let (number, server) = (jobs.len(), &server);
        let job = move || generate(server, &format!("generated-{number}"), (spec, format));
        jobs.push((format!("{spec} in {format}"), Box::new(job)));
    }
    run_jobs([(jobs, PARALLEL_JOBS)]);
}
