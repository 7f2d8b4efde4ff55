//! `reconcile run --detach`: a process in front that waits until the task runs, and one in the background that sees to it until it
//! ends: somebody has to stop the rest of a task when its essential container ends.
//!
//! The one in front passes on what the other says. Its standard input of the other is the line between them: when it breaks before the
//! task runs, the one in front has been ended, and the task is not wanted any more.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc::Sender;

use super::{EndedBy, Stopper};
use crate::cli::exit::{self, Exit};
use crate::cli::output::Output;
use crate::watch::Notice;

/// What stands between the result and the exit code, and at the end of the talk. No text of ours holds it.
const END: char = '\0';

/// Starts the process in the background, and waits until it says that the task runs.
pub(super) fn start(output: &Output) -> Result<u8, Exit> {
    let mut arguments = std::env::args_os().skip(1);
    let subcommand = arguments.next();
    let mut child = Command::new(std::env::current_exe()?)
        .args(subcommand)
        .arg("--supervised")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C is for the process in front.
        .process_group(0)
        .spawn()?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let mut result = String::new();
    let mut code = String::new();
    std::thread::scope(|scope| {
        scope.spawn(|| pass_on(stderr, *output));
        let mut lines = stdout.map(BufReader::new);
        read_until_end(lines.as_mut(), &mut result);
        if let Some(lines) = &mut lines {
            // A process that ends without a code has one of its own.
            let _ = lines.read_line(&mut code);
        }
    });
    output.print(result.trim_end_matches(END));
    if let Ok(code) = code.trim().parse() {
        return Ok(code);
    }
    let status = child.wait()?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(exit::RUNTIME))
}

fn read_until_end(from: Option<&mut impl BufRead>, text: &mut String) {
    let mut bytes = Vec::new();
    // What was read before an error is passed on all the same.
    let _ = from.map(|from| from.read_until(END as u8, &mut bytes));
    text.push_str(&String::from_utf8_lossy(&bytes));
}

fn pass_on(from: Option<impl Read>, output: Output) {
    let Some(from) = from else { return };
    for line in BufReader::new(from).lines().map_while(Result::ok) {
        match line.strip_suffix(END) {
            Some("") => return,
            Some(last) => return output.say(last),
            None => output.say(&format!("{line}\n")),
        }
    }
}

/// Hands the result to the process in front, which ends with it.
pub(super) fn hand_over(output: &Output, text: &str, code: u8) {
    output.say(&format!("{END}\n"));
    output.print(&format!("{text}{END}{code}\n"));
}

/// The line to the process in front.
pub(super) struct Front {
    is_over: Arc<AtomicBool>,
}

impl Front {
    /// The process in front may end now.
    pub(super) fn let_go(self) {
        self.is_over.store(true, Ordering::SeqCst);
    }
}

/// Ends the task when the process in front ends before it was let go.
pub(super) fn watch_front(notices: Sender<Notice>, stopper: Stopper) -> Front {
    let is_over = Arc::new(AtomicBool::new(false));
    let front = Front { is_over: is_over.clone() };
    std::thread::spawn(move || {
        let mut nothing = Vec::new();
        // An error ends the line as well.
        let _ = std::io::stdin().read_to_end(&mut nothing);
        if !is_over.load(Ordering::SeqCst) {
            let _ = notices.blocking_send(stopper.stop(EndedBy::Abandoned));
        }
    });
    front
}
