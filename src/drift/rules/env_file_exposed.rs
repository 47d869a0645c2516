//! D301 env-file-exposed: an env file with secrets is exposed.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use crate::drift::dotenv::{Entry, LocalFile, ReadOnly};
use crate::drift::file_exposure::secrets;
use crate::drift::indirect::is_indirect;
use crate::drift::model::file_exposure::{Exposure, Git, Readers};
use crate::drift::model::finding::{Finding, Location};
use crate::drift::model::rule::{HookScope, Rule};
use crate::drift::model::severity::Severity;
use crate::drift::rules::RuleCheck;
use crate::drift::{Survey, example_file, phrases};

pub static RULE: Rule = Rule {
    code: "D301",
    name: "env-file-exposed",
    severity: Severity::Error,
    summary: "An env file with secrets is exposed",
    explain: EXPLAIN,
    hook: HookScope::StagedFiles,
    ..Rule::DEFAULT
};

pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

A file that git tracks is in every clone and backup, and stays in the history after it is deleted. A secret that was
pushed once is exposed to everyone who has had access to the repository since.

## Example

    .env   contains STRIPE_KEY, in git's index   error: it was committed, or is about to be
    .env   not ignored by git                    warning: the next `git add .` adds it
    .env   contains STRIPE_KEY, mode 0644        note: other users of this machine can read it

A tracked file without secrets is assumed to be shared intentionally. A secret is a value, not a placeholder, of a key
such as API_KEY or DB_PASSWORD, unless the browser gets it anyway (NEXT_PUBLIC_…, VITE_…). Ciphertext (dotenvx, sops)
and references such as `op://…` are not secrets, and a file that contains these and no secrets need not be ignored. A
tracked file is reported even if it is ignored, too. For a symbolic link, its target is checked. Example files
(`.env.example`, `.env.sample`, `.env.template`) are never reported. The mode is reported only if other users can
access the parent directories; it is not checked on Windows. git runs without executing anything that the repository
configures; if git is unavailable, the report header shows it.

## Fix

- Tracked: run `git rm --cached .env`, add it to `.gitignore`, and rotate its secrets: the history keeps the old ones.
- Not ignored: add it to `.gitignore`.
- Mode: run `chmod 600 .env`.

## Suppress

    [severity]
    env-file-exposed = \"off\"
";

/// A file that others can read.
struct ExposedFile {
    /// Its name in messages, with the target of a link.
    subject: String,
    /// Its real path, quoted for a shell.
    path: String,
    /// The command that removes it from git's index.
    untrack: String,
    /// Its first secret, or its first line.
    place: Location,
}

/// Reports only the worst exposure of each file: the mode of a file that can be cloned does not matter.
fn check(survey: &Survey) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut readable: BTreeMap<String, Vec<ExposedFile>> = BTreeMap::new();
    let in_use = survey.files.iter().zip(&survey.exposures).filter(|(file, _)| !example_file::is_example(&file.name));
    for (file, exposure) in in_use {
        // Nothing is searched in a file that only its owner can read.
        if !matches!(exposure.git, Git::NotIgnored | Git::Tracked) && exposure.readers == Readers::Owner {
            continue;
        }
        let first = secrets(file).next();
        let exposed = ExposedFile::of(file, exposure, first);
        match (&exposure.git, exposure.readers) {
            // Encrypted files are intended to be committed.
            (Git::NotIgnored, _) if first.is_none() && is_encrypted(file) => {}
            (Git::NotIgnored, _) => findings.push(exposed.not_ignored()),
            _ if first.is_none() => {}
            (Git::Tracked, _) => findings.push(exposed.tracked(file)),
            (_, readers) => readable.entry(describe(readers, exposure.mode)).or_default().push(exposed),
        }
    }
    findings.extend(readable.into_iter().map(|(who, files)| readable_by(&who, files)));
    findings
}

/// Returns whether a value of the file is encrypted or kept elsewhere.
fn is_encrypted(file: &LocalFile) -> bool {
    file.entries.iter().any(|entry| is_indirect(entry.value.expose()))
}

impl ExposedFile {
    /// Describes a file by its first secret, if it has one.
    fn of(file: &LocalFile, exposure: &Exposure, first: Option<&Entry>) -> Self {
        let (subject, path) = match &exposure.end {
            Some(end) => (format!("{} (a link to {end})", file.name), end),
            None => (file.name.clone(), &file.name),
        };
        let line = first.map_or(1, |entry| entry.line);
        let place = Location { file: file.name.clone(), line };
        let quoted = |text| shlex::try_quote(text).unwrap_or(Cow::Borrowed(text)).into_owned();
        // git refuses a path outside the worktree in which it runs.
        let untrack = match path.rsplit_once('/').filter(|_| file.read_only == Some(ReadOnly::MainWorktree)) {
            Some((folder, name)) => format!("git -C {} rm --cached -- {}", quoted(folder), quoted(name)),
            None => format!("git rm --cached -- {}", quoted(path)),
        };
        Self { subject, path: quoted(path), untrack, place }
    }

