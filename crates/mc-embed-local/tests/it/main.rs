//! Folders that are no model, and the real one.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::io::Write as _;
use std::path::PathBuf;

use mc_embed_local::{Error, Model};

#[expect(clippy::disallowed_methods, reason = "what the test run was given is read here")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The folder of MC_TEST_MODEL; `None` when the test is skipped, which it says aloud. In CI nothing is skipped.
fn folder(test: &str) -> Option<PathBuf> {
    if let Some(folder) = environment("MC_TEST_MODEL") {
        return Some(folder.into());
    }
    assert!(
        environment("CI").as_deref() != Some("true"),
        "MC_TEST_MODEL is not set: scripts/embedding-model.sh"
    );
    eprintln!("SKIPPED {test}: MC_TEST_MODEL is not set");
    if let Some(path) = environment("MC_TEST_SKIPPED_FILE") {
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
        // One write, so that lines of tests that run at once do not mix.
        file.write_all(format!("{test}: MC_TEST_MODEL is not set\n").as_bytes()).unwrap();
    }
    None
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// A folder with what is enough until the weights are asked for.
fn without_weights() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let config = r#"{"vocab_size": 2, "hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 1,
        "intermediate_size": 4, "hidden_act": "gelu", "hidden_dropout_prob": 0.0, "max_position_embeddings": 8,
        "type_vocab_size": 2, "initializer_range": 0.02, "layer_norm_eps": 1e-12, "pad_token_id": 0}"#;
    let tokenizer = r#"{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": null, "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "a": 1}, "unk_token": "[UNK]"}}"#;
    std::fs::write(dir.path().join("config.json"), config).unwrap();
    std::fs::write(dir.path().join("tokenizer.json"), tokenizer).unwrap();
    dir
}

#[test]
fn the_missing_file_is_named() {
    let dir = without_weights();
    for name in ["model.safetensors", "tokenizer.json", "config.json"] {
        let _ = std::fs::remove_file(dir.path().join(name));
        let error = Model::load(dir.path()).err().unwrap();
        assert!(matches!(&error, Error::File { path, .. } if path.ends_with(name)), "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn the_broken_file_is_named() {
    for name in ["model.safetensors", "tokenizer.json", "config.json"] {
        let dir = without_weights();
        std::fs::write(dir.path().join(name), "not what it should be").unwrap();
        let error = Model::load(dir.path()).err().unwrap();
        assert!(matches!(&error, Error::Format { path, .. } if path.ends_with(name)), "{error}");
    }
}

#[test]
fn near_texts_have_near_vectors_whatever_they_are_batched_with() {
    let Some(folder) = folder("near_texts_have_near_vectors") else { return };
    let model = Model::load(&folder).unwrap();
    let long = "word ".repeat(3000);
    let texts = [
        "The server crashes when the configuration file is empty",
        "Daemon panics on an empty config",
        "Order twelve blue chairs for the meeting room",
        "",
        "退会したユーザー",
        long.as_str(),
    ];
    let together = model.embed(&texts).unwrap();
    assert_eq!(together.len(), texts.len());
    for (text, vector) in texts.iter().zip(&together) {
        assert_eq!(vector.len(), model.dimensions());
        assert!((dot(vector, vector) - 1.0).abs() < 1e-4);
        let alone = model.embed(&[text]).unwrap().remove(0);
        assert!(dot(&alone, vector) > 0.9999, "padding must not change a vector");
    }
    let (near, far) = (dot(&together[0], &together[1]), dot(&together[0], &together[2]));
    assert!(near > 0.5 && far < 0.2, "{near} {far}");
    assert!(model.embed(&[]).unwrap().is_empty());
    let many: Vec<&str> = std::iter::repeat_n("a b", mc_embed_local::BATCH * 2 + 1).collect();
    assert_eq!(model.embed(&many).unwrap().len(), many.len());
}
