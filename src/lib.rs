//! `reconcile`: ECS for a Docker host, driven from Git.
//!
//! This page is the map: what flows where, which rules hold, and where a line of code belongs.
//!
//! # The flow
//!
//! ```text
//!  manifests/*.yaml                                                    Docker Engine
//!       | load                                                              | observe (list, inspect, hints)
//!       v                                                                   v
//!  Document --schema--> Manifest --resolve--> DesiredState            ObservedState  (at, in_flight)
//!                                                      \               /
//!                                                       v             v
//!                                               plan(&desired, &observed)          pure, no clock
//!                                                             |
//!                                             Plan { steps, waits, unknowns, wake_at }
//!                                                             |
//!                                            execute: every step at once, bounded
//!                                                             |
//!                                               events (what happened) and status (what is true)
//! ```
//!
//! 1. The middle is a function of values; only the two ends wait. [`plan::plan`] has no clock, no file and no engine: time is a field
//!    of what was observed, and so is what is under way.
//! 2. A plan holds only steps that are safe to begin now. What must come later is a wait with its reason, and the next look decides
//!    again. A crash between any two steps therefore costs nothing.
//! 3. The engine is the only memory. Cluster, service, slot, revision, attempt, failures and the spec itself are labels of containers.
//! 4. [`reconciler::Reconciler`] keeps what is known between two looks and is as pure as the planner: [`watch`] drives it on the real
//!    engine, [`forecast`] on the simulated one, and the property tests drive it through thousands of bad days.
//! 5. A dry run holds [`engine::docker::ReadOnlyDocker`], which has no writing half: a call that changes something does not compile.
//!
//! # The map
//!
//! Core: pure and synchronous. Each module may use those above it.
//!
//! | module | what it is |
//! |---|---|
//! | [`value`] | small types that cannot be wrong |
//! | [`image`] | image references, which image a deployment is made from, names that come near |
//! | [`sensitive`] | which values nobody else should read |
//! | [`problem`] | what is wrong with what the user wrote, and where |
//! | [`document`] | a text as a tree in which every node knows its place |
//! | [`manifest`] | the documents as written; their comments become the schemas |
//! | [`schema`] | JSON schemas from those types, and validation against them |
//! | [`desired`] | every default filled in, every reference followed; revision and fingerprint |
//! | [`ownership`] | the only place that writes or reads a label, or builds a name |
//! | [`observed`] | what the engine showed, in our words |
//! | [`probing`] | the checks over the network: when each is due, and what a series of answers means |
//! | [`plan`] | the decision: action, cause, wait; slots, room, capacity of the host, backoff, prune, guard |
//! | [`change`] | what differs, field by field, with the line of the manifest that asks for it |
//! | [`status`], [`event`] | what is true; what happened |
//! | [`engine`] | the door to the engine, in two halves: `Observe` and `Perform`; beside them `Attach`, for people |
//! | [`engine::simulated`] | an engine in memory, with a movable clock and faults on demand |
//! | [`reconciler`] | what is known, and what to do next |
//! | [`forecast`] | what would happen: the reconciler on the simulated engine |
//!
//! Shell: async, files, Docker, time, terminal.
//!
//! | module | what it is |
//! |---|---|
//! | [`engine::docker`] | the Docker Engine; the only place that names one of its types |
//! | [`bounded`], [`state`] | small files, read in whole; the two directories of this machine |
//! | [`secret`] | the values of secrets: who has them, and how it is known that one has changed |
//! | [`probe`] | asks a container over the network whether it is well |
//! | [`git`] | the commits around a directory of manifests, and what they hold |
//! | [`load`], [`source`] | a directory or a Git revision to documents; the stable name of a directory |
//! | [`clock`], [`lock`] | the one place that reads the clock; one reconciler at a time for a cluster |
//! | [`logs`] | the logs of tasks, followed from one to its successor |
//! | [`pulls`] | which images were fetched here: history, never truth |
//! | [`history`] | deployments and failed tasks, kept beyond their containers: history, never truth |
//! | [`execute`], [`watch`] | the calls under way; the loop, one `select!` over everything that can happen |
//! | [`cli`] | one short file for each command; [`cli::render`] makes text, `cli::output` alone prints |
//!
//! # Where does a line of code live?
//!
//! The first yes wins. It waits, prints, reads a file or a clock: the shell, by its noun. It names a Docker type: `engine::docker`. It
//! names a label or builds a name: `ownership`. It names a YAML key: `manifest`. It fills a default, follows a reference, refuses input:
//! `desired`. `--dry-run` has to know it: `plan`. It is a fact about the result: `status` or `event`.
//!
//! # Invariants
//!
//! Each has tests, most of them properties over random histories with crashes, lost answers and failing calls.
//!
//! - It comes to rest when it can, and then does nothing for ever.
//! - What does not carry this directory's labels is never stopped, removed or changed. What carries no label of ours is not even in
//!   [`observed::ObservedState`].
//! - Our own action never takes the healthy tasks of a service below `ceil(desired × minimumHealthyPercent)`, nor all of them above
//!   `floor(desired × maximumPercent)`.
//! - Cut off at any point and begun again, it ends in the same place, without a duplicate or an orphan.
//! - The end of an essential container ends its task; no container starts before what it waits for, none stops before those that wait
//!   for it. A task that has begun to end is never taken up again.
//! - Attempts never go back, and a stopped task is kept until its successor exists: it is the memory of its attempt.
//! - The order of input, of observation and of events never changes a plan.
//! - Manifests with a problem never lead to a removal.
//! - Changing only the desired count, the percentages or the grace period replaces no task.
//! - No task of a revision is made before the hooks have ended well that come before it, and a hook that ended well does not run again.
//! - A newer release on a converged host plans nothing.
//! - A static host port is never given twice, nor is processor time or memory that a task has reserved.
//! - No secret's value is in a label, a log, a plan, an error or a file on a disk. It goes from its source to the request that creates a
//!   container, or into a file in memory, and a [`secret::SecretValue`] prints nothing of itself.
#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "a test may look at the clock to give up"))]

pub mod bounded;
pub mod change;
pub mod cli;
pub mod clock;
pub mod desired;
pub mod document;
pub mod engine;
pub mod event;
pub mod execute;
pub mod fix;
pub mod forecast;
pub mod git;
pub mod history;
pub mod image;
pub mod lint;
pub mod load;
pub mod lock;
pub mod logs;
pub mod manifest;
pub mod observed;
pub mod ownership;
pub mod plan;
pub mod probe;
pub mod probing;
pub mod problem;
pub mod program;
pub mod pulls;
pub mod reconciler;
pub mod schema;
pub mod secret;
pub mod sensitive;
pub mod source;
pub mod spelling;
pub mod state;
pub mod status;
pub mod value;
pub mod watch;

#[cfg(test)]
pub(crate) mod testing;
