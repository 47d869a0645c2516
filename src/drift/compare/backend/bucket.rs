//! Buckets of object stores: by URL, or by name next to the endpoint of the store.

use crate::drift::compare::backend::host::{HostAndPort, public_host};
use crate::drift::compare::backend::parameters::Parameters;
use crate::drift::compare::backend::siblings::Siblings;
use crate::drift::compare::backend::url::Url;
use crate::drift::compare::backend::{Backend, BackendKind};
use crate::drift::indirect::is_indirect;
use crate::drift::placeholder::is_placeholder;
use crate::drift::secret_like::name_parts;

/// The endpoints of stores in which the name of a bucket is unique, whatever its region.
const AWS: &str = "s3.amazonaws.com";
const GOOGLE: &str = "storage.googleapis.com";

/// Where an endpoint ends and the name of a bucket begins in a host, from the right.
enum Layout {
    /// The endpoint has this number of labels before the domain.
    Labels(usize),
    /// The endpoint begins with the label `s3`.
    FromS3,
}

/// The domains of object stores.
const STORES: &[(&str, Layout)] = &[
    ("amazonaws.com", Layout::FromS3),
    ("amazonaws.com.cn", Layout::FromS3),
    ("backblazeb2.com", Layout::FromS3),
    ("wasabisys.com", Layout::FromS3),
    ("scw.cloud", Layout::FromS3),
    ("eu.r2.cloudflarestorage.com", Layout::Labels(1)),
    ("r2.cloudflarestorage.com", Layout::Labels(1)),
    ("digitaloceanspaces.com", Layout::Labels(1)),
    ("linodeobjects.com", Layout::Labels(1)),
    ("vultrobjects.com", Layout::Labels(1)),
    ("your-objectstorage.com", Layout::Labels(1)),
    ("blob.core.windows.net", Layout::Labels(1)),
    ("dfs.core.windows.net", Layout::Labels(1)),
    ("storage.googleapis.com", Layout::Labels(0)),
    ("storage.cloud.google.com", Layout::Labels(0)),
    ("firebasestorage.googleapis.com", Layout::Labels(0)),
    ("storage.railway.app", Layout::Labels(0)),
    ("fly.storage.tigris.dev", Layout::Labels(0)),
    ("t3.storage.dev", Layout::Labels(0)),
];

/// Words of keys for buckets that are not those of an object store: of a rate limiter, of a histogram.
const OTHER_BUCKETS: [&str; 12] = [
    "EXPERIMENT",
    "HISTOGRAM",
    "LEAKY",
    "LIMIT",
    "LIMITER",
    "METRIC",
    "METRICS",
    "RATE",
    "THROTTLE",
    "TIME",
    "TOKEN",
    "TOKENS",
];

/// Values that are settings, although they could be names of buckets.
const SETTINGS: [&str; 20] = [
    "auto",
    "bucket",
    "bucket-name",
    "daily",
    "day",
    "default",
    "disabled",
    "enabled",
    "false",
    "hour",
    "hourly",
    "memory",
    "minute",
    "month",
    "none",
    "null",
    "second",
    "true",
    "undefined",
    "week",
];

/// Keys for the endpoint of the only object store of a program.
const ENDPOINTS: [&str; 10] = [
    "S3_ENDPOINT",
    "S3_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT",
    "AWS_S3_ENDPOINT",
    "AWS_S3_ENDPOINT_URL",
    "BUCKET_ENDPOINT",
    "STORAGE_ENDPOINT",
    "MINIO_ENDPOINT",
];

/// Last words of keys for an endpoint, for the server of an engine with buckets, and for a directory in a bucket.
const ENDPOINT_KEYS: [&str; 4] = ["ENDPOINT", "ENDPOINT_URL", "ENDPOINT_URL_S3", "BUCKET_ENDPOINT"];
const SERVER_KEYS: [&str; 4] = ["URL", "HOST", "SERVER_URL", "CONNECTION_STRING"];
const PREFIX_KEYS: [&str; 6] = ["PREFIX", "KEY_PREFIX", "PATH_PREFIX", "FOLDER", "BUCKET_PREFIX", "BUCKET_FOLDER"];

/// An object store, and the bucket if the host names it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Store {
    endpoint: String,
    bucket: Option<String>,
}

