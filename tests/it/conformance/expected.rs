//! What ECS makes of a task definition.

use serde_json::Value;

use super::run::Stage;

/// What is done before, during or after a run.
pub(super) type Hook = Box<dyn Fn(&mut Stage)>;

/// What is looked at when the task has ended.
pub(super) type Look = Box<dyn Fn(&mut Stage, &Value)>;

/// How one container ends.
#[derive(Debug, Clone, Default)]
pub(super) struct End {
    /// The exit code; `None` where ECS has none to tell.
    pub(super) code: Option<i64>,
    /// Whether it must never have been started.
    pub(super) never_started: bool,
    /// What its reason has to contain.
    pub(super) reason: Option<String>,
}

/// What a case has to come to.
pub(super) struct Case {
    pub(super) ends: Vec<(String, End)>,
    pub(super) stop_code: &'static str,
    /// What the program itself exits with.
    pub(super) code: i32,
    /// What is said when nothing is even begun.
    pub(super) refused: Option<&'static str>,
    /// Nobody else may run this case on this machine meanwhile: it uses a name or a number that there is only once.
    pub(super) is_alone: bool,
    /// What the engine is asked for, as it stands in its own `HostConfig`, where not every engine can give it.
    pub(super) needs: Option<Value>,
    pub(super) before: Option<Hook>,
    pub(super) meanwhile: Option<Hook>,
    pub(super) afterwards: Option<Look>,
}

/// The task ends because an essential container did; its containers have these exit codes.
pub(super) fn ends(codes: &[(&str, i64)]) -> Case {
    let ends = codes.iter().map(|(name, code)| ((*name).to_owned(), End { code: Some(*code), ..End::default() }));
    let main = codes.iter().find(|(name, _)| *name == "main").map_or(0, |(_, code)| *code);
    Case {
        ends: ends.collect(),
        stop_code: "EssentialContainerExited",
        code: i32::try_from(main).expect("an exit code is small"),
        refused: None,
        is_alone: false,
        needs: None,
        before: None,
        meanwhile: None,
        afterwards: None,
    }
}

impl Case {
    fn end_of(&mut self, name: &str) -> &mut End {
        if !self.ends.iter().any(|(known, _)| known == name) {
            self.ends.push((name.to_owned(), End::default()));
        }
        let found = self.ends.iter_mut().find(|(known, _)| known == name);
        &mut found.expect("it has just been put there").1
    }

    /// What the program itself exits with.
    pub(super) fn code(mut self, code: i32) -> Self {
        self.code = code;
        self
    }

    /// The container's reason contains `part`.
    pub(super) fn reason(mut self, name: &str, part: &str) -> Self {
        self.end_of(name).reason = Some(part.to_owned());
        self
    }

    /// What the container depends on cannot come about: it is stopped without ever being created, as if by SIGTERM. Source: the ECS
    /// agent, `handleTerminalDependencyError`.
    pub(super) fn never(mut self, name: &str) -> Self {
        *self.end_of(name) =
            End { code: Some(143), never_started: true, reason: Some("CannotStartContainerError".to_owned()) };
        self.stop_code = "TaskFailedToStart";
        self.code = 4;
        self
    }

    /// The container cannot be made, and with it the task.
    pub(super) fn failed_to_start(mut self, name: &str, part: &str) -> Self {
        let end = self.end_of(name);
        end.never_started = true;
        end.reason = Some(part.to_owned());
        self.stop_code = "TaskFailedToStart";
        self.code = 4;
        self
    }

    /// Nothing is begun, and `part` is said.
    pub(super) fn refused(mut self, part: &'static str) -> Self {
        self.refused = Some(part);
        self
    }

    /// An engine that itself lives in a container may not give `host_config` to anybody. There the task cannot start, as on ECS, and it
    /// is looked at what the engine was asked for.
    pub(super) fn needing(mut self, host_config: Value) -> Self {
        self.needs = Some(host_config);
        self
    }

    pub(super) fn alone(mut self) -> Self {
        self.is_alone = true;
        self
    }

    pub(super) fn before(mut self, hook: impl Fn(&mut Stage) + 'static) -> Self {
        self.before = Some(Box::new(hook));
        self
    }

    pub(super) fn meanwhile(mut self, hook: impl Fn(&mut Stage) + 'static) -> Self {
        self.meanwhile = Some(Box::new(hook));
        self
    }

    pub(super) fn afterwards(mut self, look: impl Fn(&mut Stage, &Value) + 'static) -> Self {
        self.afterwards = Some(Box::new(look));
        self
    }
}

pub(super) fn is_x86() -> bool {
    cfg!(target_arch = "x86_64")
}

pub(super) fn is_arm() -> bool {
    cfg!(target_arch = "aarch64")
}
