//! The end of every story: faults stop, and then it has to come to rest, be right, be prompt, and stay quiet.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use reconcile::desired::Revision;
use reconcile::observed::{Health, ObservedContainer, ObservedState, Phase};
use reconcile::plan::{About, Action, Plan, Step, Wait};
use reconcile::value::{ServiceName, Slot};

use super::drive::World;
use super::happen::OTHER_SOURCE;
use super::hooks;
use super::manifests;
use super::oracle::{LIST_LAG, is_well, tasks_of};
use super::story::{Draft, Hints, SERVICES};

/// How long the longest way to rest may be: every backoff at its longest, then a rollout of five tasks, one after the other.
const REST_MAX: Duration = Duration::from_secs(3_600);

/// How long a repair may take when nothing has failed before: a start, three health checks, the longest stop.
const REPAIR_MAX: Duration = Duration::from_secs(55);

/// So many ended tasks of a service may be kept although their successors exist.
const EVIDENCE_MAX: usize = 2;

impl World {
    /// Ends a story. What is wrong is among the violations.
    pub(super) fn end(&mut self) {
        self.calm();
        let well = self.well();
        let deadline = self.now().after(REST_MAX);
        if !self.pass_until(deadline, |world| world.is_at_rest(&well)) {
            let plan = self.last_plan.as_ref().map(Plan::to_string).unwrap_or_default();
            let observed =
                self.reconciler.as_ref().map(|reconciler| format!("{:?}", reconciler.observed().in_flight.keys()));
            self.oracle.violate(format!("it does not come to rest:\n{plan}under way: {observed:?}"));
        }
        self.check_truth(&well);
        self.check_promptness(&well);
        self.check_quiet(&well);
    }

    fn calm(&mut self) {
        self.tell(|| "# calm".to_owned());
        self.engine.clear_faults();
        self.engine.set_reachable(true);
        self.take_back(None);
        self.reachable_at = None;
        self.questions_to_fail = 0;
        self.hints = Hints::InTime;
        self.slow = Duration::ZERO;
        // What waits for a frozen container waits until somebody thaws it.
        for (id, container) in self.engine.observe().containers {
            if container.phase == Phase::Paused && !container.identity.essential {
                self.engine.unpause(&id);
            }
        }
        // Whatever was missed is seen by a look at everything that begins now.
        self.resync_at = self.now();
        self.lists_due = 2;
        // Somebody may have meddled with a hook, and it is for a person to have it tried again.
        if self.drafts.iter().any(|draft| !draft.hooks.is_empty()) {
            self.retry_since = Some(self.now());
            for (index, draft) in self.drafts.iter().enumerate() {
                self.oracle.forget_memory_of(&(manifests::cluster_name(draft), manifests::service_name(index)));
            }
            self.desire();
        }
        for id in std::mem::take(&mut self.port_holders) {
            self.engine.remove_by_hand(&id);
        }
    }

    /// The services that have to come up.
    fn well(&self) -> BTreeSet<usize> {
        let all = self.drafts.iter().enumerate();
        let has_room = self.has_room_for_all();
        let has_room = |draft: &Draft| has_room || draft.shape.memory == 0;
        all.filter(|(index, draft)| !draft.wanted || has_room(draft) && draft.can_be_well(*index, &self.drafts))
            .map(|(index, _)| index)
            .collect()
    }

    /// Whether the host can hold the most that all services together may want. Where it cannot, those that reserve nothing have to come
    /// up all the same.
    fn has_room_for_all(&self) -> bool {
        let truth = self.engine.observe();
        let Some(host) = truth.host else { return true };
        let others = truth.containers.values().any(|one| one.identity.source.as_str() == OTHER_SOURCE);
        let most: Option<Vec<u32>> = self.drafts.iter().map(Draft::most_memory).collect();
        !others && most.is_some_and(|most| u64::from(most.iter().sum::<u32>()) <= host.memory)
    }

