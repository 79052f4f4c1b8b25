//! Rules for URLs, repositories, branches, paths and routes.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use mc_api::persistence::{ConnectionKind, Credential, CredentialKind, EntityKind, PublishFormat, Route};

use crate::error::Error;

/// The branch when none is named.
pub(crate) const DEFAULT_BRANCH: &str = "main";
/// At most this many routes in a policy.
const MAX_ROUTES: usize = 64;
/// The longest secret: an RSA key of 16 384 bits in PEM is shorter.
const MAX_SECRET_BYTES: usize = 16 * 1024;

fn is_plain(text: &str, extra: &[u8]) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || extra.contains(&b))
}

/// A host, with an optional port.
fn is_host(text: &str) -> bool {
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    (1..=253).contains(&host.len())
        && is_plain(host, b".-")
        && !host.starts_with(['-', '.'])
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// A relative path of plain segments: nothing that leaves its folder, is hidden, or reads as an option.
fn is_inner_path(text: &str) -> bool {
    (1..=512).contains(&text.len())
        && text.split('/').all(|part| {
            !part.is_empty()
                && is_plain(part, b"._-~+@=")
                && !part.starts_with(['-', '.', '~'])
                && !part.ends_with('.')
                && !part.to_ascii_lowercase().ends_with(".lock")
        })
}

/// Refuses URLs that are not of their kind, or hold a credential.
pub(crate) fn check_url(kind: ConnectionKind, url: &str) -> Result<(), Error> {
    let refused = |message: &str| Err(Error::invalid("/url", message));
    let (scheme, message) = match kind {
        ConnectionKind::Local => {
            let is_fine = url.starts_with('/')
                && url.len() <= 1024
                && !url.chars().any(|c| c.is_control() || c == '\\')
                && url.split('/').all(|part| part != ".." && part != ".");
            return if is_fine {
                Ok(())
            } else {
                refused("an absolute folder of the server without . and ..")
            };
        }
        ConnectionKind::Https => ("https://", "https://host[:port][/path], without user, query and fragment"),
        ConnectionKind::Ssh => {
            ("ssh://", "ssh://host[:port][/path]; the user goes into username, not into the URL")
        }
    };
    let Some(rest) = url.strip_prefix(scheme) else { return refused(message) };
    let (host, path) =
        rest.split_once('/').map_or((rest, ""), |(host, path)| (host, path.trim_end_matches('/')));
    if !is_host(host) || !(path.is_empty() || is_inner_path(path)) {
        return refused(message);
    }
    Ok(())
}

/// Refuses what does not fit the kind of connection.
pub(crate) fn check_credential(
    kind: ConnectionKind,
    username: Option<&str>,
    credential: Option<&Credential>,
) -> Result<(), Error> {
    if let Some(username) = username
        && (!(1..=255).contains(&username.len())
            || !is_plain(username, b"._-+@")
            || username.starts_with('-'))
    {
        return Err(Error::invalid("/username", "1 to 255 of letters, digits and . _ - + @"));
    }
    let kind_of = credential.map_or(CredentialKind::None, |credential| credential.credential_kind);
    let fits = match kind {
        ConnectionKind::Local => kind_of == CredentialKind::None,
        ConnectionKind::Https => kind_of != CredentialKind::SshKey,
        ConnectionKind::Ssh => kind_of == CredentialKind::SshKey,
    };
    if !fits {
        let message = match kind {
            ConnectionKind::Local => "a local folder takes no credential",
            ConnectionKind::Https => "https takes none, token or password",
            ConnectionKind::Ssh => "ssh needs an ssh_key",
        };
        return Err(Error::invalid("/credential", message));
    }
    if kind_of == CredentialKind::Password && username.is_none() {
        return Err(Error::invalid("/username", "a password needs a user"));
    }
    credential.map_or(Ok(()), check_secret)
}

fn check_secret(credential: &Credential) -> Result<(), Error> {
    let secret = &credential.secret;
    let refused = |message: &str| Err(Error::invalid("/credential/secret", message));
    match credential.credential_kind {
        CredentialKind::None if secret.is_empty() => Ok(()),
        CredentialKind::None => refused("none has no secret"),
        CredentialKind::Token | CredentialKind::Password => {
            if secret.is_empty() || secret.len() > 4096 || secret.chars().any(char::is_control) {
                return refused("1 to 4096 bytes on one line");
            }
            Ok(())
        }
        CredentialKind::SshKey => {
            if !secret.starts_with("-----BEGIN ") || !secret.contains("PRIVATE KEY-----") {
                return refused("a private key in PEM");
            }
            if secret.len() > MAX_SECRET_BYTES || secret.contains('\0') {
                return refused("at most 16 KiB of text");
            }
            if secret.contains("ENCRYPTED") {
                return refused("a key without a passphrase");
            }
            Ok(())
        }
    }
}

/// Refuses what is no list of PEM certificates.
pub(crate) fn check_ca(kind: ConnectionKind, pem: Option<&str>) -> Result<(), Error> {
    let Some(pem) = pem else { return Ok(()) };
    let refused = |message: &str| Err(Error::invalid("/ca_certificate", message));
    if kind != ConnectionKind::Https {
        return refused("only https has certificates");
    }
    let mut found = 0;
    for part in x509_parser::pem::Pem::iter_from_buffer(pem.as_bytes()) {
        let fine = part.is_ok_and(|part| part.label == "CERTIFICATE" && part.parse_x509().is_ok());
        if !fine {
            return refused("certificates in PEM and nothing else");
        }
        found += 1;
    }
    if found == 0 || pem.len() > 256 * 1024 {
        refused("1 or more certificates in PEM, at most 256 KiB")
    } else {
        Ok(())
    }
}

/// A host key as `type base64`, made plain; a comment behind it is dropped.
pub(crate) fn host_key(text: &str) -> Option<String> {
    let mut words = text.split_whitespace();
    let (kind, key) = (words.next()?, words.next()?);
    let known = matches!(
        kind,
        "ssh-ed25519" | "ssh-rsa" | "ecdsa-sha2-nistp256" | "ecdsa-sha2-nistp384" | "ecdsa-sha2-nistp521"
    );
    (known && STANDARD.decode(key).is_ok_and(|bytes| bytes.len() > 16)).then(|| format!("{kind} {key}"))
}

/// The fingerprint of a host key as `ssh-keygen -l` prints it.
pub(crate) fn fingerprint(host_key: &str) -> Option<String> {
    let bytes = STANDARD.decode(host_key.split(' ').nth(1)?).ok()?;
    let digest = ring::digest::digest(&ring::digest::SHA256, &bytes);
    Some(format!("SHA256:{}", STANDARD_NO_PAD.encode(digest)))
}

/// Refuses repositories that leave the connection's URL.
pub(crate) fn check_repository(text: &str) -> Result<(), Error> {
    if is_inner_path(text) {
        return Ok(());
    }
    Err(Error::invalid(
        "/repository",
        "a relative path of letters, digits and . _ - ~ + @ =, such as team/ledger.git",
    ))
}

/// Refuses what is no branch.
pub(crate) fn check_branch(text: &str) -> Result<(), Error> {
    let valid = is_inner_path(text)
        && text.len() <= 200
        && !text.contains("@{")
        && git2::Reference::is_valid_name(&format!("refs/heads/{text}"));
    if valid { Ok(()) } else { Err(Error::invalid("/branch", "a branch such as main")) }
}

/// Refuses folders that leave the repository.
pub(crate) fn check_base_path(text: &str) -> Result<(), Error> {
    if text.is_empty()
        || (is_inner_path(text) && text.len() <= 200 && text.split('/').all(|part| part != "ledger"))
    {
        return Ok(());
    }
    Err(Error::invalid(
        "/base_path",
        "empty, or a relative folder such as missions/apollo; no part is called ledger",
    ))
}

/// Checks the routes of a policy, whose bindings were looked up already.
pub(crate) fn check_routes(routes: &[Route]) -> Result<(), Error> {
    if routes.len() > MAX_ROUTES {
        return Err(Error::invalid("/routes", format!("at most {MAX_ROUTES}")));
    }
    for (index, route) in routes.iter().enumerate() {
        if let Some(path) = &route.path {
            check_template(path)
                .map_err(|message| Error::invalid(format!("/routes/{index}/path"), message))?;
        }
        let shadowed = routes[..index].iter().position(|earlier| covers(earlier, route));
        if let Some(earlier) = shadowed {
            let message = format!("never used: /routes/{earlier} takes everything it fits");
            return Err(Error::invalid(format!("/routes/{index}"), message));
        }
    }
    Ok(())
}

/// Whether whatever fits `later` fits `earlier` too.
fn covers(earlier: &Route, later: &Route) -> bool {
    let kinds = earlier.entities.is_empty()
        || (!later.entities.is_empty() && later.entities.iter().all(|kind| earlier.entities.contains(kind)));
    kinds && earlier.labels.0.iter().all(|(key, value)| later.labels.0.get(key) == Some(value))
}

const PLACEHOLDERS: [&str; 7] = ["mission", "kluster", "kind", "id", "key", "name", "ext"];

fn check_template(template: &str) -> Result<(), String> {
    let mut filled = template.to_owned();
    for name in PLACEHOLDERS {
        filled = filled.replace(&format!("{{{name}}}"), "x");
    }
    if filled.contains(['{', '}']) {
        return Err(format!(
            "the placeholders are {}",
            PLACEHOLDERS.map(|name| format!("{{{name}}}")).join(" ")
        ));
    }
    if template.len() > 200 || !is_inner_path(&filled) {
        return Err(
            "a relative path of letters, digits, . _ - and placeholders, such as tasks/{key}.{ext}".into()
        );
    }
    if template.split('/').any(|part| part == "ledger") || template.strip_suffix(".jsonl").is_some() {
        return Err("the folder ledger and files .jsonl are for the chain".into());
    }
    if !template.contains("{id}") && !template.contains("{key}") {
        return Err("{id} or {key} is needed, so that no two share a file".into());
    }
    Ok(())
}

/// What fills a template.
pub(crate) struct Filling<'a> {
    pub(crate) kind: EntityKind,
    pub(crate) mission: &'a str,
    pub(crate) kluster: Option<&'a str>,
    pub(crate) id: &'a str,
    /// A task's key; else the id.
    pub(crate) key: &'a str,
    /// Already fit for a path.
    pub(crate) name: &'a str,
}

