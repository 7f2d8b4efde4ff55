//! The hooks of a service's deployments.

use std::collections::BTreeMap;

use super::Checks;
use crate::manifest::{DeploymentConfiguration, LifecycleStage};
use crate::problem::{Code, Problem};
use crate::value::Family;

const HOOKS: &str = "/spec/deploymentConfiguration/lifecycleHooks";

impl Checks<'_> {
    /// Refuses stages that mean nothing here, and the second of two equal hooks. Source: ECS `DeploymentLifecycleHook`.
    pub(super) fn hooks(&mut self, configuration: &DeploymentConfiguration) {
        let mut seen: BTreeMap<(&'static str, &Family), String> = BTreeMap::new();
        for (index, hook) in configuration.lifecycle_hooks.iter().enumerate() {
            for (item, stage) in hook.lifecycle_stages.iter().enumerate() {
                let pointer = format!("{HOOKS}/{index}/lifecycleStages/{item}");
                if stage.honoured().is_none() {
                    self.stage_not_honoured(&pointer, *stage);
                } else if let Some(first) = seen.get(&(stage.as_str(), &hook.task_definition)) {
                    let message = format!("the hook `{}` stands twice at {}", hook.task_definition, stage.as_str());
                    self.twice(&pointer, first, message);
                } else {
                    seen.insert((stage.as_str(), &hook.task_definition), pointer);
                }
            }
        }
    }

    fn stage_not_honoured(&mut self, pointer: &str, stage: LifecycleStage) {
        let message =
            format!("`{}` cannot be honoured on a Docker host: no deployment passes through it", stage.as_str());
        let problem = Problem::error(Code::Refused, message).with_help(
            "a hook runs at PRE_SCALE_UP, before the first new task, or at POST_SCALE_UP, once all of them are healthy",
        );
        self.report(pointer, problem);
    }
}
