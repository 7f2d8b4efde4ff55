//! Writes the history beside the loop: the last lines of a log are fetched by tasks of their own, and a thread writes. Nothing waits for
//! it but the end of a run, and that for a moment only. Whatever fails here costs a line of the history and nothing else.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::chronicle::{Chronicle, Draft, Key};
use super::file::Store;
use super::{LOG_LINES_MAX, Record, What, bounded};
use crate::desired::DesiredState;
use crate::engine::{Evidence, Observe};
use crate::event::{Event, EventKind};
use crate::observed::ObservedState;
use crate::plan::Plan;
use crate::source::commit_of;

/// How many records wait to be written. A disk that hangs keeps no more than these in memory; what comes then is not remembered.
const RECORDS_MAX: usize = 256;

/// How many logs are fetched at once. When a hundred tasks fail at a time, the first of them tell what there is to tell.
const FETCHES_MAX: usize = 16;

/// How long the last lines of a log are waited for.
const FETCH_LIMIT: Duration = Duration::from_secs(10);

/// How long the end of a run waits for what is still being fetched and written.
const FAREWELL: Duration = Duration::from_secs(5);

/// Why there are no lines of a log.
const NOT_FETCHED: &str = "the engine did not give it in time";

/// Keeps the history of a run.
#[derive(Debug)]
pub struct Recorder {
    chronicle: Chronicle,
    records: mpsc::Sender<Record>,
    fetches: JoinSet<()>,
    writer: tokio::sync::oneshot::Receiver<()>,
}

impl Recorder {
    /// Goes on with what `store` knows of the services of `desired`. `by` is the command that is running, and `directory` where its
    /// manifests are.
    pub fn start(store: Store, desired: &DesiredState, by: String, directory: PathBuf) -> Self {
        let services = desired.clusters.iter().flat_map(|(cluster, wanted)| {
            wanted.services.keys().map(|service| -> Key { (cluster.clone(), service.clone()) })
        });
        let known: Vec<_> = services.flat_map(|(cluster, service)| store.read(&cluster, &service)).collect();
        let (records, inbox) = mpsc::channel(RECORDS_MAX);
        let (done, writer) = tokio::sync::oneshot::channel();
        // A thread of its own: the runtime waits for its own when it ends, and a disk may hang.
        std::thread::spawn(move || {
            write_all(&store, inbox, &directory);
            let _ = done.send(());
        });
        Self { chronicle: Chronicle::new(by, &known), records, fetches: JoinSet::new(), writer }
    }

    /// Takes in what happened outside of the engine.
    pub fn notice(&mut self, event: &Event) {
        if let EventKind::ManifestsChanged { files } = &event.kind {
            self.chronicle.note_files(files);
        }
    }

    /// Records what follows from what the loop has just seen.
    pub fn look<E: Observe>(
        &mut self,
        engine: &Arc<E>,
        (desired, observed): (&DesiredState, &ObservedState),
        plan: Option<&Plan>,
        events: &[Event],
    ) {
        while self.fetches.try_join_next().is_some() {}
        for draft in self.chronicle.look(desired, observed, plan, events) {
            self.record(engine, draft);
        }
    }

    fn record<E: Observe>(&mut self, engine: &Arc<E>, Draft { mut record, evidence }: Draft) {
        match evidence {
            None => hand_over(&self.records, without_evidence(record, None)),
            Some(_) if self.fetches.len() >= FETCHES_MAX => {
                let why = "too many others failed at the same time";
                hand_over(&self.records, without_evidence(record, Some(why)));
            }
            Some(container) => {
                let (engine, records) = (Arc::clone(engine), self.records.clone());
                self.fetches.spawn(async move {
                    let texts = texts_of(&record.what);
                    let asked = engine.evidence(&container, LOG_LINES_MAX, texts);
                    record = match tokio::time::timeout(FETCH_LIMIT, asked).await {
                        Ok(Ok(Some(evidence))) => with_evidence(record, evidence),
                        Ok(Ok(None)) => without_evidence(record, Some("the container was gone already")),
                        Ok(Err(_)) | Err(_) => without_evidence(record, Some(NOT_FETCHED)),
                    };
                    hand_over(&records, record);
                });
            }
        }
    }

    /// Waits a moment for what is not written yet.
    pub async fn finish(self) {
        let Self { chronicle: _, records, mut fetches, writer } = self;
        let all = async move {
            while fetches.join_next().await.is_some() {}
            drop((records, fetches));
            let _ = writer.await;
        };
        if tokio::time::timeout(FAREWELL, all).await.is_err() {
            tracing::debug!("the end of the history was not written in time");
        }
    }
}

fn hand_over(records: &mpsc::Sender<Record>, record: Record) {
    if records.try_send(record).is_err() {
        tracing::debug!("too much waits to be written: something is not remembered");
    }
}

fn write_all(store: &Store, mut inbox: mpsc::Receiver<Record>, directory: &std::path::Path) {
    while let Some(mut record) = inbox.blocking_recv() {
        if let What::DeploymentStarted { cause, .. } = &mut record.what {
            cause.commit = commit_of(directory);
        }
        if let Err(error) = store.append(&record) {
            tracing::debug!(%error, directory = %store.directory().display(), "the history is not written");
        }
    }
}

/// The texts of a record that may quote what a program said.
fn texts_of(what: &What) -> Vec<String> {
    match what {
        What::TaskFailed(end) | What::ContainerRestarted(end) => {
            std::iter::once(end.reason.clone()).chain(end.health_output.clone()).collect()
        }
        What::DeploymentFailed { reason, .. } => reason.iter().cloned().collect(),
        What::DeploymentStarted { .. }
        | What::DeploymentCompleted { .. }
        | What::TaskLost { .. }
        | What::ServiceDeleted
        | What::Intervention { .. }
        | What::InterventionOver { .. } => Vec::new(),
    }
}

fn with_evidence(mut record: Record, Evidence { log, texts }: Evidence) -> Record {
    let mut texts = texts.into_iter();
    match &mut record.what {
        What::TaskFailed(end) | What::ContainerRestarted(end) => {
            end.reason = texts.next().unwrap_or_default();
            end.health_output = end.health_output.as_ref().and_then(|_| texts.next());
            end.log = log.iter().map(|line| bounded(line)).collect();
        }
        What::DeploymentFailed { reason, .. } => *reason = texts.next(),
        What::DeploymentStarted { .. }
        | What::DeploymentCompleted { .. }
        | What::TaskLost { .. }
        | What::ServiceDeleted
        | What::Intervention { .. }
        | What::InterventionOver { .. } => {}
    }
    record
}

/// The record where nobody can tell which values are to be covered: what a program said is left out.
fn without_evidence(mut record: Record, why: Option<&str>) -> Record {
    // `container main was stopped because it was unhealthy: what the check said`
    let plain = |reason: &str| reason.split(": ").next().unwrap_or_default().to_owned();
    match &mut record.what {
        What::TaskFailed(end) | What::ContainerRestarted(end) => {
            end.reason = plain(&end.reason);
            end.health_output = None;
            end.log_missing = Some(why.unwrap_or("nothing of it was left").to_owned());
        }
        What::DeploymentFailed { reason, .. } => *reason = reason.as_deref().map(plain),
        What::DeploymentStarted { .. }
        | What::DeploymentCompleted { .. }
        | What::TaskLost { .. }
        | What::ServiceDeleted
        | What::Intervention { .. }
        | What::InterventionOver { .. } => {}
    }
    record
}

#[cfg(test)]
mod tests;
