//! A cluster of one test: its manifests in a directory of its own, its containers on an engine, and nothing left of it afterwards.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::docker::{Container, Engine, IMAGE};
use super::program::{Ended, Program, Running};

/// The health check of a task that serves HTTP on 8080, as often as ECS allows.
pub(crate) const HEALTH_CHECK: &str = "healthCheck: { command: [CMD, /shop, check, 'http://localhost:8080/health'], \
                                       interval: 5, timeout: 2, retries: 2 }";

/// A service and its task definition, as text.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    name: String,
    count: u32,
    image: String,
    command: String,
    container: Vec<String>,
    more_containers: Vec<String>,
    definition: Vec<String>,
    lines: Vec<String>,
}

/// A service with one task that sleeps.
pub(crate) fn service(name: &str) -> Service {
    Service {
        name: name.to_owned(),
        count: 1,
        image: IMAGE.to_owned(),
        command: "[sleep]".to_owned(),
        container: Vec::new(),
        more_containers: Vec::new(),
        definition: Vec::new(),
        lines: Vec::new(),
    }
}

impl Service {
    pub(crate) fn count(mut self, count: u32) -> Self {
        self.count = count;
        self
    }

    pub(crate) fn image(mut self, image: &str) -> Self {
        image.clone_into(&mut self.image);
        self
    }

    /// The command of the container `main`, as a YAML list.
    pub(crate) fn command(mut self, command: &str) -> Self {
        command.clone_into(&mut self.command);
        self
    }

    /// A line of the container `main`.
    pub(crate) fn container(mut self, line: &str) -> Self {
        self.container.push(line.to_owned());
        self
    }

    /// Another container, as a YAML mapping on one line.
    pub(crate) fn beside(mut self, container: &str) -> Self {
        self.more_containers.push(container.to_owned());
        self
    }

    /// A line of the task definition.
    pub(crate) fn definition(mut self, line: &str) -> Self {
        self.definition.push(line.to_owned());
        self
    }

    /// A line of the service.
    pub(crate) fn line(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }

    /// The two percentages.
    pub(crate) fn percent(self, minimum: u32, maximum: u32) -> Self {
        self.line(&format!(
            "deploymentConfiguration: {{ minimumHealthyPercent: {minimum}, maximumPercent: {maximum} }}"
        ))
    }

    fn text(&self, cluster: &str) -> String {
        let Self { name, count, image, command, container, more_containers, definition, lines } = self;
        let mut text = format!(
            "---\napiVersion: reconcile/v1\nkind: TaskDefinition\nmetadata: {{ name: {name} }}\nspec:\n  \
             containerDefinitions:\n    - name: main\n      image: {image}\n      command: {command}\n      memory: 64\n"
        );
        let mut add = |indent: &str, lines: &[String]| {
            for line in lines {
                writeln!(text, "{indent}{line}").expect("a String takes everything");
            }
        };
        add("      ", container);
        add("    - ", more_containers);
        add("  ", definition);
        add(
            "",
            &[format!(
                "---\napiVersion: reconcile/v1\nkind: Service\nmetadata: {{ name: {name} }}\nspec:\n  \
                 cluster: {cluster}\n  taskDefinition: {name}\n  desiredCount: {count}"
            )],
        );
        add("  ", lines);
        text
    }
}

/// The manifests of a cluster, as one text.
pub(crate) fn manifests(cluster: &str, services: &[Service]) -> String {
    let mut text = format!("apiVersion: reconcile/v1\nkind: Cluster\nmetadata: {{ name: {cluster} }}\n");
    text.extend(services.iter().map(|service| service.text(cluster)));
    text
}

/// A cluster of one test.
pub(crate) struct Shop {
    pub(crate) engine: Engine,
    pub(crate) cluster: String,
    /// The manifests.
    pub(crate) directory: PathBuf,
    /// For whatever else the test writes.
    pub(crate) scratch: TempDir,
}

impl Shop {
    /// A cluster on the engine of this machine.
    #[track_caller]
    pub(crate) fn new(test: &str) -> Self {
        Self::on(Engine::of_this_machine(), test)
    }

    /// A cluster on an engine.
    pub(crate) fn on(engine: Engine, test: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let cluster = format!("it-{test}-{}-{number}", std::process::id());
        let scratch = TempDir::with_prefix("reconcile-it-").expect("a temporary directory");
        let directory = scratch.path().join("manifests");
        std::fs::create_dir(&directory).expect("a directory in our own");
        Self { engine, cluster, directory, scratch }
    }

    /// Makes these services what the directory asks for, in one atomic step.
    pub(crate) fn write(&self, services: &[Service]) {
        self.write_text(&manifests(&self.cluster, services));
    }

    /// Writes the only manifest file as editors do: beside the old one, and then in its place.
    pub(crate) fn write_text(&self, text: &str) {
        let beside = self.scratch.path().join("beside");
        std::fs::write(&beside, text).expect("a file in our own directory");
        std::fs::rename(&beside, self.directory.join("shop.yaml")).expect("a file in our own directory");
    }

