//! Every test that looks at the crate from outside, in one program.

mod contract;
mod properties;
