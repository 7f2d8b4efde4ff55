//! The terminal that we are in: its size, and the mode in which every key goes to a program elsewhere.

use std::io::IsTerminal;
use std::sync::{Mutex, Once, PoisonError};

use rustix::termios::{self, OptionalActions, Termios};

use crate::engine::TerminalSize;

/// How the terminal was before: whoever ends the process has it put back.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Whether our input comes from a terminal.
pub(super) fn is_input() -> bool {
    std::io::stdin().is_terminal()
}

/// How large the terminal is that our input comes from; `None` when it is none, or does not know.
pub(super) fn size() -> Option<TerminalSize> {
    let size = termios::tcgetwinsize(std::io::stdin()).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some(TerminalSize { columns: size.ws_col, rows: size.ws_row })
}

/// The terminal passes every key on as it is. It is put back when this is dropped, and when the program panics.
#[derive(Debug)]
pub(super) struct RawMode(());

impl RawMode {
    /// Switches it on; `None` when our input is no terminal.
    pub(super) fn enter() -> std::io::Result<Option<Self>> {
        static HOOK: Once = Once::new();
        if !is_input() {
            return Ok(None);
        }
        let before = termios::tcgetattr(std::io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        // The release aborts where it panics, and then nothing is dropped.
        HOOK.call_once(|| {
            let tell = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                put_back();
                tell(panic);
            }));
        });
        // From here on it is put back, whatever comes.
        let mode = Self(());
        termios::tcsetattr(std::io::stdin(), OptionalActions::Flush, &raw)?;
        Ok(Some(mode))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        put_back();
    }
}

/// Puts the terminal back as it was, if it is not so.
fn put_back() {
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(before) = before {
        // A terminal that is gone needs nothing any more.
        let _ = termios::tcsetattr(std::io::stdin(), OptionalActions::Drain, &before);
    }
}
