//! `reconcile run --logs`: what the containers write, while the task is waited for.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Job;
use crate::cli::Format;
use crate::cli::logs::{PATIENCE, Printer, Told};
use crate::cli::output::Output;
use crate::cli::render::logs::{LogForm, LogLines};
use crate::engine::{LogStream, Observe};
use crate::logs::read::{Settings, follow};
use crate::logs::{Target, Tasks};
use crate::ownership::TaskKey;
use crate::value::{Attempt, Slot};

/// The logs of a run, on their way.
pub(super) struct Watched {
    reading: JoinHandle<()>,
    finish: watch::Sender<bool>,
    printer: Printer,
}

impl Watched {
    /// Begins. None of the containers need be there yet.
    pub(super) fn start<E: Observe>(engine: Arc<E>, job: &Job, format: Format, output: &Output) -> Self {
        let keys = job.names.iter().map(|service| TaskKey {
            cluster: job.cluster.clone(),
            service: service.clone(),
            slot: Slot(0),
            revision: job.task.revision,
            attempt: Attempt::FIRST,
        });
        let target = Target { tasks: Tasks::These(keys.collect()), container: None };
        let own = job.task.containers.iter().filter(|container| !container.is_namespace_owner()).count();
        let (only, stdout) = match format {
            Format::Text => (None, output.data),
            // Stdout is for the result.
            Format::Json => (Some(LogStream::Stderr), output.talk),
        };
        let form = LogForm::Text { timestamps: false, names: true };
        let lines = LogLines::new(form, own * job.names.len() > 1, stdout, output.talk);
        // That the task begins and ends is told by the run itself.
        let printer = Printer::start(output, lines, Told { only, tasks: false });
        let (finish, finished) = watch::channel(false);
        let items = printer.items.clone();
        let reading = tokio::spawn(async move {
            let settings = Settings { since: None, tail: None, patience: PATIENCE };
            // When the engine is gone for good the run itself says so.
            let _ = follow(&*engine, &target, &[], &settings, finished, &items).await;
        });
        Self { reading, finish, printer }
    }

    /// Waits until everything has been read and printed: the tasks have ended.
    pub(super) async fn finish(self) {
        let Self { reading, finish, printer } = self;
        let _ = finish.send(true);
        let _ = reading.await;
        printer.finish().await;
    }
}
