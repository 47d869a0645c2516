//! Keys and values in the file and on Railway.

use crate::drift::dotenv::LocalFile;
use crate::drift::example_file::Example;
use crate::drift::rules;
use crate::drift::test_support::{ServiceRows, layer, out_of_scope, require, shared, survey};
use crate::drift::{Secret, Survey};
use crate::messages::findings::{Circumstance, survey_of_text};

pub(super) fn circumstances() -> Vec<Circumstance> {
    let rules = [
        missing_on_railway(),
        missing_locally(),
        value_differs(),
        value_found_elsewhere(),
        expected_difference(),
        services_disagree(),
        reference_differs(),
        example_key_missing(),
    ];
    rules.into_iter().flatten().collect()
}

const ROW: &str = "API_URL=https://api.shop.dev";

fn requiring(key: &str, mut found: Survey) -> Survey {
    require(&mut found, key, &[]);
    found
}

fn missing_on_railway() -> Vec<Circumstance> {
    let case = |name, survey: Survey| Circumstance::new(&rules::missing_on_railway::RULE, name, &survey);
    let alone = |row: &str| survey(&[row], &[("api", &[])]);
    let mut on_shared = alone(ROW);
    shared(&mut on_shared, "API_URL");
    let mut on_database = alone(ROW);
    out_of_scope(&mut on_database, "Postgres", &["API_URL"]);
    on_database.catalogue.databases.insert("Postgres".to_owned());
    vec![
        case("missing on the only service", alone(ROW)),
        case("missing on every service", survey(&[ROW], &[("api", &[]), ("web", &[])])),
        case("empty in the file", alone("API_URL=")),
        case("a placeholder in the file", alone("API_URL=changeme")),
        case("kept elsewhere", alone("API_URL=op://dev/api/url")),
        case("read differently by loaders", survey_of_text("API_URL=https://api.shop.dev/#v2\n", &[("api", &[])])),
        case("a shared variable with that name exists", on_shared),
        case("only a database has the key", on_database),
        case("set by Railway's tracing", alone("OTEL_SERVICE_NAME=api")),
        case("required", requiring("API_URL", alone(ROW))),
        case(
            "required, and on another service",
            requiring("API_URL", survey(&[ROW], &[("api", &[]), ("web", &[ROW])])),
        ),
        case("required, and empty in the file", requiring("API_URL", alone("API_URL="))),
        case("required, and missing everywhere", requiring("API_URL", survey(&[], &[("api", &[])]))),
        case("required, and a placeholder in the file", requiring("API_URL", alone("API_URL=changeme"))),
        case("required, and kept elsewhere", requiring("API_URL", alone("API_URL=op://dev/api/url"))),
    ]
}

fn missing_locally() -> Vec<Circumstance> {
    let case = |name, survey: Survey| Circumstance::new(&rules::missing_locally::RULE, name, &survey);
    let stored = |row: &str| survey(&[], &[("api", &[row])]);
    let mut in_layers = stored(ROW);
    layer(&mut in_layers, ".env.local", &[], &["api"]);
    vec![
        case("missing from the file", stored(ROW)),
        case("missing from all files", in_layers),
        case("different values", survey(&[], &[("api", &[ROW]), ("web", &["API_URL=https://web.shop.dev"])])),
        case("sealed", stored("API_URL=<sealed>")),
        case("kept elsewhere", stored("API_URL=op://dev/api/url")),
        case("required", requiring("API_URL", stored(ROW))),
        case("required and sealed", requiring("API_URL", stored("API_URL=<sealed>"))),
    ]
}

fn value_differs() -> Vec<Circumstance> {
    let case = |name, survey: Survey| Circumstance::new(&rules::value_differs::RULE, name, &survey);
    let pair =
        |local: &str, stored: &str| survey(&[&format!("API_KEY={local}")], &[("api", &[&format!("API_KEY={stored}")])]);
    let texts = [
        ("unknown cause", "4f1c9a77", "b03e51d2"),
        ("a placeholder in the file", "changeme", "b03e51d2"),
        ("a placeholder on Railway", "4f1c9a77", "<your key>"),
        ("placeholders on both sides", "***", "changeme"),
        ("empty in the file", "", "b03e51d2"),
        ("empty on Railway", "4f1c9a77", ""),
        ("newline at the end in the file", "4f1c9a77\n", "4f1c9a77"),
        ("newline at the end on Railway", "4f1c9a77", "4f1c9a77\n"),
        ("quotes", "4f1c9a77", "\"4f1c9a77\""),
        ("line endings", "a\r\nb", "a\nb"),
        ("escaped newlines", "a\\nb", "a\nb"),
        ("surrounding whitespace", "4f1c9a77", " 4f1c9a77"),
        ("invisible characters", "4f1c9a77", "4f1c\u{200b}9a77"),
        ("upper and lower case", "True", "true"),
        ("trailing slash", "https://x.dev/", "https://x.dev"),
        ("base64 padding", "c2VjcmV0MQ==", "c2VjcmV0MQ"),
        ("equivalent JSON", "{\"a\": 1}", "{\"a\":1}"),
        ("dollar sign escaped in the file", "pa$$word", "pa$word"),
        ("dollar sign escaped on Railway", "pa$word", "pa$$word"),
        ("expanded on Railway", "pa$word", "pa"),
        ("expanded in the file", "pa", "pa$word"),
    ];
    let mut found: Vec<Circumstance> =
        texts.into_iter().map(|(name, local, stored)| case(name, pair(local, stored))).collect();
    found.push(case("required, and empty in the file", requiring("API_KEY", pair("", "b03e51d2"))));
    found.push(case(
        "read differently by loaders",
        survey_of_text("API_KEY=4f1c#9a77\n", &[("api", &["API_KEY=b03e51d2"])]),
    ));
    found.push(case(
        "read differently by loaders, and a placeholder on Railway",
        survey_of_text("API_KEY=4f1c#9a77\n", &[("api", &["API_KEY=changeme"])]),
    ));
    found
}

