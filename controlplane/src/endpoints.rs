//! Where this control plane serves, as others reach it.

use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use rustls::pki_types::CertificateDer;
use serde::Serialize;

/// The doors that are open.
#[derive(Debug, Clone)]
pub struct Endpoints {
    /// Where the HTTP API listens.
    pub http: SocketAddr,
    /// Where gRPC listens.
    pub grpc: SocketAddr,
    /// Where the MQTT gate listens, if it does.
    pub mqtt: Option<SocketAddr>,
    /// An MQTT broker that is used instead of the gate.
    pub broker: Option<Broker>,
    /// Names and addresses under which others reach this machine; empty: this machine only.
    pub advertised: Vec<String>,
    /// URL under which others reach the HTTP API, when one was given.
    pub public_url: Option<String>,
}

/// An MQTT broker that runs elsewhere, as nodes reach it.
#[derive(Debug, Clone)]
pub struct Broker {
    /// `HOST:PORT`.
    pub address: String,
    /// The only authorities of its certificate; empty: the installation's own.
    pub authorities: Vec<CertificateDer<'static>>,
}

/// `DIR/run/endpoints.json`.
#[derive(Serialize)]
struct File {
    http: String,
    grpc: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mqtt: Option<String>,
    pid: u32,
    /// Start of the process, in clock ticks since boot: a pid alone may be another process by now.
    start_time: u64,
}

impl Endpoints {
    /// Base URL of the HTTP API, as others reach it.
    pub fn http_url(&self) -> String {
        if let Some(url) = &self.public_url {
            return url.clone();
        }
        // HTTP is in clear, so beyond loopback it listens only behind a proxy.
        match self.advertised.first() {
            Some(host) if !self.http.ip().is_loopback() => {
                format!("http://{}:{}", bracketed(host), self.http.port())
            }
            _ => format!("http://{}", reachable(self.http)),
        }
    }

    /// The host of the public URL, without port.
    pub fn public_host(&self) -> Option<String> {
        let uri: http::Uri = self.public_url.as_ref()?.parse().ok()?;
        uri.host().map(str::to_owned)
    }

    /// URL of the gRPC endpoint, the one that nodes join at.
    pub fn grpc_url(&self) -> String {
        match self.advertised.first() {
            Some(host) => format!("https://{}:{}", bracketed(host), self.grpc.port()),
            None => format!("https://{}", reachable(self.grpc)),
        }
    }

    /// `HOST:PORT` of the MQTT gate as nodes reach it; empty: there is none.
    pub fn mqtt_address(&self) -> String {
        match (self.mqtt, self.advertised.first()) {
            (None, _) => String::new(),
            (Some(mqtt), Some(host)) => format!("{}:{}", bracketed(host), mqtt.port()),
            (Some(mqtt), None) => reachable(mqtt).to_string(),
        }
    }

    /// Names and addresses for the certificate of our TLS doors.
    pub fn certificate_hosts(&self) -> Vec<String> {
        let own = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut hosts: Vec<String> = own.into_iter().chain(self.advertised.iter().cloned()).collect();
        let listening = [Some(self.grpc), self.mqtt].into_iter().flatten().map(|address| address.ip());
        hosts.extend(listening.filter(|ip| !ip.is_unspecified()).map(|ip| ip.to_string()));
        hosts.sort();
        hosts.dedup();
        hosts
    }

    /// Writes `DIR/run/endpoints.json`; readers see the old or the new content, never a part.
    ///
    /// # Errors
    /// Failures of the file system.
    pub fn write(&self, data_dir: &Path) -> io::Result<()> {
        use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
        let folder = data_dir.join("run");
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let file = File {
            http: format!("http://{}", reachable(self.http)),
            grpc: format!("https://{}", reachable(self.grpc)),
            mqtt: self.mqtt.map(|mqtt| reachable(mqtt).to_string()),
            pid: std::process::id(),
            start_time: start_time()?,
        };
        let temporary = folder.join(format!("endpoints.json.new.{}", std::process::id()));
        let mut out = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)?;
        out.write_all(&serde_json::to_vec_pretty(&file)?)?;
        out.sync_all()?;
        std::fs::rename(&temporary, folder.join("endpoints.json"))
    }
}

/// An address of this machine: loopback when it listens everywhere.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn bracketed(host: &str) -> String {
    if host.parse::<Ipv6Addr>().is_ok() { format!("[{host}]") } else { host.to_owned() }
}

/// Start of this process in clock ticks since boot (proc(5), field 22 of `stat`).
fn start_time() -> io::Result<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The command may hold spaces and brackets; fields begin after the last one.
    let fields = stat.rsplit_once(") ").map(|(_, fields)| fields).unwrap_or_default();
    let ticks = fields.split(' ').nth(19).and_then(|ticks| ticks.parse().ok());
    ticks.ok_or_else(|| io::Error::other("/proc/self/stat is not as proc(5) says"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints(http: &str, grpc: &str, advertised: &[&str]) -> Endpoints {
        let advertised = advertised.iter().map(|host| (*host).to_owned()).collect();
        let mqtt = Some("0.0.0.0:8883".parse().unwrap());
        Endpoints {
            http: http.parse().unwrap(),
            grpc: grpc.parse().unwrap(),
            mqtt,
            broker: None,
            advertised,
            public_url: None,
        }
    }

    #[test]
    fn addresses_are_those_that_others_reach() {
        let own = endpoints("127.0.0.1:8008", "0.0.0.0:8009", &[]);
        assert_eq!(
            (own.http_url().as_str(), own.grpc_url().as_str()),
            ("http://127.0.0.1:8008", "https://127.0.0.1:8009")
        );
        let far = endpoints("127.0.0.1:8008", "[::]:8009", &["mc.example", "2001:db8::1"]);
        assert_eq!(
            (far.http_url().as_str(), far.grpc_url().as_str()),
            ("http://127.0.0.1:8008", "https://mc.example:8009")
        );
        assert!(far.certificate_hosts().contains(&"2001:db8::1".to_owned()));
        assert_eq!(
            (own.mqtt_address().as_str(), far.mqtt_address().as_str()),
            ("127.0.0.1:8883", "mc.example:8883")
        );
        let proxied = endpoints("0.0.0.0:8008", "0.0.0.0:8009", &["2001:db8::1"]);
        assert_eq!(proxied.http_url(), "http://[2001:db8::1]:8008");
        let public = Endpoints { public_url: Some("https://mc.example:8443".into()), ..proxied };
        assert_eq!(public.http_url(), "https://mc.example:8443");
        assert_eq!(public.public_host().unwrap(), "mc.example");
        assert_eq!(
            public.grpc_url(),
            "https://[2001:db8::1]:8009",
            "nodes reach gRPC by the advertised name"
        );
    }

    #[test]
    fn the_process_knows_when_it_started() {
        assert!(start_time().unwrap() > 0);
    }
}
