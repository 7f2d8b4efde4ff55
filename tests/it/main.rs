//! Everything that is tested from outside: the real program, both engines, and the house itself.

mod against;
mod cli;
mod conformance;
mod contract;
mod dry_run;
mod end_to_end;
mod mistakes;
mod properties;
mod pull_requests;
mod reports;
mod scenarios;
mod support;
mod survival;
mod tidy;
mod watching;
mod workflows;
