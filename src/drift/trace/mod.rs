//! Where a value is used: in files, in stored variables, and in running deployments, as it is or encoded.

pub mod form;
pub mod occurrences;
pub mod search;
pub mod source;
pub mod traceable;

use crate::drift::ResourceRef;
use crate::drift::model::finding::Location;
use crate::drift::plan::VariableOwner;
use crate::drift::trace::form::Form;

/// All places where a value is used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// The assignments of local files that contain it.
    pub files: Vec<FilePlace>,
    /// The environments that were searched.
    pub environments: Vec<EnvironmentTrace>,
}

/// An assignment of a local file that contains the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePlace {
    /// The index of the file in the survey.
    pub file: usize,
    /// The file's name and the line.
    pub location: Location,
    pub key: String,
    pub form: Form,
}

/// The places of one environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvironmentTrace {
    pub project: ResourceRef,
    pub environment: ResourceRef,
    /// Sorted by owner and key; shared variables first.
    pub places: Vec<Place>,
    /// The sealed variables that have the traced key. They may contain the value.
    pub sealed_holders: Vec<VariableOwner>,
    /// The other variables whose values are unknown.
    pub sealed: Vec<SealedVariable>,
    /// What could not be read and was not searched.
    pub unread: Vec<Unread>,
}

/// A variable whose value Railway does not return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedVariable {
    pub owner: VariableOwner,
    pub key: String,
}

/// A part of an environment that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The service; `None` for a whole environment, or its shared variables.
    pub service: Option<ResourceRef>,
    /// The reason, as a phrase without a full stop.
    pub reason: String,
}

/// A variable that contains the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub owner: VariableOwner,
    pub key: String,
    pub usage: Usage,
    pub running: RunningCopy,
}

/// How a variable contains the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Usage {
    /// Its stored text contains the value.
    Stored(Form),
    /// It is rendered through references to these variables, such as `shared.API_KEY`. It follows when they change.
    Reference { to: Vec<String> },
    /// Only the running deployment has the value. What is stored now is different.
    OnlyRunning(Form),
}

/// Whether the running deployment has the traced value in the variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunningCopy {
    /// It does.
    Same,
    /// It has another value, or none: an older one, until the service is deployed.
    Older,
    /// No deployment is running, or its variables are unknown. A shared variable does not run.
    Unknown,
}
