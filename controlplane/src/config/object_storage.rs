//! Where bytes are kept: `MC_OBJECT_STORAGE_*`. No options, because a command line shows secrets.

use std::time::Duration;

use super::key::Key;
use super::problem::Problems;
use super::reader::Reader;

pub use super::reader::Secret;

/// Every setting that is read here.
pub const KEYS: &[Key] = &[
    Key::new(PROVIDER, "folder or s3; default: s3 when a bucket is named, else folder", "s3"),
    Key::new(
        ENDPOINT,
        "URL or HOST:PORT of the server; default: Amazon S3 of the region",
        "https://s3.example.org",
    ),
    Key::new(
        PUBLIC_ENDPOINT,
        "URL under which others reach the same server, for download URLs; default: the endpoint",
        "https://s3.example.org",
    ),
    Key::new(SECURE, "false: http for an endpoint without scheme; default true", "true"),
    Key::new(REGION, "region that requests are signed for; default us-east-1", "us-east-1"),
    Key::new(BUCKET, "the bucket; it must exist", "missioncontrol"),
    Key::new(PREFIX, "put before every key; default empty", "mc/one"),
    Key::new(ACCESS_KEY, "access key id", "AKIA…").secret(),
    Key::new(ACCESS_KEY_FILE, "file with the access key id", "/run/secrets/access-key"),
    Key::new(ACCESS_SECRET, "secret access key", "…").secret(),
    Key::new(ACCESS_SECRET_FILE, "file with the secret access key", "/run/secrets/access-secret"),
    Key::new(
        PATH_STYLE,
        "true: BUCKET in the path; false: in the host name; default: true with an endpoint",
        "true",
    ),
    Key::new(
        CA_FILE,
        "PEM file with the only authorities to trust; default: those of the system",
        "/etc/missioncontrol/s3-ca.pem",
    ),
    Key::new(SSE, "server-side encryption: none, AES256 or aws:kms; default none", "AES256"),
    Key::new(SSE_KMS_KEY_ID, "key for aws:kms; default: the bucket's", "alias/missioncontrol"),
    Key::new(PRESIGN_MAX_SECONDS, "longest life of a download URL, 1 to 604800; default 3600", "3600"),
    Key::new(
        START_TIMEOUT_SECONDS,
        "after how long a start without the bucket ends, 0 to 86400; default: it waits as long as it takes",
        "300",
    ),
];

const PROVIDER: &str = "MC_OBJECT_STORAGE_PROVIDER";
const ENDPOINT: &str = "MC_OBJECT_STORAGE_ENDPOINT";
const PUBLIC_ENDPOINT: &str = "MC_OBJECT_STORAGE_PUBLIC_ENDPOINT";
const SECURE: &str = "MC_OBJECT_STORAGE_SECURE";
const REGION: &str = "MC_OBJECT_STORAGE_REGION";
const BUCKET: &str = "MC_OBJECT_STORAGE_BUCKET";
const PREFIX: &str = "MC_OBJECT_STORAGE_PREFIX";
const ACCESS_KEY: &str = "MC_OBJECT_STORAGE_ACCESS_KEY";
const ACCESS_KEY_FILE: &str = "MC_OBJECT_STORAGE_ACCESS_KEY_FILE";
const ACCESS_SECRET: &str = "MC_OBJECT_STORAGE_ACCESS_SECRET";
const ACCESS_SECRET_FILE: &str = "MC_OBJECT_STORAGE_ACCESS_SECRET_FILE";
const PATH_STYLE: &str = "MC_OBJECT_STORAGE_PATH_STYLE";
const CA_FILE: &str = "MC_OBJECT_STORAGE_CA_FILE";
const SSE: &str = "MC_OBJECT_STORAGE_SSE";
const SSE_KMS_KEY_ID: &str = "MC_OBJECT_STORAGE_SSE_KMS_KEY_ID";
const PRESIGN_MAX_SECONDS: &str = "MC_OBJECT_STORAGE_PRESIGN_MAX_SECONDS";
const START_TIMEOUT_SECONDS: &str = "MC_OBJECT_STORAGE_START_TIMEOUT_SECONDS";

/// Where bytes are kept.
#[derive(Debug, Clone)]
pub struct ObjectStorage {
    /// The provider with its settings.
    pub provider: Provider,
    /// The longest life of a download URL.
    pub presign_max: Duration,
}

impl Default for ObjectStorage {
    fn default() -> Self {
        Self { provider: Provider::Folder, presign_max: Duration::from_hours(1) }
    }
}

