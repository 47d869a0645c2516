use crate::drift::compare::backend::BackendKind::{Broker, Cache, Database};
use crate::drift::compare::backend::tests::{assert_different, assert_none, assert_same, found};

#[test]
fn spellings_of_one_address_lead_to_the_same_backend() {
    assert_same(
        Database,
        &[
            &[("DATABASE_URL", "postgres://app:s3cr3t@db.acme.dev/shop")],
            &[("DATABASE_URL", "postgresql://other:0th3r@DB.acme.dev:5432/shop?sslmode=require")],
            &[("DATABASE_URL", "postgresql+asyncpg://db.acme.dev./shop/")],
            &[("DATABASE_URL", "postgres://app:s3cr3t@db%2Eacme.dev/shop")],
            &[("DATABASE_URLS", "[\"postgres://db.acme.dev/shop\", \"postgres://other@db.acme.dev/shop\"]")],
            &[("DATABASE_URL", "postgres+psycopg2://app:p/ss@w?rd@db.acme.dev/shop")],
            &[("DATABASE_URL", "postgres://db.acme.dev/sh%6Fp?schema=public")],
            &[("DATABASE_URL", " \"postgres://db.acme.dev/shop\" ")],
            &[("DATABASE_URL", "postgres:///shop?host=db.acme.dev")],
            &[("DATABASE_URL", "postgres:///shop?host=db.acme.dev&port=5432")],
            &[("DATABASE_URL", "postgres://db.acme.dev/shop?options=-c%20statement_timeout%3D5")],
            &[("DATABASE_URL", "postgres://shop:s3cr3t@db.acme.dev")],
            &[("DATABASE_URL", "prisma+postgres://db.acme.dev/shop")],
            &[("CELERY_RESULT_BACKEND", "db+postgresql://app:s3cr3t@db.acme.dev/shop")],
            &[("SPRING_DATASOURCE_URL", "jdbc:postgresql://db.acme.dev:5432/shop?user=app&password=s3cr3t")],
            &[("SPRING_R2DBC_URL", "r2dbc:postgresql://db.acme.dev/shop")],
            &[("DATABASE_DSN", "host=db.acme.dev port=5432 dbname=shop user=app password=s3cr3t")],
            &[("DATABASE_DSN", "host='db.acme.dev' dbname='shop'")],
            &[("DSN", "host=db.acme.dev port=5432 user=shop password=s3cr3t")],
            &[("DB", "Host=db.acme.dev;Port=5432;Database=shop;Username=app;Password=s3cr3t")],
            &[("NAME", "postgres://app@db.acme.dev/shop")],
        ],
    );
    assert_same(
        Database,
        &[
            &[("DATABASE_URL", "mysql://app:s3cr3t@db.acme.dev/shop")],
            &[("DATABASE_URL", "mysql2://db.acme.dev:3306/shop?pool=5")],
            &[("DATABASE_URL", "mariadb+pymysql://db.acme.dev/shop")],
            &[("DATABASE_URL", "jdbc:mysql://db.acme.dev/shop?useSSL=true")],
            &[("DSN", "app:s3cr3t@tcp(db.acme.dev:3306)/shop?parseTime=true")],
            &[("MYSQL_CONNECTION", "Server=db.acme.dev;Port=3306;Database=shop;Uid=app;Pwd=s3cr3t")],
            &[("MYSQL_CONNECTION_STRING", "Server=db.acme.dev;Database=shop;Uid=app;Pwd=s3cr3t")],
            &[("ConnectionStrings__Default", "Server=db.acme.dev;Database=shop;Uid=app;Pwd=s3cr3t")],
        ],
    );
    assert_same(
        Database,
        &[
            &[("DATABASE_URL", "sqlserver://sa:s3cr3t@db.acme.dev?database=shop")],
            &[("DATABASE_URL", "mssql://db.acme.dev:1433/shop")],
            &[("DATABASE_URL", "jdbc:sqlserver://db.acme.dev:1433;databaseName=shop;encrypt=true")],
            &[(
                "ConnectionStrings__Default",
                "Server=tcp:db.acme.dev,1433;Initial Catalog=shop;User ID=sa;Password=s3cr3t",
            )],
            &[("ConnectionStrings__Default", "Data Source=db.acme.dev;Initial Catalog=shop;Integrated Security=true")],
            &[(
                "ConnectionStrings__Default",
                "Driver={ODBC Driver 17 for SQL Server};Server=db.acme.dev;Database=shop;Uid=sa;Pwd=s3cr3t",
            )],
        ],
    );
    assert_same(
        Database,
        &[
            &[("ORACLE_URL", "jdbc:oracle:thin:@db.acme.dev:1521:shop")],
            &[("ORACLE_URL", "jdbc:oracle:thin:@//db.acme.dev:1521/shop")],
            &[("ORACLE_URL", "oracle://app:s3cr3t@db.acme.dev/shop")],
        ],
    );
    assert_same(
        Cache,
        &[
            &[("REDIS_URL", "redis://default:s3cr3t@cache.acme.dev")],
            &[("REDIS_URL", "rediss://cache.acme.dev:6379/0")],
            &[("REDIS_URL", "rediss://cache.acme.dev:6380/0")],
            &[("REDIS_URL", "redis://cache.acme.dev/?db=0")],
            &[("REDIS_URL", "valkey://:s3cr3t@cache.acme.dev/0")],
            &[("CELERY_BROKER_URL", "redis://cache.acme.dev:6379/0")],
        ],
    );
    assert_same(
        Broker,
        &[
            &[("AMQP_URL", "amqp://app:s3cr3t@mq.acme.dev")],
            &[("AMQP_URL", "amqp://mq.acme.dev/")],
            &[("AMQP_URL", "amqp://mq.acme.dev:5672/%2F?heartbeat=30")],
            &[("AMQP_URL", "amqps://mq.acme.dev:5671")],
        ],
    );
    assert_same(
        Database,
        &[
            &[("MONGODB_URI", "mongodb+srv://app:s3cr3t@cluster0.ab12.mongodb.net/shop?retryWrites=true")],
            &[("MONGO_URL", "mongodb+srv://other@Cluster0.ab12.mongodb.net/shop")],
        ],
    );
}

