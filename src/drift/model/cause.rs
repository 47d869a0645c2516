//! Causes of findings.

use crate::drift::model::rule::Rule;

/// A finding that would explain another one.
#[derive(Clone, Debug)]
pub struct PossibleCause {
    /// The rule that would report it.
    pub rule: &'static Rule,
    /// The service that it would be about.
    pub scope: CauseScope,
    /// The key that it must be about; `None` if it may have any key or none.
    pub key: Option<String>,
    /// How certain the relation is.
    pub certainty: Certainty,
}

/// The service that a possible cause is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CauseScope {
    /// A service of the finding itself.
    Own,
    /// Another service.
    Another,
}

/// How certain it is that a finding follows from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    Follows,
    MayFollow,
}

#[derive(Clone, Debug)]
pub struct FindingCause {
    /// The rule of the other finding.
    pub rule: &'static Rule,
    /// The other finding's key, if it is about one.
    pub key: Option<String>,
    /// The service of the other finding, if it is a different one.
    pub service: Option<String>,
    /// How certain the relation is.
    pub certainty: Certainty,
}

impl PossibleCause {
    /// Returns a finding of the rule on the same service.
    pub fn own(rule: &'static Rule) -> Self {
        Self { rule, scope: CauseScope::Own, key: None, certainty: Certainty::Follows }
    }

    /// Makes the relation uncertain.
    #[must_use]
    pub fn uncertain(self) -> Self {
        Self { certainty: Certainty::MayFollow, ..self }
    }

    /// Returns a finding of the rule on another service; the relation is uncertain.
    pub fn of_another(rule: &'static Rule) -> Self {
        Self { scope: CauseScope::Another, ..Self::own(rule) }.uncertain()
    }

    /// Restricts the cause to findings about the key.
    #[must_use]
    pub fn about(self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self }
    }
}

impl FindingCause {
    /// Returns text such as `start-command`, `possibly start-command on worker`.
    pub fn sentence(&self) -> String {
        let possibly = match self.certainty {
            Certainty::Follows => "",
            Certainty::MayFollow => "possibly ",
        };
        let key = self.key.as_ref().map(|key| format!(" for {key}")).unwrap_or_default();
        let service = self.service.as_ref().map(|service| format!(" on {service}")).unwrap_or_default();
        format!("{possibly}{}{key}{service}", self.rule.name)
    }
}
