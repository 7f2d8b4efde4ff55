//! `reconcile pause`: holds the namespaces of a task.
//!
//! The containers of a task share the network of one that does nothing but be there: it begins first and ends last. Where they share the
//! processes as well it is their first process, whose duty is to bury those whose parents have ended.

use rustix::process::{WaitOptions, wait};
use tokio::signal::unix::{SignalKind, signal};

use super::exit::{self, Exit};

/// Waits until it is asked to end.
pub(super) fn run() -> Result<u8, Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut child = signal(SignalKind::child())?;
        loop {
            tokio::select! {
                _ = interrupt.recv() => break,
                _ = terminate.recv() => break,
                _ = child.recv() => bury_the_dead(),
            }
        }
        Ok(exit::DONE)
    })
}

fn bury_the_dead() {
    // An error says that there is no child left.
    while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
}
