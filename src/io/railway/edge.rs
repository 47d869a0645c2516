//! The settings of Railway's edge for a service.

use graphql_client::GraphQLQuery;

use crate::io::endpoint::{EdgeSettings, EdgeState};
use crate::io::railway::client::Client;
use crate::io::railway::operations::{Edge, edge};

impl Client<'_> {
    /// Reads the edge's settings for a service, with one request. A failure is not an error: the settings are unknown.
    pub fn front(&self, environment: &str, service: &str) -> EdgeState {
        let variables = edge::Variables { environment_id: environment.to_owned(), service_id: service.to_owned() };
        let Ok(data) = self.query::<_, edge::ResponseData>("Edge", &Edge::build_query(variables)) else {
            return EdgeState::Unknown;
        };
        let instance = data.service_instance;
        if instance.environment_id != environment || instance.service_id != service {
            return EdgeState::Unknown;
        }
        let now = self.railway_time().unwrap_or_else(|| self.clock.now()).as_second();
        EdgeState::Known(instance.edge_config.map_or_else(EdgeSettings::default, |config| EdgeSettings {
            under_attack: config.under_attack_mode_until.is_some_and(|until| until > now),
            has_rules: config.edge_rules.is_some_and(|rules| match rules {
                serde_json::Value::Array(rules) => !rules.is_empty(),
                serde_json::Value::Object(rules) => !rules.is_empty(),
                _ => false,
            }),
        }))
    }
}
