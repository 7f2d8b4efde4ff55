use super::*;
use crate::plan::plan;
use crate::testing::{desired, observed, running, service, task};

const A: &str = "0000000a";
const B: &str = "0000000b";

/// A task whose log driver has one secret option.
fn logged(image: &str, version: Option<(&str, u32)>) -> Arc<TaskSpec> {
    let version = version.map(|(key, digit)| format!(r#","version":"{key}:{digit:032x}""#)).unwrap_or_default();
    let options = format!(r#"[{{"name":"token","valueFrom":"file:token"{version}}}]"#);
    let log = format!(r#"{{"logDriver":"splunk","secretOptions":{options}}}"#);
    task("web", &[&format!(r#"{{"name":"main","image":"{image}","logConfiguration":{log}}}"#)])
}

/// A task with one secret whose version is a digit under a key, or not known.
fn web(image: &str, version: Option<(&str, u32)>) -> Arc<TaskSpec> {
    let version = version.map(|(key, digit)| format!(r#","version":"{key}:{digit:032x}""#)).unwrap_or_default();
    let secret = format!(r#"{{"name":"DB","valueFrom":"file:db"{version}}}"#);
    task("web", &[&format!(r#"{{"name":"main","image":"{image}","secrets":[{secret}]}}"#)])
}

#[test]
fn what_cannot_be_compared_is_no_change() {
    for make in [web, logged] {
        for (case, wanted, replaced, other_keys) in [
            ("the same value", make("web:1", Some((A, 1))), false, 0),
            ("another value", make("web:1", Some((A, 2))), true, 0),
            ("not known", make("web:1", None), false, 0),
            ("another key", make("web:1", Some((B, 7))), false, 1),
            ("not known, and another image", make("web:2", None), true, 0),
            ("another key and image", make("web:2", Some((B, 7))), true, 1),
        ] {
            let wanted = desired(&[("shop/web", service(1, &wanted))]);
            let observed = observed(&[running("shop/web/0", &make("web:1", Some((A, 1))), 1)]);
            let (assumed, others) = assume_secrets(&wanted, &observed);
            assert_eq!(!plan(&assumed, &observed).is_converged(), replaced, "{case}");
            assert_eq!(others.len(), other_keys, "{case}");
        }
    }
}

#[test]
fn a_new_service_and_a_new_secret_are_what_they_are() {
    let wanted = desired(&[("shop/web", service(1, &web("web:1", None)))]);
    assert_eq!(assume_secrets(&wanted, &observed(&[])), (wanted.clone(), BTreeSet::new()));
    let before = task("web", &[r#"{"name":"main","image":"web:1"}"#]);
    let observed = observed(&[running("shop/web/0", &before, 1)]);
    assert_eq!(assume_secrets(&wanted, &observed), (wanted.clone(), BTreeSet::new()));
    assert!(!plan(&wanted, &observed).is_converged());
}

#[test]
fn in_the_middle_of_a_rollout_the_task_that_fits_counts() {
    let (old, new) = (web("web:1", Some((A, 1))), web("web:2", Some((A, 2))));
    let wanted = desired(&[("shop/web", service(2, &web("web:2", None)))]);
    let observed = observed(&[running("shop/web/0", &new, 1), running("shop/web/1", &old, 1)]);
    let (assumed, _) = assume_secrets(&wanted, &observed);
    let service = assumed.clusters.values().next().unwrap().services.values().next().unwrap();
    assert_eq!(service.task.revision, new.revision);
}
