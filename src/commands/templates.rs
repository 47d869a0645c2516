//! Templates such as `.env.example`, which declare the needs of services that are compared with no file.

use std::path::{Path, PathBuf};

use crate::drift::Secret;
use crate::drift::dotenv::LocalFile;
use crate::drift::example_file::Example;
use crate::error::Error;
use crate::io::files::{self, Budget};

/// The templates of a run, each read once.
#[derive(Debug, Default)]
pub(crate) struct Templates {
    /// The parsed templates.
    pub(crate) found: Vec<Example>,
    /// Their paths, in the same order.
    pub(crate) paths: Vec<PathBuf>,
    budget: Budget,
}

impl Templates {
    /// Adds a template that is passed or declared like an env file, read by `read` unless it is known. `beside` are the
    /// files that are compared with its services, which it is an example for.
    pub(crate) fn named(
        &mut self,
        path: &Path,
        name: &str,
        beside: &[usize],
        read: impl FnOnce() -> Result<Secret, Error>,
    ) -> Result<usize, Error> {
        let index = if let Some(index) = self.position(path) {
            index
        } else {
            let text = read()?;
            self.take(name, &text)?;
            self.add(path.to_owned(), name.to_owned(), text)
        };
        let known = &mut self.found[index].beside;
        let new: Vec<usize> = beside.iter().copied().filter(|layer| !known.contains(layer)).collect();
        known.extend(new);
        Ok(index)
    }

    /// Reads the templates of a directory. One that can't be read is an error: it would declare keys.
    pub(crate) fn of_directory(&mut self, directory: &Path, working_folder: &Path) -> Result<Vec<usize>, Error> {
        let mut indexes = Vec::new();
        for (path, text) in files::templates(directory, working_folder)? {
            if let Some(index) = self.position(&path) {
                indexes.push(index);
                continue;
            }
            let name = files::display_path(&path, working_folder);
            self.take(&name, &text)?;
            indexes.push(self.add(path, name, text));
        }
        Ok(indexes)
    }

    /// Returns whether the template was read.
    pub(crate) fn contains(&self, path: &Path) -> bool {
        self.position(path).is_some()
    }

    fn position(&self, path: &Path) -> Option<usize> {
        self.paths.iter().position(|known| known == path)
    }

    fn take(&mut self, name: &str, text: &Secret) -> Result<(), Error> {
        self.budget.take(text).map_err(|cause| Error::File {
            path: name.to_owned(),
            cause,
            help: "pass fewer or smaller files with `--env-file PATH`".into(),
        })
    }

    fn add(&mut self, path: PathBuf, name: String, text: Secret) -> usize {
        self.found.push(Example { file: LocalFile::parse(name, text), beside: Vec::new() });
        self.paths.push(path);
        self.found.len() - 1
    }
}
