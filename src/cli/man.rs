//! `reconcile man`: manual pages, made from the definitions that the help is made from.

use std::path::PathBuf;

use clap::{Args, CommandFactory};
use clap_mangen::Man;

use super::Arguments;
use super::exit::{self, Exit};
use super::output::Output;

const AFTER_HELP: &str = "\
Examples:
  reconcile man | man -l -                                    read the page of the program
  reconcile man logs | man -l -                               read that of a command
  reconcile man --directory ~/.local/share/man/man1           write all pages to where `man` finds them";

/// Prints manual pages.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct ManArguments {
    /// The command whose page is printed; without it the page of the program.
    #[arg(value_name = "COMMAND", conflicts_with = "directory")]
    command: Option<String>,
    /// Write the pages of the program and of all its commands to this directory. Older ones are replaced.
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

pub(super) fn run(arguments: &ManArguments, output: &Output) -> Result<u8, Exit> {
    if let Some(directory) = &arguments.directory {
        std::fs::create_dir_all(directory)?;
        for page in pages() {
            let path = directory.join(page.get_filename());
            std::fs::write(&path, render(&page)?)?;
            output.say(&format!("wrote {}", path.display()));
        }
        return Ok(exit::DONE);
    }
    let name =
        arguments.command.as_ref().map_or_else(|| "reconcile".to_owned(), |command| format!("reconcile-{command}"));
    let wanted = format!("{name}.1");
    let Some(page) = pages().into_iter().find(|page| page.get_filename() == wanted) else {
        return Err(Exit::because(
            exit::USAGE,
            format!("there is no page {name}; `reconcile --help` lists the commands"),
        ));
    };
    output.print_bytes(&render(&page)?);
    Ok(exit::DONE)
}

/// The page of the program and those of its commands.
fn pages() -> Vec<Man> {
    let mut command = Arguments::command().disable_help_subcommand(true);
    command.build();
    let of_commands = command.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    std::iter::once(command.clone()).chain(of_commands.collect::<Vec<_>>()).map(Man::new).collect()
}

fn render(page: &Man) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    page.render(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests;
