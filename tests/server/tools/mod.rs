//! The server read as its users' tools read it: what each asks for, and how it takes the answer
//! apart.
//!
//! | file | tool |
//! |---|---|
//! | `exporter.rs` | redis_exporter: INFO field by field, CONFIG, SLOWLOG, LATENCY, CLIENT LIST |
//! | `http.rs` | scrapers, probes and browsers at `http-port`, and those who mean no good |
//! | `insight.rs` | RedisInsight: its overview, its browser, its analysis |
//! | `stack_exchange.rs` | StackExchange.Redis: one batch of requests as its handshake |
//! | `redis_cli.rs` | redis-cli itself, in the modes that analyse a server |
//!
//! The first three speak for the tool by its requests and its rules of reading, which are stricter
//! than ours: a field that is not a number loses the whole scrape, a reply too many the connection.
//!
//! Not here: whole client libraries (`tests/clients/`), other replies (`tests/scripts/`), the
//! fields of INFO beside those of a redis-server (`tests/oracle/`).

mod exporter;
mod http;
mod information;
mod insight;
mod redis_cli;
mod stack_exchange;
