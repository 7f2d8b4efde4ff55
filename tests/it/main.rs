//! Everything that is tested from outside: the real program, both engines, and the house itself.

mod cli;
mod conformance;
mod contract;
mod dry_run;
mod end_to_end;
mod properties;
mod scenarios;
mod support;
mod survival;
mod tidy;
mod watching;
