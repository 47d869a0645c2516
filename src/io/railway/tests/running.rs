//! Deployments and settings are read in the requests that are sent anyway. Their failures never affect the variables.

use crate::drift::Secret;
use crate::drift::model::deployment::{DeploymentStatus, StartCommand};
use crate::drift::model::observed::Observed;
use crate::drift::model::service_settings::SettingValues;
use crate::drift::runtime::ServiceSettings;
use crate::io::railway::batch::ReadOptions;
use crate::io::railway::environment::{ServiceShape, Shape};
use crate::io::railway::tests::Bench;
use crate::io::railway::transport::Scheme;
use crate::io::railway::variables::Read;
use crate::io::sim::deployment::SimDeployment;
use crate::io::sim::estate::{Environment, Estate, Project, Proof, SimService};
use crate::io::sim::fault::Fault;
use crate::io::sim::seed::{self, PROJECT_TOKEN};
use crate::io::sim::{Sim, SimOptions, Snapshots};

/// Returns an estate with two services with a repository and one without deployments.
fn estate() -> Estate {
    let api = SimService::named("api")
        .repository("team/shop")
        .start("serve --all")
        .domain("api.up.railway.app")
        .custom_domain("shop.example", Proof::Given)
        .custom_domain("evil.example", Proof::Missing)
        .variables(&[("A", "1")])
        .deployed(SimDeployment::serving("2026-11-20T10:00:00.000Z").had("A", "0"));
    let nightly = SimService::named("nightly").repository("team/shop").cron("0 3 * * *").variables(&[("A", "1")]);
    let web = SimService::named("web").repository("team/shop").never_deployed().variables(&[("A", "1")]);
    let staging = [api, nightly, web].into_iter().fold(Environment::named("staging"), Environment::service);
    let staging = staging.staged(serde_json::json!({ "sharedVariables": { "S": { "value": "x" } } }));
    Estate::of("crew").project(Project::named("shop").environment(staging)).with_tokens()
}

fn read(bench: &Bench) -> (Shape, Read, usize) {
    let client = bench.client();
    let shape = match bench.credentials.scheme {
        Scheme::Project => client.token_shape().unwrap(),
        Scheme::Bearer => {
            let (project, environment) = bench.ids();
            client.shape(&project, &environment).unwrap()
        }
    };
    let services: Vec<&ServiceShape> = shape.services.iter().collect();
    let read = client.values_and(&shape, &services, ReadOptions::Running).unwrap();
    let requests = client.requests();
    (shape, read, requests)
}

fn assert_compared(read: &Read) {
    assert!(read.stored.iter().all(|stored| stored.as_ref().is_ok_and(|stored| stored.len() == 1)), "{read:?}");
}

#[test]
fn runtime_state_takes_two_requests() {
    for token in [None, Some(PROJECT_TOKEN)] {
        let mut bench = Bench::new(Sim::new(estate()));
        if let Some(token) = token {
            bench = bench.with_token(token, Scheme::Project, "RAILWAY_TOKEN");
        }
        let (shape, read, requests) = read(&bench);
        assert_eq!(requests, 2);
        assert_compared(&read);
        let [api, nightly, web] = &shape.services[..] else { panic!("three services") };
        let running = api.deployed.known().unwrap().running().unwrap();
        assert_eq!((&running.status, running.instances), (&DeploymentStatus::Success, Some(1)));
        assert_eq!(running.status_updated_at.as_deref(), Some("2026-11-20T10:00:00.000Z"));
        assert_eq!(running.origin.start, StartCommand::Set(Secret::new("serve --all")));
        assert_eq!(running.origin.repository.as_deref(), Some("team/shop"));
        let configured = SettingValues::of(&serde_json::json!({ "deploy": { "startCommand": "serve --all" } }));
        let start_command = Some(Secret::new("serve --all"));
        let settings = ServiceSettings { start_command, configured: Some(configured), ..ServiceSettings::default() };
        assert_eq!(api.settings, Observed::Known(settings));
        assert_eq!(api.domains.known().unwrap(), &["api.up.railway.app", "shop.example"]);
        assert_eq!(nightly.settings.known().unwrap().cron.as_deref(), Some("0 3 * * *"));
        assert!(nightly.deployed.known().unwrap().running().unwrap().origin.build_only);
        assert_eq!(web.deployed.known().unwrap().newest(), None);
        assert_eq!(read.got[0].known().unwrap()["A"], Some(Secret::new("0")));
        assert_eq!(read.got[1].known().unwrap()["A"], Some(Secret::new("1")));
        assert_eq!(read.got[2], Observed::NotRequested);
        assert!(read.staged.known().unwrap().as_ref().unwrap().touches(None, "S"));
    }
}

#[test]
fn fifty_services_need_no_extra_requests() {
    let (estate, _) = seed::generate(50, 1);
    let bench = Bench::new(Sim::new(estate));
    let (_, read, requests) = read(&bench);
    assert_eq!((read.got.iter().filter(|got| got.known().is_some()).count(), requests), (50, 4));
    assert_eq!(read.staged, Observed::Known(None));
    let staged = bench.sim.requests().iter().filter(|asked| asked.body.expose().contains("StagedChanges")).count();
    assert_eq!(staged, 1, "once for the environment");
}

