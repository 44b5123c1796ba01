//! `identivia serve`: starts the server, prints what the first start generated, and stops on SIGTERM or SIGINT.

use tokio::sync::watch;

use super::configuration_warnings::list_warnings;
use super::stop_signal::listen_for_stop_signal;
use super::{print_line, start_runtime};
use crate::config::Config;
use crate::http::pages::page_assets;
use crate::server::{Server, StartOptions};
use crate::telemetry;

/// Serves until a signal stops the server.
///
/// # Errors
/// When the server cannot start: one line that names the setting to change.
pub fn run_serve(config: Config) -> anyhow::Result<()> {
    let _log_guard = telemetry::start_logs(config.log_filter.clone(), config.log_format);
    log_configuration_warnings(&config);
    let data_dir = config.data_dir.clone();
    let single_server_warnings = config.list_single_server_warnings();
    start_runtime()?.block_on(async {
        let server = Server::start(config, StartOptions::default()).await?;
        for warning in single_server_warnings {
            tracing::warn!("{warning}");
        }
        if let Some(first_run) = &server.first_run {
            print_line(&first_run.to_welcome_text(&server.public_url, &data_dir))?;
        }
        if server.app.sign_in.passkeys.is_none() {
            tracing::info!(
                url = server.public_url,
                "passkeys are off: they need a PUBLIC_URL with https and a host name, or http://localhost"
            );
        }
        print_setup_link(&server).await?;
        server.run(watch_stop_signal()?).await;
        Ok(())
    })
}

/// Prints the link with which the first user of the console is made. Without the store the server starts anyway.
async fn print_setup_link(server: &Server) -> anyhow::Result<()> {
    match server.offer_setup_link().await {
        Ok(Some(url)) => print_line(&format!("Make the first user of the console within 60 minutes: {url}")),
        Ok(None) => Ok(()),
        Err(error) => {
            tracing::warn!(%error, "no link for the first user of the console: run identivia console setup-link later");
            Ok(())
        }
    }
}

fn log_configuration_warnings(config: &Config) {
    for warning in list_configuration_warnings(config) {
        tracing::warn!("{warning}");
    }
}

fn list_configuration_warnings(config: &Config) -> Vec<String> {
    let mut warnings = list_warnings(config);
    if page_assets::index().is_none() {
        warnings.push("this binary has no verification page: run `make web`, then build it again".to_owned());
    }
    warnings
}

/// Becomes true on SIGTERM or SIGINT.
fn watch_stop_signal() -> anyhow::Result<watch::Receiver<bool>> {
    let signal = listen_for_stop_signal()?;
    let (stop, stop_receiver) = watch::channel(false);
    tokio::spawn(async move {
        signal.await;
        tracing::info!("stopping: open requests have 10 seconds to finish");
        let _ = stop.send(true);
    });
    Ok(stop_receiver)
}
