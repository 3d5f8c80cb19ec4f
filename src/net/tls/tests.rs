use std::fs;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;

/// A CA, a certificate for `db.example` that it signed, and one that nobody signed.
struct Files {
    dir: TempDir,
}

impl Files {
    fn new() -> Files {
        let dir = tempfile::tempdir().unwrap();
        let mut ca = CertificateParams::new(vec![]).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_key = KeyPair::generate().unwrap();
        fs::write(dir.path().join("ca.pem"), ca.self_signed(&ca_key).unwrap().pem()).unwrap();
        let issuer = Issuer::new(ca, ca_key);
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["db.example".to_owned()]).unwrap();
        fs::write(dir.path().join("cert.pem"), params.signed_by(&key, &issuer).unwrap().pem()).unwrap();
        fs::write(dir.path().join("key.pem"), key.serialize_pem()).unwrap();
        let alone = KeyPair::generate().unwrap();
        fs::write(dir.path().join("alone.pem"), params.self_signed(&alone).unwrap().pem()).unwrap();
        fs::write(dir.path().join("alone-key.pem"), alone.serialize_pem()).unwrap();
        Files { dir }
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        Some(self.dir.path().join(name))
    }

    fn server(&self, certificate: &str, key: &str) -> ServerSideSettings {
        ServerSideSettings { certificate: self.path(certificate), key: self.path(key), ..Default::default() }
    }

    fn client(&self, verify: Verify, ca: &str) -> ClientSideSettings {
        ClientSideSettings { verify, ca: self.path(ca), ..Default::default() }
    }
}

/// A handshake and a byte each way; the error is either side's.
async fn meet(server: &ServerSideSettings, client: &ClientSideSettings, name: &str) -> Result<(), String> {
    let (server, client) = (ServerSide::load(server)?, ClientSide::load(client)?);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serve = async {
        let socket = listener.accept().await.unwrap().0;
        let mut stream = accept(Stream::Tcp(socket), &server).await?;
        assert!(stream.is_tls() && stream.is_secure());
        let byte = stream.read_u8().await?;
        stream.write_u8(byte).await?;
        stream.flush().await
    };
    let call = async {
        let socket = TcpStream::connect(address).await.unwrap();
        let mut stream = open(Stream::Tcp(socket), &client, name).await?;
        stream.write_u8(7).await?;
        stream.flush().await?;
        assert_eq!(stream.read_u8().await?, 7);
        Ok::<_, io::Error>(())
    };
    let (served, called) = tokio::join!(serve, call);
    called.and(served).map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_certificate_made_in_memory_serves_clients_that_check_nothing() {
    let (server, client) = (ServerSideSettings::default(), ClientSideSettings::default());
    meet(&server, &client, "db.example").await.unwrap();
    meet(&server, &client, "no name at all!").await.unwrap();
}

#[tokio::test]
async fn servers_are_verified_as_much_as_asked() {
    let files = Files::new();
    let server = files.server("cert.pem", "key.pem");
    meet(&server, &files.client(Verify::Full, "ca.pem"), "db.example").await.unwrap();
    meet(&server, &files.client(Verify::Ca, "ca.pem"), "other.example").await.unwrap();
    let error = meet(&server, &files.client(Verify::Full, "ca.pem"), "other.example").await.unwrap_err();
    assert!(error.contains("not valid for name"), "{error}");
    let error = meet(&server, &files.client(Verify::Ca, "alone.pem"), "db.example").await.unwrap_err();
    assert!(error.contains("invalid peer certificate"), "{error}");
    let error =
        meet(&ServerSideSettings::default(), &files.client(Verify::Ca, "ca.pem"), "localhost").await.unwrap_err();
    assert!(error.contains("invalid peer certificate"), "{error}");
}

#[tokio::test]
async fn a_self_signed_server_certificate_may_stand_in_the_ca_file() {
    let files = Files::new();
    let server = files.server("alone.pem", "alone-key.pem");
    meet(&server, &files.client(Verify::Full, "alone.pem"), "db.example").await.unwrap();
    meet(&server, &files.client(Verify::Ca, "alone.pem"), "other.example").await.unwrap();
    meet(&server, &files.client(Verify::Full, "alone.pem"), "other.example").await.unwrap_err();
}

#[tokio::test]
async fn clients_show_certificates_where_they_must() {
    let files = Files::new();
    let server =
        |verify| ServerSideSettings { verify, client_ca: files.path("ca.pem"), ..files.server("cert.pem", "key.pem") };
    let with = |certificate: &str, key: &str| ClientSideSettings {
        certificate: files.path(certificate),
        key: files.path(key),
        ..Default::default()
    };
    let (good, bad, without) = (with("cert.pem", "key.pem"), with("alone.pem", "alone-key.pem"), Default::default());
    for (verify, client, fits) in [
        (ClientVerify::Required, &good, true),
        (ClientVerify::Required, &bad, false),
        (ClientVerify::Required, &without, false),
        (ClientVerify::Optional, &good, true),
        (ClientVerify::Optional, &bad, false),
        (ClientVerify::Optional, &without, true),
        (ClientVerify::Off, &bad, true),
    ] {
        assert_eq!(meet(&server(verify), client, "db.example").await.is_ok(), fits, "{verify:?} {client:?}");
    }
}

#[test]
fn errors_name_the_file_and_what_would_be_right() {
    let files = Files::new();
    let no = |settings: ServerSideSettings| ServerSide::load(&settings).unwrap_err();
    let cases = [
        (no(files.server("missing.pem", "key.pem")), "missing.pem", "No such file"),
        (no(files.server("key.pem", "key.pem")), "key.pem", "BEGIN CERTIFICATE"),
        (no(files.server("cert.pem", "cert.pem")), "cert.pem", "BEGIN PRIVATE KEY"),
        (no(files.server("cert.pem", "alone-key.pem")), "alone-key.pem", "the certificate's own"),
        (no(ServerSideSettings { certificate: files.path("cert.pem"), ..Default::default() }), "cert.pem", "`key`"),
        (no(ServerSideSettings { verify: ClientVerify::Required, ..Default::default() }), "", "`client_ca`"),
        (ClientSide::load(&files.client(Verify::Full, "key.pem")).unwrap_err(), "key.pem", "BEGIN CERTIFICATE"),
    ];
    for (error, file, remedy) in cases {
        assert!(error.contains(file) && error.contains(remedy), "{error}");
    }
    assert!(
        ClientSide::load(&ClientSideSettings { verify: Verify::Ca, ..Default::default() })
            .unwrap_err()
            .contains("`ca`")
    );
}

#[tokio::test]
async fn disabled_means_not_offered() {
    let disabled = ServerSide::load(&ServerSideSettings { mode: Mode::Disabled, ..Default::default() }).unwrap();
    assert!(!disabled.is_offered());
}
