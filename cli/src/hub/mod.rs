//! Models from a Hugging Face compatible hub, into the cache that Python's `huggingface_hub` keeps: what one of them has brought, the other
//! finds.
//!
//! `place` reads the environment, `repository` the names people type, `client` speaks HTTP, `choose` says which files of a repository a
//! model needs, `blob` brings one file, and `pull` does the whole.

mod blob;
mod checksum;
mod choose;
mod client;
#[cfg_attr(unix, path = "link_symbolic.rs")]
#[cfg_attr(not(unix), path = "link_copy.rs")]
mod link;
mod place;
mod pull;
mod repository;

pub(crate) use place::Place;
pub(crate) use pull::{Pulled, pull};
pub(crate) use repository::Repository;
