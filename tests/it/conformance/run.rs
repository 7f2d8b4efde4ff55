//! Runs one case in a cluster of its own, and leaves nothing behind.

use std::fs::File;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::expected::{Case, End, ends};
use super::program;
use crate::support::docker::{Container, Engine};
use crate::support::program::{Ended, Running};

/// The value of the secret that `secrets.json` has from the environment.
const SECRET: &str = "swordfish";

/// The image of the containers.
pub(super) const IMAGE: &str = "reconcile-busybox:1";

/// Where a case runs.
pub(super) struct Stage {
    pub(super) engine: Engine,
    pub(super) cluster: String,
    /// The run under way, while there is one.
    pub(super) running: Option<Running>,
    /// Volumes of fixed names, which go with the stage.
    pub(super) volumes: Vec<&'static str>,
    /// Paths of the host that go with the stage.
    pub(super) paths: Vec<PathBuf>,
    scratch: TempDir,
    /// Held as long as the stage stands.
    _lock: Option<File>,
}

impl Stage {
    fn new(name: &str, is_alone: bool) -> Self {
        let lock = is_alone.then(|| {
            let path = std::env::temp_dir().join(format!("reconcile-ecs-{name}.lock"));
            let lock = File::create(path).expect("a file in the directory for temporary files");
            lock.lock().expect("a lock on our own file");
            lock
        });
        Self {
            engine: Engine::with_busybox(),
            cluster: format!("ecs-{}-{}", name.replace('_', "-"), std::process::id()),
            running: None,
            volumes: Vec::new(),
            paths: Vec::new(),
            scratch: TempDir::with_prefix("reconcile-ecs-").expect("a temporary directory"),
            _lock: lock,
        }
    }

    /// The label that everything of this cluster carries.
    pub(super) fn label(&self) -> String {
        format!("reconcile.cluster={}", self.cluster)
    }

    /// The container of the task definition that is called `name`.
    #[track_caller]
    pub(super) fn container(&self, name: &str) -> Container {
        let found = self.find_container(name);
        found.unwrap_or_else(|| panic!("there is no container {name} in {}", self.cluster))
    }

    pub(super) fn find_container(&self, name: &str) -> Option<Container> {
        let all = self.engine.containers(&self.label());
        all.into_iter().find(|container| container.label("container") == name)
    }

    /// Everything that the engine knows of it.
    #[track_caller]
    pub(super) fn inspect(&self, name: &str) -> Value {
        self.engine.inspect(&self.container(name).id)
    }

    /// Whether the engine gives a container of anybody what stands in `host_config`.
    fn engine_gives(&self, host_config: &Value) -> bool {
        let body = json!({
            "Image": IMAGE, "Cmd": ["true"], "HostConfig": host_config, "Labels": { "reconcile-ecs": self.cluster }
        });
        let id = self.engine.create(&format!("{}-probe", self.cluster), &body);
        let answer = self.engine.try_call("POST", &format!("/containers/{id}/start"), None);
        answer.is_ok_and(|answer| answer.status < 400)
    }

    /// Whether the run is still under way.
    pub(super) fn is_running(&mut self) -> bool {
        self.running.as_mut().is_some_and(Running::is_running)
    }

