//! The sections of `doctor.toml`, one function each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::civil::Date;
use toml::de::DeValue;

use crate::drift::Severity;
use crate::drift::command_line::CommandLine;
use crate::error::Error;
use crate::io::config::table::{Item, Table, did_you_mean, listed};
use crate::io::config::{
    AcrossSection, At, Config, EnvironmentSection, FailOnSetting, IgnoreSection, LoaderSetting, MustSetting, OnDrift,
    RequireSection, RuleName, ServiceSection, expectations,
};

/// The keys at the top level of the file.
const TOP: &[&str] = &[
    "project",
    "environment",
    "env-file",
    "loader",
    "fail-on",
    "environments",
    "services",
    "require",
    "across",
    "ignore",
    "severity",
    "expect",
    "hook",
    "pull",
];

/// The maximum number of patterns in all [[ignore]] sections together.
const MOST_PATTERNS: usize = 1000;

const SEVERITIES: &[(&str, Option<Severity>)] = &[
    ("error", Some(Severity::Error)),
    ("warning", Some(Severity::Warning)),
    ("note", Some(Severity::Note)),
    ("off", None),
];

impl Config {
    /// Returns the settings of an empty file.
    pub(super) fn empty(path: PathBuf, name: String, root: PathBuf) -> Self {
        Self {
            path,
            name,
            root,
            project: None,
            environment: None,
            env_file: None,
            loader: None,
            fail_on: None,
            environments: BTreeMap::new(),
            services: BTreeMap::new(),
            require: Vec::new(),
            across: Vec::new(),
            ignore: Vec::new(),
            severity: BTreeMap::new(),
            severity_lines: BTreeMap::new(),
            expect_log: Vec::new(),
            expect_http: Vec::new(),
            on_drift: None,
            allow_pull: None,
        }
    }
}

/// Reads the whole file.
pub(super) fn document(top: &Table<'_>, empty: Config, rules: &[RuleName]) -> Result<Config, Error> {
    top.only(TOP)?;
    let expect = top.table("expect")?;
    let (expect_log, expect_http) = match &expect {
        Some(expect) => {
            expect.only(&["log", "http"])?;
            (expect.each("log", expectations::log)?, expect.each("http", expectations::http)?)
        }
        None => (Vec::new(), Vec::new()),
    };
    let (severity, severity_lines) = severity(top, rules)?;
    Ok(Config {
        project: top.text("project")?,
        environment: top.text("environment")?,
        env_file: top.text_or_texts("env-file")?,
        loader: loader(top)?,
        fail_on: fail_on(top)?,
        environments: environments(top)?,
        services: services(top)?,
        require: top.each("require", require)?,
        across: consistent(top, top.each("across", across)?)?,
        ignore: few_patterns(top, top.each("ignore", |table| ignore(table, rules))?)?,
        severity,
        severity_lines,
        expect_log,
        expect_http,
        on_drift: on_drift(top)?,
        allow_pull: allow_pull(top)?,
        ..empty
    })
}

fn loader(top: &Table<'_>) -> Result<Option<LoaderSetting>, Error> {
    top.choice(
        "loader",
        &[("dotenvy", LoaderSetting::Dotenvy), ("python", LoaderSetting::Python), ("node", LoaderSetting::Node)],
    )
}

fn fail_on(top: &Table<'_>) -> Result<Option<FailOnSetting>, Error> {
    let values = [
        ("error", FailOnSetting::Severity(Severity::Error)),
        ("warning", FailOnSetting::Severity(Severity::Warning)),
        ("note", FailOnSetting::Severity(Severity::Note)),
        ("never", FailOnSetting::Never),
    ];
    top.choice("fail-on", &values)
}

fn on_drift(top: &Table<'_>) -> Result<Option<OnDrift>, Error> {
    let Some(hook) = top.table("hook")? else { return Ok(None) };
    hook.only(&["on-drift"])?;
    hook.choice("on-drift", &[("warn", OnDrift::Warn), ("fail", OnDrift::Fail)])
}

fn allow_pull(top: &Table<'_>) -> Result<Option<At<bool>>, Error> {
    let Some(pull) = top.table("pull")? else { return Ok(None) };
    pull.only(&["allow"])?;
    let position = pull.get("allow").map(|item| item.key_start);
    Ok(pull.boolean("allow")?.zip(position).map(|(allow, start)| pull.source.at(start, allow)))
}

