//! TLS with rustls: what we show to clients, what we ask of servers.