    fn start(&mut self, name: &str) {
        let file = format!("{}/tests/ecs/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let arguments = ["run", &file, "-o", "json", "--cluster", &self.cluster, "--host", &self.engine.host()];
        let mut program = program(&arguments).env("RECONCILE_ECS_SECRET", SECRET);
        for variable in ["HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "RECONCILE_STATE_DIR"] {
            program = program.env(variable, self.scratch.path());
        }
        self.running = Some(program.start());
    }

    /// What the containers have written, for a test that fails.
    fn logs(&self) -> String {
        let all = self.engine.containers(&self.label());
        let of_one = |container: &Container| {
            let (name, log) = (container.label("container"), self.engine.logs(&container.id));
            format!("--- {name}: {}\n{log}\n", container.status)
        };
        all.iter().map(of_one).collect()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // What still runs would make more.
        self.running = None;
        self.engine.remove_labelled(&[&self.label(), &format!("reconcile-ecs={}", self.cluster)]);
        for volume in &self.volumes {
            let _ = self.engine.try_call("DELETE", &format!("/volumes/{volume}"), None);
        }
        for path in &self.paths {
            let _ = std::fs::remove_dir_all(path);
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Runs the file `name` of `tests/ecs`; it has to come to what `case` says.
pub(super) fn run(name: &str, case: &Case) {
    let mut stage = Stage::new(name, case.is_alone);
    if let Some(before) = &case.before {
        before(&mut stage);
    }
    stage.start(name);
    if let Some(meanwhile) = &case.meanwhile {
        meanwhile(&mut stage);
    }
    let ended = stage.running.take().expect("it was started above").wait();
    if let Some(part) = case.refused {
        assert_ne!(ended.code(), 0, "{ended}");
        ended.expect_said(&[part]);
        let made = stage.engine.containers(&stage.label());
        assert!(made.is_empty(), "nothing may be begun, and there is {made:#?}");
        return;
    }
    let task = ended_task(&ended, &stage);
    let refusal = case.needs.as_ref().filter(|needs| !stage.engine_gives(needs));
    if let Some(needs) = refusal {
        let found = &stage.inspect("main")["HostConfig"];
        for (key, value) in needs.as_object().into_iter().flatten() {
            assert_eq!(found[key], *value, "{key}: {found:#}");
        }
    }
    let cannot = ends(&[]).failed_to_start("main", "CannotStartContainerError");
    let problems = compare(if refusal.is_some() { &cannot } else { case }, &task, ended.code());
    assert!(problems.is_empty(), "{name}: {}\n{ended}\n{}", problems.join("\n"), stage.logs());
    if let Some(afterwards) = &case.afterwards {
        afterwards(&mut stage, &task);
    }
}

/// The only task of a run.
#[track_caller]
fn ended_task(ended: &Ended, stage: &Stage) -> Value {
    let Ok(report) = serde_json::from_str::<Value>(&ended.stdout) else {
        panic!("there is no result\n{ended}\n{}", stage.logs())
    };
    let tasks = report["tasks"].as_array().cloned().unwrap_or_default();
    assert_eq!(tasks.len(), 1, "{report:#}");
    tasks[0].clone()
}

/// Everything that is not as ECS says.
fn compare(case: &Case, task: &Value, code: i32) -> Vec<String> {
    let mut problems = Vec::new();
    let mut expect = |what: &str, found: &Value, wanted: &Value| {
        if found != wanted {
            problems.push(format!("{what} is {found}, and on ECS {wanted}"));
        }
    };
    expect("lastStatus", &task["lastStatus"], &"STOPPED".into());
    expect("stopCode", &task["stopCode"], &case.stop_code.into());
    expect("the exit code of the run", &code.into(), &case.code.into());
    for (name, End { code, never_started, reason }) in &case.ends {
        let containers = task["containers"].as_array().into_iter().flatten();
        let found = containers.into_iter().find(|container| container["name"] == *name.as_str());
        let container = found.unwrap_or(&Value::Null);
        expect(&format!("lastStatus of {name}"), &container["lastStatus"], &"STOPPED".into());
        if let Some(code) = code {
            expect(&format!("the exit code of {name}"), &container["exitCode"], &(*code).into());
        }
        let is_started = !container["startedAt"].is_null();
        if code.is_some() || *never_started {
            expect(&format!("whether {name} was started"), &is_started.into(), &(!never_started).into());
        }
        let told = container["reason"].as_str().unwrap_or_default();
        match reason {
            Some(part) if !told.contains(part) => {
                expect(&format!("the reason of {name}"), &told.into(), &format!("… {part} …").into());
            }
            Some(_) => {}
            None => expect(&format!("the reason of {name}"), &told.into(), &"".into()),
        }
    }
    problems
}
