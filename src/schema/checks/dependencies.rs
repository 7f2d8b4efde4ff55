//! What a task definition can tell about the dependencies between its containers: a start order that can never come about is refused
//! before anything is started.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::Checks;
use crate::manifest::{ContainerDefinition, ContainerDependency, DependencyCondition, read_link};
use crate::problem::{Code, Problem};
use crate::value::ContainerName;

const LIST: &str = "/spec/containerDefinitions";

impl Checks<'_> {
    pub(super) fn dependencies(&mut self, containers: &[ContainerDefinition]) {
        for (index, container) in containers.iter().enumerate() {
            let mut seen: BTreeMap<&ContainerName, usize> = BTreeMap::new();
            for (item, dependency) in container.depends_on.iter().enumerate() {
                let pointer = format!("{LIST}/{index}/dependsOn/{item}");
                let first = *seen.entry(&dependency.container_name).or_insert(item);
                if first < item {
                    let message = format!("the dependency on `{}` is given twice", dependency.container_name);
                    let first = self.document.nearest_place_of(&format!("{LIST}/{index}/dependsOn/{first}"));
                    let problem = Problem::error(Code::Duplicate, message)
                        .with_related("it is first given here", first)
                        .with_help("keep the stricter of the two");
                    self.report(&format!("{pointer}/containerName"), problem);
                } else {
                    self.dependency(&pointer, container, dependency, containers);
                }
            }
        }
        self.cycles(containers);
    }

    fn dependency(
        &mut self,
        pointer: &str,
        container: &ContainerDefinition,
        dependency: &ContainerDependency,
        containers: &[ContainerDefinition],
    ) {
        let name = &dependency.container_name;
        if *name == container.name {
            let problem = Problem::error(Code::Conflict, format!("container `{name}` depends on itself"))
                .with_help("remove this dependency, or name another container");
            return self.report(&format!("{pointer}/containerName"), problem);
        }
        let Some(index) = containers.iter().position(|other| other.name == *name) else {
            let others = || containers.iter().map(|other| &other.name).filter(|other| **other != container.name);
            let problem =
                Problem::error(Code::UndefinedReference, format!("there is no container `{name}` in this task"))
                    .with_expected("the name of another container of the task", format!("`{name}`"));
            let known = containers.iter().enumerate().filter(|(_, other)| other.name != container.name);
            let known = known.map(|(index, other)| (other.name.as_str(), format!("{LIST}/{index}/name")));
            let name_all = |problem: Problem| {
                let names = others().map(|other| format!("`{other}`")).collect::<Vec<_>>().join(", ");
                if names.is_empty() {
                    problem.with_help("it is the only container of the task; remove the dependency")
                } else {
                    problem.with_help(format!("the others are {names}"))
                }
            };
            let problem = self.with_closest(problem, "container", name.as_str(), known, name_all);
            return self.report(&format!("{pointer}/containerName"), problem);
        };
        if let Some(problem) = self.condition(dependency.condition, index, &containers[index]) {
            self.report(&format!("{pointer}/condition"), problem);
        }
    }

    /// What is wrong with waiting for this of that container.
    fn condition(
        &self,
        condition: DependencyCondition,
        index: usize,
        dependency: &ContainerDefinition,
    ) -> Option<Problem> {
        let name = &dependency.name;
        let is_checked = dependency
            .health_check
            .as_ref()
            .is_some_and(|check| check.command.iter().flatten().next().is_none_or(|first| first != "NONE"));
        let is_essential = dependency.essential.unwrap_or(true);
        let place = self.document.nearest_place_of(&format!("{LIST}/{index}/name"));
        let problem = match condition {
            DependencyCondition::Healthy if !is_checked => {
                Problem::error(Code::Conflict, format!("container `{name}` has no `healthCheck`: it is never HEALTHY"))
                    .with_help(format!("give `{name}` a `healthCheck`, or use the condition START"))
            }
            DependencyCondition::Complete | DependencyCondition::Success if is_essential => {
                let message = format!(
                    "container `{name}` is essential: when it ends the task ends, so nobody can wait for its {}",
                    condition.as_str()
                );
                Problem::error(Code::Conflict, message).with_help(format!("give `{name}` `essential: false`"))
            }
            DependencyCondition::Start
            | DependencyCondition::Complete
            | DependencyCondition::Success
            | DependencyCondition::Healthy => return None,
        };
        Some(problem.with_related("the container is here", place))
    }

    /// Reports each circle of dependencies once. A link is one too; a circle of nothing but links is told by whoever reads the links.
    fn cycles(&mut self, containers: &[ContainerDefinition]) {
        let index_of = |name: &str| containers.iter().position(|other| other.name.as_str() == name);
        let edges = |index: usize| {
            let depends = containers[index].depends_on.iter().map(|dependency| dependency.container_name.as_str());
            let links = containers[index].links.iter().map(|link| read_link(link).0);
            depends.chain(links).filter_map(index_of).filter(move |next| *next != index)
        };
        let mut told = BTreeSet::new();
        for start in 0..containers.len() {
            let Some(cycle) = find_way_back(start, &edges) else { continue };
            let members: BTreeSet<usize> = cycle.iter().copied().collect();
            if !members.is_disjoint(&told) {
                continue;
            }
            told.extend(members);
            self.cycle(&cycle, containers);
        }
    }

    fn cycle(&mut self, cycle: &[usize], containers: &[ContainerDefinition]) {
        let ring = || cycle.iter().chain(cycle.first());
        let pointer = ring().zip(ring().skip(1)).find_map(|(&from, &on)| {
            let mut names = containers[from].depends_on.iter().map(|dependency| &dependency.container_name);
            let item = names.position(|name| *name == containers[on].name)?;
            Some(format!("{LIST}/{from}/dependsOn/{item}/containerName"))
        });
        let Some(pointer) = pointer else { return };
        let names = ring().map(|&index| containers[index].name.as_str()).collect::<Vec<_>>().join(" -> ");
        let problem = Problem::error(Code::Conflict, format!("the containers wait for each other: {names}"))
            .with_help("remove one of these dependencies: none of the containers could ever start");
        self.report(&pointer, problem);
    }
}

/// The shortest way from `start` along the edges back to it: the containers on it, `start` first.
fn find_way_back<E: Iterator<Item = usize>>(start: usize, edges: &impl Fn(usize) -> E) -> Option<Vec<usize>> {
    let mut came_from: BTreeMap<usize, usize> = BTreeMap::new();
    let mut open = std::collections::VecDeque::from([start]);
    while let Some(index) = open.pop_front() {
        for next in edges(index) {
            if next == start {
                let mut way = vec![index];
                while let Some(before) = came_from.get(&way[way.len() - 1]) {
                    way.push(*before);
                }
                way.reverse();
                return Some(way);
            }
            if let Entry::Vacant(entry) = came_from.entry(next) {
                entry.insert(index);
                open.push_back(next);
            }
        }
    }
    None
}
