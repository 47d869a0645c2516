//! Where a running start command is set, and so where to change it.

use crate::drift::config_as_code::{END, is_read_on, was_read_at};
use crate::drift::model::deployment::{Deployment, StartCommand};
use crate::drift::model::observed::Observed;
use crate::drift::runtime::ServiceSettings;
use crate::drift::{Survey, Target, phrases};

/// Where the running command is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `railway.json` or `railway.toml` in the deployed code, which overrides the settings in every deployment.
    ConfigFile(String),
    /// The same, but Railway no longer reads it: the next deployment uses the command in the settings.
    RetiredFile(String),
    /// The settings, while the checkout has a `.railway/railway.ts`, `.py` or `.go`: `railway config apply` sets them
    /// to the declarations in that file.
    Infrastructure(String),
    Settings,
    /// No command is set: the image or the build determines it.
    Image,
    /// Railway does not report it.
    Unknown,
}

/// The label of a configuration file if Railway does not report its path.
const SOME_FILE: &str = "railway.json or railway.toml in the code";

impl Source {
    /// Determines the source of the deployment's command from Railway and the checkout.
    pub fn of(survey: &Survey, target: &Target, deployment: &Deployment) -> Self {
        let nothing = ServiceSettings::default();
        let known = target.live.settings.known();
        let settings = known.unwrap_or(&nothing);
        let in_settings = |otherwise: Self| survey.infrastructure.clone().map_or(otherwise, Self::Infrastructure);
        let in_file = |path: &str| {
            let path = path.to_owned();
            // A deployment that read it after the date shows that Railway has moved the date.
            let is_read = is_read_on(survey.today) || !was_read_at(&deployment.created_at);
            if is_read { Self::ConfigFile(path) } else { Self::RetiredFile(path) }
        };
        let running = match &deployment.origin.start {
            StartCommand::Unknown => return Self::Unknown,
            StartCommand::Unset => return in_settings(Self::Image),
            StartCommand::Set(running) => running,
        };
        let file = file(settings, deployment);
        match (&deployment.origin.start_in_file, &settings.start_command) {
            (Observed::Known(Some(given)), _) if given == running => in_file(file.unwrap_or(SOME_FILE)),
            (_, Some(set)) if set == running => in_settings(Self::Settings),
            _ if may_come_from_a_file(settings, deployment) => in_file(file.unwrap_or(SOME_FILE)),
            (_, None) if deployment.origin.names_no_file() && was_read_at(&deployment.created_at) => Self::Unknown,
            // The settings had another command when it was created.
            (Observed::Known(_), _) | (_, Some(_)) => in_settings(Self::Settings),
            // A command that is not in the settings is from a file.
            (_, None) if known.is_some() && was_read_at(&deployment.created_at) => in_file(SOME_FILE),
            (_, None) if known.is_some() => in_settings(Self::Settings),
            (_, None) => Self::Unknown,
        }
    }

    /// Returns whether a fix can append parts to the command in the settings: it is known, and no file in the code or
    /// the checkout overrides it.
    pub fn is_settable(&self) -> bool {
        matches!(self, Self::Settings | Self::RetiredFile(_))
    }

    /// Returns the cause and the help of a finding: where the service's command is set, and how to add these parts
    /// there.
    pub fn place(&self, name: &str, parts: &[&str]) -> (String, String) {
        let missing = quoted(parts);
        let in_dashboard = format!("the settings of {name} in the dashboard");
        let by_fix = format!("run this in a terminal to append {missing}; without a terminal, pass --start-command");
        match self {
            Self::ConfigFile(file) => (
                format!("the command is set in {file}, which overrides the settings"),
                format!(
                    "add {missing} to `startCommand` in {file}{}, then deploy; also set it in {in_dashboard}, because \
                     Railway stops reading this file on {END}",
                    line(file, parts)
                ),
            ),
            Self::RetiredFile(file) => {
                (format!("the command was set in {file}, which Railway stopped reading on {END}"), by_fix)
            }
            Self::Infrastructure(file) => (
                format!("the settings are declared in {file}"),
                format!(
                    "add {missing} to the start command of {name} in {file}{}, then run `railway config apply`",
                    line(file, parts)
                ),
            ),
            Self::Settings => ("the command is set in the settings in the Railway dashboard".to_owned(), by_fix),
            Self::Image => (
                "no command is set, so the image or the build determines it".to_owned(),
                format!("set a start command with {missing} in {in_dashboard} and deploy"),
            ),
            Self::Unknown => (
                "Railway does not report where the command is set".to_owned(),
                format!("add {missing} where the command is set, usually in {in_dashboard}, and deploy"),
            ),
        }
    }
}

