//! Certificates: an authority and what it signs.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use super::paths;

/// Signs certificates, which lie as files in a folder of its own.
pub struct Authority {
    dir: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key.
pub struct Identity {
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// The certificate as it is shown in a handshake.
    pub der: Vec<u8>,
}

impl Authority {
    pub fn new(name: &str) -> Authority {
        let dir = paths::scratch("tls");
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        std::fs::write(dir.join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Authority { dir, issuer: Issuer::new(params, key) }
    }

    /// Its own certificate.
    pub fn file(&self) -> PathBuf {
        self.dir.join("ca.pem")
    }

    /// A new certificate for a host name.
    pub fn issue(&self, file: &str, host: &str) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![host.into()]).unwrap().signed_by(&key, &self.issuer).unwrap();
        let path = |end: &str| self.dir.join(format!("{file}-{end}.pem"));
        std::fs::write(path("cert"), certificate.pem()).unwrap();
        std::fs::write(path("key"), key.serialize_pem()).unwrap();
        Identity { certificate: path("cert"), key: path("key"), der: certificate.der().to_vec() }
    }
}

impl Identity {
    /// As [`super::raw::Login`] wants it.
    pub fn pem(&self) -> (String, String) {
        let text = |file: &Path| std::fs::read_to_string(file).unwrap();
        (text(&self.certificate), text(&self.key))
    }

    /// Puts this one's files in the place of another's, as a rename does it.
    pub fn replace(&self, other: &Identity) {
        std::fs::rename(&self.certificate, &other.certificate).unwrap();
        std::fs::rename(&self.key, &other.key).unwrap();
    }
}
