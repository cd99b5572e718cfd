//! Files with certificates, and the one that this server shows, with its key.
//!
//! rustls compares both, too, but reads certificates of version 3 of X.509 only; many that Redis's
//! users have made for themselves are of version 1, and to be shown is all that is wanted of one.
//!
//! Not here: whose certificates are believed (`settings.rs`).

use super::error::TlsError;
use crate::config::Config;
use rustls::InconsistentKeys;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

/// A certificate with those up to its authority, its key, and when it ends in Unix seconds.
pub(super) struct Identity {
    pub(super) certified: CertifiedKey,
    pub(super) end_s: i64,
}

/// What `tls-cert-file` and `tls-key-file` name.
///
/// # Errors
/// [`TlsError`] names the parameter, the file and the reason.
pub(super) fn identity(config: &Config, provider: &CryptoProvider) -> Result<Identity, TlsError> {
    let both = |reason: rustls::Error| TlsError::new("tls-cert-file and tls-key-file", reason);
    let certificates = certificates(config, "tls-cert-file", &config.tls_cert_file)?;
    let key = provider
        .key_provider
        .load_private_key(private_key(config)?)
        .map_err(both)?;
    let path = config.path_in_dir(&config.tls_cert_file);
    let (_, parsed) = x509_parser::parse_x509_certificate(&certificates[0])
        .map_err(|error| TlsError::of_file("tls-cert-file", &path, error))?;
    let end_s = parsed.validity().not_after.timestamp();
    let belongs = key
        .public_key()
        .is_none_or(|public| public.as_ref() == parsed.public_key().raw);
    if !belongs {
        return Err(both(InconsistentKeys::KeyMismatch.into()));
    }
    Ok(Identity {
        certified: CertifiedKey::new(certificates, key),
        end_s,
    })
}

/// The certificates in a file that a parameter names, of which there is one at least.
pub(super) fn certificates(
    config: &Config,
    parameter: &str,
    name: &[u8],
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    if name.is_empty() {
        return Err(TlsError::new(parameter, "tls-port wants a certificate"));
    }
    let path = config.path_in_dir(name);
    let read = CertificateDer::pem_file_iter(&path).and_then(Iterator::collect);
    let read: Vec<_> = read.map_err(|error| TlsError::of_file(parameter, &path, error))?;
    match read.is_empty() {
        true => Err(TlsError::of_file(
            parameter,
            &path,
            "there is no certificate in it",
        )),
        false => Ok(read),
    }
}

fn private_key(config: &Config) -> Result<PrivateKeyDer<'static>, TlsError> {
    const PARAMETER: &str = "tls-key-file";
    if config.tls_key_file.is_empty() {
        return Err(TlsError::new(
            PARAMETER,
            "tls-port wants the key of its certificate",
        ));
    }
    let path = config.path_in_dir(&config.tls_key_file);
    PrivateKeyDer::from_pem_file(&path).map_err(|error| TlsError::of_file(PARAMETER, &path, error))
}
