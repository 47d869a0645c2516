use crate::drift::compare::backend::BackendKind::Bucket;
use crate::drift::compare::backend::tests::{assert_different, assert_none, assert_same};

const R2: &str = "https://4f1c9a77b2d04e554f1c9a77b2d04e55.r2.cloudflarestorage.com";

#[test]
fn spellings_of_one_bucket_lead_to_the_same_backend() {
    assert_same(
        Bucket,
        &[
            &[("BACKUP_TARGET", "s3://acme-uploads")],
            &[("BACKUP_TARGET", "s3a://acme-uploads/")],
            &[("URL", "https://acme-uploads.s3.amazonaws.com")],
            &[("URL", "https://acme-uploads.s3.eu-west-1.amazonaws.com/")],
            &[("URL", "https://acme-uploads.s3-eu-west-1.amazonaws.com")],
            &[("URL", "https://acme-uploads.s3.dualstack.eu-west-1.amazonaws.com")],
            &[("URL", "https://acme-uploads.s3-accelerate.amazonaws.com")],
            &[("URL", "https://s3.eu-west-1.amazonaws.com/acme-uploads")],
            &[("URL", "https://s3.amazonaws.com/acme-uploads/")],
            &[("S3_BUCKET", "acme-uploads")],
            &[("AWS_S3_BUCKET_NAME", "acme-uploads")],
            &[("UPLOADS_BUCKET", "acme-uploads")],
            &[("S3_BUCKET", "arn:aws:s3:::acme-uploads")],
            &[("S3_BUCKET", "s3://acme-uploads")],
            &[("S3_BUCKET", "acme-uploads"), ("S3_ENDPOINT", "https://s3.eu-west-1.amazonaws.com")],
        ],
    );
    assert_same(
        Bucket,
        &[
            &[("URL", "gs://acme-uploads")],
            &[("URL", "https://storage.googleapis.com/acme-uploads")],
            &[("URL", "https://acme-uploads.storage.googleapis.com")],
            &[("URL", "https://firebasestorage.googleapis.com/v0/b/acme-uploads")],
            &[("GCS_BUCKET", "acme-uploads"), ("S3_ENDPOINT", "https://s3.acme.dev")],
            &[("FIREBASE_STORAGE_BUCKET", "acme-uploads")],
        ],
    );
    let account = "4F1C9A77B2D04E554F1C9A77B2D04E55";
    assert_same(
        Bucket,
        &[
            &[("URL", "https://4f1c9a77b2d04e554f1c9a77b2d04e55.r2.cloudflarestorage.com/acme-uploads")],
            &[("URL", "https://acme-uploads.4f1c9a77b2d04e554f1c9a77b2d04e55.r2.cloudflarestorage.com")],
            &[("R2_BUCKET", "acme-uploads"), ("R2_ENDPOINT", R2)],
            &[("R2_BUCKET", "acme-uploads"), ("CLOUDFLARE_ACCOUNT_ID", account)],
            &[("S3_BUCKET", "acme-uploads"), ("AWS_ENDPOINT_URL_S3", R2)],
            &[("BUCKET", "acme-uploads"), ("ENDPOINT", R2)],
        ],
    );
    assert_same(
        Bucket,
        &[
            &[("URL", "https://acme-uploads.nyc3.digitaloceanspaces.com")],
            &[("URL", "https://nyc3.digitaloceanspaces.com/acme-uploads")],
            &[("SPACES_BUCKET", "acme-uploads"), ("SPACES_ENDPOINT", "nyc3.digitaloceanspaces.com")],
            &[("DO_BUCKET", "acme-uploads"), ("DO_ENDPOINT", "https://acme-uploads.nyc3.digitaloceanspaces.com")],
        ],
    );
    assert_same(
        Bucket,
        &[
            &[("URL", "https://acme.blob.core.windows.net/uploads")],
            &[("URL", "abfss://uploads@acme.dfs.core.windows.net/")],
            &[
                ("AZURE_STORAGE_CONNECTION_STRING", "DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=YQ=="),
                ("AZURE_STORAGE_CONTAINER", "uploads"),
            ],
        ],
    );
    assert_same(
        Bucket,
        &[
            &[("URL", "https://s3.eu-central-003.backblazeb2.com/acme-uploads")],
            &[("URL", "https://acme-uploads.s3.eu-central-003.backblazeb2.com")],
        ],
    );
}

