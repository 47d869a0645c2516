//! Which project and environment: the sources in their order, and one request more where a name is all there is.

use crate::error::Error;
use crate::io::railway::client::Client;
use crate::io::railway::environment::Shape;
use crate::io::railway::lookup::LocatedProject;

/// A project or an environment as somebody named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestedName {
    /// The id or name.
    pub(crate) text: String,
    /// Which of the two.
    pub(crate) form: NameOrId,
    /// Who named it: `--project`, `doctor.toml`, `railway link`.
    pub(crate) origin: String,
}

/// Whether a text is Railway's id or a person's name for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameOrId {
    /// An id; needs no look-up.
    Id,
    /// A name, or something that may be one.
    Name,
}

impl RequestedName {
    /// What a person wrote: a UUID is an id, everything else a name.
    pub(crate) fn written(text: &str, origin: &str) -> Self {
        let form = if is_uuid(text) { NameOrId::Id } else { NameOrId::Name };
        Self { text: text.to_owned(), form, origin: origin.to_owned() }
    }

    /// What a program wrote, which never writes names.
    pub(crate) fn id(text: &str, origin: &str) -> Self {
        Self { text: text.to_owned(), form: NameOrId::Id, origin: origin.to_owned() }
    }
}

/// One place that may name a project, an environment, or both.
#[derive(Clone, Debug, Default)]
pub(crate) struct SelectionSource {
    /// The project it names.
    pub(crate) project: Option<RequestedName>,
    /// The environment it names.
    pub(crate) environment: Option<RequestedName>,
}

/// The project that counts, and the environments that may go with it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RequestedTarget {
    project: RequestedName,
    environment: Option<RequestedName>,
    /// Environments named further down, with the project that they are named for.
    further: Vec<(RequestedName, RequestedName)>,
}

impl RequestedTarget {
    /// Whether nothing further down could change it, so that further sources need not be read.
    pub(crate) fn is_complete(&self) -> bool {
        self.environment.is_some()
    }
}

/// What was found, and who named it.
#[derive(Debug)]
pub(crate) struct Sourced {
    /// The environment without its values.
    pub(crate) shape: Shape,
    /// Who named the project.
    pub(crate) project_origin: String,
    /// Who named the environment.
    pub(crate) environment_origin: String,
}

/// The first project of the sources, in their order. An environment counts if its source stands no lower than that one;
/// one from further down counts only if it is named for the same project.
pub(crate) fn choose(sources: &[SelectionSource]) -> Option<RequestedTarget> {
    let position = sources.iter().position(|source| source.project.is_some())?;
    let project = sources[position].project.clone()?;
    let environment = sources[..=position].iter().find_map(|source| source.environment.clone());
    let further = sources[position + 1..]
        .iter()
        .filter_map(|source| Some((source.project.clone()?, source.environment.clone()?)))
        .collect();
    Some(RequestedTarget { project, environment, further })
}

/// Asks Railway for what was chosen: one request where ids are known, one more where they are not.
pub(crate) fn find(client: &Client<'_>, wanted: RequestedTarget, token: &str) -> Result<Sourced, Error> {
    let RequestedTarget { project, environment, further } = wanted;
    let same_id = || {
        let mut named = further.iter().filter(|(of, _)| project.form == NameOrId::Id && of.text == project.text);
        named.next().map(|(_, environment)| environment.clone())
    };
    let environment = environment.or_else(same_id);
    if let (NameOrId::Id, Some(environment @ RequestedName { form: NameOrId::Id, .. })) = (project.form, &environment) {
        let shape = client.shape(&project.text, &environment.text)?;
        return Ok(found(shape, project, environment.clone()));
    }
    let located = match project.form {
        NameOrId::Id => client.project(&project.text)?,
        NameOrId::Name => client.project_named(&project.text)?,
    };
    let Some(environment) = environment.or_else(|| named_for(&located, &further)) else {
        let choices = located.names();
        return Err(Error::NoEnvironment { project: located.project.name, origin: project.origin, choices });
    };
    let named = located.environment(&environment.text, token)?;
    let shape = client.shape_of(&located.project, &named)?;
    Ok(found(shape, project, environment))
}

