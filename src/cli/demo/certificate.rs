//! A certificate for MariaDB's servers. MySQL's make their own; MariaDB's do so only from 11.4 on, and without one a
//! client that encrypts by default could not be served the way it asks for.

use super::error::DemoError;
use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// PEM files.
#[derive(Debug)]
pub struct Certificate {
    /// The certificate, signed by its own key.
    pub certificate: PathBuf,
    /// Its private key; only the owner can read it.
    pub key: PathBuf,
}

/// Makes a certificate for this machine's loopback address in `folder`.
pub fn make(folder: &Path) -> Result<Certificate, DemoError> {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names)
        .map_err(|error| DemoError::io("make a certificate")(io::Error::other(error)))?;
    let files = Certificate { certificate: folder.join("certificate.pem"), key: folder.join("key.pem") };
    write(&files.certificate, &made.cert.pem())?;
    write(&files.key, &made.signing_key.serialize_pem())?;
    Ok(files)
}

fn write(path: &Path, text: &str) -> Result<(), DemoError> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(DemoError::io(format!("write {}", path.display())))
}