#[test]
fn another_host_port_or_database_is_another_backend() {
    assert_different(&[
        &[("DATABASE_URL", "postgres://app:s3cr3t@db.acme.dev/shop")],
        &[("DATABASE_URL", "postgres://app:s3cr3t@db.acme.dev/shop_staging")],
        &[("DATABASE_URL", "postgres://app:s3cr3t@db.acme.dev:5433/shop")],
        &[("DATABASE_URL", "postgres://app:s3cr3t@db2.acme.dev/shop")],
        &[("DATABASE_URL", "postgres://app:s3cr3t@db.acme.dev")],
        &[("DATABASE_URL", "postgres://app:s3cr3t@db.acme.dev/shop?schema=staging")],
        &[("DATABASE_URL", "postgres://app:s3cr3t@db.acme.dev/shop?options=-c%20search_path%3Dstaging")],
        &[("DATABASE_URL", "postgres://app:s3cr3t@db.acme.dev/shop?options=--cluster%3Dshop-12")],
        &[("DATABASE_URL", "postgres:///shop?host=db.acme.dev&port=5434")],
        &[("DATABASE_DSN", "host=db.acme.dev port=5435 dbname=shop")],
        &[("DATABASE_URL", "mysql://app:s3cr3t@db.acme.dev/shop")],
        &[("DATABASE_URL", "mysql://app:s3cr3t@db.acme.dev")],
        &[("DATABASE_URL", "postgres://app:s3cr3t@8.8.8.8/shop")],
        &[("DATABASE_URL", "postgres://app:s3cr3t@[2001:db8::1]:5432/shop")],
        &[("DATABASE_URL", "clickhouse://app:s3cr3t@db.acme.dev/shop")],
        &[("DATABASE_URL", "cassandra://db.acme.dev/shop")],
        &[("DATABASE_URL", "neo4j+s://db.acme.dev/shop")],
        &[("DATABASE_URL", "cockroachdb://db.acme.dev/shop")],
        &[("DATABASE_URL", "couchbase://db.acme.dev/shop")],
        &[("DATABASE_DSN", "host=db.acme.dev dbname=blog")],
        &[("DSN", "app:s3cr3t@tcp(db.acme.dev:3306)/blog")],
        &[("PUBLIC_URL", "postgres://app@roundhouse.proxy.rlwy.net:41001/railway")],
        &[("PUBLIC_URL", "postgres://app@roundhouse.proxy.rlwy.net:41002/railway")],
    ]);
    assert_different(&[
        &[("REDIS_URL", "redis://cache.acme.dev")],
        &[("REDIS_URL", "redis://cache.acme.dev/1")],
        &[("REDIS_URL", "redis://cache.acme.dev:6380")],
        &[("REDIS_URL", "rediss://cache.acme.dev:7000")],
        &[("MEMCACHED_URL", "memcached://cache.acme.dev")],
        &[("AMQP_URL", "amqp://mq.acme.dev")],
        &[("AMQP_URL", "amqp://mq.acme.dev/shop")],
        &[("NATS_URL", "nats://mq.acme.dev")],
        &[("STOMP_URL", "stomp://mq.acme.dev")],
        &[("MQTT_URL", "mqtt://mq.acme.dev")],
        &[("BUS", "Endpoint=sb://acme.servicebus.windows.net/;SharedAccessKeyName=a;SharedAccessKey=b")],
        &[("BUS", "Endpoint=sb://acme.servicebus.windows.net/;SharedAccessKeyName=a;SharedAccessKey=b;EntityPath=c")],
        &[("COSMOS", "AccountEndpoint=https://shop.documents.azure.com:443/;AccountKey=YQ==")],
        &[("COSMOS", "AccountEndpoint=https://shop.documents.azure.com:443/;AccountKey=YQ==;Database=orders")],
    ]);
}

