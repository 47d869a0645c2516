//! References to Railway resources.

/// The id and name of a service, environment or project.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ResourceRef {
    /// Railway's id, which never changes.
    pub id: String,
    /// The current name, unique within its project.
    pub name: String,
}