/// What keeps the bytes.
#[derive(Debug, Clone)]
pub enum Provider {
    /// A folder in the data folder.
    Folder,
    /// A server that speaks S3.
    S3(Box<S3>),
}

/// A bucket and how to reach it.
#[derive(Debug, Clone)]
pub struct S3 {
    /// URL of the server; `None`: Amazon S3 of the region.
    pub endpoint: Option<String>,
    /// URL under which others reach it.
    pub public_endpoint: Option<String>,
    /// The region that requests are signed for.
    pub region: String,
    /// The bucket.
    pub bucket: String,
    /// Before every key: empty, or with a `/` at its end.
    pub prefix: String,
    /// The access key id.
    pub access_key: String,
    /// The secret access key.
    pub access_secret: Secret,
    /// Whether the bucket stands in the path.
    pub path_style: bool,
    /// The only authorities to trust, as PEM.
    pub ca: Option<Vec<u8>>,
    /// Server-side encryption.
    pub encryption: Encryption,
    /// After how long a start without the bucket ends; `None`: it waits as long as it takes.
    pub start_timeout: Option<Duration>,
}

/// Server-side encryption that is asked for with every object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Encryption {
    /// What the bucket does by itself.
    Bucket,
    /// Keys of the store.
    Aes256,
    /// A key of the key management service; `None`: the bucket's.
    Kms(Option<String>),
}

/// A URL without path, query and user.
pub(super) fn base_url(text: &str) -> Result<String, &'static str> {
    let url = text.trim_end_matches('/').to_owned();
    match url.parse::<http::Uri>() {
        Ok(uri) if !matches!(uri.scheme_str(), Some("http" | "https")) => Err("http:// or https://"),
        Ok(uri) if uri.path() != "/" || uri.query().is_some() => Err("no path after the host"),
        Ok(uri) if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) => {
            Err("no user name in the URL")
        }
        Ok(uri) if uri.host().is_some_and(|host| !host.is_empty()) => Ok(url),
        _ => Err("a URL"),
    }
}

/// An endpoint; without a scheme it is https, or http when it is not to be secure.
fn endpoint(reader: &Reader<'_>, name: &str, secure: Option<bool>) -> Option<String> {
    let given = reader.text(name)?;
    let clash = match given.split_once("://") {
        Some(("https", _)) if secure == Some(false) => Some(format!("it is https, but {SECURE} is false")),
        Some(("http", _)) if secure == Some(true) => Some(format!("it is http, but {SECURE} is true")),
        _ => None,
    };
    if let Some(clash) = clash {
        reader.refuse(name, clash, "both to say the same");
        return None;
    }
    let scheme = if secure == Some(false) { "http" } else { "https" };
    let url = if given.contains("://") { given } else { format!("{scheme}://{given}") };
    match base_url(&url) {
        Ok(url) => Some(url),
        Err(expected) => {
            // What stands before an @ may be a secret.
            let shown = if url.contains('@') { "it".to_owned() } else { format!("{url:?}") };
            reader.refuse(name, format!("{shown} cannot be used"), expected);
            None
        }
    }
}

impl ObjectStorage {
    /// Reads the settings from variables alone.
    ///
    /// # Errors
    /// Everything that is wrong, never showing a secret.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Problems> {
        let reader = Reader::of_variables(variable);
        let read = Self::of(&reader);
        reader.finish(read)
    }

    /// Reads the settings; what is wrong is kept by the reader.
    pub(super) fn of(reader: &Reader<'_>) -> Self {
        let presign_max = reader.seconds(PRESIGN_MAX_SECONDS, 3600, 1..=604_800);
        let provider = match reader.text(PROVIDER).as_deref() {
            Some("s3") => Provider::S3(Box::new(s3(reader))),
            None if reader.text(BUCKET).is_some() => Provider::S3(Box::new(s3(reader))),
            // An endpoint alone is a mistake that would silently keep bytes elsewhere than wanted.
            None if reader.text(ENDPOINT).is_some() => {
                reader.refuse(BUCKET, format!("it is not set, but {ENDPOINT} is"), "the name of a bucket");
                Provider::Folder
            }
            None | Some("folder") => Provider::Folder,
            Some(_) => {
                reader.refuse_value(PROVIDER, "folder or s3");
                Provider::Folder
            }
        };
        Self { provider, presign_max }
    }
}

