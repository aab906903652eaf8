//! A server from its settings to its end.

use std::net::{SocketAddr, TcpListener};

use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{from_fn, from_fn_with_state};
use neodex::Database;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::decompression::RequestDecompressionLayer;

use crate::auth::origin;
use crate::config::ServerConfig;
use crate::error::{Error, Result};
use crate::listen;
use crate::middleware::request_id::REQUEST_ID;
use crate::middleware::{headers, observe, uniform};
use crate::routes;
use crate::state::App;

/// A server that has its port and does not serve yet.
#[must_use]
pub struct Server {
    app: App,
    listener: TcpListener,
    addr: SocketAddr,
    tls: Option<TlsAcceptor>,
    stop: Stop,
}

/// Tells a server to stop: it takes no more connections, finishes what is under way, and returns. Clones are the same switch.
#[derive(Debug, Clone)]
pub struct Stop(watch::Sender<bool>);

impl Stop {
    /// Tells it.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Server {
    /// Takes the address.
    ///
    /// # Errors
    /// When a setting cannot work or would be unsafe, a certificate cannot be used, or the address is taken.
    pub fn bind(database: Database, config: ServerConfig) -> Result<Self> {
        config.validate()?;
        let tls = config.tls.as_ref().map(listen::acceptor).transpose()?;
        let addr = config.addr;
        let bind = |source| Error::Bind { addr, source };
        let listener = TcpListener::bind(addr).map_err(bind)?;
        listener.set_nonblocking(true).map_err(bind)?;
        let addr = listener.local_addr().map_err(bind)?;
        let (stop, told) = watch::channel(false);
        Ok(Self { app: App::new(database, config, told)?, listener, addr, tls, stop: Stop(stop) })
    }

    /// The address it has, with the port it was given.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where a browser finds it.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}/", self.addr)
    }

    /// The switch that ends [`Server::run`].
    #[must_use]
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Serves until it is told to stop. Blocks.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn run(self) -> Result<()> {
        let system = |error: std::io::Error| Error::System { what: "threads", reason: error.to_string() };
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(cores.clamp(2, 8))
            .thread_name("neodex-http")
            .enable_all()
            .build()
            .map_err(system)?;
        let served = runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(self.listener).map_err(system)?;
            tokio::spawn(self.app.clone().warm_up());
            let router = router(&self.app);
            listen::serve(self.app, router, listener, self.tls).await;
            Ok(())
        });
        // What could not be finished in time is not waited for again.
        runtime.shutdown_timeout(std::time::Duration::from_secs(1));
        served
    }
}

/// The routes inside everything that happens to every request. The last layer is the outermost.
pub(crate) fn router(app: &App) -> Router {
    let compression = CompressionLayer::new().compress_when(
        SizeAbove::new(1_024)
            // Answers of a stream must not wait to be packed, and snapshots are packed already.
            .and(NotForContentType::const_new("application/x-ndjson"))
            .and(NotForContentType::const_new("application/octet-stream")),
    );
    let router = routes::router(app)
        .layer(RequestDecompressionLayer::new())
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(app.clone(), origin::guard))
        .layer(from_fn(uniform::uniform));
    let router = match cors(app) {
        Some(cors) => router.layer(cors),
        None => router,
    };
    router
        .layer(compression)
        .layer(from_fn_with_state(app.clone(), headers::secure))
        .layer(from_fn_with_state(app.clone(), observe::observe))
        .with_state(app.clone())
}

fn panicked(panic: Box<dyn std::any::Any + Send>) -> axum::response::Response {
    let what =
        panic.downcast_ref::<&str>().map(|text| (*text).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
    axum::response::IntoResponse::into_response(crate::refusal::Refusal::internal(what.unwrap_or_default()))
}

/// What browsers are told about other origins: nothing, unless some are allowed.
fn cors(app: &App) -> Option<CorsLayer> {
    let origins = &app.config.cors_origins;
    if origins.is_empty() {
        return None;
    }
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()))
    };
    let key = |name| HeaderName::from_static(name);
    Some(
        CorsLayer::new()
            .allow_origin(allowed)
            .allow_methods([Method::GET, Method::POST, Method::DELETE])
            .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, key("api-key"), key("x-api-key"), REQUEST_ID])
            .expose_headers([REQUEST_ID, header::RETRY_AFTER])
            .max_age(std::time::Duration::from_secs(3_600)),
    )
}
