//! Parameters such as `host=db.acme.dev dbname=shop` and `Server=db.acme.dev;Database=shop`.

/// The parameters of a connection string.
pub(super) struct Parameters<'p>(Vec<(&'p str, &'p str)>);

impl<'p> Parameters<'p> {
    /// Parses at least two parameters, separated by semicolons or spaces.
    pub(super) fn parse(text: &'p str) -> Option<Self> {
        let by_semicolon = text.contains(';');
        let items = text.split(|sign: char| if by_semicolon { sign == ';' } else { sign.is_whitespace() });
        let pairs = items.filter_map(|item| item.split_once('='));
        let pairs: Vec<_> = pairs.map(|(name, value)| (name.trim(), value.trim().trim_matches('\''))).collect();
        (pairs.len() > 1).then_some(Self(pairs))
    }

    /// Returns the first value with one of these names, in lower case.
    pub(super) fn value(&self, names: &[&str]) -> Option<&'p str> {
        let is_named = |name: &str| names.iter().any(|other| name.eq_ignore_ascii_case(other));
        self.0.iter().find(|(name, value)| is_named(name) && !value.is_empty()).map(|(_, value)| *value)
    }
}
