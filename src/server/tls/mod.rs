//! Encrypted clients.
//!
//! ```text
//!  tls-port ─▶ handshakes.rs, a thread ─ established ─▶ the loop: a Listener like others
//!                  │ handshake.rs: one of them                          │
//!                  │ certificates.rs, settings.rs: what is believed     │
//!                  └ half-open, slow, garbage: dropped there            └▶ stream.rs, a Transport
//! ```
//!
//! Clients cost the loop no signature: it gets connections whose handshake is over. What is half
//! open is bounded in number and time, and costs the loop nothing. The primary that a server
//! follows is one link, whose handshake the loop makes (`primary.rs`).
//!
//! rustls does the work, with `ring`: no renegotiation, no early data, TLS 1.2 and 1.3.
//!
//! Not here: sockets without encryption (`transport.rs`), when clients are served (`scheduler/`).

mod certificates;
mod error;
mod handshake;
mod handshakes;
mod primary;
mod settings;
mod stream;

pub use error::TlsError;
pub use handshake::{Handshake, Progress};
pub(super) use handshakes::Handshakes;
pub(super) use primary::begin_with_primary;
pub(super) use settings::{Settings, settings};
pub use stream::TlsStream;
