//! The URLs in a text, and their parts.

use std::ops::Range;

use crate::drift::trace::form::UrlPart;
use crate::drift::trace::occurrences::MASK;
use crate::drift::trace::occurrences::hits::Hits;

/// Between scheme and authority.
const SEPARATOR: &str = "://";

/// The longest scheme that ends the URL before it in a list, in bytes.
const LONGEST_SCHEME: usize = 24;

/// A component of a URL: a user name, a password, a segment of the path, a name or a value of the query.
pub(super) struct Segment {
    pub(super) range: Range<usize>,
    pub(super) part: UrlPart,
}

/// The URLs of a text, from the first to the last.
#[derive(Default)]
pub(super) struct Urls {
    /// The URLs without their schemes.
    pub(super) spans: Vec<Range<usize>>,
    pub(super) segments: Vec<Segment>,
}

impl Urls {
    /// Reads the URLs of a text. White space and quotes end a URL, except those that the `values` contain: a password
    /// that is not encoded may have them.
    pub(super) fn of(text: &str, values: &[&str]) -> Self {
        let mut urls = Self::default();
        let mut from = 0;
        while let Some(offset) = text[from..].find(SEPARATOR) {
            let colon = from + offset;
            let authority = colon + SEPARATOR.len();
            from = authority;
            if let Some(scheme) = scheme_start(text, colon) {
                let end = end_of_url(text, scheme, authority, values);
                urls.add(&text[authority..end], authority);
                from = end;
            }
        }
        urls
    }

    /// Returns the part of the URL at that place. The delimiter before a part belongs to it.
    pub(super) fn part_at(&self, at: usize) -> Option<UrlPart> {
        let span = self.spans.get(self.spans.partition_point(|span| span.end <= at)).filter(|span| span.start <= at)?;
        let next = self.segments.partition_point(|segment| segment.range.end <= at);
        let is_inside = |segment: &&Segment| segment.range.start >= span.start && segment.range.end <= span.end;
        let segment = self.segments.get(next).filter(is_inside);
        segment.or_else(|| self.segments[..next].last().filter(is_inside)).map(|segment| segment.part)
    }

    /// Returns whether each URL has the same components after the replacement, except for the texts that are replaced.
    pub(super) fn are_kept(&self, text: &str, hits: &Hits) -> bool {
        self.spans.iter().all(|span| {
            // A value may contain a whole URL.
            let is_inside = hits.overlaps(span) && !hits.cross(span.start) && !hits.cross(span.end);
            !is_inside
                || hits.splice_part(text, span.clone()).is_ok_and(|new| is_equal(&text[span.clone()], &new, hits, span))
        })
    }

    /// Adds the URL that starts at `start`, without its scheme.
    fn add(&mut self, url: &str, start: usize) {
        self.spans.push(start..start + url.len());
        let authority = &url[..authority_length(url)];
        let user = authority.rfind('@');
        if let Some(user) = user {
            let name = authority[..user].find(':').unwrap_or(user);
            self.push(start..start + name, UrlPart::User);
            self.push(start + name + 1..start + user, UrlPart::Password);
        }
        let host = user.map_or(0, |user| user + 1);
        self.push(start + host..start + authority.len(), UrlPart::Host);
        self.add_tail(&url[authority.len()..], start + authority.len());
    }

    /// Adds path, query and fragment.
    fn add_tail(&mut self, tail: &str, start: usize) {
        if tail.starts_with(';') {
            return self.add_pairs(tail, start, ';', UrlPart::Query);
        }
        let fragment = tail.find('#').unwrap_or(tail.len());
        let query = tail[..fragment].find('?').unwrap_or(fragment);
        let mut at = start;
        for segment in tail[..query].split('/') {
            self.push(at..at + segment.len(), UrlPart::Path);
            at += segment.len() + 1;
        }
        self.add_pairs(&tail[query..fragment], start + query, '&', UrlPart::Query);
        self.add_pairs(&tail[fragment..], start + fragment, '&', UrlPart::Fragment);
    }

