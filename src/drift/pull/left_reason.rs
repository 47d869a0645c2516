//! Why a key is left to the user.

use crate::drift::expected_differences::ExpectedDifference;
use crate::drift::phrases;

/// Why a key does not get its value from Railway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeftReason {
    /// Railway never returns the value.
    Sealed,
    /// Railway returned no value, although the variable is not sealed.
    Unavailable,
    /// The value refers to one kept elsewhere.
    Indirect,
    /// The value is a reference to something that does not exist.
    Unresolved,
    /// The value was never set on Railway: it is empty or a placeholder.
    Unset,
    /// Services have different values.
    Disagree,
    /// The value has a host that exists only inside Railway.
    InternalHost,
    /// The value is expected to differ on a developer's machine.
    Expected(ExpectedDifference),
    /// The template builds the value from other variables.
    BuiltFromOthers,
    /// The name changes how programs run.
    ProcessControl,
    /// Railway sets the variable on deployments.
    Platform,
    /// The value can't be written so that it is read back; a sentence without a full stop.
    Unwritable(String),
    /// Only services out of scope have the key.
    OutOfScope,
    /// It is a shared variable that no service in scope references.
    SharedOnly,
    /// Nothing on Railway has the key.
    NotOnRailway,
}

impl LeftReason {
    /// Returns the stable name in kebab-case, for `--format json`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sealed => "sealed",
            Self::Unavailable => "unavailable",
            Self::Indirect => "indirect",
            Self::Unresolved => "unresolved",
            Self::Unset => "unset",
            Self::Disagree => "values-disagree",
            Self::InternalHost => "internal-host",
            Self::Expected(_) => "expected",
            Self::BuiltFromOthers => "built-from-others",
            Self::ProcessControl => "process-control",
            Self::Platform => "platform",
            Self::Unwritable(_) => "unwritable",
            Self::OutOfScope => "out-of-scope",
            Self::SharedOnly => "shared-only",
            Self::NotOnRailway => "not-on-railway",
        }
    }

    /// Every name that [`LeftReason::name`] returns.
    pub const NAMES: [&'static str; 15] = [
        "sealed",
        "unavailable",
        "indirect",
        "unresolved",
        "unset",
        "values-disagree",
        "internal-host",
        "expected",
        "built-from-others",
        "process-control",
        "platform",
        "unwritable",
        "out-of-scope",
        "shared-only",
        "not-on-railway",
    ];

    /// Returns the reason as a phrase about these services.
    pub fn phrase(&self, services: &[String]) -> String {
        let names: Vec<&str> = services.iter().map(String::as_str).collect();
        let services = phrases::names(&names);
        match self {
            Self::Sealed => format!("sealed on {services}"),
            Self::Unavailable => format!("Railway returned no value for {services}"),
            Self::Indirect => "refers to a value kept elsewhere".to_owned(),
            Self::Unresolved => format!("a reference that does not resolve on {services}"),
            Self::Unset => format!("not set on {services}: empty or a placeholder"),
            Self::Disagree => format!("differs between {services}: select one with --service"),
            Self::InternalHost => "the host exists only inside Railway".to_owned(),
            Self::Expected(kind) => expected(*kind).to_owned(),
            Self::BuiltFromOthers => "built from other variables in the template".to_owned(),
            Self::ProcessControl => "changes how programs run".to_owned(),
            Self::Platform => "set by Railway on deployments only".to_owned(),
            Self::Unwritable(why) => why.clone(),
            Self::OutOfScope => format!("only on {services}: select one with --service"),
            Self::SharedOnly => "a shared variable that no service in scope references".to_owned(),
            Self::NotOnRailway => "not on Railway".to_owned(),
        }
    }
}

fn expected(kind: ExpectedDifference) -> &'static str {
    match kind {
        ExpectedDifference::Key => "set separately in each environment",
        ExpectedDifference::Host => "a local address in the template",
        ExpectedDifference::TestKey => "a test key in the template, a live key on Railway",
        ExpectedDifference::LiveKey => "a live key in the template, a test key on Railway",
        ExpectedDifference::Expansion => "built from other variables in the template",
        ExpectedDifference::Null => "null in the template",
    }
}
