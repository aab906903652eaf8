//! `neodex serve`: the database over HTTP, with a page to search it, until it is told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use neodex_server::{Batching, Limits, LogFormat, Secret, Server, ServerConfig, Stop, TlsFiles, start_logging};
use serde::Serialize;

use crate::context::Context;
use crate::exit::Status;
use crate::model;

/// How often the switch behind Ctrl-C is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Serve the database over HTTP, with a page to search it in a browser.
///
/// Listens on this machine only, unless a key is set. With --api-key callers need it for everything; with --search-key there is a second key that
/// may only read. Ctrl-C (or SIGTERM) finishes what was accepted and stops. While it runs, the database is the server's: send documents to it
/// rather than to `neodex ingest`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  neodex serve\n  neodex serve --addr 0.0.0.0:7331 --api-key \"$KEY\" --tls-cert cert.pem --tls-key key.pem\n  curl http://127.0.0.1:7331/v1/search -H 'content-type: application/json' -d '{\"query\": \"rotate the keys\"}'"
)]
pub(crate) struct ServeArgs {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:7331", env = "NEODEX_ADDR")]
    addr: SocketAddr,
    /// The key that may do everything. Better in the environment, where other users do not see it.
    #[arg(long, value_name = "KEY", env = "NEODEX_API_KEY", hide_env_values = true)]
    api_key: Option<String>,
    /// The key that may only read.
    #[arg(long, value_name = "KEY", env = "NEODEX_SEARCH_KEY", hide_env_values = true)]
    search_key: Option<String>,
    /// A PEM file with the certificate (and those above it), for HTTPS.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// A PEM file with the certificate's private key.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Refuse every write.
    #[arg(long)]
    read_only: bool,
    /// A web origin whose pages may call the API, such as https://example.org, or `*`; may be repeated.
    #[arg(long, value_name = "ORIGIN")]
    cors_origin: Vec<String>,
    /// Log searches that take longer, with their query, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 1000)]
    slow_query_ms: u64,
    /// How the log looks: text or json.
    #[arg(long, value_name = "FORMAT", default_value = "text", env = "NEODEX_LOG_FORMAT")]
    log_format: LogFormat,
    /// What is logged: off, error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL", default_value = "info", env = "NEODEX_LOG_LEVEL")]
    log_level: String,
    #[command(flatten)]
    limits: LimitArgs,
}

/// What requests may cost.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
struct LimitArgs {
    /// Tokens that go through the model together.
    #[arg(long, value_name = "N", default_value_t = Batching::default().batch_tokens)]
    batch_tokens: usize,
    /// Tokens that may wait for the model; more are refused with 429.
    #[arg(long, value_name = "N", default_value_t = Batching::default().queue_tokens)]
    queue_tokens: usize,
    /// The longest body, and the longest line of a stream, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().body_bytes)]
    max_body_bytes: usize,
    /// Requests that may wait for a thread; more are refused with 429.
    #[arg(long, value_name = "N", default_value_t = Limits::default().waiting)]
    max_waiting: usize,
    /// Open connections; more wait to be accepted.
    #[arg(long, value_name = "N", default_value_t = Limits::default().connections)]
    max_connections: usize,
    /// Time for what is under way when the server is told to stop, in seconds.
    #[arg(long, value_name = "S", default_value_t = Limits::default().shutdown_time.as_secs())]
    shutdown_seconds: u64,
}

/// What `--json` prints once it listens.
#[derive(Serialize)]
struct Listening<'a> {
    url: &'a str,
    addr: SocketAddr,
    db: &'a std::path::Path,
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &ServeArgs) -> Result<Status> {
    let config = config(args);
    // Nothing is opened, and no model loaded, for settings that cannot work.
    config.validate()?;
    let level = if context.output.quiet { "error" } else { args.log_level.as_str() };
    start_logging(args.log_format, level, context.output.log_colours)?;
    let folder = &context.settings.db;
    let choice = model::choose(context, Some(folder))?;
    let note = choice.note();
    let database = context.open(folder, choice.loaded(), !args.read_only)?;
    if let Some(note) = note {
        context.output.note(note);
    }
    let server = Server::bind(database.clone(), config)?;
    let (url, addr) = (server.url(), server.addr());
    if context.output.json {
        context.output.print_json(&Listening { url: &url, addr, db: folder })?;
    } else {
        context.output.note(format!("{} is at {url} (API: {url}docs), Ctrl-C stops it", folder.display()));
    }
    stop_with(context, server.stop())?;
    server.run()?;
    context.output.note("stopped");
    Ok(Status::Done)
}

/// Passes on that the user wants to stop.
fn stop_with(context: &Context, stop: Stop) -> Result<()> {
    context.interrupt.stop_orderly();
    let cancel = context.interrupt.cancel.clone();
    std::thread::Builder::new().name("neodex-stop".to_owned()).spawn(move || {
        while !cancel.is_cancelled() {
            std::thread::sleep(LOOK);
        }
        stop.stop();
    })?;
    Ok(())
}

fn config(args: &ServeArgs) -> ServerConfig {
    let tls = args.tls_cert.clone().zip(args.tls_key.clone());
    let limits = &args.limits;
    ServerConfig {
        addr: args.addr,
        // An empty variable is one that is not set.
        api_key: args.api_key.clone().filter(|key| !key.is_empty()).map(Secret::new),
        search_key: args.search_key.clone().filter(|key| !key.is_empty()).map(Secret::new),
        tls: tls.map(|(certificate, key)| TlsFiles { certificate, key }),
        read_only: args.read_only,
        cors_origins: args.cors_origin.clone(),
        slow_query: Duration::from_millis(args.slow_query_ms),
        batching: Batching {
            batch_tokens: limits.batch_tokens,
            queue_tokens: limits.queue_tokens,
            ..Batching::default()
        },
        limits: Limits {
            body_bytes: limits.max_body_bytes,
            line_bytes: limits.max_body_bytes,
            waiting: limits.max_waiting,
            connections: limits.max_connections,
            shutdown_time: Duration::from_secs(limits.shutdown_seconds),
            ..Limits::default()
        },
    }
}
