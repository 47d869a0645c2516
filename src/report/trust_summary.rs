//! The summary of a `doctor.toml` that is shown before it is accepted.

use crate::report::paint::Tone;
use crate::report::text::page::TextPage;
use crate::report::{CommandTexts, Detail, Logs, TextOptions, Values};

/// What a `doctor.toml` can do with local values.
#[derive(Debug, Default)]
pub struct TrustSummary {
    /// The path of the file as the user would type it.
    pub file: String,
    /// What changed since it was accepted; empty if it never was.
    pub changes: Vec<String>,
    /// The project that values are sent to.
    pub project: String,
    /// The environment that it names.
    pub environment: Option<String>,
    /// The environments that it protects.
    pub protected: Vec<String>,
    /// The services that it names; empty for every service that shares a key with the env files.
    pub services: Vec<String>,
    /// The files that it names; empty for the default env files.
    pub files: Vec<String>,
    /// The keys that it requires.
    pub keys: Vec<String>,
    /// The requests of a check that carry values.
    pub requests: Vec<ValueRequest>,
}

/// A request that carries local values.
#[derive(Debug)]
pub struct ValueRequest {
    /// The keys whose values it carries.
    pub keys: Vec<String>,
    /// `GET /health`.
    pub request: String,
    /// The service that receives it.
    pub service: String,
}

/// Returns the summary, for a terminal of that width.
pub fn text(offer: &TrustSummary, width: usize) -> String {
    let options = text_options(width);
    let mut page = TextPage::new(&options);
    let file = &offer.file;
    if !offer.changes.is_empty() {
        let changed = format!("{file} differs from the doctor.toml that you accepted for project {}:", offer.project);
        page.paragraph(&[], 0, (Tone::Plain, &changed));
        for change in &offer.changes {
            page.paragraph(&[(Tone::Plain, "  ")], 4, (Tone::Plain, change));
        }
        page.gap();
    }
    let heading = format!("If you accept {file}, it controls where local values are sent:");
    page.paragraph(&[], 0, (Tone::Plain, &heading));
    page.gap();
    row(&mut page, "project", std::slice::from_ref(&offer.project), "");
    row(&mut page, "environment", offer.environment.as_slice(), "not set in this file");
    if !offer.protected.is_empty() {
        row(&mut page, "protected", &offer.protected, "");
    }
    row(&mut page, "services", &offer.services, "every service that shares a key with the env files");
    row(&mut page, "files", &offer.files, "the default env files");
    if !offer.keys.is_empty() {
        row(&mut page, "requires", &offer.keys, "");
    }
    page.gap();
    let push = "A push sends values that differ between these files and the services, after you confirm its plan.";
    page.paragraph(&[], 0, (Tone::Plain, push));
    for sending in &offer.requests {
        let keys = sending.keys.join(" and ");
        let request = format!("Each check sends {keys} to a domain of {}: {}", sending.service, sending.request);
        page.paragraph(&[], 2, (Tone::Plain, &request));
    }
    page.into_text()
}

fn text_options(width: usize) -> TextOptions<'static> {
    TextOptions {
        colour: false,
        links: false,
        width,
        detail: Detail::Normal,
        values: Values::Shown,
        logs: Logs::Counted,
        commands: CommandTexts::Masked,
    }
}

fn row(page: &mut TextPage<'_>, name: &str, items: &[String], none: &str) {
    let lead = format!("  {name:<13}");
    match items {
        [] => page.paragraph(&[(Tone::Plain, &lead)], 15, (Tone::Faint, none)),
        items => page.flow(&[(Tone::Plain, &lead)], 15, Tone::Plain, ",", items),
    }
}

#[cfg(test)]
mod tests {
    use crate::report::trust_summary::{TrustSummary, ValueRequest, text};
    #[test]
    fn lists_everything_that_may_be_sent() {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
        let offer = TrustSummary {
            file: "doctor.toml".to_owned(),
            changes: texts(&["- environment = \"dev\"", "+ environment = \"staging\""]),
            project: "shop\u{202e}".to_owned(),
            environment: Some("staging".to_owned()),
            protected: texts(&["live"]),
            services: texts(&["api", "worker"]),
            files: texts(&[".env", "worker/.env"]),
            keys: texts(&["OPS_KEY"]),
            requests: vec![ValueRequest {
                keys: texts(&["OPS_KEY"]),
                request: "GET /health".to_owned(),
                service: "api".to_owned(),
            }],
        };
        let expected = "\
doctor.toml differs from the doctor.toml that you accepted for project shop\\u{202e}:
  - environment = \"dev\"
  + environment = \"staging\"

If you accept doctor.toml, it controls where local values are sent:

  project      shop\\u{202e}
  environment  staging
  protected    live
  services     api, worker
  files        .env, worker/.env
  requires     OPS_KEY

A push sends values that differ between these files and the services, after you confirm its plan.
Each check sends OPS_KEY to a domain of api: GET /health
";
        assert_eq!(text(&offer, 100), expected);
        let bare = text(&TrustSummary { file: "doctor.toml".to_owned(), ..TrustSummary::default() }, 100);
        assert!(bare.contains("services     every service that shares a key with the env files\n"), "{bare}");
        assert!(
            !bare.contains("differs from") && !bare.contains("protected") && !bare.contains("Each check"),
            "{bare}"
        );
    }
}
