//! Needed keys, with and without a file.

use crate::drift::Survey;
use crate::drift::rules;
use crate::drift::test_support::{ServiceRows, out_of_scope, require, shared, survey, template, without_file};
use crate::messages::findings::Circumstance;

pub(super) fn circumstances() -> Vec<Circumstance> {
    [missing_on_railway(), empty_on_railway(), services_disagree()].into_iter().flatten().collect()
}

fn declared(services: &[ServiceRows<'_>]) -> Survey {
    let mut found = survey(&[], services);
    without_file(&mut found);
    let names: Vec<&str> = services.iter().map(|(name, _)| *name).collect();
    template(&mut found, ".env.example", "API_URL=\n", &names);
    found
}

fn required(services: &[ServiceRows<'_>]) -> Survey {
    let mut found = declared(services);
    require(&mut found, "API_URL", &[]);
    found
}

const ROW: &str = "API_URL=https://api.shop.dev";

fn missing_on_railway() -> Vec<Circumstance> {
    let case = |name, survey: Survey| Circumstance::new(&rules::missing_on_railway::RULE, name, &survey);
    let [mut on_shared, mut on_database, mut elsewhere] = [(); 3].map(|()| declared(&[("api", &[])]));
    shared(&mut on_shared, "API_URL");
    out_of_scope(&mut on_database, "Postgres", &["API_URL"]);
    on_database.catalogue.databases.insert("Postgres".to_owned());
    out_of_scope(&mut elsewhere, "web", &["API_URL"]);
    elsewhere.catalogue.elsewhere.insert("web".to_owned());
    vec![
        case("needed, and missing on the only service", declared(&[("api", &[])])),
        case("needed, and missing on every service", declared(&[("api", &[]), ("web", &[])])),
        case("needed, and spelled in another case", declared(&[("api", &["api_url=x"])])),
        case("needed, and a shared variable exists", on_shared),
        case("needed, and only a database has the key", on_database),
        case("needed, and only a service built elsewhere has the key", elsewhere),
        case("required without a file", required(&[("api", &[]), ("web", &[])])),
        case("required without a file, and on another service", required(&[("api", &[]), ("web", &[ROW])])),
        case("required without a file, and misspelled", required(&[("api", &["API_URI=x"])])),
    ]
}

fn empty_on_railway() -> Vec<Circumstance> {
    let case = |name, survey: Survey| Circumstance::new(&rules::empty_on_railway::RULE, name, &survey);
    let of_file = |file: &[&str]| {
        let mut found = survey(file, &[("api", &["API_URL="])]);
        require(&mut found, "API_URL", &[]);
        found
    };
    vec![
        case("required without a file", required(&[("api", &["API_URL="])])),
        case("needed on one service", declared(&[("api", &["API_URL="])])),
        case("needed on several services", declared(&[("api", &["API_URL="]), ("web", &["API_URL="])])),
        case("required, and not in the file", of_file(&[])),
        case("required, and empty in the file", of_file(&["API_URL="])),
    ]
}

fn services_disagree() -> Vec<Circumstance> {
    let case = |name, survey: Survey| Circumstance::new(&rules::services_disagree::RULE, name, &survey);
    let other = "API_URL=https://web.shop.dev";
    vec![
        case("two values without a file", required(&[("api", &[ROW]), ("web", &[other])])),
        case(
            "some services agree, without a file",
            required(&[("api", &[ROW]), ("cron", &["API_URL="]), ("web", &[other]), ("worker", &[ROW])]),
        ),
    ]
}
