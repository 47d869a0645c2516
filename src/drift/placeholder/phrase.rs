//! Recognises phrases that ask for a secret, such as `your-api-key`. Only for keys that name a secret: under another
//! key, `insert coin here` is content.

use std::cell::LazyCell;

use crate::drift::placeholder::pattern::{has_name_in_angles, is_blank, is_elsewhere, is_prose};
use crate::drift::placeholder::unbracketed;
use crate::drift::placeholder::vocabulary::{
    is_belonging, is_known, is_known_or_prefix, is_noun, is_owner, is_place, is_prefix, is_quality, is_verb, segments,
};
use crate::drift::secret_like;

/// The longest text that is checked, in bytes.
const LONGEST: usize = 120;

/// Returns whether the text is a placeholder for the secret of the key.
pub(super) fn stands_in(key: &str, text: &str) -> bool {
    if text.is_empty() || text.len() > LONGEST {
        return false;
    }
    if has_name_in_angles(text) || is_blank(text) {
        return true;
    }
    if let Some((_, rest)) = text.split_once("://") {
        return parts(rest).any(|part| is_request(key, part));
    }
    if is_elsewhere(text) {
        return false;
    }
    let inner = unbracketed(text).filter(|inner| is_prose(inner));
    inner.is_some_and(|inner| phrase_words(key, inner).is_some_and(|words| !words.is_empty())) || is_request(key, text)
}

/// Returns the parts of a URL that may be a placeholder: user, password and host. A path is part of the address.
fn parts(rest: &str) -> impl Iterator<Item = &str> {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    authority.split(['@', ':'])
}

fn is_request(key: &str, text: &str) -> bool {
    let Some(all) = phrase_words(key, text) else { return false };
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let start = all.iter().position(|word| !is_prefix(word) && !matches!(*word, "test" | "please"));
    let from_start = &all[start.unwrap_or(0)..];
    is_asking(from_start) || is_to_be_changed(&all) || is_description(&all) || is_made_up(&all) || is_echo(key, &all)
}

/// Returns true for `your-api-key`, `generate_a_new_key`, `any_secret_here`, `fixme-postgres-password`.
fn is_asking(words: &[&str]) -> bool {
    let [first, rest @ ..] = words else { return false };
    let asks_for_secret = rest.iter().any(|word| is_noun(word) || is_place(word));
    let ends_here = words.last().is_some_and(|last| is_place(last));
    let before_end = words.len().checked_sub(2).map(|index| words[index]);
    let is_task = || rest.iter().any(|word| is_noun(word) || is_verb(word) || *word == "this");
    let is_mark = *first == "fixme" || (matches!(*first, "todo" | "tbd") && is_task());
    is_mark
        || (is_owner(first) && rest.iter().any(|word| is_belonging(word) || is_place(word)))
        || (is_verb(first) && asks_for_secret)
        || (matches!(*first, "some" | "any") && asks_for_secret)
        || (ends_here && before_end.is_some_and(|word| is_belonging(word) || is_owner(word)))
}

/// Returns true for `change-me-in-production`, `replace_with_a_random_string`, `secret-to-be-changed`.
fn is_to_be_changed(words: &[&str]) -> bool {
    let is_verb = |word: &str| matches!(word, "change" | "changed" | "replace" | "replaced");
    let is_denied = |index: usize| index > 0 && matches!(words[index - 1], "not" | "never" | "dont" | "t" | "no");
    let mut places = words.iter().enumerate().filter(|(index, word)| is_verb(word) && !is_denied(*index));
    places.any(|(index, _)| is_object(&words[..index], &words[index + 1..]))
}

fn is_object(before: &[&str], after: &[&str]) -> bool {
    let [next, rest @ ..] = after else {
        return before.last().is_some_and(|last| matches!(*last, "please" | "must" | "to" | "be" | "should" | "needs"));
    };
    let any = |is: fn(&str) -> bool| rest.iter().any(|word| is(word));
    match *next {
        "me" | "this" | "it" | "these" | "later" | "please" | "default" | "asap" => true,
        "in" | "before" | "for" | "on" | "after" | "at" | "when" => any(is_occasion),
        "with" | "by" | "to" | "using" => {
            any(|word| is_noun(word) || is_owner(word) || is_quality(word) || is_number(word))
        }
        "a" | "an" | "the" | "all" | "my" => any(is_noun),
        next if is_owner(next) => true,
        next => before.is_empty() && (is_noun(next) || any(is_noun)),
    }
}

fn is_occasion(word: &str) -> bool {
    let occasions = [
        "deploy",
        "deploying",
        "deployment",
        "first",
        "install",
        "launch",
        "live",
        "prod",
        "production",
        "real",
        "release",
        "setup",
        "staging",
        "use",
        "using",
    ];
    occasions.contains(&word)
}

