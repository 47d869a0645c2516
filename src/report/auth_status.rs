//! `auth status` as text: the token in use, its owner and its access.

use crate::drift::phrases;
use crate::drift::token_identity::Identity;
use crate::report::paint::Tone;
use crate::report::text::page::TextPage;
use crate::report::{TextOptions, escape};

#[derive(Debug, PartialEq, Eq)]
pub struct TokenSource {
    /// Whether it has a token; a phrase without full stop.
    pub state: String,
    /// Whether its token is used.
    pub used: bool,
}

/// The access of a token to the target of a run.
#[derive(Debug)]
pub struct TokenReach {
    /// The project and its origin.
    pub project: (String, String),
    /// The environment and its origin.
    pub environment: (String, String),
    /// The number of services in the environment.
    pub services: usize,
    /// Whether variables can be read, or the reason why not.
    pub variables: Result<(), String>,
}

/// Returns every source, in order of preference.
pub fn places(places: &[TokenSource], options: &TextOptions<'_>) -> String {
    let mut page = TextPage::new(options);
    for (index, place) in places.iter().enumerate() {
        let number = format!("{}. ", index + 1);
        let used = format!("{} (used)", place.state);
        let (tone, text) = if place.used { (Tone::Strong, &used) } else { (Tone::Plain, &place.state) };
        page.paragraph(&[(Tone::Plain, &number)], 3, (tone, text));
    }
    page.into_text()
}

/// Returns the owner and the limits of a token.
pub fn identity(place: &str, identity: &Identity, options: &TextOptions<'_>) -> String {
    let mut page = TextPage::new(options);
    let text = format!("The token from {place} is {}: {}.", identity.description(), identity.limits());
    page.paragraph(&[], 0, (Tone::Plain, &text));
    page.into_text()
}

/// Returns the access of a token to the target.
pub fn reach(reach: &TokenReach, options: &TextOptions<'_>) -> String {
    let mut page = TextPage::new(options);
    let (project, project_origin) = &reach.project;
    let (environment, environment_origin) = &reach.environment;
    let from = |origin: &str| format!(" (from {})", escape::line(origin));
    let is_same = environment_origin == project_origin;
    let access = format!(
        "It can access environment {}{} of project {}{}, which has {}.",
        escape::line(environment),
        if is_same { String::new() } else { from(environment_origin) },
        escape::line(project),
        from(project_origin),
        phrases::count(reach.services, "service")
    );
    page.paragraph(&[], 0, (Tone::Plain, &access));
    let variables = match &reach.variables {
        Ok(()) => "It can read the variables.".to_owned(),
        Err(reason) => format!("It can't read the variables: {reason}."),
    };
    page.paragraph(&[], 0, (Tone::Plain, &variables));
    page.into_text()
}

#[cfg(test)]
mod tests {
    use crate::drift::token_identity::Identity;
    use crate::report::auth_status::{TokenReach, TokenSource, identity, places, reach};
    use crate::report::{CommandTexts, Detail, Logs, TextOptions, Values};

    const OPTIONS: TextOptions<'static> = TextOptions {
        colour: false,
        links: false,
        width: 60,
        detail: Detail::Normal,
        values: Values::Shown,
        logs: Logs::Counted,
        commands: CommandTexts::Masked,
    };

    #[test]
    fn places_are_numbered_and_names_are_escaped() {
        let place = |says: &str, used| TokenSource { state: says.to_owned(), used };
        let text =
            places(&[place("RAILWAY_TOKEN is not set", false), place("the OS keyring has a token", true)], &OPTIONS);
        assert_eq!(text, "1. RAILWAY_TOKEN is not set\n2. the OS keyring has a token (used)\n");
        let names = vec!["Crew\u{202e}".to_owned()];
        let text = identity("the OS keyring", &Identity::Workspace(names), &OPTIONS);
        assert!(text.contains("Crew\\u{202e}:"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
    }

    #[test]
    fn reports_whether_variables_are_readable() {
        let named = |name: &str, origin: &str| (name.to_owned(), origin.to_owned());
        let mut access = TokenReach {
            project: named("shop", "railway link"),
            environment: named("staging", "--environment"),
            services: 2,
            variables: Ok(()),
        };
        let expected = "It can access environment staging (from --environment) of\nproject shop (from railway link), which has 2 services.\n";
        assert_eq!(reach(&access, &OPTIONS), format!("{expected}It can read the variables.\n"));
        access.environment.1 = "railway link".to_owned();
        let same = "It can access environment staging of project shop (from\nrailway link), which has 2 services.\n";
        assert!(reach(&access, &OPTIONS).starts_with(same));
        access.environment.1 = "--environment".to_owned();
        access.variables = Err("Railway responded “Not Authorized”".to_owned());
        let text = reach(&access, &OPTIONS);
        assert_eq!(text, format!("{expected}It can't read the variables: Railway responded “Not\nAuthorized”.\n"));
    }
}
