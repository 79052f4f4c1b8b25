//! Where bytes are kept: `MC_OBJECT_STORAGE_*`. By environment only, because a command line shows secrets.

use std::path::Path;
use std::time::Duration;

/// Every variable that is read here, with what it is for.
pub const VARIABLES: &[(&str, &str)] = &[
    (PROVIDER, "folder or s3; default: s3 when a bucket is named, else folder"),
    (ENDPOINT, "URL or HOST:PORT of the server; default: Amazon S3 of the region"),
    (
        PUBLIC_ENDPOINT,
        "URL under which others reach the same server, for download URLs; default: the endpoint",
    ),
    (SECURE, "false: http for an endpoint without scheme; default true"),
    (REGION, "default us-east-1"),
    (BUCKET, "the bucket; it must exist"),
    (PREFIX, "put before every key; default empty"),
    (ACCESS_KEY, "access key id"),
    (ACCESS_KEY_FILE, "file with the access key id"),
    (ACCESS_SECRET, "secret access key"),
    (ACCESS_SECRET_FILE, "file with the secret access key"),
    (PATH_STYLE, "true: BUCKET in the path; false: in the host name; default: true with an endpoint"),
    (CA_FILE, "PEM file with the only authorities to trust; default: those of the system"),
    (SSE, "server-side encryption: none, AES256 or aws:kms; default none"),
    (SSE_KMS_KEY_ID, "key for aws:kms; default: the bucket's"),
    (PRESIGN_MAX_SECONDS, "longest life of a download URL, 1 to 604800; default 3600"),
    (START_TIMEOUT_SECONDS, "how long a start waits for the bucket, 0 to 600; default 30"),
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
    /// How long a start waits for the bucket.
    pub start_timeout: Duration,
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

/// A text that `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Reads variables; empty ones count as absent.
pub(super) struct Reader<F>(pub(super) F);

impl<F: Fn(&str) -> Option<String>> Reader<F> {
    pub(super) fn text(&self, name: &str) -> Option<String> {
        (self.0)(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    pub(super) fn parsed<T: std::str::FromStr>(
        &self,
        name: &str,
        expected: &str,
    ) -> Result<Option<T>, String> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| format!("{name}={text:?}: expected {expected}"))
    }

    pub(super) fn seconds(
        &self,
        name: &str,
        usual: u64,
        range: std::ops::RangeInclusive<u64>,
    ) -> Result<Duration, String> {
        let expected = format!("{} to {} seconds", range.start(), range.end());
        let seconds = self.parsed(name, &expected)?.unwrap_or(usual);
        if !range.contains(&seconds) {
            return Err(format!("{name}={seconds}: expected {expected}"));
        }
        Ok(Duration::from_secs(seconds))
    }

    /// The value of a variable, or the content of the file that its twin names. A value is never repeated in an error.
    fn secret(&self, name: &str, file: &str) -> Result<String, String> {
        match (self.text(name), self.text(file)) {
            (Some(_), Some(_)) => Err(format!("{name} and {file} are both set; keep one")),
            (Some(value), None) => Ok(value),
            (None, Some(path)) => {
                let content = std::fs::read_to_string(Path::new(&path))
                    .map_err(|error| format!("{file}={path:?} cannot be read: {error}"))?;
                let content = content.trim();
                if content.is_empty() {
                    return Err(format!("{file}={path:?} is empty"));
                }
                Ok(content.to_owned())
            }
            (None, None) => Err(format!("{name} or {file} is needed for the bucket")),
        }
    }

    fn endpoint(&self, name: &str, secure: Option<bool>) -> Result<Option<String>, String> {
        let Some(given) = self.text(name) else { return Ok(None) };
        let bad = |why: &str| Err(format!("{name}={given:?}: {why}"));
        let url = match given.split_once("://") {
            Some(("https", _)) if secure == Some(false) => return bad(&format!("https, but {SECURE}=false")),
            Some(("http", _)) if secure == Some(true) => return bad(&format!("http, but {SECURE}=true")),
            Some(("http" | "https", _)) => given.clone(),
            Some(_) => return bad("expected http:// or https://"),
            None if secure == Some(false) => format!("http://{given}"),
            None => format!("https://{given}"),
        };
        let url = url.trim_end_matches('/').to_owned();
        match url.parse::<http::Uri>() {
            Ok(uri) if uri.path() != "/" || uri.query().is_some() => bad("expected no path after the host"),
            Ok(uri) if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) => {
                // What stands before the @ may be a secret.
                Err(format!("{name}: expected no user name in the URL"))
            }
            Ok(uri) if uri.host().is_some_and(|host| !host.is_empty()) => Ok(Some(url)),
            _ => bad("expected a URL such as https://s3.example.org"),
        }
    }
}

