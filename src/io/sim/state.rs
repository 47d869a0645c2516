//! The state of the simulated Railway: processes requests one by one, with scheduled events and faults.

use serde_json::{Map, Value};

use crate::drift::Secret;
use crate::io::railway::transport::{HttpResponse, Scheme, TransportFailure};
use crate::io::sim::RecordedRequest;
use crate::io::sim::access::identify;
use crate::io::sim::estate::{Estate, TokenScope};
use crate::io::sim::fault::{self, Effect, Fault, Moment, RequestedService};
use crate::io::sim::http_responses::{answered, limited, malformed, nulled, refused, reply, with_allowance};
use crate::io::sim::mutation_context::{Mutation, MutationContext};
use crate::io::sim::operation::{Handler, MutationHandler, Operation, QueryHandler};
use crate::io::sim::options::{RemainingHeader, SimOptions};
use crate::io::sim::request_context::{Denied, RequestContext, ViewedDeployments, batched, variable_of};
use crate::io::sim::scheduled_event::{self, ScheduledEvent};

/// The state of the simulated Railway.
#[derive(Debug, Default)]
pub(crate) struct SimState {
    pub(crate) estate: Estate,
    pub(crate) faults: Vec<Fault>,
    pub(crate) hooks: Vec<ScheduledEvent>,
    pub(crate) asked: Vec<RecordedRequest>,
    pub(crate) mutations: Vec<Mutation>,
    pub(crate) violations: Vec<String>,
    quirks: SimOptions,
    /// The older estate that reads of values still return, and the number of such reads that are left.
    past: Option<(Estate, usize)>,
}

/// A received request.
struct IncomingRequest<'r> {
    operation: &'r str,
    /// The document; `None` if the body has none.
    query: Option<&'r str>,
    variables: &'r Map<String, Value>,
    /// The scope of the token, or the message that every field returns instead.
    reach: Result<TokenScope, &'static str>,
}