fn prefix(reader: &Reader<'_>) -> String {
    let prefix = reader.text(PREFIX).unwrap_or_default();
    let prefix = prefix.trim_matches('/');
    let safe = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    if prefix.is_empty() {
        return String::new();
    }
    if prefix.len() > 256 || !prefix.split('/').all(safe) {
        reader.refuse_value(PREFIX, "names of A-Z, a-z, 0-9, -, _ and . between /, 256 characters in all");
    }
    format!("{prefix}/")
}

fn encryption(reader: &Reader<'_>) -> Encryption {
    let (word, key) = (reader.text(SSE), reader.text(SSE_KMS_KEY_ID));
    if key.is_some() && word.as_deref() != Some("aws:kms") {
        reader.refuse(
            SSE_KMS_KEY_ID,
            format!("it is set, but {SSE} is not aws:kms"),
            format!("{SSE}=aws:kms"),
        );
    }
    match word.as_deref() {
        Some("aws:kms") => Encryption::Kms(key),
        None | Some("none") => Encryption::Bucket,
        Some("AES256") => Encryption::Aes256,
        Some(_) => {
            reader.refuse_value(SSE, "none, AES256 or aws:kms");
            Encryption::Bucket
        }
    }
}

fn authorities(reader: &Reader<'_>) -> Option<Vec<u8>> {
    let path = reader.text(CA_FILE)?;
    let pem = std::fs::read(&path).map_err(|error| format!("{path:?} cannot be read: {error}"));
    let checked = pem.and_then(|pem| match check_pem(&pem) {
        Ok(()) => Ok(pem),
        Err(why) => Err(format!("{path:?}: {why}")),
    });
    checked.map_err(|why| reader.refuse(CA_FILE, why, "a file with certificates in PEM")).ok()
}

fn s3(reader: &Reader<'_>) -> S3 {
    const FOR: &str = "for the provider s3";
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
    let expected = "3 to 63 of a-z, 0-9, - and .";
    let bucket = reader.needed(BUCKET, FOR, expected).unwrap_or_default();
    if !bucket.is_empty() && (!(3..=63).contains(&bucket.len()) || !bucket.bytes().all(allowed)) {
        reader.refuse_value(BUCKET, expected);
    }
    let secure = reader.flag(SECURE);
    let access_key = reader.needed_secret(ACCESS_KEY, FOR);
    let endpoint_given = endpoint(reader, ENDPOINT, secure);
    S3 {
        path_style: reader.flag(PATH_STYLE).unwrap_or(endpoint_given.is_some()),
        public_endpoint: endpoint(reader, PUBLIC_ENDPOINT, None),
        endpoint: endpoint_given,
        region: reader.text(REGION).unwrap_or_else(|| "us-east-1".to_owned()),
        bucket,
        prefix: prefix(reader),
        access_key: access_key.map(|key| key.expose().to_owned()).unwrap_or_default(),
        access_secret: reader.needed_secret(ACCESS_SECRET, FOR).unwrap_or_else(|| Secret::new("")),
        ca: authorities(reader),
        encryption: encryption(reader),
        start_timeout: reader
            .text(START_TIMEOUT_SECONDS)
            .map(|_| reader.seconds(START_TIMEOUT_SECONDS, 0, 0..=86_400)),
    }
}

