//! A thing on Railway, by id and name.

/// Railway's id for machines, the name for people.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ResourceRef {
    /// Railway's id; never changes.
    pub id: String,
    /// The name of today; unique within its project.
    pub name: String,
}
