//! The hooks of a service's deployments: the task definitions that they name.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Key, object, undefined};
use crate::desired::{DesiredHook, DesiredState, HOOK_TIMEOUT_DEFAULT, Protocol, TaskSpec};
use crate::image::PullBehavior;
use crate::manifest::{Kind, LifecycleHook, Located, Service, TaskDefinition};
use crate::problem::{Code, Problem};
use crate::schema::Validated;
use crate::value::Family;

/// Where the hooks of a service stand.
const HOOKS: &str = "/spec/deploymentConfiguration/lifecycleHooks";

/// The hooks that a manifest names, as it lists them.
pub(super) fn written(located: &Located<Service>) -> &[LifecycleHook] {
    located.manifest.spec.deployment_configuration.as_ref().map_or(&[], |deployment| &deployment.lifecycle_hooks)
}

/// The hooks of a service, in the order in which they run: those of a stage as they are listed. `None` when one of them names a task
/// definition that is not declared, or is not valid.
pub(super) fn resolve_hooks(
    located: &Located<Service>,
    image_pull: PullBehavior,
    definitions: &BTreeMap<Family, &Located<TaskDefinition>>,
    tasks: &BTreeMap<&Family, Arc<TaskSpec>>,
    (manifests, problems): (&Validated, &mut Vec<Problem>),
) -> Option<Vec<DesiredHook>> {
    let mut hooks = Vec::new();
    let mut is_whole = true;
    for (index, hook) in written(located).iter().enumerate() {
        let LifecycleHook { task_definition: family, lifecycle_stages, timeout_seconds } = hook;
        let Some(task) = tasks.get(family) else {
            is_whole = false;
            if !manifests.is_invalid(Kind::TaskDefinition, family.as_str()) {
                let known =
                    definitions.iter().map(|(family, found)| (family.as_str(), found.place_of("/metadata/name")));
                let place = located.place_of(&format!("{HOOKS}/{index}/taskDefinition"));
                problems.push(undefined("TaskDefinition", family.as_str(), place, known).with_object(object(located)));
            }
            continue;
        };
        let timeout = timeout_seconds.map_or(HOOK_TIMEOUT_DEFAULT, |secs| Duration::from_secs(secs.into()));
        let stages = lifecycle_stages.iter().filter_map(|stage| stage.honoured());
        hooks.extend(stages.map(|stage| DesiredHook::new(stage, timeout, image_pull, task.clone())));
    }
    hooks.sort_by_key(|hook| hook.stage);
    is_whole.then_some(hooks)
}

/// Refuses a static host port that a hook and a service want: the service may hold it for as long as the hook waits for it.
pub(super) fn check_ports(
    desired: &DesiredState,
    holders: &BTreeMap<(u16, Protocol), Key>,
    located: &BTreeMap<Key, &Located<Service>>,
    problems: &mut Vec<Problem>,
) {
    for (Key(cluster, name), located) in located {
        let service = desired.clusters.get(cluster).and_then(|cluster| cluster.services.get(name));
        for (index, written) in written(located).iter().enumerate() {
            let hook =
                service.and_then(|service| service.hooks.iter().find(|hook| *hook.family() == written.task_definition));
            let mut ports = hook.into_iter().flat_map(|hook| hook.service.task.static_host_ports());
            let Some((port, protocol, holder)) =
                ports.find_map(|(port, protocol)| Some((port, protocol, holders.get(&(port, protocol))?)))
            else {
                continue;
            };
            let family = &written.task_definition;
            let message =
                format!("host port {port}/{} is wanted by `{holder}` and by the hook `{family}`", protocol.as_str());
            let problem = Problem::error(Code::Conflict, message)
                .with_place(located.place_of(&format!("{HOOKS}/{index}/taskDefinition")))
                .with_help("leave `hostPort` out of the hook's TaskDefinition");
            problems.push(problem.with_object(object(located)));
        }
    }
}
