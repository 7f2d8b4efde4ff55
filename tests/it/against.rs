//! A dry run that compares with something else than an engine: a Git revision, or a snapshot of a host.

mod engine;
mod git;
mod repository;
