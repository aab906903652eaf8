//! What happens to every request, whatever it asks.

pub(crate) mod headers;
pub(crate) mod observe;
pub(crate) mod request_id;
pub(crate) mod uniform;
