//! The RSA exchange of caching_sha2_password where there is no TLS. The key pair is made when first needed.
/// A lazily generated 2048-bit key pair.
pub struct RsaKey { _private: () }