    fn not_ignored(self) -> Finding {
        Finding {
            severity: Severity::Warning,
            places: vec![self.place],
            advice: Some("add it to .gitignore".to_owned()),
            ..Finding::new(
                &RULE,
                format!("{} is not ignored by git, so the next `git add` may include it", self.subject),
            )
        }
    }

    fn tracked(self, file: &LocalFile) -> Finding {
        let advice = format!(
            "run `{}`, add the file to .gitignore, and rotate its secrets: the history keeps the old ones",
            self.untrack
        );
        let mut seen = HashSet::new();
        let keys = secrets(file).map(|entry| entry.key.as_str()).filter(|&key| seen.insert(key));
        let keys = phrases::names(&keys.collect::<Vec<_>>());
        Finding {
            places: vec![self.place],
            advice: Some(advice),
            ..Finding::new(&RULE, format!("git tracks {}, which contains secrets: {keys}", self.subject))
        }
    }
}

/// Combines files with the same readers into one finding, because usually all files have the same.
fn readable_by(who: &str, files: Vec<ExposedFile>) -> Finding {
    let subjects: Vec<&str> = files.iter().map(|file| file.subject.as_str()).collect();
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let advice = match paths.len() {
        few if few <= 4 => format!("run `chmod 600 -- {}`", paths.join(" ")),
        _ => "run `chmod 600` on each of them".to_owned(),
    };
    let message = format!("{} can be read by {who}", phrases::names(&subjects));
    Finding {
        severity: Severity::Note,
        advice: Some(advice),
        places: files.into_iter().map(|file| file.place).collect(),
        ..Finding::new(&RULE, message)
    }
}

