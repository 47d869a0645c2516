//! The text of a new `doctor.toml`, and the proof that it says what was meant.

use std::path::{Path, PathBuf};

use crate::drift::Secret;
use crate::drift::suggest::{ConfigDraft, Exception, Requirement, Section};
use crate::error::Error;
use crate::io::config::find::understand;
use crate::io::config::toml_text::{comment, key, quoted};
use crate::io::config::{At, Config, EnvironmentSection, RuleName, inside};
use crate::io::{files, git};

/// Longer lists have an item on each line. Comments keep to it, too.
const WIDEST: usize = 58;

/// Where a new `doctor.toml` goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigLocation {
    /// The file, absolute.
    pub path: PathBuf,
    /// The same, as a person would type it from the working folder.
    pub name: String,
    /// The root of the repository, or else the working folder.
    pub root: PathBuf,
}

impl ConfigLocation {
    /// Returns the root of the repository that the working folder lies in, or else that folder.
    pub fn of(working_folder: &Path) -> Self {
        let root = git::root(working_folder).unwrap_or_else(|| working_folder.to_owned());
        let path = root.join("doctor.toml");
        Self { name: files::display_path(&path, working_folder), path, root }
    }

    /// Returns how a file is named in it. An error for one that no `doctor.toml` may name.
    pub fn reach(&self, file: &Path) -> Result<String, Error> {
        inside(&self.root, &self.root, file)?;
        let parts = file.strip_prefix(&self.root).ok().map(Path::components);
        let parts: Option<Vec<&str>> = parts.into_iter().flatten().map(|part| part.as_os_str().to_str()).collect();
        parts.filter(|parts| !parts.is_empty()).map(|parts| parts.join("/")).ok_or_else(|| Error::File {
            path: file.display().to_string(),
            cause: "no doctor.toml can name it: it lies outside of the repository, or its name is no text".to_owned(),
            help: "name a file inside the repository with `--env-file PATH`".to_owned(),
        })
    }
}

/// Returns the text of a draft: read again, and found to say this and nothing else. An error if the reader does not
/// understand it so.
pub fn fresh(draft: &ConfigDraft, site: &ConfigLocation, rules: &[RuleName]) -> Result<(String, Config), Error> {
    let text = directive(site).to_owned() + &text(draft);
    let empty = || Config::empty(site.path.clone(), site.name.clone(), site.root.clone());
    let mistaken = |why: &str| Error::Write {
        path: site.name.clone(),
        cause: why.to_owned(),
        help: "nothing was written: write it by hand, and report this".to_owned(),
    };
    let read = understand(&Secret::new(text.as_str()), empty(), rules)
        .map_err(|error| mistaken(&format!("what was to be written can't be read again: {error}")))?;
    if states(&read, draft, empty()) { Ok((text, read)) } else { Err(mistaken("it would not say what was chosen")) }
}

/// Returns the line that tells editors where the schema is, where it is. Without the file it would be an error to them.
fn directive(site: &ConfigLocation) -> &'static str {
    if site.root.join("doctor.schema.json").is_file() { "#:schema ./doctor.schema.json\n" } else { "" }
}

/// Returns whether the environment has the files and the protection that it should have, and no other has any.
fn has_environment(read: &Config, draft: &ConfigDraft) -> bool {
    let own = read.environments.get(draft.environment_title());
    let files = |section: &EnvironmentSection| -> Vec<String> {
        section.env_file.iter().flatten().map(|at| at.value.clone()).collect()
    };
    own.is_some_and(|section| section.protected == Some(true)) == draft.is_production()
        && own.map(files).unwrap_or_default() == draft.files
        && read.environments.len() == usize::from(own.is_some())
}

/// Returns whether a file says that, and nothing that was not to be said.
pub(super) fn states(read: &Config, draft: &ConfigDraft, empty: Config) -> bool {
    let word = |at: &Option<At<String>>| at.as_ref().map(|at| at.value.clone());
    let words = |list: &[At<String>]| list.iter().map(|at| at.value.clone()).collect::<Vec<_>>();
    let sections = draft.services.iter().all(|section| {
        read.services.get(&section.alias).is_some_and(|own| {
            let rest = (&own.env_file, &own.commit, own.start_command_contains.len());
            own.name.value == section.name && rest == (&None, &None, 0)
        })
    });
    let require: Vec<_> = read.require.iter().map(|one| (words(&one.keys), words(&one.services))).collect();
    let ignore = read.ignore.iter().map(|one| {
        let rest = one.environments.is_empty() && one.until.is_none();
        (words(&one.keys), words(&one.services), one.rules.clone(), one.reason.clone(), rest)
    });
    let wanted = draft.ignore.iter().map(|one| {
        let rules: Vec<String> = one.rules.iter().map(|&rule| rule.to_owned()).collect();
        (one.keys.clone(), one.services.clone(), rules, one.reason.clone(), true)
    });
    let rest = Config {
        project: read.project.clone(),
        environment: read.environment.clone(),
        environments: read.environments.clone(),
        services: read.services.clone(),
        require: read.require.clone(),
        ignore: read.ignore.clone(),
        ..empty
    };
    word(&read.project).as_ref() == Some(&draft.project.id)
        && word(&read.environment).as_ref() == Some(&draft.environment.id)
        && sections
        && read.services.len() == draft.services.len()
        && require == draft.require.iter().map(|one| (one.keys.clone(), one.services.clone())).collect::<Vec<_>>()
        && ignore.eq(wanted)
        && has_environment(read, draft)
        && *read == rest
}

