//! How to write a value so that every loader reads it the same.

use zeroize::Zeroizing;

use crate::drift::Secret;
use crate::drift::dotenv::binding::Binding;
use crate::drift::dotenv::loader::{Body, Substitution};
use crate::drift::dotenv::python_reader::Edition;

/// A way to write an assignment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// Without quotes.
    Bare,
    /// Between single quotes.
    Single,
    /// Between double quotes.
    Double,
}

impl Spelling {
    /// Returns the right-hand side for a value, without escapes.
    pub fn write(self, value: &Secret) -> Zeroizing<String> {
        let quote = match self {
            Self::Bare => "",
            Self::Single => "'",
            Self::Double => "\"",
        };
        Zeroizing::new(format!("{quote}{}{quote}", value.expose()))
    }

    /// Returns the simplest spelling from which every loader reads exactly this value, found by running all of them
    /// unless the characters show it.
    pub fn of(value: &Secret) -> Option<Self> {
        Self::by_characters(value.expose()).or_else(|| Self::by_loaders(value))
    }

    /// No loader reads a space and a `#` as part of a value without quotes, and between single quotes most characters mean
    /// nothing.
    fn by_characters(value: &str) -> Option<Self> {
        let is_literal = |byte: u8| (byte == b' ' || byte.is_ascii_graphic()) && !b"'\\$`".contains(&byte);
        (value.contains([' ', '#']) && value.bytes().all(is_literal)).then_some(Self::Single)
    }

    fn by_loaders(value: &Secret) -> Option<Self> {
        [Self::Bare, Self::Single, Self::Double]
            .into_iter()
            .find(|spelling| agreed(&spelling.write(value)).as_ref() == Some(value))
    }
}

/// Returns the value that every loader reads from `K=` followed by this right-hand side; `None` if they disagree, or if
/// one of them reads the next line as part of the value.
pub fn agreed(right_hand_side: &str) -> Option<Secret> {
    let text = Zeroizing::new(format!("K={right_hand_side}\nNEXT=1\n"));
    let body = Body::of(&text);
    // The strictest loader first, because most attempts already fail there.
    let readings: [fn(&Body<'_>) -> Vec<Binding>; 4] = [
        |body| body.rust().bindings,
        |body| body.node(),
        |body| body.python(Edition::Current, Substitution::FromTheFile).bindings,
        |body| body.python(Edition::Classic, Substitution::FromTheFile).bindings,
    ];
    let mut agreed = None;
    for read in readings {
        let bindings = read(&body);
        let [first, next] = bindings.as_slice() else { return None };
        let value = first.value.as_ref()?;
        let next_line_is_read =
            first.key == "K" && next.key == "NEXT" && next.value.as_ref().is_some_and(|next| next.expose() == "1");
        if !next_line_is_read || agreed.as_ref().is_some_and(|other| other != value) {
            return None;
        }
        agreed.get_or_insert_with(|| value.clone());
    }
    agreed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;
    use proptest::prop_assert;

    use crate::drift::Secret;
    use crate::drift::dotenv::agreed_spelling::Spelling;

    /// node's dotenv reads a carriage return as a line feed.
    #[test]
    fn carriage_return_has_no_spelling() {
        for value in ["a\rb", "a #\rb"] {
            assert_eq!(Spelling::of(&Secret::new(value)), None, "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn characters_show_the_spelling_that_all_loaders_read(value in "[ -~]{0,12}") {
            let by_characters = Spelling::by_characters(&value);
            prop_assert!(by_characters.is_none() || by_characters == Spelling::by_loaders(&Secret::new(value)));
        }
    }
}
