//! One `.env` for three services, with a Postgres and a Redis.

use crate::io::sim::estate::{Environment, Estate, Project, SimService};
use crate::io::sim::seed::{Seed, postgres, redis};

pub const SEED: Seed = Seed {
    name: "parcels",
    about: "one .env for web, api and worker, with a Postgres and a Redis",
    estate,
    files: &[(
        ".env",
        "\
# everything
NODE_ENV=development
LOG_LEVEL=debug
DATABASE_URL=postgresql://parcels@127.0.0.1:5432/parcels
REDIS_URL=redis://127.0.0.1:6379

# api
JWT_SECRET=Gh4-kd82-Lq0z-parcels
CARRIER_API_TOKEN=crr-5e02-77ab-90fd
WEB_ORIGIN=http://localhost:5173

# web
VITE_API_URL=http://localhost:4000

# worker
MAIL_FROM='Parcels <post@parcels.dev>'
SMTP_HOST=mailpit
",
    )],
};

fn estate() -> Estate {
    let production = Environment::named("production")
        .shared(&[("LOG_LEVEL", "info"), ("CARRIER_API_TOKEN", "crr-5e02-77ab-90fd")])
        .service(
            SimService::named("web")
                .repository("parcels/parcels")
                .start("caddy run")
                .domain("parcels.up.railway.app")
                .variables(&[("NODE_ENV", "production"), ("VITE_API_URL", "https://${{api.RAILWAY_PUBLIC_DOMAIN}}")]),
        )
        .service(
            SimService::named("api")
                .repository("parcels/parcels")
                .start("node dist/api.js")
                .domain("parcels-api.up.railway.app")
                .variables(&[
                    ("CARRIER_API_TOKEN", "${{shared.CARRIER_API_TOKEN}}"),
                    ("DATABASE_URL", "${{Postgres.DATABASE_URL}}"),
                    ("JWT_SECRET", "Gh4-kd82-Lq0z-parcels"),
                    ("LOG_LEVEL", "${{shared.LOG_LEVEL}}"),
                    ("NODE_ENV", "production"),
                    ("REDIS_URL", "${{Redis.REDIS_URL}}"),
                    ("WEB_ORIGIN", "https://${{web.RAILWAY_PUBLIC_DOMAIN}}"),
                ]),
        )
        .service(SimService::named("worker").repository("parcels/parcels").start("node dist/worker.js").variables(&[
            ("CARRIER_API_TOKEN", "crr-1b73-04cc-21e8"),
            ("DATABASE_URL", "${{Postgres.DATABASE_URL}}"),
            ("JWT_SECRET", "Gh4-kd82-Lq0z-parcels"),
            ("LOG_LEVEL", "${{shared.LOG_LEVEL}}"),
            ("MAIL_FROM", "Parcels <post@parcels.dev>"),
            ("NODE_ENV", "production"),
            ("REDIS_URL", "${{Redis.REDIS_URL}}"),
            ("SMTP_HOST", "smtp.parcels.dev"),
        ]))
        .service(postgres("C5yHn2eXa8QwJd7V"))
        .service(redis("mB6rKz0uTf9LpS3i"));
    Estate::of("parcels").project(Project::named("parcels").environment(production)).with_tokens()
}
