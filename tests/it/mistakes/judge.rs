//! What must hold of whatever is read as manifests, and who looks whether it does. The tests and the fuzzer have one judge.

use std::fs;
use std::os::unix::fs::symlink;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum;
use reconcile::change::service_changes;
use reconcile::cli::exit::Outcome;
use reconcile::cli::fix::repair;
use reconcile::cli::project::{Project, Reading};
use reconcile::cli::render::Style;
use reconcile::cli::render::against::{Ending, World};
use reconcile::cli::render::plan::{DesiredFrom, Detail, Diff, ForecastLine, Look, ObservedFrom, PlanReport};
use reconcile::cli::render::problems::render_fix;
use reconcile::cli::render::report::{Format, Paths, Report, render_report};
use reconcile::event::Event;
use reconcile::forecast::forecast;
use reconcile::load::files::Files;
use reconcile::load::secrets::Need;
use reconcile::load::{Loaded, load_bytes};
use reconcile::observed::ObservedState;
use reconcile::plan::id::PlanId;
use reconcile::plan::plan;
use reconcile::secret::{Providers, Secrets};
use reconcile::state::Directories;
use serde_json::Value;
use tempfile::TempDir;

use super::forms::{Form, Said};

/// A line that begins with this, a comment to YAML, begins another file; its name follows.
const NEXT_FILE: &[u8] = b"#### ";

/// What stands in the files outside of the directory.
pub(crate) const OUTSIDE: &str = "canary-that-nobody-may-see";

/// What stands in the file of a secret.
const SECRET: &str = "value-that-nobody-may-print";

/// How text is shown beside the usual way.
const LOOKS: [(Detail, Diff, Style); 3] = [
    (Detail::Summary, Diff::Fields, Style::PLAIN),
    (Detail::Everything, Diff::Fields, Style { color: true, width: Some(60) }),
    (Detail::Everything, Diff::Unified, Style::PLAIN),
];

/// A directory of manifests with files beside them, and files outside that are none of theirs.
#[derive(Debug)]
pub(crate) struct Yard {
    /// All of it.
    pub(crate) directory: TempDir,
    secrets: Arc<Secrets>,
    foresees: bool,
}

impl Yard {
    pub(crate) fn new() -> Self {
        let directory = TempDir::with_prefix("reconcile-mistakes-").expect("a temporary directory");
        let root = directory.path();
        let write = |path: &str, text: &str| fs::write(root.join(path), text).expect("a file in our own directory");
        fs::create_dir_all(root.join("manifests/secrets")).expect("a directory in our own");
        write("outside.env", &format!("CANARY={OUTSIDE}\n"));
        write("outside", OUTSIDE);
        write("manifests/web.env", "A=1\n# a comment\nB=\u{1b}[31mred\n");
        write("manifests/secrets/db", SECRET);
        for (link, to) in [("manifests/link.env", "../outside.env"), ("manifests/secrets/link", "../../outside")] {
            symlink(to, root.join(link)).expect("a link in our own directory");
        }
        let state = Directories { state: root.join("state"), runtime: root.join("runtime") };
        let secrets = Arc::new(Secrets::new(Providers::default(), state));
        Self { directory, secrets, foresees: true }
    }

    /// The same without forecasts: they take longer than all the rest, and read nothing that the plan does not.
    #[allow(dead_code, reason = "the tests have the time")]
    pub(crate) fn without_forecasts(self) -> Self {
        Self { foresees: false, ..self }
    }

    fn manifests(&self) -> PathBuf {
        self.directory.path().join("manifests")
    }

    /// The files of a text. They are never written: what is told of them is the same, and many more can be judged.
    fn load(&self, text: &[u8]) -> Loaded {
        let root = self.manifests();
        let files = files_of(text).into_iter();
        load_bytes(files.map(|(name, bytes)| (format!("{}/{name}", root.display()), bytes)).collect())
    }

    /// Everything that is said of one text.
    pub(crate) fn say(&self, text: &[u8]) -> Vec<Said> {
        let reading = Reading { secrets: self.secrets.clone(), need: Need::Values, since: None };
        let project = Project::understand(&self.manifests(), &reading, self.load(text), &Files::Disk).with_advice();
        let is_valid = project.errors() == 0;
        let report = Report {
            outcome: if is_valid { Outcome::Done } else { Outcome::Invalid },
            exit_code: if is_valid { 0 } else { 3 },
            directory: "manifests",
            problems: &project.problems,
            files: &project.files,
            documents: &project.documents,
            plan: None,
            failure: None,
            paths: &Paths::default(),
        };
        let mut said = forms_of(&report);
        if is_valid {
            said.extend(plans(&project, &report, self.foresees));
        }
        said
    }

    /// What is wrong with what is said of a text.
    pub(crate) fn judge(&self, text: &[u8]) -> Option<String> {
        let wrong = catch_unwind(AssertUnwindSafe(|| {
            let wrong = self.say(text).iter().find_map(|said| wrong_with(said, text));
            wrong.or_else(|| wrong_with_repairs(&self.load(text)))
        }));
        wrong.unwrap_or_else(|_| Some("it panics".to_owned()))
    }
}

