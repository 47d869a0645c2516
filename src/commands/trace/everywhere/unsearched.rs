//! What was not searched, and why.

use crate::drift::ResourceRef;
use crate::drift::redact::Redactor;
use crate::error::Error;

/// What was not searched, in the order in which it would have been.
#[derive(Default)]
pub(super) struct Gaps {
    unread: Vec<Gap>,
    /// The environments that the token has no access to. Nothing that it reaches is left out because of them.
    restricted: Vec<Gap>,
    /// The number of environments that were not searched because Railway does not allow enough requests.
    over_allowance: usize,
    /// The first error.
    error: Option<Error>,
}

/// Parts of the account that were not searched for the same reason.
struct Gap {
    subject: GapSubject,
    reason: String,
}

enum GapSubject {
    Environments {
        project: ResourceRef,
        part: EnvironmentPart,
        names: Vec<String>,
    },
    /// A list that could not be read to its end.
    Listing(String),
}

/// The part of an environment that was not searched.
#[derive(Clone, Copy, PartialEq, Eq)]
enum EnvironmentPart {
    Whole,
    /// Only its shared variables were searched.
    Services,
}

impl Gaps {
    pub(super) fn is_empty(&self) -> bool {
        self.unread.is_empty() && self.restricted.is_empty()
    }

    /// Returns the number of environments that were not searched because Railway does not allow enough requests.
    pub(super) fn over_allowance(&self) -> usize {
        self.over_allowance
    }

    /// Adds a list that could not be read to its end.
    pub(super) fn add_listing(&mut self, what: String, error: &Error) {
        self.unread.push(Gap { subject: GapSubject::Listing(what), reason: error.with_cause(": ") });
        self.add_error(error);
    }

    /// Adds an environment that could not be read.
    pub(super) fn add_environment(&mut self, project: &ResourceRef, environment: &ResourceRef, error: &Error) {
        add(&mut self.unread, EnvironmentPart::Whole, project, environment, error.with_cause(": "));
        self.over_allowance += usize::from(matches!(error, Error::AllowanceUsedUp { .. }));
        self.add_error(error);
    }

    /// Adds an environment of which only the shared variables were read.
    pub(super) fn add_services(&mut self, project: &ResourceRef, environment: &ResourceRef, error: &Error) {
        add(&mut self.unread, EnvironmentPart::Services, project, environment, error.with_cause(": "));
        self.add_error(error);
    }

    /// Adds an environment that the token has no access to.
    pub(super) fn add_restricted(&mut self, project: &ResourceRef, environment: &ResourceRef) {
        let reason = "only admins have access to their variables".to_owned();
        add(&mut self.restricted, EnvironmentPart::Whole, project, environment, reason);
    }

    /// Adds an error about a part of an environment.
    pub(super) fn add_error(&mut self, error: &Error) {
        self.error.get_or_insert_with(|| error.clone());
    }

    /// Returns a phrase for each, without a full stop. All environments are named. The reasons are redacted again,
    /// because they may quote a value that was read later.
    pub(super) fn phrases(&self, redactor: &Redactor) -> Vec<String> {
        self.unread.iter().map(|gap| format!("{}: {}", gap.subject.name(), redactor.redact(&gap.reason))).collect()
    }

    /// Returns a remark on the environments that the token has no access to.
    pub(super) fn remarks(&self) -> Vec<String> {
        let remark = |gap: &Gap| format!("not searched: {}, because {}", gap.subject.name(), gap.reason);
        self.restricted.iter().map(remark).collect()
    }

    pub(super) fn into_error(self) -> Option<Error> {
        self.error
    }
}

impl GapSubject {
    fn name(&self) -> String {
        match self {
            Self::Listing(what) => what.clone(),
            Self::Environments { project, part, names } => {
                let of = if *part == EnvironmentPart::Services { "services of " } else { "" };
                let noun = if names.len() == 1 { "environment" } else { "environments" };
                format!("{of}{noun} {} of project {}", names.join(", "), project.name)
            }
        }
    }
}

/// Adds an environment to the last gap, if that is of the same project and has the same reason.
fn add(gaps: &mut Vec<Gap>, missing: EnvironmentPart, of: &ResourceRef, environment: &ResourceRef, why: String) {
    let name = environment.name.clone();
    if let Some(Gap { subject: GapSubject::Environments { project, part, names }, reason }) = gaps.last_mut()
        && (project.id == of.id && *part == missing && *reason == why)
    {
        names.push(name);
        return;
    }
    let subject = GapSubject::Environments { project: of.clone(), part: missing, names: vec![name] };
    gaps.push(Gap { subject, reason: why });
}

#[cfg(test)]
mod tests {
    use crate::commands::trace::everywhere::unsearched::Gaps;
    use crate::drift::redact::Redactor;
    use crate::drift::test_support::named;
    use crate::error::Error;

    #[test]
    fn environments_of_a_project_share_a_phrase_for_the_same_reason() {
        let mut gaps = Gaps::default();
        let used_up = Error::AllowanceUsedUp { allowance: None };
        let deleted = Error::Deleted { kind: "environment", name: "old".to_owned() };
        gaps.add_restricted(&named("shop"), &named("live"));
        gaps.add_restricted(&named("shop"), &named("audit"));
        gaps.add_restricted(&named("blog"), &named("live"));
        assert_eq!((&gaps.error, gaps.over_allowance()), (&None, 0));
        gaps.add_environment(&named("blog"), &named("old"), &deleted);
        gaps.add_environment(&named("blog"), &named("staging"), &used_up);
        gaps.add_services(&named("blog"), &named("live"), &used_up);
        gaps.add_services(&named("blog"), &named("pr-1"), &used_up);
        gaps.add_listing("projects of workspace acme".to_owned(), &used_up);
        assert_eq!(
            gaps.remarks(),
            [
                "not searched: environments live, audit of project shop, because only admins have access to their variables",
                "not searched: environment live of project blog, because only admins have access to their variables",
            ]
        );
        assert_eq!(
            gaps.phrases(&Redactor::default()),
            [
                &format!("environment old of project blog: {}", deleted.with_cause(": ")),
                "environment staging of project blog: Railway's allowance of requests is used up",
                "services of environments live, pr-1 of project blog: Railway's allowance of requests is used up",
                "projects of workspace acme: Railway's allowance of requests is used up",
            ]
        );
        assert_eq!(gaps.over_allowance(), 1);
        assert_eq!(gaps.into_error(), Some(deleted));
    }
}
