//! A response about another resource than the requested one is rejected, whichever of its ids differs.

use crate::error::{Error, Exit};
use crate::io::railway::batch::ReadOptions;
use crate::io::railway::client::Client;
use crate::io::railway::environment::{ServiceShape, Shape};
use crate::io::railway::tests::Bench;
use crate::io::railway::transport::{HttpRequest, HttpResponse, Scheme, Transport, TransportFailure};
use crate::io::railway::writer;
use crate::io::sim::Sim;
use crate::io::sim::seed::PROJECT_TOKEN;
use crate::io::sim::seed::incident::estate;

/// Which of several equal fields is changed.
#[derive(Clone, Copy, Debug)]
enum Which {
    First,
    Last,
}

/// The simulated Railway, with one field of one operation's response changed.
struct AlteringTransport {
    sim: Sim,
    operation: &'static str,
    from: String,
    to: String,
    which: Which,
}

impl Transport for AlteringTransport {
    fn post(&self, outgoing: &HttpRequest<'_>) -> Result<HttpResponse, TransportFailure> {
        let mut reply = self.sim.post(outgoing)?;
        if outgoing.operation == self.operation {
            let text = String::from_utf8(reply.body.to_vec()).unwrap();
            let at = match self.which {
                Which::First => text.find(&self.from),
                Which::Last => text.rfind(&self.from),
            };
            let at = at.unwrap_or_else(|| panic!("{} has no {}: {text}", self.operation, self.from));
            let text = format!("{}{}{}", &text[..at], self.to, &text[at + self.from.len()..]);
            reply.body = text.into_bytes().into();
        }
        Ok(reply)
    }

    fn host(&self) -> &str {
        self.sim.host()
    }
}

