//! Manifests that nobody would write: whatever is made of good ones by chance is read, judged, planned and shown without a panic, without
//! a look outside of the directory, and without anything that a terminal would obey.
//!
//! It begins with the files of `tests/corpus`, `tests/invalid` and `manifests`, each as it is; a text that ever failed is kept in
//! `tests/corpus`. `RECONCILE_MISTAKES` says how many more are made of them, `RECONCILE_SEED` makes one and shows it.

use std::fs;
use std::os::unix::fs::symlink;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;
use reconcile::change::service_changes;
use reconcile::cli::exit::Outcome;
use reconcile::cli::project::{Project, Reading};
use reconcile::cli::render::Style;
use reconcile::cli::render::against::{Ending, World};
use reconcile::cli::render::plan::{DesiredFrom, Look, ObservedFrom, PlanReport, render_plan, render_plan_json};
use reconcile::cli::render::report::{Format, Paths, Report, render_report};
use reconcile::fix::apply;
use reconcile::load::secrets::Need;
use reconcile::load::{load_texts, validate_loaded};
use reconcile::observed::ObservedState;
use reconcile::plan::id::PlanId;
use reconcile::plan::plan;
use reconcile::secret::{Providers, Secrets};
use reconcile::state::Directories;
use tempfile::TempDir;

use crate::properties::random::Random;

mod mutate;

use mutate::{Corpus, mistake};

/// How many mistakes are made where nobody says otherwise.
const MISTAKES: u64 = 2000;

/// What stands in the files outside of the directory.
const OUTSIDE: &str = "canary-that-nobody-may-see";

/// A directory of manifests with files beside them, and files outside that are none of theirs.
struct Yard {
    directory: TempDir,
    secrets: Arc<Secrets>,
}

impl Yard {
    fn new() -> Self {
        let directory = TempDir::with_prefix("reconcile-mistakes-").expect("a temporary directory");
        let root = directory.path();
        let write = |path: &str, text: &str| fs::write(root.join(path), text).expect("a file in our own directory");
        fs::create_dir_all(root.join("manifests/secrets")).expect("a directory in our own");
        write("outside.env", &format!("CANARY={OUTSIDE}\n"));
        write("outside", OUTSIDE);
        write("manifests/web.env", "A=1\n# a comment\nB=\u{1b}[31mred\n");
        write("manifests/secrets/db", "hunter2");
        for (link, to) in [("manifests/link.env", "../outside.env"), ("manifests/secrets/link", "../../outside")] {
            symlink(to, root.join(link)).expect("a link in our own directory");
        }
        let state = Directories { state: root.join("state"), runtime: root.join("runtime") };
        let secrets = Arc::new(Secrets::new(Providers::default(), state));
        Self { directory, secrets }
    }

    fn manifests(&self) -> PathBuf {
        self.directory.path().join("manifests")
    }

    /// Everything that is said of one text.
    fn say(&self, text: &[u8]) -> Vec<String> {
        fs::write(self.manifests().join("a.yaml"), text).expect("a file in our own directory");
        let reading = Reading { secrets: self.secrets.clone(), need: Need::Values, since: None };
        let project = Project::read(&self.manifests(), &reading).with_advice();
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
        let render = |format: &Format| render_report(&report, *format, Look::default(), Style::PLAIN);
        let mut said: Vec<_> = Format::value_variants().iter().map(render).collect();
        if project.errors() == 0 {
            said.extend(plans(&project));
        }
        said
    }

    /// What is wrong with what is said of a text.
    fn judge(&self, text: &[u8]) -> Option<String> {
        let Ok(said) = catch_unwind(AssertUnwindSafe(|| self.say(text))) else { return Some("it panics".to_owned()) };
        if let Some(wrong) = std::str::from_utf8(text).ok().and_then(wrong_with_repairs) {
            return Some(wrong);
        }
        said.iter().find_map(|said| {
            let obeyed = said.chars().find(|c| is_steering(*c) && *c != '\n');
            if let Some(control) = obeyed {
                let lines = said.lines().filter(|line| line.contains(control)).collect::<Vec<_>>().join("\n");
                return Some(format!("a terminal would obey {control:?} in\n{lines:?}"));
            }
            said.contains(OUTSIDE).then(|| format!("it was read outside of the directory:\n{said}"))
        })
    }
}

