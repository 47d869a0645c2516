//! D301 env-file-exposed: others can read the file with the secrets.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use crate::drift::dotenv::LocalFile;
use crate::drift::file_exposure::secrets;
use crate::drift::indirect::is_indirect;
use crate::drift::model::file_exposure::{Exposure, Git, Readers};
use crate::drift::model::finding::{Finding, Location};
use crate::drift::model::rule::{HookScope, Rule};
use crate::drift::model::severity::Severity;
use crate::drift::rules::RuleCheck;
use crate::drift::{Survey, example_file, phrases};

/// The rule.
pub static RULE: Rule = Rule {
    code: "D301",
    name: "env-file-exposed",
    severity: Severity::Error,
    summary: "The file with the secrets can be read by others",
    explain: EXPLAIN,
    hook: HookScope::StagedFiles,
    ..Rule::DEFAULT
};

/// Its code.
pub static CHECK: RuleCheck = RuleCheck::new(&RULE, check);

const EXPLAIN: &str = "\
## Why it matters

What git tracks is in every clone and every backup, and stays in the history when the file is gone. A secret that was
pushed once is everybody's who could read the repository since.

## Example

    .env   holds STRIPE_KEY, and is in git's index     error: it was committed, or is about to be
    .env   is in no .gitignore                         warning: the next `git add .` takes it along
    .env   holds STRIPE_KEY, mode 0644                 note: other users of this machine can read it

A tracked file without a secret is taken for one that is meant to be shared: a secret is a filled-in key such as
API_KEY or DB_PASSWORD, without those that go to the browser anyway (NEXT_PUBLIC_…, VITE_…). Ciphertext (dotenvx, sops)
and a reference such as `op://…` are no secrets, and a file of these need not be ignored. Being tracked counts
more than being ignored. A symbolic link is followed, and the file at its end is what counts. Examples
(`.env.example`, `.env.sample`, `.env.template`) are meant to be shared. The mode is told only if the folders above let
others through; on Windows it is not looked at. git is asked without running anything that the repository
configures; where it can't be asked, the report's head says so.

## How to mend it

- Tracked: `git rm --cached .env`, add it to `.gitignore`, and change the secrets: the history keeps the old ones.
- Not ignored: add it to `.gitignore`.
- Its mode: `chmod 600 .env`.

## How to silence it

    [severity]
    env-file-exposed = \"off\"
";

/// A file that somebody may get at.
struct ExposedFile<'s> {
    /// Its name in a sentence.
    subject: String,
    /// Where it really is, for a shell.
    path: String,
    /// The keys of its secrets, once each.
    keys: Vec<&'s str>,
    /// Its first secret, or its first line.
    place: Location,
}

/// The worst of each file: what everybody can clone need not be told to be readable on this machine.
fn check(survey: &Survey) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut readable: BTreeMap<String, Vec<ExposedFile<'_>>> = BTreeMap::new();
    let in_use = survey.files.iter().zip(&survey.exposures).filter(|(file, _)| !example_file::is_example(&file.name));
    for (file, exposure) in in_use {
        let exposed = ExposedFile::of(file, exposure);
        match (&exposure.git, exposure.readers) {
            // What a tool has encrypted is made to be added to git.
            (Git::NotIgnored, _) if exposed.keys.is_empty() && is_encrypted(file) => {}
            (Git::NotIgnored, _) => findings.push(exposed.loose()),
            _ if exposed.keys.is_empty() => {}
            (Git::Tracked, _) => findings.push(exposed.tracked()),
            (_, Readers::Owner) => {}
            (_, readers) => readable.entry(who(readers, exposure.mode)).or_default().push(exposed),
        }
    }
    findings.extend(readable.into_iter().map(|(who, files)| open(&who, files)));
    findings
}

/// Whether values of the file are encrypted or kept elsewhere.
fn is_encrypted(file: &LocalFile) -> bool {
    file.entries.iter().any(|entry| is_indirect(entry.value.expose()))
}

