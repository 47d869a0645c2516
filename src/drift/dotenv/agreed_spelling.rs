//! How to write a value so that every loader reads it alike.

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
    /// The pattern, to be shown to a person.
    pub fn pattern(self) -> &'static str {
        match self {
            Self::Bare => "KEY=…",
            Self::Single => "KEY='…'",
            Self::Double => "KEY=\"…\"",
        }
    }

    /// The right-hand side for a value, the value's own characters untouched.
    pub fn write(self, value: &Secret) -> Zeroizing<String> {
        let quote = match self {
            Self::Bare => "",
            Self::Single => "'",
            Self::Double => "\"",
        };
        Zeroizing::new(format!("{quote}{}{quote}", value.expose()))
    }

    /// The plainest spelling from which every loader reads exactly that value, found by asking them all.
    pub fn of(value: &Secret) -> Option<Self> {
        [Self::Bare, Self::Single, Self::Double]
            .into_iter()
            .find(|spelling| agreed(&spelling.write(value)).as_ref() == Some(value))
    }
}

/// The value that every loader reads from `K=` and this right-hand side, if it is one and the line below is spared.
pub fn agreed(right_hand_side: &str) -> Option<Secret> {
    let text = Zeroizing::new(format!("K={right_hand_side}\nNEXT=1\n"));
    let body = Body::of(&text);
    // The pickiest first: most experiments end there.
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
        let spared =
            first.key == "K" && next.key == "NEXT" && next.value.as_ref().is_some_and(|next| next.expose() == "1");
        if !spared || agreed.as_ref().is_some_and(|other| other != value) {
            return None;
        }
        agreed.get_or_insert_with(|| value.clone());
    }
    agreed
}