fn environments(top: &Table<'_>) -> Result<BTreeMap<String, EnvironmentSection>, Error> {
    let mut sections = BTreeMap::new();
    let Some(table) = top.table("environments")? else { return Ok(sections) };
    for item in table.items() {
        named(&table, &item)?;
        let section = table.enter(&item)?;
        section.only(&["env-file", "protected"])?;
        let read = EnvironmentSection {
            name: table.source.at(item.key_start, item.key.to_owned()),
            env_file: section.text_or_texts("env-file")?,
            protected: section.boolean("protected")?,
        };
        sections.insert(item.key.to_owned(), read);
    }
    Ok(sections)
}

fn services(top: &Table<'_>) -> Result<BTreeMap<String, ServiceSection>, Error> {
    let mut sections = BTreeMap::new();
    let mut aliases: BTreeMap<String, &str> = BTreeMap::new();
    let Some(table) = top.table("services")? else { return Ok(sections) };
    for item in table.items() {
        named(&table, &item)?;
        let section = table.enter(&item)?;
        let read = service(&section, &item)?;
        if let Some(earlier) = aliases.insert(read.name.value.clone(), item.key) {
            let what = format!("{} names the same service as {}", table.called(item.key), table.called(earlier));
            return Err(table.source.fault(item.key_start, what, "keep one of the two sections"));
        }
        sections.insert(item.key.to_owned(), read);
    }
    Ok(sections)
}

