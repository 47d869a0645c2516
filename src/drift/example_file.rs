//! Example files, which show the keys that a `.env` needs.

use crate::drift::dotenv::LocalFile;

/// The suffixes of example files, in search order.
pub const ENDINGS: [&str; 3] = [".example", ".sample", ".template"];

/// Words in the names of templates: files that are committed with placeholders instead of values.
const TEMPLATES: [&str; 15] = [
    "blueprint",
    "default",
    "defaults",
    "dist",
    "example",
    "examples",
    "sample",
    "samples",
    "schema",
    "skel",
    "skeleton",
    "stub",
    "template",
    "tmpl",
    "tpl",
];

/// An example file in the directory of files in use.
#[derive(Debug)]
pub struct Example {
    pub file: LocalFile,
    /// The files in use in its directory: indexes into [`crate::drift::Survey::files`]. Empty for a template that declares
    /// the needs of services without a file.
    pub beside: Vec<usize>,
}

impl Example {
    /// Returns whether it declares the needs of services that are compared with no file. Next to files, it is an example
    /// for them.
    pub fn declares_needs(&self) -> bool {
        self.beside.is_empty()
    }
}

/// Returns whether the name is that of an example file.
pub fn is_example(name: &str) -> bool {
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Returns whether the name is that of a template, which is never written: `.env.example`, `env.dist`, `sample.env`,
/// `.env.local.template`. This includes more names than [`is_example`], which selects the files to read.
pub fn is_template(name: &str) -> bool {
    let name = name.to_lowercase();
    name.split(|letter: char| !letter.is_alphanumeric()).any(|word| TEMPLATES.contains(&word))
}

/// Returns whether a file with that name only declares keys, even if it is passed like a file with values. A file of
/// defaults has values that programs read.
pub fn declares_keys(name: &str) -> bool {
    let has_defaults = name
        .to_lowercase()
        .split(|letter: char| !letter.is_alphanumeric())
        .any(|word| ["default", "defaults"].contains(&word));
    is_template(name) && !has_defaults
}

#[cfg(test)]
mod tests {
    use crate::drift::example_file::{declares_keys, is_template};

    #[test]
    fn template_with_defaults_has_values() {
        for name in [".env.example", ".env.local.example", ".env.dist", "example.env", ".env-example", ".env.schema"] {
            assert!(declares_keys(name), "{name}");
        }
        for name in [".env", ".env.defaults", "default.env", ".env.production"] {
            assert!(!declares_keys(name), "{name}");
        }
    }

    #[test]
    fn template_is_recognized_by_part_of_its_name() {
        for name in [
            ".env.example",
            ".env.sample",
            ".env.template",
            ".env.dist",
            ".env.tmpl",
            ".env.tpl",
            ".ENV.EXAMPLE",
            "env.example",
            "example.env",
            "sample.env",
            ".env-example",
            ".env_sample",
            ".env.local.example",
            ".env.example.local",
            ".env.defaults",
            ".env.schema",
            "env-template.txt",
            ".env.production.dist",
        ] {
            assert!(is_template(name), "{name}");
        }
        for name in [
            ".env",
            ".env.local",
            ".env.production",
            ".env.test",
            "prod.env",
            ".envrc",
            ".env.district",
            ".env.examples2",
            ".env.resample",
            ".dev.vars",
            "",
        ] {
            assert!(!is_template(name), "{name}");
        }
    }
}