/// What is wrong with what `--fix` would write: it can be read as well as before, and what was repaired is not wrong any more.
fn wrong_with_repairs(text: &str) -> Option<String> {
    let read = |text: &str| {
        let loaded = load_texts(vec![("a.yaml".to_owned(), text.to_owned())]);
        let problems = validate_loaded(&loaded).problems;
        (loaded.documents.len(), loaded.problems.len(), problems)
    };
    let (documents, unreadable, problems) = read(text);
    let (repaired, fixes) = apply(text, problems.iter());
    let (documents_after, unreadable_after, left) = read(&repaired);
    if documents != documents_after || unreadable_after > unreadable {
        return Some(format!("a repair makes it harder to read: {fixes:?}\n{repaired}"));
    }
    let again = left
        .iter()
        .find(|problem| fixes.iter().any(|fix| problem.fixable && problem.suggestion.as_ref() == Some(&fix.from)));
    again.map(|problem| format!("what was repaired is wrong: {problem:?}\n{repaired}"))
}

/// Whether a character steers the terminal or the direction of writing.
fn is_steering(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What a dry run on an empty engine shows, as text and as JSON, and all that is wanted.
fn plans(project: &Project) -> Vec<String> {
    let observed = ObservedState::default();
    let overview = service_changes(&project.desired, &observed, &project.origins);
    let report = PlanReport {
        desired: &DesiredFrom {
            source: "manifests".to_owned(),
            revision: None,
            files: 1,
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
        forecast: &[],
        simulations: &[],
        diagnostics: &project.problems,
        blocked: &[],
        command: "reconcile",
    };
    let steps = format!("{:?}", plan(&project.desired, &observed));
    vec![render_plan(&report, Style::default()), render_plan_json(&report), steps, format!("{:?}", project.desired)]
}

/// The text with as few lines as still fail.
fn shrink(yard: &Yard, text: &[u8]) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let mut index = 0;
    while index < lines.len() {
        let mut fewer = lines.clone();
        fewer.remove(index);
        if yard.judge(&fewer.concat()).is_some() {
            lines = fewer;
        } else {
            index += 1;
        }
    }
    lines.concat()
}

fn expect_none_wrong(yard: &Yard, name: &str, text: &[u8]) {
    if let Some(wrong) = yard.judge(text) {
        let least = shrink(yard, text);
        let wrong = yard.judge(&least).unwrap_or(wrong);
        panic!(
            "{name}: {wrong}\n\nKeep it in tests/corpus:\n{}\n{:?}",
            least.escape_ascii(),
            String::from_utf8_lossy(&least)
        );
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    let digits = text.trim_start_matches("0x");
    u64::from_str_radix(digits, if digits.len() < text.len() { 16 } else { 10 }).ok()
}

#[test]
fn what_nobody_would_write_is_answered() {
    let (yard, corpus) = (Yard::new(), Corpus::read(Path::new(env!("CARGO_MANIFEST_DIR"))));
    for (name, text) in &corpus.files {
        expect_none_wrong(&yard, name, text);
    }
    let seeds = match number("RECONCILE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("RECONCILE_MISTAKES").unwrap_or(MISTAKES),
    };
    for seed in seeds {
        let text = mistake(&corpus, &mut Random::new(seed));
        expect_none_wrong(&yard, &format!("seed {seed:#x}"), &text);
    }
}

/// The judge sees what it is there to see.
#[test]
fn a_look_outside_would_be_noticed() {
    let yard = Yard::new();
    let outside = yard.directory.path().join("outside.env").display().to_string();
    let corpus = Corpus::read(Path::new(env!("CARGO_MANIFEST_DIR")));
    let (_, shop) = corpus.files.iter().find(|(name, _)| name.ends_with("corpus/shop.yaml")).expect("it is kept");
    let shop = String::from_utf8(shop.clone()).expect("it is text");
    assert_eq!(yard.judge(shop.as_bytes()), None);
    // An absolute path may lead anywhere: the user has said so.
    let said = yard.judge(shop.replace("value: web.env", &format!("value: {outside}")).as_bytes());
    assert!(said.is_some_and(|wrong| wrong.contains("outside of the directory")));
    for path in ["../outside.env", "link.env", "secrets/../../outside.env"] {
        let said = yard.say(shop.replace("value: web.env", &format!("value: {path}")).as_bytes());
        assert!(said[1].contains("outside of the directory of manifests"), "{path}: {}", said[1]);
    }
}