/// The path below the base path.
pub(crate) fn fill(template: Option<&str>, format: PublishFormat, with: &Filling<'_>) -> String {
    let usual = match with.kind {
        EntityKind::Mission => "mission.{ext}",
        EntityKind::Kluster => "klusters/{name}.{ext}",
        EntityKind::Task => "tasks/{key}.{ext}",
        EntityKind::Doc => "docs/{kluster}/{name}.{ext}",
        EntityKind::Keystone => "keystones/{kluster}/{name}.{ext}",
        EntityKind::Artifact => "artifacts/{id}/provenance.{ext}",
    };
    let values = [
        ("mission", with.mission),
        ("kluster", with.kluster.unwrap_or("_")),
        ("kind", with.kind.as_str()),
        ("id", with.id),
        ("key", with.key),
        ("name", with.name),
        ("ext", format.extension()),
    ];
    let filled = values.iter().fold(template.unwrap_or(usual).to_owned(), |path, (name, value)| {
        path.replace(&format!("{{{name}}}"), value)
    });
    // What is the chain's stays the chain's, whatever an object is called.
    let part = |part: &str| match part {
        "ledger" => "ledger_".to_owned(),
        lines if lines.strip_suffix(".jsonl").is_some() => format!("{lines}_"),
        other => other.to_owned(),
    };
    filled.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// Whether a route fits.
pub(crate) fn fits(route: &Route, kind: EntityKind, labels: &mc_api::Labels) -> bool {
    (route.entities.is_empty() || route.entities.contains(&kind))
        && route.labels.0.iter().all(|(key, value)| labels.0.get(key) == Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_an_object_reaches_the_chain() {
        let with = |name| Filling {
            kind: EntityKind::Artifact,
            mission: "ledger",
            kluster: Some("ledger"),
            id: "art_1",
            key: "art_1",
            name,
        };
        let filled = |template, name| fill(Some(template), PublishFormat::Markdown, &with(name));
        assert_eq!(filled("{kluster}/{key}.{ext}", "x"), "ledger_/art_1.md");
        assert_eq!(filled("{mission}/{id}/{name}", "1-2.jsonl"), "ledger_/art_1/1-2.jsonl_");
        assert_eq!(filled("docs/{id}-ledger/{name}.{ext}", "ledger"), "docs/art_1-ledger/ledger.md");
    }

    #[test]
    fn urls_are_of_their_kind_and_hold_no_credential() {
        use ConnectionKind::{Https, Local, Ssh};
        for (kind, url) in [
            (Local, "/srv/git"),
            (Https, "https://git.example.org"),
            (Https, "https://127.0.0.1:8443/team/x"),
            (Ssh, "ssh://git.example.org:2222/srv/git"),
        ] {
            check_url(kind, url).unwrap_or_else(|error| panic!("{url}: {error}"));
        }
        for (kind, url) in [
            (Local, "srv/git"),
            (Local, "/srv/../etc"),
            (Https, "http://git.example.org"),
            (Https, "https://user:secret@git.example.org/x"),
            (Https, "https://git.example.org/x?y"),
            (Https, "https://git.example.org/../x"),
            (Https, "https://-oProxyCommand=x/y"),
            (Ssh, "ssh://-oProxyCommand=x/y"),
            (Ssh, "ssh://git@host/x"),
            (Ssh, "git@host:x"),
            (Ssh, "ssh://host:0/x"),
            (Ssh, "file:///etc"),
        ] {
            assert!(check_url(kind, url).is_err(), "{url}");
        }
    }

    #[test]
    fn no_path_leaves_its_folder() {
        for bad in [
            "", "/x", "../x", "a/../b", "a//b", ".git/x", "a/.git", "-x", "a\\b", "a b", "~x", "a.lock",
            "x\n",
        ] {
            assert!(check_repository(bad).is_err(), "{bad:?}");
            assert!(bad.is_empty() || check_base_path(bad).is_err(), "{bad:?}");
            assert!(check_branch(bad).is_err(), "{bad:?}");
        }
        check_repository("team/ledger.git").unwrap();
        check_base_path("missions/apollo").unwrap();
        check_branch("release/1.x").unwrap();
    }

    #[test]
    fn a_template_needs_what_makes_it_unique_and_stays_out_of_the_chain() {
        for bad in [
            "tasks/{name}.md",
            "{what}/{id}",
            "ledger/{id}",
            "x/ledger/{id}",
            "{id}.jsonl",
            "../{id}",
            "/{id}",
            "{id}/../../x",
            "a{/{id}",
        ] {
            assert!(check_template(bad).is_err(), "{bad}");
        }
        check_template("{mission}/{kluster}/{kind}/{key}-{name}.{ext}").unwrap();
    }

    #[test]
    fn a_route_behind_one_that_takes_everything_is_refused() {
        let all = Route::default();
        let tasks = Route { entities: vec![EntityKind::Task], ..Route::default() };
        assert!(check_routes(&[tasks.clone(), all.clone()]).is_ok());
        assert!(check_routes(&[all, tasks.clone()]).is_err());
        let labelled = Route { labels: mc_api::Labels([("a".into(), "b".into())].into()), ..tasks.clone() };
        assert!(check_routes(&[labelled.clone(), tasks.clone()]).is_ok());
        assert!(check_routes(&[tasks, labelled]).is_err());
    }

    #[test]
    fn a_fingerprint_is_that_of_ssh_keygen() {
        // `ssh-keygen -lf` of this key says the same.
        let key = host_key(
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl github",
        )
        .unwrap();
        assert_eq!(fingerprint(&key).unwrap(), "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU");
        assert!(host_key("ssh-dss AAAA").is_none() && host_key("ssh-ed25519").is_none());
    }
}