impl Store {
    /// Returns the store of a host; `None` if the host is not that of an object store.
    pub(super) fn parse(host: &str) -> Option<Self> {
        let (before, domain, layout) = STORES.iter().find_map(|(domain, layout)| {
            let before = host.strip_suffix(domain)?;
            (before.is_empty() || before.ends_with('.')).then(|| (before.trim_end_matches('.'), *domain, layout))
        })?;
        let labels: Vec<&str> = before.split('.').filter(|label| !label.is_empty()).collect();
        let at = match layout {
            Layout::Labels(count) => labels.len().checked_sub(*count)?,
            Layout::FromS3 => labels.iter().rposition(|label| is_s3_label(label))?,
        };
        // Copies on a content delivery network are for reading.
        if labels[at..].contains(&"cdn") || (domain == "digitaloceanspaces.com" && labels.contains(&"cdn")) {
            return None;
        }
        let bucket = Some(labels[..at].join(".")).filter(|bucket| !bucket.is_empty());
        Some(Self { endpoint: endpoint(&labels[at..], domain), bucket })
    }
}

/// Returns true for `s3` and `s3-eu-west-1`, but not for a website of a bucket or an access point.
fn is_s3_label(label: &str) -> bool {
    label == "s3"
        || label.strip_prefix("s3-").is_some_and(|rest| {
            !["website", "control", "accesspoint", "object", "outposts"].iter().any(|other| rest.starts_with(other))
        })
}

/// Returns the endpoint without region, if the names of buckets are unique in all regions.
fn endpoint(labels: &[&str], domain: &str) -> String {
    match domain {
        "amazonaws.com" => AWS.to_owned(),
        "storage.cloud.google.com" | "firebasestorage.googleapis.com" => GOOGLE.to_owned(),
        "dfs.core.windows.net" => format!("{}.blob.core.windows.net", labels.join(".")),
        domain if labels.is_empty() => domain.to_owned(),
        domain => format!("{}.{domain}", labels.join(".")),
    }
}

/// Returns the bucket of a URL whose host is that of the store; `None` if it names none.
pub(super) fn from_url(store: &Store, url: &Url<'_>) -> Option<Backend> {
    let path = url.path().unwrap_or_default();
    if let Some(bucket) = &store.bucket {
        return Some(backend(&store.endpoint, bucket, &path));
    }
    // `https://firebasestorage.googleapis.com/v0/b/BUCKET/o/…`
    let path = path.strip_prefix("v0/b/").unwrap_or(&path);
    let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
    is_name(bucket).then(|| backend(&store.endpoint, bucket, prefix))
}

/// Returns the bucket of `s3://bucket/prefix`; `None` for another scheme.
pub(super) fn from_uri(url: &Url<'_>, siblings: &Siblings<'_, '_>) -> Option<Backend> {
    let path = url.path().unwrap_or_default();
    let is_bucket = is_name(url.hosts) && !url.names_file();
    match url.scheme.as_str() {
        "s3" | "s3a" | "s3n" => {
            sibling_endpoint(siblings).filter(|_| is_bucket).map(|endpoint| backend(&endpoint, url.hosts, &path))
        }
        "gs" | "gcs" => is_bucket.then(|| backend(GOOGLE, url.hosts, &path)),
        // `wasbs://CONTAINER@ACCOUNT.blob.core.windows.net/prefix`
        "wasb" | "wasbs" | "abfs" | "abfss" => {
            let store = Store::parse(&public_host(url.hosts)?)?;
            url.user().filter(|_| !url.names_file()).map(|container| backend(&store.endpoint, &container, &path))
        }
        _ => None,
    }
}

/// Returns the bucket of a key such as `S3_BUCKET`, if the text may be its name. The endpoint of its store is in another
/// variable; a bucket in a private network does not count.
pub(super) fn from_name(text: &str, siblings: &Siblings<'_, '_>) -> Option<Backend> {
    if !siblings.key.to_ascii_uppercase().contains("BUCKET") {
        return None;
    }
    let words = name_parts(siblings.key);
    let name = text.strip_prefix("arn:aws:s3:::").unwrap_or(text);
    if !is_bucket_key(&words) || !is_name(name) || is_placeholder(name) {
        return None;
    }
    let has = |names: &[&str]| words.iter().any(|word| names.contains(&word.as_str()));
    let endpoint = if has(&["FIREBASE", "GCLOUD", "GCP", "GCS", "GOOGLE"]) {
        GOOGLE.to_owned()
    } else {
        sibling_endpoint(siblings)?
    };
    let prefix = siblings.first(&siblings.beginnings(), &PREFIX_KEYS).unwrap_or_default();
    Some(backend(&endpoint, name, prefix.trim_matches('/')))
}

