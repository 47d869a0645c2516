//! Changes that somebody made on Railway's page and has not deployed: invisible in every variable, and on their way.

/// What waits in an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagedChanges {
    /// Whether they wait for a person, are being applied right now, or could not be applied.
    pub state: StagedState,
    /// The variables that they touch: the service's id, or none for a shared one, and the key.
    pub variables: Vec<(Option<String>, String)>,
    /// The ids of the services whose settings they touch.
    pub settings: Vec<String>,
    /// Whether they touch anything else: settings, sources, whole services.
    pub others: OtherChanges,
    /// When they were changed last, on Railway's clock.
    pub updated_at: String,
    /// Who changed them, where Railway tells; a name or an address.
    pub by: Option<String>,
    /// Why they could not be applied when they were last committed.
    pub error: Option<String>,
}

/// Whether staged changes wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StagedState {
    /// Until somebody deploys or discards them.
    Waiting,
    /// They are being applied.
    Applying,
    /// Somebody committed them, and Railway could not apply them: they neither wait nor change anything.
    Failed,
}

/// Whether staged changes touch more than variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherChanges {
    /// Only variables.
    None,
    /// Something else, too.
    Some,
}

impl StagedChanges {
    /// Whether they touch that key of that service, or of the shared variables.
    pub fn touches(&self, service: Option<&str>, key: &str) -> bool {
        self.variables.iter().any(|(owner, touched)| owner.as_deref() == service && touched == key)
    }
}
