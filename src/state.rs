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
mod tests {
    use super::*;

    #[test]
    fn the_environment_names_the_directories() {
        let own = [("RECONCILE_STATE_DIR", "/s"), ("RECONCILE_RUNTIME_DIR", "/r"), ("STATE_DIRECTORY", "/x")];
        let user = [("HOME", "/home/a"), ("XDG_RUNTIME_DIR", "/run/user/1")];
        for (variables, is_root, state, runtime) in [
            (&own[..], true, "/s", "/r"),
            (&user[..], true, "/var/lib/reconcile", "/run/reconcile"),
            (&user[..], false, "/home/a/.local/state/reconcile", "/run/user/1/reconcile"),
            (&[("STATE_DIRECTORY", "/var/lib/a:/var/lib/b")][..], true, "/var/lib/a", "/run/reconcile"),
            (&[("XDG_STATE_HOME", "/h"), ("RECONCILE_STATE_DIR", "")][..], false, "/h/reconcile", "/run/reconcile"),
        ] {
            let variable =
                |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            let expected = Directories { state: state.into(), runtime: runtime.into() };
            assert_eq!(Directories::find(&variable, is_root), expected, "{variables:?}");
        }
    }
}
