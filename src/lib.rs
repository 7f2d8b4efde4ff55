//! `reconcile`
pub mod change;
pub mod cli;
pub mod clock;
pub mod desired;
pub mod document;
pub mod engine;
pub mod event;
pub mod execute;
pub mod forecast;
pub mod load;
pub mod lock;
pub mod manifest;
pub mod observed;
pub mod ownership;
pub mod plan;
pub mod problem;
pub mod reconciler;
pub mod schema;
pub mod source;
pub mod status;
#[cfg(test)]
pub(crate) mod testing;
pub mod value;
pub mod watch;
