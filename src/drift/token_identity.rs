//! The kind of a token and its access.

use crate::drift::ResourceRef;
use crate::drift::phrases;

/// The kind of a token and its access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A project token, for one environment of a project.
    Project(ResourceRef, ResourceRef),
    /// A workspace token; the names of its workspaces.
    Workspace(Vec<String>),
    /// An account token; the names of the account's workspaces.
    Account(Vec<String>),
}

impl Identity {
    /// Returns `an account token with access to workspace Crew`.
    pub fn description(&self) -> String {
        let access = |names: &[String]| match names {
            [] => "no workspace".to_owned(),
            [name] => format!("workspace {name}"),
            many => {
                let names: Vec<&str> = many.iter().map(String::as_str).collect();
                format!("workspaces {}", phrases::names(&names))
            }
        };
        match self {
            Self::Project(project, environment) => {
                format!("a project token for environment {} of project {}", environment.name, project.name)
            }
            Self::Workspace(names) => format!("a workspace token with access to {}", access(names)),
            Self::Account(names) => format!("an account token with access to {}", access(names)),
        }
    }

    /// Returns its limits, as a sentence without a full stop.
    pub fn limits(&self) -> &'static str {
        match self {
            Self::Project(..) => "it can't access other projects or environments",
            Self::Workspace(_) => "it can't access other workspaces or the account that created it",
            Self::Account(_) => {
                "it can do everything that the account can; a project token is enough for doctor and has less access"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::drift::ResourceRef;
    use crate::drift::token_identity::Identity;

    #[test]
    fn describes_token_kind_and_scope() {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let named = |name: &str| ResourceRef { id: "id".to_owned(), name: name.to_owned() };
        for (identity, expected, limits) in [
            (Identity::Account(texts(&[])), "an account token with access to no workspace", "it can do everything"),
            (
                Identity::Account(texts(&["Crew"])),
                "an account token with access to workspace Crew",
                "it can do everything",
            ),
            (
                Identity::Workspace(texts(&["A", "B"])),
                "a workspace token with access to workspaces A and B",
                "it can't access other workspaces",
            ),
            (
                Identity::Project(named("shop"), named("staging")),
                "a project token for environment staging of project shop",
                "it can't access other projects",
            ),
        ] {
            assert_eq!(identity.description(), expected);
            assert!(identity.limits().starts_with(limits), "{}", identity.limits());
        }
    }
}
