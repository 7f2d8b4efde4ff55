//! Which containers make up which task.
//!
//! Most services of a host are wanted and are asked for by name, so they are found by hash and not sorted: comparing the names of
//! thousands of containers with one another cost more than all that was then decided about them. Order is made where it is seen:
//! within a service, and among the services that nobody asked for. The hash is a fixed one: the planner knows no randomness.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::FixedState;

use super::Target;
use super::view::{ContainerView, Context, TaskView};
use crate::observed::{Doing, ObservedContainer, ObservedState};
use crate::ownership::{ContainerIdentity, TaskKey};
use crate::value::{ClusterName, ServiceName};

/// The tasks of each service, in order.
pub(crate) type Tasks<'a> = BTreeMap<(&'a ClusterName, &'a ServiceName), Vec<TaskView<'a>>>;

/// A container, and the place of the one before it of the same service.
type Link<'a> = (ContainerView<'a>, Option<usize>);

/// A cluster and a service in it.
type Name<'a> = (&'a str, &'a str);

/// What there is of one service.
#[derive(Debug, Default)]
pub(crate) struct Group<'a> {
    /// Its tasks, in order.
    pub(crate) tasks: Vec<TaskView<'a>>,
    /// Of two or more containers that claim to be the same, all but the first: they are in the way.
    pub(crate) duplicates: Vec<&'a ObservedContainer>,
}

/// The containers of each service, chained in one list: a converged host has thousands of services, and a list for each would be
/// scattered all over the memory.
pub(super) struct Groups<'a> {
    views: Vec<Link<'a>>,
    /// The place of the last container of each service.
    last: HashMap<Name<'a>, usize, FixedState>,
}

impl<'a> Groups<'a> {
    pub(super) fn new(observed: &'a ObservedState) -> Self {
        let count = observed.containers.len();
        let mut groups = Self {
            views: Vec::with_capacity(count),
            last: HashMap::with_capacity_and_hasher(count, FixedState::default()),
        };
        for view in views(observed) {
            let TaskKey { cluster, service, .. } = &view.identity.task;
            let before = groups.last.insert((cluster.as_str(), service.as_str()), groups.views.len());
            groups.views.push((view, before));
        }
        groups
    }

    /// Every container that exists or is being created, in no order that means anything.
    pub(super) fn views(&self) -> impl Iterator<Item = &ContainerView<'a>> {
        self.views.iter().map(|(view, _)| view)
    }

    /// Takes out what there is of one service.
    pub(super) fn take(&mut self, cluster: &'a ClusterName, service: &'a ServiceName) -> Group<'a> {
        let last = self.last.remove(&(cluster.as_str(), service.as_str()));
        last.map(|last| group(&self.views, last)).unwrap_or_default()
    }

    /// What there is of one service; it is not taken out.
    pub(super) fn peek(&self, cluster: &ClusterName, service: &ServiceName) -> Group<'a> {
        let last = self.last.get(&(cluster.as_str(), service.as_str()));
        last.map(|last| group(&self.views, *last)).unwrap_or_default()
    }

    /// What has not been taken, by the names of cluster and service.
    pub(super) fn rest(self) -> impl Iterator<Item = Group<'a>> {
        let rest: BTreeMap<_, _> = self.last.into_iter().collect();
        rest.into_values().map(move |last| group(&self.views, last))
    }
}

/// The tasks of every service.
pub(crate) fn tasks(observed: &ObservedState) -> Tasks<'_> {
    let groups = Groups::new(observed).rest().filter_map(|group| {
        let TaskKey { cluster, service, .. } = group.tasks.first()?.key;
        Some(((cluster, service), group.tasks))
    });
    groups.collect()
}

/// What is observed, with what is being done with it, and what is being created.
fn views(observed: &ObservedState) -> impl Iterator<Item = ContainerView<'_>> {
    let created = observed.in_flight.values().filter_map(|in_flight| match &in_flight.doing {
        Doing::Create(identity) => Some(ContainerView { identity, observed: None, doing: Some(&in_flight.doing) }),
        Doing::Start | Doing::Stop | Doing::Remove | Doing::Pull | Doing::Other => None,
    });
    observed.containers.values().map(|container| view(container, observed)).chain(created)
}

fn view<'a>(container: &'a ObservedContainer, observed: &'a ObservedState) -> ContainerView<'a> {
    // Looking up nothing is the common case and must cost nothing: a converged host has thousands of containers here.
    let in_flight = if observed.in_flight.is_empty() {
        None
    } else {
        observed.in_flight.get(&Target::Container(container.id.clone()))
    };
    ContainerView {
        identity: &container.identity,
        observed: Some(container),
        doing: in_flight.map(|in_flight| &in_flight.doing),
    }
}

/// Makes tasks of the containers of one service: of the chain that ends in `last`.
fn group<'a>(views: &[Link<'a>], last: usize) -> Group<'a> {
    let chain = std::iter::successors(Some(&views[last]), |(_, before)| before.map(|before| &views[before]));
    let mut views: Vec<_> = chain.map(|(view, _)| *view).collect();
    views.sort_by(|a, b| order(a).cmp(&order(b)));
    let mut group = Group::default();
    for view in views {
        let (key, source) = (&view.identity.task, &view.identity.source);
        match group.tasks.last_mut() {
            Some(task) if task.key == key && task.source == source => {
                if task.containers.last().is_some_and(|last| last.identity.container == view.identity.container) {
                    group.duplicates.extend(view.observed);
                } else {
                    task.containers.push(view);
                }
            }
            Some(_) | None => {
                let failures = view.identity.failures;
                group.tasks.push(TaskView {
                    key,
                    source,
                    failures,
                    containers: vec![view],
                    context: Context::default(),
                });
            }
        }
    }
    group
}

/// The order of the containers of one service. What is observed comes before what is being created, the older before the younger: the
/// first of two equal ones is kept.
fn order<'a>(view: &ContainerView<'a>) -> impl Ord + use<'a> {
    // They have cluster and service in common.
    let TaskKey { cluster: _, service: _, slot, revision, attempt } = &view.identity.task;
    let ContainerIdentity { source, container, .. } = view.identity;
    let age = view.observed.map(|observed| (observed.created_at, &observed.id));
    (*slot, *revision, *attempt, source, container, view.observed.is_none(), age)
}
