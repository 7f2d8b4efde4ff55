use super::*;

#[test]
fn who_was_asked_to_end_and_when_first() {
    // As Docker 20.10 answered.
    let body = br#"{"status":"kill","id":"aa","from":"reconcile-shop:1","Type":"container","Action":"kill","Actor":{"ID":"aa","Attributes":{"image":"reconcile-shop:1","name":"one","signal":"15"}},"scope":"local","time":1795260000,"timeNano":1795260000123456789}
{"Type":"container","Action":"kill","Actor":{"ID":"aa","Attributes":{"signal":"15"}},"time":1795260001,"timeNano":1795260001000000000}
{"Type":"container","Action":"kill","Actor":{"ID":"bb","Attributes":{"signal":"9"}},"time":1795260001,"timeNano":1795260001000000000}
{"Type":"container","Action":"kill","Actor":{"ID":"cc","Attributes":{"signal":"1"}},"time":1795260001,"timeNano":1795260001000000000}
"#;
    let told = read(body).expect("events");
    assert_eq!(told, BTreeMap::from([(ContainerId::new("aa"), Timestamp(1_795_260_000_123))]));
}

#[test]
fn what_is_no_event_is_an_error() {
    assert!(read(b"").is_ok_and(|told| told.is_empty()));
    assert!(read(b"no event").is_err());
}

#[test]
fn the_question_ends_now() {
    let path = path(Timestamp(1_000), Timestamp(2_005));
    assert!(path.starts_with("/events?since=1.000000000&until=2.005000000&filters="), "{path}");
}
