//! What the configuration says of TLS, as rustls wants it.
//!
//! Everything is read and checked anew each time: at the start, on SIGHUP, and when CONFIG SET
//! changes a parameter. A client that is connected keeps the settings it came with.
//!
//! Not here: the server's certificate and key (`certificates.rs`), who uses them (`handshakes.rs`).

use super::certificates::{certificates, identity};
use super::error::TlsError;
use crate::config::{AuthenticateClients, CertifiedUser, Config, Files};
use crate::persistence::FileSystem;
use rustls::RootCertStore;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::{NoServerSessionStorage, ServerConfig, ServerSessionMemoryCache};
use rustls::server::{WebPkiClientVerifier, danger::ClientCertVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::{SupportedProtocolVersion, version};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

/// What new connections get.
#[derive(Clone)]
pub(in crate::server) struct Settings {
    pub(super) rustls: Arc<ServerConfig>,
    /// When the server's certificate ends, in Unix seconds.
    pub(in crate::server) certificate_end_s: i64,
    /// Whether the common name of a client's certificate is the user it becomes.
    pub(super) takes_common_name: bool,
}

/// What the configuration says of TLS, if there is a port for it.
///
/// # Errors
/// [`TlsError`].
pub(in crate::server) fn settings(config: &Config) -> Result<Option<Settings>, TlsError> {
    match config.tls_port {
        0 => Ok(None),
        _ => Settings::read(config).map(Some),
    }
}

impl Settings {
    /// Reads certificates and keys.
    ///
    /// # Errors
    /// [`TlsError`] names the parameter, the file and the reason.
    pub(in crate::server) fn read(config: &Config) -> Result<Self, TlsError> {
        let provider = provider(config)?;
        let identity = identity(config, &provider)?;
        let builder = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&versions(config)?)
            .map_err(|error| TlsError::new("tls-protocols and tls-ciphersuites", error))?;
        let builder = match client_verifier(config)? {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let certified = SingleCertAndKey::from(identity.certified);
        let mut rustls = builder.with_cert_resolver(Arc::new(certified));
        if config.tls_session_caching {
            rustls.session_storage =
                ServerSessionMemoryCache::new(config.tls_session_cache_size as usize);
            rustls.ticketer = ring::Ticketer::new()
                .map_err(|error| TlsError::new("keys for session tickets", error))?;
        } else {
            rustls.session_storage = Arc::new(NoServerSessionStorage {});
            rustls.send_tls13_tickets = 0;
        }
        Ok(Self {
            rustls: Arc::new(rustls),
            certificate_end_s: identity.end_s,
            takes_common_name: config.tls_auth_clients_user == CertifiedUser::Cn,
        })
    }
}

/// Checks the certificates of clients, if that is wanted.
fn client_verifier(config: &Config) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
    if config.tls_auth_clients == AuthenticateClients::No {
        return Ok(None);
    }
    let roots = authorities(config)?;
    if roots.is_empty() {
        return Err(TlsError::new(
            "tls-auth-clients",
            "certificates of clients are wanted (the default), but neither tls-ca-cert-file nor \
             tls-ca-cert-dir says whose are believed; tls-auth-clients no asks for none",
        ));
    }
    let builder = WebPkiClientVerifier::builder_with_provider(
        Arc::new(roots),
        Arc::new(ring::default_provider()),
    );
    let builder = match config.tls_auth_clients {
        AuthenticateClients::Optional => builder.allow_unauthenticated(),
        AuthenticateClients::Yes | AuthenticateClients::No => builder,
    };
    let built = builder.build();
    built
        .map(Some)
        .map_err(|error| TlsError::new("tls-ca-cert-file", error))
}

/// Those whose certificates are believed; none if the configuration names none.
pub(super) fn authorities(config: &Config) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    if !config.tls_ca_cert_file.is_empty() {
        for certificate in certificates(config, "tls-ca-cert-file", &config.tls_ca_cert_file)? {
            let added = roots.add(certificate);
            added.map_err(|error| TlsError::new("tls-ca-cert-file", error))?;
        }
    }
    if !config.tls_ca_cert_dir.is_empty() {
        let directory = config.path_in_dir(&config.tls_ca_cert_dir);
        let names = FileSystem::again().names(directory.as_os_str().as_bytes());
        let unreadable = |error| TlsError::of_file("tls-ca-cert-dir", &directory, error);
        for name in names.map_err(unreadable)? {
            let file = directory.join(OsStr::from_bytes(&name));
            let read = CertificateDer::pem_file_iter(&file).and_then(Iterator::collect);
            // Such a folder has other files, too, and each certificate twice: by its hash.
            let found: Vec<CertificateDer<'_>> = read.unwrap_or_default();
            roots.add_parsable_certificates(found);
        }
    }
    Ok(roots)
}

