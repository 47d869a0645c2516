//! What a finding follows from.

use crate::drift::model::rule::Rule;

/// A finding that another one could come of, if it is there.
#[derive(Clone, Debug)]
pub struct PossibleCause {
    /// The rule under which it would have been found.
    pub rule: &'static Rule,
    /// On which service.
    pub whose: Whose,
    /// The key that it must be about; `None` for any and for none.
    pub key: Option<String>,
    /// How sure that would be.
    pub certainty: Certainty,
}

/// Which service a suspect is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// One of the finding's own.
    Own,
    /// Another one.
    Another,
}

/// How sure it is that one thing follows from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// It does.
    Follows,
    /// It may.
    MayFollow,
}

/// What a finding follows from.
#[derive(Clone, Debug)]
pub struct FindingCause {
    /// The rule of the other finding.
    pub rule: &'static Rule,
    /// The other finding's key, if it is about one.
    pub key: Option<String>,
    /// The service of the other finding, if it is another one.
    pub service: Option<String>,
    /// How sure that is.
    pub certainty: Certainty,
}

impl PossibleCause {
    /// That it follows from what the rule finds on the same service.
    pub fn own(rule: &'static Rule) -> Self {
        Self { rule, whose: Whose::Own, key: None, certainty: Certainty::Follows }
    }

    /// That it may.
    #[must_use]
    pub fn perhaps(self) -> Self {
        Self { certainty: Certainty::MayFollow, ..self }
    }

    /// That it may follow from what the rule finds on another service.
    pub fn of_another(rule: &'static Rule) -> Self {
        Self { whose: Whose::Another, ..Self::own(rule) }.perhaps()
    }

    /// Only where that is about the key.
    #[must_use]
    pub fn about(self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self }
    }
}

impl FindingCause {
    /// `it follows from start-command`, `it may follow from start-command of worker`.
    pub fn sentence(&self) -> String {
        let verb = match self.certainty {
            Certainty::Follows => "it follows from",
            Certainty::MayFollow => "it may follow from",
        };
        let key = self.key.as_ref().map(|key| format!(" of {key}")).unwrap_or_default();
        let service = self.service.as_ref().map(|service| format!(" on {service}")).unwrap_or_default();
        format!("{verb} {}{key}{service}", self.rule.name)
    }
}
