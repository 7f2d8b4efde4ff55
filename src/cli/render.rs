//! Everything that is printed.
pub mod problems;
