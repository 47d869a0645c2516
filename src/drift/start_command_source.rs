//! Where a running start command came from, and so where it is to be changed.

use crate::drift::config_as_code::{END, is_read_on, was_read_at};
use crate::drift::model::deployment::{Deployment, StartCommand};
use crate::drift::model::observed::Observed;
use crate::drift::runtime::ServiceSettings;
use crate::drift::{Survey, Target, phrases};

/// Where the running command came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `railway.json` or `railway.toml` of the deployed code, which overrides the settings in every deployment.
    ConfigFile(String),
    /// The same, and Railway no longer reads it: the next deployment takes the command of the settings.
    RetiredFile(String),
    /// The settings, beside a `.railway/railway.ts`, `.py` or `.go` in the checkout: `railway config apply` sets them to
    /// what that file declares.
    Infrastructure(String),
    /// The settings.
    Settings,
    /// No command is set: the image, or what built it, decides.
    Image,
    /// Railway does not show it.
    Unknown,
}

/// What a configuration file is called where Railway does not name it.
const SOME_FILE: &str = "railway.json or railway.toml of the code";

impl Source {
    /// The source of the deployment's command, as far as Railway and the checkout show it.
    pub fn of(survey: &Survey, target: &Target, deployment: &Deployment) -> Self {
        let nothing = ServiceSettings::default();
        let known = target.live.settings.known();
        let settings = known.unwrap_or(&nothing);
        let in_settings = |otherwise: Self| survey.infrastructure.clone().map_or(otherwise, Self::Infrastructure);
        let in_file = |path: &str| {
            let path = path.to_owned();
            // One that read it after the day shows that Railway has moved the day.
            let is_read = is_read_on(survey.today) || !was_read_at(&deployment.created_at);
            if is_read { Self::ConfigFile(path) } else { Self::RetiredFile(path) }
        };
        let running = match &deployment.origin.start {
            StartCommand::Untold => return Self::Unknown,
            StartCommand::OfImage => return in_settings(Self::Image),
            StartCommand::Is(running) => running,
        };
        let file = file(settings, deployment);
        match (&deployment.origin.start_in_file, &settings.start_command) {
            (Observed::Known(Some(given)), _) if given == running => in_file(file.unwrap_or(SOME_FILE)),
            (_, Some(set)) if set == running => in_settings(Self::Settings),
            _ if may_come_from_a_file(settings, deployment) => in_file(file.unwrap_or(SOME_FILE)),
            (_, None) if deployment.origin.names_no_file() && was_read_at(&deployment.created_at) => Self::Unknown,
            // The settings had another one when it was created.
            (Observed::Known(_), _) | (_, Some(_)) => in_settings(Self::Settings),
            // What the settings do not have comes from a file.
            (_, None) if known.is_some() && was_read_at(&deployment.created_at) => in_file(SOME_FILE),
            (_, None) if known.is_some() => in_settings(Self::Settings),
            (_, None) => Self::Unknown,
        }
    }

    /// Whether a fix can append parts to the command and set it: it is known, and neither a file of the code nor the
    /// checkout sets it back.
    pub fn is_settable(&self) -> bool {
        matches!(self, Self::Settings | Self::RetiredFile(_))
    }

    /// Where the command of the service with that name came from, and what to do there so that it has these parts.
    pub fn place(&self, name: &str, parts: &[&str]) -> (String, String) {
        let words = quoted(parts);
        let in_dashboard = format!("the settings of {name} on Railway's dashboard");
        let by_fix = format!(
            "`doctor fix` at a terminal shows it with {words} appended, and sets it; elsewhere, use --start-command"
        );
        match self {
            Self::ConfigFile(file) => (
                format!("it is set in {file}, which overrides the settings"),
                format!(
                    "add {words} to `startCommand` in {file}{}, and deploy that; Railway ends such files on {END}, so \
                     set the same command in {in_dashboard}, too",
                    line(file, parts)
                ),
            ),
            Self::RetiredFile(file) => {
                (format!("it was set in {file}, which Railway stopped reading on {END}"), by_fix)
            }
            Self::Infrastructure(file) => (
                format!("its settings are described by {file}"),
                format!(
                    "add {words} to the start command of {name} in {file}{}, then run `railway config apply`",
                    line(file, parts)
                ),
            ),
            Self::Settings => ("it is set in the settings on Railway's dashboard".to_owned(), by_fix),
            Self::Image => (
                "none is set, so its image or its build decides".to_owned(),
                format!("set a start command with {words} in {in_dashboard}, and deploy"),
            ),
            Self::Unknown => (
                "Railway does not show where it came from".to_owned(),
                format!("add {words} where it is set, usually in {in_dashboard}, and deploy"),
            ),
        }
    }
}

