//! One service, a database on localhost, Stripe test keys locally and live keys on Railway.

use crate::io::sim::estate::{Environment, Estate, Project, SimService};
use crate::io::sim::seed::{Seed, postgres};

pub const SEED: Seed = Seed {
    name: "node-shop",
    about: "one Node service, a local database, test keys locally and live keys on Railway",
    estate,
    files: &[(
        ".env",
        "\
NODE_ENV=development
PORT=3000
DATABASE_URL=\"postgres://shop:shop@localhost:5432/shop\"

# https://dashboard.stripe.com/test/apikeys
STRIPE_SECRET_KEY=sk_test_4f9.Vb2.shop
STRIPE_WEBHOOK_SECRET=whsec_91c.local.cli
SESSION_SECRET=keyboard-cat-at-home
SHOP_CURRENCY=EUR
",
    )],
};

fn estate() -> Estate {
    let production = Environment::named("production").service(postgres("oX3vR8yQmL1tGw6Z")).service(
        SimService::named("shop")
            .repository("corner-shop/shop")
            .start("node server.js")
            .domain("shop.up.railway.app")
            .variables(&[
                ("DATABASE_URL", "${{Postgres.DATABASE_URL}}"),
                ("NODE_ENV", "production"),
                ("PORT", "8080"),
                ("SESSION_SECRET", "b7Jw0aLhQ5nRzE2u"),
                ("SHOP_CURRENCY", "EUR"),
                ("STRIPE_SECRET_KEY", "sk_live_77a.Qm8.shop"),
                ("STRIPE_WEBHOOK_SECRET", "whsec_2d4.live.hook"),
            ]),
    );
    let staging = Environment::named("staging").service(postgres("t1KpZ6nWcX9sUe4B")).service(
        SimService::named("shop").repository("corner-shop/shop").start("node server.js").variables(&[
            ("DATABASE_URL", "${{Postgres.DATABASE_URL}}"),
            ("NODE_ENV", "production"),
            ("SESSION_SECRET", "Yk3sVd8fPq6xCm1T"),
            ("SHOP_CURRENCY", "EUR"),
            ("STRIPE_SECRET_KEY", "sk_test_4f9.Vb2.shop"),
        ]),
    );
    Estate::of("corner-shop")
        .project(Project::named("node-shop").environment(production).environment(staging))
        .with_tokens()
}
