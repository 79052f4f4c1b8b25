//! What is part of the binary beside its code: the migrations, and the web UI when it was built.
//!
//! `web/dist` holds what `npm run build` made, each file beside its `.br` and `.gz`. It is there in every checkout, empty
//! at first, so that building the program needs no Node.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

fn files(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files(&path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

fn bytes(path: &Path) -> String {
    match path.to_str() {
        Some(name) if path.exists() => format!("include_bytes!({name:?})"),
        _ => "b\"\"".to_owned(),
    }
}

/// FNV-1a, 64 bits: it tells two builds of one file apart.
fn digest(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "cargo:rerun-if-changed=../migrations")?;
    writeln!(out, "cargo:rerun-if-changed=../web/dist")?;
    let root = std::path::absolute("../web/dist")?;
    let mut found = Vec::new();
    if root.is_dir() {
        files(&root, &mut found)?;
    }
    let mut table = Vec::new();
    for file in &found {
        let Some(path) = file.strip_prefix(&root).ok().and_then(Path::to_str) else { continue };
        let is_compressed = file.extension().is_some_and(|extension| extension == "br" || extension == "gz");
        if path.starts_with('.') || is_compressed {
            continue;
        }
        let beside = |extension: &str| bytes(&PathBuf::from(format!("{}.{extension}", file.display())));
        let line = format!(
            "    File {{ path: {path:?}, plain: {}, brotli: {}, gzip: {}, digest: \"{:016x}\" }},",
            bytes(file),
            beside("br"),
            beside("gz"),
            digest(&std::fs::read(file)?),
        );
        table.push((path.to_owned(), line));
    }
    table.sort();
    let mut text = String::from("static FILES: &[File] = &[\n");
    for (_, line) in &table {
        writeln!(text, "{line}").map_err(std::io::Error::other)?;
    }
    text.push_str("];\n");
    let target = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default()).join("ui_files.rs");
    std::fs::write(target, text)
}
