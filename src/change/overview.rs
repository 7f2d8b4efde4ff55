//! Which clusters and services change, and why.

use std::collections::{BTreeMap, BTreeSet};

use super::fields::{Before, changes};
use super::impact;
use super::place::Site;
use super::sides::{Side, Sides};
use super::text::count_of;
use super::{Change, FieldChange, Overview, Reason, Row, RowAction, TaskCounts};
use crate::desired::{DesiredService, DesiredState, Origin, Origins, Revision, VolumeSpec};
use crate::observed::{ObservedContainer, ObservedState};
use crate::ownership::Source;
use crate::plan::deployment::hooks::find_in_force_at_last;
use crate::plan::ending::Ending;
use crate::plan::group;
use crate::plan::service::is_current;
use crate::plan::view::{TaskState, TaskView, with_last_tries};
use crate::plan::{Action, Cause, Plan, Wait, duration_text, plan};
use crate::value::{ClusterName, ServiceName, Slot};

/// Explains what [`plan`] would do, now and later, to bring about `desired`.
///
/// A service is listed when the plan holds a step for it, or when a task of it has yet to begin or to end.
pub fn service_changes(desired: &DesiredState, observed: &ObservedState, origins: &Origins) -> Overview {
    let decided = plan(desired, observed);
    let in_force = find_in_force_at_last(desired, observed);
    let desired = &*in_force.desired;
    let touched = touched(&decided, observed);
    let waiting: BTreeSet<_> = decided
        .waits
        .iter()
        // What was given up or is held back is told of as that.
        .filter(|waiting| !matches!(waiting.wait, Wait::DeploymentFailed { .. } | Wait::Held(_)))
        .filter_map(|waiting| Some((&waiting.about.cluster, waiting.about.service.as_ref()?)))
        .collect();
    let mut tasks = group::tasks(observed);
    let room = impact::room_waits(&decided);
    let mut overview = Overview::default();
    for (cluster, wanted) in &desired.clusters {
        overview.count(cluster_row(desired, observed, &decided, cluster), || cluster.to_string(), false);
        for (name, service) in &wanted.services {
            let id = (cluster.clone(), name.clone());
            let views = tasks.remove(&(cluster, name)).unwrap_or_default();
            let case = Case::new(desired, observed, &id, service, views, origins.get(&id));
            let mut row = case.row(touched.contains(&(cluster, name)));
            if let Some(row) = &mut row {
                impact::warn_of_room(row, &room);
            }
            overview.count(row, || format!("{cluster}/{name}"), waiting.contains(&(cluster, name)));
        }
    }
    // The tasks of hooks come and go with the deployments of their service.
    let gone = tasks.iter().filter(|((_, name), _)| name.hook_place().is_none());
    let gone = gone.filter_map(|((cluster, name), views)| deletion(desired, observed, cluster, name, views));
    overview.rows.extend(gone);
    let undeclared: BTreeSet<_> = observed.networks.values().map(|network| &network.cluster).collect();
    let undeclared = undeclared.into_iter().filter(|cluster| !desired.clusters.contains_key(*cluster));
    let gone: Vec<_> = undeclared.filter_map(|cluster| cluster_deletion(desired, observed, cluster)).collect();
    overview.rows.extend(gone);
    overview
}

impl Overview {
    fn count(&mut self, row: Option<Row>, name: impl FnOnce() -> String, is_waiting: bool) {
        if let Some(row) = row {
            self.rows.push(row);
        } else {
            self.unchanged += 1;
            self.unchanged_names.push(name());
            self.settling += usize::from(is_waiting);
        }
    }
}

/// The services for which the plan has something to do now.
fn touched<'a>(plan: &'a Plan, observed: &'a ObservedState) -> BTreeSet<(&'a ClusterName, &'a ServiceName)> {
    let acted_on = plan.steps.iter().filter_map(|step| step.action.identity());
    let looked_at =
        plan.unknowns.iter().filter_map(|id| observed.containers.get(id)).map(|container| &container.identity);
    acted_on.chain(looked_at).map(|identity| (&identity.task.cluster, &identity.task.service)).collect()
}

