//! The JSON that is spoken, each kind in its own file. These types are also where the OpenAPI document comes from, and a program in Rust
//! may use them to talk to a server.

pub mod document;
pub mod embedding;
pub mod error;
pub mod rerank;
pub mod search;
pub mod status;
pub mod tei;
mod whole;
