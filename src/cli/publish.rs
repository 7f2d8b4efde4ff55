//! Where reports go: stdout, files, and what a platform reads by itself.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::exit::{self, Exit};
use super::output::Output;
use super::render::Style;
use super::render::plan::{Detail, Diff, Look};
use super::render::problems::render_problems;
use super::render::report::paths::Paths;
use super::render::report::{
    Format, Report, SUMMARY_BYTES_MAX, render_annotations, render_markdown, render_outputs, render_report,
};

/// What reports are asked for.
#[derive(Debug, Clone, Args)]
pub(super) struct ReportArguments {
    /// Write a report as well, whatever the outcome: `text`, `short`, `json`, `ndjson`, `markdown`, `github`, `gitlab`, `sarif`, `junit` or
    /// `rdjson`. PATH is a file, or `-` for stdout, and then the text goes to stderr. May be repeated.
    #[arg(long, value_name = "FORMAT=PATH", value_parser = parse_request)]
    report: Vec<Request>,
    /// Do nothing by itself for the platform that it runs on. Without it, where `GITHUB_ACTIONS` is `true`: annotations, the summary of
    /// the job and the outputs of the step.
    #[arg(long)]
    no_ci: bool,
}

/// One report that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    format: Format,
    /// `None` for stdout.
    path: Option<PathBuf>,
}

/// `FORMAT=PATH`
fn parse_request(text: &str) -> Result<Request, String> {
    let known = || Format::value_variants().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let (format, path) = text
        .split_once('=')
        .filter(|(_, path)| !path.is_empty())
        .ok_or_else(|| format!("expected FORMAT=PATH, such as sarif=plan.sarif, found `{text}`"))?;
    let format =
        Format::from_str(format, false).map_err(|_| format!("there is no format `{format}`; there is {}", known()))?;
    Ok(Request { format, path: (path != "-").then(|| PathBuf::from(path)) })
}

/// How much of a plan is shown as text.
#[derive(Debug, Clone, Args)]
pub(super) struct LookArguments {
    /// Only one line for each service that changes, and the counts.
    #[arg(long, requires = "dry_run", conflicts_with_all = ["verbose", "diff"])]
    summary: bool,
    /// Everything: long values and long forecasts in full, and what stays as it is.
    #[arg(long, requires = "dry_run")]
    verbose: bool,
    /// How what differs is shown: `fields`, each with its place, or `unified`, as `diff -u` does.
    #[arg(long, value_name = "FORM", requires = "dry_run")]
    diff: Option<Diff>,
}

impl ReportArguments {
    /// Whether anything is asked for.
    pub(super) fn is_empty(&self) -> bool {
        self.report.is_empty() && !self.no_ci
    }
}

impl LookArguments {
    pub(super) fn look(&self) -> Look {
        let detail = match (self.summary, self.verbose) {
            (true, _) => Detail::Summary,
            (false, true) => Detail::Everything,
            (false, false) => Detail::Usual,
        };
        Look { detail, diff: self.diff.unwrap_or_default() }
    }
}

/// Where everything goes that is to be told of one outcome.
#[derive(Debug)]
pub(super) struct Publisher<'a> {
    requests: &'a [Request],
    /// What is printed on stdout, unless a report takes its place.
    format: Format,
    look: Look,
    output: &'a Output,
    platform: Option<GitHub>,
    paths: Paths,
}

impl<'a> Publisher<'a> {
    /// Wrong usage when two of the reports would be written to one place.
    pub(super) fn new(
        arguments: &'a ReportArguments,
        format: Option<Format>,
        look: Look,
        output: &'a Output,
    ) -> Result<Self, Exit> {
        let ReportArguments { report: requests, no_ci } = arguments;
        for (index, request) in requests.iter().enumerate() {
            if requests[..index].iter().any(|other| other.path == request.path) {
                let place = request.path.as_ref().map_or("stdout".into(), |path| path.to_string_lossy());
                return Err(Exit::because(exit::USAGE, format!("two reports cannot both be written to {place}")));
            }
            if request.path.is_none() && format.is_some() {
                return Err(Exit::because(
                    exit::USAGE,
                    "--report with `-` and --output both print to stdout; give one of them",
                ));
            }
        }
        let platform = GitHub::of_this_process().filter(|_| !no_ci);
        let format = format.unwrap_or(Format::Text);
        Ok(Self { requests, format, look, output, platform, paths: find_paths() })
    }

    /// How files are called within their repository.
    pub(super) fn paths(&self) -> &Paths {
        &self.paths
    }

