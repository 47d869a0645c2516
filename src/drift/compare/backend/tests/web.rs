use crate::drift::compare::backend::BackendKind::{Broker, Cache, Database};
use crate::drift::compare::backend::tests::{assert_different, assert_none, assert_same};

#[test]
fn hosts_of_managed_databases_count_under_any_key() {
    assert_same(
        Cache,
        &[
            &[("KV_REST_API_URL", "https://quick-cat-1.upstash.io")],
            &[("KV_URL", "rediss://default:s3cr3t@quick-cat-1.upstash.io:6379")],
        ],
    );
    assert_same(
        Database,
        &[
            &[("NEXT_PUBLIC_SUPABASE_URL", "https://abcd.supabase.co")],
            &[("SUPABASE", "https://ABCD.supabase.co/rest/v1")],
        ],
    );
    assert_same(
        Database,
        &[&[("TURSO_DATABASE_URL", "libsql://shop-acme.turso.io")], &[("URL", "https://shop-acme.turso.io")]],
    );
    assert_same(Broker, &[&[("JOBS", "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs")]]);
    assert_different(&[
        &[("A", "https://shop-default-rtdb.firebaseio.com")],
        &[("A", "https://blog-default-rtdb.firebaseio.com/users")],
        &[("A", "https://shop.es.eu-west-1.aws.cloud.es.io:9243")],
        &[("A", "https://shop.es.eu-west-1.aws.cloud.es.io:9243/orders")],
        &[("A", "https://blog.es.eu-west-1.aws.elastic-cloud.com")],
        &[("A", "https://4f1c.eu-central.aws.cloud.qdrant.io:6333")],
        &[("A", "https://shop.weaviate.network")],
        &[("A", "https://happy-animal-1.convex.cloud")],
        &[("A", "https://search-shop-4f1c.eu-west-1.es.amazonaws.com")],
        &[("A", "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs-staging")],
    ]);
}

#[test]
fn key_may_say_that_a_url_is_of_a_backend() {
    assert_same(
        Database,
        &[
            &[("ELASTICSEARCH_URL", "https://elastic:s3cr3t@es.acme.dev:9200")],
            &[("ELASTICSEARCH_HOST", "http://es.acme.dev:9200/")],
            &[("ELASTIC_NODE", "es.acme.dev")],
            &[("BONSAI_URL", "https://app:s3cr3t@es.acme.dev:9200")],
            &[("SEARCHBOX_URL", "https://app:s3cr3t@es.acme.dev:9200")],
            &[("SEARCH_ES_OPENSEARCH_URL", "elasticsearch://es.acme.dev")],
        ],
    );
    assert_same(
        Database,
        &[
            &[("CLICKHOUSE_URL", "https://app:s3cr3t@ch.acme.dev:8443/shop")],
            &[("CLICKHOUSE_URL", "http://ch.acme.dev:8123?database=shop")],
            &[("CLICKHOUSE_URL", "clickhouse://ch.acme.dev:9440/shop")],
            &[("CLICKHOUSE_HOST", "ch.acme.dev:9000"), ("CLICKHOUSE_DB", "shop")],
        ],
    );
    assert_different(&[
        &[("MEILISEARCH_HOST", "https://search.acme.dev")],
        &[("MEILISEARCH_HOST", "http://search.acme.dev")],
        &[("MEILISEARCH_HOST", "https://search.acme.dev/staging")],
        &[("MEILISEARCH_HOST", "https://search.acme.dev"), ("MEILISEARCH_INDEX", "orders")],
        &[("TYPESENSE_URL", "https://search.acme.dev:8108")],
        &[("QDRANT_API_URL", "https://search.acme.dev:6333")],
        &[("CLICKHOUSE_URL", "https://search.acme.dev:8443?database=shop")],
        &[("CLICKHOUSE_URL", "https://search.acme.dev:8443")],
        &[("SEARCH_URL", "clickhouse://search.acme.dev:9001")],
        &[("DATABASE_URL", "https://db.acme.dev")],
        &[("SUPABASE_URL", "https://supabase.acme.dev")],
        &[("ELASTICSEARCH_URL", "https://search.acme.dev:8443")],
        &[("ELASTICSEARCH_URL", "https://search.acme.dev:9000")],
    ]);
}

#[test]
fn websites_and_apis_are_no_backends() {
    assert_none(&[
        &[("API_URL", "https://api.acme.dev")],
        &[("API_URL", "https://4f1c9a.execute-api.eu-west-1.amazonaws.com/prod/orders")],
        &[("SITE_URL", "https://acme.dev")],
        &[("LOGIN_URL", "https://login.acme.dev/oauth2")],
        &[("STRIPE_API_URL", "https://api.stripe.com/v1")],
        &[("CDN_URL", "https://cdn.acme.dev")],
        &[("WEBHOOK_URL", "https://hooks.slack.com/services/T024BE7LD/B0A1/kV93xTzLq0PwMn72RbYcJd5S")],
        &[("SENTRY_DSN", "https://4f1c9a77b2d04e554f1c9a77b2d04e55@o1.ingest.sentry.io/2")],
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://otel.acme.dev:4318")],
        &[("IMDB_URL", "https://www.imdb.com")],
        &[("DATABASE_API_URL", "https://api.acme.dev")],
        &[("CACHE_URL", "https://cache.acme.dev")],
        &[("BROKER_URL", "https://broker.acme.dev")],
        &[("KAFKA_UI_URL", "https://kafka.acme.dev")],
        &[("ELASTIC_APM_SERVER_URL", "https://apm.acme.dev")],
        &[("SUPABASE_AUTH_URL", "https://auth.acme.dev")],
        &[("SQL_EDITOR_URL", "https://sql.acme.dev")],
        &[("RABBITMQ_MANAGEMENT_URL", "https://rabbit.acme.dev")],
        &[("WORDPRESS_URL", "https://blog.acme.dev")],
        &[("REDIS_INSIGHT_URL", "https://redis.acme.dev")],
        &[("DB_ADMIN_URL", "https://admin.acme.dev")],
        &[("MONGODB_DOCS_URL", "https://docs.acme.dev")],
        &[("DATABASE_WEBHOOK_URL", "https://hooks.acme.dev")],
        &[("GEOIP_DB_URL", "https://files.acme.dev/GeoLite2.mmdb")],
        &[("DATABASE_SEED_URL", "https://files.acme.dev/seed.sql")],
        &[("DATABASE_NAME", "https://db.acme.dev")],
        &[("ELASTICSEARCH_URL", "http://elasticsearch:9200")],
        &[("ELASTICSEARCH_URL", "http://es.railway.internal:9200")],
        &[("ELASTICSEARCH_URL", "http://localhost:9200")],
        &[("QSTASH_URL", "https://qstash.upstash.io")],
        &[("SUPABASE_AUTH_CALLBACK_URL", "https://abcd.supabase.co/auth/v1/callback")],
        &[("LOGO", "https://abcd.supabase.co/storage/v1/object/public/logo.png")],
        &[("URL", "https://supabase.co")],
        &[("URL", "https://console.clickhouse.cloud")],
        &[("URL", "https://cloud.qdrant.io")],
        &[("KIBANA_URL", "https://shop.kb.eu-west-1.aws.elastic-cloud.com")],
        &[("SQS_ENDPOINT", "https://sqs.eu-west-1.amazonaws.com")],
    ]);
}