    /// Adds the names and values after a delimiter.
    fn add_pairs(&mut self, pairs: &str, start: usize, separator: char, part: UrlPart) {
        let mut at = start + 1;
        for pair in pairs.get(1..).unwrap_or_default().split(separator) {
            let name = pair.find('=').unwrap_or(pair.len());
            self.push(at..at + name, part);
            self.push(at + name + 1..at + pair.len(), part);
            at += pair.len() + 1;
        }
    }

    fn push(&mut self, range: Range<usize>, part: UrlPart) {
        if range.start < range.end {
            self.segments.push(Segment { range, part });
        }
    }
}

/// Returns whether a URL has the same components after the replacement. Both are without scheme.
fn is_equal(old: &str, new: &str, hits: &Hits, span: &Range<usize>) -> bool {
    let [mut olds, mut news] = [Urls::default(), Urls::default()];
    olds.add(old, 0);
    news.add(new, 0);
    let is_replaced = |range: &Range<usize>| hits.overlaps(&(range.start + span.start..range.end + span.start));
    let is_equal = |(one, two): (&Segment, &Segment)| {
        one.part == two.part && (old[one.range.clone()] == new[two.range.clone()] || is_replaced(&one.range))
    };
    olds.segments.len() == news.segments.len() && olds.segments.iter().zip(&news.segments).all(is_equal)
}

/// Returns the start of the scheme that ends at `colon`.
fn scheme_start(text: &str, colon: usize) -> Option<usize> {
    let before = &text.as_bytes()[colon.saturating_sub(LONGEST_SCHEME)..colon];
    let length = before.iter().rev().take_while(|byte| is_scheme(**byte)).count();
    let scheme = &before[before.len() - length..];
    let letters = scheme.iter().position(u8::is_ascii_alphabetic)?;
    Some(colon - length + letters)
}

fn is_scheme(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)
}

fn end_of_url(text: &str, scheme: usize, authority: usize, values: &[&str]) -> usize {
    let quote = text[..scheme].chars().next_back();
    let is_end = |(at, character): (usize, char)| match character {
        ',' | ';' | '|' => starts_with_scheme(text[authority + at + 1..].trim_start_matches(' ')),
        '\'' | '`' if quote != Some(character) => false,
        '"' | '<' | '>' | '\'' | '`' => !values.iter().any(|value| value.contains(character)),
        _ => {
            (character.is_whitespace() || character.is_control())
                && !values.iter().any(|value| value.contains(character))
        }
    };
    let end = text[authority..].char_indices().find(|place| is_end(*place));
    end.map_or(text.len(), |(at, _)| authority + at)
}

fn starts_with_scheme(text: &str) -> bool {
    let length = text.bytes().take(LONGEST_SCHEME).take_while(|byte| is_scheme(*byte)).count();
    length > 0 && text[length..].starts_with(SEPARATOR)
}

/// Returns the length of user, password and host.
fn authority_length(url: &str) -> usize {
    let delimiters = ['/', '?', '#'];
    let end = url.find(delimiters).unwrap_or(url.len());
    let authority = &url[..end];
    if authority.contains('@') {
        return end;
    }
    // A password that is not encoded may contain a delimiter. Then no port precedes the delimiter.
    let is_port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || MASK.as_bytes().contains(&byte));
    let may_be_password = |(_, port): (&str, &str)| port.is_empty() || !is_port(port);
    if !authority.starts_with('[')
        && authority.rsplit_once(':').is_some_and(may_be_password)
        && let Some(at) = url[end..].find('@')
    {
        let host = end + at + 1;
        return url[host..].find(delimiters).map_or(url.len(), |length| host + length);
    }
    // `sqlserver://host;user=sa;password=…`
    authority.find(';').unwrap_or(end)
}
