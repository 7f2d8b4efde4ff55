//! `reconcile`
pub mod value;
