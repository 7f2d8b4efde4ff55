//! Every form of one mixed change as a file, and what no form may ever do.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::super::against::{self, Ending, Forbidden, GitWorld};
use super::super::escape::tests::HOSTILE;
use super::super::is_steering;
use super::super::plan::{Blocked, DesiredFrom, Detail, Diff, ForecastLine, ObservedFrom};
use super::schema::Printed;
use super::*;
use crate::change::{Overview, Row, Warning, service_changes};
use crate::load::{load_texts, validate_loaded};
use crate::problem::{Code, Place, sort_problems};
use crate::testing::{self, Mixed, SECRETS};
use crate::value::ServiceName;

mod caps;
mod hostile;
mod structure;

/// Everything that a report borrows.
struct World {
    overview: Option<Overview>,
    forecast: Vec<ForecastLine>,
    blocked: Vec<Blocked>,
    problems: Vec<Problem>,
    files: Vec<Arc<File>>,
    documents: Vec<Arc<Document>>,
    desired: DesiredFrom,
    observed: ObservedFrom,
    command: String,
    paths: Paths,
    outcome: (Outcome, u8),
    forbidden: Option<Vec<Forbidden>>,
}

impl World {
    /// One change of each kind, a warning, and a refusal.
    fn mixed() -> Self {
        let Mixed { desired, observed, origins } = testing::mixed();
        let overview = service_changes(&desired, &observed, &origins);
        let mut documents: Vec<_> =
            origins.into_values().flat_map(|origin| [origin.service, origin.task_definition]).collect();
        documents.sort_by(|a, b| a.file().name().cmp(b.file().name()));
        let place = documents[0].nearest_place_of("/spec/deploymentConfiguration/minimumHealthyPercent");
        let message = "`minimumHealthyPercent` 0 lets all tasks stop at once";
        let steps =
            ["shop/web/0 stopping replaces revision 9c1d42", "shop/web/0 healthy", "shop/web steady 3/3 healthy"];
        let steps = steps.iter().zip([0, 5300, 9000]);
        Self {
            overview: Some(overview),
            forecast: steps
                .map(|(text, at)| ForecastLine { at: std::time::Duration::from_millis(at), text: (*text).to_owned() })
                .collect(),
            blocked: vec![Blocked {
                message: "1 of 2 services would be deleted: shop/legacy-cron".to_owned(),
                help: vec!["if this is meant: reconcile deploy --allow-delete=1".to_owned()],
            }],
            problems: vec![
                Problem::warning(Code::DeploymentStuck, message).with_place(place).with_object("Service `api`"),
            ],
            files: documents.iter().map(|document| document.file().clone()).collect(),
            documents,
            desired: DesiredFrom {
                source: "deploy".to_owned(),
                revision: Some("4f2c9e1b0d".to_owned()),
                files: 12,
                manifests: 12,
                dirty: None,
            },
            observed: ObservedFrom {
                engine: "Docker 28.1".to_owned(),
                world: against::World::Engine,
                containers: 9,
                at: testing::NOW,
            },
            command: "reconcile deploy".to_owned(),
            paths: Paths::new(Path::new("/shop"), Some(Path::new("/shop")))
                .with_pages(Some("https://git.example/acme/shop/blob/4f2c9e1b0d".to_owned())),
            outcome: (Outcome::Refused, 5),
            forbidden: None,
        }
    }

    /// Manifests with mistakes.
    fn invalid() -> Self {
        let web = "apiVersion: reconcile/v1\nkind: Service\nmetadata: { name: web }\nspec:\n  cluster: shop\n  taskDefinition: web\n  desiredCuont: 3\n---\napiVersion: reconcile/v1\nkind: TaskDefinition\nmetadata: { name: web }\nspec:\n  containerDefinitions:\n    - { name: web, image: 'web:1', memory: 64, environment: [{ name: DB_PASSWORD, value: 123456 }] }\n---\napiVersion: reconcile/v1\nkind: Cluster\nmetadata: { name: shop }\n";
        let broken = "kind: [\n";
        let texts = [("deploy/broken.yaml", broken), ("deploy/web.yaml", web)];
        let loaded = load_texts(texts.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec());
        let mut problems = loaded.problems.clone();
        problems.extend(validate_loaded(&loaded).problems);
        sort_problems(&mut problems);
        Self {
            overview: None,
            problems,
            files: loaded.files,
            documents: loaded.documents,
            outcome: (Outcome::Invalid, 3),
            ..Self::mixed()
        }
    }

