//! Tokens in the process environment.

use crate::error::Error;
use crate::io::credentials::{Credentials, Places, SourceLookup, token};
use crate::io::railway::transport::Scheme;

const PROJECT: &str = "RAILWAY_TOKEN";
const API: &str = "RAILWAY_API_TOKEN";

/// `RAILWAY_TOKEN`: a project token.
pub(super) fn project_token(places: &Places<'_>) -> Result<SourceLookup, Error> {
    lookup(places, PROJECT, Scheme::Project)
}

/// `RAILWAY_API_TOKEN`: an account or workspace token.
pub(super) fn api_token(places: &Places<'_>) -> Result<SourceLookup, Error> {
    lookup(places, API, Scheme::Bearer)
}

fn lookup(places: &Places<'_>, name: &str, scheme: Scheme) -> Result<SourceLookup, Error> {
    let Some(text) = places.variables.get(name) else {
        return Ok(SourceLookup::Nothing(format!("{name} is not set")));
    };
    Ok(match token(text, name)? {
        Some(token) => SourceLookup::Found(Credentials { token, scheme, from: name.to_owned(), remarks: Vec::new() }),
        None => SourceLookup::Nothing(format!("{name} is empty")),
    })
}

/// Returns what a person should know about the variables when the token from `used` is used.
pub(super) fn remarks(places: &Places<'_>, used: &str) -> Vec<String> {
    let state = |name: &str| places.variables.get(name).map(|text| !text.trim_ascii().is_empty());
    if [PROJECT, API].map(state) == [Some(true), Some(true)] {
        return vec![format!("{PROJECT} and {API} are both set; {used} is used")];
    }
    let empty = [PROJECT, API].into_iter().filter(|name| used != PROJECT && state(name) == Some(false));
    empty.map(|name| format!("{name} is empty and counts as not set")).collect()
}
