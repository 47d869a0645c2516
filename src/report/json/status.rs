//! What `auth status` and `hook status` tell, for programs.

use schemars::JsonSchema;
use serde::Serialize;

use crate::drift::token_identity::Identity;
use crate::report::auth_status::{TokenPlace, TokenReach};
use crate::report::json::document;

/// What `auth status` found, as far as it came.
#[derive(Debug, Default)]
pub struct AuthReport<'a> {
    /// Every place that may hold a token, in order.
    pub places: &'a [TokenPlace],
    /// The place whose token is used, and whose it is.
    pub token: Option<(&'a str, &'a Identity)>,
    /// What is to be known of the choice.
    pub remarks: &'a [String],
    /// What it reaches of the target.
    pub reach: Option<&'a TokenReach>,
    /// The exit code of the run.
    pub exit_code: u8,
}

/// One hook of git's, and what stands there.
#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "Hook")]
pub struct HookForm {
    /// `pre-commit`, `pre-push`.
    pub hook: &'static str,
    /// Where git looks for it.
    pub path: String,
    /// What stands there: nothing, doctor's own, doctor's of another place, somebody's that calls doctor, somebody's that does not.
    #[schemars(extend("enum" = ["none", "doctor", "outdated", "calls-doctor", "foreign"]))]
    pub state: &'static str,
    /// The tool that keeps it, where that shows.
    pub tool: Option<&'static str>,
}

/// Which token is used, whose it is, and what it reaches.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "AuthStatus")]
pub(crate) struct AuthForm<'a> {
    #[schemars(extend("const" = 1))]
    schema_version: u8,
    #[schemars(extend("const" = "auth status"))]
    command: &'static str,
    places: Vec<TokenPlaceForm<'a>>,
    token: Option<TokenForm<'a>>,
    target: Option<AuthTargetForm<'a>>,
    remarks: &'a [String],
    exit_code: u8,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "TokenPlace")]
struct TokenPlaceForm<'a> {
    says: &'a str,
    used: bool,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Token")]
struct TokenForm<'a> {
    from: &'a str,
    #[schemars(extend("enum" = ["account", "workspace", "project"]))]
    kind: &'static str,
    says: String,
    limits: &'static str,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "TokenTarget")]
struct AuthTargetForm<'a> {
    project: OriginForm<'a>,
    environment: OriginForm<'a>,
    services: usize,
    reads_variables: bool,
    /// Why they may not be read.
    obstacle: Option<&'a str>,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "NameAndOrigin")]
struct OriginForm<'a> {
    name: &'a str,
    origin: &'a str,
}

/// Which hooks there are.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "HookStatus")]
pub(crate) struct HooksForm<'h> {
    #[schemars(extend("const" = 1))]
    schema_version: u8,
    #[schemars(extend("const" = "hook status"))]
    command: &'static str,
    hooks: &'h [HookForm],
    exit_code: u8,
}

/// `auth status` as JSON.
pub fn auth(auth: &AuthReport<'_>) -> String {
    document(&AuthForm {
        schema_version: 1,
        command: "auth status",
        places: auth.places.iter().map(|place| TokenPlaceForm { says: &place.says, used: place.used }).collect(),
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
    TokenForm { from, kind, says: identity.description(), limits: identity.limits() }
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

/// `hook status` as JSON.
pub fn hooks(hooks: &[HookForm], exit_code: u8) -> String {
    document(&HooksForm { schema_version: 1, command: "hook status", hooks, exit_code })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{AuthReport, HookForm, auth, hooks};
    use crate::drift::token_identity::Identity;
    use crate::report::auth_status::{TokenPlace, TokenReach};

    fn parsed(text: &str) -> Value {
        serde_json::from_str(text).expect("it is JSON")
    }

    #[test]
    fn unreached_steps_are_null() {
        let places = [TokenPlace { says: "RAILWAY_TOKEN is not set".to_owned(), used: false }];
        let told = auth(&AuthReport { places: &places, exit_code: 4, ..AuthReport::default() });
        let expected = json!({ "schema_version": 1, "command": "auth status", "token": null, "target": null,
            "places": [{ "says": "RAILWAY_TOKEN is not set", "used": false }], "remarks": [], "exit_code": 4 });
        assert_eq!(parsed(&told), expected);
    }

    #[test]
    fn reports_token_identity_and_reach() {
        let named = |name: &str| (name.to_owned(), "railway link".to_owned());
        let reach = TokenReach {
            project: named("shop"),
            environment: named("staging\u{202e}"),
            services: 2,
            variables: Err("Railway said no".to_owned()),
        };
        let identity = Identity::Account(vec!["Crew".to_owned()]);
        let told =
            auth(&AuthReport { token: Some(("the keyring", &identity)), reach: Some(&reach), ..AuthReport::default() });
        assert!(!told.contains('\u{202e}'), "{told}");
        let told = parsed(&told);
        assert_eq!(told["token"]["kind"], "account");
        assert_eq!(told["token"]["from"], "the keyring");
        let expected = json!({ "project": { "name": "shop", "origin": "railway link" },
            "environment": { "name": "staging\u{202e}", "origin": "railway link" }, "services": 2,
            "reads_variables": false, "obstacle": "Railway said no" });
        assert_eq!(told["target"], expected);
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
