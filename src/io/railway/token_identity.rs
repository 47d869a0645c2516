//! Reads the identity of a token from Railway, with one or two small requests.

use graphql_client::GraphQLQuery;

use crate::drift::ResourceRef;
use crate::drift::token_identity::Identity;
use crate::error::{Error, RailwayErrors};
use crate::io::railway::client::Client;
use crate::io::railway::operations::{
    ApiTokenProbe, ProjectTokenProbe, UserProbe, api_token_probe, project_token_probe, user_probe,
};
use crate::io::railway::response::QueryError;
use crate::io::railway::transport::Scheme;

impl Client<'_> {
    /// Returns the identity of the token; `Err(Ok(errors))` if Railway does not accept it in the header of its scheme.
    pub fn identity(&self) -> Result<Identity, Result<RailwayErrors, Error>> {
        if self.credentials.scheme == Scheme::Project {
            let body = ProjectTokenProbe::build_query(project_token_probe::Variables);
            let data: project_token_probe::ResponseData =
                self.query("ProjectTokenProbe", &body).map_err(|failure| self.unknown("ProjectTokenProbe", failure))?;
            let token = data.project_token;
            self.require_same("project", &token.project_id, &token.project.id).map_err(Err)?;
            self.require_same("environment", &token.environment_id, &token.environment.id).map_err(Err)?;
            return Ok(Identity::Project(
                ResourceRef { id: token.project.id, name: token.project.name },
                ResourceRef { id: token.environment.id, name: token.environment.name },
            ));
        }
        let body = UserProbe::build_query(user_probe::Variables);
        let is_user = match self.query::<_, user_probe::ResponseData>("UserProbe", &body) {
            Ok(_) => true,
            Err(failure) => match self.unknown("UserProbe", failure) {
                Ok(_) => false,
                Err(error) => return Err(Err(error)),
            },
        };
        let body = ApiTokenProbe::build_query(api_token_probe::Variables);
        match self.query::<_, api_token_probe::ResponseData>("ApiTokenProbe", &body) {
            Ok(data) => {
                let names = data.api_token.workspaces.into_iter().map(|workspace| workspace.name).collect();
                Ok(if is_user { Identity::Account(names) } else { Identity::Workspace(names) })
            }
            Err(QueryError::Refused(_)) if is_user => Ok(Identity::Account(Vec::new())),
            Err(failure) => Err(self.unknown("ApiTokenProbe", failure)),
        }
    }

    /// Returns Railway's errors if they may mean that the token is invalid, and any other failure as an error.
    fn unknown(&self, operation: &'static str, failure: QueryError) -> Result<RailwayErrors, Error> {
        match failure {
            QueryError::Refused(refusals) if refusals.iter().any(|refusal| refusal.kind.is_of_token()) => {
                Ok(self.refused(&refusals))
            }
            QueryError::Refused(refusals) => Err(self.explain(operation, "the token's owner", &refusals)),
            QueryError::Failed(error) => Err(error),
        }
    }
}
