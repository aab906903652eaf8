//! The bundled model as bytes. Empty until a model of our own is trained.