pub(super) fn versions(
    config: &Config,
) -> Result<Vec<&'static SupportedProtocolVersion>, TlsError> {
    let words = words(&config.tls_protocols);
    if words.is_empty() {
        return Ok(vec![&version::TLS13, &version::TLS12]);
    }
    let known = |word: &&str| match word.to_ascii_lowercase().as_str() {
        "tlsv1.2" => Ok(&version::TLS12),
        "tlsv1.3" => Ok(&version::TLS13),
        _ => Err(TlsError::new(
            format_args!("tls-protocols {word}"),
            "there are TLSv1.2 and TLSv1.3",
        )),
    };
    words.iter().map(known).collect()
}

/// The cipher suites that are wanted: those of 1.3 by their names, those of 1.2 by OpenSSL's.
pub(super) fn provider(config: &Config) -> Result<CryptoProvider, TlsError> {
    let mut provider = ring::default_provider();
    let lists = [
        (
            "tls-ciphersuites",
            &config.tls_ciphersuites,
            &version::TLS13,
        ),
        ("tls-ciphers", &config.tls_ciphers, &version::TLS12),
    ];
    for (parameter, list, of_version) in lists {
        let wanted = words(list);
        // Lists by strength are OpenSSL's; all that rustls has are strong.
        let are_all = wanted
            .iter()
            .any(|word| ["DEFAULT", "HIGH", "ALL"].contains(&word.trim_start_matches('+')));
        if wanted.is_empty() || are_all {
            continue;
        }
        let is_kept = |suite: &rustls::SupportedCipherSuite| {
            suite.version() != of_version
                || wanted.contains(&openssl_name(&format!("{:?}", suite.suite())).as_str())
        };
        provider.cipher_suites.retain(is_kept);
        if !provider
            .cipher_suites
            .iter()
            .any(|suite| suite.version() == of_version)
        {
            let text = wanted.join(":");
            return Err(TlsError::new(
                format_args!("{parameter} {text}"),
                "none of these cipher suites is known",
            ));
        }
    }
    Ok(provider)
}

/// `TLS_AES_128_GCM_SHA256` of `TLS13_AES_128_GCM_SHA256`, `ECDHE-RSA-AES128-GCM-SHA256` of
/// `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`.
fn openssl_name(suite: &str) -> String {
    if let Some(rest) = suite.strip_prefix("TLS13_") {
        return format!("TLS_{rest}");
    }
    let name = suite.trim_start_matches("TLS_").replace("_WITH", "");
    let name = name
        .replace("AES_", "AES")
        .replace("_POLY1305_SHA256", "_POLY1305");
    name.replace('_', "-")
}

fn words(list: &[u8]) -> Vec<&str> {
    let text = str::from_utf8(list).unwrap_or_default();
    let words = text.split([' ', ':', ',']);
    words.filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suites_have_the_names_of_openssl() {
        for (suite, name) in [
            ("TLS13_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"),
            (
                "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
                "ECDHE-RSA-AES256-GCM-SHA384",
            ),
            (
                "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
                "ECDHE-ECDSA-CHACHA20-POLY1305",
            ),
        ] {
            assert_eq!(openssl_name(suite), name);
        }
    }

    #[test]
    fn what_is_not_known_is_named() {
        let mut config = Config {
            tls_protocols: b"TLSv1.2 TLSv1.1".to_vec(),
            ..Config::default()
        };
        let error = versions(&config).unwrap_err().to_string();
        assert_eq!(
            error,
            "TLS: tls-protocols TLSv1.1: there are TLSv1.2 and TLSv1.3"
        );
        config.tls_ciphersuites = b"TLS_NULL".to_vec();
        assert!(provider(&config).is_err());
        config.tls_ciphersuites = b"TLS_AES_128_GCM_SHA256:TLS_NULL".to_vec();
        config.tls_ciphers = b"DEFAULT:!MEDIUM".to_vec();
        let suites = provider(&config).expect("one is known").cipher_suites;
        let of_13 = suites
            .iter()
            .filter(|suite| suite.version() == &version::TLS13);
        assert_eq!(of_13.count(), 1);
        let error = Settings::read(&config).err().expect("no certificate");
        assert_eq!(
            error.to_string(),
            "TLS: tls-cert-file: tls-port wants a certificate"
        );
    }
}
