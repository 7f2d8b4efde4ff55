//! Hints that a manifest changed.
