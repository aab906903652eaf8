//! Connections: accepting, TLS, time limits, and the end.

mod serve;
mod stall;
mod tls;

use std::net::SocketAddr;

pub(crate) use serve::serve;
pub(crate) use tls::acceptor;

/// Who sent a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);
