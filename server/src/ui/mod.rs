//! The page: a search box and what it finds, made here as HTML so that it works without scripts. The script only asks for the same HTML
//! while one types and puts it in place. Style and script are in the binary; nothing is loaded from anywhere else.

mod assets;
mod document;
mod facets;
mod form;
pub(crate) mod html;
pub(crate) mod login;
mod marks;
mod page;
mod prose;
mod results;
mod title;

use axum::http::Method;

use crate::auth::access::Access;
use crate::routes::{Operation, Routes};

/// Adds the page's routes.
pub(crate) fn add(routes: &mut Routes) {
    routes.add(Operation::page(Method::GET, "/", Access::Page), page::show);
    routes.add(Operation::page(Method::GET, "/document", Access::Page), document::show);
    routes.add(Operation::page(Method::GET, "/login", Access::Open), login::show);
    routes.add(Operation::page(Method::POST, "/login", Access::Open), login::submit);
    routes.add(Operation::page(Method::POST, "/logout", Access::Open), login::leave);
    routes.add(Operation::page(Method::GET, "/assets/page.css", Access::Open), assets::style);
    routes.add(Operation::page(Method::GET, "/assets/page.js", Access::Open), assets::script);
    routes.add(Operation::page(Method::GET, "/favicon.ico", Access::Open), assets::icon);
}
