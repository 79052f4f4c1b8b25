//! Which control plane this node believes: the one whose certificate the installation's authority signed.

use std::sync::Arc;

use ring::digest::{SHA256, digest};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, ring::default_provider, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};

/// What is known of the authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Authority {
    /// SHA-256 of its certificate, from a join token. The server sends the certificate in its chain.
    Pinned([u8; 32]),
    /// Its certificate.
    Known(CertificateDer<'static>),
    /// The certificates of the only ones that a broker of others may have its certificate of.
    AnyOf(Vec<CertificateDer<'static>>),
}

/// Checks the certificate of the server against one authority only.
#[derive(Debug)]
pub(super) struct Trust {
    authority: Authority,
    provider: Arc<CryptoProvider>,
}

impl Trust {
    pub(super) fn new(authority: Authority) -> Self {
        Self { authority, provider: Arc::new(default_provider()) }
    }

    fn roots(&self, chain: &[CertificateDer<'_>]) -> Result<RootCertStore, rustls::Error> {
        let mut roots = RootCertStore::empty();
        match &self.authority {
            Authority::Known(certificate) => roots.add(certificate.clone())?,
            Authority::AnyOf(certificates) => {
                for certificate in certificates {
                    roots.add(certificate.clone())?;
                }
            }
            Authority::Pinned(pin) => {
                let pinned = chain.iter().find(|certificate| digest(&SHA256, certificate).as_ref() == pin);
                roots.add(pinned.ok_or(CertificateError::UnknownIssuer)?.clone().into_owned())?;
            }
        }
        Ok(roots)
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let roots = Arc::new(self.roots(intermediates)?);
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&self.provider))
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))?;
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
