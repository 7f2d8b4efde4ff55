//! The door to whatever runs containers, in two halves: [`Observe`] reads, [`Perform`] writes. Beside them stands [`Attach`], for the
//! processes that a person runs in a container.
//!
//! A dry run holds a type that has the reading half only: a call that changes something does not compile there.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use futures_util::stream::BoxStream;

mod attached;
pub mod docker;
mod logs;
pub mod simulated;

pub use attached::{Attach, Attached, ExecId, ExecOutput, ExecRequest, TerminalSize};
pub use logs::{LogChunk, LogQuery, LogStream, LogTime};

use crate::desired::Resources;
use crate::image::{ImageId, ObservedImage, PullProgress};
use crate::observed::{ContainerId, Neighbour, ObservedContainer, ObservedNetwork, ObservedVolume};
use crate::ownership::{Intervention, Source};
use crate::plan::{Action, Outcome};
use crate::probing::{Answer, Question};
use crate::value::{ClusterName, Timestamp};

/// Why the engine did not answer a question.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// Nothing listens at the endpoint, or it may not be used by this user.
    #[error("cannot reach the engine at {endpoint}: {reason}")]
    Unreachable {
        /// Where it was looked for.
        endpoint: String,
        /// What the operating system said.
        reason: String,
    },
    /// The engine took the question and gave no answer in time.
    #[error("the engine gave no answer to `{call}` within {seconds} s")]
    NoAnswer {
        /// The question.
        call: &'static str,
        /// How long was waited.
        seconds: u64,
    },
    /// The engine answered with an error.
    #[error("the engine refused `{call}`: {message}")]
    Refused {
        /// The question.
        call: &'static str,
        /// What the engine said.
        message: String,
    },
}

/// Everything of ours that the engine listed at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The containers that carry our labels, running or not.
    pub containers: Vec<ObservedContainer>,
    /// The networks that carry our labels.
    pub networks: Vec<ObservedNetwork>,
    /// The volumes that carry our labels.
    pub volumes: Vec<ObservedVolume>,
    /// Containers that carry our labels and are left out above, because whoever asks has no business with them.
    pub neighbours: Vec<(ContainerId, Neighbour)>,
}

/// What hints are wanted about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subjects {
    /// Containers: enough for whoever ends when what it began has come about.
    Containers,
    /// Networks and volumes too, which somebody may remove, or ask something with, at any time. It is one more question.
    Everything,
}

/// A hint of the engine that something happened. It may come late, twice or never.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// Something happened to this container.
    Container(ContainerId, Change),
    /// Something happened that no single container tells: a network or volume changed.
    Other,
    /// The stream of hints broke: any number of them may be lost.
    Lost,
}

/// What kind of thing happened to a container. It says only what need not be looked up because we did it ourselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was created or started.
    Began,
    /// Its process ended.
    Ended,
    /// It was removed.
    Removed,
    /// Its health changed, it was paused, or several things happened to it.
    Other,
}

/// The last words of a container, as they may be kept: the values that it was given and nobody else should read are covered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The last lines that it wrote, oldest first.
    pub log: Vec<String>,
    /// The texts that were asked about, in their order.
    pub texts: Vec<String>,
}

/// The reading half.
pub trait Observe: Send + Sync + 'static {
    /// Where the engine is and what it is, for people.
    fn describe(&self) -> String;

    /// Lists everything that carries our labels. The list may lag behind a container's end by some 100 ms, and be it an end that we
    /// asked for and were told of: Docker 26.1 answers a stop a millisecond before its list shows it.
    fn list(&self) -> impl Future<Output = Result<Listing, EngineError>> + Send;

    /// How much the host has: its processors and its memory. `None` when the engine does not tell.
    fn host(&self) -> impl Future<Output = Result<Option<Resources>, EngineError>> + Send;

    /// The containers that were told to end since then, and when, as far as the engine remembers: an engine forgets that soon. Nothing
    /// else tells one that is on its way out from one that serves.
    fn told_to_stop(
        &self,
        since: Timestamp,
    ) -> impl Future<Output = Result<BTreeMap<ContainerId, Timestamp>, EngineError>> + Send;

    /// Looks at one container, by id or by name. `None` when it does not exist or is not ours.
    fn inspect(&self, id_or_name: &str) -> impl Future<Output = Result<Option<ObservedContainer>, EngineError>> + Send;

    /// Hints about what any of `sources` declared, from now on, and those of the recent past that the engine still has. The stream ends
    /// after [`Hint::Lost`].
    fn hints(&self, since: Timestamp, sources: BTreeSet<Source>, subjects: Subjects) -> BoxStream<'static, Hint>;

    /// The last lines that a container wrote, oldest first, for people.
    fn log_tail(&self, id: &ContainerId, lines: usize)
    -> impl Future<Output = Result<Vec<String>, EngineError>> + Send;

    /// The last lines that a container wrote, and `texts` that tell of it, fit to be kept on a disk. `None` when it is gone, or when it
    /// cannot be told which values are to be covered.
    fn evidence(
        &self,
        id: &ContainerId,
        lines: usize,
        texts: Vec<String>,
    ) -> impl Future<Output = Result<Option<Evidence>, EngineError>> + Send;

    /// What a container has written, in the order in which the engine keeps it, and with [`LogQuery::follow`] what it goes on to write.
    /// The stream ends with the log, or after its first error. Of a container that does not exist it is empty.
    fn logs(&self, id: &ContainerId, query: LogQuery) -> BoxStream<'static, Result<LogChunk, EngineError>>;

    /// Asks a container over the network whether it is well. It is answered within the question's own timeout.
    fn probe(&self, question: &Question) -> impl Future<Output = Answer> + Send;

    /// What image there is under a reference, or of this id; `None` when there is none.
    fn look_up_image(&self, reference: &str)
    -> impl Future<Output = Result<Option<ObservedImage>, EngineError>> + Send;

    /// How far the fetches under way are, by image reference. Nobody waits for an answer.
    fn pulls(&self) -> BTreeMap<String, PullProgress> {
        BTreeMap::new()
    }

    /// The names of the images that the engine has, to say which come near to a missing one.
    fn image_names(&self) -> impl Future<Output = Result<Vec<String>, EngineError>> + Send;
}

/// The writing half.
pub trait Perform: Observe {
    /// Carries out one action. It makes no choice, never retries, and never touches what does not carry our labels.
    fn perform(&self, action: &Action) -> impl Future<Output = Outcome> + Send;

    /// Writes down what a person asks of a service that `source` declared.
    fn intervene(
        &self,
        cluster: &ClusterName,
        source: &Source,
        intervention: &Intervention,
    ) -> impl Future<Output = Result<(), EngineError>> + Send;

    /// Removes images, each only while its name means this id and no container refers to it. Those that stay are
    /// left out of the answer; of the others it says whether they were removed now, or had been gone or replaced before.
    fn remove_images(&self, images: &[(String, ImageId)]) -> impl Future<Output = Vec<(String, bool)>> + Send;
}