pub(super) fn text(draft: &ConfigDraft) -> String {
    let mut text = head(draft);
    text.push_str(&environment(draft));
    text.push_str(&services(&draft.services));
    text.push_str(&require(&draft.require, &draft.services));
    text.push_str(&ignore(draft));
    text
}

fn head(draft: &ConfigDraft) -> String {
    let mut text = String::from(
        "# What `doctor check` compares, and how strictly.\n\
         # It holds names and no values: commit it.\n\n",
    );
    let [project, environment] = [&draft.project, &draft.environment];
    text.extend(["# Project ", &comment(&project.name), ", environment ", &comment(&environment.name), ":\n"]);
    text.extend(["project     = ", &quoted(&project.id), "\n"]);
    text.extend(["environment = ", &quoted(&environment.id), "\n"]);
    text
}

/// Returns what holds in the environment that was checked, and in no other.
fn environment(draft: &ConfigDraft) -> String {
    if draft.files.is_empty() && !draft.is_production() {
        return String::new();
    }
    let mut text = String::from("\n");
    if draft.is_production() {
        text.push_str("# A fix wants the name of this environment typed.\n");
    }
    text.extend(["[environments.", &key(draft.environment_title()), "]\n"]);
    if !draft.files.is_empty() {
        text.push_str(&list("env-file ", &draft.files));
    }
    if draft.is_production() {
        text.push_str("protected = true\n");
    }
    text
}

fn services(sections: &[Section]) -> String {
    if sections.is_empty() {
        return "\n# No service is named: each one that shares a key with the file is\n\
                # looked at. To choose, and to give short names:\n\
                # [services.api]\n# name = \"my-api-production\"\n"
            .to_owned();
    }
    let first = &sections[0].alias;
    let mut text = format!("\n# The services, by short names: `doctor check -s {first}`.\n");
    for (index, section) in sections.iter().enumerate() {
        let gap = if index == 0 { "" } else { "\n" };
        let called = if section.name == section.service.name {
            String::new()
        } else {
            format!("  # {}", comment(&section.service.name))
        };
        text.extend([gap, "[services.", &key(&section.alias), "]\nname = ", &quoted(&section.name), &called, "\n"]);
    }
    text
}

fn require(all: &[Requirement], sections: &[Section]) -> String {
    if all.is_empty() {
        let alias = sections.first().map_or("api", |section| &section.alias);
        return format!(
            "\n# Keys that must be there, and be equal, go here:\n\
             # [[require]]\n# keys     = [\"API_KEY\"]\n# services = [{}]\n",
            quoted(alias)
        );
    }
    let mut text = String::new();
    for (index, one) in all.iter().enumerate() {
        text.push_str(match index {
            0 => "\n# These keys must be there, and equal on these\n# services and in the file. Add keys to require more.\n",
            _ => "\n",
        });
        text.push_str("[[require]]\n");
        text.push_str(&list("keys    ", &one.keys));
        text.push_str(&list("services", &one.services));
    }
    text
}

fn ignore(draft: &ConfigDraft) -> String {
    let all = &draft.ignore;
    if !draft.undecided.is_empty() {
        return exceptions(all) + &undecided(&draft.undecided);
    }
    if all.is_empty() {
        return "\n# Keys that differ on purpose go here, and are not told:\n\
                # [[ignore]]\n# keys   = [\"DEBUG\", \"LOCAL_*\"]\n# reason = \"only for local runs\"\n"
            .to_owned();
    }
    exceptions(all)
}

/// Returns the entry that would ignore what differs now, as a comment.
fn undecided(keys: &[String]) -> String {
    let mut entry = String::from("[[ignore]]\n");
    entry.push_str(&list("keys  ", keys));
    entry.push_str("rules  = [\"value-differs\"]\nreason = \"why it differs\"\n");
    let lines: Vec<String> = entry.lines().map(|line| format!("# {line}\n")).collect();
    format!(
        "\n# These keys have another value on Railway now. To ignore\n# those that are expected to differ:\n{}",
        lines.concat()
    )
}

fn exceptions(all: &[Exception]) -> String {
    let mut text = String::new();
    for (index, one) in all.iter().enumerate() {
        text.push_str(match index {
            0 => "\n# These keys differ on purpose, and these rules skip them.\n# Add keys to silence more.\n",
            _ => "\n",
        });
        let rules: Vec<String> = one.rules.iter().map(|&rule| rule.to_owned()).collect();
        text.push_str("[[ignore]]\n");
        text.push_str(&list("keys    ", &one.keys));
        if !one.services.is_empty() {
            text.push_str(&list("services", &one.services));
        }
        text.push_str(&list("rules   ", &rules));
        text.extend(["reason   = ", &quoted(&one.reason), "\n"]);
    }
    text
}

/// `name = ["a", "b"]`, or an item on each line.
fn list(name: &str, items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
    let line = format!("{name} = [{}]\n", items.join(", "));
    if items.len() < 2 || line.chars().count() <= WIDEST {
        return line;
    }
    format!("{} = [\n    {},\n]\n", name.trim_end(), items.join(",\n    "))
}