fn found(shape: Shape, project: RequestedName, environment: RequestedName) -> Sourced {
    Sourced { shape, project_origin: project.origin, environment_origin: environment.origin }
}

fn named_for(located: &LocatedProject, further: &[(RequestedName, RequestedName)]) -> Option<RequestedName> {
    let same = |of: &RequestedName| {
        of.text == located.project.id || (of.form == NameOrId::Name && of.text == located.project.name)
    };
    further.iter().find(|(of, _)| same(of)).map(|(_, environment)| environment.clone())
}

/// Asks for the environment of a project token; flags and `doctor.toml` may name it too, but no other.
pub(crate) fn find_by_token(client: &Client<'_>, sources: &[SelectionSource], token: &str) -> Result<Sourced, Error> {
    let shape = client.token_shape()?;
    let project = sources.iter().find_map(|source| source.project.as_ref());
    let environment = sources.iter().find_map(|source| source.environment.as_ref());
    for (asked, named, kind) in [(project, &shape.project, "project"), (environment, &shape.environment, "environment")]
    {
        let Some(asked) = asked else { continue };
        if asked.text != named.id && asked.text != named.name {
            return Err(Error::TokenContradicts {
                token: format!("{kind} {}", named.name),
                origin: asked.origin.clone(),
                wanted: asked.text.clone(),
            });
        }
    }
    Ok(Sourced { shape, project_origin: token.to_owned(), environment_origin: token.to_owned() })
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.char_indices().all(|(index, character)| match index {
            8 | 13 | 18 | 23 => character == '-',
            _ => character.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use crate::commands::project_selection::{
        NameOrId, RequestedName, RequestedTarget, SelectionSource, choose, is_uuid,
    };

    const ID: &str = "30cf5498-5aeb-4cf6-b35c-5ba0b9ed81f2";

    fn source(origin: &str, project: Option<&str>, environment: Option<&str>) -> SelectionSource {
        let asked = |text: &str| RequestedName::written(text, origin);
        SelectionSource { project: project.map(asked), environment: environment.map(asked) }
    }

    /// Project, environment, and how many further down, as the sources give them.
    fn chosen(sources: &[SelectionSource]) -> Option<(String, Option<String>, usize)> {
        let RequestedTarget { project, environment, further } = choose(sources)?;
        let tell = |asked: RequestedName| format!("{} by {}", asked.text, asked.origin);
        Some((tell(project), environment.map(tell), further.len()))
    }

    #[test]
    fn the_first_source_wins() {
        let sources =
            [source("flags", None, None), source("file", Some("p"), Some("e")), source("link", Some("q"), Some("f"))];
        assert_eq!(chosen(&sources), Some(("p by file".into(), Some("e by file".into()), 1)));
    }

    #[test]
    fn an_environment_may_come_from_above_the_project() {
        let sources = [source("flags", None, Some("prod")), source("link", Some("p"), Some("e"))];
        assert_eq!(chosen(&sources), Some(("p by link".into(), Some("prod by flags".into()), 0)));
    }

    #[test]
    fn an_environment_from_below_is_kept_for_the_same_project_only() {
        let sources =
            [source("flags", Some("p"), None), source("link", Some("q"), Some("e")), source("x", None, Some("z"))];
        assert_eq!(chosen(&sources), Some(("p by flags".into(), None, 1)));
    }

    #[test]
    fn nothing_is_chosen_from_nothing() {
        assert_eq!(chosen(&[source("flags", None, Some("e"))]), None);
    }

    #[test]
    fn ids_are_told_from_names() {
        assert!(is_uuid(ID));
        for name in ["agentverse", "", "30cf5498-5aeb-4cf6-b35c-5ba0b9ed81f", "30cf5498x5aeb-4cf6-b35c-5ba0b9ed81f2"] {
            assert!(!is_uuid(name), "{name}");
        }
        assert_eq!(RequestedName::written(ID, "x").form, NameOrId::Id);
        assert_eq!(RequestedName::id("plain", "x").form, NameOrId::Id);
    }
}
