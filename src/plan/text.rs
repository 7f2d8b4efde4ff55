//! A plan as text: what a log says of a step, and the language in which tests say what they expect.

use std::fmt;
use std::time::Duration;

use super::{About, Action, Cause, Held, Plan, Shortage, Step, Target, Wait, Waiting};
use crate::ownership::ContainerIdentity;

/// A duration as people say it: `350ms`, `4.2s`, `75s`, `12m`, `3h`, `2d`.
pub(crate) fn duration_text(duration: Duration) -> String {
    let millis = duration.as_millis();
    match duration.as_secs() {
        0 => format!("{millis}ms"),
        1..10 => format!("{}.{}s", millis / 1000, millis % 1000 / 100),
        seconds @ 10..120 => format!("{seconds}s"),
        seconds @ 120..7200 => format!("{}m", seconds / 60),
        seconds @ 7200..172_800 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

impl fmt::Display for Plan {
    /// One line for each step, wait and unknown, and one for the next look.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            writeln!(f, "{step}")?;
        }
        for waiting in &self.waits {
            writeln!(f, "{waiting}")?;
        }
        for unknown in &self.unknowns {
            writeln!(f, "inspect {unknown}")?;
        }
        for unknown in &self.unknown_images {
            writeln!(f, "look up image {unknown}")?;
        }
        if let Some(wake_at) = self.wake_at {
            writeln!(f, "look again at {}", wake_at.0)?;
        }
        Ok(())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.action, self.cause)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateNetwork { cluster, .. } => write!(f, "create network of {cluster}"),
            Self::RemoveNetwork { cluster, .. } => write!(f, "remove network of {cluster}"),
            Self::PullImage { image, platform: Some(platform), .. } => write!(f, "pull {image} for {platform}"),
            Self::PullImage { image, platform: None, .. } => write!(f, "pull {image}"),
            Self::CreateContainer(new) => write!(f, "create {}", Named(&new.identity)),
            Self::StartContainer { identity, .. } => write!(f, "start {}", Named(identity)),
            Self::StopContainer { identity, .. } => write!(f, "stop {}", Named(identity)),
            Self::RemoveContainer { identity, .. } => write!(f, "remove {}", Named(identity)),
            Self::RemoveVolume { name, .. } => write!(f, "remove volume {name}"),
        }
    }
}

