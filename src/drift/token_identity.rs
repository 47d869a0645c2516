//! Whose a token is, and what it reaches.

use crate::drift::ResourceRef;
use crate::drift::phrases;

/// Whose a token is, and what it reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// One environment of one project.
    Project(ResourceRef, ResourceRef),
    /// A workspace's own; the names of what it reaches.
    Workspace(Vec<String>),
    /// A person's; the names of the workspaces.
    Account(Vec<String>),
}

impl Identity {
    /// `an account token, which reaches workspace Crew`.
    pub fn description(&self) -> String {
        let reach = |names: &[String]| match names {
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
            Self::Workspace(names) => format!("a workspace token, which reaches {}", reach(names)),
            Self::Account(names) => format!("an account token, which reaches {}", reach(names)),
        }
    }

    /// What it is not good for: a sentence without full stop.
    pub fn limits(&self) -> &'static str {
        match self {
            Self::Project(..) => "it can't see any other project or environment",
            Self::Workspace(_) => "it can't see other workspaces, nor whose account made it",
            Self::Account(_) => {
                "it can do whatever the account may; a project token is enough for doctor, and reaches less"
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
        for (identity, expected) in [
            (Identity::Account(texts(&[])), "an account token, which reaches no workspace"),
            (Identity::Account(texts(&["Crew"])), "an account token, which reaches workspace Crew"),
            (Identity::Workspace(texts(&["A", "B"])), "a workspace token, which reaches workspaces A and B"),
            (
                Identity::Project(named("shop"), named("staging")),
                "a project token for environment staging of project shop",
            ),
        ] {
            assert_eq!(identity.description(), expected);
        }
    }
}