/// The HTTP client takes broken certificates for a bug of ours, so that they are found here.
pub(super) fn check_pem(pem: &[u8]) -> Result<(), String> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| format!("no PEM certificates: {error}"))?;
        roots.add(certificate).map_err(|error| format!("a certificate cannot be used: {error}"))?;
    }
    if roots.is_empty() { Err("no PEM certificate in it".into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const BASE: &[(&str, &str)] = &[
        (BUCKET, "artifacts"),
        (ACCESS_KEY, "id"),
        (ACCESS_SECRET, "very-secret"),
        (ENDPOINT, "localhost:9000"),
    ];

    fn read(more: &[(&str, &str)]) -> Result<ObjectStorage, String> {
        let set: HashMap<&str, &str> = BASE.iter().chain(more).copied().collect();
        ObjectStorage::read(|name| {
            assert!(KEYS.iter().any(|key| key.name == name), "{name} is not in the table");
            set.get(name).map(|text| (*text).to_owned())
        })
        .map_err(|problems| problems.to_string())
    }

    fn bucket(more: &[(&str, &str)]) -> S3 {
        match read(more).unwrap().provider {
            Provider::S3(s3) => *s3,
            Provider::Folder => panic!("a folder"),
        }
    }

    #[test]
    fn without_variables_it_is_a_folder() {
        let read = ObjectStorage::read(|_| None).unwrap();
        assert!(matches!(read.provider, Provider::Folder));
        assert_eq!(read.presign_max, Duration::from_hours(1));
        // Empty values, as compose files pass them, count as absent.
        assert!(matches!(ObjectStorage::read(|_| Some(" ".into())).unwrap().provider, Provider::Folder));
    }

    #[test]
    fn endpoints_take_their_scheme_from_themselves_or_from_secure() {
        assert_eq!(bucket(&[]).endpoint.unwrap(), "https://localhost:9000");
        assert_eq!(bucket(&[(SECURE, "false")]).endpoint.unwrap(), "http://localhost:9000");
        assert_eq!(bucket(&[(ENDPOINT, "http://minio:9000/")]).endpoint.unwrap(), "http://minio:9000");
        assert!(bucket(&[]).path_style && !bucket(&[(ENDPOINT, "")]).path_style);
        assert!(!bucket(&[(PATH_STYLE, "false")]).path_style);
        assert_eq!(bucket(&[(PREFIX, "/a/b/")]).prefix, "a/b/");
        assert_eq!(bucket(&[(PREFIX, "")]).prefix, "");
    }

    #[test]
    fn bad_values_name_their_variable_and_never_a_secret() {
        for (name, value) in [
            (PROVIDER, "minio"),
            (ENDPOINT, "ftp://x"),
            (ENDPOINT, "http://x/path"),
            (ENDPOINT, "https://very-secret:very-secret@x"),
            (ENDPOINT, "https://"),
            (PUBLIC_ENDPOINT, "gopher://x"),
            (SECURE, "yes"),
            (BUCKET, "A"),
            (BUCKET, "under_score"),
            (PREFIX, "a/../b"),
            (PREFIX, "a b"),
            (ACCESS_KEY_FILE, "/nonexistent"),
            (ACCESS_SECRET_FILE, "/nonexistent"),
            (PATH_STYLE, "2"),
            (CA_FILE, "/nonexistent"),
            (SSE, "aes"),
            (SSE_KMS_KEY_ID, "key"),
            (PRESIGN_MAX_SECONDS, "0"),
            (PRESIGN_MAX_SECONDS, "604801"),
            (PRESIGN_MAX_SECONDS, "-1"),
            (START_TIMEOUT_SECONDS, "soon"),
        ] {
            let error = read(&[(name, value)]).expect_err(name);
            assert!(error.contains(name), "{name}={value}: {error}");
            assert!(!error.contains("very-secret"), "{error}");
        }
        for missing in [BUCKET, ACCESS_KEY, ACCESS_SECRET] {
            let error = read(&[(PROVIDER, "s3"), (missing, "")]).expect_err(missing);
            assert!(error.contains(missing), "{error}");
        }
        assert!(read(&[(BUCKET, "")]).unwrap_err().contains(BUCKET), "an endpoint alone");
        assert!(read(&[(ENDPOINT, "http://x"), (SECURE, "true")]).unwrap_err().contains(SECURE));
    }

    #[test]
    fn secrets_come_from_files_too_and_are_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, "from-file\n").unwrap();
        let path = file.to_str().unwrap();
        let read = bucket(&[(ACCESS_SECRET, ""), (ACCESS_SECRET_FILE, path)]);
        assert_eq!(read.access_secret.expose(), "from-file");
        assert!(!format!("{read:?}").contains("from-file"));
        std::fs::write(&file, "\n").unwrap();
        let error = super::tests::read(&[(ACCESS_SECRET, ""), (ACCESS_SECRET_FILE, path)]).unwrap_err();
        assert!(error.contains(ACCESS_SECRET_FILE) && error.contains("empty"), "{error}");
    }

    #[test]
    fn a_file_that_holds_no_certificate_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        for content in ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            std::fs::write(&file, content).unwrap();
            let error = read(&[(CA_FILE, file.to_str().unwrap())]).unwrap_err();
            assert!(error.contains(CA_FILE), "{content:?}: {error}");
        }
    }

    #[test]
    fn the_example_file_names_every_variable_and_no_other() {
        let example = include_str!("../../../.env.example");
        let named: std::collections::BTreeSet<&str> = example
            .lines()
            .filter_map(|line| line.strip_prefix('#').unwrap_or(line).split_once('='))
            .map(|(name, _)| name)
            .filter(|name| name.starts_with("MC_OBJECT_STORAGE_"))
            .collect();
        let known: std::collections::BTreeSet<&str> = KEYS.iter().map(|key| key.name).collect();
        assert_eq!(named, known, ".env.example and config::object_storage::KEYS differ");
    }
}
