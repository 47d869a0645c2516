//! Two environments.

use crate::drift::engine::policy::Must;
use crate::drift::model::observed::Observed;
use crate::drift::rules;
use crate::drift::runtime::ServiceSettings;
use crate::drift::survey::{Original, Presence};
use crate::drift::test_support::{ServiceRows, across, counterpart, named, pair, protect, require, target};
use crate::drift::{Secret, Survey};
use crate::messages::findings::Circumstance;

pub(super) fn circumstances() -> Vec<Circumstance> {
    let all = [missing_keys(), missing_services(), secrets(), backends(), others(), settings(), violations()];
    all.into_iter().flatten().collect()
}

/// Returns a survey of one service with these rows in each environment.
fn api(left: &[&str], right: &[&str]) -> Survey {
    pair(&[("api", left)], &[("api", right)])
}

/// Makes the first environment one for a pull request.
fn ephemeral(mut survey: Survey) -> Survey {
    counterpart(&mut survey).traits[0].is_ephemeral = true;
    survey
}

/// Adds a protected environment with this row.
fn with_original(mut survey: Survey, row: &str) -> Survey {
    let targets = pair(&[("api", &[row])], &[]).targets;
    counterpart(&mut survey).originals = vec![Original { environment: named("live"), targets }];
    survey
}

fn missing_keys() -> Vec<Circumstance> {
    let case = |name, survey: Survey| Circumstance::new(&rules::missing_in_environment::RULE, name, &survey);
    let mut required = api(&[], &["API_URL=https://api.shop.dev"]);
    require(&mut required, "API_URL", &[]);
    let rows: &[ServiceRows<'_>] = &[("api", &["A=1"]), ("web", &["A=1"])];
    vec![
        case("key in the first environment only", api(&["API_URL=https://api.shop.dev"], &[])),
        case("key missing on several services", pair(&[("api", &[]), ("web", &[])], rows)),
        case("required key", required),
    ]
}

fn missing_services() -> Vec<Circumstance> {
    let case = |name, survey: Survey| Circumstance::new(&rules::missing_in_environment::RULE, name, &survey);
    let [one, mut required] = [(); 2].map(|()| pair(&[("api", &[])], &[("api", &[]), ("mailer", &[])]));
    require(&mut required, "API_URL", &["mailer"]);
    let note = ephemeral(pair(&[("api", &[])], &[("api", &[]), ("mailer", &[])]));
    vec![
        case("service in one environment", one),
        case("service with a required key in one environment", required),
        case("service missing from a pull request environment", note),
    ]
}

const KEY: &str = "PAYMENT_SECRET_KEY=pq7Zr4Tk9WmX2cVb8NsL5f";

fn secrets() -> Vec<Circumstance> {
    let case = |name, survey: Survey| Circumstance::new(&rules::secret_shared::RULE, name, &survey);
    vec![
        case("same secret", api(&[KEY], &[KEY])),
        case("same secret, one environment is protected", protect(api(&[KEY], &[KEY]))),
        case("same secret under another key", api(&[KEY], &["OLD_SECRET=pq7Zr4Tk9WmX2cVb8NsL5f"])),
        case("secret copied from the other environment", ephemeral(protect(api(&[KEY], &[KEY])))),
        case("secret copied from a third environment", with_original(ephemeral(api(&[KEY], &[])), KEY)),
    ]
}

fn backends() -> Vec<Circumstance> {
    let case = |name, survey: Survey| Circumstance::new(&rules::backend_shared::RULE, name, &survey);
    let row = "DATABASE_URL=postgres://u:p@db.shop.dev:5432/shop";
    let mut database = pair(&[("api", &[row])], &[("api", &[]), ("Postgres", &[row])]);
    database.catalogue.databases.insert("Postgres".to_owned());
    let live = protect(api(&["STRIPE_KEY=sk_live_51Habcdefghijk"], &["STRIPE_KEY=sk_live_51Hlmnopqrstuv"]));
    vec![
        case("same database", api(&[row], &[row])),
        case("same database under another key", api(&[row], &["MAIN_URL=postgres://v:q@db.shop.dev/shop"])),
        case("database of a service in the other environment", database),
        case("same bucket", api(&["S3_BUCKET=shop-uploads"], &["S3_BUCKET=shop-uploads"])),
        case("database copied from a third environment", with_original(ephemeral(api(&[row], &[])), row)),
        case("live key in an environment that is not protected", live),
    ]
}

fn others() -> Vec<Circumstance> {
    let case = |rule, name, survey: Survey| Circumstance::new(rule, name, &survey);
    let sealed = &rules::sealed_not_copied::RULE;
    let mut required = api(&[], &["JWT_KEY=<sealed>"]);
    require(&mut required, "JWT_KEY", &[]);
    let reference = api(&["REDIS_URL=redis://a"], &["REDIS_URL=${{Redis.REDIS_URL}} => redis://b"]);
    vec![
        case(sealed, "sealed in the second environment", api(&[], &["JWT_KEY=<sealed>"])),
        case(sealed, "sealed and required", required),
        case(&rules::reference_and_literal::RULE, "literal in the first environment", reference),
    ]
}

fn settings() -> Vec<Circumstance> {
    let case = |name, survey: Survey| Circumstance::new(&rules::settings_differ::RULE, name, &survey);
    let with = |right: ServiceSettings| {
        let mut survey = api(&[], &[]);
        target(&mut survey, "api").live.settings = Observed::Known(ServiceSettings::default());
        if let Presence::Both(second) = &mut counterpart(&mut survey).services[0] {
            second.live.settings = Observed::Known(right);
        }
        survey
    };
    let command = || Some(Secret::new("celery worker -B"));
    let cron = || Some("0 3 * * *".to_owned());
    vec![
        case("one setting", with(ServiceSettings { start_command: command(), ..ServiceSettings::default() })),
        case(
            "two settings",
            with(ServiceSettings { start_command: command(), cron: cron(), ..ServiceSettings::default() }),
        ),
    ]
}

fn violations() -> Vec<Circumstance> {
    let case = |name, must, left: &[&str], right: &[&str]| {
        let mut survey = api(left, right);
        across(&mut survey, "A", must);
        Circumstance::new(&rules::across_violated::RULE, name, &survey)
    };
    vec![
        case("values must agree", Must::Agree, &["A=1"], &["A=2"]),
        case("values must differ", Must::Differ, &["A=1"], &["A=1"]),
        case("must exist in the first environment", Must::Exist, &[], &["A=1"]),
        case("must exist in the second environment", Must::Exist, &["A=1"], &[]),
        case("no service has the key", Must::Exist, &[], &[]),
        case("no service has a key that must differ", Must::Differ, &[], &[]),
    ]
}
