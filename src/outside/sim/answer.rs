//! What the simulated Railway answers to each operation in `graphql/`.

use serde_json::{Map, Value, json};

use crate::outside::sim::Quirks;
use crate::outside::sim::access::{NO_PROJECT_TOKEN, NOT_AUTHORIZED, sees_environment, sees_project, sees_workspace};
use crate::outside::sim::config;
use crate::outside::sim::estate::{Environment, Estate, Project, Reach, Service, Source};
use crate::outside::sim::operation::batched;
use crate::outside::sim::page::{Page, connection};
use crate::outside::sim::render::Renderer;

// GraphQL is not executed here, so these repeat the documents' `first`; a test compares them.
const SERVICES_PER_PAGE: usize = 500;
const ENVIRONMENTS_PER_PAGE: usize = 100;
const PROJECTS_PER_PAGE: usize = 100;

/// One request, understood: who asks what of which estate.
pub(crate) struct Scene<'s> {
    pub(crate) estate: &'s Estate,
    pub(crate) quirks: &'s Quirks,
    /// Or what every field says to that token.
    pub(crate) reach: Result<&'s Reach, &'static str>,
    pub(crate) variables: &'s Map<String, Value>,
}

/// A root field that answers with an error. Root fields are never null, so nothing else is answered then.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Denied {
    /// The field's name in the answer.
    pub(crate) field: String,
    pub(crate) message: String,
}

impl<'s> Scene<'s> {
    fn text(&self, name: &str) -> &'s str {
        self.variables.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn after(&self) -> Option<&'s str> {
        self.variables.get("after").and_then(Value::as_str)
    }

    fn page(&self, first: usize, after: Option<&'s str>) -> Page<'s> {
        Page { first, after, cap: self.quirks.page_cap }
    }

    fn project(&self) -> Result<&'s Project, String> {
        let reach = self.reach?;
        let wanted = self.text("projectId");
        let project = self.estate.projects.iter().find(|project| project.id == wanted);
        let project = project.ok_or("Project not found")?;
        if sees_project(reach, project) { Ok(project) } else { Err(NOT_AUTHORIZED.into()) }
    }

    fn environment(&self) -> Result<(&'s Project, &'s Environment), String> {
        let reach = self.reach?;
        let wanted = [self.text("projectId"), self.text("environmentId")];
        let (project, environment) = find(self.estate, wanted)
            .filter(|(_, environment)| environment.deleted_at.is_none())
            .ok_or("Environment not found")?;
        if sees_environment(reach, project, environment) {
            Ok((project, environment))
        } else {
            Err(NOT_AUTHORIZED.into())
        }
    }

    fn own(&self) -> Result<(&'s Project, &'s Environment), String> {
        match self.reach? {
            Reach::Project { project, environment } => find(self.estate, [project.as_str(), environment.as_str()]),
            _ => None,
        }
        .ok_or_else(|| NO_PROJECT_TOKEN.into())
    }

    fn services(&self, environment: &'s Environment, after: Option<&'s str>) -> Result<Value, String> {
        let services: Vec<&Service> = environment.services.iter().collect();
        connection(&services, self.page(SERVICES_PER_PAGE, after), |service| &service.id, instance)
    }

    fn listed_environments(&self, project: &'s Project, after: Option<&'s str>) -> Result<Value, String> {
        let reach = self.reach?;
        let environments: Vec<&Environment> = project.environments.iter().collect();
        let page = self.page(ENVIRONMENTS_PER_PAGE, after);
        connection(
            &environments,
            page,
            |environment| &environment.id,
            |environment| {
                json!({
                    "id": environment.id,
                    "name": environment.name,
                    "canAccess": sees_environment(reach, project, environment),
                    "deletedAt": environment.deleted_at,
                })
            },
        )
    }

    fn inside(&self, environment: &'s Environment) -> Result<Value, String> {
        Ok(json!({
            "id": environment.id,
            "name": environment.name,
            "deletedAt": environment.deleted_at,
            "config": config::of(environment, self.quirks),
            "serviceInstances": self.services(environment, None)?,
        }))
    }
}

fn find<'s>(estate: &'s Estate, [project, environment]: [&str; 2]) -> Option<(&'s Project, &'s Environment)> {
    let project = estate.projects.iter().find(|candidate| candidate.id == project)?;
    let environment = project.environments.iter().find(|candidate| candidate.id == environment)?;
    Some((project, environment))
}

/// Turns what a field says into the error of that field.
fn denied(field: &str) -> impl Fn(String) -> Denied {
    move |message| Denied { field: field.to_owned(), message }
}

fn named(id: &str, name: &str) -> Value {
    json!({ "id": id, "name": name })
}

fn headed(project: &Project) -> Value {
    json!({ "id": project.id, "name": project.name, "deletedAt": project.deleted_at })
}

