//! What `doctor.toml` asks of a comparison.

use std::collections::BTreeMap;

use jiff::civil::Date;
use wildmatch::WildMatch;

use crate::drift::finding::{Finding, Severity};
use crate::drift::local::Loader;
use crate::drift::survey::{Named, Target};

/// The part of `doctor.toml` that rules obey.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// `[[require]]`, in the order of the file.
    pub require: Vec<Require>,
    /// `[[ignore]]`, in the order of the file.
    pub ignore: Vec<Ignore>,
    /// `[severity]`: rule name → what it is to be. `None` is `"off"`.
    pub severity: BTreeMap<String, Option<Severity>>,
    /// The loader that the program uses, if it is declared.
    pub loader: Option<Loader>,
}

/// `[[require]]`: keys that must be there, and equal everywhere.
#[derive(Clone, Debug)]
pub struct Require {
    /// Exact names.
    pub keys: Vec<String>,
    /// Ids of the services; empty means every service in scope.
    pub services: Vec<String>,
}

/// `[[ignore]]`: differences that are meant to be.
#[derive(Clone, Debug)]
pub struct Ignore {
    /// Patterns of `*` and `?`.
    pub keys: Vec<String>,
    /// Ids of services; empty means all.
    pub services: Vec<String>,
    /// Names or ids of environments; empty means all.
    pub environments: Vec<String>,
    /// Rule names or codes; empty means all.
    pub rules: Vec<String>,
    /// Why; told with `-v`.
    pub reason: String,
    /// The last day on which it holds.
    pub until: Option<Date>,
    /// 1-based line in `doctor.toml`.
    pub line: usize,
}

impl Policy {
    /// Whether some `[[require]]` names the key for that service.
    pub fn requires(&self, target: &Target, key: &str) -> bool {
        self.require.iter().any(|require| {
            require.keys.iter().any(|name| name == key)
                && (require.services.is_empty() || require.services.contains(&target.service.id))
        })
    }
}

impl Ignore {
    /// Whether it still holds on that day.
    pub fn holds_on(&self, today: Date) -> bool {
        self.until.is_none_or(|until| today <= until)
    }

    /// Whether it speaks of that key under that rule in that environment, on whatever service.
    pub fn concerns(&self, finding: &Finding, environment: &Named) -> bool {
        let Some(key) = &finding.key else { return false };
        names(&self.environments, [&environment.id, &environment.name])
            && names(&self.rules, [finding.rule.code, finding.rule.name])
            && self.keys.iter().any(|pattern| fits(pattern, key))
    }

    /// Whether it speaks of that service.
    pub fn includes(&self, service: &Named) -> bool {
        names(&self.services, [&service.id, &service.name])
    }
}

/// Most patterns are plain names, and need no matcher made for them.
fn fits(pattern: &str, key: &str) -> bool {
    pattern == key || (pattern.contains(['*', '?']) && WildMatch::new(pattern).matches(key))
}

/// Whether the list has one of the names; an empty list has all.
fn names(list: &[String], candidates: [&str; 2]) -> bool {
    list.is_empty() || list.iter().any(|item| candidates.contains(&item.as_str()))
}
