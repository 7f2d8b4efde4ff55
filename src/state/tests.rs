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
