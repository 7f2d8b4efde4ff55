use clap::CommandFactory;

use super::*;

#[test]
fn the_arguments_are_consistent() {
    Arguments::command().debug_assert();
}

#[test]
fn times_are_read() {
    for (text, seconds) in [("90s", 90), ("10m", 600), ("1h", 3600), ("5", 5)] {
        assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)));
    }
    for text in ["", "s", "-1s", "1d", "1.5s"] {
        assert!(parse_duration(text).is_err(), "{text}");
    }
}

#[test]
fn kinds_are_found_whatever_their_case() {
    assert_eq!(validate::parse_described("service"), Ok(validate::Described::Manifest(crate::manifest::Kind::Service)));
    assert!(validate::parse_described("pod").expect_err("no such kind").contains("TaskDefinition"));
}