impl IncomingRequest<'_> {
    /// Returns the services of a batch of values, in order.
    fn batched_services(&self) -> Vec<RequestedService> {
        let query = self.query.unwrap_or_default();
        let environment = |number: usize| {
            let variable = variable_of(query, &format!("stored_{number}"), "environmentId");
            self.variables.get(variable).and_then(Value::as_str).map(String::from)
        };
        let services = batched(self.variables, "serviceId_");
        services.map(|(number, id)| RequestedService { id: id.into(), environment: environment(number) }).collect()
    }
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
        if self.quirks.allowance.is_some_and(|allowed| self.asked.len() > allowed) {
            self.violations.push("the rate limit was exceeded".into());
            return Ok(limited());
        }
        scheduled_event::run(&mut self.hooks, Moment::Before, operation, &mut self.estate);
        let reach = identify(&self.estate, presented).cloned();
        let reply = self.reply(&IncomingRequest { operation, query: request["query"].as_str(), variables, reach });
        scheduled_event::run(&mut self.hooks, Moment::After, operation, &mut self.estate);
        let reply = reply.map(|reply| self.with_rate_limit(reply));
        reply.map(|reply| HttpResponse { date: Some(self.estate.clock.moment()), ..reply })
    }

    fn with_rate_limit(&self, reply: HttpResponse) -> HttpResponse {
        let Some(allowed) = self.quirks.allowance else { return reply };
        let is_stated = self.quirks.remaining == RemainingHeader::Present;
        with_allowance(reply, allowed, is_stated.then(|| allowed.saturating_sub(self.asked.len())))
    }

    /// Processes a request, unless a fault prevents it.
    fn reply(&mut self, request: &IncomingRequest<'_>) -> Result<HttpResponse, TransportFailure> {
        let operation = Operation::named(request.operation);
        let fault = match self.due(request) {
            Some(Fault { moment: Moment::Before, effect, .. }) if !effect.is_beside_data() => {
                if operation.is_some_and(Operation::is_mutation) {
                    self.mutations.push(Mutation::of(request.operation, request.variables, &self.estate));
                }
                return self.apply_fault(request, effect, None);
            }
            fault => fault,
        };
        let reply = match (operation, request.query) {
            (Some(operation), Some(query)) => self.perform(operation, query, request),
            _ => self.invalid(&format!("Unknown operation named \"{}\".", request.operation)),
        };
        match fault {
            Some(fault) => self.apply_fault(request, fault.effect, Some(reply)),
            None => Ok(reply),
        }
    }

    fn perform(&mut self, operation: &Operation, query: &str, request: &IncomingRequest<'_>) -> HttpResponse {
        let variables = request.variables;
        if let Some(complaint) = operation.misgiving(query).or_else(|| operation.complaint(variables)) {
            return self.invalid(&complaint);
        }
        let deployments = variables.keys().filter(|name| name.starts_with("deploymentId_")).count();
        let staged = usize::from(query.contains("staged: "));
        let environments = batched(variables, "environmentId_").count();
        let fields = environments + 2 * batched(variables, "serviceId_").count() + deployments + staged;
        if fields > self.quirks.root_fields {
            // Not a violation, because Railway does not document the limit.
            return malformed("Too many root fields", self.asked.len());
        }
        let number = self.asked.len();
        let done = match operation.handler {
            Handler::Query(read) => self.query(operation, read, request),
            Handler::Mutation(write) => self.mutate(operation, write, request).map(|data| (data, Vec::new())),
        };
        match done {
            Ok((data, beside)) => answered(&data, &beside, number),
            Err(Denied { field, message }) => refused(&message, Some(&field), number),
        }
    }

    /// Runs a query. With `value_lag`, a read of values returns those from before the last write.
    fn query(
        &mut self,
        operation: &Operation,
        read: QueryHandler,
        request: &IncomingRequest<'_>,
    ) -> Result<(Value, Vec<Denied>), Denied> {
        let lags = ["Values", "SharedValues", "SharedValuesBatch"].contains(&operation.name);
        let past = self.past.as_mut().filter(|_| lags);
        let estate = match past {
            Some((past, reads)) => {
                *reads -= 1;
                &*past
            }
            None => &self.estate,
        };
        let context = RequestContext::new(estate, &self.quirks, request.variables)
            .with_query(request.query.unwrap_or_default())
            .reached(request.reach.as_ref().map_err(|message| *message));
        let data = read(&context);
        let (seen, beside) = (context.seen.into_inner(), context.beside.into_inner());
        self.past.take_if(|(_, reads)| *reads == 0);
        self.advance(&seen);
        Ok((data?, beside))
    }

    fn mutate(
        &mut self,
        operation: &Operation,
        write: MutationHandler,
        request: &IncomingRequest<'_>,
    ) -> Result<Value, Denied> {
        let before = (self.quirks.value_lag > 0).then(|| self.estate.clone());
        let record = Mutation::of(operation.name, request.variables, &self.estate);
        let mut context = MutationContext {
            estate: &mut self.estate,
            quirks: &self.quirks,
            reach: request.reach.clone(),
            variables: request.variables,
            record,
            blame: Vec::new(),
        };
        let data = write(&mut context);
        let MutationContext { record, blame, .. } = context;
        if let Some(before) = before.filter(|_| record.applied && !record.keys.is_empty()) {
            let past = self.past.take().map_or(before, |(older, _)| older);
            self.past = Some((past, self.quirks.value_lag));
        }
        self.mutations.push(record);
        self.violations.extend(blame);
        data
    }

    /// Advances the deployments that were read.
    fn advance(&mut self, seen: &ViewedDeployments) {
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

    /// Applies the effect of a fault: replaces the response, or changes it.
    fn apply_fault(
        &self,
        request: &IncomingRequest<'_>,
        effect: Effect,
        response: Option<HttpResponse>,
    ) -> Result<HttpResponse, TransportFailure> {
        let number = self.asked.len();
        match effect {
            Effect::Reply(canned) => Ok(reply(canned)),
            Effect::Fail(failure) => Err(failure),
            Effect::Cut => {
                let mut response = response.unwrap_or_else(|| answered(&Value::Null, &[], number));
                let half = response.body.len() / 2;
                response.body.truncate(half);
                Ok(response)
            }
            Effect::Refuse(message) => Ok(refused(&message, None, number)),
            Effect::Field { field, message } => {
                let denied = Denied { field: fault::path(request.operation, &field), message };
                Ok(match response {
                    Some(response) if fault::is_nullable(&field) => nulled(response, &denied, number),
                    _ => refused(&denied.message, Some(&denied.field), number),
                })
            }
            Effect::Service { ref message, .. } => {
                let position = request.batched_services().iter().position(|service| effect.concerns(service));
                Ok(refused(message, Some(&format!("stored_{}", position.unwrap_or_default())), number))
            }
        }
    }

    /// Returns the fault that affects a request, if there is one.
    fn due(&mut self, request: &IncomingRequest<'_>) -> Option<Fault> {
        let variables = request.variables;
        let text = |name: &str| variables.get(name).and_then(Value::as_str);
        let deployments = text("deploymentId").into_iter();
        let deployments = deployments.chain(batched(variables, "deploymentId_").map(|(_, id)| id));
        let deployed = deployments.filter_map(|id| Some(self.estate.at(self.estate.place_of(id)?).2.id.as_str()));
        let patched = variables.get("patch").and_then(|patch| patch["services"].as_object());
        let patched = patched.into_iter().flat_map(|services| services.keys().map(String::as_str));
        let single = text("serviceId").into_iter().chain(deployed).chain(patched);
        let environment = || text("environmentId").map(String::from);
        let single = single.map(|id| RequestedService { id: id.into(), environment: environment() });
        let services: Vec<RequestedService> = single.chain(request.batched_services()).collect();
        // All matching faults count the request, although only one takes effect.
        let possible = self.faults.iter_mut().filter(|fault| !fault.is_besides(request.query.unwrap_or_default()));
        let met: Vec<&mut Fault> =
            possible.filter_map(|fault| fault.meets(request.operation, &services).then_some(fault)).collect();
        met.into_iter().next().map(Fault::meet)
    }

    fn invalid(&mut self, message: &str) -> HttpResponse {
        self.violations.push(message.into());
        malformed(message, self.asked.len())
    }
}
