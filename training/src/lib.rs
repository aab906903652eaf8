//! The trainer of the bundled model. Its first part lands with the trainer itself.
