//! A Django site: local `DEBUG`, another secret key, a list of hosts, `SQLite` instead of Postgres.

use crate::io::sim::estate::{Environment, Estate, Project, SimService};
use crate::io::sim::seed::{Seed, postgres};

pub const SEED: Seed = Seed {
    name: "django",
    about: "a Django site with DEBUG, SECRET_KEY and ALLOWED_HOSTS",
    estate,
    files: &[(
        ".env",
        "\
DEBUG=True
SECRET_KEY='django-insecure-7k#u2(v0mz!q^x8r&w=b5n'
ALLOWED_HOSTS=localhost,127.0.0.1
DATABASE_URL=sqlite:///db.sqlite3
DJANGO_SETTINGS_MODULE=library.settings
EMAIL_URL=consolemail://
TIME_ZONE=Europe/Lisbon  # read by settings.py
",
    )],
};

fn estate() -> Estate {
    let production = Environment::named("production")
        .service(
            SimService::named("library")
                .repository("town-library/library")
                .start("gunicorn library.wsgi --bind 0.0.0.0:$PORT")
                .domain("library.up.railway.app")
                .variables(&[
                    ("ALLOWED_HOSTS", "${{RAILWAY_PUBLIC_DOMAIN}},healthcheck.railway.app"),
                    ("DATABASE_URL", "${{Postgres.DATABASE_URL}}"),
                    ("DEBUG", "False"),
                    ("DJANGO_SETTINGS_MODULE", "library.settings"),
                    ("EMAIL_URL", "smtp+tls://post:Wc9-ekT3@mail.town-library.dev:587"),
                    ("TIME_ZONE", "Europe/Lisbon"),
                ])
                .sealed("SECRET_KEY", "f$w1@9sj(d^3l)z7%k+q"),
        )
        .service(postgres("z0LvS4dGk8XhYt2C"));
    Estate::of("town-library").project(Project::named("library").environment(production)).with_tokens()
}
