//! Validates every GraphQL document against the schema, including arguments: `graphql_client` checks fields only.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "reads the operations")]

use std::fs;
use std::path::Path;

use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use railway_doctor::io::railway::batch::{
    self, BatchEnvironment, BatchService, ENVIRONMENTS_PER_REQUEST, EnvironmentField,
    SERVICES_WITH_RUNNING_PER_REQUEST, SHARED_PER_REQUEST,
};
use railway_doctor::io::railway::prefetch::remembered_ids::{MOST_OF_SEVERAL_PER_REQUEST, MOST_SERVICES_PER_REQUEST};

fn schema() -> Valid<Schema> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("graphql/schema.graphql");
    Schema::parse_and_validate(fs::read_to_string(&path).unwrap(), path).expect("the schema is valid")
}

fn problems(document: &str) -> Option<String> {
    ExecutableDocument::parse_and_validate(&schema(), document, "document.graphql")
        .err()
        .map(|invalid| invalid.errors.to_string())
}

#[test]
fn every_operation_is_valid() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("graphql");
    let mut count = 0;
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().is_some_and(|name| name != "schema.graphql") {
            assert_eq!(problems(&fs::read_to_string(&path).unwrap()), None, "{}", path.display());
            count += 1;
        }
    }
    assert!(count >= 8, "only {count} operations were found");
}

#[test]
fn every_batch_size_is_valid() {
    for size in 1..=MOST_SERVICES_PER_REQUEST {
        let ids: Vec<String> = (0..size).map(|index| format!("id-{index}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        // Every other service has a deployment.
        let services = ids.iter().enumerate().map(|(index, id)| BatchService {
            project: "p",
            environment: "e",
            service: id,
            deployment: (index % 2 == 0).then_some("deployment-id"),
        });
        let services: Vec<BatchService<'_>> = services.collect();
        for fields in [&[][..], &[EnvironmentField::Staged], &[EnvironmentField::Staged, EnvironmentField::Shared]] {
            let batch = batch::build(&services, fields);
            assert_eq!(problems(&batch.query), None, "{size} services");
            assert!(!batch.query.contains("deployment-id"), "the query contains an id");
            assert!(ids.iter().all(|id| !batch.query.contains(id)), "the query contains an id");
        }
        assert_eq!(problems(&batch::events(&ids).query), None, "{size} deployments");
    }
}

#[test]
fn every_batch_of_several_environments_is_valid() {
    for size in 1..=MOST_OF_SEVERAL_PER_REQUEST {
        let ids: Vec<String> = (0..size).map(|index| format!("id-{index}")).collect();
        let services = ids.iter().enumerate().map(|(index, id)| BatchService {
            project: "p",
            environment: ["environment-0", "environment-1", "environment-2"][index % 3],
            service: id,
            deployment: None,
        });
        let batch = batch::build(&services.collect::<Vec<_>>(), &[]);
        assert_eq!(problems(&batch.query), None, "{size} services");
        assert!(!batch.query.contains("environment-") && !batch.query.contains("id-"), "the query contains an id");
    }
}

#[test]
fn every_batch_of_several_projects_is_valid() {
    for size in 1..=SERVICES_WITH_RUNNING_PER_REQUEST {
        let ids: Vec<String> = (0..size).map(|index| format!("id-{index}")).collect();
        let services = ids.iter().enumerate().map(|(index, id)| BatchService {
            project: ["project-0", "project-1"][index % 2],
            environment: ["environment-0", "environment-1", "environment-2"][index % 3],
            service: id,
            deployment: (index % 2 == 0).then_some("deployment-id"),
        });
        let batch = batch::build(&services.collect::<Vec<_>>(), &[]);
        assert_eq!(problems(&batch.query), None, "{size} services");
        assert!(!batch.query.contains("project-") && !batch.query.contains("id-"), "the query contains an id");
    }
}

#[test]
fn every_batch_of_environments_is_valid() {
    for size in [1, 2, ENVIRONMENTS_PER_REQUEST, SHARED_PER_REQUEST] {
        let ids: Vec<String> = (0..size).map(|index| format!("id-{index}")).collect();
        let environments = ids.iter().map(|id| BatchEnvironment { project: "id-p", environment: id });
        let environments: Vec<BatchEnvironment<'_>> = environments.collect();
        for batch in [batch::environments(&environments), batch::shared(&environments)] {
            assert_eq!(problems(&batch.query), None, "{size} environments");
            assert!(!batch.query.contains("id-"), "the query contains an id");
        }
    }
}

#[test]
fn validator_reports_wrong_arguments() {
    let found = problems("query Q($p: Int) { variables(projectId: $p, nope: 1) }").expect("the query is invalid");
    for word in ["nope", "environmentId", "projectId"] {
        assert!(found.contains(word), "{word} in {found}");
    }
}
