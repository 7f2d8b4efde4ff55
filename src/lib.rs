//! `reconcile`
pub mod change;
pub mod cli;
pub mod desired;
pub mod document;
pub mod engine;
pub mod event;
pub mod load;
pub mod manifest;
pub mod observed;
pub mod ownership;
pub mod plan;
pub mod problem;
pub mod schema;
pub mod status;
#[cfg(test)]
pub(crate) mod testing;
pub mod value;
