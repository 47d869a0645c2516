//! A Next.js front end, a Node API and a worker: one development `.env`, with Postgres and Redis.
//!
//! Two faults: the worker's `RESEND_API_KEY` was pasted with its quotes, and the API's `SEARCH_API_KEY` is still a
//! placeholder.

use crate::io::sim::estate::{Environment, Estate, Project, SimService};
use crate::io::sim::seed::{Seed, postgres, redis};

pub const SEED: Seed = Seed {
    name: "tickets",
    about: "a Next.js front end, a Node API and a worker, and a development .env of 32 keys",
    estate,
    files: &[(
        ".env",
        "\
NODE_ENV=development
LOG_LEVEL=debug
PORT=3000
APP_NAME=Encore
DEFAULT_LOCALE=en-GB
DEFAULT_CURRENCY=GBP
SUPPORT_EMAIL=help@encore-tickets.dev

NEXT_PUBLIC_API_URL=http://localhost:4000
NEXT_PUBLIC_SITE_URL=http://localhost:3000
NEXT_PUBLIC_POSTHOG_KEY=phc_encore_41d
NEXT_PUBLIC_STRIPE_KEY=pk_test_5c3.Zr1.encore
NEXTAUTH_URL=http://localhost:3000
NEXTAUTH_SECRET=not-a-secret-at-home
GITHUB_CLIENT_ID=Iv1.encore-dev-3b0f
GITHUB_CLIENT_SECRET=ghcs-91aa-57e0-dev

CORS_ORIGINS=http://localhost:3000,http://localhost:6006
DATABASE_URL=postgresql://encore:encore@localhost:5432/encore?schema=public
SHADOW_DATABASE_URL=postgresql://encore:encore@localhost:5433/shadow
REDIS_URL=redis://localhost:6379
JWT_SECRET=jwt-for-development
JWT_ISSUER=encore
SEARCH_HOST=http://localhost:7700
SEARCH_API_KEY=meili-27c4-90bd-encore
STRIPE_SECRET_KEY=sk_test_5c3.Vq7.encore
STRIPE_WEBHOOK_SECRET=whsec_a81.cli.encore

QUEUE_PREFIX=encore
WORKER_CONCURRENCY=4
RESEND_API_KEY=re_6Yp3.encore.Lm0
MAIL_FROM=\"Encore <tickets@encore-tickets.dev>\"
INTERNAL_API_TOKEN=int-5b2e-88d1-encore
UPLOADS_BUCKET=encore-uploads-development
NGROK_AUTHTOKEN=ngrok-2f6c-encore
",
    )],
};

fn node(name: &str, start: &str) -> SimService {
    SimService::named(name).repository("encore/tickets").start(start).variables(&[
        ("INTERNAL_API_TOKEN", "int-5b2e-88d1-encore"),
        ("LOG_LEVEL", "info"),
        ("NODE_ENV", "production"),
    ])
}

fn estate() -> Estate {
    let web = node("encore-web", "next start").domain("encore.up.railway.app").variables(&[
        ("APP_NAME", "Encore"),
        ("DEFAULT_LOCALE", "en-GB"),
        ("GITHUB_CLIENT_ID", "Iv1.encore-6e27"),
        ("GITHUB_CLIENT_SECRET", "ghcs-04cd-b318-web"),
        ("NEXTAUTH_SECRET", "Rk7wQ2zT9bLx4MvE"),
        ("NEXTAUTH_URL", "https://${{RAILWAY_PUBLIC_DOMAIN}}"),
        ("NEXT_PUBLIC_API_URL", "https://${{encore-api.RAILWAY_PUBLIC_DOMAIN}}"),
        ("NEXT_PUBLIC_POSTHOG_KEY", "phc_encore_41d"),
        ("NEXT_PUBLIC_SITE_URL", "https://encore-tickets.dev"),
        ("NEXT_PUBLIC_STRIPE_KEY", "pk_live_8f0.Hn6.encore"),
        ("SUPPORT_EMAIL", "help@encore-tickets.dev"),
    ]);
    let api = node("encore-api", "node dist/server.js").domain("encore-api.up.railway.app").variables(&[
        ("CORS_ORIGINS", "https://encore-tickets.dev"),
        ("DATABASE_URL", "${{Postgres.DATABASE_URL}}"),
        ("DEFAULT_CURRENCY", "GBP"),
        ("JWT_ISSUER", "encore"),
        ("JWT_SECRET", "c5Nf8sYd1KgW3uPz"),
        ("QUEUE_PREFIX", "encore"),
        ("REDIS_URL", "${{Redis.REDIS_URL}}"),
        ("SEARCH_API_KEY", "changeme"),
        ("SEARCH_HOST", "https://search.encore-tickets.dev"),
        ("STRIPE_SECRET_KEY", "sk_live_8f0.Bt3.encore"),
        ("STRIPE_WEBHOOK_SECRET", "whsec_6d5.api.encore"),
        ("UPLOADS_BUCKET", "encore-uploads-production"),
    ]);
    let worker = node("encore-worker", "node dist/worker.js").variables(&[
        ("DATABASE_URL", "${{Postgres.DATABASE_URL}}"),
        ("MAIL_FROM", "Encore <tickets@encore-tickets.dev>"),
        ("QUEUE_PREFIX", "encore"),
        ("REDIS_URL", "${{Redis.REDIS_URL}}"),
        ("RESEND_API_KEY", "\"re_6Yp3.encore.Lm0\""),
        ("UPLOADS_BUCKET", "encore-uploads-production"),
        ("WORKER_CONCURRENCY", "4"),
    ]);
    let production = Environment::named("production")
        .service(web)
        .service(api)
        .service(worker)
        .service(postgres("yB6dMn1qHs8RfX3C"))
        .service(redis("kW9jTz4eLp7VuO2Q"));
    Estate::of("encore").project(Project::named("encore").environment(production)).with_tokens()
}