impl<'s> ExposedFile<'s> {
    fn of(file: &'s LocalFile, exposure: &Exposure) -> Self {
        let mut seen = HashSet::new();
        let keys = secrets(file).map(|entry| entry.key.as_str()).filter(|&key| seen.insert(key)).collect();
        let (subject, path) = match &exposure.end {
            Some(end) => (format!("{} (a link to {end})", file.name), end),
            None => (file.name.clone(), &file.name),
        };
        let line = secrets(file).next().map_or(1, |entry| entry.line);
        let place = Location { file: file.name.clone(), line };
        Self { subject, path: shlex::try_quote(path).unwrap_or(Cow::Borrowed(path)).into_owned(), keys, place }
    }

    fn loose(self) -> Finding {
        Finding {
            severity: Severity::Warning,
            places: vec![self.place],
            advice: Some("add it to .gitignore".to_owned()),
            ..Finding::new(
                &RULE,
                format!("git does not ignore {}, so the next `git add` may take it along", self.subject),
            )
        }
    }

    fn tracked(self) -> Finding {
        let advice = format!(
            "run `git rm --cached -- {}`, add it to .gitignore, and change what it holds: the history keeps it",
            self.path
        );
        let keys = phrases::names(&self.keys);
        Finding {
            places: vec![self.place],
            advice: Some(advice),
            ..Finding::new(&RULE, format!("git tracks {}, and it holds secrets: {keys}", self.subject))
        }
    }
}

/// Files with the same readers are one finding: they are most often all of them.
fn open(who: &str, files: Vec<ExposedFile<'_>>) -> Finding {
    let subjects: Vec<&str> = files.iter().map(|file| file.subject.as_str()).collect();
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let advice = match paths.len() {
        few if few <= 4 => format!("`chmod 600 -- {}`", paths.join(" ")),
        _ => "`chmod 600` for each of them".to_owned(),
    };
    let message = format!("{} can be read by {who}", phrases::names(&subjects));
    Finding {
        severity: Severity::Note,
        advice: Some(advice),
        places: files.into_iter().map(|file| file.place).collect(),
        ..Finding::new(&RULE, message)
    }
}

