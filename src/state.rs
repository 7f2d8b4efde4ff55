//! Where this machine keeps what belongs to `reconcile` itself.
//!
//! The state directory outlives a reboot; the runtime directory is memory and does not. Nothing in either is the truth about what runs.

use std::path::PathBuf;

/// The two directories. Neither need exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directories {
    /// What is kept: `RECONCILE_STATE_DIR`, else systemd's `STATE_DIRECTORY`, else `/var/lib/reconcile` for root, and
    /// `$XDG_STATE_HOME/reconcile` or `~/.local/state/reconcile` for anybody else.
    pub state: PathBuf,
    /// What is gone after a reboot: `RECONCILE_RUNTIME_DIR`, else `/run/reconcile` for root, and `$XDG_RUNTIME_DIR/reconcile` for anybody
    /// else. Never systemd's `RUNTIME_DIRECTORY`: that goes with the service, and the containers stay.
    pub runtime: PathBuf,
}

impl Directories {
    /// As the environment of this process names them.
    pub fn of_this_process() -> Self {
        Self::find(&|name| std::env::var(name).ok(), rustix::process::geteuid().is_root())
    }

    fn find(variable: &dyn Fn(&str) -> Option<String>, is_root: bool) -> Self {
        let given = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let below = |name: &str, rest: &str| given(name).map(|path| path.join(rest));
        let of_user = || {
            below("XDG_STATE_HOME", "reconcile")
                .or_else(|| below("HOME", ".local/state/reconcile"))
                .filter(|_| !is_root)
        };
        // systemd joins several directories with colons.
        let of_systemd =
            || variable("STATE_DIRECTORY")?.split(':').next().filter(|path| !path.is_empty()).map(PathBuf::from);
        Self {
            state: given("RECONCILE_STATE_DIR")
                .or_else(of_systemd)
                .or_else(of_user)
                .unwrap_or_else(|| PathBuf::from("/var/lib/reconcile")),
            runtime: given("RECONCILE_RUNTIME_DIR")
                .or_else(|| below("XDG_RUNTIME_DIR", "reconcile").filter(|_| !is_root))
                .unwrap_or_else(|| PathBuf::from("/run/reconcile")),
        }
    }
}

#[cfg(test)]
mod tests;
