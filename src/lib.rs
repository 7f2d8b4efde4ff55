//! `reconcile`
pub mod document;
pub mod manifest;
pub mod problem;
pub mod value;
