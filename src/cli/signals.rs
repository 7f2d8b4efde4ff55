//! Signals: the first asks to end, the second ends at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::Sender;

use super::exit::Exit;
use crate::watch::{Notice, Signal};

/// The signals that ask to end, one by one.
pub(super) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// From now on the signals are heard, and end nothing by themselves.
    pub(super) fn new() -> Result<Self, Exit> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
        }
    }
}

/// Asks the loop to end at the first signal, and ends the process at the second. Tasks go on running either way.
pub(super) fn forward(notices: Sender<Notice>) -> Result<(), Exit> {
    forward_as(notices, Notice::Stop)
}

/// Sends what `first` makes of the first signal, and ends the process at the second.
pub(super) fn forward_as(
    notices: Sender<Notice>,
    first: impl Fn(Signal) -> Notice + Send + 'static,
) -> Result<(), Exit> {
    let mut signals = Signals::new()?;
    tokio::spawn(async move {
        let mut is_first = true;
        loop {
            let signal = signals.next().await;
            if !std::mem::take(&mut is_first) {
                std::process::exit(signal.exit_code().into());
            }
            // The loop that does not listen any more is about to end by itself.
            let _ = notices.send(first(signal)).await;
        }
    });
    Ok(())
}