fn service(section: &Table<'_>, item: &Item<'_>) -> Result<ServiceSection, Error> {
    section.only(&["name", "env-file", "start-command-contains", "commit"])?;
    let commit = section.text("commit")?;
    let digits = |text: &str| (7..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if let (Some(given), Some(item)) = (&commit, section.get("commit"))
        && given.value != "HEAD"
        && !digits(&given.value)
    {
        return Err(section.wrong(&item, "a commit hash of 7 to 40 hexadecimal digits, or \"HEAD\""));
    }
    let parts = section.texts("start-command-contains")?.unwrap_or_default();
    if let (Some(_), Some(item)) =
        (parts.iter().find(|part| !CommandLine::is_part(&part.value)), section.get("start-command-contains"))
    {
        return Err(section.wrong(&item, "a list of command-line arguments with balanced quotes, such as [\"-B\"]"));
    }
    Ok(ServiceSection {
        name: section.text("name")?.unwrap_or_else(|| section.source.at(item.key_start, item.key.to_owned())),
        env_file: section.text_or_texts("env-file")?,
        start_command_contains: parts,
        commit,
    })
}

/// Rejects a section name that is empty or has control characters.
fn named(table: &Table<'_>, item: &Item<'_>) -> Result<(), Error> {
    if item.key.trim().is_empty() || item.key.chars().any(char::is_control) {
        return Err(table.source.fault(
            item.key_start,
            "the section name is empty or has control characters",
            "rename it",
        ));
    }
    Ok(())
}

fn require(table: &Table<'_>) -> Result<RequireSection, Error> {
    table.only(&["keys", "services"])?;
    let keys = exact_names(table)?;
    Ok(RequireSection { line: table.line(), keys, services: table.texts("services")?.unwrap_or_default() })
}

fn across(table: &Table<'_>) -> Result<AcrossSection, Error> {
    table.only(&["keys", "must"])?;
    let values = [("agree", MustSetting::Agree), ("differ", MustSetting::Differ), ("exist", MustSetting::Exist)];
    let keys = exact_names(table)?;
    let must = table.required("must", table.choice("must", &values)?, "must = \"differ\"")?;
    Ok(AcrossSection { line: table.line(), keys, must })
}

/// Reads the required `keys`, which can't be patterns.
fn exact_names(table: &Table<'_>) -> Result<Vec<At<String>>, Error> {
    let keys = table.required("keys", table.texts("keys")?, "keys = [\"KEY\"]")?;
    if let Some(pattern) = keys.iter().find(|key| key.value.contains(['*', '?'])) {
        let what = format!("{} can't contain patterns", table.called("keys"));
        return Err(table.source.fault_at(pattern, what, "list each key by its exact name"));
    }
    Ok(keys)
}

/// Rejects a key whose values must agree in one [[across]] and differ in another.
fn consistent(top: &Table<'_>, sections: Vec<AcrossSection>) -> Result<Vec<AcrossSection>, Error> {
    let mut earlier: BTreeMap<&str, &AcrossSection> = BTreeMap::new();
    let about_values = sections.iter().filter(|section| section.must != MustSetting::Exist);
    for (section, key) in about_values.flat_map(|section| section.keys.iter().map(move |key| (section, key))) {
        let first = *earlier.entry(&key.value).or_insert(section);
        if first.must != section.must {
            let what = format!("`keys` in [[across]] contradicts the [[across]] at line {}", first.line);
            let help = "a key can't both agree and differ; remove it from one of the two sections";
            return Err(top.source.fault_at(key, what, help));
        }
    }
    Ok(sections)
}

fn ignore(table: &Table<'_>, rules: &[RuleName]) -> Result<IgnoreSection, Error> {
    table.only(&["keys", "services", "environments", "rules", "reason", "until"])?;
    let keys = table.required("keys", table.texts("keys")?, "keys = [\"KEY\"]")?;
    let given = table.texts("rules")?.unwrap_or_default();
    let rule = |at: &At<String>| {
        known(&at.value, rules).map(str::to_owned).ok_or_else(|| {
            let what = "`rules` in [[ignore]] contains an unknown rule";
            table.source.fault_at(at, what, which_rule(&at.value, rules))
        })
    };
    // Remove duplicates: a code and a name can select the same rule.
    let mut rules = given.iter().map(rule).collect::<Result<Vec<String>, Error>>()?;
    let mut seen = BTreeSet::new();
    rules.retain(|rule| seen.insert(rule.clone()));
    let reason = table.required("reason", table.text("reason")?, "reason = \"why this is expected to differ\"")?;
    Ok(IgnoreSection {
        line: table.line(),
        keys,
        services: table.texts("services")?.unwrap_or_default(),
        environments: table.texts("environments")?.unwrap_or_default(),
        rules,
        reason: reason.value,
        until: until(table)?,
    })
}

/// Rejects more patterns than can be matched against every key. Exact names are looked up in a map and not limited.
fn few_patterns(top: &Table<'_>, sections: Vec<IgnoreSection>) -> Result<Vec<IgnoreSection>, Error> {
    let keys = sections.iter().flat_map(|section| &section.keys);
    let one_too_many = keys.filter(|key| key.value.contains(['*', '?'])).nth(MOST_PATTERNS);
    if let Some(pattern) = one_too_many {
        let what = format!("[[ignore]] has more than {MOST_PATTERNS} patterns with `*` or `?`");
        return Err(top.source.fault_at(pattern, what, "use fewer, broader patterns, or exact names"));
    }
    Ok(sections)
}

/// Reads `until`, a date as a string or as a TOML date.
pub(super) fn until(table: &Table<'_>) -> Result<Option<Date>, Error> {
    let Some(item) = table.get("until") else { return Ok(None) };
    let date = match item.value {
        // Other formats, and dates with a time, are intentionally not accepted.
        DeValue::String(text) if text.len() == "2027-01-01".len() => text.parse().ok(),
        DeValue::Datetime(moment) if moment.time.is_none() && moment.offset.is_none() => moment.date.and_then(|date| {
            let [month, day] = [date.month, date.day].map(|number| i8::try_from(number).unwrap_or(0));
            Date::new(i16::try_from(date.year).ok()?, month, day).ok()
        }),
        _ => None,
    };
    date.map(Some).ok_or_else(|| table.wrong(&item, "a date such as \"2027-01-01\""))
}

/// The severities of rules in `[severity]`, and their lines.
type Severities = (BTreeMap<String, Option<Severity>>, BTreeMap<String, usize>);

fn severity(top: &Table<'_>, rules: &[RuleName]) -> Result<Severities, Error> {
    let (mut severities, mut lines) = Severities::default();
    let Some(table) = top.table("severity")? else { return Ok((severities, lines)) };
    for item in table.items() {
        let Some(name) = known(item.key, rules) else {
            let what = table.with_name("unknown rule", item.key);
            return Err(table.source.fault(item.key_start, what, which_rule(item.key, rules)));
        };
        lines.insert(name.to_owned(), table.source.at(item.key_start, ()).line);
        if severities.insert(name.to_owned(), table.choose(&item, SEVERITIES)?).is_some() {
            let what = table.with_name("duplicate rule", item.key);
            let help = "keep one of the two lines; a code and a name can select the same rule";
            return Err(table.source.fault(item.key_start, what, help));
        }
    }
    Ok((severities, lines))
}

/// Returns the name of the rule with that name or code.
fn known(given: &str, rules: &[RuleName]) -> Option<&'static str> {
    rules.iter().find(|(code, name)| *code == given || *name == given).map(|(_, name)| *name)
}

pub(super) fn which_rule(given: &str, rules: &[RuleName]) -> String {
    let names: Vec<&str> = rules.iter().map(|(_, name)| *name).collect();
    format!("{}valid rules: {}", did_you_mean(given, &names), listed(&names))
}
