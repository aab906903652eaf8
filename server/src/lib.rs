//! HTTP over a neodex database. Its routes land with the server itself.
