use super::*;
use crate::testing::task;

fn side(container: &str) -> Side {
    Side::wanted(&task("web", &[container]), 2)
}

#[test]
fn what_is_sensitive_is_in_no_difference() {
    let container = r#"{"name":"web","image":"a:1","command":["serve","--token=hunter1","--password","hunter2"],
        "environment":{"API_TOKEN":"hunter3","URL":"https://user:hunter4@a.example","PORT":"80"},
        "dockerLabels":{"app.password":"hunter5","name":"https://user:hunter6@a.example"},
        "healthCheck":{"command":["CMD-SHELL","curl --token hunter7 localhost"],"interval":5,"timeout":2,"retries":1,"startPeriod":0},
        "logConfiguration":{"logDriver":"splunk","options":{"splunk-token":"hunter8"}},
        "mountPoints":[{"sourceVolume":"v","containerPath":"/v","volume":
            {"kind":"shared","autoprovision":true,"driver":{"name":"local","options":{"o":"addr=nas,password=hunter9"}}}}]}"#;
    let sides = Sides { before: None, after: Some(side(container)) };
    let text = sides.unified("shop/web");
    assert!(!text.contains("hunter"), "{text}");
    assert!(text.contains("PORT: '80'") && text.contains("image: a:1"), "{text}");
    assert!(!format!("{sides:?}").contains("hunter"), "{sides:?}");
}

/// Even with a key, a digest is nothing for a reader; that the secret is another one is told elsewhere.
#[test]
fn the_version_of_a_secret_is_not_shown() {
    let container = r#"{"name":"web","image":"a:1","secrets":[
        {"name":"DB_PASSWORD","valueFrom":"env:DB","version":"00000001:00000000000000000000000000000001"}]}"#;
    let text = Sides { before: None, after: Some(side(container)) }.unified("shop/web");
    assert!(text.contains("+      valueFrom: env:DB\n") && !text.contains("00000001"), "{text}");
}

#[test]
fn only_what_differs_is_shown_with_what_is_around_it() {
    let container = |port: u16| {
        format!(
            r#"{{"name":"web","image":"a:1","task":{{"cpu":256}},"environment":{{"A":"1","B":"2","C":"3","PORT":"{port}","Z":"0"}}}}"#
        )
    };
    let sides = Sides { before: Some(side(&container(80))), after: Some(side(&container(81))) };
    let text = sides.unified("shop/web");
    let (_, hunk) = text.split_once("@@\n").expect("it has a difference");
    insta::assert_snapshot!(hunk, @r"
           A: '1'
           B: '2'
           C: '3'
    -      PORT: '80'
    +      PORT: '81'
           Z: '0'
    ");
    let same = Sides { before: Some(side(&container(80))), after: Some(side(&container(80))) };
    assert_eq!(same.unified("shop/web"), "");
    assert_eq!(Sides::default().unified("shop"), "");
}
