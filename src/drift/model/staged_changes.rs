//! Staged changes: made in the dashboard and not deployed yet, so that the stored variables do not include them.

/// The staged changes of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagedChanges {
    /// Whether they are waiting, being applied, or could not be applied.
    pub state: StagedState,
    /// The changed variables: the service's id, or `None` for a shared variable, and the key.
    pub variables: Vec<(Option<String>, String)>,
    /// The ids of the services with changed settings.
    pub settings: Vec<String>,
    /// Whether they change anything else: settings, sources, whole services.
    pub others: OtherChanges,
    /// When they were last updated, on Railway's clock.
    pub updated_at: String,
    /// The name or email address of the user who changed them, if Railway reports it.
    pub by: Option<String>,
    /// Why they could not be applied.
    pub error: Option<String>,
}

/// The state of staged changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StagedState {
    /// They wait until they are deployed or discarded.
    Waiting,
    /// They are being applied.
    Applying,
    /// They were committed, but Railway could not apply them.
    Failed,
}

/// Whether staged changes include more than variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherChanges {
    /// Only variables.
    None,
    /// Other changes, too.
    Some,
}

impl StagedChanges {
    /// Returns whether they change the key of the service, or of the shared variables.
    pub fn touches(&self, service: Option<&str>, key: &str) -> bool {
        self.variables.iter().any(|(owner, touched)| owner.as_deref() == service && touched == key)
    }
}
