//! The arguments of `identivia events forward`, and its start and end.

use anyhow::{Context as _, anyhow, bail};
use clap::{Args, Subcommand};
use url::Url;

use super::forward_loop::{ForwardStart, Forwarder};
use super::receiver::Receiver;
use super::server_stream::{EventServer, ServerAccess};
use crate::cli::{print_line, start_runtime, stop_signal};
use crate::clock::Clock;
use crate::config::{is_unencrypted, parse_web_url};
use crate::domain::webhook_signature::WebhookSecret;
use crate::records::outbox_event::EventId;

const EXAMPLES: &str = "\
Examples:
  export IDENTIVIA_CLIENT_ID=first-run IDENTIVIA_CLIENT_SECRET=…
  identivia events forward --to http://127.0.0.1:3000/hook
  identivia events forward --to http://127.0.0.1:3000/hook --types profile.verified,verification.* --after oldest

Other users of this machine can see flags: set secrets in the environment.";

/// Arguments of `identivia events`.
#[derive(Args)]
pub struct EventsArguments {
    #[command(subcommand)]
    command: EventsCommand,
}

#[derive(Subcommand)]
enum EventsCommand {
    /// Post the events of a running server to a URL as signed webhooks, while you develop a receiver
    ///
    /// Sends events in order. A receiver that fails is tried again 3 times, then the event is skipped. After a cut the command
    /// connects again and goes on behind the last event. Ctrl-C stops it.
    #[command(after_help = EXAMPLES)]
    Forward(ForwardArguments),
}

#[derive(Args)]
struct ForwardArguments {
    /// URL of your receiver, such as http://127.0.0.1:3000/hook
    #[arg(long, value_name = "URL")]
    to: String,
    /// URL of the server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8000")]
    server: String,
    /// A client with the scope events:read
    #[arg(long, value_name = "ID", env = "IDENTIVIA_CLIENT_ID", hide_env_values = true)]
    client_id: Option<String>,
    /// The secret of that client
    #[arg(long, value_name = "SECRET", env = "IDENTIVIA_CLIENT_SECRET", hide_env_values = true)]
    client_secret: Option<String>,
    /// Only these types, with a comma between; `profile.*` names a group [default: all]
    #[arg(long, value_name = "TYPES")]
    types: Option<String>,
    /// Event after which to start, or `latest` or `oldest`
    #[arg(long, value_name = "EVENT", default_value = "latest")]
    after: String,
    /// Secret that signs, whsec_ and base64 [default: draws one and prints it]
    #[arg(long, value_name = "SECRET", env = "IDENTIVIA_WEBHOOK_SECRET", hide_env_values = true)]
    secret: Option<String>,
    /// Allow http to another machine: only within a network you trust
    #[arg(long)]
    allow_http: bool,
}

/// Runs one of the commands for events.
///
/// # Errors
/// When an argument cannot be used, or the server refuses the client or what it asks for.
pub fn run_events(arguments: EventsArguments) -> anyhow::Result<()> {
    let EventsCommand::Forward(arguments) = arguments.command;
    start_runtime()?.block_on(forward_until_stopped(arguments))
}

async fn forward_until_stopped(arguments: ForwardArguments) -> anyhow::Result<()> {
    let stop = stop_signal::listen_for_stop_signal()?;
    let to = parse_receiver(&arguments)?;
    let start = parse_start(&arguments.after)?;
    let (secret, is_drawn) = parse_secret(arguments.secret.as_deref())?;
    let access = read_server_access(&arguments)?;
    print_line(&format!("Forwarding events of {} to {}", access.url, describe_receiver(&to)))?;
    if is_drawn {
        print_line(&format!("The receiver verifies with this secret, which is shown only now: {}", secret.to_text()))?;
    }
    let receiver = Receiver::new(to, secret, Clock::default())?;
    let mut forwarder = Forwarder { server: EventServer::new(access)?, receiver, start, failures: 0 };
    tokio::select! {
        end = forwarder.forward_events() => return end,
        () = stop => {}
    }
    let next = forwarder.last_event().map(|id| format!("; go on with --after {id}")).unwrap_or_default();
    print_line(&format!("Stopped{next}"))
}

fn read_server_access(arguments: &ForwardArguments) -> anyhow::Result<ServerAccess> {
    let url = parse_web_url(&arguments.server).map_err(|problem| anyhow!("--server: {problem}"))?;
    if is_unencrypted(&url) && !arguments.allow_http {
        bail!("--server: must be https://, or the secret crosses the network in the clear; see --allow-http");
    }
    let read = |name: &str, text: &Option<String>| {
        text.clone()
            .filter(|text| !text.is_empty())
            .with_context(|| format!("{name}: must be set, for a client of the server with the scope events:read"))
    };
    Ok(ServerAccess {
        url,
        client_id: read("IDENTIVIA_CLIENT_ID", &arguments.client_id)?,
        client_secret: read("IDENTIVIA_CLIENT_SECRET", &arguments.client_secret)?,
        types: arguments.types.clone(),
    })
}

/// Reads the URL of the receiver. Errors do not show it: it may hold a token.
fn parse_receiver(arguments: &ForwardArguments) -> anyhow::Result<Url> {
    let url = Url::parse(&arguments.to).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none()
    });
    let url = url.context("--to: must be a URL such as http://127.0.0.1:3000/hook, without user and password")?;
    if is_unencrypted(url.as_str()) && !arguments.allow_http {
        bail!("--to: must be https://, or events cross the network in the clear; see --allow-http");
    }
    Ok(url)
}

/// The URL without its query, which may hold a token.
fn describe_receiver(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_query(None);
    shown.set_fragment(None);
    shown.into()
}

fn parse_start(text: &str) -> anyhow::Result<ForwardStart> {
    match text {
        "latest" => Ok(ForwardStart::Latest),
        "oldest" => Ok(ForwardStart::Oldest),
        id if EventId::parse(id).is_some() => Ok(ForwardStart::After(id.to_owned())),
        _ => bail!("--after: must be the id of an event (evt_ and 26 characters), latest or oldest"),
    }
}

/// The secret, and whether it was drawn. The error does not show the text.
fn parse_secret(text: Option<&str>) -> anyhow::Result<(WebhookSecret, bool)> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok((WebhookSecret::random(), true)) };
    let secret = WebhookSecret::parse(text);
    let secret = secret.context("--secret: must be whsec_ and the base64 of 24 to 64 random bytes, or left out")?;
    Ok((secret, false))
}
