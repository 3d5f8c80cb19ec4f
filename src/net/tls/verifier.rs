//! Checking a server's certificate as much as the configuration asks.

use std::sync::Arc;

use rustls::{
    CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};

/// The handshake's signatures are always checked; the certificate as much as asked.
#[derive(Debug)]
pub(super) struct ServerVerifier {
    trust: Trust,
    algorithms: WebPkiSupportedAlgorithms,
}

#[derive(Debug)]
enum Trust {
    Anyone,
    /// Whom these CAs have signed for, or who shows one of these very certificates.
    Signed {
        by: Arc<WebPkiServerVerifier>,
        pinned: Vec<CertificateDer<'static>>,
        check_name: bool,
    },
}

impl ServerVerifier {
    /// Checks nothing of the certificate.
    pub(super) fn trusting_anyone(provider: &CryptoProvider) -> Self {
        ServerVerifier { trust: Trust::Anyone, algorithms: provider.signature_verification_algorithms }
    }

    /// Checks that one of `roots` has signed the certificate, or that it is one of `pinned` (a self-signed server
    /// certificate in the CA file, as homemade set-ups have it), and the name if `check_name`.
    pub(super) fn trusting(
        roots: RootCertStore,
        pinned: Vec<CertificateDer<'static>>,
        check_name: bool,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, String> {
        let by = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .build()
            .map_err(|error| error.to_string())?;
        let trust = Trust::Signed { by, pinned, check_name };
        Ok(ServerVerifier { trust, algorithms: provider.signature_verification_algorithms })
    }
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let (by, check_name) = match &self.trust {
            Trust::Anyone => return Ok(ServerCertVerified::assertion()),
            Trust::Signed { pinned, check_name, .. } if pinned.contains(end_entity) => {
                if *check_name {
                    verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                }
                return Ok(ServerCertVerified::assertion());
            }
            Trust::Signed { by, check_name, .. } => (by, *check_name),
        };
        // The name is judged last: what fails by the name alone has a good signature.
        match by.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !check_name => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
