//! Finds the env file of each service in a repository with several.

use std::collections::BTreeSet;

use crate::drift::secret_like::name_parts;
use crate::drift::service_scope::{ScopeCandidate, is_database_image};

/// The least number of keys that a service and its file share, if nothing else connects them.
const SHARED_KEYS: usize = 2;

/// An env file below the root of the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundFile {
    /// The path relative to the root, with `/`.
    pub path: String,
    pub keys: BTreeSet<String>,
}

/// What connects a service with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchedBy {
    /// The service is built from the directory of the file.
    RootDirectory,
    /// The directory has the name of the service.
    Name,
    /// They share the most keys.
    Keys,
}

/// The file of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileMatch {
    /// The index of the file.
    pub file: usize,
    /// What connects them.
    pub by: MatchedBy,
}

/// Returns the file of each service, in the order of the services. Databases have none, and a service that is built
/// from a directory has only a file of that directory.
pub fn match_files(services: &[ScopeCandidate], files: &[FoundFile]) -> Vec<Option<FileMatch>> {
    services.iter().map(|service| file_of(service, services, files)).collect()
}

fn file_of(service: &ScopeCandidate, services: &[ScopeCandidate], files: &[FoundFile]) -> Option<FileMatch> {
    if is_database(service) {
        return None;
    }
    let root = parts(service.root_directory.as_deref().unwrap_or_default());
    if !root.is_empty() {
        let file = in_directory(&root, files)?;
        return Some(FileMatch { file, by: MatchedBy::RootDirectory });
    }
    let by_name = by_name(service, services, files).map(|file| FileMatch { file, by: MatchedBy::Name });
    by_name.or_else(|| by_keys(service, files).map(|file| FileMatch { file, by: MatchedBy::Keys }))
}

fn is_database(service: &ScopeCandidate) -> bool {
    service.image.as_deref().is_some_and(is_database_image)
}

/// Returns the only file in the directory, or else the only one below it.
fn in_directory(root: &[&str], files: &[FoundFile]) -> Option<usize> {
    let find = |is_there: &dyn Fn(&[&str]) -> bool| {
        only((0..files.len()).filter(|&index| is_there(&directory(&files[index]))))
    };
    find(&|directory| directory == root).or_else(|| find(&|directory| directory.starts_with(root)))
}

/// Returns the file whose directory has the name of this service and of no other.
fn by_name(service: &ScopeCandidate, services: &[ScopeCandidate], files: &[FoundFile]) -> Option<usize> {
    let is_named = |service: &ScopeCandidate, file: &FoundFile| {
        let own = name_parts(&service.service.name);
        directory(file).last().is_some_and(|last| {
            let last = name_parts(last);
            !last.is_empty() && own.windows(last.len()).any(|words| words == last)
        })
    };
    let is_whole = |service: &ScopeCandidate, file: &FoundFile| {
        directory(file).last().is_some_and(|last| last.eq_ignore_ascii_case(&service.service.name))
    };
    let find = |is_match: &dyn Fn(&ScopeCandidate, &FoundFile) -> bool| {
        let file = only((0..files.len()).filter(|&index| is_match(service, &files[index])))?;
        let others = services.iter().filter(|other| other.service.id != service.service.id && !is_database(other));
        let is_unique = others.clone().all(|other| !is_match(other, &files[file]) && !is_whole(other, &files[file]));
        is_unique.then_some(file)
    };
    find(&is_whole).or_else(|| find(&is_named))
}

/// Returns the file that shares the most keys with the service.
fn by_keys(service: &ScopeCandidate, files: &[FoundFile]) -> Option<usize> {
    let shared = |index: usize| files[index].keys.intersection(&service.keys).count();
    let most = (0..files.len()).map(shared).max().filter(|&most| most >= SHARED_KEYS)?;
    only((0..files.len()).filter(|&index| shared(index) == most))
}

fn only(mut indexes: impl Iterator<Item = usize>) -> Option<usize> {
    indexes.next().filter(|_| indexes.next().is_none())
}

fn directory(file: &FoundFile) -> Vec<&str> {
    let mut parts = parts(&file.path);
    parts.pop();
    parts
}

fn parts(path: &str) -> Vec<&str> {
    path.split(['/', '\\']).filter(|part| !part.is_empty() && *part != ".").collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::drift::service_scope::ScopeCandidate;
    use crate::drift::suggest::service_files::{FileMatch, FoundFile, match_files};
    use crate::drift::test_support::named;

    fn keys(keys: &[&str]) -> BTreeSet<String> {
        keys.iter().map(|&key| key.to_owned()).collect()
    }

    fn service(name: &str, root: Option<&str>, own: &[&str]) -> ScopeCandidate {
        let image = (name == "Postgres").then(|| "postgres:17".to_owned());
        ScopeCandidate { service: named(name), root_directory: root.map(str::to_owned), image, keys: keys(own) }
    }

    /// Returns the path of each service's file, and what connects them.
    fn matched(services: &[ScopeCandidate], files: &[(&str, &[&str])]) -> Vec<String> {
        let files: Vec<FoundFile> =
            files.iter().map(|(path, own)| FoundFile { path: (*path).to_owned(), keys: keys(own) }).collect();
        let found = match_files(services, &files);
        let text = |one: Option<_>| match one {
            Some(FileMatch { file, by }) => format!("{} {by:?}", files[file].path),
            None => "-".to_owned(),
        };
        found.into_iter().map(text).collect()
    }

    #[test]
    fn root_directory_precedes_name_and_keys() {
        let files: &[(&str, &[&str])] = &[
            ("apps/api/.env", &["A", "B"]),
            ("apps/web/.env", &["B", "C"]),
            ("packages/jobs/config/.env", &["D"]),
            ("services/mail/.env", &["E", "F", "G"]),
        ];
        let services = [
            // Built from the directory of another service's name.
            service("api", Some("/apps/web"), &["A", "B"]),
            service("Web", None, &["A", "B"]),
            service("cron", Some("packages/jobs/"), &[]),
            service("docs", Some("apps/docs"), &["A", "B"]),
            service("sender", Some("/"), &["E", "F", "X"]),
            service("other", None, &["E"]),
            service("Postgres", None, &["E", "F", "G"]),
            service("tie", None, &["A", "B", "C"]),
        ];
        let expected = [
            "apps/web/.env RootDirectory",
            "apps/web/.env Name",
            "packages/jobs/config/.env RootDirectory",
            "-",
            "services/mail/.env Keys",
            "-",
            "-",
            "-",
        ];
        assert_eq!(matched(&services, files), expected);
    }

    #[test]
    fn names_must_be_unique_on_both_sides() {
        let files: &[(&str, &[&str])] = &[("apps/api/.env", &[]), ("apps/web/.env", &[]), ("old/web/.env", &[])];
        let services = [service("shop-api-production", None, &[]), service("shop-web", None, &[])];
        assert_eq!(matched(&services, files), ["apps/api/.env Name", "-"]);
        let services = [service("shop-api", None, &[]), service("admin-api", None, &[])];
        assert_eq!(matched(&services, files), ["-", "-"]);
        // A whole name precedes a part.
        let services = [service("api", None, &[]), service("admin-api", None, &[]), service("apis", None, &[])];
        assert_eq!(matched(&services, files), ["apps/api/.env Name", "-", "-"]);
    }
}