impl ObjectStorage {
    /// Reads the settings from variables.
    ///
    /// # Errors
    /// What is wrong, naming the variable and never showing a secret.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let reader = Reader(variable);
        let presign_max = reader.seconds(PRESIGN_MAX_SECONDS, 3600, 1..=604_800)?;
        let provider = match reader.text(PROVIDER).as_deref() {
            Some("s3") => Provider::S3(Box::new(s3(&reader)?)),
            None if reader.text(BUCKET).is_some() => Provider::S3(Box::new(s3(&reader)?)),
            // An endpoint alone is a mistake that would silently keep bytes elsewhere than wanted.
            None if reader.text(ENDPOINT).is_some() => {
                return Err(format!("{ENDPOINT} is set, but {BUCKET} is not"));
            }
            None | Some("folder") => Provider::Folder,
            Some(other) => return Err(format!("{PROVIDER}={other:?}: expected folder or s3")),
        };
        Ok(Self { provider, presign_max })
    }
}

fn s3(reader: &Reader<impl Fn(&str) -> Option<String>>) -> Result<S3, String> {
    let bucket = reader.text(BUCKET).ok_or_else(|| format!("{BUCKET} is needed for the provider s3"))?;
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
    if !(3..=63).contains(&bucket.len()) || !bucket.bytes().all(allowed) {
        return Err(format!("{BUCKET}={bucket:?}: expected 3 to 63 of a-z, 0-9, - and ."));
    }
    let secure = reader.parsed(SECURE, "true or false")?;
    let endpoint = reader.endpoint(ENDPOINT, secure)?;
    let prefix = reader.text(PREFIX).unwrap_or_default();
    let prefix = prefix.trim_matches('/');
    let safe = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    if !prefix.is_empty() && (prefix.len() > 256 || !prefix.split('/').all(safe)) {
        return Err(format!("{PREFIX}={prefix:?}: expected names of A-Z, a-z, 0-9, -, _ and . between /"));
    }
    let key = reader.text(SSE_KMS_KEY_ID);
    let encryption = match (reader.text(SSE).as_deref(), key) {
        (Some("aws:kms"), key) => Encryption::Kms(key),
        (_, Some(_)) => return Err(format!("{SSE_KMS_KEY_ID} is set, but {SSE} is not aws:kms")),
        (None | Some("none"), None) => Encryption::Bucket,
        (Some("AES256"), None) => Encryption::Aes256,
        (Some(other), None) => return Err(format!("{SSE}={other:?}: expected none, AES256 or aws:kms")),
    };
    let ca = match reader.text(CA_FILE) {
        None => None,
        Some(path) => {
            let pem = std::fs::read(&path)
                .map_err(|error| format!("{CA_FILE}={path:?} cannot be read: {error}"))?;
            check_pem(&pem).map_err(|why| format!("{CA_FILE}={path:?}: {why}"))?;
            Some(pem)
        }
    };
    Ok(S3 {
        path_style: reader.parsed(PATH_STYLE, "true or false")?.unwrap_or(endpoint.is_some()),
        public_endpoint: reader.endpoint(PUBLIC_ENDPOINT, None)?,
        endpoint,
        region: reader.text(REGION).unwrap_or_else(|| "us-east-1".to_owned()),
        bucket,
        prefix: if prefix.is_empty() { String::new() } else { format!("{prefix}/") },
        access_key: reader.secret(ACCESS_KEY, ACCESS_KEY_FILE)?,
        access_secret: Secret::new(reader.secret(ACCESS_SECRET, ACCESS_SECRET_FILE)?),
        ca,
        encryption,
        start_timeout: reader.seconds(START_TIMEOUT_SECONDS, 30, 0..=600)?,
    })
}

/// The HTTP client takes broken certificates for a bug of ours, so that they are found here.
fn check_pem(pem: &[u8]) -> Result<(), String> {
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
            assert!(VARIABLES.iter().any(|(known, _)| *known == name), "{name} is not in the table");
            set.get(name).map(|text| (*text).to_owned())
        })
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
        let known: std::collections::BTreeSet<&str> = VARIABLES.iter().map(|(name, _)| *name).collect();
        assert_eq!(named, known, ".env.example and config::object_storage::VARIABLES differ");
    }
}
