//! Searches a text and everything that is encoded in it.

use std::ops::Range;

use zeroize::Zeroizing;

use crate::drift::trace::form::Layer;
use crate::drift::trace::occurrences::Surroundings;
use crate::drift::trace::occurrences::base64_run::Candidate;
use crate::drift::trace::occurrences::decoded::{Coding, Decoded};
use crate::drift::trace::occurrences::hits::{Hit, Hits, Replacement, inside};
use crate::drift::trace::occurrences::json::Json;
use crate::drift::trace::occurrences::percent::{Component, Percent};
use crate::drift::trace::occurrences::plain::Syntax;
use crate::drift::trace::occurrences::token::Token;
use crate::drift::trace::occurrences::url::Urls;
use crate::drift::trace::occurrences::{base64_encoding, base64_run, json, percent, plain};

/// The number of nested encodings that are decoded.
const MOST_LAYERS: usize = 4;

/// The number of bytes that may be decoded for each byte of a text, and in addition to that. Only a text made for this
/// purpose needs more.
const MOST_WORK: usize = 64;
const LEAST_WORK: usize = 1 << 16;

/// The scheme of an `Authorization` header with the base64 of `user:password`, also in form data.
const BASIC: [&str; 2] = ["Basic ", "Basic+"];

/// A search for a value, or its replacement.
pub(super) struct Search<'v> {
    old: Token<'v>,
    /// `None` in a search that replaces nothing.
    new: Option<&'v str>,
    /// The number of bytes that may still be decoded.
    work: usize,
}

/// A text that is neither the value nor JSON.
struct OtherText<'t> {
    text: &'t str,
    urls: Urls,
    syntax: Syntax,
}

/// Where a text stands.
#[derive(Clone, Copy)]
struct Context {
    /// The number of encodings around it.
    depth: usize,
    surroundings: Surroundings,
}

impl<'v> Search<'v> {
    pub(super) fn new(old: &'v str, new: Option<&'v str>) -> Self {
        Self { old: Token::new(old), new, work: LEAST_WORK }
    }

