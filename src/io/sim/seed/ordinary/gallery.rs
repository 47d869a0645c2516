//! A Rails application with Sidekiq: one development `.env`, with Postgres, Redis and `MinIO`.
//!
//! Two faults: sidekiq has an old `SMTP_PASSWORD`, and both services have `IMGIX_TOKEN` with a trailing newline.

use crate::io::sim::estate::{Environment, Estate, Project, SimService};
use crate::io::sim::seed::{Seed, postgres, redis};

pub const SEED: Seed = Seed {
    name: "gallery",
    about: "a Rails application with Sidekiq and MinIO, and a development .env of 31 keys",
    estate,
    files: &[(
        ".env",
        "\
RAILS_ENV=development
RACK_ENV=development
RAILS_LOG_LEVEL=debug
RAILS_MAX_THREADS=5
RAILS_SERVE_STATIC_FILES=true
WEB_CONCURRENCY=2
SECRET_KEY_BASE=9c0b6d41f7e2a853-development
RAILS_MASTER_KEY=4e7d19ab52c8f036
DATABASE_URL=postgres://postgres:postgres@db:5432/gallery_development
REDIS_URL=redis://redis:6379/0
SIDEKIQ_CONCURRENCY=10
APP_HOST=gallery.test
APP_PROTOCOL=http
DEFAULT_URL_OPTIONS_PORT=3000
TZ=Europe/Paris

SMTP_ADDRESS=mailpit
SMTP_PORT=1025
SMTP_USERNAME=postmaster@galerie-lumiere.fr
SMTP_PASSWORD=lum-9d27-kr51-smtp
MAIL_FROM=bonjour@galerie-lumiere.fr

S3_ENDPOINT=http://minio:9000
S3_ACCESS_KEY_ID=minioadmin
S3_SECRET_ACCESS_KEY=minioadmin
S3_BUCKET=gallery-development
S3_REGION=eu-west-3
MINIO_ROOT_USER=minioadmin
MINIO_ROOT_PASSWORD=minioadmin

IMGIX_DOMAIN=galerie-lumiere.imgix.net
IMGIX_TOKEN=imgx-61f0-aa9c-lumiere
SENTRY_DSN=
ADMIN_EMAIL=admin@galerie-lumiere.fr
",
    )],
};

/// The variables that both services have.
const COMMON: &[(&str, &str)] = &[
    ("APP_HOST", "galerie-lumiere.fr"),
    ("APP_PROTOCOL", "https"),
    ("DATABASE_URL", "${{Postgres.DATABASE_URL}}"),
    ("IMGIX_DOMAIN", "galerie-lumiere.imgix.net"),
    ("IMGIX_TOKEN", "imgx-61f0-aa9c-lumiere\n"),
    ("MAIL_FROM", "bonjour@galerie-lumiere.fr"),
    ("RACK_ENV", "production"),
    ("RAILS_ENV", "production"),
    ("RAILS_LOG_LEVEL", "info"),
    ("RAILS_MASTER_KEY", "4e7d19ab52c8f036"),
    ("REDIS_URL", "${{Redis.REDIS_URL}}"),
    ("S3_ACCESS_KEY_ID", "${{MinIO.MINIO_ROOT_USER}}"),
    ("S3_BUCKET", "gallery-production"),
    ("S3_ENDPOINT", "http://${{MinIO.RAILWAY_PRIVATE_DOMAIN}}:9000"),
    ("S3_REGION", "eu-west-3"),
    ("S3_SECRET_ACCESS_KEY", "${{MinIO.MINIO_ROOT_PASSWORD}}"),
    ("SECRET_KEY_BASE", "e81f5c7092bd46a3d0f7"),
    ("SENTRY_DSN", "https://5b0d@o71.ingest.sentry.example/3"),
    ("SMTP_ADDRESS", "smtp.galerie-lumiere.fr"),
    ("SMTP_PORT", "587"),
    ("SMTP_USERNAME", "postmaster@galerie-lumiere.fr"),
    ("TZ", "Europe/Paris"),
];

fn rails(name: &str, start: &str) -> SimService {
    SimService::named(name).repository("lumiere/gallery").start(start).variables(COMMON)
}

fn minio() -> SimService {
    SimService::named("MinIO")
        .image("minio/minio:latest")
        .variables(&[("MINIO_ROOT_PASSWORD", "nG5xKv0rCz8JtB4S"), ("MINIO_ROOT_USER", "railway")])
}

fn estate() -> Estate {
    let web = rails("web", "bin/rails server").domain("gallery.up.railway.app").variables(&[
        ("ADMIN_EMAIL", "admin@galerie-lumiere.fr"),
        ("RAILS_MAX_THREADS", "5"),
        ("RAILS_SERVE_STATIC_FILES", "true"),
        ("SMTP_PASSWORD", "lum-9d27-kr51-smtp"),
        ("WEB_CONCURRENCY", "2"),
    ]);
    let sidekiq = rails("sidekiq", "bundle exec sidekiq")
        .variables(&[("SIDEKIQ_CONCURRENCY", "10"), ("SMTP_PASSWORD", "lum-3a80-tq64-smtp")]);
    let production = Environment::named("production")
        .service(web)
        .service(sidekiq)
        .service(postgres("uQ7sYb3wFk9MzH1X"))
        .service(redis("dL4gRv6nPe2ToC8I"))
        .service(minio());
    Estate::of("lumiere").project(Project::named("gallery").environment(production)).with_tokens()
}