/// Returns the container of `AccountName=…;AccountKey=…`, or the account if no other variable names the container.
pub(super) fn from_account(parameters: &Parameters<'_>, siblings: &Siblings<'_, '_>) -> Option<Backend> {
    let account = parameters.value(&["accountname"])?;
    parameters.value(&["accountkey", "sharedaccesssignature"])?;
    let container = siblings.first(&siblings.beginnings(), &["CONTAINER", "CONTAINER_NAME"]).unwrap_or_default();
    let host = public_host(&format!("{account}.blob.core.windows.net"))?;
    Some(backend(&host, container, ""))
}

fn backend(endpoint: &str, bucket: &str, prefix: &str) -> Backend {
    Backend::new(BackendKind::Bucket, format!("{endpoint}/{bucket}/{prefix}"))
}

fn is_bucket_key(words: &[String]) -> bool {
    let is_for_name = matches!(
        words.iter().map(String::as_str).collect::<Vec<_>>().as_slice(),
        [.., "BUCKET" | "BUCKETNAME"] | [.., "BUCKET", "NAME" | "ID"]
    );
    is_for_name && !words.iter().any(|word| OTHER_BUCKETS.contains(&word.as_str()))
}

fn is_name(text: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b'_');
    let is_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let letters = text.bytes().filter(u8::is_ascii_lowercase).count();
    (3..=222).contains(&text.len())
        && text.bytes().all(is_sign)
        && is_end(text.as_bytes().first())
        && is_end(text.as_bytes().last())
        // `500ms`, `1.5h` and `10mb` are amounts.
        && (letters > 2 || !text.starts_with(|first: char| first.is_ascii_digit()))
        && !SETTINGS.contains(&text)
}

/// Returns the endpoint that another variable names, Amazon's if none does; `None` if it is private or unknown.
fn sibling_endpoint(siblings: &Siblings<'_, '_>) -> Option<String> {
    let has = |names: &[&str]| siblings.key.split('_').any(|part| names.contains(&part));
    let is_r2 = has(&["R2", "CLOUDFLARE", "CF"]);
    let has_server = has(&["COUCHBASE", "INFLUX", "INFLUXDB", "MINIO"]);
    let beginnings = siblings.beginnings();
    let usual: &[&str] = if is_r2 { &["R2_ENDPOINT", "R2_ENDPOINT_URL"] } else { &ENDPOINTS };
    let of_server = || if has_server { siblings.first(&beginnings, &SERVER_KEYS) } else { None };
    let of_program = || if beginnings.is_empty() { siblings.value("ENDPOINT") } else { None };
    let text = siblings
        .first(&beginnings, &ENDPOINT_KEYS)
        .or_else(of_server)
        .or_else(of_program)
        .or_else(|| usual.iter().find_map(|key| siblings.value(key)));
    if has_server {
        // On a server of many customers, the organization selects the bucket.
        let organization = siblings.first(&beginnings, &["ORG"]).unwrap_or_default();
        return Some(format!("{}/{organization}", endpoint_of(text?)?));
    }
    match text {
        Some(text) => endpoint_of(text),
        None if is_r2 => Some(endpoint_of_account(siblings)),
        None => Some(AWS.to_owned()),
    }
}

/// Returns the endpoint of Cloudflare for the account that another variable names.
fn endpoint_of_account(siblings: &Siblings<'_, '_>) -> String {
    let keys = ["R2_ACCOUNT_ID", "CLOUDFLARE_ACCOUNT_ID", "CF_ACCOUNT_ID"];
    let account = keys.iter().find_map(|key| siblings.value(key)).unwrap_or_default();
    format!("{}.r2.cloudflarestorage.com", account.to_ascii_lowercase())
}

/// Returns the endpoint of a URL, or of a host with or without a port.
fn endpoint_of(text: &str) -> Option<String> {
    if text.contains("${{") || is_indirect(text) {
        return None;
    }
    let hosts = Url::parse(text).map_or_else(|| text.split('/').next().unwrap_or(text), |url| url.hosts);
    let address = HostAndPort::parse(hosts)?;
    let host = public_host(address.host)?;
    if let Some(store) = Store::parse(&host) {
        return Some(store.endpoint);
    }
    let port = address.port.filter(|port| !matches!(port, 80 | 443)).map(|port| format!(":{port}"));
    Some(host + &port.unwrap_or_default())
}
