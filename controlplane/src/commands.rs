//! What `mc-controlplane` does: serve, migrate, check its configuration, copy an installation.

use mc_api::installation::{CopySummary, Migration, ProgramAbout};
use tracing_subscriber::EnvFilter;

use crate::backup;
use crate::config::{Args, Command, Config, LogFormat, Output, Report};
use crate::error::Error;
use crate::lifetime::{self, OnExit};
use crate::opening::{self, causes};
use crate::server::{self, Server, install_metrics};
use crate::service_manager;

/// Carries out a command line; `false`: it failed, and was told.
pub fn run(mut args: Args) -> bool {
    let command = args.command.take().unwrap_or(Command::Serve);
    let sources = args.into_sources();
    if let Command::CheckConfig { output } = command {
        return check_config(&Report::of(&sources), output);
    }
    if let Command::About { output } = command {
        return about(output);
    }
    let config = match Config::read(&sources) {
        Ok(config) => config,
        Err(problems) => {
            // The log is set by what could not be read.
            say(&mut std::io::stderr(), &problems.to_string());
            return false;
        }
    };
    start_log(&config);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(error = %error, "the runtime cannot be built");
            return false;
        }
    };
    let ended = runtime.block_on(async {
        match command {
            Command::Migrate => migrate(&config).await,
            Command::Backup { args, output } => {
                let out = Shown { output, is_apart: args.to == std::path::Path::new("-") };
                out.ended(unless_stopped(Box::pin(backup::backup(&config, &args))).await)
            }
            Command::Restore { args, output } => {
                let out = Shown { output, is_apart: false };
                out.ended(unless_stopped(Box::pin(backup::restore(&config, &args))).await)
            }
            Command::Copy { args, output } => {
                let out = Shown { output, is_apart: false };
                out.ended(unless_stopped(Box::pin(backup::copy(&config, &args))).await)
            }
            Command::Serve | Command::CheckConfig { .. } | Command::About { .. } => serve(&config).await,
        }
    });
    // A thread inside a push to a remote that does not answer must not hold the process.
    runtime.shutdown_timeout(lifetime::CLOSE_LIMIT);
    ended.unwrap_or_else(|error| {
        tracing::error!("{}", causes(error.as_ref()));
        false
    })
}

fn start_log(config: &Config) {
    let filter = EnvFilter::new(&config.log);
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
}

/// Nobody is left to be told when writing fails.
fn say(out: &mut impl std::io::Write, text: &str) -> bool {
    writeln!(out, "{}", text.trim_end()).is_ok()
}

fn check_config(report: &Report, output: Output) -> bool {
    let text = match output {
        Output::Text => report.to_string(),
        Output::Json => serde_json::to_string_pretty(report).unwrap_or_else(|error| error.to_string()),
    };
    say(&mut std::io::stdout(), &text) && report.ok
}

fn about(output: Output) -> bool {
    let known = crate::db::known_migrations().into_iter();
    let about = ProgramAbout {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        build_id: mc_api::BUILD_ID.to_owned(),
        schema: crate::db::newest_schema(),
        migrations: known.map(|(version, description)| Migration { version, description }).collect(),
    };
    let text = match output {
        Output::Text => {
            format!("{} (build {}), schema version {}", about.version, about.build_id, about.schema)
        }
        Output::Json => serde_json::to_string_pretty(&about).unwrap_or_else(|error| error.to_string()),
    };
    say(&mut std::io::stdout(), &text)
}

async fn migrate(config: &Config) -> anyhow::Result<bool> {
    // SQLite has no lock that programs could share; its folder has one.
    let lock = (!config.is_postgres()).then(|| server::lock(config)).transpose()?;
    let migrated = tokio::select! {
        asked = lifetime::asked_to_stop() => {
            asked?;
            tracing::warn!("asked to stop before the database was migrated");
            return Ok(false);
        }
        opened = opening::database(config) => {
            let (db, migrated) = opened.map_err(server::StartError::Open)?;
            db.close().await;
            migrated
        }
    };
    drop(lock);
    let text = if migrated.from == migrated.to {
        format!("the schema has version {} already", migrated.to)
    } else {
        format!("the schema went from version {} to {}", migrated.from, migrated.to)
    };
    tracing::info!(from = migrated.from, to = migrated.to, "{text}");
    Ok(say(&mut std::io::stdout(), &text))
}

/// Carries something out; a signal breaks it off, and leaves what a kill would leave.
async fn unless_stopped(
    work: impl Future<Output = Result<CopySummary, Error>>,
) -> Result<CopySummary, Error> {
    tokio::select! {
        done = work => done,
        asked = lifetime::asked_to_stop() => {
            asked.map_err(Error::internal)?;
            Err(Error::unavailable("stopped before the end"))
        }
    }
}

/// How the end of a copy is shown.
struct Shown {
    output: Output,
    /// Standard output is taken by the archive.
    is_apart: bool,
}

impl Shown {
    fn say(&self, text: &str) -> bool {
        if self.is_apart { say(&mut std::io::stderr(), text) } else { say(&mut std::io::stdout(), text) }
    }

    fn ended(&self, done: Result<CopySummary, Error>) -> anyhow::Result<bool> {
        match (done, self.output) {
            (Ok(summary), Output::Text) => Ok(self.say(&backup::words(&summary))),
            (Ok(summary), Output::Json) => Ok(self.say(&serde_json::to_string_pretty(&summary)?)),
            (Err(error), Output::Text) => Err(error.into()),
            (Err(error), Output::Json) => {
                self.say(&serde_json::to_string_pretty(&backup::problem(&error))?);
                Ok(false)
            }
        }
    }
}

async fn serve(config: &Config) -> anyhow::Result<bool> {
    let metrics = install_metrics()?;
    let server = tokio::select! {
        started = Box::pin(Server::start(config, metrics)) => started?,
        asked = lifetime::asked_to_stop() => {
            asked?;
            tracing::info!("stopping before the installation was open");
            return Ok(true);
        }
    };
    let address = server.address;
    tracing::info!(http = %address, grpc = %server.grpc, data_dir = %config.data_dir.display(), "serving http://{address} (API docs at /api/docs)");
    let stop = server.lifetime.stop();
    service_manager::ready(&format!("serving http://{address}"));
    if let Some(every) = service_manager::watchdog() {
        server.lifetime.spawn("watchdog", OnExit::Log, service_manager::live(every, stop.clone()));
    }
    tokio::select! {
        asked = lifetime::asked_to_stop() => asked?,
        () = stop.cancelled() => {}
    }
    tracing::info!("stopping");
    service_manager::stopping();
    Ok(server.stop().await)
}
