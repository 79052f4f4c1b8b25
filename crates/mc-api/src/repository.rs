//! Repositories, by one canonical text for every way in which a remote is written.

use serde::{Deserialize, Deserializer, Serialize, de};

/// A repository as reservations name it: `host/path` for a remote, an absolute path for a local one. Where `host/path`
/// could be read as something else (a host without a dot), `ssh://` stands before it, however it is cloned. The canonical
/// text is read as itself.
///
/// Scheme, user, password, the suffix `.git` and slashes at the end are left out, the host is lowercase: whoever clones
/// by HTTPS meets whoever clones by SSH. The port of SSH is left out too; another port of HTTP stays, because it may be
/// another server. The case of the path is kept, since hosts differ in what they make of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, max_length = 512)]
pub struct Repository(String);

/// Why a text names no repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRepository {
    /// Empty, over [`Repository::MAX_BYTES`], or with control characters.
    #[error("a repository has 1 to {} bytes without control characters", Repository::MAX_BYTES)]
    Text,
    /// A relative local path: another process would read it otherwise.
    #[error(
        "a local repository is named by its absolute path; a remote by https://host/path or git@host:path"
    )]
    Relative,
    /// No host, or no path behind it.
    #[error("a remote needs a host and a path")]
    Incomplete,
    /// `..`, a query or a fragment.
    #[error("the path of a repository has no `..`, `?` or `#`")]
    Path,
    /// `ftp://` and the like.
    #[error("the scheme {0:?} is not one that Git clones by: https, http, ssh, git, file")]
    Scheme(String),
}

impl Repository {
    /// At most this many bytes.
    pub const MAX_BYTES: usize = 512;

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Repository {
    type Err = InvalidRepository;
    fn from_str(text: &str) -> Result<Self, InvalidRepository> {
        let read = read(text.trim())?;
        // What is written out may be longer than what was given.
        if read.0.len() > Self::MAX_BYTES { Err(InvalidRepository::Text) } else { Ok(read) }
    }
}

fn read(text: &str) -> Result<Repository, InvalidRepository> {
    if text.is_empty() || text.len() > Repository::MAX_BYTES || text.chars().any(char::is_control) {
        return Err(InvalidRepository::Text);
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        return match scheme.to_ascii_lowercase().as_str() {
            "file" => local(rest.strip_prefix("localhost").unwrap_or(rest)),
            "https" => remote(rest, Some(("https", "443"))),
            "http" => remote(rest, Some(("http", "80"))),
            "ssh" | "git" | "git+ssh" | "ssh+git" => remote(rest, None),
            _ => Err(InvalidRepository::Scheme(scheme.chars().take(16).collect())),
        };
    }
    if text.starts_with('/') {
        return local(text);
    }
    // As Git reads it: a colon before the first slash means another host.
    if let Some((host, path)) = text.split_once(':')
        && !host.contains('/')
    {
        // One letter is a drive of Windows.
        return if host.len() < 2 { Err(InvalidRepository::Relative) } else { joined(host, path) };
    }
    // The canonical text itself.
    match text.split_once('/') {
        Some((host, path)) if is_plain(host) => joined(host, path),
        _ => Err(InvalidRepository::Relative),
    }
}

/// Whether a host cannot be taken for a folder or another form.
fn is_plain(host: &str) -> bool {
    host.contains('.') && !host.starts_with('.') && !host.contains(':')
}

/// The segments of a path that say something.
fn segments(path: &str) -> Result<Vec<&str>, InvalidRepository> {
    let mut segments: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if segments.iter().any(|part| *part == ".." || part.contains(['?', '#'])) {
        return Err(InvalidRepository::Path);
    }
    if segments.last() == Some(&".git") {
        segments.pop();
    } else if let Some(last) = segments.last_mut() {
        *last = last.strip_suffix(".git").unwrap_or(last);
    }
    if segments.is_empty() { Err(InvalidRepository::Incomplete) } else { Ok(segments) }
}

fn local(path: &str) -> Result<Repository, InvalidRepository> {
    if !path.starts_with('/') {
        return Err(InvalidRepository::Relative);
    }
    Ok(Repository(format!("/{}", segments(path)?.join("/"))))
}

/// `[user@]host[:port]/path`; another port than the usual one of this scheme means another server.
fn remote(rest: &str, usual: Option<(&str, &str)>) -> Result<Repository, InvalidRepository> {
    let (authority, path) = rest.split_once('/').ok_or(InvalidRepository::Incomplete)?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => match usual {
            Some((scheme, usual)) if port != usual && !port.is_empty() => {
                let (host, path) = (checked(name)?, segments(path)?.join("/"));
                Ok(Repository(format!("{scheme}://{host}:{port}/{path}")))
            }
            Some(_) | None => joined(name, path),
        },
        _ => joined(host, path),
    }
}

