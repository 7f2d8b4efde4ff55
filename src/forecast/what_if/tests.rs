use super::*;
use crate::testing;

fn task(containers: &[&str]) -> Arc<TaskSpec> {
    testing::task("web", containers)
}

#[test]
fn a_fault_hits_what_shows_it() {
    const CHECKED: &str = r#"{"name":"web","image":"web:1","healthCheck":{"command":["CMD","/ok"],"interval":5,"timeout":2,"retries":2,"startPeriod":0}}"#;
    const WAITS: &str =
        r#"{"name":"web","image":"web:1","dependsOn":[{"containerName":"init","condition":"SUCCESS"}]}"#;
    const INIT: &str = r#"{"name":"init","image":"init:1","essential":false}"#;
    const BESIDE: &str = r#"{"name":"beside","image":"beside:1","essential":false}"#;
    const NONE: &str = r#"{"name":"web","image":"web:1","healthCheck":{"command":["NONE"],"interval":5,"timeout":2,"retries":2,"startPeriod":0}}"#;
    let hit = |fault: Fault, containers: &[&str]| -> Vec<String> {
        fault.hits(&task(containers)).into_iter().map(ToString::to_string).collect()
    };
    let crash = Fault::Crash { after: Duration::from_secs(1) };
    assert_eq!(hit(Fault::NeverHealthy, &[CHECKED, BESIDE]), ["web"]);
    assert_eq!(hit(Fault::NeverHealthy, &[BESIDE, WAITS, INIT]), [""; 0]);
    assert_eq!(hit(Fault::NeverHealthy, &[NONE]), [""; 0], "a check that is switched off finds nothing");
    assert_eq!(hit(crash, &[WAITS, INIT, BESIDE]), ["web"], "an init container ends well");
}

#[test]
fn a_question_is_asked_in_words() {
    let services = |names: &[&str]| -> BTreeSet<ServiceKey> {
        names.iter().map(|name| (testing::cluster("shop"), testing::service_name(name))).collect()
    };
    let crash = Fault::Crash { after: Duration::from_secs(30) };
    let slow = Fault::Slow { by: Duration::from_secs(90) };
    assert_eq!(Fault::NeverHealthy.question(&services(&["web"])), "If shop/web never becomes healthy");
    assert_eq!(crash.question(&services(&["web", "api"])), "If shop/api and shop/web crash 30s after their start");
    assert_eq!(slow.question(&services(&["a", "b", "c"])), "If shop/a, shop/b and shop/c take 90s to become healthy");
    assert_eq!(Fault::NeverHealthy.question(&services(&["a", "b", "c", "d"])), "If 4 services never become healthy");
}
