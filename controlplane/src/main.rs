//! `mc-controlplane`: the API server of MissionControl.

use std::process::ExitCode;

use clap::Parser as _;
use controlplane::config::Config;
use controlplane::lifetime;
use controlplane::server::{Server, install_metrics};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let config = Config::parse().with_environment_token();
    let filter =
        EnvFilter::try_from_env("MC_LOG").unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,rumqttd=off"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let config = match config.with_object_storage().and_then(Config::with_embeddings) {
        Ok(config) => config,
        Err(error) => {
            tracing::error!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(error = %error, "the runtime cannot be built");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(&config)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(config: &Config) -> anyhow::Result<bool> {
    let server = Server::start(config, install_metrics()?).await?;
    let address = server.address;
    tracing::info!(http = %address, grpc = %server.grpc, data_dir = %config.data_dir.display(), "serving http://{address} (API docs at /api/docs)");
    let stop = server.lifetime.stop();
    tokio::select! {
        asked = lifetime::asked_to_stop() => asked?,
        () = stop.cancelled() => {}
    }
    tracing::info!("stopping");
    Ok(server.stop().await)
}