fn wrong_with(said: &Said, text: &[u8]) -> Option<String> {
    let holds = |word: &str| text.windows(word.len()).any(|window| window == word.as_bytes());
    for (word, wrong) in [(OUTSIDE, "it was read outside of the directory"), (SECRET, "a secret is told")] {
        if said.text.contains(word) && !holds(word) {
            return Some(format!("{wrong}:\n{}", said.text));
        }
    }
    said.wrong().map(|wrong| format!("{:?}: {wrong}", said.form))
}

/// The files that a text stands for, each with its name. What stands before the first mark is in `a.yaml`.
fn files_of(text: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if let Some(name) = line.strip_prefix(NEXT_FILE) {
            let name = String::from_utf8_lossy(name).trim_end_matches('\n').replace("\\n", "\n").replace('\0', "");
            // No directory has a file twice.
            let twin =
                if files.iter().any(|(other, _)| *other == name) { files.len().to_string() } else { String::new() };
            files.push((name + &twin, Vec::new()));
            continue;
        }
        if files.is_empty() {
            files.push(("a.yaml".to_owned(), Vec::new()));
        }
        files.last_mut().expect("there is one").1.extend(line);
    }
    files
}

/// A report in every form.
fn forms_of(report: &Report<'_>) -> Vec<Said> {
    let usual = Format::value_variants().iter().map(|format| Said {
        form: Form::Report(*format),
        // A problem is told in one line, whatever it quotes.
        lines: (*format == Format::Short && report.plan.is_none()).then_some(report.problems.len()),
        text: render_report(report, *format, Look::default(), Style::PLAIN),
    });
    let looks = LOOKS.into_iter().map(|(detail, diff, style)| Said {
        form: if style.color { Form::Colored } else { Form::Report(Format::Text) },
        lines: None,
        text: render_report(report, Format::Text, Look { detail, diff }, style),
    });
    usual.chain(looks).collect()
}

/// What a dry run on an empty engine shows, and all that is wanted.
fn plans(project: &Project, report: &Report<'_>, foresees: bool) -> Vec<Said> {
    let observed = ObservedState::default();
    let overview = service_changes(&project.desired, &observed, &project.origins);
    let lines = if foresees { forecast_lines(project, &observed) } else { Vec::new() };
    let plan_report = PlanReport {
        desired: &DesiredFrom {
            source: "manifests".to_owned(),
            revision: None,
            files: project.files.len(),
            manifests: project.manifests,
            dirty: None,
        },
        observed: &ObservedFrom {
            engine: "no engine".to_owned(),
            world: World::Engine,
            containers: 0,
            at: observed.at,
        },
        id: PlanId::of(&project.desired, &observed),
        ending: &Ending { outcome: Outcome::Changes, code: 0, forbidden: None },
        overview: &overview,
        forecast: &lines,
        simulations: &[],
        diagnostics: &project.problems,
        blocked: &[],
        command: "reconcile",
    };
    let mut said = forms_of(&Report { outcome: Outcome::Changes, plan: Some(&plan_report), ..*report });
    let values = [format!("{:?}", plan(&project.desired, &observed)), format!("{:?}", project.desired)];
    said.extend(values.map(|text| Said { form: Form::Value, lines: None, text }));
    said
}

fn forecast_lines(project: &Project, observed: &ObservedState) -> Vec<ForecastLine> {
    let forecast = forecast(&Arc::new(project.desired.clone()), observed, 1);
    let line = |event: &Event| ForecastLine { at: event.at.since(observed.at), text: event.sentence() };
    forecast.events.iter().map(line).collect()
}

/// What is wrong with what `--fix` would write: it can be read as well as before, and nothing is left that it would write another time.
fn wrong_with_repairs(loaded: &Loaded) -> Option<String> {
    let repaired = repair(loaded);
    for after in &repaired {
        let told = || after.fixes.iter().map(render_fix).collect::<Vec<_>>().join("\n");
        let is_json = |text: &str| serde_json::from_str::<Value>(text).is_ok();
        if is_json(&after.before) && !is_json(&after.after) {
            return Some(format!("a repair leaves no JSON:\n{}\n{}", told(), after.after));
        }
        let read = |text: &str| {
            let loaded = load_bytes(vec![(after.name.to_string(), text.as_bytes().to_vec())]);
            (loaded.documents.len(), loaded.problems.len())
        };
        let ((documents, unreadable), (documents_after, unreadable_after)) = (read(&after.before), read(&after.after));
        if documents != documents_after || unreadable_after > unreadable {
            return Some(format!("a repair makes it harder to read:\n{}\n{}", told(), after.after));
        }
    }
    if repaired.is_empty() {
        return None;
    }
    let text_of = |name: &str, text: &str| {
        let after = repaired.iter().find(|repaired| *repaired.name == *name);
        after.map_or(text, |repaired| &repaired.after).as_bytes().to_vec()
    };
    let files = loaded.files.iter().map(|file| (file.name().to_string(), text_of(file.name(), file.text())));
    let again = repair(&load_bytes(files.collect()));
    let again = again.iter().flat_map(|repaired| &repaired.fixes).map(render_fix).next()?;
    Some(format!("what was repaired is repaired again: {again}"))
}
