//! Where the vectors of texts come from: `MC_EMBEDDINGS_*`. By environment only, because a command line shows secrets.

use std::path::PathBuf;
use std::time::Duration;

use mc_api::system::EmbeddingProvider;

use super::object_storage::{Reader, Secret};

/// Every variable that is read here, with what it is for.
pub const VARIABLES: &[(&str, &str)] = &[
    (PROVIDER, "builtin, local or openai; default builtin"),
    (MODEL_DIR, "local: folder with config.json, tokenizer.json and model.safetensors"),
    (BASE_URL, "openai: URL to which /embeddings is appended, such as https://api.openai.com/v1"),
    (MODEL, "openai: name of the model"),
    (API_KEY, "openai: the key; default: none is sent"),
    (API_KEY_FILE, "openai: file with the key"),
    (DIMENSIONS, "openai: length of vectors to ask for, 1 to 4000; default: the model's"),
    (BATCH, "openai: most texts in one request, 1 to 512; default 32"),
    (MAX_CHARS, "openai: most characters of a text, 256 to 32768; default 6000"),
    (TIMEOUT_SECONDS, "openai: how long one request may take, 1 to 300; default 30"),
    (QUERY_TIMEOUT_MS, "how long a search waits for the vector of its words, 50 to 10000; default 1500"),
    (TOKENS_PER_HOUR, "openai: tokens that may be used in an hour; default: any number"),
    (TOKENS_PER_DAY, "openai: tokens that may be used in a day (UTC); default: any number"),
    (UNRELATED_PERCENT, "openai: cosine of unrelated texts in hundredths, 0 to 95; default 0"),
];

const PROVIDER: &str = "MC_EMBEDDINGS_PROVIDER";
const MODEL_DIR: &str = "MC_EMBEDDINGS_MODEL_DIR";
const BASE_URL: &str = "MC_EMBEDDINGS_BASE_URL";
const MODEL: &str = "MC_EMBEDDINGS_MODEL";
const API_KEY: &str = "MC_EMBEDDINGS_API_KEY";
const API_KEY_FILE: &str = "MC_EMBEDDINGS_API_KEY_FILE";
const DIMENSIONS: &str = "MC_EMBEDDINGS_DIMENSIONS";
const BATCH: &str = "MC_EMBEDDINGS_BATCH";
const MAX_CHARS: &str = "MC_EMBEDDINGS_MAX_CHARS";
const TIMEOUT_SECONDS: &str = "MC_EMBEDDINGS_TIMEOUT_SECONDS";
const QUERY_TIMEOUT_MS: &str = "MC_EMBEDDINGS_QUERY_TIMEOUT_MS";
const TOKENS_PER_HOUR: &str = "MC_EMBEDDINGS_TOKENS_PER_HOUR";
const TOKENS_PER_DAY: &str = "MC_EMBEDDINGS_TOKENS_PER_DAY";
const UNRELATED_PERCENT: &str = "MC_EMBEDDINGS_UNRELATED_PERCENT";

/// The longest vector that both databases can index.
pub const MAX_DIMENSIONS: i32 = 4000;

/// Where vectors come from.
#[derive(Debug, Clone)]
pub struct Embeddings {
    /// The provider with its settings.
    pub provider: Provider,
    /// How long a search waits for the vector of its words.
    pub query_timeout: Duration,
}

impl Default for Embeddings {
    fn default() -> Self {
        Self { provider: Provider::Builtin, query_timeout: Duration::from_millis(1500) }
    }
}

/// What makes the vectors.
#[derive(Debug, Clone)]
pub enum Provider {
    /// The control plane itself, without a model.
    Builtin,
    /// A model folder.
    Local(PathBuf),
    /// An endpoint that speaks as OpenAI's does.
    OpenAi(Box<OpenAi>),
}

impl Provider {
    /// The word for it.
    pub fn kind(&self) -> EmbeddingProvider {
        match self {
            Self::Builtin => EmbeddingProvider::Builtin,
            Self::Local(_) => EmbeddingProvider::Local,
            Self::OpenAi(_) => EmbeddingProvider::OpenAi,
        }
    }
}

/// An endpoint and what it may be asked.
#[derive(Debug, Clone)]
pub struct OpenAi {
    /// Without a slash at its end.
    pub base_url: String,
    /// The model.
    pub model: String,
    /// Sent as bearer token.
    pub api_key: Option<Secret>,
    /// The length of vectors to ask for.
    pub dimensions: Option<i32>,
    /// Most texts in one request.
    pub batch: usize,
    /// Most characters of a text.
    pub max_chars: usize,
    /// How long one request may take.
    pub timeout: Duration,
    /// Tokens that may be used in an hour.
    pub tokens_per_hour: Option<i64>,
    /// Tokens that may be used in a day.
    pub tokens_per_day: Option<i64>,
    /// The cosine of unrelated texts: 0 up to 0.95.
    pub unrelated: f32,
}

