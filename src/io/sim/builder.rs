//! Builders for an estate, with which each seed reads like a list of its contents.

use std::collections::{BTreeMap, VecDeque};

use ring::digest;

use crate::drift::Secret;
use crate::io::sim::estate::{
    Edge, Environment, Estate, Project, Proof, SimAccess, SimService, SimSource, SimVariable, Token, TokenScope,
    Workspace,
};

/// The time at which all deleted resources were deleted, in Railway's format.
const DELETED_AT: &str = "2026-01-31T09:30:00.000Z";

impl Estate {
    /// Returns an estate with one empty workspace.
    pub fn of(workspace: &str) -> Self {
        let workspaces = vec![Workspace { id: identity(&["workspace", workspace]), name: workspace.into() }];
        Self { workspaces, ..Self::default() }
    }

    /// Adds a workspace, to which the projects that are added next belong.
    pub fn workspace(mut self, name: &str) -> Self {
        self.workspaces.push(Workspace { id: identity(&["workspace", name]), name: name.into() });
        self
    }

    /// Adds a project to the last workspace, and an id to every resource without one.
    pub fn project(mut self, mut project: Project) -> Self {
        if let Some(workspace) = self.workspaces.last() {
            project.workspace.clone_from(&workspace.id);
        }
        project.settle();
        self.projects.push(project);
        self
    }

    /// Adds a valid token.
    pub fn token(mut self, text: &str, reach: TokenScope) -> Self {
        self.tokens.push(Token { text: Secret::new(text), reach });
        self
    }

    /// Returns the environment with this name in the project with this name.
    pub fn environment(&mut self, project: &str, environment: &str) -> Option<&mut Environment> {
        let project = self.projects.iter_mut().find(|candidate| candidate.name == project)?;
        project.environments.iter_mut().find(|candidate| candidate.name == environment)
    }
}

impl Project {
    /// Returns a project without environments.
    pub fn named(name: &str) -> Self {
        Self {
            id: String::new(),
            name: name.into(),
            workspace: String::new(),
            deleted_at: None,
            environments: Vec::new(),
        }
    }

    /// Sets its id.
    pub fn id(mut self, id: &str) -> Self {
        self.id = id.into();
        self
    }

    /// Marks it as deleted.
    pub fn deleted(mut self) -> Self {
        self.deleted_at = Some(DELETED_AT.into());
        self
    }

    pub fn environment(mut self, environment: Environment) -> Self {
        self.environments.push(environment);
        self
    }

    fn settle(&mut self) {
        fill(&mut self.id, &["project", &self.workspace, &self.name]);
        for environment in &mut self.environments {
            fill(&mut environment.id, &["environment", &self.id, &environment.name]);
            for service in &mut environment.services {
                fill(&mut service.id, &["service", &self.id, &service.name]);
            }
        }
    }
}

impl Environment {
    /// Returns an environment without services.
    pub fn named(name: &str) -> Self {
        Self {
            id: String::new(),
            name: name.into(),
            access: SimAccess::Everybody,
            is_ephemeral: false,
            deleted_at: None,
            shared: BTreeMap::new(),
            services: Vec::new(),
            staged: None,
        }
    }

    /// Marks it as created for a pull request.
    pub fn ephemeral(mut self) -> Self {
        self.is_ephemeral = true;
        self
    }

    /// Restricts access to administrators.
    pub fn restricted(mut self) -> Self {
        self.access = SimAccess::Administrators;
        self
    }

    /// Marks it as deleted.
    pub fn deleted(mut self) -> Self {
        self.deleted_at = Some(DELETED_AT.into());
        self
    }

    pub fn shared(mut self, variables: &[(&str, &str)]) -> Self {
        self.shared.extend(variables.iter().map(open));
        self
    }

    pub fn service(mut self, service: SimService) -> Self {
        self.services.push(service);
        self
    }

    /// Returns the service with this name, to change it as another user would.
    pub fn service_named(&mut self, name: &str) -> Option<&mut SimService> {
        self.services.iter_mut().find(|candidate| candidate.name == name)
    }
}

impl SimService {
    /// Returns a service without source and variables.
    pub fn named(name: &str) -> Self {
        Self {
            id: String::new(),
            name: name.into(),
            source: SimSource::Nothing,
            root_directory: None,
            start_command: None,
            config_file: None,
            domain: None,
            custom_domains: Vec::new(),
            deleted_at: None,
            changed: BTreeMap::new(),
            variables: BTreeMap::new(),
            volume: None,
            cron: None,
            commit: None,
            edge: None,
            deployments: Vec::new(),
            settled: false,
            next_plans: VecDeque::new(),
            plan: None,
            startup_lines: Vec::new(),
            chatter: 0,
        }
    }

    /// Runs it from an image.
    pub fn image(mut self, image: &str) -> Self {
        self.source = SimSource::Image(image.into());
        self
    }

