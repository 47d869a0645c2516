//! A new project: its services have no variables yet.

use crate::io::sim::estate::{Environment, Estate, Project, SimService};
use crate::io::sim::seed::Seed;

pub const SEED: Seed = Seed {
    name: "brand-new",
    about: "a project whose services have no variables yet",
    estate,
    files: &[(
        ".env",
        "\
PORT=3000
DATABASE_URL=postgresql://localhost/first
API_KEY=k-70e4-19bd-first
",
    )],
};

fn estate() -> Estate {
    let production = Environment::named("production")
        .service(SimService::named("web").repository("first/first"))
        .service(SimService::named("worker"));
    Estate::of("first").project(Project::named("first").environment(production)).with_tokens()
}
