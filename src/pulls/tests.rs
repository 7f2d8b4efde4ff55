use super::*;

#[test]
fn what_was_fetched_is_remembered_by_engine() {
    let directory = tempfile::tempdir().expect("a directory");
    let below = directory.path().join("new");
    let open = |endpoint: &str| PullHistory::open_in(Some(&below), endpoint);
    open("unix:///a").note("web:1", Timestamp(1), true);
    open("unix:///a").note("web:2", Timestamp(2), false);
    assert_eq!(
        open("unix:///a").pulled(),
        BTreeMap::from([("web:1".to_owned(), Timestamp(1)), ("web:2".to_owned(), Timestamp(2))])
    );
    assert!(open("unix:///b").pulled().is_empty());
    assert_eq!(std::fs::read_dir(&below).expect("a directory").count(), 1, "nothing is left beside the file");
}

#[test]
fn what_cannot_be_read_or_written_costs_only_the_memory() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut history = PullHistory::open_in(Some(directory.path()), "e");
    history.note("web:1", Timestamp(1), true);
    let file =
        std::fs::read_dir(directory.path()).expect("a directory").next().expect("a file").expect("a file").path();
    for text in ["", "{", r#"{"version":2,"pulled":{}}"#] {
        std::fs::write(&file, text).expect("a file");
        assert!(PullHistory::open_in(Some(directory.path()), "e").pulled().is_empty(), "{text}");
    }
    for nowhere in [None, Some(Path::new("/dev/null/none"))] {
        let mut history = PullHistory::open_in(nowhere, "e");
        history.note("web:1", Timestamp(1), true);
        assert_eq!(history.pulled().len(), 1);
    }
}

#[test]
fn only_so_many_are_remembered() {
    let mut history = PullHistory::open_in(None, "e");
    for number in 0..=IMAGES_MAX {
        history.note(&format!("web:{number}"), Timestamp(i64::try_from(number).expect("a small number")), true);
    }
    assert_eq!(history.pulled().len(), IMAGES_MAX);
    assert!(!history.pulled().contains_key("web:0"));
}

#[test]
fn the_directory_is_where_state_is_kept() {
    let find = |set: &[(&str, &str)]| {
        let variable = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        state_directory(&variable).map(|path| path.display().to_string())
    };
    let all = [("RECONCILE_STATE_DIR", "/r"), ("STATE_DIRECTORY", "/s:/t"), ("XDG_STATE_HOME", "/x"), ("HOME", "/h")];
    assert_eq!(find(&all).as_deref(), Some("/r"));
    assert_eq!(find(&all[1..]).as_deref(), Some("/s"));
    assert_eq!(find(&all[2..]).as_deref(), Some("/x/reconcile"));
    assert_eq!(find(&all[3..]).as_deref(), Some("/h/.local/state/reconcile"));
    assert_eq!(find(&[("HOME", "")]), None);
}