    /// Prints the outcome and writes every report. One that cannot be written keeps none of the others from being written.
    pub(super) fn publish(&self, report: &Report<'_>) -> Result<(), Exit> {
        let instead = self.requests.iter().find(|request| request.path.is_none());
        if let Some(request) = instead {
            self.output.print(&render_report(report, request.format, self.look, self.output.data));
        }
        // The plan is data, and so is what is wrong where that was the question. Why there is no plan is talk, and the last word of it is
        // said by whoever ends the program.
        let is_talk = instead.is_some() || (self.format == Format::Text && report.failure.is_some());
        match (is_talk, report.failure) {
            (true, Some(_)) => {
                self.output.say(&render_problems(report.problems, report.files, self.output.talk.color));
            }
            (true, None) => self.output.say(&render_report(report, self.format, self.look, self.output.talk)),
            (false, _) => self.output.print(&render_report(report, self.format, self.look, self.output.data)),
        }
        let mut failed = None;
        for Request { format, path } in self.requests {
            let Some(path) = path else { continue };
            let text = render_report(report, *format, self.look, Style::PLAIN);
            if let Err(error) = write_whole(path, &text) {
                failed.get_or_insert(Exit::because(
                    exit::RUNTIME,
                    format!("the report {format} cannot be written to {}: {error}", path.display()),
                ));
            }
        }
        if let Some(platform) = &self.platform {
            let has_annotations =
                self.requests.iter().any(|request| request.format == Format::Github) || self.format == Format::Github;
            if !has_annotations {
                self.output.say(&render_annotations(report));
            }
            platform.tell(report, self.output);
        }
        failed.map_or(Ok(()), Err)
    }
}

/// Writes a file whole or not at all: whoever reads it meanwhile sees the old one or the new one.
fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    // A pipe or a device is written to as it is; replacing it would be a surprise.
    if path.starts_with("/dev") || std::fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        return std::fs::write(path, text);
    }
    // A link stays a link: it is the file behind it that is replaced.
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = path.file_name().ok_or_else(|| std::io::Error::other("it names no file"))?;
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}.part", std::process::id()));
    let beside = path.with_file_name(beside);
    let written = std::fs::File::create(&beside)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written
}

/// A job of GitHub Actions, and the files by which a step speaks to it.
#[derive(Debug)]
struct GitHub {
    summary: Option<PathBuf>,
    outputs: Option<PathBuf>,
}

impl GitHub {
    fn of_this_process() -> Option<Self> {
        let is_here = std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true");
        let file = |name| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        is_here.then(|| Self { summary: file("GITHUB_STEP_SUMMARY"), outputs: file("GITHUB_OUTPUT") })
    }

    /// Adds to the summary of the job and to the outputs of the step. What cannot be written is no reason to fail.
    fn tell(&self, report: &Report<'_>, output: &Output) {
        if let Some(path) = &self.summary {
            // What the step has written before counts as well.
            let before = std::fs::metadata(path).map_or(0, |found| found.len());
            let left = SUMMARY_BYTES_MAX.saturating_sub(usize::try_from(before).unwrap_or(usize::MAX));
            add(path, &format!("{}\n", render_markdown(report, left)), output);
        }
        if let Some(path) = &self.outputs {
            add(path, &render_outputs(report), output);
        }
    }
}

fn add(path: &Path, text: &str, output: &Output) {
    let opened = std::fs::OpenOptions::new().append(true).create(true).open(path);
    if let Err(error) = opened.and_then(|mut file| file.write_all(text.as_bytes())) {
        output.say(&format!("warning: nothing could be added to {}: {error}", path.display()));
    }
}

/// How files are called from the top of the repository: the workspace of the job, or the directory around this one that has a `.git`.
fn find_paths() -> Paths {
    let Ok(here) = std::env::current_dir() else { return Paths::default() };
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let workspace = ["GITHUB_WORKSPACE", "CI_PROJECT_DIR"].into_iter().filter_map(variable);
    let workspace =
        workspace.filter_map(|path| Path::new(&path).canonicalize().ok()).find(|path| here.starts_with(path));
    let top = workspace.or_else(|| here.ancestors().find(|path| path.join(".git").exists()).map(Path::to_owned));
    let github = || {
        Some(format!(
            "{}/{}/blob/{}",
            variable("GITHUB_SERVER_URL")?,
            variable("GITHUB_REPOSITORY")?,
            variable("GITHUB_SHA")?
        ))
    };
    let gitlab = || Some(format!("{}/-/blob/{}", variable("CI_PROJECT_URL")?, variable("CI_COMMIT_SHA")?));
    Paths::new(&here, top.as_deref()).with_pages(github().or_else(gitlab))
}
