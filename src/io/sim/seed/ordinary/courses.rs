//! A Django site with Celery: one development `.env` for web, worker and beat, with Postgres and Redis.
//!
//! Two faults: the worker has an old `SENDGRID_API_KEY`, and beat's `CELERY_RESULT_BACKEND` refers to a service that was
//! renamed.

use crate::io::sim::estate::{Environment, Estate, Project, SimService};
use crate::io::sim::seed::{Seed, postgres, redis};

pub const SEED: Seed = Seed {
    name: "courses",
    about: "a Django site with a Celery worker and beat, and a development .env of 33 keys",
    estate,
    files: &[(
        ".env",
        "\
# Django
DEBUG=True
SECRET_KEY=django-insecure-9x4mw0zq7rkc2v
DJANGO_SETTINGS_MODULE=courses.settings.local
ALLOWED_HOSTS=localhost,127.0.0.1
CSRF_TRUSTED_ORIGINS=http://localhost:8000
SITE_URL=http://localhost:8000
TIME_ZONE=Europe/Vienna
LANGUAGE_CODE=de-at
PAGE_SIZE=25
LOG_LEVEL=DEBUG
SENTRY_DSN=
SENTRY_ENVIRONMENT=local

# Postgres and Redis in docker compose
COMPOSE_PROJECT_NAME=courses
POSTGRES_USER=courses
POSTGRES_PASSWORD=courses
POSTGRES_DB=courses
DATABASE_URL=postgres://courses:courses@localhost:5432/courses
REDIS_URL=redis://localhost:6379/0
CELERY_BROKER_URL=redis://localhost:6379/1
CELERY_RESULT_BACKEND=redis://localhost:6379/2
CELERY_TASK_TIME_LIMIT=300

# Mail
EMAIL_BACKEND=django.core.mail.backends.console.EmailBackend
DEFAULT_FROM_EMAIL='Courses <office@courses-vienna.at>'
SENDGRID_API_KEY=SG.q8Zt2.vN4hLw0x-courses

# Uploads
AWS_ACCESS_KEY_ID=AK-4T7Q-courses-media
AWS_SECRET_ACCESS_KEY=Jr5/mB2+x9Qe-courses-media
AWS_STORAGE_BUCKET_NAME=courses-media-dev
AWS_S3_REGION_NAME=eu-central-1

# Payments
STRIPE_PUBLISHABLE_KEY=pk_test_6b1.Ty4.courses
STRIPE_SECRET_KEY=sk_test_6b1.Kd8.courses
STRIPE_WEBHOOK_SECRET=whsec_0f2.cli.courses
STRIPE_PRICE_ID=price_1m.test.courses
CERTIFICATE_SIGNER=Volkshochschule Wien
",
    )],
};

/// The variables that all three services have.
const COMMON: &[(&str, &str)] = &[
    ("AWS_ACCESS_KEY_ID", "AK-4T7Q-courses-media"),
    ("AWS_S3_REGION_NAME", "eu-central-1"),
    ("AWS_SECRET_ACCESS_KEY", "Jr5/mB2+x9Qe-courses-media"),
    ("AWS_STORAGE_BUCKET_NAME", "courses-media"),
    ("CELERY_BROKER_URL", "${{Redis.REDIS_URL}}/1"),
    ("DATABASE_URL", "${{Postgres.DATABASE_URL}}"),
    ("DEBUG", "False"),
    ("DEFAULT_FROM_EMAIL", "Courses <office@courses-vienna.at>"),
    ("DJANGO_SETTINGS_MODULE", "courses.settings.production"),
    ("EMAIL_BACKEND", "anymail.backends.sendgrid.EmailBackend"),
    ("LANGUAGE_CODE", "de-at"),
    ("LOG_LEVEL", "INFO"),
    ("REDIS_URL", "${{Redis.REDIS_URL}}"),
    ("SECRET_KEY", "u1$kP0w8z(e6-r5t4y3q2m"),
    ("SENTRY_DSN", "https://7c1e@o44.ingest.sentry.example/9"),
    ("SENTRY_ENVIRONMENT", "production"),
    ("TIME_ZONE", "Europe/Vienna"),
];

fn django(name: &str, start: &str) -> SimService {
    SimService::named(name).repository("vhs-wien/courses").start(start).variables(COMMON)
}

fn estate() -> Estate {
    let web = django("web", "gunicorn courses.wsgi").domain("courses.up.railway.app").variables(&[
        ("ALLOWED_HOSTS", "${{RAILWAY_PUBLIC_DOMAIN}}"),
        ("CERTIFICATE_SIGNER", "Volkshochschule Wien"),
        ("CSRF_TRUSTED_ORIGINS", "https://${{RAILWAY_PUBLIC_DOMAIN}}"),
        ("PAGE_SIZE", "25"),
        ("SENDGRID_API_KEY", "SG.q8Zt2.vN4hLw0x-courses"),
        ("SITE_URL", "https://${{RAILWAY_PUBLIC_DOMAIN}}"),
        ("STRIPE_PRICE_ID", "price_8c.live.courses"),
        ("STRIPE_PUBLISHABLE_KEY", "pk_live_3d9.Wu2.courses"),
        ("STRIPE_SECRET_KEY", "sk_live_3d9.Gz5.courses"),
        ("STRIPE_WEBHOOK_SECRET", "whsec_7e4.web.courses"),
    ]);
    let worker = django("worker", "celery -A courses worker").variables(&[
        ("CELERY_RESULT_BACKEND", "${{Redis.REDIS_URL}}/2"),
        ("CELERY_TASK_TIME_LIMIT", "300"),
        ("SENDGRID_API_KEY", "SG.m3Xb7.aP1fKd6y-courses"),
    ]);
    let beat = django("beat", "celery -A courses beat").variables(&[
        ("CELERY_RESULT_BACKEND", "${{redis-cache.REDIS_URL}}/2"),
        ("SENDGRID_API_KEY", "SG.q8Zt2.vN4hLw0x-courses"),
    ]);
    let production = Environment::named("production")
        .service(web)
        .service(worker)
        .service(beat)
        .service(postgres("hT4vZq8sKc1NyE6L"))
        .service(redis("pV2rXw7mUj5GbA9D"));
    Estate::of("vhs-wien").project(Project::named("courses").environment(production)).with_tokens()
}
