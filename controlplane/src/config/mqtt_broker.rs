//! An MQTT broker that runs elsewhere: `MC_MQTT_BROKER_*`. No options, because a command line shows secrets.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::key::Key;
use super::reader::{Reader, Secret};

/// Every setting that is read here.
pub const KEYS: &[Key] = &[
    Key::new(
        URL,
        "URL of an MQTT broker that is used instead of the built-in one: mqtts://HOST:PORT, on loopback also mqtt://",
        "mqtts://mqtt.example.org:8883",
    ),
    Key::new(
        PUBLIC_URL,
        "URL under which nodes reach the same broker, always mqtts://; default: the URL",
        "mqtts://mqtt.example.org:8883",
    ),
    Key::new(
        CA_FILE,
        "PEM file with the only authorities to trust for it, also by nodes; default: the installation's own",
        "/etc/missioncontrol/mqtt-ca.pem",
    ),
    Key::new(
        CERT_FILE,
        "PEM file with the client certificate to show; default: one of the installation's own authority, without a file",
        "/etc/missioncontrol/mqtt.crt",
    ),
    Key::new(KEY_FILE, "PEM file with the key of that certificate", "/etc/missioncontrol/mqtt.key"),
    Key::new(
        USERNAME,
        "name to log in with; then no certificate is shown unless one is named",
        "missioncontrol",
    ),
    Key::new(PASSWORD, "password of that name", "…").secret(),
    Key::new(PASSWORD_FILE, "file with the password of that name", "/run/secrets/mqtt-password"),
];

const URL: &str = "MC_MQTT_BROKER_URL";
const PUBLIC_URL: &str = "MC_MQTT_BROKER_PUBLIC_URL";
const CA_FILE: &str = "MC_MQTT_BROKER_CA_FILE";
const CERT_FILE: &str = "MC_MQTT_BROKER_CERT_FILE";
const KEY_FILE: &str = "MC_MQTT_BROKER_KEY_FILE";
const USERNAME: &str = "MC_MQTT_BROKER_USERNAME";
const PASSWORD: &str = "MC_MQTT_BROKER_PASSWORD";
const PASSWORD_FILE: &str = "MC_MQTT_BROKER_PASSWORD_FILE";
/// Nodes take no larger answer than 64 KiB when they join.
const AUTHORITIES_LIMIT: usize = 32 << 10;
/// What a URL of a broker looks like.
const EXPECTED: &str = "mqtts://HOST:PORT without path, query and user, or mqtt://HOST:PORT on loopback";

/// A broker and how to reach it.
#[derive(Debug, Clone)]
pub struct MqttBroker {
    /// Where the control plane reaches it.
    pub address: Address,
    /// Whether that is by TLS; else it is on loopback.
    pub is_tls: bool,
    /// Where nodes reach it, always by TLS.
    pub public: Address,
    /// The only authorities to trust for it; empty: the installation's own.
    pub authorities: Vec<CertificateDer<'static>>,
    /// The client certificate to show; `None`: one of the installation's own authority, unless there is a login.
    pub certificate: Option<Arc<Certificate>>,
    /// Name and password.
    pub login: Option<(String, Secret)>,
}

/// Host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Name or address, an IPv6 address without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// A client certificate with its chain, and its key.
#[derive(Debug)]
pub struct Certificate {
    /// The certificate first.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its key.
    pub key: PrivateKeyDer<'static>,
}

impl MqttBroker {
    /// Reads the settings; `None` when no broker is named. What is wrong is kept by the reader.
    pub(super) fn of(reader: &Reader<'_>) -> Option<Self> {
        if reader.text(URL).is_none() {
            for name in [PUBLIC_URL, CA_FILE, CERT_FILE, KEY_FILE, USERNAME, PASSWORD, PASSWORD_FILE] {
                if reader.text(name).is_some() {
                    reader.refuse(
                        name,
                        format!("it is set, but {URL} is not"),
                        format!("{URL} too, or none of them"),
                    );
                }
            }
            return None;
        }
        let url = read(reader, URL);
        let public = read(reader, PUBLIC_URL);
        if matches!(&public, Some((false, _))) {
            reader.refuse_value(PUBLIC_URL, "mqtts://, because nodes show their certificate");
        }
        let is_clear = matches!(&url, Some((false, _)));
        if is_clear {
            if reader.text(PUBLIC_URL).is_none() {
                let problem =
                    format!("it is not set, and needed because {URL} is in clear and nodes use TLS");
                reader.refuse(PUBLIC_URL, problem, "mqtts://HOST:PORT");
            }
            for name in [CERT_FILE, KEY_FILE] {
                if reader.text(name).is_some() {
                    reader.refuse(
                        name,
                        format!("it is set, but {URL} is in clear"),
                        format!("mqtts:// in {URL}"),
                    );
                }
            }
        }
        let authorities = certificates(reader, CA_FILE);
        if authorities.iter().map(|certificate| certificate.len()).sum::<usize>() > AUTHORITIES_LIMIT {
            let problem = "it holds more than 32 KiB of certificates, and every node is sent them".to_owned();
            reader.refuse(CA_FILE, problem, "a file with only the authorities of that broker");
        }
        let certificate = certificate(reader);
        let login = login(reader);
        let (is_tls, address) = url?;
        let public = public.map_or_else(|| address.clone(), |(_, public)| public);
        Some(Self { address, is_tls, public, authorities, certificate, login })
    }
}

