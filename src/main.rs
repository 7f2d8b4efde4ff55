//! The program: starts tracing, runs the command, and turns its result into an exit code.

use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

/// What is traced when `RECONCILE_LOG` does not say. Of bollard never more than this: it would print the environment of containers.
const FILTER_DEFAULT: &str = "off";

fn main() -> ExitCode {
    let filter = std::env::var("RECONCILE_LOG").unwrap_or_else(|_| FILTER_DEFAULT.to_owned());
    let filter = EnvFilter::new(format!("{filter},bollard=info,hyper=info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    reconcile::cli::run(std::env::args_os())
}
