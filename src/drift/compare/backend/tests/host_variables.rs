use crate::drift::compare::backend::BackendKind::{Broker, Cache, Database};
use crate::drift::compare::backend::tests::{assert_different, assert_none, assert_same, found};

#[test]
fn host_and_url_of_one_database_lead_to_the_same_backend() {
    assert_same(
        Database,
        &[
            &[("DATABASE_URL", "postgres://app:s3cr3t@db.acme.dev:5432/shop")],
            &[("PGHOST", "db.acme.dev"), ("PGPORT", "5432"), ("PGDATABASE", "shop")],
            &[("PGHOST", "DB.acme.dev"), ("PGDATABASE", "shop"), ("POSTGRES_DB", "other")],
            &[("PGHOST", "db.acme.dev"), ("PGUSER", "shop")],
            &[("POSTGRES_HOST", "db.acme.dev"), ("POSTGRES_DB", "shop")],
            &[("DB_HOST", "db.acme.dev"), ("DB_PORT", "5432"), ("DB_NAME", "shop")],
            &[("DB_HOST", "db.acme.dev"), ("DB_PORT", "5432"), ("DB_USER", "shop")],
            &[("DB_HOST", "db.acme.dev"), ("DB_CONNECTION", "pgsql"), ("DB_DATABASE", "shop")],
            &[("DATABASE_HOST", "db.acme.dev:5432"), ("DATABASE_NAME", "shop")],
            &[("TYPEORM_HOST", "db.acme.dev"), ("TYPEORM_CONNECTION", "postgres"), ("TYPEORM_DATABASE", "shop")],
            &[("SHOP_DB_HOST", "db.acme.dev"), ("SHOP_DB_PORT", "5432"), ("SHOP_DB_NAME", "shop"), ("DB_NAME", "x")],
            &[("DB_HOST_READ", "db.acme.dev"), ("DB_PORT", "5432"), ("DB_NAME", "shop")],
            &[("DB_READ_HOST", "db.acme.dev"), ("DB_ENGINE", "django.db.backends.postgresql"), ("DB_NAME", "shop")],
            &[("db_host", "db.acme.dev"), ("db_port", "5432"), ("db_name", "shop")],
            &[("DATABASE_URL", "app:s3cr3t@db.acme.dev:5432/shop")],
            &[("DATABASE_URL", "shop:s3cr3t@db.acme.dev:5432")],
        ],
    );
    assert_same(
        Database,
        &[
            &[("DATABASE_URL", "mysql://app:s3cr3t@db.acme.dev/shop")],
            &[("MYSQLHOST", "db.acme.dev"), ("MYSQLPORT", "3306"), ("MYSQLDATABASE", "shop")],
            &[("MYSQL_HOST", "db.acme.dev"), ("MYSQL_DATABASE", "shop")],
            &[("WORDPRESS_DB_HOST", "db.acme.dev:3306"), ("WORDPRESS_DB_NAME", "shop")],
            &[("WORDPRESS_DB_HOST", "db.acme.dev"), ("WORDPRESS_DB_NAME", "shop")],
            &[("RDS_HOSTNAME", "db.acme.dev"), ("RDS_PORT", "3306"), ("RDS_DB_NAME", "shop")],
        ],
    );
    assert_same(
        Database,
        &[&[("MONGO_URL", "mongodb://db.acme.dev")], &[("MONGOHOST", "db.acme.dev"), ("MONGOPORT", "27017")]],
    );
    assert_same(
        Cache,
        &[
            &[("REDIS_URL", "redis://cache.acme.dev")],
            &[("REDIS_HOST", "cache.acme.dev")],
            &[("REDISHOST", "cache.acme.dev"), ("REDISPORT", "6379")],
            &[("SPRING_DATA_REDIS_HOST", "cache.acme.dev"), ("REDIS_DB", "0")],
            &[("REDIS_ADDR", "cache.acme.dev:6379")],
            &[("REDIS_CONNECTION_STRING", "cache.acme.dev:6379,password=s3cr3t,ssl=True")],
            &[("CACHE_HOST", "cache.acme.dev"), ("CACHE_DRIVER", "redis")],
            &[("REDIS_URL", "tcp://cache.acme.dev:6379")],
        ],
    );
    assert_same(
        Cache,
        &[
            &[("MEMCACHED_URL", "memcached://cache.acme.dev")],
            &[("CACHE_HOST", "cache.acme.dev"), ("CACHE_PORT", "11211")],
        ],
    );
    assert_same(
        Cache,
        &[
            &[("REDIS_URL", "rediss://acme.redis.cache.windows.net:6380")],
            &[("REDIS_HOST", "acme.redis.cache.windows.net"), ("REDIS_PORT", "6380")],
            &[("REDIS_CONNECTION_STRING", "acme.redis.cache.windows.net:6380,password=s3cr3t,ssl=True")],
        ],
    );
    assert_same(
        Broker,
        &[
            &[("AMQP_URL", "amqp://mq.acme.dev/shop")],
            &[("RABBITMQ_HOST", "mq.acme.dev"), ("RABBITMQ_VHOST", "shop")],
            &[("SPRING_RABBITMQ_HOST", "mq.acme.dev"), ("SPRING_RABBITMQ_VIRTUAL_HOST", "shop")],
        ],
    );
    assert_same(
        Broker,
        &[
            &[("KAFKA_URL", "kafka://mq.acme.dev:9092")],
            &[("KAFKA_BROKERS", "mq.acme.dev:9092")],
            &[("KAFKA_BOOTSTRAP_SERVERS", "mq.acme.dev")],
        ],
    );
}

