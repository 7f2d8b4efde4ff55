use super::*;

fn value(text: &str) -> SecretValue {
    SecretValue::new(text.as_bytes().to_vec()).unwrap()
}

#[test]
fn a_value_is_in_the_environment_of_the_request_and_nowhere_else() {
    let mount = Mount { target: Some("/run/key".to_owned()), ..Mount::default() };
    let file = SecretFile {
        path: "/run/key".to_owned(),
        mode: crate::desired::FileMode::DEFAULT,
        owner: crate::desired::FileOwner::ROOT,
    };
    let delivered = Delivered {
        variables: vec![("DB".to_owned(), value("hunter2\n"))],
        log_options: vec![("token".to_owned(), value("hunter3"))],
        files: vec![(file, value("in a file"))],
        mounts: vec![mount.clone()],
    };
    let mut body = ContainerCreateBody { env: Some(vec!["A=1".to_owned()]), ..ContainerCreateBody::default() };
    delivered.add_to(&mut body);
    assert_eq!(body.env.as_deref(), Some(&["A=1".to_owned(), "DB=hunter2".to_owned()][..]));
    let host = body.host_config.clone().unwrap_or_default();
    assert_eq!(host.mounts, Some(vec![mount]));
    assert_eq!(host.log_config.and_then(|log| log.config), Some([("token".to_owned(), "hunter3".to_owned())].into()));
    assert!(!format!("{delivered:?}").contains("hunter") && !format!("{body:?}").contains("in a file"));
    // Nothing is added where there is nothing.
    let mut untouched = ContainerCreateBody::default();
    Delivered::default().add_to(&mut untouched);
    assert_eq!(untouched.host_config, None);
}

#[test]
fn what_the_engine_says_of_a_log_driver_may_quote_a_secret() {
    let message = "failed to initialize logging driver: invalid size: 'hunter2'";
    let with = r#"{"name":"a","logConfiguration":{"logDriver":"json-file","secretOptions":[{"name":"max-size"}]}}"#;
    let without = r#"{"name":"a","environment":{"A":"\"secretOptions\":["}}"#;
    for (spec, message, is_covered) in [
        (Some(with), message, true),
        // A spec that cannot be read may have some.
        (None, message, true),
        (Some(without), message, false),
        (Some(with), "no such container", false),
    ] {
        let covered = cover_log_options(spec.map(RecordedSpec::from).as_ref(), message);
        assert_eq!(covered.is_some(), is_covered, "{spec:?}: {message}");
        assert!(!covered.unwrap_or_default().contains("hunter2"));
    }
}

#[test]
fn an_engine_that_repeats_a_value_is_not_repeated() {
    let delivered = Delivered {
        variables: vec![("A".to_owned(), value("hunter2\n")), ("B".to_owned(), value("a"))],
        ..Delivered::default()
    };
    let message = "bad value hunter2 in a container".to_owned();
    assert_eq!(delivered.cover(message), "bad value (sensitive) in a container");
}
