//! A door for the fuzzer: everything a request goes through, in this process and without a socket.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use http_body_util::BodyExt;
use neodex::Database;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tower::ServiceExt;

use crate::config::ServerConfig;
use crate::error::{Error, Result};
use crate::server::router;
use crate::state::App;

/// A server's router over a database.
pub struct Door {
    router: Router,
    runtime: Runtime,
    #[expect(dead_code, reason = "the server is told to stop when it goes")]
    stop: watch::Sender<bool>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Its content type; empty where it has none.
    pub kind: String,
    /// The body; as far as it came, where it broke off.
    pub body: Vec<u8>,
    /// Whether it broke off.
    pub broken: bool,
}

impl Door {
    /// With the usual settings, and without keys.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn over(database: Database) -> Result<Self> {
        let system = |error: std::io::Error| Error::System { what: "threads", reason: error.to_string() };
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(system)?;
        let (stop, told) = watch::channel(false);
        let app = App::new(database, ServerConfig::default(), told)?;
        Ok(Self { router: router(&app), runtime, stop })
    }

    /// Sends a request and waits for the end of its answer. `None` where no client could send it: its address is none.
    pub fn ask(&self, method: &str, address: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<Answer> {
        let mut request = Request::builder().method(method).uri(address).header(header::HOST, "localhost");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_vec())).ok()?;
        self.runtime.block_on(async {
            let Ok(response) = self.router.clone().oneshot(request).await;
            let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
            let (status, kind) = (response.status().as_u16(), kind.unwrap_or_default().to_owned());
            let (mut whole, mut broken) = (Vec::new(), false);
            let mut body = response.into_body();
            while let Some(frame) = body.frame().await {
                match frame.map(|frame| frame.into_data()) {
                    Ok(Ok(data)) => whole.extend_from_slice(&data),
                    // Trailers.
                    Ok(Err(_)) => {}
                    Err(_) => {
                        broken = true;
                        break;
                    }
                }
            }
            Some(Answer { status, kind, body: whole, broken })
        })
    }
}
