//! What one document can tell about itself beyond the schema: fields that contradict each other or name each other.

use std::collections::BTreeMap;

use self::task_definition::container_names;
use crate::document::Document;
use crate::manifest::{
    Annotations, Cluster, DeploymentConfiguration, Manifest, SchedulingStrategy, Service, TaskDefinitionSpec,
};
use crate::problem::{Code, Problem};
use crate::spelling::closest;
use crate::value::{ClusterName, Percent, ServiceName};

mod container;
mod dependencies;
mod fargate;
mod health_check;
mod hooks;
mod linux;
mod network;
mod task_definition;

mod configuration;

/// ECS's defaults of the two limits of a deployment, in percent.
const MINIMUM_HEALTHY_PERCENT: u32 = 100;
const MAXIMUM_PERCENT: u32 = 200;

struct Checks<'a> {
    document: &'a Document,
    object: String,
    problems: &'a mut Vec<Problem>,
}

/// Adds what is wrong with a manifest that its schema accepts.
pub(super) fn check_manifest(manifest: &Manifest, document: &Document, problems: &mut Vec<Problem>) {
    let object = format!("{} `{}`", manifest.kind(), manifest.name());
    let mut checks = Checks { document, object, problems };
    checks.annotations(manifest.annotations());
    match manifest {
        Manifest::Cluster(cluster) => checks.cluster(cluster),
        Manifest::TaskDefinition(definition) => checks.task_definition(definition),
        Manifest::Service(service) => checks.service(service),
    }
}