    /// What became of a deployment that was given up: the revision that is in force, if it was rolled back.
    fn given_up(&self, index: usize) -> Option<Option<Revision>> {
        let waits = self.last_plan.iter().flat_map(|plan| &plan.waits);
        waits.filter(|waiting| waiting.about.service == Some(manifests::service_name(index))).find_map(|waiting| {
            match &waiting.wait {
                Wait::DeploymentFailed { rolled_back_to, .. } => Some(*rolled_back_to),
                _ => None,
            }
        })
    }

    /// Whether nothing is under way or waited for that concerns a service which has to come up.
    fn is_at_rest(&self, well: &BTreeSet<usize>) -> bool {
        let is_well = |name: &ServiceName| well.contains(&manifests::service_index(name));
        let concerns = |step: &Step| match &step.action {
            Action::PullImage { image, .. } => SERVICES
                .iter()
                .position(|name| image.split(':').next() == Some(*name))
                .is_none_or(|index| well.contains(&index)),
            Action::RemoveVolume { name, .. } => {
                let service =
                    name.split('.').nth(1).and_then(|service| SERVICES.iter().position(|known| *known == service));
                service.is_none_or(|index| well.contains(&index))
            }
            action => action.identity().is_none_or(|identity| is_well(&identity.task.service)),
        };
        let waits = |about: &About| about.service.as_ref().is_none_or(is_well);
        let all_well = well.len() == self.drafts.len();
        let Some(plan) = &self.last_plan else { return false };
        let is_over =
            if all_well { self.is_idle() } else { !self.open_steps().any(concerns) && self.restart_at.is_none() };
        is_over
            && self.lists_due == 0
            && self.reconciler.as_ref().is_some_and(reconcile::reconciler::Reconciler::has_listed)
            && self.oracle.is_all_known(self.now())
            && !plan.steps.iter().any(concerns)
            && !plan
                .waits
                .iter()
                .any(|waiting| waits(&waiting.about) && !matches!(waiting.wait, Wait::DeploymentFailed { .. }))
            && (plan.unknowns.is_empty() || !all_well)
    }

    /// What runs is what the manifests ask for, and nothing else of ours is there.
    fn check_truth(&mut self, well: &BTreeSet<usize>) {
        if self.has_failed() {
            return;
        }
        let truth = self.engine.observe();
        let mut wrong = Vec::new();
        for index in well {
            wrong.extend(self.check_service(*index, &truth));
        }
        for container in
            truth.containers.values().filter(|container| container.identity.source.as_str() != OTHER_SOURCE)
        {
            let task = &container.identity.task;
            let draft = &self.drafts[manifests::service_index(&task.service)];
            if !draft.wanted {
                wrong.push(format!("{task:#} is there although nobody wants its service"));
            }
        }
        let clusters: BTreeSet<_> =
            self.drafts.iter().filter(|draft| draft.wanted).map(manifests::cluster_name).collect();
        for cluster in &clusters {
            let ours = truth.networks.values().filter(|n| n.cluster == *cluster && n.source == self.source).count();
            let any = truth.networks.values().filter(|n| n.cluster == *cluster).count();
            if any == 0 || ours > 1 {
                wrong.push(format!("{cluster} has {any} networks, {ours} of them ours"));
            }
        }
        for network in truth.networks.values().filter(|network| network.source == self.source) {
            let inhabited =
                truth.containers.values().any(|container| container.identity.task.cluster == network.cluster);
            if !clusters.contains(&network.cluster) && !inhabited {
                wrong.push(format!("the network of {} is left over", network.cluster));
            }
        }
        for volume in truth.volumes.values().filter(|volume| volume.source == self.source) {
            if let Some(task) = &volume.task
                && well.contains(&manifests::service_index(&task.service))
                && !truth.containers.values().any(|container| container.identity.task == *task)
            {
                wrong.push(format!("volume {} is left over", volume.name));
            }
        }
        for id in &self.strangers {
            if !self.is_untouched(id) {
                wrong.push(format!("the stranger's container {id} has changed"));
            }
        }
        self.oracle.violations.extend(wrong);
    }

