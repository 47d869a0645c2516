//! Files that show which keys a `.env` needs.

use crate::drift::dotenv::LocalFile;

/// How the name of an example ends, in the order in which they are looked for.
pub const ENDINGS: [&str; 3] = [".example", ".sample", ".template"];

/// The words that make a name that of a template: a file that is committed with placeholders in the place of values.
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

/// An example that lies in the folder of files in use.
#[derive(Debug)]
pub struct Example {
    /// What it says.
    pub file: LocalFile,
    /// The files in use in its folder: indexes into [`crate::drift::Survey::files`].
    pub beside: Vec<usize>,
}

/// Whether the name is that of an example.
pub fn is_example(name: &str) -> bool {
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Whether the name is that of a template: `.env.example`, `env.dist`, `sample.env`, `.env.local.template`. More names than
/// those of [`is_example`], which are read: a template is never written.
pub fn is_template(name: &str) -> bool {
    let name = name.to_lowercase();
    name.split(|letter: char| !letter.is_alphanumeric()).any(|word| TEMPLATES.contains(&word))
}

#[cfg(test)]
mod tests {
    use crate::drift::example_file::is_template;

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
