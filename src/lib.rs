//! `reconcile`
pub mod cli;
pub mod document;
pub mod load;
pub mod manifest;
pub mod problem;
pub mod schema;
pub mod value;