    /// The directory, as an argument.
    pub(crate) fn dir(&self) -> &str {
        self.directory.to_str().expect("a path that we made is text")
    }

    /// A run on this engine and directory with more `arguments`.
    pub(crate) fn program(&self, arguments: &[&str]) -> Program {
        self.program_at(&self.engine.host(), &self.directory, arguments)
    }

    /// A run on another address or directory.
    #[expect(clippy::unused_self, reason = "it reads as a run of this shop")]
    pub(crate) fn program_at(&self, host: &str, directory: &Path, arguments: &[&str]) -> Program {
        let directory = directory.to_str().expect("a path that we made is text");
        Program::new(arguments.iter().copied().chain([directory, "--host", host]))
    }

    /// `reconcile [ARGUMENTS] DIR`.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.program(arguments).run()
    }

    /// `reconcile DIR`, which has to end well.
    #[track_caller]
    pub(crate) fn converge(&self) -> Ended {
        self.run(&["--timeout", "100s"]).expect_code(0)
    }

    /// `reconcile DIR`, again until it ends with 4: on a busy engine a task may live long enough at first to pass for steady.
    #[track_caller]
    pub(crate) fn fail(&self) -> Ended {
        super::wait::until_some("a run ends with 4", || {
            let ended = self.run(&[]);
            assert!([0, 4].contains(&ended.code()), "{ended}");
            (ended.code() == 4).then_some(ended)
        })
    }

    /// `reconcile --watch DIR`, in the background.
    pub(crate) fn watch(&self) -> Running {
        self.program(&["--watch"]).start()
    }

    /// Waits until the list can tell that every task has run for a moment: it counts in whole seconds.
    #[track_caller]
    pub(crate) fn let_settle(&self) {
        super::wait::until("every task has run for a second", || {
            self.containers().iter().filter(|c| c.is_running()).all(|c| !c.status.contains("Less than a second"))
        });
    }

    /// The label that everything of this cluster carries.
    pub(crate) fn label(&self) -> String {
        format!("reconcile.cluster={}", self.cluster)
    }

    /// The label of what the test itself puts beside the cluster.
    pub(crate) fn foreign_label(&self) -> String {
        format!("reconcile-it={}", self.cluster)
    }

    /// Creates and starts a container that is not ours. `body` is added to what any such container needs.
    #[track_caller]
    pub(crate) fn start_foreign(&self, name: &str, body: &Value) -> String {
        let mut whole = json!({ "Image": IMAGE, "Cmd": ["sleep"], "Labels": {} });
        for (key, value) in body.as_object().into_iter().flatten() {
            whole[key] = value.clone();
        }
        whole["Labels"]["reconcile-it"] = self.cluster.clone().into();
        let id = self.engine.create(name, &whole);
        self.engine.start(&id);
        id
    }

    /// All containers of the cluster.
    #[track_caller]
    pub(crate) fn containers(&self) -> Vec<Container> {
        self.engine.containers(&self.label())
    }

    /// The containers of a service that run.
    #[track_caller]
    pub(crate) fn running(&self, service: &str) -> Vec<Container> {
        let all = self.containers().into_iter();
        all.filter(|container| container.label("service") == service && container.is_running()).collect()
    }

    /// The running container of a service that has one.
    #[track_caller]
    pub(crate) fn only(&self, service: &str) -> Container {
        let mut running = self.running(service);
        assert_eq!(running.len(), 1, "{service}: {running:#?}");
        running.remove(0)
    }

    /// The ids of what runs, by service, slot and container.
    #[track_caller]
    pub(crate) fn ids(&self) -> BTreeMap<String, String> {
        let running = self.containers().into_iter().filter(Container::is_running);
        let key = |c: &Container| format!("{}/{}/{}", c.label("service"), c.label("slot"), c.label("container"));
        let mut ids = BTreeMap::new();
        for container in running {
            let key = key(&container);
            let twice = ids.insert(key.clone(), container.id);
            assert!(twice.is_none(), "{key} runs twice");
        }
        ids
    }

    /// Fails unless a dry run finds nothing to do.
    #[track_caller]
    pub(crate) fn expect_quiet(&self) {
        let plan = self.run(&["--dry-run", "--detailed-exitcode", "-o", "json"]).expect_code(0).json();
        assert_eq!(plan["hasChanges"], false, "{plan:#}");
    }

    /// Fails unless `service` has exactly `count` tasks in slots 0.., and nothing else is left of it but tombstones.
    #[track_caller]
    pub(crate) fn expect_tasks(&self, service: &str, count: usize) {
        let running = self.running(service);
        let mut slots: Vec<_> = running.iter().map(|container| container.label("slot").to_owned()).collect();
        slots.sort();
        let wanted: Vec<_> = (0..count).map(|slot| slot.to_string()).collect();
        assert_eq!(slots, wanted, "{service}: {running:#?}");
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.engine.remove_labelled(&[&self.label(), &self.foreign_label()]);
    }
}
