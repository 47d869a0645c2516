//! What somebody accepts with a `doctor.toml`, told before they do.

use crate::report::paint::Tone;
use crate::report::text::page::TextPage;
use crate::report::{CommandTexts, Detail, Logs, TextOptions, Values};

/// What a `doctor.toml` can do with local values.
#[derive(Debug, Default)]
pub struct TrustSummary {
    /// The file, as it would be typed.
    pub file: String,
    /// What changed since it was accepted; nothing if it never was.
    pub changes: Vec<String>,
    /// The project that values go to.
    pub project: String,
    /// The environment that it names.
    pub environment: Option<String>,
    /// The environments that it protects.
    pub protected: Vec<String>,
    /// The services that it names; none means every one that shares a key with the files.
    pub services: Vec<String>,
    /// The files that it names; none means the default one.
    pub files: Vec<String>,
    /// The keys that it requires.
    pub keys: Vec<String>,
    /// The requests that carry values by themselves.
    pub sendings: Vec<Sending>,
}

/// A request that carries local values.
#[derive(Debug)]
pub struct Sending {
    /// The keys whose values it carries.
    pub keys: Vec<String>,
    /// `GET /health`.
    pub request: String,
    /// The service that is asked.
    pub service: String,
}

/// The text, for a terminal of that many columns.
pub fn text(offer: &TrustSummary, width: usize) -> String {
    let look = text_options(width);
    let mut page = TextPage::new(&look);
    let file = &offer.file;
    if !offer.changes.is_empty() {
        page.paragraph(&[], 0, (Tone::Plain, &format!("{file} changed since you accepted it; this changed:")));
        for change in &offer.changes {
            page.paragraph(&[(Tone::Plain, "  ")], 4, (Tone::Plain, change));
        }
        page.gap();
    }
    let what = format!("If you accept {file}, it decides where local values go:");
    page.paragraph(&[], 0, (Tone::Plain, &what));
    page.gap();
    row(&mut page, "project", std::slice::from_ref(&offer.project), "");
    row(&mut page, "environment", offer.environment.as_slice(), "whichever is named elsewhere");
    if !offer.protected.is_empty() {
        row(&mut page, "protected", &offer.protected, "");
    }
    row(&mut page, "services", &offer.services, "every one that shares a key with the files");
    row(&mut page, "files", &offer.files, "the default ones");
    if !offer.keys.is_empty() {
        row(&mut page, "requires", &offer.keys, "");
    }
    page.gap();
    let push = "A push sends what differs between these files and the services, once you confirm its plan.";
    page.paragraph(&[], 0, (Tone::Plain, push));
    for one in &offer.sendings {
        let keys = one.keys.join(" and ");
        let request = format!("Each check sends {keys} to a domain of {}: {}", one.service, one.request);
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
    use crate::report::trust_summary::{Sending, TrustSummary, text};
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
            sendings: vec![Sending {
                keys: texts(&["OPS_KEY"]),
                request: "GET /health".to_owned(),
                service: "api".to_owned(),
            }],
        };
        let expected = "\
doctor.toml changed since you accepted it; this changed:
  - environment = \"dev\"
  + environment = \"staging\"

If you accept doctor.toml, it decides where local values go:

  project      shop\\u{202e}
  environment  staging
  protected    live
  services     api, worker
  files        .env, worker/.env
  requires     OPS_KEY

A push sends what differs between these files and the services, once you confirm its plan.
Each check sends OPS_KEY to a domain of api: GET /health
";
        assert_eq!(text(&offer, 100), expected);
        let bare = text(&TrustSummary { file: "doctor.toml".to_owned(), ..TrustSummary::default() }, 100);
        assert!(bare.contains("services     every one that shares a key with the files\n"), "{bare}");
        assert!(!bare.contains("changed") && !bare.contains("protected") && !bare.contains("Each check"), "{bare}");
    }
}
