//! What the tests share: the program, an engine, a cluster of one's own, and waiting with a limit.

pub(crate) mod daemon;
pub(crate) mod docker;
pub(crate) mod program;
pub(crate) mod proxy;
pub(crate) mod registry;
pub(crate) mod shop;
pub(crate) mod wait;
