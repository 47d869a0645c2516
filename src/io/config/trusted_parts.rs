//! The parts of `doctor.toml` that decide where local values go, which `doctor trust` accepts. Their canonical form
//! does not depend on formatting.

use std::fmt;

use ring::digest::{SHA256, digest};
use zeroize::Zeroizing;

use crate::drift::dotenv::pasted_fragment::is_name;
use crate::io::config::{At, Config, HeaderPart, HttpSection, LoaderSetting};

/// The settings of a `doctor.toml` that decide where local values go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedParts {
    /// One line per setting, sorted. Contains only names.
    pub lines: Vec<String>,
    /// Covers the lines, and what they omit because it may be a credential: queries and literal texts of headers.
    pub digest: Digest,
}

impl TrustedParts {
    /// Returns whether the file has no such setting.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Returns the difference from the accepted lines: `- ` before each removed line, `+ ` before each new one.
    pub fn changes(&self, accepted: &[String]) -> Vec<String> {
        let removed = accepted.iter().filter(|line| !self.lines.contains(line)).map(|line| format!("- {line}"));
        let new = self.lines.iter().filter(|line| !accepted.contains(line)).map(|line| format!("+ {line}"));
        let changes: Vec<String> = removed.chain(new).collect();
        if changes.is_empty() {
            // It may be a credential, so it is not shown.
            return vec!["~ the query or a literal header text of an [[expect.http]]".to_owned()];
        }
        changes
    }
}

/// The SHA-256 of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Computes the digest of a text.
    pub fn of(text: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        Self(bytes)
    }

    pub(in crate::io) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl Config {
    /// Returns the settings that decide where local values go.
    pub fn trusted_parts(&self) -> TrustedParts {
        let mut lines = Vec::new();
        let mut add = |what: &str, at: Option<&At<String>>| {
            lines.extend(at.map(|at| format!("{what} = {:?}", at.value)));
        };
        add("project", self.project.as_ref());
        add("environment", self.environment.as_ref());
        lines.extend(files("env-file", self.env_file.as_ref()));
        lines.extend(self.loader.map(|loader| format!("loader = {:?}", text(loader))));
        for (name, section) in &self.environments {
            lines.extend(files(&format!("environments.{name:?}.env-file"), section.env_file.as_ref()));
            let protected = section.protected.map(|protected| format!("environments.{name:?}.protected = {protected}"));
            lines.extend(protected);
        }
        for (alias, section) in &self.services {
            lines.push(format!("services.{alias:?}.name = {:?}", section.name.value));
            lines.extend(files(&format!("services.{alias:?}.env-file"), section.env_file.as_ref()));
        }
        for section in &self.require {
            let services = if section.services.is_empty() {
                "on every service".to_owned()
            } else {
                format!("on {}", list(section.services.iter().map(|at| &at.value), NameOrder::Sorted))
            };
            lines.extend(section.keys.iter().map(|key| format!("require {} {services}", name(&key.value))));
        }
        lines.extend(self.expect_http.iter().map(request));
        lines.sort_unstable();
        lines.dedup();
        let mut requests: Vec<Zeroizing<String>> = self.expect_http.iter().map(whole).collect();
        requests.sort_unstable_by(|one, other| one.as_str().cmp(other));
        let mut text = Zeroizing::new(lines.join("\n"));
        for request in &requests {
            text.push('\n');
            text.push_str(request);
        }
        TrustedParts { digest: Digest::of(&text), lines }
    }
}

/// Whether the order of names matters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NameOrder {
    /// Kept, because later files win.
    AsWritten,
    Sorted,
}

/// Quotes a text that is not a name, so that two different files never have the same lines.
fn name(text: &str) -> String {
    if is_name(text) && !text.is_empty() { text.to_owned() } else { format!("{text:?}") }
}

fn files(what: &str, named: Option<&Vec<At<String>>>) -> Option<String> {
    Some(format!("{what} = {}", list(named?.iter().map(|at| &at.value), NameOrder::AsWritten)))
}

fn list<'n>(names: impl Iterator<Item = &'n String>, order: NameOrder) -> String {
    let mut names: Vec<&String> = names.collect();
    if order == NameOrder::Sorted {
        names.sort_unstable();
        names.dedup();
    }
    format!("{names:?}")
}

fn text(loader: LoaderSetting) -> &'static str {
    match loader {
        LoaderSetting::Dotenvy => "dotenvy",
        LoaderSetting::Python => "python",
        LoaderSetting::Node => "node",
    }
}

/// Returns one line with names only: the query and literal texts may be credentials.
fn request(section: &HttpSection) -> String {
    let path = section.path.split('?').next().unwrap_or_default();
    let effects = if section.allow_effects == Some(true) { " with effects" } else { "" };
    let headers = section.headers.iter().map(|(name, parts)| {
        let keys = parts.iter().map(|part| match part {
            HeaderPart::Key(key) => format!("${key}"),
            HeaderPart::Text(_) => "…".to_owned(),
        });
        format!("{name}: {}", keys.collect::<String>())
    });
    let headers = list(headers.collect::<Vec<_>>().iter(), NameOrder::Sorted);
    format!("expect.http {:?} {} {path:?}{effects} {headers}", section.service.value, section.method)
}

/// Returns everything, for the digest only.
fn whole(section: &HttpSection) -> Zeroizing<String> {
    let mut text = Zeroizing::new(format!("{:?} {} {:?}", section.service.value, section.method, section.path));
    for (name, parts) in &section.headers {
        text.push_str(&Zeroizing::new(format!("\n{name:?}")));
        for part in parts {
            let quoted = Zeroizing::new(match part {
                HeaderPart::Key(key) => format!(" ${key:?}"),
                HeaderPart::Text(text) => format!(" {:?}", text.expose()),
            });
            text.push_str(&quoted);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use crate::drift::Secret;
    use crate::io::config::find::parse_on_large_stack;
    use crate::io::config::{Config, Digest, TrustedParts};

    fn trusted(text: &str) -> TrustedParts {
        let empty = Config::empty("/r/doctor.toml".into(), "doctor.toml".to_owned(), "/r".into());
        parse_on_large_stack(&Secret::new(text), empty, &[]).expect("the text is valid").trusted_parts()
    }

    #[test]
    fn across_sections_need_no_acceptance() {
        let keys = "keys = ['SECRET_KEY']\n";
        let across = format!("project = 'x'\n[[across]]\n{keys}must = 'differ'\n");
        assert_eq!(trusted(&across), trusted("project = 'x'\n"));
        let require = format!("project = 'x'\n[[require]]\n{keys}");
        assert_ne!(trusted(&require), trusted("project = 'x'\n"), "a required key may be pushed");
    }

    #[test]
    fn digest_is_sha_256_of_text() {
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(Digest::of("abc").to_string(), known);
    }
}