fn instance(service: &Service) -> Value {
    let source = match &service.source {
        Source::Nothing => Value::Null,
        Source::Image(image) => json!({ "image": image, "repo": null }),
        Source::Repository(repository) => json!({ "image": null, "repo": repository }),
    };
    json!({
        "serviceId": service.id,
        "serviceName": service.name,
        "rootDirectory": service.root_directory,
        "deletedAt": service.deleted_at,
        "source": source,
    })
}

pub(crate) fn api_token(scene: &Scene<'_>) -> Result<Value, Denied> {
    let denied = denied("apiToken");
    let reach = scene.reach.map_err(|said| denied(said.into()))?;
    if matches!(reach, Reach::Project { .. }) {
        return Err(denied(NOT_AUTHORIZED.into()));
    }
    let seen = scene.estate.workspaces.iter().filter(|workspace| sees_workspace(reach, &workspace.id));
    let workspaces: Vec<Value> = seen.map(|workspace| named(&workspace.id, &workspace.name)).collect();
    Ok(json!({ "apiToken": { "workspaces": workspaces } }))
}

pub(crate) fn project_token(scene: &Scene<'_>) -> Result<Value, Denied> {
    let (project, environment) = scene.own().map_err(denied("projectToken"))?;
    Ok(json!({ "projectToken": {
        "project": named(&project.id, &project.name),
        "environment": named(&environment.id, &environment.name),
    }}))
}

pub(crate) fn scoped_shape(scene: &Scene<'_>) -> Result<Value, Denied> {
    let denied = denied("projectToken");
    let (project, environment) = scene.own().map_err(&denied)?;
    let environment = scene.inside(environment).map_err(&denied)?;
    Ok(json!({ "projectToken": { "project": headed(project), "environment": environment } }))
}

pub(crate) fn shape(scene: &Scene<'_>) -> Result<Value, Denied> {
    let project = scene.project().map_err(denied("project"))?;
    let (_, environment) = scene.environment().map_err(denied("environment"))?;
    let environment = scene.inside(environment).map_err(denied("environment"))?;
    Ok(json!({ "project": headed(project), "environment": environment }))
}

pub(crate) fn more_services(scene: &Scene<'_>) -> Result<Value, Denied> {
    let denied = denied("environment");
    let (_, environment) = scene.environment().map_err(&denied)?;
    let services = scene.services(environment, scene.after()).map_err(&denied)?;
    Ok(json!({ "environment": { "serviceInstances": services } }))
}

pub(crate) fn environments(scene: &Scene<'_>) -> Result<Value, Denied> {
    let project = scene.project().map_err(denied("project"))?;
    let environments = scene.listed_environments(project, scene.after()).map_err(denied("project"))?;
    let mut answer = headed(project);
    answer["environments"] = environments;
    Ok(json!({ "project": answer }))
}

pub(crate) fn projects(scene: &Scene<'_>) -> Result<Value, Denied> {
    let denied = denied("projects");
    let reach = scene.reach.map_err(|said| denied(said.into()))?;
    let workspace = scene.variables.get("workspaceId").and_then(Value::as_str);
    let refused = match workspace {
        Some(workspace) => !sees_workspace(reach, workspace),
        None => matches!(reach, Reach::Project { .. }),
    };
    if refused {
        return Err(denied(NOT_AUTHORIZED.into()));
    }
    let seen: Vec<&Project> = scene
        .estate
        .projects
        .iter()
        .filter(|project| project.deleted_at.is_none() && sees_project(reach, project))
        .filter(|project| workspace.is_none_or(|workspace| project.workspace == workspace))
        .collect();
    let page = scene.page(PROJECTS_PER_PAGE, scene.after());
    let listed = connection(
        &seen,
        page,
        |project| &project.id,
        |project| {
            let mut node = headed(project);
            // The first page can't meet a foreign cursor.
            node["environments"] = scene.listed_environments(project, None).unwrap_or_default();
            node
        },
    );
    Ok(json!({ "projects": listed.map_err(&denied)? }))
}

pub(crate) fn values(scene: &Scene<'_>) -> Result<Value, Denied> {
    let (project, environment) = scene.environment().map_err(denied("stored_0"))?;
    let mut renderer = Renderer::new(project, environment);
    let mut data = Map::new();
    for (number, id) in batched(scene.variables) {
        let field = format!("stored_{number}");
        let service = environment.services.iter().find(|service| service.id == id && service.deleted_at.is_none());
        let service = service.ok_or_else(|| denied(&field)(absent(project, id)))?;
        data.insert(format!("rendered_{number}"), config::values(renderer.variables(service), scene.quirks));
        data.insert(field, config::values(config::stored(service), scene.quirks));
    }
    Ok(Value::Object(data))
}

fn absent(project: &Project, id: &str) -> String {
    let mut services = project.environments.iter().flat_map(|environment| &environment.services);
    let elsewhere = services.any(|service| service.id == id);
    if elsewhere { "ServiceInstance not found".into() } else { "Service not found".into() }
}