#[test]
fn another_port_or_database_in_other_variables_is_another_backend() {
    assert_different(&[
        &[("DB_HOST", "db.acme.dev")],
        &[("DB_HOST", "db.acme.dev"), ("DB_NAME", "shop")],
        &[("DB_HOST", "db.acme.dev"), ("DB_NAME", "shop_staging")],
        &[("DB_HOST", "db.acme.dev"), ("DB_PORT", "6432"), ("DB_NAME", "shop")],
        &[("PGHOST", "db.acme.dev"), ("PGDATABASE", "shop")],
        &[("PGHOST", "db.acme.dev"), ("PGDATABASE", "shop_staging")],
        &[("PGHOST", "db.acme.dev"), ("PGPORT", "5433"), ("PGDATABASE", "shop")],
        &[("MYSQL_HOST", "db.acme.dev"), ("MYSQL_DATABASE", "shop")],
        &[("REDIS_HOST", "db.acme.dev")],
        &[("REDIS_HOST", "db.acme.dev"), ("REDIS_DB", "1")],
        &[("REDIS_HOST", "db.acme.dev"), ("REDIS_PORT", "6380")],
        &[("RABBITMQ_HOST", "db.acme.dev"), ("RABBITMQ_VHOST", "one")],
        &[("RABBITMQ_HOST", "db.acme.dev"), ("RABBITMQ_VHOST", "two")],
        &[("CACHE_HOST", "db.acme.dev")],
        &[("QUEUE_HOST", "db.acme.dev")],
    ]);
}

#[test]
fn settings_of_other_services_do_not_complete_an_address() {
    assert_same(
        Cache,
        &[
            &[("REDIS_HOST", "cache.acme.dev")],
            &[("REDIS_HOST", "cache.acme.dev"), ("DB_PORT", "5432"), ("DB_NAME", "shop"), ("PORT", "3000")],
            &[("SHOP_REDIS_HOST", "cache.acme.dev"), ("SHOP_PORT", "3000"), ("SHOP_NAME", "Shop")],
        ],
    );
    assert_same(
        Database,
        &[
            &[("ELASTICSEARCH_HOST", "es.acme.dev")],
            &[("ELASTICSEARCH_HOST", "es.acme.dev"), ("DB_NAME", "shop"), ("DB_PORT", "5432")],
        ],
    );
}

#[test]
fn each_host_of_a_list_counts() {
    for (key, value, count) in [
        ("KAFKA_BROKERS", "one.acme.dev:9092,two.acme.dev:9092", 2),
        ("KAFKA_BROKERS", "one.acme.dev:9092, two.acme.dev:9092, kafka.railway.internal:9092", 2),
        ("CASSANDRA_CONTACT_POINTS", "one.acme.dev;two.acme.dev", 2),
        ("MEMCACHED_SERVERS", "one.acme.dev two.acme.dev:11212", 2),
        ("KAFKA_BROKERS", "one.acme.dev and one other:x", 0),
    ] {
        assert_eq!(found(&[(key, value)]).len(), count, "{key}={value}");
    }
}

#[test]
fn hosts_of_other_services_lead_nowhere() {
    assert_none(&[
        &[("HOST", "db.acme.dev")],
        &[("HOSTNAME", "db.acme.dev")],
        &[("SMTP_HOST", "mail.acme.dev")],
        &[("API_HOST", "api.acme.dev")],
        &[("DATABASE_API_HOST", "api.acme.dev")],
        &[("DB_SSH_HOST", "bastion.acme.dev")],
        &[("PGADMIN_HOST", "pgadmin.acme.dev")],
        &[("DB_NAME", "db.acme.dev")],
        &[("DB_HOST", "postgres")],
        &[("DB_HOST", "postgres.railway.internal")],
        &[("DB_HOST", "10.1.2.3")],
        &[("DB_HOST", "/cloudsql/acme:europe-west1:shop")],
        &[("DB_HOST", "shop.sqlite")],
        &[("DB_HOST", "true")],
        &[("DATABASE_ADDRESS", "ada@acme.dev")],
        &[("DATABASE_URL", "db.acme.dev")],
        &[("REDIS_PORT", "6379")],
        &[("ALLOWED_HOSTS", "shop.acme.dev,www.acme.dev")],
        &[("SENTRY_HOST", "sentry.acme.dev")],
        &[("WORDPRESS_HOST", "blog.acme.dev")],
        &[("MAIL_QUEUE_HOST", "mail.acme.dev")],
    ]);
}