fn describe(readers: Readers, mode: Option<u32>) -> String {
    let who = if readers == Readers::Group { "its group" } else { "every user of this machine" };
    mode.map_or_else(|| who.to_owned(), |mode| format!("{who} (mode {mode:04o})"))
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::drift::Survey;
    use crate::drift::dotenv::ReadOnly;
    use crate::drift::model::file_exposure::{Exposure, Git, Readers};
    use crate::drift::rules::env_file_exposed::RULE;
    use crate::drift::test_support::{healthy, layer, lines, survey};

    fn with_exposure(row: &str, git: Git, mode: u32) -> Survey {
        let mut found = survey(&["NAME=shop", row], &[]);
        let readers = match mode & 0o044 {
            0 => Readers::Owner,
            0o040 => Readers::Group,
            _ => Readers::Everybody,
        };
        found.exposures = vec![Exposure { git, mode: Some(mode), readers, end: None }];
        found
    }

    const TRACKED: &str = "error - [] .env:2: git tracks .env, which contains secrets: API_KEY";
    const NOT_IGNORED: &str = ".env is not ignored by git, so the next `git add` may include it";
    const MODE: &str = "note - [] .env:2: .env can be read by every user of this machine (mode 0644)";

    #[test]
    fn reports_the_worst_exposure_of_a_file() {
        let unknown = || Git::Unknown("git is not installed".to_owned());
        let not_ignored = |line| format!("warning - [] .env:{line}: {NOT_IGNORED}");
        let group = MODE.replace("every user of this machine (mode 0644)", "its group (mode 0640)");
        let (secret, plain) = ("API_KEY=4f1c9a77", "PUBLIC_URL=https://x.dev");
        for (row, git, mode, expected) in [
            (secret, Git::Tracked, 0o644, TRACKED),
            (secret, Git::Tracked, 0o600, TRACKED),
            (plain, Git::Tracked, 0o644, ""),
            ("API_KEY=changeme", Git::Tracked, 0o644, ""),
            (secret, Git::NotIgnored, 0o600, &not_ignored(2)),
            (plain, Git::NotIgnored, 0o644, &not_ignored(1)),
            (secret, Git::Ignored, 0o644, MODE),
            (secret, Git::Outside, 0o644, MODE),
            (secret, unknown(), 0o644, MODE),
            (secret, Git::Ignored, 0o640, &group),
            (secret, Git::Ignored, 0o600, ""),
            (secret, Git::Outside, 0o600, ""),
            (secret, unknown(), 0o600, ""),
            (plain, Git::Ignored, 0o644, ""),
            ("API_KEY=encrypted:BDqDBibm4wsYqMpCjTQ6", Git::Tracked, 0o644, ""),
            ("API_KEY=encrypted:BDqDBibm4wsYqMpCjTQ6", Git::NotIgnored, 0o644, ""),
            ("API_KEY=ENC[AES256_GCM,data:Tr7o=]", Git::Tracked, 0o644, ""),
            ("API_KEY=op://dev/openai/credential", Git::Tracked, 0o644, ""),
            ("DOTENV_PUBLIC_KEY=03f8b376234c4f2f", Git::Tracked, 0o644, ""),
            ("DOTENV_PUBLIC_KEY=03f8b376234c4f2f", Git::NotIgnored, 0o644, &not_ignored(1)),
            ("API_KEY=encrypted:yes", Git::Tracked, 0o644, TRACKED),
            ("API_KEY=vault:8200", Git::Tracked, 0o644, TRACKED),
        ] {
            let expected: Vec<&str> = Some(expected).filter(|line| !line.is_empty()).into_iter().collect();
            assert_eq!(lines(&RULE, &with_exposure(row, git.clone(), mode)), expected, "{row} {git:?} {mode:o}");
        }
    }

    #[test]
    fn example_files_are_not_exposed() {
        for (name, count) in [
            (".env", 1),
            (".env.production", 1),
            ("example/.env", 1),
            (".env.example", 0),
            ("apps/web/.env.sample", 0),
            (".env.template", 0),
        ] {
            let mut found = with_exposure("API_KEY=4f1c9a77", Git::Tracked, 0o644);
            found.files[0].name = name.to_owned();
            assert_eq!(lines(&RULE, &found).len(), count, "{name}");
        }
    }

    #[test]
    fn plaintext_secret_next_to_ciphertext_is_exposed() {
        for (git, severity) in [(Git::Tracked, "error"), (Git::NotIgnored, "warning")] {
            let mut found = survey(&["A_KEY=encrypted:BDqDBibm4wsYqMpCjTQ6", "B_KEY=4f1c9a77"], &[]);
            found.exposures = with_exposure("A=1", git, 0o644).exposures;
            let lines = lines(&RULE, &found);
            assert!(lines.len() == 1 && lines[0].starts_with(&format!("{severity} - [] .env:2")), "{lines:?}");
        }
    }

    #[test]
    fn symlink_is_reported_and_fixed_at_its_target() {
        let mut found = with_exposure("API_KEY=4f1c9a77", Git::Tracked, 0o644);
        found.exposures[0].end = Some("../our config/.env".to_owned());
        let finding = &check(&found)[0];
        assert!(finding.message.starts_with("git tracks .env (a link to ../our config/.env), which contains"));
        assert!(finding.advice.as_deref().unwrap().starts_with("run `git rm --cached -- '../our config/.env'`"));
    }

    #[test]
    fn file_of_the_main_worktree_is_removed_from_the_index_there() {
        let mut found = with_exposure("API_KEY=4f1c9a77", Git::Tracked, 0o644);
        found.files[0].name = "../my shop/api/.env".to_owned();
        found.files[0].read_only = Some(ReadOnly::MainWorktree);
        let advice = check(&found)[0].advice.clone().unwrap();
        assert!(advice.starts_with("run `git -C '../my shop/api' rm --cached -- .env`, add"), "{advice}");
    }

    #[test]
    fn files_with_the_same_readers_share_a_finding() {
        let mut found = with_exposure("API_KEY=4f1c9a77", Git::Ignored, 0o644);
        layer(&mut found, "worker/.env", &["API_KEY=4f1c9a77"], &[]);
        layer(&mut found, "web/.env", &["API_KEY=4f1c9a77"], &[]);
        for mode in [0o644, 0o604] {
            let exposure = Exposure { mode: Some(mode), ..found.exposures[0].clone() };
            found.exposures.push(exposure);
        }
        let readers = "every user of this machine";
        assert_eq!(
            lines(&RULE, &found),
            [
                format!("note - [] web/.env:1: web/.env can be read by {readers} (mode 0604)"),
                format!("note - [] .env:2 worker/.env:1: .env and worker/.env can be read by {readers} (mode 0644)"),
            ]
        );
        assert_eq!(check(&found)[1].advice.as_deref(), Some("run `chmod 600 -- .env worker/.env`"));
    }

    #[test]
    fn each_secret_is_named_once_and_long_lists_are_counted() {
        let rows: Vec<String> = (0..9).map(|number| format!("KEY_{}=4f1c9a77", number % 7)).collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let mut found = survey(&rows, &[]);
        found.exposures = with_exposure("A=1", Git::Tracked, 0o600).exposures;
        let message = &check(&found)[0].message;
        assert!(message.ends_with("secrets: KEY_0, KEY_1, KEY_2, KEY_3 and 3 more"), "{message}");
    }

    #[test]
    fn healthy_project_has_no_findings() {
        let mut found = healthy();
        assert_eq!(lines(&RULE, &found), [""; 0], "exposure was not checked");
        found.exposures = with_exposure("A=1", Git::Ignored, 0o600).exposures;
        assert_eq!(lines(&RULE, &found), [""; 0]);
    }
}
