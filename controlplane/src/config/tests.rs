//! Sources, precedence, and every problem at once.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Parser as _;

use super::*;

fn file(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn sources(options: &[&str], environment: &[(&str, &str)], path: Option<&PathBuf>) -> Sources {
    let words = ["mc-controlplane"].iter().chain(options).copied();
    let mut sources = Args::parse_from(words).options.into_sources();
    sources.environment =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    match path {
        Some(path) => sources.with_file(path),
        None => sources,
    }
}

fn problems(sources: &Sources) -> Vec<Problem> {
    Config::read(sources).expect_err("something is wrong").0
}

#[test]
fn an_option_wins_over_the_environment_and_that_over_the_file() {
    let text = "data_dir = \"/from/file\"\nhttp = \"127.0.0.1:1\"\ngrpc = \"127.0.0.1:2\"\nadvertise = [\"a\", \"b\"]\n\
        [object_storage]\nbucket = \"artifacts\"\naccess_key = \"id\"\naccess_secret = \"hush\"\npath_style = true\n\
        [embeddings]\nquery_timeout_ms = 900\n";
    let (_folder, path) = file("mc.toml", text);
    let given = sources(
        &["--http", "127.0.0.1:7"],
        &[("MC_HTTP", "127.0.0.1:8"), ("MC_GRPC", "127.0.0.1:9"), ("MC_ADVERTISE", " ")],
        Some(&path),
    );
    let config = Config::read(&given).unwrap();
    assert_eq!((config.http.port(), config.grpc.unwrap().port()), (7, 9));
    assert_eq!(config.data_dir, PathBuf::from("/from/file"));
    assert_eq!(config.advertise, ["a", "b"], "an empty variable counts as absent");
    assert_eq!(config.embeddings.query_timeout.as_millis(), 900);
    let object_storage::Provider::S3(bucket) = &config.object_storage.provider else { panic!("a folder") };
    assert!(bucket.path_style && bucket.access_secret.expose() == "hush");
    let report = Report::of(&given);
    assert!(report.ok);
    let shown = report.to_string();
    assert!(shown.contains("MC_HTTP=127.0.0.1:7  (option --http)"), "{shown}");
    assert!(shown.contains(&format!("MC_DATA_DIR=/from/file  (file {})", path.display())), "{shown}");
    assert!(shown.contains("MC_GRPC=127.0.0.1:9  (environment)") && !shown.contains("hush"), "{shown}");
}

#[test]
fn yaml_says_the_same_as_toml() {
    let text = "data_dir: /d\nadvertise: [a, b]\nbehind_proxy: true\nsessions_per_principal: 3\nembeddings:\n  provider: builtin\n\
        mqtt: none\ngrpc: null\n";
    for name in ["mc.yaml", "mc.yml"] {
        let (_folder, path) = file(name, text);
        let config = Config::read(&sources(&[], &[], Some(&path))).unwrap();
        assert_eq!((config.sessions_per_principal, config.behind_proxy, config.grpc), (3, true, None));
        assert_eq!((config.mqtt, config.advertise.len()), (Some(MqttListen::Off), 2));
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_its_source_and_never_a_secret() {
    let text = "database_urll = \"x\"\nhttp = [1]\nembeddings.provider = \"word2vec\"\n";
    let (_folder, path) = file("mc.toml", text);
    let given = sources(
        &["--grpc", "localhost"],
        &[
            ("MC_DATABASE_URL", "mysql://me:very-secret@h/d"),
            ("MC_OBJECT_STORAGE_PROVIDER", "s3"),
            ("MC_OBJECT_STORAGE_ACCESS_SECRET", "very-secret"),
            ("MC_OBJECT_STORAGE_ACCESS_SECRET_FILE", "/nonexistent"),
            ("MC_GOV_PROFILE", "loose"),
            ("MC_BEHIND_PROXY", "perhaps"),
            ("MC_PUBLIC_URL", "https://me:very-secret@mc.example.org"),
            ("MC_TOKEN", "short"),
            ("MC_ADVERTISE", "mc.example.org:8009"),
            ("MC_LOG", "controlplane=loud"),
            ("MC_ROOT_KEY_FILE", "/nonexistent/root.key"),
        ],
        Some(&path),
    );
    let found = problems(&given);
    let at = |key: &str| {
        found.iter().find(|problem| problem.key == key).unwrap_or_else(|| panic!("{key}: {found:?}"))
    };
    let file_source = format!("file {}", path.display());
    for (key, source) in [
        ("database_urll", file_source.as_str()),
        ("http", &file_source),
        ("MC_EMBEDDINGS_PROVIDER", &file_source),
        ("MC_GRPC", "option --grpc"),
        ("MC_DATABASE_URL", "environment"),
        ("MC_DATA_DIR", "not set"),
        ("MC_OBJECT_STORAGE_BUCKET", "not set"),
        ("MC_OBJECT_STORAGE_ACCESS_KEY", "not set"),
        ("MC_OBJECT_STORAGE_ACCESS_SECRET_FILE", "environment"),
        ("MC_GOV_PROFILE", "environment"),
        ("MC_BEHIND_PROXY", "environment"),
        ("MC_PUBLIC_URL", "environment"),
        ("MC_TOKEN", "environment"),
        ("MC_ADVERTISE", "environment"),
        ("MC_LOG", "environment"),
        ("MC_ROOT_KEY_FILE", "environment"),
    ] {
        assert_eq!(at(key).source, source, "{key}");
        assert!(!at(key).expected.is_empty(), "{key}");
    }
    assert_eq!(found.len(), 16, "{found:#?}");
    assert_eq!(at("database_urll").expected, "database_url");
    assert_eq!(at("MC_GRPC").example, "MC_GRPC=0.0.0.0:8009");
    assert!(
        at("MC_GOV_PROFILE").problem.contains("loose") && at("MC_GOV_PROFILE").expected.contains("standard")
    );
    let told = Problems(found).to_string();
    assert!(told.starts_with("the configuration has 16 problems:"), "{told}");
    let report = Report::of(&given);
    let all = format!("{told}{report}{}", serde_json::to_string(&report).unwrap());
    assert!(!all.contains("very-secret") && !report.ok, "{all}");
}

#[test]
fn a_file_that_cannot_be_used_is_told() {
    for (name, text, says) in [
        ("mc.toml", "data_dir = ", "mc.toml"),
        ("mc.yaml", "data_dir: [", "no YAML"),
        ("mc.yaml", "- a\n", "no mapping"),
        ("mc.yaml", "data_dir: /a\ndata_dir: /b\n", "no YAML"),
        ("mc.conf", "data_dir=/a", "no ending that is known"),
    ] {
        let (_folder, path) = file(name, text);
        let found = problems(&sources(&["--data-dir", "/d"], &[], Some(&path)));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].key == "--config" && found[0].problem.contains(says), "{text:?}: {}", found[0]);
    }
    let (folder, _) = file("x", "");
    let found = problems(&sources(&["--data-dir", "/d"], &[], Some(&folder.path().join("absent.toml"))));
    assert!(found[0].problem.contains("absent.toml cannot be read"), "{}", found[0]);
    let (_folder, path) = file("mc.yaml", "object_storage:\n  region: a\nobject_storage_region: b\n");
    let found = problems(&sources(&["--data-dir", "/d"], &[], Some(&path)));
    assert!(found.len() == 1 && found[0].problem.contains("twice"), "{found:?}");
}

#[test]
fn secrets_come_from_files_and_the_stronger_source_counts() {
    let (_folder, secret) = file("url", "postgres://mc:hush@h/d\n");
    let secret = secret.to_str().unwrap();
    let read = |environment: &[(&str, &str)], path: Option<&PathBuf>| {
        Config::read(&sources(&["--data-dir", "/d"], environment, path))
    };
    let config = read(&[("MC_DATABASE_URL_FILE", secret)], None).unwrap();
    assert_eq!(config.database.as_deref(), Some("postgres://mc:hush@h/d"));
    let both = [("MC_DATABASE_URL_FILE", secret), ("MC_DATABASE_URL", "sqlite:/x")];
    assert!(read(&both, None).unwrap_err().to_string().contains("are both set"));
    let (_folder, weaker) = file("mc.toml", "database_url = \"sqlite:/x\"\n");
    let config = read(&[("MC_DATABASE_URL_FILE", secret)], Some(&weaker)).unwrap();
    assert_eq!(config.database.as_deref(), Some("postgres://mc:hush@h/d"));
    for content in ["", " \n"] {
        let (_folder, empty) = file("url", content);
        let error = read(&[("MC_DATABASE_URL_FILE", empty.to_str().unwrap())], None).unwrap_err().to_string();
        assert!(error.contains("MC_DATABASE_URL_FILE") && error.contains("is empty"), "{error}");
    }
    let (_folder, token) = file("token", "mcb_a-long-bootstrap-token\n");
    let config = read(&[("MC_TOKEN_FILE", token.to_str().unwrap())], None).unwrap();
    assert_eq!(config.bootstrap_token.as_deref(), Some("mcb_a-long-bootstrap-token"));
}

#[test]
fn a_token_of_a_client_in_the_environment_means_nothing_and_in_a_file_is_a_mistake() {
    let read =
        |environment: &[(&str, &str)]| Config::read(&sources(&["--data-dir", "/d"], environment, None));
    assert_eq!(read(&[("MC_TOKEN", "mcs_whatever")]).unwrap().bootstrap_token, None);
    let (_folder, token) = file("token", "mcs_whatever");
    let error = read(&[("MC_TOKEN_FILE", token.to_str().unwrap())]).unwrap_err().to_string();
    assert!(error.contains("MC_TOKEN") && !error.contains("mcs_whatever"), "{error}");
}

#[test]
fn two_doors_at_one_address_are_refused() {
    let given = [
        "--data-dir",
        "/d",
        "--http",
        "127.0.0.1:8010",
        "--grpc",
        "127.0.0.1:8010",
        "--mqtt",
        "127.0.0.1:8010",
    ];
    let found = problems(&sources(&given, &[], None));
    let keys: Vec<&str> = found.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(keys, ["MC_GRPC", "MC_MQTT", "MC_MQTT"]);
}

#[test]
fn another_broker_takes_the_place_of_our_own() {
    let url = ("MC_MQTT_BROKER_URL", "mqtts://mqtt.example.org:8883");
    let read = |mqtt: &str| sources(&["--data-dir", "/d", "--mqtt", mqtt], &[url], None);
    let config = Config::read(&read("none")).unwrap();
    assert_eq!(config.mqtt_address(), None);
    assert_eq!(config.mqtt_broker.unwrap().public.to_string(), "mqtt.example.org:8883");
    let without = Config::read(&sources(&["--data-dir", "/d"], &[url], None)).unwrap();
    assert_eq!(without.mqtt_address(), None, "also not at its usual address");
    let found = problems(&read("127.0.0.1:8883"));
    assert!(found.len() == 1 && found[0].key == "MC_MQTT", "{found:?}");
    let (_folder, path) =
        file("mc.toml", "data_dir = \"/d\"\n[mqtt_broker]\nurl = \"http://x\"\ncert_file = \"/x\"\n");
    let found = problems(&sources(&[], &[], Some(&path)));
    let keys: Vec<&str> = found.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(keys, ["MC_MQTT_BROKER_URL", "MC_MQTT_BROKER_KEY_FILE", "MC_MQTT_BROKER_CERT_FILE"]);
}

#[test]
fn options_may_stand_before_and_after_the_command() {
    for words in [["--data-dir", "/d", "migrate"], ["migrate", "--data-dir", "/d"]] {
        let args = Args::try_parse_from(["mc-controlplane"].iter().chain(&words)).unwrap();
        assert_eq!(args.command, Some(Command::Migrate));
        assert_eq!(Config::read(&args.options.into_sources()).unwrap().data_dir, PathBuf::from("/d"));
    }
    assert_eq!(Args::try_parse_from(["mc-controlplane", "serve"]).unwrap().command, Some(Command::Serve));
    assert!(Args::try_parse_from(["mc-controlplane", "--no-such-option"]).is_err());
}

/// Variables that the server reads stand in the first part of the example file.
#[test]
fn the_example_file_names_every_setting_once() {
    let example = include_str!("../../../.env.example");
    let lines = example.lines().filter_map(|line| line.strip_prefix('#').unwrap_or(line).split_once('='));
    let named: Vec<&str> = lines.map(|(name, _)| name).filter(|name| name.starts_with("MC_")).collect();
    let once: BTreeSet<&str> = named.iter().copied().collect();
    assert_eq!(once.len(), named.len(), "a name stands twice in .env.example");
    for key in key::all() {
        assert!(once.contains(key.name), "{} is not in .env.example", key.name);
    }
}

#[test]
fn every_option_is_in_the_table_and_every_twin_has_its_secret() {
    use clap::CommandFactory as _;
    let command = Args::command();
    let known: BTreeSet<String> = key::all().filter_map(|key| key.option).map(str::to_owned).collect();
    let options: BTreeSet<String> = command
        .get_arguments()
        .filter_map(|argument| argument.get_long())
        .filter(|long| !matches!(*long, "config" | "help" | "version"))
        .map(|long| format!("--{long}"))
        .collect();
    assert_eq!(options, known);
    for key in key::all().filter(|key| key.is_secret) {
        assert!(key::find(&format!("{}_FILE", key.name)).is_some(), "{} has no file", key.name);
    }
}

/// Written anew with `MC_BLESS=1`.
#[test]
fn the_reference_lists_every_setting() {
    use std::fmt::Write as _;
    let mut table =
        String::from("| variable | option | in a file | what it is | example |\n|---|---|---|---|---|\n");
    for key in key::all() {
        let option = key.option.map_or_else(String::new, |option| format!("`{option}`"));
        let secret = if key.is_secret { " (secret)" } else { "" };
        let (about, example) = (key.about.replace('|', "\\|"), key.example);
        writeln!(
            table,
            "| `{}` | {option} | `{}` | {about}{secret} | `{example}` |",
            key.name,
            key.file_name()
        )
        .unwrap();
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guides/configuration.md");
    let guide = std::fs::read_to_string(path).unwrap();
    let (before, rest) = guide.split_once("<!-- settings -->\n").unwrap();
    let (old, after) = rest.split_once("<!-- end of settings -->").unwrap();
    if std::env::var_os("MC_BLESS").is_some() {
        std::fs::write(path, format!("{before}<!-- settings -->\n{table}<!-- end of settings -->{after}"))
            .unwrap();
        return;
    }
    assert_eq!(old, table, "docs/guides/configuration.md: write it anew with MC_BLESS=1");
}