fn who(readers: Readers, mode: Option<u32>) -> String {
    let who = if readers == Readers::Group { "its group" } else { "every user of this machine" };
    mode.map_or_else(|| who.to_owned(), |mode| format!("{who} (mode {mode:04o})"))
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::drift::Survey;
    use crate::drift::model::file_exposure::{Exposure, Git, Readers};
    use crate::drift::rules::env_file_exposed::RULE;
    use crate::drift::test_support::{healthy, layer, lines, survey};

    fn kept(row: &str, git: Git, mode: u32) -> Survey {
        let mut found = survey(&["NAME=shop", row], &[]);
        let readers = match mode & 0o044 {
            0 => Readers::Owner,
            0o040 => Readers::Group,
            _ => Readers::Everybody,
        };
        found.exposures = vec![Exposure { git, mode: Some(mode), readers, end: None }];
        found
    }

    const TRACKED: &str = "error - [] .env:2: git tracks .env, and it holds secrets: API_KEY";
    const LOOSE: &str = "git does not ignore .env, so the next `git add` may take it along";
    const MODE: &str = "note - [] .env:2: .env can be read by every user of this machine (mode 0644)";

    #[test]
    fn reports_the_worst_exposure_of_a_file() {
        let unknown = || Git::Unknown("git is not installed".to_owned());
        let loose = |line| format!("warning - [] .env:{line}: {LOOSE}");
        let group = MODE.replace("every user of this machine (mode 0644)", "its group (mode 0640)");
        let (secret, plain) = ("API_KEY=4f1c9a77", "PUBLIC_URL=https://x.dev");
        for (row, git, mode, expected) in [
            (secret, Git::Tracked, 0o644, TRACKED),
            (secret, Git::Tracked, 0o600, TRACKED),
            (plain, Git::Tracked, 0o644, ""),
            ("API_KEY=changeme", Git::Tracked, 0o644, ""),
            (secret, Git::NotIgnored, 0o600, &loose(2)),
            (plain, Git::NotIgnored, 0o644, &loose(1)),
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
            ("DOTENV_PUBLIC_KEY=03f8b376234c4f2f", Git::NotIgnored, 0o644, &loose(1)),
            ("API_KEY=encrypted:yes", Git::Tracked, 0o644, TRACKED),
            ("API_KEY=vault:8200", Git::Tracked, 0o644, TRACKED),
        ] {
            let expected: Vec<&str> = Some(expected).filter(|line| !line.is_empty()).into_iter().collect();
            assert_eq!(lines(&RULE, &kept(row, git.clone(), mode)), expected, "{row} {git:?} {mode:o}");
        }
    }

    #[test]
    fn example_files_are_not_exposed() {
        for (name, told) in [
            (".env", 1),
            (".env.production", 1),
            ("example/.env", 1),
            (".env.example", 0),
            ("apps/web/.env.sample", 0),
            (".env.template", 0),
        ] {
            let mut found = kept("API_KEY=4f1c9a77", Git::Tracked, 0o644);
            found.files[0].name = name.to_owned();
            assert_eq!(lines(&RULE, &found).len(), told, "{name}");
        }
    }

    #[test]
    fn plain_secret_beside_ciphertext_is_exposed() {
        for (git, severity) in [(Git::Tracked, "error"), (Git::NotIgnored, "warning")] {
            let mut found = survey(&["A_KEY=encrypted:BDqDBibm4wsYqMpCjTQ6", "B_KEY=4f1c9a77"], &[]);
            found.exposures = kept("A=1", git, 0o644).exposures;
            let lines = lines(&RULE, &found);
            assert!(lines.len() == 1 && lines[0].starts_with(&format!("{severity} - [] .env:2")), "{lines:?}");
        }
    }

    #[test]
    fn symlink_is_reported_and_fixed_at_its_target() {
        let mut found = kept("API_KEY=4f1c9a77", Git::Tracked, 0o644);
        found.exposures[0].end = Some("../our config/.env".to_owned());
        let finding = &check(&found)[0];
        assert!(finding.message.starts_with("git tracks .env (a link to ../our config/.env), and it holds"));
        assert!(finding.advice.as_deref().unwrap().starts_with("run `git rm --cached -- '../our config/.env'`"));
    }

    #[test]
    fn files_with_the_same_readers_share_a_finding() {
        let mut found = kept("API_KEY=4f1c9a77", Git::Ignored, 0o644);
        layer(&mut found, "worker/.env", &["API_KEY=4f1c9a77"], &[]);
        layer(&mut found, "web/.env", &["API_KEY=4f1c9a77"], &[]);
        for mode in [0o644, 0o604] {
            let how = Exposure { mode: Some(mode), ..found.exposures[0].clone() };
            found.exposures.push(how);
        }
        let places = "every user of this machine";
        assert_eq!(
            lines(&RULE, &found),
            [
                format!("note - [] web/.env:1: web/.env can be read by {places} (mode 0604)"),
                format!("note - [] .env:2 worker/.env:1: .env and worker/.env can be read by {places} (mode 0644)"),
            ]
        );
        assert_eq!(check(&found)[1].advice.as_deref(), Some("`chmod 600 -- .env worker/.env`"));
    }

    #[test]
    fn each_secret_is_named_once_and_long_lists_are_counted() {
        let rows: Vec<String> = (0..9).map(|number| format!("KEY_{}=4f1c9a77", number % 7)).collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let mut found = survey(&rows, &[]);
        found.exposures = kept("A=1", Git::Tracked, 0o600).exposures;
        let told = &check(&found)[0].message;
        assert!(told.ends_with("secrets: KEY_0, KEY_1, KEY_2, KEY_3 and 3 more"), "{told}");
    }

    #[test]
    fn healthy_project_has_no_findings() {
        let mut found = healthy();
        assert_eq!(lines(&RULE, &found), [""; 0], "nothing was looked at");
        found.exposures = kept("A=1", Git::Ignored, 0o600).exposures;
        assert_eq!(lines(&RULE, &found), [""; 0]);
    }
}
