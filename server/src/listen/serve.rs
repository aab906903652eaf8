//! The loop that accepts connections until it is told to stop, and then waits for what is under way.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::config::Limits;
use crate::listen::Peer;
use crate::listen::stall::Stall;
use crate::state::App;

/// Time for a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Time to wait after the system refused a connection: it has no more file handles, and trying at once would not help.
const BREATHER: Duration = Duration::from_millis(100);
/// Streams of one HTTP/2 connection.
const MOST_STREAMS: u32 = 128;

/// Serves until `stop` says so, and then until everything under way is answered or its time is up.
pub(crate) async fn serve(app: App, router: Router, listener: TcpListener, tls: Option<TlsAcceptor>) {
    let mut stop: watch::Receiver<bool> = app.stop.clone();
    let builder = Arc::new(builder(&app.config.limits));
    let connections = Arc::new(Semaphore::new(app.config.limits.connections));
    let graceful = GracefulShutdown::new();
    loop {
        // Those who find no room wait in the system's own queue.
        let accepted = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = async {
                let room = Arc::clone(&connections).acquire_owned().await;
                (listener.accept().await, room)
            } => accepted,
        };
        let (stream, peer, room) = match accepted {
            (Ok((stream, peer)), Ok(room)) => (stream, peer, room),
            (Err(error), _) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(BREATHER).await;
                continue;
            }
            (_, Err(_)) => break,
        };
        // Small answers must not wait for company.
        let _ = stream.set_nodelay(true);
        let stream = Stall::new(stream, app.config.limits.idle_time);
        let (app, router, builder) = (app.clone(), router.clone(), Arc::clone(&builder));
        let (tls, watcher) = (tls.clone(), graceful.watcher());
        tokio::spawn(async move {
            let _room = room;
            app.metrics.connections.fetch_add(1, Ordering::Relaxed);
            match tls {
                None => connection(&builder, watcher, router, stream, Peer(peer)).await,
                Some(tls) => match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
                    Ok(Ok(stream)) => connection(&builder, watcher, router, stream, Peer(peer)).await,
                    Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS"),
                    Err(_) => tracing::debug!(%peer, "the TLS handshake took too long"),
                },
            }
            app.metrics.connections.fetch_sub(1, Ordering::Relaxed);
        });
    }
    drop(listener);
    tracing::info!("stopping: finishing what is under way");
    let finished = async {
        graceful.shutdown().await;
        // Streams whose client has gone are stored to their end, too.
        let all = u32::try_from(app.config.limits.ingests).unwrap_or(u32::MAX);
        let _ = app.ingests.acquire_many(all).await;
    };
    if tokio::time::timeout(app.config.limits.shutdown_time, finished).await.is_err() {
        tracing::warn!("some requests did not end in time and were cut off");
    }
}

fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.header_time);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MOST_STREAMS)
        .keep_alive_interval(limits.header_time / 2)
        .keep_alive_timeout(limits.idle_time);
    builder
}

async fn connection<S>(
    builder: &Builder<TokioExecutor>,
    watcher: hyper_util::server::graceful::Watcher,
    router: Router,
    stream: S,
    peer: Peer,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        router.clone().oneshot(request)
    });
    let served = watcher.watch(builder.serve_connection(TokioIo::new(stream), service).into_owned());
    if let Err(error) = served.await {
        // Clients that hang up in the middle are everyday.
        tracing::debug!(peer = %peer.0, error, "a connection ended");
    }
}
