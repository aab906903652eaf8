//! HTTP over a neodex database: a JSON API, the shapes that clients of OpenAI, Cohere and text-embeddings-inference expect, and a page to
//! search with.
//!
//! ```no_run
//! use neodex::Database;
//! use neodex_server::{Server, ServerConfig};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let database = Database::builder("notes.db").open()?;
//!     let server = Server::bind(database, ServerConfig::default())?;
//!     eprintln!("listening on {}", server.url());
//!     server.run()?;
//!     Ok(())
//! }
//! ```
//!
//! A server translates and never decides: every answer is the library's. What it adds is what many callers at once need: limits, queues,
//! keys, logs, figures. It listens on loopback only unless a key is set.
//!
//! The life of a request: `listen` accepts, `middleware` names and counts it, `auth` lets it through, `body` reads it within limits, `routes`
//! has its handler, `embed` gathers what the model has to read, `work` runs the rest on threads where it may block, `refusal` says no.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod auth;
mod body;
mod config;
mod embed;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod ingest;
mod listen;
mod logging;
mod metrics;
mod middleware;
mod openapi;
mod refusal;
mod routes;
mod search;
mod server;
mod snapshot;
mod state;
mod ui;
mod vector;
pub mod wire;
mod work;

pub use auth::keys::Secret;
pub use config::{Batching, DEFAULT_PORT, Limits, ServerConfig, TlsFiles};
pub use error::{Error, ErrorKind, Result};
pub use logging::{LogFormat, start_logging};
pub use server::{Server, Stop};
