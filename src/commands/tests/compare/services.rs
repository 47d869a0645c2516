//! The services and keys that are compared: by flags, by `doctor.toml`, and by default.

use crate::commands::tests::compare::{
    SECRET, assert_found, assert_refused, compared, environment, json, report, shop,
};
use crate::commands::tests::fix::service;
use crate::commands::tests::sandbox::{Ended, Sandbox};
use crate::io::sim::estate::{Environment, SimService};

const API: &str = "warning missing-in-environment API_FLAG shop-api";
const WEB: &str = "warning missing-in-environment WEB_FLAG shop-web";
const MAILER: &str = "warning missing-in-environment - mailer";

/// Returns `staging` and `live`: each service has a key in `staging` only, and `mailer` is in `live` only.
fn pair() -> Sandbox {
    let both = || [service("shop-api", &[("REGION", "eu")]), service("shop-web", &[("REGION", "eu")])];
    let [api, web] = both();
    let staging = [api.variables(&[("API_FLAG", "on")]), web.variables(&[("WEB_FLAG", "on")])];
    let live = environment("live", both()).service(service("mailer", &[("FROM", "shop")]));
    shop([environment("staging", staging), live])
}

fn run(sandbox: &Sandbox, words: &[&str]) -> Ended {
    json(sandbox, &[&["staging", "live"], words].concat())
}

#[test]
fn every_service_of_either_environment_is_compared_by_default() {
    let ended = run(&pair(), &[]);
    assert_found(&ended, 0, &[MAILER, API, WEB]);
    assert_eq!(compared(&ended), ["mailer 0", "shop-api 1", "shop-web 1"]);
}

#[test]
fn flag_selects_services_by_name_id_alias_or_part() {
    let alias = "[services.backend]\nname = \"shop-api\"\n";
    let id = pair().id("shop-api");
    for flag in ["shop-api", &id, "backend", "ap", "SHOP-API"] {
        let ended = run(&pair().file("doctor.toml", alias), &["--service", flag]);
        assert_found(&ended, 0, &[API]);
        assert_eq!(compared(&ended), ["shop-api 1"], "{flag}");
    }
    let both = run(&pair(), &["-s", "shop-api", "-s", "shop-web"]);
    assert_found(&both, 0, &[API, WEB]);
    let part = pair().run(&["compare", "staging", "live", "-s", "ap"]);
    part.assert_shows("--service=ap matched shop-api");
}

#[test]
fn unknown_and_ambiguous_services_are_refused() {
    for (flag, what) in [
        ("shop-pai", "unknown service `shop-pai`"),
        ("shop-pai", "environment staging or live has the services mailer, shop-api, shop-web"),
        ("shop-pai", "did you mean `--service=shop-api`?"),
        ("shop", "the matches are shop-api, shop-web"),
        ("zzz", "mailer, shop-api, shop-web"),
    ] {
        assert_refused(&pair().run(&["compare", "staging", "live", "--service", flag]), 2, &[what]);
    }
    let toml = pair().file("doctor.toml", "[services.shop-pai]\n");
    let parts = ["doctor.toml:1:11: environment staging or live has no service `shop-pai`", "did you mean `shop-api`?"];
    assert_refused(&toml.run(&["compare", "staging", "live"]), 2, &parts);
}

#[test]
fn config_file_narrows_the_services_and_a_flag_replaces_them() {
    let toml = "[services.web]\nname = \"shop-web\"\n";
    let ended = run(&pair().file("doctor.toml", toml), &[]);
    assert_found(&ended, 0, &[WEB]);
    assert_eq!(report(&ended)["services"][0]["alias"], "web");
    assert_found(&run(&pair().file("doctor.toml", toml), &["-s", "shop-api"]), 0, &[API]);
    assert_found(&run(&pair().file("doctor.toml", toml), &["--no-config"]), 0, &[MAILER, API, WEB]);
}

#[test]
fn service_of_one_environment_can_be_named() {
    let ended = run(&pair(), &["--service", "mailer"]);
    assert_found(&ended, 3, &[MAILER]);
    assert_eq!(report(&ended)["findings"][0]["message"], "service mailer is in live but not in staging");
    let toml = pair().file("doctor.toml", "[services.mailer]\n");
    assert_found(&run(&toml, &[]), 3, &[MAILER]);
    let reversed = json(&pair(), &["live", "staging", "--service", "mailer"]);
    assert_eq!(report(&reversed)["findings"][0]["message"], "service mailer is in live but not in staging");
}

/// Returns `staging`, whose API leads to the database of `production`.
fn with_databases() -> Sandbox {
    let address = |host: &str| format!("postgresql://postgres:{SECRET}@{host}.proxy.rlwy.net:51892/railway");
    let database = |host| -> SimService {
        SimService::named("Postgres").image("postgres:16").variables(&[("DATABASE_PUBLIC_URL", &address(host))])
    };
    let api = |text: &str| service("api", &[("DATABASE_URL", text), ("REGION", "eu")]);
    let staging: Environment = environment("staging", [api(&address("gondola")), database("shinkansen")]);
    shop([staging, environment("production", [api("${{Postgres.DATABASE_PUBLIC_URL}}"), database("gondola")])])
}

#[test]
fn database_out_of_scope_counts_for_shared_backends() {
    let expected = "error backend-shared DATABASE_URL api";
    for words in [&["--service", "api"][..], &["--service", "api", "--only", "DATABASE_URL"], &[]] {
        let ended = json(&with_databases(), &[&["staging", "production"], words].concat());
        assert_found(&ended, 1, &[expected]);
        assert_eq!(compared(&ended).len(), if words.is_empty() { 2 } else { 1 }, "{words:?}");
    }
    let toml = with_databases().file("doctor.toml", "[services.api]\n");
    assert_found(&json(&toml, &["staging", "production"]), 1, &[expected]);
    // Only the database of production, which is out of scope, has this address in production.
    let other = with_databases();
    other.sim.change(|estate| {
        let production = estate.environment("shop", "production").expect("it exists");
        production.service_named("api").expect("it exists").variables.remove("DATABASE_URL");
    });
    let ended = json(&other, &["staging", "production", "--service", "api"]);
    assert_found(&ended, 1, &[expected, "warning missing-in-environment DATABASE_URL api"]);
}

#[test]
fn only_limits_the_keys() {
    assert_found(&run(&pair(), &["--only", "API_FLAG"]), 3, &[API]);
    assert_found(&run(&pair(), &["--only", "REGION"]), 0, &[]);
    assert_found(&run(&pair(), &["--only", "REGION", "--only", "WEB_FLAG"]), 0, &[WEB]);
    let reversed = json(&pair(), &["live", "staging", "--only", "WEB_FLAG", "--only", "REGION"]);
    assert_found(&reversed, 0, &[WEB]);
}

#[test]
fn unknown_keys_are_refused() {
    for (flags, parts) in [
        (&["--only", "REGOIN"][..], &["unknown key `REGOIN`", "did you mean `--only=REGION`?"][..]),
        (&["--only", "WEB_FLGA"], &["did you mean `--only=WEB_FLAG`?"]),
        (&["--only", "XYZZY"], &["no service in scope has it", "doctor compare staging live -v"]),
        (&["--only", "REGION=eu-west"], &["invalid --only `REGION=…`"]),
        (&["--only", ""], &["got an empty text"]),
    ] {
        let ended = pair().run(&[&["compare", "staging", "live"], flags].concat());
        assert_refused(&ended, 2, parts);
        assert!(!ended.err.contains("eu-west"), "{ended:?}");
    }
}
