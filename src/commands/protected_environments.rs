//! Which environments are changed only after their name was typed.

use crate::io::config::Config;

/// Whether an environment is protected: its name begins with `prod`, or `doctor.toml` says so of its name or id.
pub(crate) fn is_protected(config: Option<&Config>, names: &[&str]) -> bool {
    let sections = config.iter().flat_map(|config| &config.environments);
    let mut marked = sections.filter(|(_, section)| section.protected == Some(true));
    let is_named = |name: &str| names.contains(&name);
    names.iter().any(|name| name.to_lowercase().starts_with("prod")) || marked.any(|(name, _)| is_named(name))
}
