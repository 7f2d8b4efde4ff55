use super::*;

#[test]
fn percent_rounds_the_minimum_up_and_the_maximum_down() {
    for (percent, count, ceil, floor) in [
        (100, 3, 3, 3),
        (75, 2, 2, 1),
        (50, 1, 1, 0),
        (66, 3, 2, 1),
        (125, 3, 4, 3),
        (200, 3, 6, 6),
        (0, 9, 0, 0),
        (150, 1, 2, 1),
        (200, u32::MAX, u32::MAX, u32::MAX),
    ] {
        assert_eq!(Percent(percent).ceil_of(count), ceil, "ceil of {percent}% of {count}");
        assert_eq!(Percent(percent).floor_of(count), floor, "floor of {percent}% of {count}");
    }
}

#[test]
fn a_name_follows_the_rule_of_ecs() {
    assert!(ServiceName::new("web-1_B").is_ok());
    assert_eq!(ServiceName::new(""), Err(NameError::Empty));
    assert_eq!(ServiceName::new("we b"), Err(NameError::Character(' ')));
    assert_eq!(ServiceName::new("wéb"), Err(NameError::Character('é')));
    assert!(ServiceName::new(&"a".repeat(255)).is_ok());
    assert_eq!(ServiceName::new(&"a".repeat(256)), Err(NameError::TooLong(256)));
}

#[test]
fn a_timestamp_prints_as_rfc_3339() {
    for (millis, text) in [
        (0, "1970-01-01T00:00:00Z"),
        (951_827_696_999, "2000-02-29T12:34:56Z"),
        (1_786_700_467_000, "2026-08-14T09:41:07Z"),
        (-1, "1969-12-31T23:59:59Z"),
    ] {
        assert_eq!(Timestamp(millis).to_string(), text);
    }
}

#[test]
fn time_never_runs_backwards_in_a_duration() {
    assert_eq!(Timestamp(5).since(Timestamp(9)), Duration::ZERO);
    assert_eq!(Timestamp(9).since(Timestamp(5)), Duration::from_millis(4));
    assert_eq!(Timestamp(i64::MAX).after(Duration::MAX), Timestamp(i64::MAX));
}

#[test]
fn a_task_of_no_service_has_a_name_that_no_manifest_can_have() {
    let id = TaskId::new([0, 0xab, 2, 3, 4, 0xff]);
    let name = ServiceName::standalone(&Family::new("run-1").expect("a name"), id);
    assert_eq!(name.as_str(), "run.run-1.00ab020304ff");
    assert!(ServiceName::new(name.as_str()).is_err());
    assert_eq!(ServiceName::read(name.as_str()), Ok(name.clone()));
    assert_eq!(name.standalone_id(), Some(id));
    for text in ["run", "run.x", "run.x.00ab020304f", "run.x.00AB020304ff", "run..00ab020304ff", "run.a.b.00ab020304ff"]
    {
        assert_eq!(ServiceName::read(text).ok().and_then(|name| name.standalone_id()), None, "{text}");
    }
    for text in ["", "00ab020304f", "00ab020304fff", "+0ab020304ff", "00ab0203é4f"] {
        assert_eq!(TaskId::parse(text), None, "{text}");
    }
}
