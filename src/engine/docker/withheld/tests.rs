use super::*;
use crate::testing::spec;

#[test]
fn what_a_label_leaves_out_is_taken_from_the_container() {
    let mut redacted = spec(
        r#"{"name":"web","image":"web:1","environment":{"DB_PASSWORD":"(sensitive)","MODE":"fast","TOKEN":"(sensitive)"},
            "logConfiguration":{"logDriver":"splunk","options":{"splunk-token":"(sensitive)","tag":"web"}}}"#,
    );
    assert!(lacks_values(&redacted));
    let held: Held = serde_json::from_str(
        r#"{"Id":"ab","Config":{"Env":["PATH=/bin","DB_PASSWORD=a=b","MODE=slow","NOTHING"]},
            "HostConfig":{"LogConfig":{"Type":"splunk","Config":{"splunk-token":"t","tag":"other"}}}}"#,
    )
    .unwrap();
    held.add_to(&mut redacted);
    let values: Vec<_> = redacted.environment.values().map(String::as_str).collect();
    assert_eq!(values, ["a=b", "fast", SENSITIVE], "only what was left out is filled in, and only with what there is");
    let options = &redacted.options.log_configuration.as_ref().unwrap().options;
    assert_eq!((options["splunk-token"].as_str(), options["tag"].as_str()), ("t", "web"));
    assert!(lacks_values(&redacted), "the token was not to be had");

    let bare: Held =
        serde_json::from_str(r#"{"Config":{"Env":null},"HostConfig":{"LogConfig":{"Config":null}}}"#).unwrap();
    bare.add_to(&mut redacted);
    assert!(!lacks_values(&spec(r#"{"name":"web","image":"web:1","environment":{"MODE":"fast"}}"#)));
}
