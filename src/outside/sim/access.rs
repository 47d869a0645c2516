//! Who may see what.

use crate::drift::Secret;
use crate::outside::railway::wire::Scheme;
use crate::outside::sim::estate::{Access, Environment, Estate, Project, Reach};

/// What Railway says to a token that it does not know, and of what a token may not see.
pub(crate) const NOT_AUTHORIZED: &str = "Not Authorized";

/// What Railway says to a token in the wrong header, and to whoever asks for a project token without being one.
pub(crate) const NO_PROJECT_TOKEN: &str = "Project Token not found";

/// The reach of the token that was presented, or what every field answers instead.
pub(crate) fn identify<'e>(
    estate: &'e Estate,
    presented: Option<(Scheme, &Secret)>,
) -> Result<&'e Reach, &'static str> {
    let (scheme, text) = presented.ok_or(NOT_AUTHORIZED)?;
    let reach = estate.tokens.iter().find(|token| token.text == *text).map(|token| &token.reach);
    match (scheme, reach) {
        (Scheme::Project, Some(reach @ Reach::Project { .. })) => Ok(reach),
        (Scheme::Project, _) | (Scheme::Bearer, Some(Reach::Project { .. })) => Err(NO_PROJECT_TOKEN),
        (Scheme::Bearer, Some(reach)) => Ok(reach),
        (Scheme::Bearer, None) => Err(NOT_AUTHORIZED),
    }
}

/// Whether the workspace of that id is within reach. No workspace is within a project token's.
pub(crate) fn sees_workspace(reach: &Reach, workspace: &str) -> bool {
    match reach {
        Reach::Account => true,
        Reach::Workspace(own) => own == workspace,
        Reach::Login(granted) => granted.iter().any(|own| own == workspace),
        Reach::Project { .. } => false,
    }
}

/// Whether the project is within reach.
pub(crate) fn sees_project(reach: &Reach, project: &Project) -> bool {
    match reach {
        Reach::Project { project: own, .. } => *own == project.id,
        _ => sees_workspace(reach, &project.workspace),
    }
}

/// Whether the inside of the environment is within reach; its name and id are wherever the project is.
pub(crate) fn sees_environment(reach: &Reach, project: &Project, environment: &Environment) -> bool {
    match reach {
        Reach::Project { environment: own, .. } => sees_project(reach, project) && *own == environment.id,
        _ => sees_project(reach, project) && environment.access == Access::Everybody,
    }
}

#[cfg(test)]
mod tests {
    use super::{NO_PROJECT_TOKEN, NOT_AUTHORIZED, identify, sees_environment, sees_project};
    use crate::drift::Secret;
    use crate::outside::railway::wire::Scheme;
    use crate::outside::sim::estate::{Environment, Estate, Project, Reach};

    /// Two workspaces; in the first a project with an open and a restricted environment.
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
            .token("account", Reach::Account)
            .token("workspace-one", Reach::Workspace(one.clone()))
            .token("workspace-two", Reach::Workspace(two))
            .token("login-one", Reach::Login(vec![one]))
            .token("login-none", Reach::Login(Vec::new()))
            .token("staging", Reach::Project { project: project.clone(), environment: staging })
            .token("production", Reach::Project { project, environment: production })
    }

    #[test]
    fn each_kind_of_token_works_in_its_own_header_only() {
        let estate = estate();
        for (token, bearer, project) in [
            ("account", None, Some(NO_PROJECT_TOKEN)),
            ("workspace-one", None, Some(NO_PROJECT_TOKEN)),
            ("login-one", None, Some(NO_PROJECT_TOKEN)),
            ("staging", Some(NO_PROJECT_TOKEN), None),
            ("revoked", Some(NOT_AUTHORIZED), Some(NO_PROJECT_TOKEN)),
            ("", Some(NOT_AUTHORIZED), Some(NO_PROJECT_TOKEN)),
        ] {
            let said = |scheme| identify(&estate, Some((scheme, &Secret::new(token)))).err();
            assert_eq!(said(Scheme::Bearer), bearer, "{token} as bearer");
            assert_eq!(said(Scheme::Project), project, "{token} as project token");
        }
        assert_eq!(identify(&estate, None), Err(NOT_AUTHORIZED));
    }

    #[test]
    fn each_token_reaches_what_it_is_for() {
        let estate = estate();
        // Project of workspace one, its open and its restricted environment; the same of workspace two.
        for (token, expected) in [
            ("account", [true, true, false, true, true, false]),
            ("workspace-one", [true, true, false, false, false, false]),
            ("workspace-two", [false, false, false, true, true, false]),
            ("login-one", [true, true, false, false, false, false]),
            ("login-none", [false; 6]),
            ("staging", [true, true, false, false, false, false]),
            ("production", [true, false, true, false, false, false]),
        ] {
            let reach = &estate.tokens.iter().find(|known| known.text.reveal() == token).expect("it is there").reach;
            let seen: Vec<bool> = estate
                .projects
                .iter()
                .flat_map(|project| {
                    let environments = project.environments.iter();
                    let inside = environments.map(|environment| sees_environment(reach, project, environment));
                    [sees_project(reach, project)].into_iter().chain(inside)
                })
                .collect();
            assert_eq!(seen, expected, "{token}");
        }
    }
}