    pub(super) fn old(&self) -> &'v str {
        self.old.text()
    }

    /// Returns whether the text has more layers than were searched.
    pub(super) fn is_exhausted(&self) -> bool {
        self.work == 0
    }

    /// Returns the occurrences in a text.
    pub(super) fn scan(&mut self, text: &str) -> Hits {
        self.work = LEAST_WORK + MOST_WORK * text.len();
        self.text(text, Context { depth: 0, surroundings: Surroundings::Other })
    }

    fn text(&mut self, text: &str, context: Context) -> Hits {
        let mut hits = Hits::default();
        if !self.may_occur(text) || !self.spend(text.len()) {
            return hits;
        }
        if text == self.old() {
            let replacement = self.replacement(|new| Ok(Zeroizing::new(new.to_owned())));
            hits.insert(Hit { range: 0..text.len(), forms: vec![Vec::new()], replacement });
        } else if let Some(strings) = json::strings(text) {
            self.json(text, &strings, context, &mut hits);
        } else {
            self.other(text, context, &mut hits);
        }
        hits
    }

    /// A quick check that most texts do not pass.
    fn may_occur(&self, text: &str) -> bool {
        let old = self.old();
        // Every encoding is at least as long as the value.
        text.len() >= old.len()
            && !old.is_empty()
            && (text.contains(['%', '\\'])
                || text.contains(old)
                || (old.contains(' ') && text.contains('+'))
                || base64_run::has_run(text, old.len()))
    }

    /// Returns whether so many bytes may still be examined.
    fn spend(&mut self, bytes: usize) -> bool {
        let rest = self.work.checked_sub(bytes);
        self.work = rest.unwrap_or_default();
        rest.is_some()
    }

    fn replacement(&self, encode: impl FnOnce(&str) -> Replacement) -> Replacement {
        self.new.map_or_else(|| Ok(Zeroizing::default()), encode)
    }

    fn json(&mut self, text: &str, strings: &[Range<usize>], context: Context, hits: &mut Hits) {
        let coding = Json::of(text);
        for string in strings {
            let source = &text[string.clone()];
            let mut found = self.decoded(source, &coding, context.inner(Surroundings::Other));
            found.wrap(Layer::Json);
            hits.extend(string.start, found);
        }
        // A number, an object, or text with the same escapes as the value, which must not end before another escape.
        for range in self.old.places(text) {
            if !text[range.end..].starts_with('\\') {
                let replacement = self.replacement(|new| Ok(Zeroizing::new(new.to_owned())));
                hits.insert(Hit { range, forms: vec![vec![Layer::Json]], replacement });
            }
        }
        if self.new.is_some() && !hits.is_empty() && !hits.splice(text).is_ok_and(|result| json::is_json(&result)) {
            hits.reject();
        }
    }

    fn other(&mut self, text: &str, context: Context, hits: &mut Hits) {
        let urls = Urls::of(text, &[self.old(), self.new.unwrap_or_default()]);
        let other = OtherText { text, urls, syntax: plain::syntax(text) };
        for component in percent::components(text, &other.urls) {
            self.percent(text, &component, context, hits);
        }
        self.base64(&other, context, hits);
        self.plain(&other, hits);
        self.subset(&other, hits);
        if self.new.is_some() && !other.urls.are_kept(text, hits) {
            hits.reject();
        }
    }

    /// Searches the decoded component.
    fn percent(&mut self, text: &str, component: &Component, context: Context, hits: &mut Hits) {
        let source = &text[component.range.clone()];
        for plus in percent::meanings_of_plus(source, component.part, self.old()) {
            let surroundings = if component.part.is_some() { Surroundings::Url } else { context.surroundings };
            let coding = Percent::of(source, plus);
            for mut hit in self.decoded(source, &coding, context.inner(surroundings)).into_hits() {
                let encoded = &source[hit.range.clone()];
                let is_encoded = *coding.decode(encoded).text != *encoded;
                for form in &mut hit.forms {
                    let is_inside = matches!(form.first(), Some(Layer::Json | Layer::Url(_) | Layer::Percent));
                    if is_encoded || is_inside {
                        *form = inside(Layer::Percent, form);
                    }
                    if let Some(part) = component.part {
                        *form = inside(Layer::Url(part), form);
                    }
                }
                let range = hit.range.start + component.range.start..hit.range.end + component.range.start;
                hits.insert(Hit { range, ..hit });
            }
        }
    }

    /// Searches the text with all its escapes decoded. Programs that encode only some characters leave delimiters in a
    /// value as they are.
    fn subset(&self, other: &OtherText<'_>, hits: &mut Hits) {
        let text = other.text;
        for plus in percent::meanings_of_plus(text, None, self.old()) {
            let coding = Percent::of(text, plus);
            let decoded = coding.decode(text);
            let mut found = Hits::default();
            for range in self.old.places(&decoded.text) {
                let replacement = self.replacement(|new| Ok(Zeroizing::new(new.to_owned())));
                found.insert(Hit { range, forms: vec![vec![Layer::Percent]], replacement });
            }
            for mut hit in self.lift(text, &decoded, found, &coding).into_hits() {
                if let Some(part) = other.urls.part_at(hit.range.start) {
                    hit.forms = hit.forms.iter().map(|form| inside(Layer::Url(part), form)).collect();
                }
                hits.insert(hit);
            }
        }
    }

    fn base64(&mut self, other: &OtherText<'_>, context: Context, hits: &mut Hits) {
        let (text, length) = (other.text, self.old().len());
        if context.depth == MOST_LAYERS || !base64_run::has_run(text, length) {
            return;
        }
        for candidate in base64_run::of_value(text, self.old()).iter().chain(&base64_run::wrapped(text)) {
            self.candidate(other, candidate, context, hits);
        }
        for run in base64_run::runs(text, length) {
            if self.spend(run.len()) {
                base64_run::decode_parts(text, &run, length, &mut |candidate| {
                    self.candidate(other, candidate, context, hits)
                });
            }
        }
    }

    /// Searches decoded base64. Returns whether it contains the value.
    fn candidate(&mut self, other: &OtherText<'_>, encoded: &Candidate, context: Context, hits: &mut Hits) -> bool {
        let start = encoded.range.start;
        let part = other.urls.part_at(start);
        let surroundings = if part.is_some() { Surroundings::Url } else { context.surroundings };
        let is_basic = ends_with_basic(&other.text[..start]) && encoded.text.contains(':');
        let inner = context.inner(Surroundings::Other);
        let found = if is_basic { self.credentials(&encoded.text, inner) } else { self.text(&encoded.text, inner) };
        if found.is_empty() {
            return false;
        }
        let replacement = self.replacement(|_| {
            let old = &other.text[encoded.range.clone()];
            let new = base64_encoding::encode(&found.splice(&encoded.text)?, old, surroundings);
            // A plus sign means a space in a query.
            let is_special = part.is_some() || other.syntax == Syntax::FormData;
            Ok(if is_special { percent::encode_unencoded(&new, old) } else { new })
        });
        let layer = if is_basic { Layer::BasicHeader } else { Layer::Base64 };
        let with_part = |form: Vec<Layer>| match part {
            Some(part) => inside(Layer::Url(part), &form),
            None => form,
        };
        let forms = found.forms().map(|form| with_part(inside(layer, form))).collect();
        hits.insert(Hit { range: encoded.range.clone(), forms, replacement });
        true
    }

    /// Searches `user:password`. Only the first colon is special.
    fn credentials(&mut self, text: &str, context: Context) -> Hits {
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        let mut hits = self.text(user, context);
        if self.new.is_some() && !hits.splice(user).is_ok_and(|user| !user.contains(':')) {
            hits.reject();
        }
        hits.extend(user.len() + 1, self.text(password, context));
        // The value may be both.
        if hits.is_empty() { self.text(text, context) } else { hits }
    }

    /// Searches for the value as it is.
    fn plain(&self, other: &OtherText<'_>, hits: &mut Hits) {
        let text = other.text;
        let places = self.old.places(text).into_iter();
        for range in places.filter(|range| !percent::has_escape_beside(text, range)) {
            let part = other.urls.part_at(range.start);
            let replacement = self.replacement(|new| match part {
                Some(part) => plain::in_url(text, &range, part, new),
                None => plain::in_text(text, &range, other.syntax, new),
            });
            let layer = part.map_or(Layer::Text, Layer::Url);
            hits.insert(Hit { range, forms: vec![vec![layer]], replacement });
        }
    }

    /// Searches the decoded text, and returns the occurrences at their places in the source.
    fn decoded(&mut self, source: &str, coding: &dyn Coding, context: Context) -> Hits {
        if context.depth > MOST_LAYERS || !self.may_occur(source) {
            return Hits::default();
        }
        let decoded = coding.decode(source);
        let found = self.text(&decoded.text, context);
        self.lift(source, &decoded, found, coding)
    }

    /// Returns the occurrences in a decoded text at their places in its source.
    fn lift(&self, source: &str, decoded: &Decoded, found: Hits, coding: &dyn Coding) -> Hits {
        let mut hits = Hits::default();
        if found.is_empty() {
            return hits;
        }
        let expected = self.new.map(|_| found.splice(&decoded.text));
        for hit in found.into_hits() {
            let range = decoded.source(&hit.range);
            let encoded = &source[range.clone()];
            let replacement = self.replacement(|_| hit.replacement.map(|new| coding.encode(&new, encoded)));
            hits.insert(Hit { range, forms: hit.forms, replacement });
        }
        // The text around a value may form an escape with its beginning or end.
        let is_decoded = |expected: &str| hits.splice(source).is_ok_and(|new| *coding.decode(&new).text == *expected);
        if expected.is_some_and(|expected| !expected.is_ok_and(|expected| is_decoded(&expected))) {
            hits.reject();
        }
        hits
    }
}

impl Context {
    /// Returns the context of a text that is encoded in this one.
    fn inner(self, surroundings: Surroundings) -> Self {
        Self { depth: self.depth + 1, surroundings }
    }
}

fn ends_with_basic(text: &str) -> bool {
    BASIC.iter().any(|scheme| {
        let end = text.len().checked_sub(scheme.len()).and_then(|start| text.get(start..));
        end.is_some_and(|end| end.eq_ignore_ascii_case(scheme))
    })
}
