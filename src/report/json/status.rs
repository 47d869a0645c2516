//! The JSON format of `auth status` and `hook status`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::drift::token_identity::Identity;
use crate::report::auth_status::{TokenReach, TokenSource};
use crate::report::json::document;

/// The results of `auth status`. After an error, later fields are empty.
#[derive(Debug, Default)]
pub struct AuthReport<'a> {
    /// Every source of tokens, in order of preference.
    pub places: &'a [TokenSource],
    /// The source of the token that is used, and the owner of the token.
    pub token: Option<(&'a str, &'a Identity)>,
    /// Remarks on the choice of the token.
    pub remarks: &'a [String],
    /// The access of the token to the target.
    pub reach: Option<&'a TokenReach>,
    /// The exit code of the run.
    pub exit_code: u8,
}

/// A git hook and its state.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "Hook")]
pub struct HookForm {
    /// `pre-commit`, `pre-push`.
    pub hook: &'static str,
    /// The path at which git expects it.
    pub path: String,
    /// The state: `none` (no hook), `doctor` (installed), `outdated` (written for another location, or not executable),
    /// `calls-doctor` (another hook that calls doctor), `foreign` (another hook that does not).
    #[schemars(extend("enum" = ["none", "doctor", "outdated", "calls-doctor", "foreign"]))]
    pub state: &'static str,
    /// The tool that manages it, if known.
    pub tool: Option<&'static str>,
}

/// The token in use, its owner and its access.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "AuthStatus")]
pub(crate) struct AuthForm<'a> {
    /// The version of the format.
    #[schemars(extend("const" = 1))]
    schema_version: u8,
    /// The command.
    #[schemars(extend("const" = "auth status"))]
    command: &'static str,
    /// Every source of tokens, in order of precedence.
    places: Vec<TokenPlaceForm<'a>>,
    /// The token that is used; null if there is none.
    token: Option<TokenForm<'a>>,
    /// The access of the token to the target; null if it was not checked.
    target: Option<AuthTargetForm<'a>>,
    /// Remarks on the choice of the token.
    remarks: &'a [String],
    /// The exit code of the run.
    exit_code: u8,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "TokenPlace")]
struct TokenPlaceForm<'a> {
    /// Whether the source has a token, in words.
    state: &'a str,
    /// Whether its token is used.
    used: bool,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Token")]
struct TokenForm<'a> {
    /// The source.
    from: &'a str,
    /// The kind of token.
    #[schemars(extend("enum" = ["account", "workspace", "project"]))]
    kind: &'static str,
    /// The owner of the token, in words.
    description: String,
    /// What the token can do, in words.
    limits: &'static str,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "TokenTarget")]
struct AuthTargetForm<'a> {
    /// The project.
    project: OriginForm<'a>,
    /// The environment.
    environment: OriginForm<'a>,
    /// The number of services in the environment.
    services: usize,
    /// Whether the token can read the variables.
    reads_variables: bool,
    /// The reason why variables can't be read.
    obstacle: Option<&'a str>,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "NameAndOrigin")]
struct OriginForm<'a> {
    /// The name.
    name: &'a str,
    /// What selected it, such as `railway link`.
    origin: &'a str,
}

/// The state of each git hook.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "HookStatus")]
pub(crate) struct HooksForm<'h> {
    /// The version of the format.
    #[schemars(extend("const" = 1))]
    schema_version: u8,
    /// The command.
    #[schemars(extend("const" = "hook status"))]
    command: &'static str,
    /// The hooks.
    hooks: &'h [HookForm],
    /// The exit code of the run.
    exit_code: u8,
}

/// Returns the results of `auth status` as JSON.
pub fn auth(auth: &AuthReport<'_>) -> String {
    document(&AuthForm {
        schema_version: 1,
        command: "auth status",
        places: auth.places.iter().map(|place| TokenPlaceForm { state: &place.state, used: place.used }).collect(),
        token: auth.token.map(|(from, identity)| token(from, identity)),
        target: auth.reach.map(target),
        remarks: auth.remarks,
        exit_code: auth.exit_code,
    })
}

fn token<'a>(from: &'a str, identity: &Identity) -> TokenForm<'a> {
    let kind = match identity {
        Identity::Project(..) => "project",
        Identity::Workspace(_) => "workspace",
        Identity::Account(_) => "account",
    };
    TokenForm { from, kind, description: identity.description(), limits: identity.limits() }
}

fn target(reach: &TokenReach) -> AuthTargetForm<'_> {
    AuthTargetForm {
        project: OriginForm { name: &reach.project.0, origin: &reach.project.1 },
        environment: OriginForm { name: &reach.environment.0, origin: &reach.environment.1 },
        services: reach.services,
        reads_variables: reach.variables.is_ok(),
        obstacle: reach.variables.as_ref().err().map(String::as_str),
    }
}

/// Returns the results of `hook status` as JSON.
pub fn hooks(hooks: &[HookForm], exit_code: u8) -> String {
    document(&HooksForm { schema_version: 1, command: "hook status", hooks, exit_code })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{AuthReport, HookForm, auth, hooks};
    use crate::drift::token_identity::Identity;
    use crate::report::auth_status::{TokenReach, TokenSource};

    fn parsed(text: &str) -> Value {
        serde_json::from_str(text).expect("the status is JSON")
    }

    #[test]
    fn unreached_steps_are_null() {
        let places = [TokenSource { state: "RAILWAY_TOKEN is not set".to_owned(), used: false }];
        let output = auth(&AuthReport { places: &places, exit_code: 4, ..AuthReport::default() });
        let expected = json!({ "schema_version": 1, "command": "auth status", "token": null, "target": null,
            "places": [{ "state": "RAILWAY_TOKEN is not set", "used": false }], "remarks": [], "exit_code": 4 });
        assert_eq!(parsed(&output), expected);
    }

    #[test]
    fn reports_token_identity_and_reach() {
        let named = |name: &str| (name.to_owned(), "railway link".to_owned());
        let reach = TokenReach {
            project: named("shop"),
            environment: named("staging\u{202e}"),
            services: 2,
            variables: Err("Railway refused the query".to_owned()),
        };
        let identity = Identity::Account(vec!["Crew".to_owned()]);
        let output = auth(&AuthReport {
            token: Some(("the OS keyring", &identity)),
            reach: Some(&reach),
            ..AuthReport::default()
        });
        assert!(!output.contains('\u{202e}'), "{output}");
        let output = parsed(&output);
        assert_eq!(output["token"]["kind"], "account");
        assert_eq!(output["token"]["from"], "the OS keyring");
        let expected = json!({ "project": { "name": "shop", "origin": "railway link" },
            "environment": { "name": "staging\u{202e}", "origin": "railway link" }, "services": 2,
            "reads_variables": false, "obstacle": "Railway refused the query" });
        assert_eq!(output["target"], expected);
    }

    #[test]
    fn reports_each_hook_with_its_state() {
        let hook = HookForm {
            hook: "pre-commit",
            path: ".husky/pre-commit".to_owned(),
            state: "foreign",
            tool: Some("husky"),
        };
        let expected = json!({ "schema_version": 1, "command": "hook status", "exit_code": 1, "hooks": [
            { "hook": "pre-commit", "path": ".husky/pre-commit", "state": "foreign", "tool": "husky" }] });
        assert_eq!(parsed(&hooks(&[hook], 1)), expected);
    }
}
