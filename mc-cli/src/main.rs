//! The binary `mc`; everything is in the library.

fn main() -> std::process::ExitCode {
    mc_cli::main(std::env::args_os())
}
