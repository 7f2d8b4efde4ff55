//! The command line.
pub mod project;
pub mod render;
