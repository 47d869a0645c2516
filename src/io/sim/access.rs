//! The access of tokens.

use crate::drift::Secret;
use crate::io::railway::transport::Scheme;
use crate::io::sim::estate::{Environment, Estate, Project, SimAccess, TokenScope};

/// Railway's message for an unknown token, and for anything that a token has no access to.
pub(crate) const NOT_AUTHORIZED: &str = "Not Authorized";

/// Railway's message for a token in the wrong header, and for a query of the project token with another token.
pub(crate) const NO_PROJECT_TOKEN: &str = "Project Token not found";

/// Returns the scope of a token, or the message that every field returns instead.
pub(crate) fn identify<'e>(
    estate: &'e Estate,
    presented: Option<(Scheme, &Secret)>,
) -> Result<&'e TokenScope, &'static str> {
    let (scheme, text) = presented.ok_or(NOT_AUTHORIZED)?;
    let reach = estate.tokens.iter().find(|token| token.text == *text).map(|token| &token.reach);
    match (scheme, reach) {
        (Scheme::Project, Some(reach @ TokenScope::Project { .. })) => Ok(reach),
        (Scheme::Project, _) | (Scheme::Bearer, Some(TokenScope::Project { .. })) => Err(NO_PROJECT_TOKEN),
        (Scheme::Bearer, Some(reach)) => Ok(reach),
        (Scheme::Bearer, None) => Err(NOT_AUTHORIZED),
    }
}

/// Returns whether a token has access to this workspace. A project token has access to none.
pub(crate) fn can_read_workspace(reach: &TokenScope, workspace: &str) -> bool {
    match reach {
        TokenScope::Account => true,
        TokenScope::Workspace(own) => own == workspace,
        TokenScope::Login(granted) => granted.iter().any(|own| own == workspace),
        TokenScope::Project { .. } => false,
    }
}

/// Returns whether a token has access to this project.
pub(crate) fn can_read_project(reach: &TokenScope, project: &Project) -> bool {
    match reach {
        TokenScope::Project { project: own, .. } => *own == project.id,
        _ => can_read_workspace(reach, &project.workspace),
    }
}

/// Returns whether a token has access to the contents of this environment. Access to the project shows its name and id.
pub(crate) fn can_read_environment(reach: &TokenScope, project: &Project, environment: &Environment) -> bool {
    match reach {
        TokenScope::Project { environment: own, .. } => can_read_project(reach, project) && *own == environment.id,
        _ => can_read_project(reach, project) && environment.access == SimAccess::Everybody,
    }
}

#[cfg(test)]
mod tests {
    use crate::drift::Secret;
    use crate::io::railway::transport::Scheme;
    use crate::io::sim::access::{NO_PROJECT_TOKEN, NOT_AUTHORIZED, can_read_environment, can_read_project, identify};
    use crate::io::sim::estate::{Environment, Estate, Project, TokenScope};

    /// Returns two workspaces, each with a project that has an open and a restricted environment.
    fn estate() -> Estate {
        let environments = |name| {
            Project::named(name)
                .environment(Environment::named("staging"))
                .environment(Environment::named("production").restricted())
        };
        let estate = Estate::of("one").project(environments("shop")).workspace("two").project(environments("blog"));
        let [one, two] = [0, 1].map(|index: usize| estate.workspaces[index].id.clone());
        let project = estate.projects[0].id.clone();
        let [staging, production] = [0, 1].map(|index: usize| estate.projects[0].environments[index].id.clone());
        estate
            .token("account", TokenScope::Account)
            .token("workspace-one", TokenScope::Workspace(one.clone()))
            .token("workspace-two", TokenScope::Workspace(two))
            .token("login-one", TokenScope::Login(vec![one]))
            .token("login-none", TokenScope::Login(Vec::new()))
            .token("staging", TokenScope::Project { project: project.clone(), environment: staging })
            .token("production", TokenScope::Project { project, environment: production })
    }

    #[test]
    fn each_token_kind_requires_its_own_header() {
        let estate = estate();
        for (token, bearer, project) in [
            ("account", None, Some(NO_PROJECT_TOKEN)),
            ("workspace-one", None, Some(NO_PROJECT_TOKEN)),
            ("login-one", None, Some(NO_PROJECT_TOKEN)),
            ("staging", Some(NO_PROJECT_TOKEN), None),
            ("revoked", Some(NOT_AUTHORIZED), Some(NO_PROJECT_TOKEN)),
            ("", Some(NOT_AUTHORIZED), Some(NO_PROJECT_TOKEN)),
        ] {
            let error = |scheme| identify(&estate, Some((scheme, &Secret::new(token)))).err();
            assert_eq!(error(Scheme::Bearer), bearer, "{token} as bearer");
            assert_eq!(error(Scheme::Project), project, "{token} as project token");
        }
        assert_eq!(identify(&estate, None), Err(NOT_AUTHORIZED));
    }

    #[test]
    fn each_token_has_access_only_to_its_scope() {
        let estate = estate();
        // The project of workspace one, its open and its restricted environment; the same for workspace two.
        for (token, expected) in [
            ("account", [true, true, false, true, true, false]),
            ("workspace-one", [true, true, false, false, false, false]),
            ("workspace-two", [false, false, false, true, true, false]),
            ("login-one", [true, true, false, false, false, false]),
            ("login-none", [false; 6]),
            ("staging", [true, true, false, false, false, false]),
            ("production", [true, false, true, false, false, false]),
        ] {
            let reach =
                &estate.tokens.iter().find(|known| known.text.expose() == token).expect("the token exists").reach;
            let accessible: Vec<bool> = estate
                .projects
                .iter()
                .flat_map(|project| {
                    let environments = project.environments.iter();
                    let inside = environments.map(|environment| can_read_environment(reach, project, environment));
                    [can_read_project(reach, project)].into_iter().chain(inside)
                })
                .collect();
            assert_eq!(accessible, expected, "{token}");
        }
    }
}