#[test]
fn another_name_endpoint_or_directory_is_another_bucket() {
    assert_different(&[
        &[("S3_BUCKET", "acme-uploads")],
        &[("S3_BUCKET", "acme-uploads-staging")],
        &[("S3_BUCKET", "2026-acme-uploads")],
        &[("URL", "https://cdn.acme.dev.s3.amazonaws.com")],
        &[("S3_BUCKET", "acme-uploads"), ("S3_ENDPOINT", "https://s3.acme.dev")],
        &[("S3_BUCKET", "acme-uploads"), ("S3_ENDPOINT", "https://s3-staging.acme.dev")],
        &[("S3_BUCKET", "acme-uploads"), ("S3_ENDPOINT", "https://s3.acme.dev:9000")],
        &[("S3_BUCKET", "acme-uploads"), ("S3_PREFIX", "staging/")],
        &[("R2_BUCKET", "acme-uploads"), ("R2_ENDPOINT", R2)],
        &[("R2_BUCKET", "acme-uploads"), ("R2_ACCOUNT_ID", "one")],
        &[("GCS_BUCKET", "acme-uploads")],
        &[("URL", "s3://acme-uploads/production")],
        &[("URL", "https://acme-uploads.nyc3.digitaloceanspaces.com")],
        &[("URL", "https://acme-uploads.ams3.digitaloceanspaces.com")],
        &[("URL", "https://acme.blob.core.windows.net/acme-uploads")],
        &[("URL", "https://acme2.blob.core.windows.net/acme-uploads")],
        &[("INFLUX_BUCKET", "acme-uploads"), ("INFLUX_URL", "https://influx.acme.dev"), ("INFLUX_ORG", "one")],
        &[("INFLUX_BUCKET", "acme-uploads"), ("INFLUX_URL", "https://influx.acme.dev"), ("INFLUX_ORG", "two")],
    ]);
}

#[test]
fn endpoints_websites_and_files_are_no_buckets() {
    assert_none(&[
        &[("S3_ENDPOINT", "https://s3.eu-west-1.amazonaws.com")],
        &[("S3_ENDPOINT", "https://s3.amazonaws.com/")],
        &[("R2_ENDPOINT", R2)],
        &[("SPACES_ENDPOINT", "https://nyc3.digitaloceanspaces.com")],
        &[("GCS_ENDPOINT", "https://storage.googleapis.com")],
        &[("AZURE_ENDPOINT", "https://acme.blob.core.windows.net")],
        &[("URL", "https://acme.s3-website-eu-west-1.amazonaws.com")],
        &[("URL", "https://acme.nyc3.cdn.digitaloceanspaces.com")],
        &[("URL", "https://cdn.nyc3.digitaloceanspaces.com")],
        &[("URL", "https://d111111abcdef8.cloudfront.net")],
        &[("URL", "https://ec2-3-1-2-3.eu-west-1.compute.amazonaws.com")],
        &[("CDN_URL", "https://acme.s3.amazonaws.com")],
        &[("ASSETS_URL", "https://acme.s3.amazonaws.com")],
        &[("LOGO", "https://acme.s3.eu-west-1.amazonaws.com/logo.png")],
        &[("MODEL", "s3://acme-models/shop.onnx")],
        &[("URL", "https://storage.googleapis.com/acme-public/app.js")],
        &[("OPTIONS", "AccountName=acme;Level=info")],
    ]);
}

#[test]
fn other_settings_of_buckets_lead_nowhere() {
    assert_none(&[
        &[("RATE_LIMIT_BUCKET", "acme-uploads")],
        &[("TOKEN_BUCKET", "acme-uploads")],
        &[("HISTOGRAM_BUCKET", "acme-uploads")],
        &[("BUCKET_SIZE", "acme-uploads")],
        &[("S3_BUCKET_REGION", "eu-west-1")],
        &[("S3_BUCKET", "100")],
        &[("S3_BUCKET", "500ms")],
        &[("S3_BUCKET", "true")],
        &[("S3_BUCKET", "hour")],
        &[("S3_BUCKET", "My Bucket")],
        &[("S3_BUCKET", "-acme")],
        &[("S3_BUCKET", "a")],
        &[("S3_BUCKET", "")],
        &[("S3_BUCKET", "change-me")],
        &[("S3_BUCKET", "<bucket>")],
        &[("S3_BUCKET", "${{shared.S3_BUCKET}}")],
        &[("S3_BUCKET", "acme-uploads"), ("S3_ENDPOINT", "http://minio.railway.internal:9000")],
        &[("S3_BUCKET", "acme-uploads"), ("AWS_ENDPOINT_URL", "http://localhost:4566")],
        &[("S3_BUCKET", "acme-uploads"), ("S3_ENDPOINT", "${{MinIO.URL}}")],
        &[("S3_BUCKET", "acme-uploads"), ("S3_ENDPOINT", "ref+vault://prod.acme/s3#endpoint")],
        &[("INFLUX_BUCKET", "acme-uploads")],
        &[("BACKUP_TARGET", "s3://acme-uploads"), ("AWS_ENDPOINT_URL", "http://minio.railway.internal:9000")],
    ]);
}
