//! Compiles `proto/` with protox, so that no protoc is needed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Asked when it runs: the compiled script may serve another checkout that shares the target folder.
    #[expect(clippy::disallowed_methods, reason = "this is how cargo tells a build script")]
    let package = std::env::var("CARGO_MANIFEST_DIR")?;
    let root = std::path::Path::new(&package).join("../../proto");
    let file = "missioncontrol/mesh/v1/mesh.proto";
    println!("cargo::rerun-if-changed={}", root.join(file).display());
    let descriptors = protox::compile([file], [&root])?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