fn value_found_elsewhere() -> Vec<Circumstance> {
    let case = |name, file: &[&str], services: &[ServiceRows<'_>]| {
        Circumstance::with(&rules::value_differs::RULE, name, &survey(file, services), |finding| {
            finding.key.as_deref() == Some("API_KEY")
        })
    };
    let (old, new) = ("API_KEY=b03e51d2", "API_KEY=4f1c9a77");
    vec![
        case("equal on another service", &[new], &[("api", &[old]), ("worker", &[new])]),
        case("equal to another key on another service", &[new], &[("api", &[old]), ("worker", &["OPS_KEY=4f1c9a77"])]),
        case("equal to another key on the service", &[new], &[("api", &[old, "OPS_KEY=4f1c9a77"])]),
        case("equal to another key in the file", &[new, "OPS_KEY=b03e51d2"], &[("api", &[old])]),
    ]
}

fn expected_difference() -> Vec<Circumstance> {
    let case = |name, local: &str, stored: &[&str]| {
        Circumstance::new(&rules::expected_difference::RULE, name, &survey(&[local], &[("api", stored)]))
    };
    let (test, live) = ("STRIPE_KEY=sk_test_51Habcdefghijk", "STRIPE_KEY=sk_live_51Habcdefghijk");
    let database = "DATABASE_URL=postgres://localhost/shop";
    vec![
        case("a key that each environment sets", "NODE_ENV=development", &["NODE_ENV=production"]),
        case("a key that each environment sets, missing on Railway", "NODE_ENV=development", &[]),
        case("a local address", database, &["DATABASE_URL=postgres://db.shop.dev/shop"]),
        case("a local address, missing on Railway", database, &[]),
        case("a test key in the file", test, &[live]),
        case("a live key in the file", live, &[test]),
    ]
}

fn services_disagree() -> Vec<Circumstance> {
    let case = |name, file: &[&str]| {
        let services: [ServiceRows<'_>; 2] = [("api", &["API_KEY=4f1c9a77"]), ("worker", &["API_KEY=b03e51d2"])];
        let found = requiring("API_KEY", survey(file, &services));
        Circumstance::new(&rules::services_disagree::RULE, name, &found)
    };
    vec![
        case("one service has the value of the file", &["API_KEY=4f1c9a77"]),
        case("a placeholder in the file", &["API_KEY=changeme"]),
        case("newline at the end in the file", &["API_KEY=4f1c9a77\n"]),
        case("the file does not have the key", &[]),
        case("kept elsewhere", &["API_KEY=op://dev/api/key"]),
    ]
}

fn reference_differs() -> Vec<Circumstance> {
    let case = |name, survey: Survey| Circumstance::new(&rules::reference_differs::RULE, name, &survey);
    let pair = |local: &str, template: &str| {
        let mut found = survey(&[local], &[("api", &[&format!("API_KEY={template} => b03e51d2")])]);
        out_of_scope(&mut found, "worker", &["OPS_KEY"]);
        shared(&mut found, "OPS_KEY");
        found
    };
    let (of_service, of_shared) = ("${{worker.OPS_KEY}}", "${{shared.OPS_KEY}}");
    let new = "API_KEY=4f1c9a77";
    vec![
        case("a variable of another service", pair(new, of_service)),
        case("a shared variable", pair(new, of_shared)),
        case("empty in the file", pair("API_KEY=", of_service)),
        case("required, and a variable of another service", requiring("API_KEY", pair(new, of_service))),
        case("required, and a placeholder in the file", requiring("API_KEY", pair("API_KEY=changeme", of_service))),
        case("required, and a shared variable", requiring("API_KEY", pair(new, of_shared))),
        case("required, and empty in the file", requiring("API_KEY", pair("API_KEY=", of_service))),
    ]
}

fn example_key_missing() -> Vec<Circumstance> {
    let mut found = survey(&["A=1"], &[("api", &["A=1"])]);
    let file = LocalFile::parse(".env.example", Secret::new("A=\nSENTRY_DSN=\n"));
    found.examples.push(Example { file, beside: vec![0] });
    vec![Circumstance::new(&rules::example_key_missing::RULE, "missing from the files in use", &found)]
}
