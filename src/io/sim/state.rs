//! One request after another: what is due before it, what it does, and what its answer becomes.

use serde_json::{Map, Value};

use crate::drift::Secret;
use crate::io::railway::transport::{HttpResponse, Scheme, TransportFailure};
use crate::io::sim::RecordedRequest;
use crate::io::sim::access::identify;
use crate::io::sim::estate::{Estate, TokenScope};
use crate::io::sim::fault::{self, Effect, Fault, Moment};
use crate::io::sim::http_responses::{answered, malformed, nulled, refused, reply};
use crate::io::sim::mutation_context::{Mutation, MutationContext};
use crate::io::sim::operation::{Handler, Operation};
use crate::io::sim::options::SimOptions;
use crate::io::sim::request_context::{Denied, RequestContext, ViewedDeployments, batched};
use crate::io::sim::scheduled_event::{self, ScheduledEvent};

/// What the simulated Railway is at this moment.
#[derive(Debug, Default)]
pub(crate) struct SimState {
    pub(crate) estate: Estate,
    pub(crate) faults: Vec<Fault>,
    pub(crate) hooks: Vec<ScheduledEvent>,
    pub(crate) asked: Vec<RecordedRequest>,
    pub(crate) mutations: Vec<Mutation>,
    pub(crate) violations: Vec<String>,
    quirks: SimOptions,
    /// What reads of values still see, and how many of them.
    past: Option<(Estate, usize)>,
}

impl SimState {
    pub(crate) fn of(mut estate: Estate, quirks: SimOptions) -> Self {
        estate.settle();
        Self { estate, quirks, ..Self::default() }
    }

    pub(crate) fn answer(
        &mut self,
        body: &str,
        presented: Option<(Scheme, &Secret)>,
    ) -> Result<HttpResponse, TransportFailure> {
        let request: Value = serde_json::from_str(body).unwrap_or_default();
        let none = Map::new();
        let variables = request["variables"].as_object().unwrap_or(&none);
        let operation = request["operationName"].as_str().unwrap_or_default();
        self.estate.clock = self.estate.clock.after(self.quirks.pace);
        self.asked.push(RecordedRequest {
            operation: operation.into(),
            scheme: presented.map(|(scheme, _)| scheme),
            reach: identify(&self.estate, presented).ok().cloned(),
            body: Secret::new(body),
        });
        scheduled_event::run(&mut self.hooks, Moment::Before, operation, &mut self.estate);
        let query = request["query"].as_str();
        let reply = match self.due(operation, variables, query.unwrap_or_default()) {
            Some(Fault { moment: Moment::Before, effect, .. }) if !effect.is_beside_data() => {
                if Operation::named(operation).is_some_and(Operation::is_mutation) {
                    self.mutations.push(Mutation::of(operation, variables, &self.estate));
                }
                self.spoilt(operation, effect, (variables, None))
            }
            later => {
                let reach = identify(&self.estate, presented).cloned();
                let reply = match (query, Operation::named(operation)) {
                    (Some(query), Some(known)) => self.perform(known, query, (variables, reach)),
                    _ => self.invalid(&format!("Unknown operation named \"{operation}\".")),
                };
                match later {
                    Some(fault) => self.spoilt(operation, fault.effect, (variables, Some(reply))),
                    None => Ok(reply),
                }
            }
        };
        scheduled_event::run(&mut self.hooks, Moment::After, operation, &mut self.estate);
        reply.map(|reply| HttpResponse { date: Some(self.estate.clock.moment()), ..reply })
    }

