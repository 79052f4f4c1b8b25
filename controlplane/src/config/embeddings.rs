//! Where the vectors of texts come from: `MC_EMBEDDINGS_*`. No options, because a command line shows secrets.

use std::path::PathBuf;
use std::time::Duration;

use mc_api::system::EmbeddingProvider;

use super::key::Key;
use super::problem::Problems;
use super::reader::{Reader, Secret};

/// Every setting that is read here.
pub const KEYS: &[Key] = &[
    Key::new(PROVIDER, "builtin, local or openai; default builtin", "builtin"),
    Key::new(
        MODEL_DIR,
        "local: folder with config.json, tokenizer.json and model.safetensors",
        "/var/lib/models/minilm",
    ),
    Key::new(BASE_URL, "openai: URL to which /embeddings is appended", "https://api.openai.com/v1"),
    Key::new(MODEL, "openai: name of the model", "text-embedding-3-small"),
    Key::new(API_KEY, "openai: the key; default: none is sent", "…").secret(),
    Key::new(API_KEY_FILE, "openai: file with the key", "/run/secrets/api-key"),
    Key::new(DIMENSIONS, "openai: length of vectors to ask for, 1 to 4000; default: the model's", "512"),
    Key::new(BATCH, "openai: most texts in one request, 1 to 512; default 32", "32"),
    Key::new(MAX_CHARS, "openai: most characters of a text, 256 to 32768; default 6000", "6000"),
    Key::new(TIMEOUT_SECONDS, "openai: how long one request may take, 1 to 300; default 30", "30"),
    Key::new(
        QUERY_TIMEOUT_MS,
        "how long a search waits for the vector of its words, 50 to 10000; default 1500",
        "1500",
    ),
    Key::new(TOKENS_PER_HOUR, "openai: tokens that may be used in an hour; default: any number", "1000000"),
    Key::new(
        TOKENS_PER_DAY,
        "openai: tokens that may be used in a day (UTC); default: any number",
        "5000000",
    ),
    Key::new(UNRELATED_PERCENT, "openai: cosine of unrelated texts in hundredths, 0 to 95; default 0", "0"),
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

fn tokens(reader: &Reader<'_>, name: &str) -> Option<i64> {
    let expected = "a whole number of tokens, 0 for none at all";
    let tokens: i64 = reader.parsed(name, expected)?;
    if tokens < 0 {
        reader.refuse_value(name, expected);
    }
    Some(tokens)
}

fn base_url(reader: &Reader<'_>) -> String {
    let expected = "a URL without query, such as https://api.openai.com/v1";
    let Some(given) = reader.needed(BASE_URL, "for the provider openai", expected) else {
        return String::new();
    };
    let url = given.trim_end_matches('/').to_owned();
    match url.parse::<http::Uri>() {
        Ok(uri) if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) => {
            // What stands before the @ may be a secret.
            reader.refuse(BASE_URL, "it holds a user name", format!("the key as {API_KEY}"));
        }
        Ok(uri)
            if matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some_and(|host| !host.is_empty())
                && uri.query().is_none() => {}
        _ => reader.refuse(BASE_URL, "it cannot be used", expected),
    }
    url
}

fn local(reader: &Reader<'_>) -> Provider {
    let folder = reader.needed(MODEL_DIR, "for the provider local", "a folder").unwrap_or_default();
    if !folder.is_empty() && !PathBuf::from(&folder).is_dir() {
        reader.refuse(MODEL_DIR, format!("{folder:?} is no folder"), "a folder");
    }
    if !cfg!(feature = "local-embeddings") {
        let build = "a build with --features mc-controlplane/local-embeddings";
        reader.refuse(PROVIDER, "this build cannot do local", build);
    }
    Provider::Local(folder.into())
}

impl Embeddings {
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
        let query_timeout = Duration::from_millis(reader.number(QUERY_TIMEOUT_MS, 1500, 50..=10_000));
        let provider = match reader.text(PROVIDER).as_deref() {
            None | Some("builtin") => {
                // A folder or an endpoint alone is a mistake that would silently be ignored.
                for (name, provider) in [(MODEL_DIR, "local"), (BASE_URL, "openai")] {
                    if reader.text(name).is_some() {
                        let problem = format!("it is set, but {PROVIDER} is not {provider}");
                        reader.refuse(name, problem, format!("{PROVIDER}={provider}"));
                    }
                }
                Provider::Builtin
            }
            Some("local") => local(reader),
            Some("openai") => Provider::OpenAi(Box::new(open_ai(reader))),
            Some(_) => {
                reader.refuse_value(PROVIDER, "builtin, local or openai");
                Provider::Builtin
            }
        };
        Self { provider, query_timeout }
    }
}

fn open_ai(reader: &Reader<'_>) -> OpenAi {
    let expected = "a whole number, 1 to 4000";
    let dimensions: Option<i32> = reader.parsed(DIMENSIONS, expected);
    if dimensions.is_some_and(|wanted| !(1..=MAX_DIMENSIONS).contains(&wanted)) {
        reader.refuse_value(DIMENSIONS, expected);
    }
    let small = |name, usual, range| usize::try_from(reader.number(name, usual, range)).unwrap_or(usize::MAX);
    let unrelated = u8::try_from(reader.number(UNRELATED_PERCENT, 0, 0..=95)).unwrap_or(0);
    let model = reader.needed(MODEL, "for the provider openai", "the name of a model");
    OpenAi {
        base_url: base_url(reader),
        model: model.unwrap_or_default(),
        api_key: reader.secret(API_KEY),
        dimensions,
        batch: small(BATCH, 32, 1..=512),
        max_chars: small(MAX_CHARS, 6000, 256..=32_768),
        timeout: reader.seconds(TIMEOUT_SECONDS, 30, 1..=300),
        tokens_per_hour: tokens(reader, TOKENS_PER_HOUR),
        tokens_per_day: tokens(reader, TOKENS_PER_DAY),
        unrelated: f32::from(unrelated) / 100.0,
    }
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
            assert!(KEYS.iter().any(|key| key.name == name), "{name} is not in the table");
            set.get(name).map(|text| (*text).to_owned())
        })
        .map_err(|problems| problems.to_string())
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
        for name in KEYS.iter().map(|key| key.name) {
            assert!(example.contains(&format!("#{name}=")), "{name} is not in .env.example");
        }
    }
}
