//! Settings → rustls's configurations.

use std::sync::Arc;

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::{
    ClientConfig, ServerConfig,
    crypto::CryptoProvider,
    pki_types::PrivateKeyDer,
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};

use super::{
    ClientSideSettings, ClientVerify, ServerSideSettings, Verify,
    files::{self, Identity},
    verifier::ServerVerifier,
};

/// What the certificate made in memory is called; as MySQL calls its own.
const SELF_SIGNED_NAME: &str = "Forebay_Auto_Generated_Server_Certificate";

/// What clients of Forebay see.
pub(super) fn server_config(
    settings: &ServerSideSettings,
    provider: Arc<CryptoProvider>,
) -> Result<ServerConfig, String> {
    let verifier = client_verifier(settings, &provider)?;
    let (certificates, key) = match files::identity(settings.certificate.as_deref(), settings.key.as_deref())? {
        Some(identity) => identity,
        None => self_signed()?,
    };
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificates, key)
        .map_err(|error| mismatch(settings.certificate.as_deref(), settings.key.as_deref(), &error))
}

/// What servers see.
pub(super) fn client_config(
    settings: &ClientSideSettings,
    provider: Arc<CryptoProvider>,
) -> Result<ClientConfig, String> {
    let verifier = server_verifier(settings, &provider)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    match files::identity(settings.certificate.as_deref(), settings.key.as_deref())? {
        None => Ok(builder.with_no_client_auth()),
        Some((certificates, key)) => builder
            .with_client_auth_cert(certificates, key)
            .map_err(|error| mismatch(settings.certificate.as_deref(), settings.key.as_deref(), &error)),
    }
}

fn client_verifier(
    settings: &ServerSideSettings,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let file = match (settings.verify, &settings.client_ca) {
        (ClientVerify::Off, _) => return Ok(WebPkiClientVerifier::no_client_auth()),
        (_, None) => return Err("to verify clients' certificates, set `client_ca` to a PEM file with their CA".into()),
        (_, Some(file)) => file,
    };
    let (roots, _) = files::roots(file)?;
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let builder = match settings.verify {
        ClientVerify::Optional => builder.allow_unauthenticated(),
        _ => builder,
    };
    builder.build().map_err(|error| format!("{}: {error}", file.display()))
}

fn server_verifier(settings: &ClientSideSettings, provider: &Arc<CryptoProvider>) -> Result<ServerVerifier, String> {
    match (settings.verify, &settings.ca) {
        (Verify::None, _) => Ok(ServerVerifier::trusting_anyone(provider)),
        (_, None) => Err("to verify servers' certificates, set `ca` to a PEM file with their CA".into()),
        (verify, Some(file)) => {
            let (roots, pinned) = files::roots(file)?;
            ServerVerifier::trusting(roots, pinned, verify == Verify::Full, provider)
                .map_err(|error| format!("{}: {error}", file.display()))
        }
    }
}

/// A certificate that nobody signed, for this process only: good enough against those who listen.
fn self_signed() -> Result<Identity, String> {
    let failed = |error: rcgen::Error| format!("no certificate could be made: {error}");
    let key = KeyPair::generate().map_err(failed)?;
    let names = ["localhost", "127.0.0.1", "::1"].map(String::from).to_vec();
    let mut params = CertificateParams::new(names).map_err(failed)?;
    params.distinguished_name.push(DnType::CommonName, SELF_SIGNED_NAME);
    let certificate = params.self_signed(&key).map_err(failed)?;
    Ok((vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into())))
}

fn mismatch(certificate: Option<&std::path::Path>, key: Option<&std::path::Path>, error: &rustls::Error) -> String {
    let name = |file: Option<&std::path::Path>| file.map(|file| file.display().to_string()).unwrap_or_default();
    format!("{} and {}: {error}: the key must be the certificate's own", name(certificate), name(key))
}