/// Returns true for `SomeRandomStringOf32CharsExactly`, `data encryption key with 32 char`, `openssl rand -hex 32`.
fn is_description(words: &[&str]) -> bool {
    let has = |is: fn(&str) -> bool| words.iter().any(|word| is(word));
    let is_length = |pair: &[&str]| {
        is_number(pair[0])
            && matches!(pair[1], "char" | "chars" | "character" | "characters" | "byte" | "bytes" | "bit" | "bits")
    };
    let is_random =
        |pair: &[&str]| pair[0] == "random" && (is_noun(pair[1]) || is_quality(pair[1]) || pair[1] == "generated");
    let is_emphasis = |pair: &[&str]| pair[0] == "super" && matches!(pair[1], "secret" | "secure" | "strong" | "safe");
    let is_fake = |word: &str| matches!(word, "dummy" | "fake" | "placeholder" | "bogus");
    words.contains(&"openssl")
        || words.contains(&"placeholder")
        || (words.windows(2).any(is_length) && has(|word| is_noun(word) || word == "random"))
        || words.windows(2).any(is_random)
        || (words.windows(2).any(is_emphasis) && has(is_noun))
        || (has(is_fake) && (words.len() == 1 || has(is_noun)))
}

/// Returns true for `my-secret-key`, `example_token`: only words that occur in placeholders.
fn is_made_up(words: &[&str]) -> bool {
    let is_sample = |word: &str| matches!(word, "example" | "insecure" | "my" | "sample" | "super" | "this" | "very");
    words.iter().all(|word| is_known(word) || is_number(word))
        && words.iter().any(|word| is_sample(word))
        && words.iter().any(|word| is_noun(word))
}

/// Returns true for `NEW_RELIC_LICENSE_KEY=NEW_RELIC_LICENSE_KEY`: the value is the name, or the end of it.
fn is_echo(key: &str, words: &[&str]) -> bool {
    if words.len() < 2 {
        return false;
    }
    let name = secret_like::name_parts(key);
    words.len() <= name.len()
        && name.iter().rev().zip(words.iter().rev()).all(|(one, other)| one.eq_ignore_ascii_case(other))
}

fn is_number(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the words of a text in lower case; `None` if a part is not a word, as in generated secrets. The words of the
/// key count as words, even abbreviations.
fn phrase_words(key: &str, text: &str) -> Option<Vec<String>> {
    let name = LazyCell::new(|| secret_like::name_parts(key));
    let is_of_key = |word: &str| name.iter().any(|other| other.eq_ignore_ascii_case(word));
    let mut all = Vec::new();
    for piece in text.split(|letter: char| !letter.is_alphanumeric()).filter(|piece| !piece.is_empty()) {
        for part in humps(piece) {
            let small = part.to_lowercase();
            if is_number(&small) && small.len() <= 10 || is_known_or_prefix(&small) {
                all.push(small);
            } else if let Some(segments) = segments(&small) {
                all.extend(segments.into_iter().map(str::to_owned));
            } else if is_dictionary_word(&small) || is_of_key(&small) {
                all.push(small);
            } else {
                return None;
            }
        }
    }
    Some(all)
}

/// Splits a piece between letters and digits, and between the words of camel case.
fn humps(piece: &str) -> impl Iterator<Item = &str> {
    let mut rest = piece;
    std::iter::from_fn(move || {
        let (hump, after) = rest.split_at(hump_length(rest));
        rest = after;
        (!hump.is_empty()).then_some(hump)
    })
}

/// Returns the length of the hump at the start of a text.
fn hump_length(text: &str) -> usize {
    let mut letters = text.char_indices().peekable();
    let Some((_, mut before)) = letters.next() else { return 0 };
    while let Some((at, letter)) = letters.next() {
        let next_is_small = letters.peek().is_some_and(|(_, next)| next.is_lowercase());
        let starts_word = letter.is_uppercase() && (before.is_lowercase() || (before.is_uppercase() && next_is_small));
        if starts_word || letter.is_ascii_digit() != before.is_ascii_digit() {
            return at;
        }
        before = letter;
    }
    text.len()
}

/// Returns whether the word may be from a dictionary: it has vowels, and not too many consonants in a row.
fn is_dictionary_word(word: &str) -> bool {
    let is_vowel = |letter: char| "aeiouy".contains(letter) || !letter.is_ascii();
    let longest = word.split(is_vowel).map(str::len).max().unwrap_or_default();
    (2..=16).contains(&word.chars().count())
        && word.chars().all(char::is_alphabetic)
        && word.contains(is_vowel)
        && longest <= 4
}
