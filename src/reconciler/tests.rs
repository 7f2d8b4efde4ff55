//! Tests of the reconciler by itself.
