//! Generates a new `doctor.toml`, and verifies that it parses back to the draft.

use std::path::{Path, PathBuf};

use crate::drift::Secret;
use crate::drift::suggest::{ConfigDraft, Exception, Requirement, Section};
use crate::error::Error;
use crate::io::config::find::parse_on_large_stack;
use crate::io::config::toml_text::{comment, key, quoted};
use crate::io::config::{At, Config, EnvironmentSection, RuleName, resolve_inside};
use crate::io::{files, git};

/// The widest line, in characters. A list that would be longer has one item per line.
const WIDEST: usize = 58;

/// The location of a new `doctor.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigLocation {
    /// The absolute path of the file.
    pub path: PathBuf,
    /// The path as a user would type it from the working directory.
    pub name: String,
    /// The root of the repository, or the working directory outside a repository.
    pub root: PathBuf,
}

impl ConfigLocation {
    /// Returns the location at the root of the repository, or in the working directory outside a repository.
    pub fn of(working_folder: &Path) -> Self {
        let root = git::root(working_folder).unwrap_or_else(|| working_folder.to_owned());
        let path = root.join("doctor.toml");
        Self { name: files::display_path(&path, working_folder), path, root }
    }

    /// Returns the path that refers to a file in this `doctor.toml`, or an error if it must not refer to that file.
    pub fn reach(&self, file: &Path) -> Result<String, Error> {
        resolve_inside(&self.root, &self.root, file)?;
        let parts = file.strip_prefix(&self.root).ok().map(Path::components);
        let parts: Option<Vec<&str>> = parts.into_iter().flatten().map(|part| part.as_os_str().to_str()).collect();
        parts.filter(|parts| !parts.is_empty()).map(|parts| parts.join("/")).ok_or_else(|| Error::File {
            path: file.display().to_string(),
            cause: "it is outside the repository, or its name is not valid UTF-8".to_owned(),
            help: "pass a file inside the repository with `--env-file PATH`".into(),
        })
    }
}

/// Returns the text of a draft, and the [`Config`] that it parses to. It is an error if that differs from the draft.
pub fn generate(draft: &ConfigDraft, site: &ConfigLocation, rules: &[RuleName]) -> Result<(String, Config), Error> {
    let text = directive(site).to_owned() + &text(draft);
    let empty = || Config::empty(site.path.clone(), site.name.clone(), site.root.clone());
    let mistaken = |cause: &str| Error::Write {
        path: site.name.clone(),
        cause: cause.to_owned(),
        help: "nothing was written; write the file by hand, and report this bug".into(),
    };
    let read = parse_on_large_stack(&Secret::new(text.as_str()), empty(), rules)
        .map_err(|error| mistaken(&format!("the generated text is invalid: {error}")))?;
    if states(&read, draft, empty()) {
        Ok((text, read))
    } else {
        Err(mistaken("the generated text does not match the selection"))
    }
}

/// Returns the line that points editors to the schema. Editors report an error if the schema file is missing.
fn directive(site: &ConfigLocation) -> &'static str {
    if site.root.join("doctor.schema.json").is_file() { "#:schema ./doctor.schema.json\n" } else { "" }
}

/// Returns whether the environment has the files and the protection of the draft, and no other environment has any.
fn has_environment(read: &Config, draft: &ConfigDraft) -> bool {
    let own = read.environments.get(draft.environment_title());
    let files = |section: &EnvironmentSection| -> Vec<String> {
        section.env_file.iter().flatten().map(|at| at.value.clone()).collect()
    };
    own.is_some_and(|section| section.protected == Some(true)) == draft.is_production()
        && own.map(files).unwrap_or_default() == draft.files
        && read.environments.len() == usize::from(own.is_some())
}

/// Returns whether a file contains exactly the draft.
pub(super) fn states(read: &Config, draft: &ConfigDraft, empty: Config) -> bool {
    let value = |at: &Option<At<String>>| at.as_ref().map(|at| at.value.clone());
    let rest = Config {
        project: read.project.clone(),
        environment: read.environment.clone(),
        environments: read.environments.clone(),
        services: read.services.clone(),
        require: read.require.clone(),
        ignore: read.ignore.clone(),
        ..empty
    };
    value(&read.project).as_ref() == Some(&draft.project.id)
        && value(&read.environment).as_ref() == Some(&draft.environment.id)
        && has_sections(read, draft)
        && has_environment(read, draft)
        && *read == rest
}

/// Returns whether the services, the required keys and the exceptions are exactly those of the draft.
pub(super) fn has_sections(read: &Config, draft: &ConfigDraft) -> bool {
    let values = |list: &[At<String>]| list.iter().map(|at| at.value.clone()).collect::<Vec<_>>();
    let has_service = |section: &Section| {
        read.services.get(&section.alias).is_some_and(|own| {
            let files = own.env_file.as_deref().map(values).unwrap_or_default();
            let rest = (files, &own.commit, own.start_command_contains.len());
            own.name.value == section.name && rest == (section.files.clone(), &None, 0)
        })
    };
    let require: Vec<_> = read.require.iter().map(|one| (values(&one.keys), values(&one.services))).collect();
    let ignore = read.ignore.iter().map(|one| {
        let rest = one.environments.is_empty() && one.until.is_none();
        (values(&one.keys), values(&one.services), one.rules.clone(), one.reason.clone(), rest)
    });
    let wanted = draft.ignore.iter().map(|one| {
        let rules: Vec<String> = one.rules.iter().map(|&rule| rule.to_owned()).collect();
        (one.keys.clone(), one.services.clone(), rules, one.reason.clone(), true)
    });
    draft.services.iter().all(has_service)
        && read.services.len() == draft.services.len()
        && require == draft.require.iter().map(|one| (one.keys.clone(), one.services.clone())).collect::<Vec<_>>()
        && ignore.eq(wanted)
}