fn read(reader: &Reader<'_>, name: &str) -> Option<(bool, Address)> {
    let given = reader.text(name)?;
    let read = parse(&given);
    if read.is_none() {
        // What stands before an @ may be a secret.
        let shown = if given.contains('@') { "it".to_owned() } else { format!("{given:?}") };
        reader.refuse(name, format!("{shown} cannot be used"), EXPECTED);
    }
    read
}

/// Whether it is by TLS, and where; `None` for what is no URL of a broker.
fn parse(text: &str) -> Option<(bool, Address)> {
    let uri: http::Uri = text.trim_end_matches('/').parse().ok()?;
    let is_tls = match uri.scheme_str()? {
        "mqtts" => true,
        "mqtt" => false,
        _ => return None,
    };
    let has_user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    let has_path = !matches!(uri.path(), "" | "/") || uri.query().is_some();
    let host =
        uri.host().map(|host| host.trim_matches(['[', ']']).to_owned()).filter(|host| !host.is_empty())?;
    let port = uri.port_u16().filter(|port| *port != 0)?;
    let is_loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    (!has_user && !has_path && (is_tls || is_loopback)).then_some((is_tls, Address { host, port }))
}

/// The certificates of a file; empty when none is named or it cannot be used.
fn certificates(reader: &Reader<'_>, name: &str) -> Vec<CertificateDer<'static>> {
    let Some(path) = reader.text(name) else { return Vec::new() };
    let read =
        std::fs::read(&path).map_err(|error| format!("{path:?} cannot be read: {error}")).and_then(|pem| {
            super::object_storage::check_pem(&pem).map_err(|why| format!("{path:?}: {why}"))?;
            let certificates = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
            certificates.map_err(|error| format!("{path:?}: {error}"))
        });
    read.unwrap_or_else(|why| {
        reader.refuse(name, why, "a file with certificates in PEM");
        Vec::new()
    })
}

fn certificate(reader: &Reader<'_>) -> Option<Arc<Certificate>> {
    for (name, other) in [(CERT_FILE, KEY_FILE), (KEY_FILE, CERT_FILE)] {
        if reader.text(name).is_none() && reader.text(other).is_some() {
            reader.refuse(name, format!("it is not set, but {other} is"), "both or none");
        }
    }
    let chain = certificates(reader, CERT_FILE);
    let path = reader.text(KEY_FILE)?;
    let key = match PrivateKeyDer::from_pem_file(&path) {
        Ok(key) => key,
        Err(error) => {
            reader.refuse(
                KEY_FILE,
                format!("{path:?} cannot be used: {error}"),
                "a file with one private key in PEM",
            );
            return None;
        }
    };
    if chain.is_empty() {
        return None;
    }
    let provider = rustls::crypto::ring::default_provider();
    if let Err(error) = rustls::sign::CertifiedKey::from_der(chain.clone(), key.clone_key(), &provider) {
        reader.refuse(
            KEY_FILE,
            format!("{path:?} does not fit {CERT_FILE}: {error}"),
            "the key of that certificate",
        );
    }
    Some(Arc::new(Certificate { chain, key }))
}

fn login(reader: &Reader<'_>) -> Option<(String, Secret)> {
    let Some(name) = reader.text(USERNAME) else {
        for given in [PASSWORD, PASSWORD_FILE].into_iter().filter(|given| reader.text(given).is_some()) {
            reader.refuse(given, format!("it is set, but {USERNAME} is not"), "both or none");
        }
        return None;
    };
    let password = reader.needed_secret(PASSWORD, &format!("with {USERNAME}"))?;
    Some((name, password))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn of(set: &[(&str, &str)]) -> Result<Option<MqttBroker>, String> {
        let set: HashMap<&str, &str> = set.iter().copied().collect();
        let reader = Reader::of_variables(|name| {
            assert!(KEYS.iter().any(|key| key.name == name), "{name} is not in the table");
            set.get(name).map(|text| (*text).to_owned())
        });
        let read = MqttBroker::of(&reader);
        reader.finish(read).map_err(|problems| problems.to_string())
    }

    #[test]
    fn without_a_url_there_is_none_and_nothing_else_may_be_set() {
        assert!(of(&[]).unwrap().is_none());
        for name in [PUBLIC_URL, CA_FILE, CERT_FILE, KEY_FILE, USERNAME, PASSWORD, PASSWORD_FILE] {
            let error = of(&[(name, "x")]).unwrap_err();
            assert!(error.contains(name) && error.contains(URL), "{error}");
        }
    }

    #[test]
    fn a_url_is_tls_or_loopback() {
        let broker = of(&[(URL, "mqtts://[2001:db8::1]:8883/")]).unwrap().unwrap();
        assert_eq!((broker.is_tls, broker.address.host.as_str()), (true, "2001:db8::1"));
        assert_eq!(broker.public.to_string(), "[2001:db8::1]:8883");
        let clear = [(URL, "mqtt://127.0.0.1:1883"), (PUBLIC_URL, "mqtts://mqtt.example.org:8883")];
        let broker = of(&clear).unwrap().unwrap();
        assert_eq!((broker.is_tls, broker.public.to_string().as_str()), (false, "mqtt.example.org:8883"));
        for url in [
            "mqtt.example.org:8883",
            "mqtts://mqtt.example.org",
            "mqtts://mqtt.example.org:99999",
            "mqtts://:8883",
            "mqtts://mqtt.example.org:8883/path",
            "mqtts://me:very-secret@mqtt.example.org:8883",
            "mqtt://mqtt.example.org:1883",
            "https://mqtt.example.org:8883",
        ] {
            let error = of(&[(URL, url)]).expect_err(url);
            assert!(error.contains(URL) && !error.contains("very-secret"), "{error}");
        }
        assert!(of(&clear[..1]).unwrap_err().contains(PUBLIC_URL));
        let error = of(&[(URL, "mqtts://h:1"), (PUBLIC_URL, "mqtt://localhost:1883")]).unwrap_err();
        assert!(error.contains("their certificate"), "{error}");
    }

    #[test]
    fn certificates_and_passwords_are_checked_when_they_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let pem = |label: &str, der: &[u8]| {
            use base64::Engine as _;
            let text = base64::engine::general_purpose::STANDARD.encode(der);
            format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
        };
        let made = |name: &str| {
            let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
            let certificate = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
            let certificate = certificate.self_signed(&key).unwrap();
            (
                file(&format!("{name}.crt"), &pem("CERTIFICATE", certificate.der())),
                file(&format!("{name}.key"), &pem("PRIVATE KEY", &key.serialize_der())),
            )
        };
        let ((one, one_key), (_, other_key)) = (made("one"), made("other"));
        let url = (URL, "mqtts://h:1");
        let all = [url, (CA_FILE, one.as_str()), (CERT_FILE, one.as_str()), (KEY_FILE, one_key.as_str())];
        let broker = of(&all).unwrap().unwrap();
        assert_eq!((broker.authorities.len(), broker.certificate.unwrap().chain.len()), (1, 1));
        let empty = file("empty", "");
        let text = std::fs::read_to_string(&one).unwrap();
        let every = file("every", &text.repeat(1 + AUTHORITIES_LIMIT / 256));
        for (set, key) in [
            (vec![url, (CERT_FILE, one.as_str())], KEY_FILE),
            (vec![url, (KEY_FILE, one_key.as_str())], CERT_FILE),
            (vec![url, (CERT_FILE, one.as_str()), (KEY_FILE, other_key.as_str())], KEY_FILE),
            (vec![url, (CERT_FILE, one.as_str()), (KEY_FILE, empty.as_str())], KEY_FILE),
            (vec![url, (CA_FILE, empty.as_str())], CA_FILE),
            (vec![url, (CA_FILE, every.as_str())], CA_FILE),
            (vec![url, (CA_FILE, "/nonexistent")], CA_FILE),
            (vec![url, (USERNAME, "me")], PASSWORD),
            (vec![url, (PASSWORD, "very-secret")], PASSWORD),
        ] {
            let error = of(&set).expect_err(key);
            assert!(error.contains(key) && !error.contains("very-secret"), "{error}");
        }
        let broker = of(&[url, (USERNAME, "me"), (PASSWORD, "very-secret")]).unwrap().unwrap();
        assert!(!format!("{broker:?}").contains("very-secret"));
        assert_eq!(broker.login.unwrap().1.expose(), "very-secret");
    }
}