    fn check_service(&self, index: usize, truth: &ObservedState) -> Vec<String> {
        let draft = &self.drafts[index];
        let key = (manifests::cluster_name(draft), manifests::service_name(index));
        let mut wrong = Vec::new();
        let Some(service) = self.desired.clusters.get(&key.0).and_then(|cluster| cluster.services.get(&key.1)) else {
            return wrong;
        };
        wrong.extend(hooks::check(truth, &key.1, service));
        let given_up = self.given_up(index);
        let in_force = given_up.flatten().unwrap_or(service.task.revision);
        let count = draft.count.unwrap_or(1);
        let mut filled = BTreeSet::new();
        let mut ended = Vec::new();
        let mut remembered = BTreeMap::<Revision, u32>::new();
        let tasks = tasks_of(truth, &key);
        for (task, containers) in &tasks {
            let task = *task;
            let current = task.revision == in_force && containers[0].identity.source == self.source;
            let live = containers.iter().any(|c| matches!(c.phase, Phase::Running { .. } | Phase::Paused));
            let wanted = current && (task.slot.0 < count || draft.count.is_none());
            if is_well(containers) && wanted {
                if !filled.insert(task.slot) {
                    wrong.push(format!("two tasks fill {task}"));
                }
            } else if given_up == Some(None) {
                // What was there when it was given up stays as it is.
            } else if live {
                wrong.push(format!("{task:#} runs and should not"));
            } else if task.revision != in_force && !containers.iter().any(|container| container.phase == Phase::Created)
            {
                // One ended task is what there is to go back to; of a failed revision one of each slot says that it failed.
                *remembered.entry(task.revision).or_default() += 1;
            } else if !wanted || containers.iter().any(|container| container.phase == Phase::Created) {
                wrong.push(format!("{task:#} is left over"));
            } else if tasks
                .keys()
                .any(|other| (other.slot, other.revision) == (task.slot, task.revision) && other.attempt > task.attempt)
            {
                // The last one of a revision is the memory of its slot; the others are kept to be looked at.
                ended.push(format!("{task:#}"));
            }
        }
        let missing = draft.count.is_some() && filled.len() < count as usize || filled.is_empty() && count > 0;
        for (revision, tasks) in remembered {
            let most = if given_up.is_some() && revision == service.task.revision { count } else { 1 };
            if tasks > most {
                wrong.push(format!("{tasks} ended tasks of {}/{} @{} are kept", key.0, key.1, revision.short()));
            }
        }
        if missing && given_up != Some(None) {
            wrong.push(format!("{}/{} has {} of {count} tasks", key.0, key.1, filled.len()));
        }
        if ended.len() > EVIDENCE_MAX {
            wrong.push(format!("{} ended tasks of {}/{} are kept: {}", ended.len(), key.0, key.1, ended.join(", ")));
        }
        wrong
    }

