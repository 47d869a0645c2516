//! A project without differences.

use crate::io::sim::estate::{Environment, Estate, Project, SimService};
use crate::io::sim::seed::{Seed, postgres};

pub const SEED: Seed = Seed {
    name: "healthy",
    about: "a project without differences",
    estate,
    files: &[(
        ".env",
        "\
# notes: the same here and on Railway
APP_NAME=Notes
DATABASE_URL=postgresql://postgres:eA7uXq3ZkV9wBn5J@postgres.railway.internal:5432/railway
LOG_FORMAT=\"json\"
PUBLIC_URL=https://notes.up.railway.app
WEEK_STARTS_ON=monday
",
    )],
};

fn estate() -> Estate {
    let production = Environment::named("production")
        .service(
            SimService::named("notes")
                .repository("notes/notes")
                .start("notes serve")
                .domain("notes.up.railway.app")
                .variables(&[
                    ("APP_NAME", "Notes"),
                    ("DATABASE_URL", "${{Postgres.DATABASE_URL}}"),
                    ("LOG_FORMAT", "json"),
                    ("PUBLIC_URL", "https://${{RAILWAY_PUBLIC_DOMAIN}}"),
                    ("WEEK_STARTS_ON", "monday"),
                ]),
        )
        .service(postgres("eA7uXq3ZkV9wBn5J"));
    Estate::of("notes").project(Project::named("notes").environment(production)).with_tokens()
}
