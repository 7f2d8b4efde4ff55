use super::*;
use crate::image::ImagePin;
use crate::testing::{NOW, ago, desired, observed, running, service, task};
use std::sync::Arc;

/// A history in which `image` was fetched so many minutes ago, and then a container was made from it.
fn fetched(history: &mut PullHistory, image: &str, minutes: u64) {
    let at = ago(minutes * 60);
    history.note(image, at, true);
    history.use_image(image, &ImageId::new(&format!("id of {image}")), at, at);
}

fn names(chosen: Vec<(String, ImageId)>) -> Vec<String> {
    chosen.into_iter().map(|(image, _)| image).collect()
}

#[test]
fn what_nobody_needs_goes_in_the_order_of_its_last_use() {
    let mut history = PullHistory::open_in(None, "e");
    for (image, minutes) in [("f", 65), ("young", 59), ("a", 300), ("b", 200), ("c", 150), ("d", 100), ("e", 90)] {
        fetched(&mut history, image, minutes);
    }
    history.note("prefer-cached", ago(7200), false);
    history.note("never-used", ago(7200), true);
    let nothing = (desired(&[]), observed(&[]));
    assert_eq!(names(choose(&mut history, &nothing.0, &nothing.1)), ["a", "b", "c", "d", "e"], "five at a time");
    for image in ["a", "b", "c", "d", "e"] {
        history.forget(image);
    }
    assert_eq!(names(choose(&mut history, &nothing.0, &nothing.1)), ["f"]);
}

#[test]
fn what_a_container_or_a_manifest_names_stays() {
    let mut history = PullHistory::open_in(None, "e");
    for image in ["run:1", "old-name:1", "wanted:1", "gone:1"] {
        fetched(&mut history, image, 300);
    }
    let of = |image: &str| task("web", &[&format!(r#"{{"name":"web","image":"{image}"}}"#)]);
    let mut tasks = vec![running("shop/web/0", &of("run:1"), 1), running("shop/api/0", &of("new-name:1"), 1)];
    tasks[1][0].identity.image = Some(ImagePin { id: ImageId::new("id of old-name:1"), digest: Some(Arc::from("x")) });
    let wanted = desired(&[("shop/web", service(0, &of("wanted:1")))]);
    assert_eq!(names(choose(&mut history, &wanted, &observed(&tasks))), ["gone:1"]);
}

#[test]
fn an_image_is_used_as_long_as_a_container_is_seen() {
    let mut history = PullHistory::open_in(None, "e");
    history.note("web:1", ago(7200), true);
    let web = task("web", &[r#"{"name":"web","image":"web:1"}"#]);
    let mut tasks = running("shop/web/0", &web, 1);
    tasks[0].identity.image = Some(ImagePin { id: ImageId::new("id"), digest: None });
    assert_eq!(choose(&mut history, &desired(&[]), &observed(&[tasks])), []);
    let (_, record) = history.records().next().expect("it is remembered");
    assert_eq!((record.id.clone(), record.used_at), (Some(ImageId::new("id")), NOW));
    assert_eq!(names(choose(&mut history, &desired(&[]), &observed(&[]))), ["web:1"]);
}

#[test]
fn only_what_is_fetched_anew_by_everybody_may_go() {
    let web = task("web", &[r#"{"name":"web","image":"web:1"}"#]);
    let of = |image_pull| crate::desired::DesiredService { image_pull, ..service(1, &web) };
    let default = of(PullBehavior::Default);
    assert!(is_passing(&desired(&[("shop/web", default.clone())]), "web:1"));
    assert!(!is_passing(
        &desired(&[("shop/web", default.clone()), ("shop/api", of(PullBehavior::PreferCached))]),
        "web:1"
    ));
    assert!(!is_passing(&desired(&[("shop/web", default)]), "web:2"), "nobody knows for whom it was fetched");
}
