//! PEM files, with errors that name the file.

use std::path::Path;

use rustls::{
    RootCertStore,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
};

/// A certificate with its chain, and its private key.
pub(super) type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// Both files, or neither; one without the other is an error.
pub(super) fn identity(certificate: Option<&Path>, key: Option<&Path>) -> Result<Option<Identity>, String> {
    match (certificate, key) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => Ok(Some((certificates(certificate)?, private_key(key)?))),
        (Some(file), None) => Err(format!("{}: a certificate needs its private key: set `key` too", file.display())),
        (None, Some(file)) => {
            Err(format!("{}: a private key needs its certificate: set `certificate` too", file.display()))
        }
    }
}

/// All certificates of a file; at least one.
pub(super) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = read(file)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(no_items(file, "certificate", "CERTIFICATE")),
        Err(error) => Err(format!("{}: {error}: a PEM file with certificates is needed", file.display())),
    }
}

/// The certificates of a file as what is trusted.
pub(super) fn roots(file: &Path) -> Result<(RootCertStore, Vec<CertificateDer<'static>>), String> {
    let certificates = certificates(file)?;
    let mut roots = RootCertStore::empty();
    for certificate in &certificates {
        roots.add(certificate.clone()).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok((roots, certificates))
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(&read(file)?).map_err(|error| match error {
        pem::Error::NoItemsFound => no_items(file, "private key (without a passphrase)", "PRIVATE KEY"),
        error => format!("{}: {error}: a PEM file with a private key is needed", file.display()),
    })
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))
}

fn no_items(file: &Path, what: &str, section: &str) -> String {
    format!("{}: no {what} in it: a PEM file with `-----BEGIN {section}-----` is needed", file.display())
}