#[test]
fn each_host_of_a_cluster_counts() {
    for (value, count) in [
        ("mongodb://app:s3cr3t@one.acme.dev:27017,two.acme.dev,three.acme.dev:27018/shop?replicaSet=rs0", 3),
        ("mongodb://one.acme.dev,mongo-2.railway.internal/shop", 1),
        ("kafka://one.acme.dev:9092,two.acme.dev:9092", 2),
        ("nats://one.acme.dev:4222,nats://two.acme.dev:4222", 2),
        ("amqp://one.acme.dev;amqp://two.acme.dev", 2),
        ("redis://one.acme.dev:6379 redis://one.acme.dev", 1),
    ] {
        assert_eq!(found(&[("URL", value)]).len(), count, "{value}");
    }
    let one = found(&[("URL", "mongodb://one.acme.dev,two.acme.dev/shop")]);
    let other = found(&[("URL", "mongodb://two.acme.dev:27017,three.acme.dev/shop")]);
    assert_eq!(one.iter().filter(|backend| other.contains(backend)).count(), 1);
}

#[test]
fn private_and_local_hosts_never_count() {
    assert_none(&[
        &[("DATABASE_URL", "postgres://app:s3cr3t@postgres.railway.internal:5432/railway")],
        &[("DATABASE_URL", "postgres://app:s3cr3t@localhost:5432/shop")],
        &[("DATABASE_URL", "postgres://app:s3cr3t@127.0.0.1/shop")],
        &[("DATABASE_URL", "postgres://app:s3cr3t@[::1]:5432/shop")],
        &[("DATABASE_URL", "postgres://app:s3cr3t@[fd12:3456::1]:5432/shop")],
        &[("DATABASE_URL", "postgres://app:s3cr3t@10.0.0.5/shop")],
        &[("DATABASE_URL", "postgres://app:s3cr3t@db/shop")],
        &[("DATABASE_URL", "postgres://app:s3cr3t@db.local/shop")],
        &[("DATABASE_URL", "postgres://app:s3cr3t@db.shop.svc.cluster.local/shop")],
        &[("DATABASE_URL", "postgres:///shop?host=/var/run/postgresql")],
        &[("DATABASE_URL", "postgres://%2Fvar%2Frun%2Fpostgresql/shop")],
        &[("DATABASE_URL", "postgres:///shop")],
        &[("DATABASE_URL", "prisma+postgres://localhost:51213/?api_key=abc")],
        &[("DATABASE_URL", "jdbc:tc:postgresql:16://db.acme.dev/shop")],
        &[("REDIS_URL", "redis+socket://cache.acme.dev/redis.sock")],
        &[("DATABASE_DSN", "host=localhost port=5432 dbname=shop")],
        &[("DATABASE_URL", "sqlite:///data/shop.db")],
        &[("DATABASE_URL", "file:./shop.db")],
        &[("DSN", "app:s3cr3t@tcp(mysql:3306)/shop")],
        &[("BUS", "Endpoint=sb://localhost;SharedAccessKeyName=a;SharedAccessKey=b")],
    ]);
}

#[test]
fn other_schemes_lead_nowhere() {
    assert_none(&[
        &[("SMTP_URL", "smtp://app:s3cr3t@mail.acme.dev:587")],
        &[("MAILER_DSN", "smtps://mail.acme.dev")],
        &[("GIT_URL", "ssh://git@git.acme.dev/acme/shop")],
        &[("LDAP_URL", "ldaps://ldap.acme.dev")],
        &[("GRPC_URL", "grpc://api.acme.dev")],
        &[("SYSLOG_URL", "syslog://logs.acme.dev")],
        &[("APP_LINK", "shop://callback.acme.dev")],
        &[("LOG_OPTIONS", "host=logs.acme.dev level=info")],
        &[("LOG_OPTIONS", "host=logs.acme.dev port=9000")],
        &[("LOG_OPTIONS", "Server=logs.acme.dev;Level=info")],
        &[("METRICS", "Endpoint=https://metrics.acme.dev/;AccessKey=b")],
    ]);
}

