//! A monorepo: a `.env` in the directory of each app, and services with root directories.

use crate::io::sim::estate::{Environment, Estate, Project, SimService};
use crate::io::sim::seed::{Seed, postgres};

pub const SEED: Seed = Seed {
    name: "monorepo",
    about: "a monorepo with apps/web/.env and apps/api/.env, and services with root directories",
    estate,
    files: &[
        (
            "apps/web/.env",
            "\
NEXT_PUBLIC_API_URL=http://localhost:3001
NEXT_PUBLIC_SITE_NAME=\"Rye & Barley\"
REVALIDATE_TOKEN=rv-20c7-61ee-b930
",
        ),
        (
            "apps/api/.env",
            "\
PORT=3001
DATABASE_URL=postgresql://postgres:postgres@localhost:5432/bakery
REVALIDATE_TOKEN=rv-20c7-61ee-b930
ORDER_EMAIL=orders@rye-and-barley.dev
UPLOADS_BUCKET=bakery-uploads-dev
",
        ),
    ],
};

fn estate() -> Estate {
    let production = Environment::named("production")
        .service(
            SimService::named("web")
                .repository("rye-and-barley/bakery")
                .root("/apps/web")
                .start("pnpm start")
                .domain("bakery.up.railway.app")
                .variables(&[
                    ("NEXT_PUBLIC_API_URL", "https://${{api.RAILWAY_PUBLIC_DOMAIN}}"),
                    ("NEXT_PUBLIC_SITE_NAME", "Rye & Barley"),
                    ("REVALIDATE_TOKEN", "${{api.REVALIDATE_TOKEN}}"),
                ]),
        )
        .service(
            SimService::named("api")
                .repository("rye-and-barley/bakery")
                .root("/apps/api")
                .start("pnpm start")
                .domain("bakery-api.up.railway.app")
                .variables(&[
                    ("DATABASE_URL", "${{Postgres.DATABASE_URL}}"),
                    ("ORDER_EMAIL", "orders@rye-and-barley.dev"),
                    ("REVALIDATE_TOKEN", "rv-20c7-61ee-b930"),
                    ("UPLOADS_BUCKET", "bakery-uploads"),
                ]),
        )
        .service(postgres("Nq4tW7bUy1EoRx5M"));
    Estate::of("rye-and-barley").project(Project::named("bakery").environment(production)).with_tokens()
}
