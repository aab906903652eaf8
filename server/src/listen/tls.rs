//! TLS from PEM files.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::config::TlsFiles;
use crate::error::{Error, Result};

/// What makes TLS of a connection.
///
/// # Errors
/// [`Error::Certificate`] names the file and what is wrong with it.
pub(crate) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor> {
    let refused = |path: &Path, reason: String| Error::Certificate { path: path.to_path_buf(), reason };
    let certificates = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(|certificates| certificates.collect::<Result<Vec<_>, _>>())
        .map_err(|error| refused(&files.certificate, format!("it cannot be read as PEM: {error}")))?;
    if certificates.is_empty() {
        return Err(refused(&files.certificate, "there is no certificate in it".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| refused(&files.key, format!("there is no private key to be read in it: {error}")))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::System { what: "TLS", reason: error.to_string() })?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(|error| {
            refused(&files.certificate, format!("it does not go with {}: {error}", files.key.display()))
        })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
