mod buckets;
mod databases;
mod host_variables;
mod web;

use std::collections::BTreeMap;

use crate::drift::Secret;
use crate::drift::compare::backend::{Backend, BackendKind, backends};

/// The variables of a service. The first one is the one whose backends are wanted.
type Variables<'t> = &'t [(&'t str, &'t str)];

fn found(variables: Variables<'_>) -> Vec<Backend> {
    let values: BTreeMap<&str, Secret> = variables.iter().map(|(key, value)| (*key, Secret::new(*value))).collect();
    let (key, value) = variables[0];
    backends(key, &Secret::new(value), &|name| values.get(name))
}

/// Asserts that all lead to one backend, which is the same.
fn assert_same(kind: BackendKind, all: &[Variables<'_>]) {
    for variables in all {
        let found = found(variables);
        assert_eq!(found.iter().map(|backend| backend.kind).collect::<Vec<_>>(), [kind], "{variables:?}");
        let first = &self::found(all[0])[0];
        assert_eq!(found[0].address, first.address, "{variables:?}");
    }
}

/// Asserts that each leads to at least one backend, and no two lead to the same one.
fn assert_different(all: &[Variables<'_>]) {
    for (index, variables) in all.iter().enumerate() {
        let found = found(variables);
        assert!(!found.is_empty(), "{variables:?}");
        for others in &all[index + 1..] {
            let is_shared = self::found(others).iter().any(|backend| found.contains(backend));
            assert!(!is_shared, "{variables:?} {others:?}");
        }
    }
}

fn assert_none(all: &[Variables<'_>]) {
    for variables in all {
        assert_eq!(found(variables).first().map(|backend| &backend.address), None, "{variables:?}");
    }
}

#[test]
fn debug_output_contains_no_address() {
    let found = found(&[("DATABASE_URL", "postgres://app:s3cr3t@db.acme.dev/shop")]);
    assert_eq!(format!("{found:?}"), "[Backend { kind: Database, .. }]");
}

#[test]
fn values_that_are_no_address_lead_nowhere() {
    assert_none(&[
        &[("DATABASE_URL", "")],
        &[("DATABASE_URL", " ")],
        &[("DATABASE_URL", "${{Postgres.DATABASE_URL}}")],
        &[("DATABASE_URL", "postgres://app:${{shared.PASSWORD}}@db.acme.dev/shop")],
        &[("DATABASE_URL", "postgres://app:pw@db.acme.dev/${DB_NAME}")],
        &[("DATABASE_URL", "postgres://app:pw@${DB_HOST}/shop")],
        &[("DATABASE_URL", "op://vault/database/url")],
        &[("DATABASE_URL", "vault:secret/data/app#DATABASE_URL")],
        &[("DATABASE_URL", "<your database url>")],
        &[("DATABASE_URL", "changeme")],
        &[("DATABASE_URL", "{\"url\": \"postgres://db.acme.dev/shop\"}")],
        &[("CONFIG", "{\"dsn\": \"app:s3cr3t@tcp(db.acme.dev:3306)/shop\"}")],
        &[("DATABASE_URLS", "[\"${{Postgres.DATABASE_URL}}\"]")],
        &[("DATABASE_URLS", "[\"postgres://localhost/shop\", \"shop\"]")],
        &[("DATABASE_URLS", "[\"postgres://db.acme.dev/shop\", 1]")],
        &[("DATABASE_URLS", "[{\"url\": \"postgres://db.acme.dev/shop\"}]")],
        &[("DATABASE_URL", "postgres://db.acme.dev/shop\npostgres://db.acme.dev/blog")],
        &[("DATABASE_URL", "see postgres://db.acme.dev/shop")],
        &[("GREETING", "Welcome to db.acme.dev")],
    ]);
}

#[test]
fn long_values_are_skipped() {
    let url = |length: usize| format!("postgres://db.acme.dev/{}", "a".repeat(length));
    assert_eq!(found(&[("DATABASE_URL", &url(8000))]).len(), 1);
    assert_none(&[&[("DATABASE_URL", &url(9000))]]);
    for piece in ["a,", "://", "a=b;", "@", "kafka://a.b,", "s3:"] {
        assert_none(&[&[("KAFKA_BROKERS", &piece.repeat(500_000))]]);
    }
}

/// Quadratic work would take minutes here.
#[test]
fn hostile_text_takes_linear_time() {
    for piece in ["a,", "a.dev,", "://", "a=b;", "@", "kafka://a.b,", "s3:", "[", "{{", "${", "%", "a@tcp(", ")/", "\\"]
    {
        let text = piece.repeat(8000 / piece.len());
        for key in ["KAFKA_BROKERS", "DATABASE_URL", "S3_BUCKET"] {
            for _ in 0..20 {
                found(&[(key, &text)]);
            }
        }
    }
}
