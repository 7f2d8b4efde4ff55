//! `reconcile`
pub mod desired;
pub mod document;
pub mod engine;
pub mod manifest;
pub mod observed;
pub mod ownership;
pub mod plan;
pub mod problem;
pub mod reconciler;
pub mod value;
