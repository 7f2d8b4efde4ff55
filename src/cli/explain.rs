//! `reconcile explain`: what the code of a problem means.

use clap::Args;

use super::exit;
use super::output::Output;
use super::render::explain::{render_codes, render_page};
use crate::problem::Code;

#[derive(Debug, Args)]
pub(super) struct ExplainArguments {
    /// The code, such as RC101; without it all codes are listed.
    #[arg(value_name = "CODE")]
    code: Option<Code>,
}

pub(super) fn run(arguments: &ExplainArguments, output: &Output) -> u8 {
    match arguments.code {
        Some(code) => output.print(&render_page(code)),
        None => output.print(&render_codes()),
    }
    exit::DONE
}
