//! A blocking socket, with or without TLS, and packets on it.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    os::unix::net::UnixStream,
    sync::Arc,
    time::Duration,
};

use rustls::{
    ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};

use crate::support::endpoint::Endpoint;

/// A reply that takes longer is a failure.
const PATIENCE: Duration = Duration::from_secs(60);
const MAX_PAYLOAD: usize = 0xff_ffff;

#[derive(Debug)]
pub enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    pub fn connect(endpoint: &Endpoint) -> io::Result<Stream> {
        if let Some(path) = &endpoint.socket {
            let stream = UnixStream::connect(path)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            return Ok(Stream::Unix(stream));
        }
        let stream = match endpoint.from {
            Some(from) => connect_from(from, endpoint.port)?,
            None => TcpStream::connect((Endpoint::HOST, endpoint.port))?,
        };
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Stream::Tcp(stream))
    }

    /// How long a read may take from now on.
    pub fn set_patience(&self, patience: Duration) {
        let set = match self {
            Stream::Tcp(tcp) => tcp.set_read_timeout(Some(patience)),
            Stream::Unix(unix) => unix.set_read_timeout(Some(patience)),
            Stream::Tls(tls) => tls.sock.set_read_timeout(Some(patience)),
        };
        set.unwrap();
    }

    /// TLS, showing this certificate (and key, both PEM) if the server asks for one.
    pub fn into_tls(self, identity: Option<&(String, String)>) -> io::Result<Stream> {
        let Stream::Tcp(tcp) = self else { return Err(io::Error::other("TLS goes over TCP")) };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)));
        let config = match identity {
            None => config.with_no_client_auth(),
            Some((certificate, key)) => {
                let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).map_err(io::Error::other)?;
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(io::Error::other)?;
                config.with_client_auth_cert(vec![certificate], key).map_err(io::Error::other)?
            }
        };
        let name = ServerName::try_from(Endpoint::HOST).map_err(io::Error::other)?;
        let client = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
        Ok(Stream::Tls(Box::new(StreamOwned::new(client, tcp))))
    }

    /// The certificate that the other side has shown.
    pub fn peer_certificate(&self) -> Option<Vec<u8>> {
        let Stream::Tls(tls) = self else { return None };
        Some(tls.conn.peer_certificates()?.first()?.to_vec())
    }

    pub fn is_secure(&self) -> bool {
        !matches!(self, Stream::Tcp(_))
    }

    /// One payload, joined where it came in several packets. `seq` is the id expected, and then the next one.
    pub fn read_payload(&mut self, seq: &mut u8) -> io::Result<Vec<u8>> {
        let mut payload = Vec::new();
        loop {
            let mut header = [0; 4];
            self.read_exact(&mut header)?;
            if header[3] != *seq {
                return Err(io::Error::other(format!("sequence id {} where {seq} was due", header[3])));
            }
            *seq = seq.wrapping_add(1);
            let n = usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16;
            let start = payload.len();
            payload.resize(start + n, 0);
            self.read_exact(&mut payload[start..])?;
            if n < MAX_PAYLOAD {
                return Ok(payload);
            }
        }
    }

    pub fn write_payload(&mut self, seq: &mut u8, payload: &[u8]) -> io::Result<()> {
        self.write_all(&frame(seq, payload))?;
        self.flush()
    }
}

fn connect_from(from: Ipv4Addr, port: u16) -> io::Result<TcpStream> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((from, 0)).into())?;
    socket.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    Ok(socket.into())
}

/// A payload as packets.
pub fn frame(seq: &mut u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 4);
    let mut chunks = payload.chunks(MAX_PAYLOAD).peekable();
    loop {
        let chunk = chunks.next().unwrap_or_default();
        out.extend(&chunk.len().to_le_bytes()[..3]);
        out.push(*seq);
        out.extend(chunk);
        *seq = seq.wrapping_add(1);
        if chunk.len() < MAX_PAYLOAD {
            return out;
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(s) => s.read(buf),
            Stream::Unix(s) => s.read(buf),
            Stream::Tls(s) => s.read(buf),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(s) => s.write(buf),
            Stream::Unix(s) => s.write(buf),
            Stream::Tls(s) => s.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Tcp(s) => s.flush(),
            Stream::Unix(s) => s.flush(),
            Stream::Tls(s) => s.flush(),
        }
    }
}

/// The servers' certificates are their own and prove nothing here.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
