//! Who may do what: keys for programs, a cookie for the page, and the checks in front of every route.

pub(crate) mod access;
pub(crate) mod keys;
pub(crate) mod origin;
pub(crate) mod session;