/// `shop/web/0 nginx @9c1d42 attempt 2`; the attempt is left out while it is the first.
struct Named<'a>(&'a ContainerIdentity);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ContainerIdentity { task, container, .. } = self.0;
        write!(f, "{task} {container} @{}", task.revision.short())?;
        if task.attempt.0 > 1 {
            write!(f, " attempt {}", task.attempt)?;
        }
        Ok(())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClusterNetwork(cluster) => write!(f, "the network of {cluster}"),
            Self::Network(id) => write!(f, "network {id}"),
            Self::Image(image) => write!(f, "image {image}"),
            Self::NewContainer(name) => write!(f, "container {name}, which is being created"),
            Self::Container(id) => write!(f, "container {}", id.short()),
            Self::Volume(name) => write!(f, "volume {name}"),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New => f.write_str("the slot has no task"),
            Self::Outdated { from } => write!(f, "replaces revision {}", from.short()),
            Self::Died { reason } | Self::Unhealthy { reason } | Self::FailedToStart { reason } => f.write_str(reason),
            Self::Restarted { reason } => write!(f, "its restart policy: {reason}"),
            Self::RolledBack { failed } => write!(f, "revision {} failed", failed.short()),
            Self::Redeployed => f.write_str("somebody asked for a new deployment"),
            Self::InterventionOver => f.write_str("what somebody asked for is over"),
            Self::Adopted => f.write_str("taken over from another directory"),
            Self::Hook { stage } => write!(f, "a hook of the deployment, {stage}"),
            Self::TimedOut { after } => write!(f, "its timeout of {} is over", duration_text(*after)),
            Self::Surplus => f.write_str("the desired count went down"),
            Self::Removed => f.write_str("no manifest asks for it"),
            Self::Superseded => f.write_str("its successor has taken over"),
            Self::TaskEnded => f.write_str("its task has ended"),
            Self::Stopped => f.write_str("somebody asked for its end"),
            Self::Duplicate => f.write_str("there are two of it"),
            Self::Wanted => f.write_str("the manifests ask for it"),
        }
    }
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.cluster)?;
        if let Some(service) = &self.service {
            write!(f, "/{service}")?;
        }
        if let Some(slot) = self.slot {
            write!(f, "/{slot}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wait {}: {}", self.about, self.wait)
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RolledBack { to, instead_of, is_possible } => {
                let (to, instead_of) = (to.short(), instead_of.short());
                write!(f, "rolled back by hand to revision {to}, as long as its manifest asks for {instead_of}")?;
                if *is_possible {
                    Ok(())
                } else {
                    f.write_str("; nothing is left of that revision, so the manifest is in force")
                }
            }
            Self::Paused { waiting: None } => f.write_str("its rollout is paused"),
            Self::Paused { waiting: Some(waiting) } => {
                write!(f, "its rollout is paused; revision {} waits", waiting.short())
            }
            Self::Protected { until } => write!(f, "it is protected until {until}"),
        }
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Action => f.write_str("an action is under way"),
            Self::Health => f.write_str("the first verdict of its health check"),
            Self::Checking { said } => write_said(f, "an answer to its health check", said.as_deref()),
            Self::Readiness { said } => write_said(f, "its readiness check", said.as_deref()),
            Self::Settle { .. } => f.write_str("it has just started"),
            Self::Grace { .. } => f.write_str("unhealthy, within the grace period"),
            Self::Backoff { failures, .. } => write!(f, "a pause after {}", times(*failures)),
            Self::MinimumHealthy => f.write_str("minimumHealthyPercent keeps a task until another one is healthy"),
            Self::Maximum => f.write_str("maximumPercent leaves no room for another task until one has stopped"),
            Self::Port { port, protocol, holder } => {
                write!(f, "host port {port}/{} is held by {holder}", protocol.as_str())
            }
            Self::Resources(shortage) => write!(f, "{shortage}"),
            Self::ResourceQueue { ahead } => write!(f, "its turn: {ahead} waits for room on the host before it"),
            Self::NeverFits(shortage) => f.write_str(&shortage.for_ever()),
            Self::Retry { failures, failure, .. } => write!(f, "a pause after {}: {failure}", times(*failures)),
            Self::Network => f.write_str("the network of its cluster"),
            Self::Image => f.write_str("its image"),
            Self::WrongPlatform { image, made_for, host } => {
                write!(f, "the image {image} is made for {made_for}, and this host is {host}")
            }
            Self::DeploymentFailed { failed, failures, reason, rolled_back_to } => {
                write!(f, "the deployment of revision {} failed", failed.short())?;
                // It takes none where a hook says no.
                if *failures > 0 {
                    write!(f, " after {}", failures_of_tasks(*failures))?;
                }
                if let Some(reason) = reason {
                    write!(f, ": {reason}")?;
                }
                match rolled_back_to {
                    Some(revision) if *failures == 0 => write!(f, "; revision {} serves", revision.short()),
                    Some(revision) => write!(f, "; rolled back to revision {}", revision.short()),
                    None => Ok(()),
                }
            }
            Self::Held(held) => write!(f, "{held}"),
            Self::Hook { hook, stage, until: None } => write!(f, "the hook `{hook}` ({stage})"),
            Self::Hook { hook, stage, until: Some(_) } => write!(f, "the end of the hook `{hook}` ({stage})"),
            Self::End => f.write_str("its end"),
            Self::Others => f.write_str("the others of its cluster, which stop before it: it is a daemon"),
            Self::Dependency { container, on, condition, .. } => {
                write!(f, "{container} waits for {on} {}", condition.in_words())
            }
        }
    }
}

impl fmt::Display for Shortage {
    /// `needs 512 MiB of memory; 300 MiB of 3907 MiB are not reserved`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lacking = |needed: &str, free: &str, of: &str| format!("needs {needed}; {free} of {of} are not reserved");
        f.write_str(&self.of_each(lacking))
    }
}

impl Shortage {
    /// `needs 8192 MiB of memory; this host has 3907 MiB for tasks`
    pub(crate) fn for_ever(&self) -> String {
        self.of_each(|needed, _, of| format!("needs {needed}; this host has {of} for tasks"))
    }

    /// What `tell` says of each resource that does not suffice.
    fn of_each(&self, tell: impl Fn(&str, &str, &str) -> String) -> String {
        let Self { needs, free, host } = self;
        let lacking = needs.lacking(*free);
        let mut told = Vec::new();
        if lacking.memory > 0 {
            let mib = |amount: u64| format!("{amount} MiB");
            told.push(tell(&format!("{} of memory", mib(needs.memory)), &mib(free.memory), &mib(host.memory)));
        }
        if lacking.cpu > 0 {
            let units = |amount: u64| format!("{amount} CPU units");
            told.push(tell(&units(needs.cpu), &free.cpu.to_string(), &units(host.cpu)));
        }
        told.join("; it also ")
    }
}

fn failures_of_tasks(failures: u32) -> String {
    if failures == 1 { "a failure".to_owned() } else { format!("{failures} failures") }
}

fn write_said(f: &mut fmt::Formatter<'_>, what: &str, said: Option<&str>) -> fmt::Result {
    f.write_str(what)?;
    said.map_or(Ok(()), |said| write!(f, ": {said}"))
}

fn times(failures: u32) -> String {
    if failures == 1 { "a failure".to_owned() } else { format!("{failures} failures in a row") }
}