impl<F: Fn(&str) -> Option<String>> Reader<F> {
    /// A whole number in a range.
    fn number(&self, name: &str, usual: u64, range: std::ops::RangeInclusive<u64>) -> Result<u64, String> {
        let expected = format!("{} to {}", range.start(), range.end());
        let number = self.parsed(name, &expected)?.unwrap_or(usual);
        if !range.contains(&number) {
            return Err(format!("{name}={number}: expected {expected}"));
        }
        Ok(number)
    }

    fn tokens(&self, name: &str) -> Result<Option<i64>, String> {
        let expected = "a whole number of tokens, 0 for none at all";
        let tokens: Option<i64> = self.parsed(name, expected)?;
        match tokens {
            Some(tokens) if tokens < 0 => Err(format!("{name}={tokens}: expected {expected}")),
            tokens => Ok(tokens),
        }
    }

    fn key(&self) -> Result<Option<Secret>, String> {
        match (self.text(API_KEY), self.text(API_KEY_FILE)) {
            (Some(_), Some(_)) => Err(format!("{API_KEY} and {API_KEY_FILE} are both set; keep one")),
            (Some(key), None) => Ok(Some(Secret::new(key))),
            (None, Some(path)) => {
                let key = std::fs::read_to_string(&path)
                    .map_err(|error| format!("{API_KEY_FILE}={path:?} cannot be read: {error}"))?;
                if key.trim().is_empty() {
                    return Err(format!("{API_KEY_FILE}={path:?} is empty"));
                }
                Ok(Some(Secret::new(key.trim())))
            }
            (None, None) => Ok(None),
        }
    }

    fn base_url(&self) -> Result<String, String> {
        let given =
            self.text(BASE_URL).ok_or_else(|| format!("{BASE_URL} is needed for the provider openai"))?;
        let url = given.trim_end_matches('/').to_owned();
        match url.parse::<http::Uri>() {
            Ok(uri) if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) => {
                // What stands before the @ may be a secret.
                Err(format!("{BASE_URL}: expected no user name in the URL; give the key as {API_KEY}"))
            }
            Ok(uri)
                if matches!(uri.scheme_str(), Some("http" | "https"))
                    && uri.host().is_some_and(|host| !host.is_empty())
                    && uri.query().is_none() =>
            {
                Ok(url)
            }
            _ => Err(format!("{BASE_URL}: expected a URL without query, such as https://api.openai.com/v1")),
        }
    }
}

impl Embeddings {
    /// Reads the settings from variables.
    ///
    /// # Errors
    /// What is wrong, naming the variable and never showing a secret.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let reader = Reader(variable);
        let query_timeout = Duration::from_millis(reader.number(QUERY_TIMEOUT_MS, 1500, 50..=10_000)?);
        let provider = match reader.text(PROVIDER).as_deref() {
            None | Some("builtin") => {
                // A folder or an endpoint alone is a mistake that would silently be ignored.
                for (name, provider) in [(MODEL_DIR, "local"), (BASE_URL, "openai")] {
                    if reader.text(name).is_some() {
                        return Err(format!("{name} is set, but {PROVIDER} is not {provider}"));
                    }
                }
                Provider::Builtin
            }
            Some("local") => {
                let folder = reader
                    .text(MODEL_DIR)
                    .ok_or_else(|| format!("{MODEL_DIR} is needed for the provider local"))?;
                if !PathBuf::from(&folder).is_dir() {
                    return Err(format!("{MODEL_DIR}={folder:?} is no folder"));
                }
                if !cfg!(feature = "local-embeddings") {
                    return Err(format!(
                        "{PROVIDER}=local: this build cannot; build it with --features mc-controlplane/local-embeddings"
                    ));
                }
                Provider::Local(folder.into())
            }
            Some("openai") => Provider::OpenAi(Box::new(open_ai(&reader)?)),
            Some(other) => {
                return Err(format!("{PROVIDER}={other:?}: expected builtin, local or openai"));
            }
        };
        Ok(Self { provider, query_timeout })
    }
}

