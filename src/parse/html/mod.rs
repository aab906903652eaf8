//! HTML to flowing text: what a reader would read, without the page's furniture.
//!
//! There is no tree: a tree of a hostile page can be a million elements deep, and text needs none. One pass, linear, no
//! recursion.

mod elements;
mod entity;
mod extractor;
mod lexer;
mod name;
mod page;
mod parser;

pub(super) use page::words;
pub(super) use parser::HtmlParser;

#[cfg(feature = "formats")]
pub(super) use page::read;
