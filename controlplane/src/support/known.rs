//! What a process knows of its own settings: where they come from, and the secrets that must never be shown.

use std::path::Path;

use crate::config::{Config, Secret, Setting, embeddings, object_storage};

/// Settings, and secrets.
#[derive(Debug)]
pub(crate) struct Known {
    /// Every setting that was given; without the values of secret ones.
    pub(super) settings: Vec<Setting>,
    secrets: Vec<Secret>,
}

impl Known {
    /// Of a configuration, and of the token in its data folder.
    pub(crate) fn of(config: &Config) -> Self {
        let mut secrets: Vec<Secret> = Vec::new();
        secrets.extend(config.bootstrap_token.clone().map(Secret::new));
        secrets.extend(token(&config.data_dir.join("token")).map(Secret::new));
        secrets.extend(config.metrics_token.clone());
        secrets.extend(password(&config.database_url()).map(Secret::new));
        if let object_storage::Provider::S3(bucket) = &config.object_storage.provider {
            secrets.push(bucket.access_secret.clone());
            secrets.push(Secret::new(bucket.access_key.clone()));
        }
        secrets.extend(config.mqtt_broker.iter().filter_map(|broker| Some(broker.login.as_ref()?.1.clone())));
        if let embeddings::Provider::OpenAi(endpoint) = &config.embeddings.provider {
            secrets.extend(endpoint.api_key.clone());
        }
        Self { settings: config.given.clone(), secrets }
    }

    /// The secrets themselves, the longest first, so that one within another leaves nothing of it.
    pub(super) fn secrets(&self) -> Vec<String> {
        let mut all: Vec<String> = self.secrets.iter().map(|secret| secret.expose().to_owned()).collect();
        all.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        all
    }
}

/// The bootstrap token that was made at the first start. Without the file nobody could have read it from there.
fn token(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

/// The password in the URL of a database, as it stands there.
fn password(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    // The last @ ends the password: it may hold others that were not encoded.
    let (user, _) = authority.rsplit_once('@')?;
    user.split_once(':').map(|(_, password)| password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_of_a_url_is_found() {
        for (url, expected) in [
            ("postgres://mc:hunter2!@db:5432/mc", Some("hunter2!")),
            ("postgres://mc:a@b@db/mc?sslmode=require", Some("a@b")),
            ("postgres://mc@db/mc", None),
            ("sqlite:/var/lib/x", None),
        ] {
            assert_eq!(password(url).as_deref(), expected, "{url}");
        }
    }
}