/// One task of a service, with what follows from the desired state.
struct Member<'a> {
    view: TaskView<'a>,
    state: TaskState,
    current: bool,
}

impl Member<'_> {
    /// Whether it serves or may come to serve; what is ending does neither.
    fn is_up(&self) -> bool {
        self.state.is_alive() && self.state != TaskState::Ending
    }
}

/// One service that is wanted, and what there is of it.
struct Case<'a> {
    desired: &'a DesiredState,
    observed: &'a ObservedState,
    id: &'a (ClusterName, ServiceName),
    service: &'a DesiredService,
    origin: Option<&'a Origin>,
    members: Vec<Member<'a>>,
    /// How many slots want a task.
    wanted: u32,
    /// How many slots had one.
    had: u32,
    /// The wanted slots that no current task fills or is about to fill.
    vacant: BTreeSet<Slot>,
    /// The tasks that end, by index.
    leaving: Vec<usize>,
}

impl<'a> Case<'a> {
    fn new(
        desired: &'a DesiredState,
        observed: &'a ObservedState,
        id: &'a (ClusterName, ServiceName),
        service: &'a DesiredService,
        views: Vec<TaskView<'a>>,
        origin: Option<&'a Origin>,
    ) -> Self {
        let members: Vec<_> = with_last_tries(views)
            .filter(|(view, _)| may_touch(desired, view.source))
            .map(|(view, is_last)| {
                let current = *view.source == desired.source && is_current(&view, service);
                let spec = current.then_some(&*service.task);
                let view = view.within(spec, is_last, observed);
                let state = view.state(service.patience(current), observed.at);
                Member { view, state, current }
            })
            .collect();
        let slots = |member: &Member<'_>| member.view.slot().0.saturating_add(1);
        let wanted = service.desired_count.unwrap_or_else(|| members.iter().map(slots).max().unwrap_or(1));
        // What has ended beyond the desired count is cleared away and says nothing about an earlier count.
        let counted = members.iter().filter(|member| member.is_up() || member.view.slot().0 < wanted);
        let had = counted.map(slots).max().unwrap_or(0);
        let mut keepers: BTreeMap<Slot, usize> = BTreeMap::new();
        let rank = |index: usize| (members[index].state == TaskState::Healthy, members[index].view.attempt());
        for (index, member) in members.iter().enumerate() {
            let slot = member.view.slot();
            let eligible = member.current && member.state.is_promising() && slot.0 < wanted;
            if eligible && keepers.get(&slot).is_none_or(|&other| rank(other) < rank(index)) {
                keepers.insert(slot, index);
            }
        }
        let vacant = (0..wanted).map(Slot).filter(|slot| !keepers.contains_key(slot)).collect();
        let is_leaving = |&index: &usize| members[index].is_up() && !keepers.values().any(|keeper| *keeper == index);
        let leaving = (0..members.len()).filter(is_leaving).collect();
        Self { desired, observed, id, service, origin, members, wanted, had, vacant, leaving }
    }