fn joined(host: &str, path: &str) -> Result<Repository, InvalidRepository> {
    let host = checked(host.rsplit_once('@').map_or(host, |(_, host)| host))?;
    let scheme = if is_plain(&host) { "" } else { "ssh://" };
    Ok(Repository(format!("{scheme}{host}/{}", segments(path)?.join("/"))))
}

fn checked(host: &str) -> Result<String, InvalidRepository> {
    if host.is_empty() || host.contains([' ', '\\']) {
        return Err(InvalidRepository::Incomplete);
    }
    Ok(host.to_ascii_lowercase())
}

impl std::fmt::Display for Repository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for Repository {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

crate::database_text!(Repository, |value| value.as_str(), |text| text.parse::<Repository>());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_remote_means_one_repository() {
        for text in [
            "https://host.example/x/y.git",
            "https://host.example/x/y",
            "https://host.example/x/y/",
            "https://host.example:443/x//y.git/",
            "https://user:secret@HOST.example/x/y.git",
            "http://host.example:80/x/y",
            "ssh://git@host.example/x/y.git",
            "ssh://git@host.example:7999/x/y.git",
            "SSH://host.example/x/y",
            "git://host.example/x/y.git",
            "git@host.example:x/y.git",
            "git@host.example:/x/y",
            "host.example:x/y",
            "host.example/x/y",
            " git@host.example:x/y.git\n".trim_end_matches('\n'),
        ] {
            assert_eq!(text.parse::<Repository>().unwrap().as_str(), "host.example/x/y", "{text}");
        }
    }

    #[test]
    fn a_local_repository_is_its_absolute_path() {
        for text in [
            "/srv/git/x y",
            "/srv//git/./x y/",
            "/srv/git/x y.git",
            "/srv/git/x y/.git",
            "file:///srv/git/x y.git",
        ] {
            assert_eq!(text.parse::<Repository>().unwrap().as_str(), "/srv/git/x y", "{text}");
        }
    }

    #[test]
    fn what_may_be_another_repository_stays_another() {
        let canonical = |text: &str| text.parse::<Repository>().unwrap().to_string();
        assert_eq!(canonical("https://h.example:8443/x/y"), "https://h.example:8443/x/y");
        assert_eq!(canonical("git@Intern:x/y.git"), "ssh://intern/x/y");
        assert_eq!(canonical("https://intern/x/y"), "ssh://intern/x/y");
        assert_ne!(canonical("https://h.example/X/y"), canonical("https://h.example/x/y"));
        assert_ne!(canonical("/srv/x"), canonical("srv:x"));
    }

    #[test]
    fn the_canonical_text_is_read_as_itself_and_keeps_no_secret() {
        for text in [
            "https://u:secret@h.example:8443/x/y.git",
            "http://u:secret@h:8080/x",
            "git@h.example:x",
            "git@intern:x",
            "/srv/a",
            "ssh://u:secret@[::1]:22/x/y",
            "https://[::1]:8443/x/y",
        ] {
            let one: Repository = text.parse().unwrap();
            assert_eq!(one.as_str().parse::<Repository>().as_ref(), Ok(&one), "{text}");
            assert!(!one.as_str().contains("secret"));
        }
    }

    #[test]
    fn what_names_no_repository_says_why() {
        for (text, why) in [
            ("", InvalidRepository::Text),
            ("a\nb", InvalidRepository::Text),
            ("../x", InvalidRepository::Relative),
            ("x", InvalidRepository::Relative),
            ("C:/x", InvalidRepository::Relative),
            ("https://h.example", InvalidRepository::Incomplete),
            ("https://h.example/.git", InvalidRepository::Incomplete),
            ("https:///x/y", InvalidRepository::Incomplete),
            ("/", InvalidRepository::Incomplete),
            ("https://h.example/x/../y", InvalidRepository::Path),
            ("https://h.example/x?token=secret", InvalidRepository::Path),
            ("ftp://h.example/x", InvalidRepository::Scheme("ftp".into())),
        ] {
            assert_eq!(text.parse::<Repository>(), Err(why), "{text:?}");
        }
        assert_eq!("/".repeat(600).parse::<Repository>(), Err(InvalidRepository::Text));
        assert_eq!(format!("hh:{}", "x".repeat(508)).parse::<Repository>(), Err(InvalidRepository::Text));
    }
}
