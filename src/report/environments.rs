//! The environment of a report, or the two that it compares.

use crate::drift::matrix::Matrix;
use crate::drift::model::resource::ResourceRef;
use crate::report::{Report, TraceReport};

/// Separates the names of two environments.
const BETWEEN: &str = " ↔ ";

impl Report {
    /// Returns the two environments, the left one first; `None` if only one environment is checked.
    pub fn environment_pair(&self) -> Option<[&ResourceRef; 2]> {
        self.other_environment.as_ref().map(|right| [&self.environment, right])
    }

    /// Returns the matrix of two environments; `None` if only one environment is checked.
    pub(crate) fn pair_matrix(&self) -> Option<&Matrix> {
        self.environment_pair().and(self.matrix.as_ref())
    }

    /// Returns the name of the environment, or both: `staging ↔ production`.
    pub fn environment_names(&self) -> String {
        self.environment_names_as(str::to_owned)
    }

    /// Returns the name of the environment, or both, each as `show` formats it.
    pub(crate) fn environment_names_as(&self, show: impl Fn(&str) -> String) -> String {
        let names = [Some(&self.environment), self.other_environment.as_ref()];
        names.into_iter().flatten().map(|environment| show(&environment.name)).collect::<Vec<_>>().join(BETWEEN)
    }

    /// Returns the project and its environment or environments: `shop · staging`. For a trace of several projects, it is
    /// `7 environments of 3 projects`.
    pub(crate) fn extent_name(&self) -> String {
        let extent = self.trace.as_ref().and_then(TraceReport::extent);
        extent.unwrap_or_else(|| format!("{} · {}", self.project.name, self.environment_names()))
    }

    /// Returns which of two environments the words `left` and `right` mean: `left: staging, right: production`.
    pub(crate) fn sides_as(&self, show: impl Fn(&str) -> String) -> Option<String> {
        let [left, right] = self.environment_pair()?;
        Some(format!("left: {}, right: {}", show(&left.name), show(&right.name)))
    }
}

#[cfg(test)]
mod tests {
    use crate::report::compare_sample::compared;
    use crate::report::test_support::calm;

    #[test]
    fn both_environments_are_named_only_if_they_are_compared() {
        let bold = |name: &str| format!("*{name}*");
        assert_eq!(calm().environment_names(), "staging");
        assert_eq!(calm().sides_as(bold), None);
        assert_eq!(compared().environment_names(), "staging ↔ production");
        assert_eq!(compared().environment_names_as(bold), "*staging* ↔ *production*");
        assert_eq!(compared().sides_as(bold).as_deref(), Some("left: *staging*, right: *production*"));
    }
}