fn open_ai(reader: &Reader<impl Fn(&str) -> Option<String>>) -> Result<OpenAi, String> {
    let dimensions: Option<i32> = reader.parsed(DIMENSIONS, "1 to 4000")?;
    if let Some(wrong) = dimensions.filter(|wanted| !(1..=MAX_DIMENSIONS).contains(wanted)) {
        return Err(format!("{DIMENSIONS}={wrong}: expected 1 to {MAX_DIMENSIONS}"));
    }
    let small = |name, usual, range| {
        reader.number(name, usual, range).map(|number| usize::try_from(number).unwrap_or(usize::MAX))
    };
    let unrelated = u8::try_from(reader.number(UNRELATED_PERCENT, 0, 0..=95)?).unwrap_or(0);
    Ok(OpenAi {
        base_url: reader.base_url()?,
        model: reader.text(MODEL).ok_or_else(|| format!("{MODEL} is needed for the provider openai"))?,
        api_key: reader.key()?,
        dimensions,
        batch: small(BATCH, 32, 1..=512)?,
        max_chars: small(MAX_CHARS, 6000, 256..=32_768)?,
        timeout: reader.seconds(TIMEOUT_SECONDS, 30, 1..=300)?,
        tokens_per_hour: reader.tokens(TOKENS_PER_HOUR)?,
        tokens_per_day: reader.tokens(TOKENS_PER_DAY)?,
        unrelated: f32::from(unrelated) / 100.0,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const BASE: &[(&str, &str)] =
        &[(PROVIDER, "openai"), (BASE_URL, "http://localhost:11434/v1/"), (MODEL, "all-minilm")];

    fn read(base: &[(&str, &str)], more: &[(&str, &str)]) -> Result<Embeddings, String> {
        let set: HashMap<&str, &str> = base.iter().chain(more).copied().collect();
        Embeddings::read(|name| {
            assert!(VARIABLES.iter().any(|(known, _)| *known == name), "{name} is not in the table");
            set.get(name).map(|text| (*text).to_owned())
        })
    }

    #[test]
    fn without_variables_it_is_built_in() {
        assert!(matches!(read(&[], &[]).unwrap().provider, Provider::Builtin));
        // Empty values, as compose files pass them, count as absent.
        assert!(matches!(Embeddings::read(|_| Some(" ".into())).unwrap().provider, Provider::Builtin));
    }

    #[test]
    fn an_endpoint_is_read_with_its_limits() {
        let Provider::OpenAi(read) =
            read(BASE, &[(TOKENS_PER_HOUR, "5000"), (API_KEY, "hush")]).unwrap().provider
        else {
            panic!("no endpoint")
        };
        assert_eq!((read.base_url.as_str(), read.batch), ("http://localhost:11434/v1", 32));
        assert_eq!((read.tokens_per_hour, read.tokens_per_day), (Some(5000), None));
        assert!(!format!("{read:?}").contains("hush"));
    }

    #[test]
    fn mistakes_name_their_variable_and_never_show_a_secret() {
        for (base, more, named) in [
            (&[][..], (PROVIDER, "word2vec"), PROVIDER),
            (&[], (BASE_URL, "http://x/v1"), BASE_URL),
            (&[], (MODEL_DIR, "/tmp"), MODEL_DIR),
            (&[(PROVIDER, "local")], (MODEL, "x"), MODEL_DIR),
            (&[(PROVIDER, "local")], (MODEL_DIR, "/no/such/folder"), MODEL_DIR),
            (BASE, (BASE_URL, "ftp://x"), BASE_URL),
            (BASE, (BASE_URL, "http://me:very-secret@x/v1"), BASE_URL),
            (BASE, (BASE_URL, ""), BASE_URL),
            (BASE, (MODEL, ""), MODEL),
            (BASE, (DIMENSIONS, "4001"), DIMENSIONS),
            (BASE, (DIMENSIONS, "many"), DIMENSIONS),
            (BASE, (BATCH, "0"), BATCH),
            (BASE, (MAX_CHARS, "1"), MAX_CHARS),
            (BASE, (TIMEOUT_SECONDS, "0"), TIMEOUT_SECONDS),
            (BASE, (QUERY_TIMEOUT_MS, "1"), QUERY_TIMEOUT_MS),
            (BASE, (TOKENS_PER_HOUR, "-1"), TOKENS_PER_HOUR),
            (BASE, (TOKENS_PER_DAY, "lots"), TOKENS_PER_DAY),
            (BASE, (UNRELATED_PERCENT, "100"), UNRELATED_PERCENT),
            (BASE, (API_KEY_FILE, "/no/such/file"), API_KEY_FILE),
        ] {
            let error = read(base, &[more]).unwrap_err();
            assert!(error.contains(named), "{error} does not name {named}");
            assert!(!error.contains("very-secret"), "{error}");
        }
        let both = read(BASE, &[(API_KEY, "very-secret"), (API_KEY_FILE, "x")]).unwrap_err();
        assert!(both.contains(API_KEY_FILE) && !both.contains("very-secret"), "{both}");
    }

    #[test]
    fn the_example_environment_lists_every_variable() {
        let example = include_str!("../../../.env.example");
        for (name, _) in VARIABLES {
            assert!(example.contains(&format!("#{name}=")), "{name} is not in .env.example");
        }
    }
}
