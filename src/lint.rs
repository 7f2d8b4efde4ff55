//! Advice: what is valid and works, and is probably not meant. It is for whoever reviews a change:
//! `validate` tells it, and neither a run nor a dry run, which answers another question, repeats it.

use std::collections::BTreeMap;

use crate::image::Reference;
use crate::manifest::{ContainerDefinition, Located, Service, TaskDefinition};
use crate::problem::{Code, Problem, sort_problems};
use crate::schema::Validated;
use crate::sensitive::is_sensitive;
use crate::value::Family;

/// What to think about, sorted. What a manifest allows is left out.
pub fn lint(manifests: &Validated) -> Vec<Problem> {
    let mut services: BTreeMap<&Family, Vec<&Located<Service>>> = BTreeMap::new();
    for service in &manifests.services {
        services.entry(&service.manifest.spec.task_definition).or_default().push(service);
    }
    let mut problems = Vec::new();
    for located in &manifests.task_definitions {
        let users = services.get(&located.manifest.metadata.name).map(Vec::as_slice).unwrap_or_default();
        let mut advice = Advice { located, problems: &mut problems };
        for (index, container) in located.manifest.spec.container_definitions.iter().enumerate() {
            let pointer = format!("/spec/containerDefinitions/{index}");
            advice.health(&pointer, container, users);
            advice.image(&pointer, container);
            advice.secrets(&pointer, container);
        }
    }
    sort_problems(&mut problems);
    problems
}

/// What is found in one task definition.
struct Advice<'a> {
    located: &'a Located<TaskDefinition>,
    problems: &'a mut Vec<Problem>,
}

impl Advice<'_> {
    fn tell(&mut self, pointer: &str, problem: Problem) {
        let metadata = &self.located.manifest.metadata;
        if metadata.allows(problem.code) {
            return;
        }
        let problem = problem.with_object(format!("TaskDefinition `{}`", metadata.name));
        self.problems.push(problem.with_place(self.located.place_of(pointer)));
    }

    /// Tells of an essential container of a service that may hang for ever.
    fn health(&mut self, pointer: &str, container: &ContainerDefinition, users: &[&Located<Service>]) {
        if container.health_check.is_some() || container.readiness_check.is_some() || container.essential == Some(false)
        {
            return;
        }
        let Some(user) = users.iter().find(|user| !user.manifest.metadata.allows(Code::NoHealthCheck)) else { return };
        let message = format!("nothing shows whether the essential container `{}` is well", container.name);
        let problem = Problem::warning(Code::NoHealthCheck, message)
            .with_related(
                format!(
                    "a deployment of Service `{}` waits for no more than that it runs",
                    user.manifest.metadata.name
                ),
                user.place_of("/spec/taskDefinition"),
            )
            .with_help("give it a `healthCheck`: `httpGet`, `tcpSocket` and `grpc` need no program in the image");
        self.tell(&format!("{pointer}/name"), problem);
    }

    /// Tells of an image that is another one tomorrow.
    fn image(&mut self, pointer: &str, container: &ContainerDefinition) {
        let Ok(reference) = Reference::parse(&container.image) else { return };
        let message = match (reference.digest, reference.tag) {
            (None, None) => "the image has no tag, which means `latest`",
            (None, Some("latest")) => "the tag `latest` does not say which image it is",
            (None | Some(_), Some(_)) | (Some(_), None) => return,
        };
        let problem = Problem::warning(Code::FloatingImage, message).with_help(
            "name a version, or a digest: no plan shows that `latest` has changed, and no rollback brings it back",
        );
        self.tell(&format!("{pointer}/image"), problem);
    }

    /// Tells of secrets that everybody can read who can read the manifest. Their values are repeated nowhere.
    fn secrets(&mut self, pointer: &str, container: &ContainerDefinition) {
        for (item, variable) in container.environment.iter().enumerate() {
            if is_sensitive(&variable.name, &variable.value) && may_be_secret(&variable.value) {
                let message = format!("the value of `{}` stands here for everybody to read", variable.name);
                let problem = Problem::warning(Code::PlainSecret, message)
                    .with_help("name it in `secrets`, with `valueFrom: \"file:PATH\"` or `\"env:NAME\"`");
                self.tell(&format!("{pointer}/environment/{item}/name"), problem);
            }
        }
    }
}

/// Whether a value can be a secret at all: nothing, a path, a switch and a short number cannot.
fn may_be_secret(value: &str) -> bool {
    let is_short_number = value.len() < 6 && value.bytes().all(|byte| byte.is_ascii_digit());
    !is_short_number && !value.starts_with('/') && !matches!(value, "true" | "false")
}

#[cfg(test)]
mod tests;
