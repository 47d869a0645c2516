//! Railway's own installations and their hosts.

use std::collections::BTreeMap;

/// One of Railway's installations. Each has its own accounts and its own configuration file of the Railway CLI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// The public one.
    Production,
    Staging,
    Develop,
}

/// Returns the installation that `RAILWAY_ENV` names, by the rules of the Railway CLI: case does not matter, and
/// anything unknown is production.
pub fn railway_env(variables: &BTreeMap<String, String>) -> Host {
    match variables.get("RAILWAY_ENV").map(|name| name.to_lowercase()).as_deref() {
        Some("staging") => Host::Staging,
        Some("dev" | "develop") => Host::Develop,
        _ => Host::Production,
    }
}

impl Host {
    /// Returns the host of the API.
    pub fn backboard(self) -> &'static str {
        match self {
            Self::Production => "backboard.railway.com",
            Self::Staging => "backboard.railway-staging.com",
            Self::Develop => "backboard.railway-develop.com",
        }
    }

    /// Returns the name of the Railway CLI's configuration file in `~/.railway`.
    pub fn config_file(self) -> &'static str {
        match self {
            Self::Production => "config.json",
            Self::Staging => "config-staging.json",
            Self::Develop => "config-dev.json",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::io::credentials::host::railway_env;

    #[test]
    fn railway_env_selects_host_and_config_file() {
        let cases = [
            (None, "backboard.railway.com", "config.json"),
            (Some(""), "backboard.railway.com", "config.json"),
            (Some("production"), "backboard.railway.com", "config.json"),
            (Some("https://evil.example"), "backboard.railway.com", "config.json"),
            (Some("Staging"), "backboard.railway-staging.com", "config-staging.json"),
            (Some("dev"), "backboard.railway-develop.com", "config-dev.json"),
            (Some("DEVELOP"), "backboard.railway-develop.com", "config-dev.json"),
        ];
        for (name, host, file) in cases {
            let variables: BTreeMap<_, _> =
                name.map(|name| ("RAILWAY_ENV".to_owned(), name.to_owned())).into_iter().collect();
            let found = railway_env(&variables);
            assert_eq!((found.backboard(), found.config_file()), (host, file), "{name:?}");
        }
    }
}