    /// Builds it from a GitHub repository.
    pub fn repository(mut self, repository: &str) -> Self {
        self.source = SimSource::Repository(repository.into());
        self
    }

    /// Builds it from a directory of its repository.
    pub fn root(mut self, directory: &str) -> Self {
        self.root_directory = Some(directory.into());
        self
    }

    /// Sets the start command.
    pub fn start(mut self, command: &str) -> Self {
        self.start_command = Some(command.into());
        self
    }

    /// Sets the configuration file in its settings.
    pub fn config_file(mut self, path: &str) -> Self {
        self.config_file = Some(path.into());
        self
    }

    /// Sets its domain from Railway.
    pub fn domain(mut self, domain: &str) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// Sets an edge feature that responds instead of it.
    pub fn behind(mut self, edge: Edge) -> Self {
        self.edge = Some(edge);
        self
    }

    /// Adds a custom domain.
    pub fn custom_domain(mut self, domain: &str, proof: Proof) -> Self {
        self.custom_domains.push((domain.into(), proof));
        self
    }

    /// Sets when a variable was changed.
    pub fn changed(mut self, name: &str, time: &str) -> Self {
        self.changed.insert(name.into(), time.into());
        self
    }

    /// Marks it as deleted.
    pub fn deleted(mut self) -> Self {
        self.deleted_at = Some(DELETED_AT.into());
        self
    }

    pub fn variables(mut self, variables: &[(&str, &str)]) -> Self {
        self.variables.extend(variables.iter().map(open));
        self
    }

    /// Stores a variable and seals it.
    pub fn sealed(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.into(), SimVariable::Sealed(Secret::new(value)));
        self
    }
}

fn open(variable: &(&str, &str)) -> (String, SimVariable) {
    (variable.0.into(), SimVariable::Open(Secret::new(variable.1)))
}

fn fill(id: &mut String, parts: &[&str]) {
    if id.is_empty() {
        *id = identity(parts);
    }
}

/// Returns an id in Railway's format, a lower-case UUID, that is the same on every run.
pub(crate) fn identity(parts: &[&str]) -> String {
    let hash = digest::digest(&digest::SHA256, parts.join("\n").as_bytes());
    let number = hash.as_ref().iter().take(16).fold(0_u128, |number, &byte| number << 8 | u128::from(byte));
    let mut digits = format!("{number:032x}");
    digits.replace_range(12..13, "4");
    digits.replace_range(16..17, "8");
    for dash in [20, 16, 12, 8] {
        digits.insert(dash, '-');
    }
    digits
}

#[cfg(test)]
mod tests {
    use crate::io::sim::estate::{Environment, Estate, Project, SimService, TokenScope};

    fn shop() -> Project {
        let services =
            |name: &str| Environment::named(name).service(SimService::named("web")).service(SimService::named("api"));
        Project::named("shop").environment(services("staging")).environment(services("production"))
    }

    #[test]
    fn ids_are_uuids_and_deterministic() {
        let id = Estate::of("team").project(shop()).projects.remove(0).id;
        let shape: String = id.chars().map(|c| if c.is_ascii_hexdigit() { 'x' } else { c }).collect();
        assert_eq!(shape, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
        assert_eq!(id.to_lowercase(), id);
        assert_eq!(id, Estate::of("team").project(shop()).projects[0].id);
    }

    #[test]
    fn service_id_is_shared_across_environments_of_project() {
        let estate = Estate::of("team").project(shop()).project(Project { name: "other".into(), ..shop() });
        let id = |project: usize, environment: usize, service: usize| {
            estate.projects[project].environments[environment].services[service].id.clone()
        };
        assert_eq!(id(0, 0, 0), id(0, 1, 0));
        assert_ne!(id(0, 0, 0), id(0, 0, 1));
        assert_ne!(id(0, 0, 0), id(1, 0, 0));
        assert_ne!(estate.projects[0].environments[0].id, estate.projects[0].environments[1].id);
    }

    #[test]
    fn explicit_id_is_kept() {
        let estate = Estate::of("team").project(shop().id("30cf5498-5aeb-4cf6-b35c-5ba0b9ed81f2"));
        assert_eq!(estate.projects[0].id, "30cf5498-5aeb-4cf6-b35c-5ba0b9ed81f2");
    }

    #[test]
    fn debug_output_omits_values() {
        let service = SimService::named("web").variables(&[("A", "marker-open")]).sealed("B", "marker-sealed");
        let project = Project::named("shop").environment(Environment::named("e").service(service));
        let estate = Estate::of("team").project(project).token("marker-token", TokenScope::Account);
        let shown = format!("{estate:?}");
        assert!(shown.contains("\"A\"") && !shown.contains("marker"), "{shown}");
    }
}
