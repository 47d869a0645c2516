//! Which token is used, whose it is, and what it reaches.

use crate::drift::phrases;
use crate::drift::token_identity::Identity;
use crate::report::paint::Tone;
use crate::report::text::page::TextPage;
use crate::report::{TextOptions, escape};

/// A place that may hold a token.
#[derive(Debug, PartialEq, Eq)]
pub struct TokenPlace {
    /// What there is; a sentence without full stop.
    pub says: String,
    /// Whether its token is used.
    pub used: bool,
}

/// What a token reaches of the target of a run.
#[derive(Debug)]
pub struct TokenReach {
    /// The project, and who named it.
    pub project: (String, String),
    /// The environment, and who named it.
    pub environment: (String, String),
    /// How many services it has.
    pub services: usize,
    /// Whether variables may be read there; why not.
    pub variables: Result<(), String>,
}

/// Every place in order.
pub fn places(places: &[TokenPlace], look: &TextOptions<'_>) -> String {
    let mut page = TextPage::new(look);
    for (index, place) in places.iter().enumerate() {
        let number = format!("{}. ", index + 1);
        let used = format!("{}; used: the first that has one", place.says);
        let (tone, text) = if place.used { (Tone::Strong, &used) } else { (Tone::Plain, &place.says) };
        page.paragraph(&[(Tone::Plain, &number)], 3, (tone, text));
    }
    page.into_text()
}

/// Whose the token of that place is.
pub fn holder(place: &str, identity: &Identity, look: &TextOptions<'_>) -> String {
    let mut page = TextPage::new(look);
    let whose = format!("The token of {place} is {}; {}.", identity.description(), identity.limits());
    page.paragraph(&[], 0, (Tone::Plain, &whose));
    page.into_text()
}

/// What it reaches of the target.
pub fn reach(reach: &TokenReach, look: &TextOptions<'_>) -> String {
    let mut page = TextPage::new(look);
    let named = |(name, by): &(String, String)| format!("{} (from {})", escape::line(name), escape::line(by));
    let sees = format!(
        "It sees environment {} of project {}, which has {}.",
        named(&reach.environment),
        named(&reach.project),
        phrases::count(reach.services, "service")
    );
    page.paragraph(&[], 0, (Tone::Plain, &sees));
    let may = match &reach.variables {
        Ok(()) => "It may read the variables there.".to_owned(),
        Err(why) => format!("It may not read the variables there: {why}."),
    };
    page.paragraph(&[], 0, (Tone::Plain, &may));
    page.into_text()
}

#[cfg(test)]
mod tests {
    use crate::drift::token_identity::Identity;
    use crate::report::auth_status::{TokenPlace, TokenReach, holder, places, reach};
    use crate::report::{CommandTexts, Detail, Logs, TextOptions, Values};

    const LOOK: TextOptions<'static> = TextOptions {
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
        let place = |says: &str, used| TokenPlace { says: says.to_owned(), used };
        let text = places(&[place("RAILWAY_TOKEN is not set", false), place("the keyring has a token", true)], &LOOK);
        assert_eq!(text, "1. RAILWAY_TOKEN is not set\n2. the keyring has a token; used: the first that has one\n");
        let names = vec!["Crew\u{202e}".to_owned()];
        let text = holder("the keyring", &Identity::Workspace(names), &LOOK);
        assert!(text.contains("reaches\nworkspace Crew\\u{202e};") || text.contains("Crew\\u{202e};"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 60), "{text}");
    }

    #[test]
    fn reports_whether_variables_are_readable() {
        let named = |name: &str, by: &str| (name.to_owned(), by.to_owned());
        let mut seen = TokenReach {
            project: named("shop", "railway link"),
            environment: named("staging", "--environment"),
            services: 2,
            variables: Ok(()),
        };
        let expected = "It sees environment staging (from --environment) of project\nshop (from railway link), which has 2 services.\n";
        assert_eq!(reach(&seen, &LOOK), format!("{expected}It may read the variables there.\n"));
        seen.variables = Err("Railway says: Not Authorized".to_owned());
        let text = reach(&seen, &LOOK);
        assert_eq!(text, format!("{expected}It may not read the variables there: Railway says: Not\nAuthorized.\n"));
    }
}