/// The line of that file that sets a command which ends with these parts, in brackets; empty where the file's form is not
/// known.
fn line(file: &str, parts: &[&str]) -> String {
    assignment(file, &format!("… {}", parts.join(" ")))
        .map_or_else(String::new, |line| format!(" (`{line}`, where … is what stands there)"))
}

/// The line of that file that sets the start command; `None` where the file's form is not known.
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

/// The parts in a sentence; one of several words needs marks around it.
pub fn quoted(parts: &[&str]) -> String {
    let quoted = |part: &&str| {
        if part.contains(char::is_whitespace) { format!("“{part}”") } else { (*part).to_owned() }
    };
    let quoted: Vec<String> = parts.iter().map(quoted).collect();
    phrases::names(&quoted.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Whether a configuration file may have given the command.
pub fn may_come_from_a_file(settings: &ServiceSettings, deployment: &Deployment) -> bool {
    let origin = &deployment.origin;
    let may_be_read = was_read_at(&deployment.created_at);
    match &origin.start_in_file {
        Observed::Known(Some(_)) => true,
        // The file was read, and sets none.
        Observed::Known(None) if origin.given_by_file.is_some() => false,
        // That Railway names nothing of it proves nothing where a file is named; one in the checkout may be an unused one.
        Observed::Known(None) => origin.config_file.is_some() || may_be_read && settings.config_file.is_some(),
        Observed::NotRequested | Observed::Unavailable(_) => may_be_read && file(settings, deployment).is_some(),
    }
}

/// The configuration file of the service, if there is one that could give it a start command.
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

    /// Where the command of a deployment came from that was created then, as seen on a day before or after the end.
    fn source(created_at: &str, today: i64, change: impl FnOnce(&mut Survey)) -> Source {
        let mut found = survey(&[], &[("worker", &[])]);
        running(&mut found, "worker", "SUCCESS");
        found.today = END + today.days();
        let live = &mut target(&mut found, "worker").live;
        if let Observed::Known(deployed) = &mut live.deployed {
            deployed.active[0].created_at = created_at.to_owned();
            deployed.active[0].origin.start = StartCommand::Is(Secret::new("celery worker"));
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
            deployed.active[0].origin.start = StartCommand::OfImage;
        }
    }

    #[test]
    fn file_is_the_source_until_railway_stops_reading_it() {
        let file = |path: &str| Source::ConfigFile(path.to_owned());
        let retired = |path: &str| Source::RetiredFile(path.to_owned());
        assert_eq!(source(BEFORE, -1, given_by_file), file("/railway.toml"));
        assert_eq!(source(BEFORE, 0, given_by_file), retired("/railway.toml"));
        assert_eq!(source(AFTER, 60, given_by_file), file("/railway.toml"), "the day was moved");
        assert_eq!(source(BEFORE, -1, in_checkout), file("railway.json"));
        assert_eq!(source(BEFORE, 60, in_checkout), retired("railway.json"));
        assert_eq!(source(AFTER, 60, in_checkout), Source::Settings, "such a file proves nothing any more");
        assert_eq!(source(BEFORE, -1, |_| {}), file("railway.json or railway.toml of the code"));
        assert_eq!(source(AFTER, 60, |_| {}), Source::Settings);
        // Where the manifest says that there was none.
        let denied = |found: &mut Survey| {
            if let Observed::Known(deployed) = &mut target(found, "worker").live.deployed {
                deployed.active[0].origin.start_in_file = Observed::Known(None);
            }
        };
        assert_eq!(source(BEFORE, -1, denied), Source::Unknown);
        let unused = |found: &mut Survey| {
            in_checkout(found);
            denied(found);
            let live = &mut target(found, "worker").live;
            let start_command = Some(Secret::new("celery beat"));
            let known = live.settings.known().unwrap().clone();
            live.settings = Observed::Known(ServiceSettings { start_command, ..known });
        };
        assert_eq!(source(BEFORE, -1, unused), Source::Settings, "a file of the checkout that was never read");
        let named = |found: &mut Survey| {
            let config_file = Some("/railway.json".to_owned());
            target(found, "worker").live.settings =
                Observed::Known(ServiceSettings { config_file, ..ServiceSettings::default() });
            denied(found);
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
            Source::ConfigFile("railway.json or railway.toml of the code".to_owned()).place("worker", &parts);
        assert!(!advice.contains('…'), "{advice}");
    }
}
