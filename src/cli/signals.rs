//! Signals: the first asks to end, the second ends at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::Sender;

use super::exit::Exit;
use crate::watch::{Notice, Signal};

/// Sends a notice for the first signal, and ends the process at the second. Tasks go on running either way.
pub(super) fn forward(notices: Sender<Notice>) -> Result<(), Exit> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        let mut is_first = true;
        loop {
            let signal = tokio::select! {
                _ = interrupt.recv() => Signal::Interrupt,
                _ = terminate.recv() => Signal::Terminate,
            };
            if !std::mem::take(&mut is_first) {
                std::process::exit(signal.exit_code().into());
            }
            // The loop that does not listen any more is about to end by itself.
            let _ = notices.send(Notice::Stop(signal)).await;
        }
    });
    Ok(())
}