type Call = fn(&Client<'_>, &Shape) -> Result<(), Error>;

fn services(shape: &Shape) -> Vec<&ServiceShape> {
    shape.services.iter().collect()
}

/// Returns the running service of the incident, and its deployment.
fn running(shape: &Shape) -> (&str, &str) {
    let found = shape.services.iter().find_map(|service| {
        let deployment = service.deployed.known()?.running()?;
        Some((service.service.id.as_str(), deployment.id.as_str()))
    });
    found.unwrap()
}

const CALLS: &[(&str, Call)] = &[
    ("Environment", |client, shape| client.shape(&shape.project.id, &shape.environment.id).map(drop)),
    ("EnvironmentByToken", |client, _| client.token_shape().map(drop)),
    ("ComparedEnvironments", |client, shape| client.project_environments(&shape.project.id).map(drop)),
    ("Environments", |client, shape| client.project(&shape.project.id).map(drop)),
    ("Projects", |client, shape| client.project_named(&shape.project.name).map(drop)),
    ("Values", |client, shape| client.values_and(shape, &services(shape), ReadOptions::Running).map(drop)),
    ("PreWriteState", |client, shape| client.pre_write_state(&shape.project.id, &shape.environment.id).map(drop)),
    ("RecentDeployments", |client, shape| {
        client.recent(&shape.project.id, &shape.environment.id, running(shape).0).map(drop)
    }),
    ("DeploymentStatus", |client, shape| client.watch(&[running(shape).1]).map(drop)),
    ("VariableTimes", |client, shape| client.variable_times(shape).map(drop)),
    ("ProjectTokenProbe", |client, _| client.identity().map(drop).map_err(Result::unwrap_err)),
    ("Redeploy", |client, shape| {
        let writer = writer::Writer { client, project: &shape.project.id, environment: &shape.environment.id };
        match writer.redeploy(running(shape).1) {
            writer::WriteOutcome::Done(_) => Ok(()),
            writer::WriteOutcome::Unclear(error) => Err(error),
            other => panic!("{other:?}"),
        }
    }),
];

#[test]
fn response_about_other_resource_is_refused() {
    use Which::{First, Last};
    for (operation, field, which) in [
        ("Environment", "id=project", First),
        ("Environment", "id=environment", First),
        ("Environment", "projectId=project", First),
        ("Environment", "environmentId=environment", First),
        ("Environment", "environmentId=environment", Last),
        ("Environment", "serviceId=service", Last),
        ("EnvironmentByToken", "projectId=project", First),
        ("EnvironmentByToken", "projectId=project", Last),
        ("EnvironmentByToken", "environmentId=environment", First),
        ("EnvironmentByToken", "environmentId=environment", Last),
        ("EnvironmentByToken", "id=environment", First),
        ("ComparedEnvironments", "id=project", Last),
        ("ComparedEnvironments", "id=environment", First),
        ("ComparedEnvironments", "projectId=project", First),
        ("ComparedEnvironments", "environmentId=environment", First),
        ("ComparedEnvironments", "environmentId=environment", Last),
        ("Environments", "id=project", First),
        ("Environments", "projectId=project", First),
        ("Projects", "projectId=project", First),
        ("Values", "environmentId=environment", First),
        ("PreWriteState", "environmentId=environment", First),
        ("PreWriteState", "environmentId=environment", Last),
        ("PreWriteState", "id=environment", First),
        ("PreWriteState", "projectId=project", First),
        ("RecentDeployments", "environmentId=environment", First),
        ("RecentDeployments", "serviceId=service", First),
        ("DeploymentStatus", "id=deployment", First),
        ("VariableTimes", "id=environment", First),
        ("VariableTimes", "environmentId=environment", Last),
        ("ProjectTokenProbe", "id=project", First),
        ("ProjectTokenProbe", "environmentId=environment", First),
        ("Redeploy", "environmentId=environment", First),
    ] {
        let mut bench = Bench::incident();
        let shape = bench.shape().unwrap();
        if matches!(operation, "EnvironmentByToken" | "ProjectTokenProbe") {
            bench = bench.with_token(PROJECT_TOKEN, Scheme::Project, "RAILWAY_TOKEN");
        }
        let (name, what) = field.split_once('=').unwrap();
        let (service, deployment) = running(&shape);
        let id = match what {
            "project" => &shape.project.id,
            "environment" => &shape.environment.id,
            "service" => service,
            _ => deployment,
        };
        let from = format!("\"{name}\":\"{id}\"");
        let to = format!("\"{name}\":\"something-else\"");
        let altered = AlteringTransport { sim: bench.sim.clone(), operation, from, to, which };
        let call = CALLS.iter().find(|(name, _)| *name == operation).unwrap().1;
        assert_eq!(call(&bench.client(), &shape), Ok(()), "{operation} unchanged");
        if operation == "Redeploy" {
            bench.sim.change(|estate| *estate = crate::io::railway::tests::requested::estate());
        }
        let refused = call(&bench.client_on(&altered), &shape).expect_err(&format!("{operation} {field}"));
        assert!(matches!(refused, Error::InvalidResponse { .. }), "{operation} {field}: {refused:?}");
        assert_eq!(refused.exit(), Exit::Unreachable);
        assert!(!refused.cause().unwrap().contains("something-else"), "{refused:?}");
    }
}

#[test]
fn resolved_names_must_match_next_response() {
    for (kind, name) in [("project", "agentverse"), ("environment", "staging")] {
        let bench = Bench::incident();
        let located = bench.client().project_named("agentverse").unwrap();
        let environment = located.environment("staging", "").unwrap();
        let (from, to) = (format!("\"name\":\"{name}\""), "\"name\":\"production\"".to_owned());
        let altered =
            AlteringTransport { sim: bench.sim.clone(), operation: "Environment", from, to, which: Which::First };
        assert!(bench.client().shape_of(&located.project, &environment).is_ok());
        let refused = bench.client_on(&altered).shape_of(&located.project, &environment).unwrap_err();
        let cause = format!("the response is for a different {kind}");
        assert_eq!((refused.exit(), refused.cause()), (Exit::Unreachable, Some(cause)));
    }
}

#[test]
fn deployment_without_service_belongs_to_listed_service() {
    let bench = Bench::incident();
    let shape = bench.shape().unwrap();
    let from = format!("\"serviceId\":\"{}\"", running(&shape).0);
    let (operation, which) = ("RecentDeployments", Which::First);
    let altered =
        AlteringTransport { sim: bench.sim.clone(), operation, from, to: "\"serviceId\":null".to_owned(), which };
    let call = CALLS.iter().find(|(name, _)| *name == operation).unwrap().1;
    assert_eq!(call(&bench.client_on(&altered), &shape), Ok(()));
}
