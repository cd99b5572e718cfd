//! The link to a primary that speaks TLS (`tls-replication`): here this server is the client.
//!
//! It shows its own certificate, if it has one, and believes a primary whose certificate is signed
//! by an authority of `tls-ca-cert-file` or `tls-ca-cert-dir`, whatever name stands in it: so does
//! Redis, and primaries are named by addresses more often than not.
//!
//! Cost: the files are read and one signature is checked each time a link is begun, which is once
//! in a move, and once a second at most while the primary is away.
//!
//! Not here: bytes (`stream.rs`), when links are begun (`node/replica/`).

use super::certificates::identity;
use super::error::TlsError;
use super::settings;
use super::stream::TlsStream;
use crate::config::Config;
use mio::net::TcpStream;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::SingleCertAndKey;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme,
};
use std::net::IpAddr;
use std::sync::Arc;

/// A link that is being connected; its handshake begins when it is.
///
/// # Errors
/// [`TlsError`] names the parameter, the file and the reason.
pub(in crate::server) fn begin_with_primary(
    socket: TcpStream,
    address: IpAddr,
    config: &Config,
) -> Result<TlsStream, TlsError> {
    let settings = Arc::new(client_settings(config)?);
    let connection = ClientConnection::new(settings, ServerName::from(address));
    let connection = connection.map_err(|error| TlsError::new("tls-replication", error))?;
    Ok(TlsStream::new(socket, connection))
}

fn client_settings(config: &Config) -> Result<ClientConfig, TlsError> {
    let roots = settings::authorities(config)?;
    if roots.is_empty() {
        return Err(TlsError::new(
            "tls-replication",
            "neither tls-ca-cert-file nor tls-ca-cert-dir says whose primary is believed",
        ));
    }
    let provider = Arc::new(settings::provider(config)?);
    let own = match config.tls_cert_file.is_empty() {
        true => None,
        false => Some(identity(config, &provider)?),
    };
    let chain =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build();
    let chain = chain.map_err(|error| TlsError::new("tls-ca-cert-file", error))?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&settings::versions(config)?)
        .map_err(|error| TlsError::new("tls-protocols and tls-ciphersuites", error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyName(chain)));
    let Some(own) = own else {
        return Ok(builder.with_no_client_auth());
    };
    let certified = SingleCertAndKey::from(own.certified);
    Ok(builder.with_client_cert_resolver(Arc::new(certified)))
}

/// Believes who has a certificate of the authorities, whatever its name.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        revocation: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = (self.0).verify_server_cert(certificate, between, name, revocation, now);
        match verified {
            // The name is looked at last, when all else is right.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