/// For each error: the number of requests, and which of deployments, the snapshots of `api` and `nightly`, and staged
/// changes are known.
#[test]
fn refusal_affects_only_the_refused_field() {
    const MESSAGE: &str = "Not Authorized";
    let schema =
        |field: &str, kind: &str| Fault::refusal(&format!("Cannot query field \"{field}\" on type \"{kind}\"."));
    for (name, fault, requests, expected) in [
        ("a snapshot", Fault::field("snapshot_1", MESSAGE).permanent(), 2, [true, true, false, true]),
        ("staged changes", Fault::field("staged", MESSAGE).permanent(), 3, [true, true, true, false]),
        ("snapshots of the schema", schema("deploymentSnapshot", "Query").on("Values"), 3, [true, false, false, true]),
        (
            "staged changes of the schema",
            schema("environmentStagedChanges", "Query").on("Values"),
            3,
            [true, true, true, false],
        ),
        ("no field in the batch", Fault::refusal(MESSAGE).on("Values"), 3, [true, false, false, false]),
        ("the newest deployment", Fault::field("latestDeployment", MESSAGE).permanent(), 2, [true, true, true, true]),
        ("all deployments", Fault::field("activeDeployments", MESSAGE).permanent(), 3, [false, false, false, true]),
        ("domains", Fault::field("domains", MESSAGE).permanent(), 3, [true; 4]),
        ("domains of the schema", schema("domains", "ServiceInstance").on("Environment"), 3, [true; 4]),
        ("a setting of the schema", schema("cronSchedule", "ServiceInstance").on("Environment"), 3, [true; 4]),
        ("a setting of one service", Fault::field("startCommand", MESSAGE).permanent(), 2, [true; 4]),
        (
            "deployments of the schema",
            schema("statusUpdatedAt", "Deployment").on("Environment"),
            3,
            [false, false, false, true],
        ),
        ("a type of the schema", schema("status", "Deployment").on("Environment"), 3, [false, false, false, true]),
        (
            "too large a shape",
            Fault::refusal("Query depth exceeds 8").on("Environment"),
            3,
            [false, false, false, true],
        ),
    ] {
        let bench = Bench::new(Sim::new(estate()));
        bench.sim.fault(fault);
        let (shape, read, sent) = read(&bench);
        assert_compared(&read);
        let known = [
            shape.services[0].deployed.known().is_some(),
            read.got[0].known().is_some(),
            read.got[1].known().is_some(),
            read.staged.known().is_some(),
        ];
        assert_eq!((known, sent), (expected, requests), "{name}: {:?}", read.got);
        if name == "the newest deployment" {
            let reasons = shape.services.iter().map(|service| service.deployed.known()?.unavailable.as_deref());
            let reasons: Vec<Option<&str>> = reasons.collect();
            assert!(reasons.iter().flatten().any(|why| why.starts_with("Railway responded “")), "{reasons:?}");
        }
        let unavailable = |at: usize| {
            let service = &shape.services[at];
            (service.domains.unavailable().is_some(), service.settings.unavailable().is_some())
        };
        match name {
            "domains" | "domains of the schema" => assert_eq!([unavailable(0), unavailable(1)], [(true, false); 2]),
            "a setting of the schema" => assert_eq!([unavailable(0), unavailable(1)], [(false, true); 2]),
            "a setting of one service" => assert!([unavailable(0), unavailable(1)].contains(&(false, false)), "{name}"),
            _ => {}
        }
        let reasons = [shape.services[0].deployed.unavailable(), read.got[1].unavailable(), read.staged.unavailable()];
        assert!(reasons.iter().flatten().all(|why| why.starts_with("Railway responded “")), "{name}: {reasons:?}");
    }
}

#[test]
fn missing_snapshot_is_distinguished_from_refused_one() {
    for (snapshot, why) in [
        (Snapshots::Null, "Railway did not return the deployment's variables"),
        (Snapshots::Refused, "Railway responded “Not Authorized”"),
    ] {
        let bench = Bench::new(Sim::with(estate(), SimOptions { snapshot, ..SimOptions::default() }));
        let (_, read, requests) = read(&bench);
        assert_eq!(requests, 2);
        assert!(read.got[0].unavailable().unwrap().starts_with(why), "{:?}", read.got[0]);
        assert_compared(&read);
    }
}

#[test]
fn oversized_batch_is_split_before_fields_are_dropped() {
    let bench = Bench::new(Sim::with(estate(), SimOptions { root_fields: 6, ..SimOptions::default() }));
    let (_, read, requests) = read(&bench);
    assert!(read.got[0].known().is_some() && read.staged.known().is_some());
    assert_eq!(requests, 6, "the shape, rejected batches of three and two services, and three batches of one");
    let bench = Bench::new(Sim::with(estate(), SimOptions { root_fields: 2, ..SimOptions::default() }));
    let (_, read, _) = crate::io::railway::tests::running::read(&bench);
    assert_compared(&read);
    assert!(read.got[0].unavailable().is_some() && read.staged.unavailable().is_some());
}

#[test]
fn refused_next_page_is_requested_without_optional_fields() {
    let bench = Bench::new(Sim::with(estate(), SimOptions { page_cap: 1, ..SimOptions::default() }));
    bench.sim.fault(Fault::field("activeDeployments", "Not Authorized").on("MoreServices").permanent());
    let (shape, read, requests) = read(&bench);
    let known: Vec<bool> = shape.services.iter().map(|service| service.deployed.known().is_some()).collect();
    assert_eq!((known, requests), (vec![true, false, false], 5));
    assert_compared(&read);
}

#[test]
fn variable_times_are_paged_to_end() {
    let bench = Bench::new(Sim::with(estate(), SimOptions { page_cap: 3, ..SimOptions::default() }));
    bench.sim.change(|estate| {
        let api = estate.service_named("api").unwrap();
        api.set("B", "2");
        api.changed.insert("B".to_owned(), "2026-11-24T08:00:00.000Z".to_owned());
    });
    let shape = bench.shape().unwrap();
    let client = bench.client();
    let times = client.variable_times(&shape).unwrap();
    assert_eq!(times.services["api"]["B"], "2026-11-24T08:00:00.000Z");
    assert_eq!((times.services.len(), times.services["api"].len(), client.requests()), (3, 2, 2));
}
