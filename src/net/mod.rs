//! Sockets: addresses, TLS, the PROXY header, and one buffered packet channel that both sides of the proxy use.

pub mod addr;
pub mod channel;
pub mod dial;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
pub mod proxy_header;
pub mod stream;
pub mod tls;

pub use addr::Address;
pub use channel::{Channel, ChannelError};
pub use dial::dial;
pub use stream::Stream;
