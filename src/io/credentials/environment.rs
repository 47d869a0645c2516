//! Tokens in the process environment.

use crate::error::Error;
use crate::io::credentials::{Credentials, SourceLookup, TokenSources, token};
use crate::io::railway::transport::Scheme;

const PROJECT: &str = "RAILWAY_TOKEN";
const API: &str = "RAILWAY_API_TOKEN";

/// Reads `RAILWAY_TOKEN`, a project token.
pub(super) fn project_token(places: &TokenSources<'_>) -> Result<SourceLookup, Error> {
    lookup(places, PROJECT, Scheme::Project)
}

/// Reads `RAILWAY_API_TOKEN`, an account or workspace token.
pub(super) fn api_token(places: &TokenSources<'_>) -> Result<SourceLookup, Error> {
    lookup(places, API, Scheme::Bearer)
}

fn lookup(places: &TokenSources<'_>, name: &str, scheme: Scheme) -> Result<SourceLookup, Error> {
    let Some(text) = places.variables.get(name) else {
        return Ok(SourceLookup::Nothing(format!("{name} is not set")));
    };
    Ok(match token(text, name)? {
        Some(token) => SourceLookup::Found(Credentials { token, scheme, from: name.to_owned(), remarks: Vec::new() }),
        None => SourceLookup::Nothing(format!("{name} is empty")),
    })
}

/// Returns notes about the variables for a run that uses the token from `used`.
pub(super) fn remarks(places: &TokenSources<'_>, used: &str) -> Vec<String> {
    let state = |name: &str| places.variables.get(name).map(|text| !text.trim_ascii().is_empty());
    if [PROJECT, API].map(state) == [Some(true), Some(true)] {
        return vec![format!("{PROJECT} and {API} are both set; {used} is used")];
    }
    let empty = [PROJECT, API].into_iter().filter(|name| used != PROJECT && state(name) == Some(false));
    empty.map(|name| format!("{name} is empty, which counts as unset")).collect()
}