pub(super) fn text(draft: &ConfigDraft) -> String {
    let mut text = head(draft);
    text.push_str(&environment(draft));
    text.push_str(&services(&draft.services));
    text.push_str(&require(&draft.require, &draft.services));
    text.push_str(&ignore(draft));
    text
}

/// Returns the sections that an existing file gets: services, required keys and expected differences.
pub(super) fn additions(draft: &ConfigDraft) -> String {
    let parts = [service_sections(&draft.services), requirements(&draft.require), exceptions(&draft.ignore)];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

fn head(draft: &ConfigDraft) -> String {
    let mut text = String::from(
        "# What doctor compares, and how strictly.\n\
         # Contains names but no values, so commit it.\n\n",
    );
    let [project, environment] = [&draft.project, &draft.environment];
    text.extend(["# Project ", &comment(&project.name), ", environment ", &comment(&environment.name), ":\n"]);
    text.extend(["project     = ", &quoted(&project.id), "\n"]);
    text.extend(["environment = ", &quoted(&environment.id), "\n"]);
    text
}

/// Returns the section of the environment that was checked.
fn environment(draft: &ConfigDraft) -> String {
    if draft.files.is_empty() && !draft.is_production() {
        return String::new();
    }
    let mut text = String::from("\n");
    if draft.is_production() {
        text.push_str("# `doctor fix` asks you to type this environment's name.\n");
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
        return "\n# No service is selected, so doctor checks each one that shares\n\
                # a key with the file. To select services and set aliases:\n\
                # [services.api]\n# name = \"my-api-production\"\n"
            .to_owned();
    }
    let first = &sections[0].alias;
    format!("\n# Services by alias, as in `doctor check -s {first}`.\n{}", service_sections(sections))
}

/// Returns the sections, with a blank line between two of them.
fn service_sections(sections: &[Section]) -> String {
    let mut text = String::new();
    for (index, section) in sections.iter().enumerate() {
        let gap = if index == 0 { "" } else { "\n" };
        let called = if section.name == section.service.name {
            String::new()
        } else {
            format!("  # {}", comment(&section.service.name))
        };
        text.extend([gap, "[services.", &key(&section.alias), "]\nname = ", &quoted(&section.name), &called, "\n"]);
        if !section.files.is_empty() {
            text.push_str(&list("env-file", &section.files));
        }
    }
    text
}

fn require(all: &[Requirement], sections: &[Section]) -> String {
    if all.is_empty() {
        let alias = sections.first().map_or("api", |section| &section.alias);
        return format!(
            "\n# List keys that must be set, with equal values:\n\
             # [[require]]\n# keys     = [\"API_KEY\"]\n# services = [{}]\n",
            quoted(alias)
        );
    }
    let comment =
        "\n# These keys must be set and equal on these services\n# and in the file. Add keys to require more.\n";
    comment.to_owned() + &requirements(all)
}

/// Returns the sections, with a blank line between two of them.
fn requirements(all: &[Requirement]) -> String {
    let mut text = String::new();
    for (index, one) in all.iter().enumerate() {
        text.extend([if index == 0 { "" } else { "\n" }, "[[require]]\n"]);
        text.push_str(&list("keys    ", &one.keys));
        text.push_str(&list("services", &one.services));
    }
    text
}

fn ignore(draft: &ConfigDraft) -> String {
    let comment = "\n# These keys are expected to differ: the rules skip them.\n# Add keys to ignore more.\n";
    let all = if draft.ignore.is_empty() { String::new() } else { comment.to_owned() + &exceptions(&draft.ignore) };
    if !draft.undecided.is_empty() {
        return all + &undecided(&draft.undecided);
    }
    if all.is_empty() {
        return "\n# List keys that are expected to differ:\n\
                # [[ignore]]\n# keys   = [\"DEBUG\", \"LOCAL_*\"]\n# reason = \"only for local runs\"\n"
            .to_owned();
    }
    all
}

/// Returns a commented-out entry that ignores the current differences.
fn undecided(keys: &[String]) -> String {
    let mut entry = String::from("[[ignore]]\n");
    entry.push_str(&list("keys  ", keys));
    entry.push_str("rules  = [\"value-differs\"]\nreason = \"why it differs\"\n");
    let lines: Vec<String> = entry.lines().map(|line| format!("# {line}\n")).collect();
    format!(
        "\n# These keys have different values on Railway. To ignore\n# those that are expected to differ:\n{}",
        lines.concat()
    )
}

/// Returns the sections, with a blank line between two of them.
fn exceptions(all: &[Exception]) -> String {
    let mut text = String::new();
    for (index, one) in all.iter().enumerate() {
        let rules: Vec<String> = one.rules.iter().map(|&rule| rule.to_owned()).collect();
        text.extend([if index == 0 { "" } else { "\n" }, "[[ignore]]\n"]);
        text.push_str(&list("keys    ", &one.keys));
        if !one.services.is_empty() {
            text.push_str(&list("services", &one.services));
        }
        text.push_str(&list("rules   ", &rules));
        text.extend(["reason   = ", &quoted(&one.reason), "\n"]);
    }
    text
}

/// Returns `name = ["a", "b"]`, with one item per line if it is long.
fn list(name: &str, items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
    let line = format!("{name} = [{}]\n", items.join(", "));
    if items.len() < 2 || line.chars().count() <= WIDEST {
        return line;
    }
    format!("{} = [\n    {},\n]\n", name.trim_end(), items.join(",\n    "))
}
