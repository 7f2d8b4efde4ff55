//! `reconcile`
pub mod desired;
pub mod document;
pub mod engine;
pub mod event;
pub mod execute;
pub mod lock;
pub mod manifest;
pub mod observed;
pub mod ownership;
pub mod plan;
pub mod problem;
pub mod reconciler;
pub mod source;
pub mod value;