    /// What dies or falls sick is replaced at once, without waiting for a look at everything.
    fn check_promptness(&mut self, well: &BTreeSet<usize>) {
        if self.has_failed() || well.len() < self.drafts.len() || self.random.percent(50) {
            return;
        }
        // By now every task has run long enough for its end to count as a first failure.
        let later = self.now().after(Duration::from_secs(1_000));
        self.pass_until(later, |_| false);
        let kill = self.random.percent(60);
        let candidates = self.engine.observe().containers.into_values().filter(|container| {
            let ours = container.identity.source == self.source && container.identity.essential;
            ours && matches!(container.phase, Phase::Running { .. }) && (kill || container.health == Health::Healthy)
        });
        let mut candidates: Vec<ObservedContainer> = candidates.collect();
        // A deployment that was given up starts no more tasks.
        let is_held = |container: &ObservedContainer| {
            self.given_up(manifests::service_index(&container.identity.task.service)) == Some(None)
        };
        candidates.retain(|container| !is_held(container));
        if candidates.is_empty() || self.has_failed() {
            return;
        }
        candidates.sort_by(|a, b| a.name.cmp(&b.name));
        let victim = candidates[self.random.index(candidates.len())].clone();
        let draft = &self.drafts[manifests::service_index(&victim.identity.task.service)];
        let grace = Duration::from_secs(if kill { 0 } else { draft.grace_secs });
        // Containers that wait for each other start, become healthy and stop one after the other.
        let in_turn = REPAIR_MAX * u32::try_from(draft.shape.order.len()).expect("a handful");
        // No look at everything helps within this time.
        self.resync_at = self.now().after(Duration::from_secs(600));
        self.tell(|| format!("# {} {}", if kill { "somebody kills" } else { "something sickens" }, victim.name));
        let at = self.now();
        self.oracle.note_news(&victim.id, super::oracle::key_of(&victim.identity), at);
        if kill {
            self.engine.kill(&victim.id);
        } else {
            self.engine.make_unhealthy(&victim.id);
        }
        let deadline = at.after(REPAIR_MAX).after(in_turn).after(grace);
        let slot = victim.identity.task.slot;
        let key = super::oracle::key_of(&victim.identity);
        let source = self.source.clone();
        let is_repaired = |world: &Self| {
            let truth = world.engine.observe();
            let mut tasks = tasks_of(&truth, &key).into_iter();
            let repaired = tasks.any(|(task, containers)| {
                task.slot == slot
                    && *task != victim.identity.task
                    && containers[0].identity.source == source
                    && is_well(&containers)
            });
            repaired && world.is_idle() && world.is_at_rest(well)
        };
        if !self.pass_until(deadline, is_repaired) {
            let plan = self.last_plan.as_ref().map(Plan::to_string).unwrap_or_default();
            let unknown = !self.oracle.is_all_known(self.now());
            let idle = self.is_idle();
            self.oracle
                .violate(format!("{} is not replaced in time: idle {idle}, unknown {unknown}\n{plan}", victim.name));
        }
    }

    /// Hours in which nothing happens, and a reconciler that begins anew in the middle: not one action.
    fn check_quiet(&mut self, well: &BTreeSet<usize>) {
        if self.has_failed() {
            return;
        }
        // The last thing that a service waits for may be the end of a hook, which a list shows a moment later.
        if self.drafts.iter().any(|draft| !draft.hooks.is_empty()) {
            let settled = self.now().after(LIST_LAG);
            self.pass_until(settled, |_| false);
        }
        self.kill_reconciler();
        // Who asked for one more try asked for one.
        self.retry_since = None;
        self.desire();
        self.begin_reconciler();
        self.engine.clear_writes();
        let all_well = well.len() == self.drafts.len();
        // A short watch in most stories and a long one in some: the long one costs as much as ten stories.
        let ticks = match self.random.below(50) {
            0 if all_well => 200,
            _ => 6,
        };
        for _ in 0..ticks {
            let next = self.now().after(Duration::from_secs(self.random.between(1, 120)));
            self.pass_until(next, |_| false);
            if self.has_failed() {
                return;
            }
        }
        let written: Vec<_> = self
            .engine
            .writes()
            .iter()
            .filter(|write| {
                let service = write.action.identity().map(|identity| manifests::service_index(&identity.task.service));
                service.map_or(all_well, |index| well.contains(&index))
            })
            .map(|write| write.action.to_string())
            .collect();
        if !written.is_empty() {
            self.oracle.violate(format!("it is not quiet: {}", written.join(", ")));
        }
        self.check_attempts();
    }

    /// A service that never comes up tries less and less often.
    fn check_attempts(&mut self) {
        let watched = self.engine.writes().first().map(|write| self.now().since(write.at));
        let Some(watched) = watched else { return };
        let mut creates = std::collections::BTreeMap::<(usize, Slot), u64>::new();
        for write in self.engine.writes() {
            if let Action::CreateContainer(new) = &*write.action {
                let task = &new.identity.task;
                *creates.entry((manifests::service_index(&task.service), task.slot)).or_default() += 1;
            }
        }
        for ((index, slot), count) in creates {
            let containers = self.drafts[index].shape.sidecars.len() as u64 + 1;
            // A run of ten seconds counts as a start that came up; what ends sooner backs off.
            let most = containers * (watched.as_secs() / 10 + 10);
            if count > most {
                self.oracle.violate(format!("{}/{slot} is created {count} times within {watched:?}", SERVICES[index]));
            }
        }
    }
}