    fn perform(
        &mut self,
        known: &Operation,
        query: &str,
        (variables, reach): (&Map<String, Value>, Result<TokenScope, &'static str>),
    ) -> HttpResponse {
        if let Some(complaint) = known.misgiving(query).or_else(|| known.complaint(variables)) {
            return self.invalid(&complaint);
        }
        let deployments = variables.keys().filter(|name| name.starts_with("deploymentId_")).count();
        let staged = usize::from(query.contains("staged: "));
        let fields = 2 * batched(variables, "serviceId_").count() + deployments + staged;
        if fields > self.quirks.root_fields {
            // Too large a batch is no fault of the client's: nobody has said how large is too large.
            return malformed("Too many root fields", self.asked.len());
        }
        let request = self.asked.len();
        let done = match known.handler {
            Handler::Query(look) => self.handle((known, query), look, (variables, reach)),
            Handler::Mutation(act) => self.act(known, act, (variables, reach)).map(|data| (data, Vec::new())),
        };
        match done {
            Ok((data, beside)) => answered(&data, &beside, request),
            Err(Denied { field, message }) => refused(&message, Some(&field), request),
        }
    }

    fn handle(
        &mut self,
        (known, query): (&Operation, &str),
        look: fn(&RequestContext<'_>) -> Result<Value, Denied>,
        (variables, reach): (&Map<String, Value>, Result<TokenScope, &'static str>),
    ) -> Result<(Value, Vec<Denied>), Denied> {
        let lags = ["Values", "SharedValues"].contains(&known.name);
        let past = self.past.as_mut().filter(|_| lags);
        let estate = match past {
            Some((past, reads)) => {
                *reads -= 1;
                &*past
            }
            None => &self.estate,
        };
        let scene = RequestContext::new(estate, &self.quirks, variables)
            .saying(query)
            .reached(reach.as_ref().map_err(|said| *said));
        let data = look(&scene);
        let (seen, beside) = (scene.seen.into_inner(), scene.beside.into_inner());
        self.past.take_if(|(_, reads)| *reads == 0);
        self.go_on(&seen);
        Ok((data?, beside))
    }

    fn act(
        &mut self,
        known: &Operation,
        act: fn(&mut MutationContext<'_>) -> Result<Value, Denied>,
        (variables, reach): (&Map<String, Value>, Result<TokenScope, &'static str>),
    ) -> Result<Value, Denied> {
        let before = (self.quirks.value_lag > 0).then(|| self.estate.clone());
        let record = Mutation::of(known.name, variables, &self.estate);
        let (estate, quirks) = (&mut self.estate, &self.quirks);
        let mut bench = MutationContext { estate, quirks, reach, variables, record, blame: Vec::new() };
        let data = act(&mut bench);
        let MutationContext { record, blame, .. } = bench;
        if let Some(before) = before.filter(|_| record.applied && !record.keys.is_empty()) {
            let seen = self.past.take().map_or(before, |(older, _)| older);
            self.past = Some((seen, self.quirks.value_lag));
        }
        self.mutations.push(record);
        self.violations.extend(blame);
        data
    }

    /// What was looked at goes on.
    fn go_on(&mut self, seen: &ViewedDeployments) {
        for id in seen.passed.iter().chain(&seen.log).chain(&seen.build) {
            let Some(place) = self.estate.place_of(id) else { continue };
            let mut known = self.estate.service_at(place).deployments.iter_mut().filter(|known| known.id == *id);
            let Some(deployment) = known.next() else { continue };
            deployment.unseen -= usize::from(seen.passed.contains(id));
            deployment.log_reads += usize::from(seen.log.contains(id));
            deployment.build_reads += usize::from(seen.build.contains(id));
        }
        for id in &seen.polled {
            self.estate.poll(id);
        }
    }

    fn spoilt(
        &self,
        operation: &str,
        effect: Effect,
        (variables, answer): (&Map<String, Value>, Option<HttpResponse>),
    ) -> Result<HttpResponse, TransportFailure> {
        let request = self.asked.len();
        match effect {
            Effect::Reply(canned) => Ok(reply(canned)),
            Effect::Fail(failure) => Err(failure),
            Effect::Cut => {
                let mut answer = answer.unwrap_or_else(|| answered(&Value::Null, &[], request));
                let half = answer.body.len() / 2;
                answer.body.truncate(half);
                Ok(answer)
            }
            Effect::Refuse(message) => Ok(refused(&message, None, request)),
            Effect::Field { field, message } => {
                let denied = Denied { field: fault::path(operation, &field), message };
                Ok(match answer {
                    Some(answer) if fault::is_nullable(&field) => nulled(answer, &denied, request),
                    _ => refused(&denied.message, Some(&denied.field), request),
                })
            }
            Effect::Service { id, message } => {
                let mut services = batched(variables, "serviceId_");
                let number = services.find(|(_, service)| *service == id).map_or(0, |(number, _)| number);
                Ok(refused(&message, Some(&format!("stored_{number}")), request))
            }
        }
    }

    fn due(&mut self, operation: &str, variables: &Map<String, Value>, query: &str) -> Option<Fault> {
        let text = |name: &str| variables.get(name).and_then(Value::as_str);
        let batch = |prefix| batched(variables, prefix).map(|(_, id)| id);
        let deployments = text("deploymentId").into_iter().chain(batch("deploymentId_"));
        let deployed = deployments.filter_map(|id| Some(self.estate.at(self.estate.place_of(id)?).2.id.as_str()));
        let patched = variables.get("patch").and_then(|patch| patch["services"].as_object());
        let patched = patched.into_iter().flat_map(|services| services.keys().map(String::as_str));
        let services = text("serviceId").into_iter().chain(batch("serviceId_")).chain(deployed).chain(patched);
        let services: Vec<String> = services.map(String::from).collect();
        // Each of them counts, whichever happens.
        let possible = self.faults.iter_mut().filter(|fault| !fault.is_besides(query));
        let met: Vec<&mut Fault> =
            possible.filter_map(|fault| fault.meets(operation, &services).then_some(fault)).collect();
        met.into_iter().next().map(Fault::meet)
    }

    fn invalid(&mut self, message: &str) -> HttpResponse {
        self.violations.push(message.into());
        malformed(message, self.asked.len())
    }
}
