//! Variables and values on Railway.

use crate::drift::Survey;
use crate::drift::rules;
use crate::drift::test_support::{ServiceRows, out_of_scope, require, shared, survey};
use crate::messages::findings::Circumstance;

pub(super) fn circumstances() -> Vec<Circumstance> {
    let rules = [
        dangling_reference(),
        sealed(),
        repeated_secret(),
        placeholder_value(),
        suspicious_value(),
        indirect_value(),
        value_unavailable(),
    ];
    rules.into_iter().flatten().collect()
}

fn dangling_reference() -> Vec<Circumstance> {
    let case = |name, template: &str| {
        let mut found = survey(&[], &[("api", &[&format!("DATABASE_URL={template} => ")])]);
        out_of_scope(&mut found, "Postgres", &["DATABASE_URL", "PASSWORD"]);
        shared(&mut found, "BASE_URL");
        Circumstance::new(&rules::dangling_reference::RULE, name, &found)
    };
    vec![
        case("no name", "${{}}"),
        case("unknown service", "${{Mongo.URL}}"),
        case("unknown service in another case", "${{postgres.DATABASE_URL}}"),
        case("unknown variable of a service", "${{Postgres.PGHOST}}"),
        case("unknown variable of a service in another case", "${{Postgres.password}}"),
        case("port that a service does not set", "${{Postgres.PORT}}"),
        case("unknown variable of the service itself", "${{PGHOST}}"),
        case("unknown variable of the service itself in another case", "${{database_url}}"),
        case("unknown shared variable", "${{shared.DOMAIN}}"),
        case("unknown shared variable in another case", "${{shared.base_url}}"),
        case("empty variable", "${{Postgres.PASSWORD}}"),
        case("empty system variable", "${{api.RAILWAY_PUBLIC_DOMAIN}}"),
        case("circular reference", "${{DATABASE_URL}}"),
    ]
}

fn sealed() -> Vec<Circumstance> {
    let case = |name, services: &[ServiceRows<'_>]| {
        Circumstance::new(&rules::sealed::RULE, name, &survey(&["API_KEY=4f1c9a77"], services))
    };
    vec![
        case("sealed", &[("api", &["API_KEY=<sealed>"])]),
        case(
            "a reference to a sealed variable",
            &[("api", &["API_KEY=${{worker.OPS_KEY}} => <sealed>"]), ("worker", &["OPS_KEY=<sealed>"])],
        ),
    ]
}

fn repeated_secret() -> Vec<Circumstance> {
    let case = |name, other: &str| {
        let services: [ServiceRows<'_>; 2] = [("api", &["API_KEY=4f1c9a77b03e51d2"]), ("worker", &[other])];
        Circumstance::new(&rules::repeated_secret::RULE, name, &survey(&[], &services))
    };
    vec![case("the same key", "API_KEY=4f1c9a77b03e51d2"), case("several keys", "OPS_KEY=4f1c9a77b03e51d2")]
}

fn placeholder_value() -> Vec<Circumstance> {
    let case = |name, file: &[&str], stored: &[&str]| {
        Circumstance::new(&rules::placeholder_value::RULE, name, &survey(file, &[("api", stored)]))
    };
    vec![
        case("on Railway", &[], &["API_KEY=changeme"]),
        case("in the file", &["API_KEY=changeme"], &["API_KEY=<sealed>"]),
        case("on both sides", &["API_KEY=changeme"], &["API_KEY=changeme"]),
    ]
}

fn suspicious_value() -> Vec<Circumstance> {
    let case = |name, file: &[&str], stored: &[&str]| {
        Circumstance::new(&rules::suspicious_value::RULE, name, &survey(file, &[("api", stored)]))
    };
    let pem = "API_KEY=-----BEGIN PRIVATE KEY-----\nMIIB";
    vec![
        case("newline at the end on Railway", &[], &["API_KEY=4f1c9a77\n"]),
        case("quotes in the file", &["API_KEY=\"4f1c9a77\""], &[]),
        case("invisible characters on Railway", &[], &["API_KEY=4f1c\u{200b}9a77"]),
        case("half a PEM block on both sides", &[pem], &[pem]),
    ]
}

fn indirect_value() -> Vec<Circumstance> {
    let case = |name, local: &str, stored: &str| {
        Circumstance::new(&rules::indirect_value::RULE, name, &survey(&[local], &[("api", &[stored])]))
    };
    let (indirect, direct) = ("API_KEY=op://dev/api/key", "API_KEY=4f1c9a77");
    vec![
        case("in the file", indirect, direct),
        case("on Railway", direct, indirect),
        case("on both sides", indirect, "API_KEY=op://production/api/key"),
    ]
}

fn value_unavailable() -> Vec<Circumstance> {
    let found = || survey(&["API_KEY=4f1c9a77"], &[("api", &["API_KEY=<unavailable>"])]);
    let case = |name, survey: Survey| Circumstance::new(&rules::value_unavailable::RULE, name, &survey);
    let mut required = found();
    require(&mut required, "API_KEY", &[]);
    vec![case("no value", found()), case("no value for a required key", required)]
}