    fn row(&self, touched: bool) -> Option<Row> {
        let counts = self.counts();
        if counts.start == 0 && counts.stop == 0 && !touched {
            return None;
        }
        let reason = self.reason();
        let action = match reason {
            Reason::New => RowAction::Create,
            Reason::Adopted | Reason::SpecChanged if counts.replaced > 0 => RowAction::Replace,
            Reason::Adopted | Reason::SpecChanged | Reason::Leftovers => RowAction::Update,
            Reason::Unhealthy | Reason::Drift => RowAction::Restart,
            Reason::Removed => RowAction::Delete,
        };
        let outdated = self.outdated();
        let family = |member: &Member<'_>| {
            revision_name(member.view.containers[0].identity.family.as_str(), member.view.key.revision)
        };
        let from_revisions: BTreeSet<_> = outdated.iter().map(|member| family(member)).collect();
        let is_new = reason == Reason::New;
        let images = self.service.task.containers.iter().filter(|_| is_new).map(|container| container.image.clone());
        let site = Site::new(self.origin);
        let mut row = Row {
            cluster: self.id.0.clone(),
            service: Some(self.id.1.clone()),
            action,
            reason,
            detail: None,
            from_revisions: from_revisions.into_iter().collect(),
            to_revision: Some(revision_name(self.service.task.family.as_str(), self.service.task.revision)),
            images: images.collect(),
            fields: self.fields(&site, &outdated),
            tasks: counts,
            downtime: false,
            impact: Vec::new(),
            warnings: Vec::new(),
            place: site.of_service(),
            sides: self.sides(&outdated),
        };
        row.detail = self.detail(&row);
        impact::describe(&mut row, self.service, &site);
        if counts.start > 0 && !self.members.iter().any(|member| member.current) {
            impact::describe_hooks(&mut row, self.service);
        }
        if matches!(reason, Reason::Drift | Reason::Unhealthy) {
            self.warn_of_memory(&mut row, &site);
        }
        Some(row)
    }

    fn counts(&self) -> TaskCounts {
        let slots: BTreeSet<_> = self.leaving.iter().map(|&index| self.members[index].view.slot()).collect();
        TaskCounts {
            now: count(self.members.iter().filter(|member| member.is_up())),
            wanted: self.wanted,
            start: count(self.vacant.iter()),
            stop: count(self.leaving.iter()),
            replaced: count(slots.iter().filter(|slot| slot.0 < self.wanted)),
        }
    }

    /// The tasks of other revisions that run, or that are the last that a wanted slot has tried.
    fn outdated(&self) -> Vec<&Member<'a>> {
        let has_current = |slot| self.members.iter().any(|member| member.current && member.view.slot() == slot);
        let is_last = |slot: Slot| slot.0 < self.wanted && !has_current(slot);
        let counts = |member: &&Member<'a>| !member.current && (member.is_up() || is_last(member.view.slot()));
        self.members.iter().filter(counts).collect()
    }

    fn reason(&self) -> Reason {
        let outdated = self.outdated();
        if self.members.is_empty() {
            Reason::New
        } else if outdated.iter().any(|member| *member.view.source != self.desired.source) {
            Reason::Adopted
        } else if !outdated.is_empty() || self.had != self.wanted {
            Reason::SpecChanged
        } else if self.leaving.iter().any(|&index| self.members[index].state == TaskState::Unhealthy) {
            Reason::Unhealthy
        } else if !self.vacant.is_empty() || self.members.iter().any(|member| member.state == TaskState::Ending) {
            Reason::Drift
        } else {
            Reason::Leftovers
        }
    }

    /// The reason in more words.
    fn detail(&self, row: &Row) -> Option<String> {
        match row.reason {
            Reason::New | Reason::Removed => None,
            Reason::Adopted => {
                let sources: BTreeSet<_> = self.members.iter().map(|member| member.view.source).collect();
                let sources = sources.into_iter().filter(|source| **source != self.desired.source);
                Some(format!("from {}", sources.map(Source::as_str).collect::<Vec<_>>().join(", ")))
            }
            Reason::SpecChanged => row
                .fields
                .is_empty()
                .then(|| "another release wrote what runs: its fields cannot be compared".to_owned()),
            Reason::Unhealthy => {
                let sick = self.leaving.iter().map(|&index| &self.members[index]);
                let sick = count(sick.filter(|member| member.state == TaskState::Unhealthy));
                Some(self.of_all(sick, "unhealthy"))
            }
            Reason::Drift => Some(self.describe_loss()),
            Reason::Leftovers => Some("what is left of earlier tries is removed".to_owned()),
        }
    }

    /// How many tasks are missing, and how the last of them ended.
    fn describe_loss(&self) -> String {
        let ended = self.members.iter().filter(|member| member.current && !member.is_up()).filter_map(|member| {
            match member.view.ending() {
                Ending::Known { ended_at, reason, .. } => Some((ended_at, member.view.slot(), reason.to_string())),
                Ending::Unknown(_) | Ending::Untold => None,
            }
        });
        let missing = self.of_all(count(self.vacant.iter()), "missing");
        match ended.filter(|(_, slot, _)| self.vacant.contains(slot)).max() {
            Some((at, slot, reason)) => {
                let ago = duration_text(self.observed.at.since(at));
                format!("{missing}; task {slot}: {reason}, {ago} ago")
            }
            None => missing,
        }
    }

    /// `2 of 3 tasks missing`; of a service that has but one, it is just that one.
    fn of_all(&self, number: u32, word: &str) -> String {
        match self.wanted {
            1 => format!("its task is {word}"),
            wanted => format!("{number} of {wanted} tasks {word}"),
        }
    }

    fn fields(&self, site: &Site<'_>, outdated: &[&Member<'a>]) -> Vec<FieldChange> {
        let mut fields = Vec::new();
        let is_new = self.members.is_empty();
        if !is_new && self.service.desired_count.is_some() && self.had != self.wanted {
            fields.push(FieldChange {
                path: "desiredCount".to_owned(),
                change: Change::Changed,
                from: Some(self.had.to_string()),
                to: Some(self.wanted.to_string()),
                sensitive: false,
                place: site.in_service("/spec/desiredCount"),
                replaces_tasks: false,
            });
        }
        if let Some(member) = common(outdated) {
            fields.extend(changes(&before(&member.view), &self.service.task, self.origin));
        }
        fields
    }

    /// What runs and what is wanted, as a whole. Tasks that are as they should be are both.
    fn sides(&self, outdated: &[&Member<'a>]) -> Sides {
        let same = || self.members.iter().find(|member| member.current);
        let old = common(outdated).or_else(same).map(|member| Side::running(before(&member.view), self.had));
        Sides { before: old, after: Some(Side::wanted(&self.service.task, self.wanted)) }
    }

    /// A task that ran out of memory will do so again.
    fn warn_of_memory(&self, row: &mut Row, site: &Site<'_>) {
        for (index, container) in self.service.task.containers.iter().enumerate() {
            let died = self.members.iter().filter(|member| member.current && !member.is_up()).any(|member| {
                let found = member.view.container(&container.name).and_then(|found| found.observed);
                let exit = found.and_then(|found| found.phase.exit());
                exit.is_some_and(|exit| exit.oom_killed)
            });
            if died {
                let place = site.in_container(index, "/memory");
                impact::warn_of_memory(row, container, place);
            }
        }
    }
}