    /// Calls `look` with the report.
    fn tell<T>(&self, look: impl FnOnce(&Report<'_>) -> T) -> T {
        let ending = Ending { outcome: self.outcome.0, code: self.outcome.1, forbidden: self.forbidden.clone() };
        let plan = self.overview.as_ref().map(|overview| PlanReport {
            id: "3f9c2a71-b7d104e2".parse().expect("an id"),
            ending: &ending,
            desired: &self.desired,
            observed: &self.observed,
            overview,
            forecast: &self.forecast,
            simulations: &[],
            diagnostics: &self.problems,
            blocked: &self.blocked,
            command: &self.command,
        });
        look(&Report {
            outcome: self.outcome.0,
            exit_code: self.outcome.1,
            directory: "deploy",
            problems: &self.problems,
            files: &self.files,
            documents: &self.documents,
            plan: plan.as_ref(),
            failure: None,
            paths: &self.paths,
        })
    }

    fn render(&self, format: Format) -> String {
        self.tell(|report| render_report(report, format, Look::default(), Style::PLAIN))
    }

    fn json(&self, format: Format) -> Value {
        let text = self.render(format);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{format}: {error}\n{text}"))
    }
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Compares a file with what it should hold, or writes it when `RECONCILE_BLESS` is set.
#[track_caller]
fn assert_file(name: &str, found: &str) {
    // A release changes nothing but its number.
    let found = found.replace(&format!("\"{}\"", env!("CARGO_PKG_VERSION")), "\"VERSION\"");
    let path = repository("tests/renderings").join(name);
    if std::env::var_os("RECONCILE_BLESS").is_some() {
        fs::write(&path, &found).expect("the repository is writable when blessing");
        return;
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(kept, found, "{} is stale: run the tests once with RECONCILE_BLESS=1", path.display());
}

const FILES: [(Format, &str); 10] = [
    (Format::Text, "txt"),
    (Format::Short, "short.txt"),
    (Format::Json, "json"),
    (Format::Ndjson, "ndjson"),
    (Format::Markdown, "md"),
    (Format::Github, "github.txt"),
    (Format::Gitlab, "gitlab.json"),
    (Format::Sarif, "sarif"),
    (Format::Junit, "junit.xml"),
    (Format::Rdjson, "rdjson"),
];

#[test]
fn each_form_of_one_outcome_is_kept() {
    assert_eq!(FILES.map(|(format, _)| format), *Format::value_variants(), "a form has no file");
    for (world, name) in [(World::mixed(), "mixed"), (World::invalid(), "invalid")] {
        for (format, extension) in FILES {
            assert_file(&format!("{name}.{extension}"), &world.render(format));
        }
        assert_file(&format!("{name}.outputs.txt"), &world.tell(render_outputs));
    }
}

#[test]
fn each_look_of_a_plan_is_kept() {
    let looks = [
        ("summary", Look { detail: Detail::Summary, diff: Diff::Fields }),
        ("verbose", Look { detail: Detail::Everything, diff: Diff::Fields }),
        ("unified", Look { detail: Detail::Usual, diff: Diff::Unified }),
    ];
    let world = World::mixed();
    for (name, look) in looks {
        let text = world.tell(|report| render_report(report, Format::Text, look, Style::PLAIN));
        assert_file(&format!("mixed.{name}.txt"), &text);
        let coloured = Style { color: true, width: None };
        let coloured = world.tell(|report| render_report(report, Format::Text, look, coloured));
        assert_eq!(testing::strip_colours(&coloured), text, "{name}");
    }
}

#[test]
fn the_kept_files_are_those() {
    let names = fs::read_dir(repository("tests/renderings")).expect("a directory of the repository").flatten();
    let kept: BTreeSet<_> = names.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    let mut expected: BTreeSet<_> = ["summary", "verbose", "unified"].map(|name| format!("mixed.{name}.txt")).into();
    for world in ["mixed", "invalid"] {
        expected.extend(FILES.map(|(_, extension)| format!("{world}.{extension}")));
        expected.insert(format!("{world}.outputs.txt"));
    }
    assert_eq!(kept, expected);
}

#[test]
fn where_nothing_changes_each_form_says_so() {
    let overview = Overview {
        unchanged: 2,
        unchanged_names: vec!["shop".to_owned(), "shop/web".to_owned()],
        ..Overview::default()
    };
    let mut world = World { overview: Some(overview), problems: Vec::new(), ..World::mixed() };
    (world.blocked, world.forecast, world.outcome) = (Vec::new(), Vec::new(), (Outcome::Unchanged, 0));
    assert!(
        world.render(Format::Markdown).contains("### reconcile: no changes\n"),
        "{}",
        world.render(Format::Markdown)
    );
    assert_eq!(world.render(Format::Github), "");
    assert_eq!(world.render(Format::Short), "Plan:  2 unchanged\n");
    assert_eq!(world.json(Format::Gitlab), json!([]));
    assert_eq!(world.json(Format::Sarif)["runs"][0]["results"], json!([]));
    assert_eq!(world.json(Format::Json)["outcome"], "unchanged");
    let everything = Look { detail: Detail::Everything, diff: Diff::Fields };
    let text = world.tell(|report| render_report(report, Format::Text, everything, Style::PLAIN));
    assert_eq!(
        text,
        "=   cluster shop  unchanged\n=   service shop/web  unchanged\nNo changes. 2 objects match deploy @ 4f2c9e1 (compared with Docker 28.1).\n"
    );
}

#[test]
fn what_is_forbidden_fails_in_every_form_that_knows_failures() {
    let mut world = World { blocked: Vec::new(), outcome: (Outcome::Forbidden, 5), ..World::mixed() };
    world.forbidden = Some(vec![Forbidden { kind: "delete", object: "shop/legacy-cron".to_owned() }]);
    let sentence = "shop/legacy-cron is deleted, which --fail-on delete forbids";
    let junit = world.render(Format::Junit);
    assert!(junit.contains(&format!("<failure type=\"plan.forbidden\" message=\"{sentence}\">")), "{junit}");
    assert!(junit.contains("<testsuite name=\"plan\" tests=\"1\" failures=\"1\""), "{junit}");
    let github = world.render(Format::Github);
    assert!(github.contains("::error ") && github.contains(sentence), "{github}");
    let markdown = world.render(Format::Markdown);
    assert!(markdown.contains("\n> **Not allowed** by `--fail-on`: delete shop/legacy-cron\n"), "{markdown}");
    assert_eq!(world.json(Format::Sarif)["runs"][0]["results"][0]["level"], "error");
}

#[test]
fn what_is_forbidden_is_shown_at_the_line_that_asks_for_it() {
    let mut world = World { blocked: Vec::new(), outcome: (Outcome::Forbidden, 5), ..World::mixed() };
    let forbidden = [("replace", "shop/web"), ("downtime", "shop/cache"), ("downtime", "shop/legacy-cron")];
    world.forbidden = Some(forbidden.map(|(kind, object)| Forbidden { kind, object: object.to_owned() }).to_vec());
    let github = world.render(Format::Github);
    for line in [
        "::error file=deploy/web-task.yaml,line=7,endLine=7,col=14,",
        "7:14: shop/web has tasks that are replaced, which --fail-on replace forbids\n",
        "1:1: shop/cache has no task for a time, which --fail-on downtime forbids\n",
        "::error title=forbidden::shop/legacy-cron has no task any more, which --fail-on downtime forbids\n",
    ] {
        assert!(github.contains(line), "{line}\n{github}");
    }
}

#[test]
fn a_comparison_of_manifests_is_not_taken_for_one_with_a_host() {
    let world = World::mixed();
    assert!(!world.render(Format::Markdown).contains("manifests only"));
    let git = GitWorld {
        reference: "origin/main".to_owned(),
        merge_base: "a01b77c0".to_owned(),
        commit: "a01b77c0".to_owned(),
        manifests: 12,
        files: 12,
    };
    let observed =
        ObservedFrom { engine: "origin/main at a01b77c".to_owned(), world: against::World::Git(git), ..world.observed };
    let text = World { observed, ..World::mixed() }.render(Format::Markdown);
    let line = "\nCompared `deploy @ 4f2c9e1` with `origin/main at a01b77c`: manifests only, not what really runs. ";
    assert!(text.contains(line), "{text}");
}

/// **Invariant 10.** No secret's value is in any form.
#[test]
fn no_sensitive_value_is_in_any_form() {
    let (mixed, invalid) = (World::mixed(), World::invalid());
    for (format, _) in FILES {
        let text = mixed.render(format) + &invalid.render(format);
        for secret in SECRETS.iter().chain(&["123456"]) {
            assert!(!text.contains(secret), "{format}: {text}");
        }
    }
    let unified = Look { detail: Detail::Usual, diff: Diff::Unified };
    let text = mixed.tell(|report| render_report(report, Format::Text, unified, Style::PLAIN));
    assert!(SECRETS.iter().all(|secret| !text.contains(secret)), "{text}");
    assert!(text.contains("# environment.DB_PASSWORD (sensitive, changed)"), "{text}");
}

#[test]
fn files_are_named_from_the_top_of_the_repository() {
    let paths = |here: &str, top: Option<&str>| Paths::new(Path::new(here), top.map(Path::new));
    let cases = [
        (paths("/repo", Some("/repo")), "./deploy/web.yaml", "deploy/web.yaml"),
        (paths("/repo/deploy", Some("/repo")), "web.yaml", "deploy/web.yaml"),
        (paths("/repo/deploy", Some("/repo")), "../other/./web.yaml", "other/web.yaml"),
        (paths("/home", Some("/repo")), "/repo/deploy/web.yaml", "deploy/web.yaml"),
        (paths("/repo", Some("/repo")), "/etc/web.yaml", "/etc/web.yaml"),
        (paths("/repo", Some("/repo")), ".", "."),
        (paths("/repo", None), "./web.yaml", "web.yaml"),
    ];
    for (paths, file, expected) in cases {
        assert_eq!(paths.name(file), expected, "{paths:?}");
    }
    let place = Place { line: 7, ..Place::start_of("a b.yaml".into()) };
    let page = |pages: &str| paths("/repo", None).with_pages(Some(pages.to_owned())).page(&place);
    assert_eq!(page("https://git.example/o/n/blob/1").as_deref(), Some("https://git.example/o/n/blob/1/a%20b.yaml#L7"));
    for odd in ["javascript:alert(1)", "https://a)[b](c", "https://a b", ""] {
        assert_eq!(page(odd), None, "{odd}");
    }
}