/// Returns the line of the file that sets a command with these parts appended, in parentheses; empty if the file's
/// syntax is unknown.
fn line(file: &str, parts: &[&str]) -> String {
    assignment(file, &format!("… {}", parts.join(" ")))
        .map_or_else(String::new, |line| format!(" (`{line}`, where … is the current command)"))
}

/// Returns the line of the file that sets the start command; `None` if the file's syntax is unknown.
pub fn assignment(file: &str, command: &str) -> Option<String> {
    let text = serde_json::Value::from(command);
    match file.rsplit_once('.')?.1 {
        "json" => Some(format!("\"startCommand\": {text}")),
        "toml" => Some(format!("startCommand = {text}")),
        "ts" => Some(format!("start: {text},")),
        "py" => Some(format!("start={text},")),
        "go" => Some(format!("\"start\": {text},")),
        _ => None,
    }
}

/// Lists the parts in a sentence. A part with several arguments is quoted.
pub fn quoted(parts: &[&str]) -> String {
    let quoted = |part: &&str| {
        if part.contains(char::is_whitespace) { format!("“{part}”") } else { (*part).to_owned() }
    };
    let quoted: Vec<String> = parts.iter().map(quoted).collect();
    phrases::names(&quoted.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Returns whether the command may be from a configuration file.
pub fn may_come_from_a_file(settings: &ServiceSettings, deployment: &Deployment) -> bool {
    let origin = &deployment.origin;
    let may_be_read = was_read_at(&deployment.created_at);
    match &origin.start_in_file {
        Observed::Known(Some(_)) => true,
        // The file was read, and sets none.
        Observed::Known(None) if origin.given_by_file.is_some() => false,
        // Railway may omit it even if a file was read. A file in the checkout may be unused.
        Observed::Known(None) => origin.config_file.is_some() || may_be_read && settings.config_file.is_some(),
        Observed::NotRequested | Observed::Unavailable(_) => may_be_read && file(settings, deployment).is_some(),
    }
}

/// Returns the configuration file that may set the service's start command.
fn file<'s>(settings: &'s ServiceSettings, deployment: &'s Deployment) -> Option<&'s str> {
    let named = deployment.origin.config_file.as_ref().or(settings.config_file.as_ref());
    named.or(settings.files.first()).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use crate::drift::config_as_code::END;
    use crate::drift::model::deployment::StartCommand;
    use crate::drift::model::observed::Observed;
    use crate::drift::runtime::ServiceSettings;
    use crate::drift::start_command_source::Source;
    use crate::drift::test_support::{running, survey, target};
    use crate::drift::{Secret, Survey};

    const BEFORE: &str = "2026-11-20T10:00:00.000Z";
    const AFTER: &str = "2027-01-04T10:00:00.000Z";

    /// Returns the source for a deployment created at that time, checked `today` days after the end.
    fn source(created_at: &str, today: i64, change: impl FnOnce(&mut Survey)) -> Source {
        let mut found = survey(&[], &[("worker", &[])]);
        running(&mut found, "worker", "SUCCESS");
        found.today = END + today.days();
        let live = &mut target(&mut found, "worker").live;
        if let Observed::Known(deployed) = &mut live.deployed {
            deployed.active[0].created_at = created_at.to_owned();
            deployed.active[0].origin.start = StartCommand::Set(Secret::new("celery worker"));
        }
        live.settings = Observed::Known(ServiceSettings::default());
        change(&mut found);
        let deployment = found.targets[0].live.deployed.known().unwrap().subject().unwrap().clone();
        Source::of(&found, &found.targets[0], &deployment)
    }

    fn given_by_file(found: &mut Survey) {
        if let Observed::Known(deployed) = &mut target(found, "worker").live.deployed {
            deployed.active[0].origin.start_in_file = Observed::Known(Some(Secret::new("celery worker")));
            deployed.active[0].origin.config_file = Some("/railway.toml".to_owned());
        }
    }

    fn in_checkout(found: &mut Survey) {
        let files = vec!["railway.json".to_owned()];
        target(found, "worker").live.settings =
            Observed::Known(ServiceSettings { files, ..ServiceSettings::default() });
    }

    fn set(found: &mut Survey) {
        let start_command = Some(Secret::new("celery worker"));
        target(found, "worker").live.settings =
            Observed::Known(ServiceSettings { start_command, ..ServiceSettings::default() });
    }

    fn described(found: &mut Survey) {
        set(found);
        found.infrastructure = Some(".railway/railway.go".to_owned());
    }

    fn of_image(found: &mut Survey) {
        if let Observed::Known(deployed) = &mut target(found, "worker").live.deployed {
            deployed.active[0].origin.start = StartCommand::Unset;
        }
    }

    #[test]
    fn file_is_the_source_until_railway_stops_reading_it() {
        let file = |path: &str| Source::ConfigFile(path.to_owned());
        let retired = |path: &str| Source::RetiredFile(path.to_owned());
        assert_eq!(source(BEFORE, -1, given_by_file), file("/railway.toml"));
        assert_eq!(source(BEFORE, 0, given_by_file), retired("/railway.toml"));
        assert_eq!(source(AFTER, 60, given_by_file), file("/railway.toml"), "the date was moved");
        assert_eq!(source(BEFORE, -1, in_checkout), file("railway.json"));
        assert_eq!(source(BEFORE, 60, in_checkout), retired("railway.json"));
        assert_eq!(source(AFTER, 60, in_checkout), Source::Settings, "such a file is no longer evidence");
        assert_eq!(source(BEFORE, -1, |_| {}), file("railway.json or railway.toml in the code"));
        assert_eq!(source(AFTER, 60, |_| {}), Source::Settings);
        // The manifest states that there was no file.
        let without_file = |found: &mut Survey| {
            if let Observed::Known(deployed) = &mut target(found, "worker").live.deployed {
                deployed.active[0].origin.start_in_file = Observed::Known(None);
            }
        };
        assert_eq!(source(BEFORE, -1, without_file), Source::Unknown);
        let unused = |found: &mut Survey| {
            in_checkout(found);
            without_file(found);
            let live = &mut target(found, "worker").live;
            let start_command = Some(Secret::new("celery beat"));
            let known = live.settings.known().unwrap().clone();
            live.settings = Observed::Known(ServiceSettings { start_command, ..known });
        };
        assert_eq!(source(BEFORE, -1, unused), Source::Settings, "a file in the checkout that was never read");
        let named = |found: &mut Survey| {
            let config_file = Some("/railway.json".to_owned());
            target(found, "worker").live.settings =
                Observed::Known(ServiceSettings { config_file, ..ServiceSettings::default() });
            without_file(found);
        };
        assert_eq!(source(BEFORE, -1, named), file("/railway.json"));
    }

    #[test]
    fn infrastructure_file_describes_the_settings() {
        let infrastructure = || Source::Infrastructure(".railway/railway.go".to_owned());
        assert_eq!(source(BEFORE, -1, set), Source::Settings);
        assert_eq!(source(BEFORE, -1, described), infrastructure());
        assert_eq!(source(BEFORE, -1, of_image), Source::Image);
        let both = |found: &mut Survey| {
            described(found);
            of_image(found);
        };
        assert_eq!(source(BEFORE, -1, both), infrastructure());
        let overridden = |found: &mut Survey| {
            described(found);
            given_by_file(found);
        };
        assert_eq!(source(BEFORE, -1, overridden), Source::ConfigFile("/railway.toml".to_owned()));
    }

    #[test]
    fn only_settings_without_a_deciding_file_are_settable() {
        for (source, is_settable) in [
            (Source::Settings, true),
            (Source::Image, false),
            (Source::RetiredFile("railway.json".to_owned()), true),
            (Source::ConfigFile("railway.json".to_owned()), false),
            (Source::Infrastructure(".railway/railway.ts".to_owned()), false),
            (Source::Unknown, false),
        ] {
            assert_eq!(source.is_settable(), is_settable, "{source:?}");
        }
    }

    #[test]
    fn suggested_line_uses_the_syntax_of_its_file() {
        let parts = ["-B", "--name 'a \"b\"'"];
        for (file, line) in [
            ("railway.json", r#"`"startCommand": "… -B --name 'a \"b\"'"`"#),
            ("/deploy/railway.toml", r#"`startCommand = "… -B --name 'a \"b\"'"`"#),
        ] {
            let (_, advice) = Source::ConfigFile(file.to_owned()).place("worker", &parts);
            assert!(advice.contains(line) && advice.contains(&END.to_string()), "{advice}");
        }
        for (file, line) in [
            (".railway/railway.ts", r#"`start: "… -B --name 'a \"b\"'",`"#),
            (".railway/railway.py", r#"`start="… -B --name 'a \"b\"'",`"#),
            (".railway/railway.go", r#"`"start": "… -B --name 'a \"b\"'",`"#),
        ] {
            let (_, advice) = Source::Infrastructure(file.to_owned()).place("worker", &parts);
            assert!(advice.contains(line) && advice.contains("railway config apply"), "{advice}");
        }
        let (_, advice) =
            Source::ConfigFile("railway.json or railway.toml in the code".to_owned()).place("worker", &parts);
        assert!(!advice.contains('…'), "{advice}");
    }
}