/// Where several revisions run, the difference to the one that most tasks have says most.
fn common<'m, 'a>(outdated: &[&'m Member<'a>]) -> Option<&'m Member<'a>> {
    let mut revisions: BTreeMap<Revision, Vec<&'m Member<'a>>> = BTreeMap::new();
    for member in outdated {
        revisions.entry(member.view.key.revision).or_default().push(member);
    }
    revisions.values().max_by_key(|members| members.len()).and_then(|members| members.first()).copied()
}

/// What the labels of a task's containers say about its revision.
pub(crate) fn before(view: &TaskView<'_>) -> Before {
    let containers = view.observed().filter_map(ObservedContainer::read_spec).cloned().collect();
    let family = view.containers[0].identity.family.clone();
    Before { family, revision: view.key.revision, containers }
}

/// `web@9c1d42`: how a revision is called everywhere.
pub(crate) fn revision_name(family: &str, revision: Revision) -> String {
    format!("{family}@{}", revision.short())
}

fn may_touch(desired: &DesiredState, source: &Source) -> bool {
    desired.may_touch(source)
}

fn deletion(
    desired: &DesiredState,
    observed: &ObservedState,
    cluster: &ClusterName,
    name: &ServiceName,
    views: &[TaskView<'_>],
) -> Option<Row> {
    let views: Vec<_> = views.iter().filter(|view| may_touch(desired, view.source)).collect();
    let is_up =
        |view: &&&TaskView<'_>| view.state(crate::desired::Patience::default(), observed.at) != TaskState::Ended;
    let first = views.first()?;
    let now = count(views.iter().filter(is_up));
    let mut row = bare(cluster, RowAction::Delete, Reason::Removed);
    row.service = Some(name.clone());
    row.tasks = TaskCounts { now, stop: now, ..TaskCounts::default() };
    row.downtime = now > 0;
    let revision = revision_name(first.containers[0].identity.family.as_str(), first.key.revision);
    row.from_revisions = vec![revision];
    let before = before(first);
    row.impact.extend(kept_volumes(&before));
    row.sides = Sides { before: Some(Side::running(before, now)), after: None };
    Some(row)
}

/// What stays of a service that goes: the volumes that outlive their tasks.
fn kept_volumes(before: &Before) -> Option<String> {
    let mounts = before.containers.iter().flat_map(|container| &container.mount_points);
    let shared = mounts.filter(|mount| matches!(mount.volume, VolumeSpec::Shared { .. }));
    let names: BTreeSet<_> = shared.map(|mount| mount.source_volume.as_str()).collect();
    let verb = if names.len() == 1 { "volume is" } else { "volumes are" };
    let names: Vec<_> = names.into_iter().collect();
    (!names.is_empty()).then(|| format!("its {verb} kept: {}", names.join(", ")))
}

fn cluster_row(desired: &DesiredState, observed: &ObservedState, plan: &Plan, cluster: &ClusterName) -> Option<Row> {
    let mut duplicates: u64 = 0;
    let mut volumes: u64 = 0;
    for step in &plan.steps {
        match &step.action {
            Action::RemoveNetwork { cluster: of, .. } if of == cluster && step.cause == Cause::Duplicate => {
                duplicates += 1;
            }
            Action::RemoveVolume { cluster: of, .. } if of == cluster => volumes += 1,
            Action::RemoveNetwork { .. }
            | Action::RemoveVolume { .. }
            | Action::CreateNetwork { .. }
            | Action::PullImage { .. }
            | Action::CreateContainer(_)
            | Action::StartContainer { .. }
            | Action::StopContainer { .. }
            | Action::RemoveContainer { .. } => {}
        }
    }
    let inhabited = observed
        .containers
        .values()
        .any(|container| container.identity.task.cluster == *cluster && may_touch(desired, &container.identity.source));
    if observed.networks.values().all(|network| network.cluster != *cluster) {
        let reason = if inhabited { Reason::Drift } else { Reason::New };
        let mut row = bare(cluster, RowAction::Create, reason);
        row.detail = inhabited.then(|| "its network is missing".to_owned());
        return Some(row);
    }
    if duplicates + volumes == 0 {
        return None;
    }
    let mut row = bare(cluster, RowAction::Update, Reason::Leftovers);
    row.detail = Some(match (duplicates, volumes) {
        (0, volumes) => format!("{} of tasks that are gone", count_of(volumes, "volume")),
        (networks, _) => format!("{} too many", count_of(networks, "network")),
    });
    Some(row)
}

fn cluster_deletion(desired: &DesiredState, observed: &ObservedState, cluster: &ClusterName) -> Option<Row> {
    let network = observed.networks.values().find(|network| network.cluster == *cluster)?;
    let foreign = observed.containers.values().any(|container| {
        container.identity.task.cluster == *cluster && !may_touch(desired, &container.identity.source)
    });
    if network.source != desired.source || foreign {
        return None;
    }
    let mut row = bare(cluster, RowAction::Delete, Reason::Removed);
    let kept = observed
        .volumes
        .values()
        .filter(|volume| volume.cluster == *cluster && volume.task.is_none() && volume.intervention.is_none());
    let kept: Vec<_> = kept.map(|volume| volume.name.as_str()).collect();
    if !kept.is_empty() {
        let verb = if kept.len() == 1 { "volume is" } else { "volumes are" };
        row.impact.push(format!("its {verb} kept: {}", kept.join(", ")));
    }
    Some(row)
}

fn bare(cluster: &ClusterName, action: RowAction, reason: Reason) -> Row {
    Row {
        cluster: cluster.clone(),
        service: None,
        action,
        reason,
        detail: None,
        from_revisions: Vec::new(),
        to_revision: None,
        images: Vec::new(),
        fields: Vec::new(),
        tasks: TaskCounts::default(),
        downtime: false,
        impact: Vec::new(),
        warnings: Vec::new(),
        place: None,
        sides: Sides::default(),
    }
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}