#[test]
fn database_of_a_url_may_be_in_another_variable() {
    let url = "mongodb+srv://app:s3cr3t@cluster0.ab12.mongodb.net/?retryWrites=true";
    assert_same(
        Database,
        &[
            &[("MONGODB_URI", "mongodb+srv://cluster0.ab12.mongodb.net/shop")],
            &[("MONGODB_URI", url), ("MONGODB_DATABASE", "shop")],
            &[("MONGODB_URI", url), ("MONGO_DB_NAME", "shop")],
            &[("MONGODB_URI", url), ("DB_NAME", "shop")],
            &[("MONGODB_URI", "mongodb+srv://cluster0.ab12.mongodb.net/shop"), ("DB_NAME", "other")],
        ],
    );
    assert_different(&[
        &[("MONGODB_URI", url)],
        &[("MONGODB_URI", url), ("DB_NAME", "shop")],
        &[("MONGODB_URI", url), ("DB_NAME", "shop_staging")],
    ]);
    // The name belongs to the database on that host.
    assert_same(
        Database,
        &[
            &[("MONGODB_URI", url)],
            &[("MONGODB_URI", url), ("DB_HOST", "db.acme.dev"), ("DB_NAME", "shop")],
            &[("MONGODB_URI", url), ("APP_NAME", "Shop")],
        ],
    );
    assert_different(&[
        &[("REDIS_URL", "redis://cache.acme.dev"), ("REDIS_DB", "1")],
        &[("REDIS_URL", "redis://cache.acme.dev")],
    ]);
}

#[test]
fn pooled_and_direct_hosts_are_those_of_one_database() {
    assert_same(
        Database,
        &[
            &[("DATABASE_URL", "postgres://app:s3cr3t@ep-cool-1.eu-west-2.aws.neon.tech/shop")],
            &[("DATABASE_URL", "postgres://app:s3cr3t@ep-cool-1-pooler.eu-west-2.aws.neon.tech/shop")],
        ],
    );
    assert_same(
        Database,
        &[
            &[("DATABASE_URL", "postgres://postgres:s3cr3t@db.abcd.supabase.co:5432/postgres")],
            &[(
                "DATABASE_URL",
                "postgres://postgres.abcd:s3cr3t@aws-0-eu-west-1.pooler.supabase.com:6543/postgres?pgbouncer=true",
            )],
            &[("SUPABASE_URL", "https://abcd.supabase.co")],
        ],
    );
}

#[test]
fn user_selects_the_database_on_a_shared_host() {
    assert_different(&[
        &[("DATABASE_URL", "postgres://postgres.abcd:s3cr3t@aws-0-eu-west-1.pooler.supabase.com:6543/postgres")],
        &[("DATABASE_URL", "postgres://postgres.efgh:s3cr3t@aws-0-eu-west-1.pooler.supabase.com:6543/postgres")],
        &[("DATABASE_URL", "mysql://one:s3cr3t@aws.connect.psdb.cloud/shop")],
        &[("DATABASE_URL", "mysql://two:s3cr3t@aws.connect.psdb.cloud/shop")],
        &[("DSN", "three:s3cr3t@tcp(aws.connect.psdb.cloud:3306)/shop")],
        &[("DATABASE_URL", "https://four:s3cr3t@aws.connect.psdb.cloud/shop")],
        &[("DATABASE_URL", "postgres://one:s3cr3t@db.prisma.io:5432/postgres")],
        &[("DATABASE_URL", "postgres://two:s3cr3t@db.prisma.io:5432/postgres")],
        &[("DATABASE_URL", "prisma://accelerate.prisma-data.net/?api_key=one")],
        &[("DATABASE_URL", "prisma+postgres://accelerate.prisma-data.net/?api_key=two")],
        &[("KAFKA_BROKERS", "pkc-1.eu-west-1.aws.confluent.cloud:9092"), ("KAFKA_API_KEY", "one")],
        &[("KAFKA_BROKERS", "pkc-1.eu-west-1.aws.confluent.cloud:9092"), ("KAFKA_API_KEY", "two")],
    ]);
    assert_same(
        Database,
        &[
            &[("DATABASE_URL", "prisma://accelerate.prisma-data.net/?api_key=one")],
            &[("DATABASE_URL", "prisma+postgres://accelerate.prisma-data.net?pool=1&api_key=one")],
        ],
    );
    // It is unknown whose they are.
    assert_none(&[
        &[("KAFKA_BROKERS", "pkc-1.eu-west-1.aws.confluent.cloud:9092")],
        &[("DB_HOST", "aws.connect.psdb.cloud")],
    ]);
}

#[test]
fn prisma_key_is_not_part_of_the_address() {
    let found = found(&[("DATABASE_URL", "prisma://accelerate.prisma-data.net/?api_key=s3cr3t")]);
    assert!(!found[0].address.contains("s3cr3t"));
}