impl Checks<'_> {
    fn report(&mut self, pointer: &str, problem: Problem) {
        let place = self.document.nearest_place_of(pointer);
        self.problems.push(problem.with_place(place).with_object(self.object.clone()));
    }

    fn report_key(&mut self, pointer: &str, problem: Problem) {
        let place = self.document.key_place_of(pointer).unwrap_or_else(|| self.document.nearest_place_of(pointer));
        self.problems.push(problem.with_place(place).with_object(self.object.clone()));
    }

    /// Refuses notes that would be read if they were spelt otherwise.
    fn annotations(&mut self, annotations: Option<&Annotations>) {
        for key in annotations.iter().flat_map(|annotations| annotations.own.keys()) {
            if key.starts_with("reconcile/") {
                let message = format!("the annotation `{key}` belongs to reconcile itself, and means nothing to it");
                let problem = Problem::error(Code::Reserved, message)
                    .with_help("`reconcile/allow` is the only one that does; your own begin with another word");
                self.report_key(
                    &format!("/metadata/annotations/{}", key.replace('~', "~0").replace('/', "~1")),
                    problem,
                );
            }
        }
    }

    fn same_name(&mut self, field: &str, given: Option<&str>, name: &str) {
        let Some(given) = given.filter(|given| *given != name) else { return };
        let problem = Problem::error(Code::NameMismatch, format!("`{field}` and metadata.name differ"))
            .with_expected(format!("`{name}`"), format!("`{given}`"))
            .with_help(format!("remove `{field}`: metadata.name is enough"))
            .with_related("the name is given here", self.document.nearest_place_of("/metadata/name"));
        self.report(&format!("/spec/{field}"), problem);
    }

    fn cluster(&mut self, cluster: &Cluster) {
        let given = cluster.spec.cluster_name.as_ref().map(ClusterName::as_str);
        self.same_name("clusterName", given, cluster.metadata.name.as_str());
    }

    fn service(&mut self, service: &Service) {
        let given = service.spec.service_name.as_ref().map(ServiceName::as_str);
        self.same_name("serviceName", given, service.metadata.name.as_str());
        let configuration = service.spec.deployment_configuration.clone().unwrap_or_default();
        self.hooks(&configuration);
        if service.spec.scheduling_strategy == Some(SchedulingStrategy::Daemon) {
            return self.daemon(service, &configuration);
        }
        let minimum = Percent(configuration.minimum_healthy_percent.unwrap_or(MINIMUM_HEALTHY_PERCENT));
        let maximum = Percent(configuration.maximum_percent.unwrap_or(MAXIMUM_PERCENT));
        let Some(desired) = service.spec.desired_count.filter(|count| *count > 0) else { return };
        if minimum.ceil_of(desired) >= desired && maximum.floor_of(desired) <= desired {
            let message = format!(
                "a deployment cannot move: for {desired} desired, at least {} must stay healthy and at most {} may exist",
                minimum.ceil_of(desired),
                maximum.floor_of(desired)
            );
            let problem = Problem::warning(Code::DeploymentStuck, message)
                .with_help("lower minimumHealthyPercent or raise maximumPercent");
            self.report_key("/spec/deploymentConfiguration", problem);
        }
    }

    /// Source: ECS `CreateService`, `schedulingStrategy`.
    fn daemon(&mut self, service: &Service, configuration: &DeploymentConfiguration) {
        if service.spec.desired_count.is_some() {
            let message = "`desiredCount` and `schedulingStrategy: DAEMON` exclude each other";
            let problem = Problem::error(Code::Conflict, message)
                .with_related("it is a daemon", self.document.nearest_place_of("/spec/schedulingStrategy"))
                .with_help("remove `desiredCount`: a daemon has one task on each host");
            self.report_key("/spec/desiredCount", problem);
        }
        if configuration.maximum_percent.is_some_and(|percent| percent != 100) {
            let message = "`maximumPercent` of a daemon is 100: two of its tasks never exist on one host";
            let pointer = "/spec/deploymentConfiguration/maximumPercent";
            self.conflict(pointer, message, "remove `maximumPercent`");
        }
        if configuration.minimum_healthy_percent.is_some_and(|percent| percent > 0) {
            let message = "a deployment cannot move: the one task of a daemon goes before the next one comes";
            let problem = Problem::warning(Code::DeploymentStuck, message).with_help("remove `minimumHealthyPercent`");
            self.report_key("/spec/deploymentConfiguration/minimumHealthyPercent", problem);
        }
    }

    /// Says that a name refers to no container, with the one that was probably meant.
    fn undefined_container(&mut self, pointer: &str, name: &str, spec: &TaskDefinitionSpec) {
        let problem = Problem::error(Code::UndefinedReference, format!("there is no container `{name}`"))
            .with_expected("the name of a container of this task definition", format!("`{name}`"));
        let known = container_names(spec).enumerate();
        let known = known.map(|(index, name)| (name, format!("/spec/containerDefinitions/{index}/name")));
        let problem = self.with_closest(problem, "container", name, known, |problem| problem);
        self.report(pointer, problem);
    }

    /// Adds the name that was probably meant, and where it is declared; or what `otherwise` adds where none comes near.
    fn with_closest<'n>(
        &self,
        problem: Problem,
        what: &str,
        name: &str,
        known: impl Iterator<Item = (&'n str, String)>,
        otherwise: impl FnOnce(Problem) -> Problem,
    ) -> Problem {
        let known: BTreeMap<&str, String> = known.collect();
        let nearest = closest(name, known.keys().copied()).and_then(|meant| known.get_key_value(meant));
        let Some((meant, pointer)) = nearest else { return otherwise(problem) };
        problem.with_help(format!("did you mean `{meant}`?")).with_suggestion(*meant).with_related(
            format!("a {what} with a similar name is declared here"),
            self.document.nearest_place_of(pointer),
        )
    }

    /// Reports two fields that exclude each other, at the first of them.
    fn conflict(&mut self, pointer: &str, message: impl Into<String>, help: impl Into<String>) {
        self.report_key(pointer, Problem::error(Code::Conflict, message).with_help(help));
    }

    /// Reports a value that another field excludes.
    fn excluded(&mut self, pointer: &str, message: impl Into<String>, help: impl Into<String>) {
        self.report(pointer, Problem::error(Code::Conflict, message).with_help(help));
    }

    /// Reports the second of two that only one can be.
    fn twice(&mut self, pointer: &str, first: &str, message: String) {
        let first = self.document.nearest_place_of(first);
        self.report(pointer, Problem::error(Code::Duplicate, message).with_related("the first is here", first));
    }

    fn unique<'n>(&mut self, what: &str, list: &str, field: &str, names: impl Iterator<Item = &'n str>) {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, name) in names.enumerate() {
            let Some(first) = seen.get(name) else {
                seen.insert(name, index);
                continue;
            };
            let message = format!("two of these have the {what} `{name}`");
            self.twice(&format!("{list}/{index}/{field}"), &format!("{list}/{first}/{field}"), message);
        }
    }

    fn labels(&mut self, pointer: &str, labels: &BTreeMap<String, String>) {
        for key in labels.keys().filter(|key| key.starts_with("reconcile.")) {
            let problem = Problem::error(Code::Reserved, format!("the label `{key}` belongs to reconcile itself"))
                .with_help("choose a name that does not start with `reconcile.`");
            self.report_key(&format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")), problem);
        }
    }
}

#[cfg(test)]
mod tests;
