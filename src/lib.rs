//! `reconcile`
pub mod desired;
pub mod engine;
pub mod observed;
pub mod ownership;
pub mod plan;
pub mod value;
