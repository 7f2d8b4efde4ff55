//! Signals: the first asks to end, the second ends at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::Sender;

use super::exit::Exit;
use crate::watch::{Notice, Signal};

/// Asks the loop to end at the first signal, and ends the process at the second. Tasks go on running either way.
pub(super) fn forward(notices: Sender<Notice>) -> Result<(), Exit> {
    forward_as(notices, Notice::Stop)
}

/// Sends what `first` makes of the first signal, and ends the process at the second.
pub(super) fn forward_as(
    notices: Sender<Notice>,
    first: impl Fn(Signal) -> Notice + Send + 'static,
) -> Result<(), Exit> {
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
            let _ = notices.send(first(signal)).await;
        }
    });
    Ok(())
}
