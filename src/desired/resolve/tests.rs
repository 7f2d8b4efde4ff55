use super::*;
use crate::load::{load_texts, validate_loaded};

fn problems(text: &str) -> String {
    let loaded = load_texts(vec![("a.yaml".to_owned(), text.to_owned())]);
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    let resolved = resolve(Source::new("test"), &validate_loaded(&loaded));
    let lines = resolved.problems.iter().map(|problem| {
        let place = problem.place.as_ref().map(ToString::to_string).unwrap_or_default();
        let help = problem.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{place} {} {}{help}\n", problem.severity.as_str(), problem.message)
    });
    lines.collect()
}

const CLUSTER: &str = "apiVersion: reconcile/v1\nkind: Cluster\nmetadata: { name: shop }\n";

fn definition(name: &str, rest: &str) -> String {
    format!(
        "---\napiVersion: reconcile/v1\nkind: TaskDefinition\nmetadata: {{ name: {name} }}\n\
         spec: {{ containerDefinitions: [{{ name: c, image: i{rest} }}] }}\n"
    )
}

fn service(name: &str, rest: &str) -> String {
    format!(
        "---\napiVersion: reconcile/v1\nkind: Service\nmetadata: {{ name: {name} }}\n\
         spec: {{ cluster: shop, {rest} }}\n"
    )
}

#[test]
fn what_is_right_has_no_problem() {
    let text = [CLUSTER, &definition("web", ""), &service("web", "taskDefinition: web, desiredCount: 2")].concat();
    assert_eq!(problems(&text), "");
}

#[test]
fn references_are_followed_and_the_nearest_name_is_offered() {
    let text = [CLUSTER, &definition("web", ""), &service("web", "taskDefinition: wbe")].concat();
    assert_eq!(
        problems(&text),
        "a.yaml:7:19 warning no service uses TaskDefinition `web`\n\
         a.yaml:13:40 error TaskDefinition `wbe` is not declared (did you mean `web`?)\n"
    );
    let alone = service("web", "taskDefinition: web");
    assert_eq!(
        problems(&alone),
        "a.yaml:5:18 error Cluster `shop` is not declared (add a manifest of kind Cluster with `metadata.name: shop`)\n\
         a.yaml:5:40 error TaskDefinition `web` is not declared (add a manifest of kind TaskDefinition with `metadata.name: web`)\n"
    );
}

#[test]
fn a_reference_to_what_is_not_valid_is_not_one_mistake_more() {
    let text = [CLUSTER, &definition("web", ", bogus: 1"), &service("web", "taskDefinition: web")].concat();
    assert_eq!(problems(&text), "");
}

#[test]
fn a_name_is_declared_once() {
    let text = [CLUSTER, &definition("web", ""), &service("web", "taskDefinition: web"), "---\n", CLUSTER].concat();
    assert_eq!(
        problems(&text),
        "a.yaml:17:19 error Cluster `shop` is declared twice (rename one of them, or remove it)\n"
    );
}

#[test]
fn a_deployment_that_can_never_move_is_named() {
    let stuck = |rest: &str| {
        problems(&[CLUSTER, &definition("web", ""), &service("web", &format!("taskDefinition: web, {rest}"))].concat())
    };
    let limits = |minimum: u32, maximum: u32| {
        format!("deploymentConfiguration: {{ minimumHealthyPercent: {minimum}, maximumPercent: {maximum} }}")
    };
    assert!(stuck(&format!("desiredCount: 2, {}", limits(100, 100))).contains("cannot be updated"));
    assert!(stuck(&format!("desiredCount: 2, {}", limits(75, 125))).contains("of 2 no task may stop"));
    assert_eq!(stuck(&format!("desiredCount: 2, {}", limits(50, 100))), "");
    assert_eq!(stuck(&format!("desiredCount: 0, {}", limits(100, 100))), "");
}

#[test]
fn a_static_host_port_has_one_holder() {
    let port = ", portMappings: [{ containerPort: 80, hostPort: 8080 }]";
    let alone = "deploymentConfiguration: { minimumHealthyPercent: 0, maximumPercent: 100 }";
    let text = |count: u32, rest: &str| {
        [
            CLUSTER,
            &definition("web", port),
            &service("web", &format!("taskDefinition: web, desiredCount: {count}{rest}")),
        ]
        .concat()
    };
    assert_eq!(problems(&text(1, &format!(", {alone}"))), "");
    assert!(problems(&text(1, "")).contains("keeps host port 8080"));
    assert!(problems(&text(2, "")).contains("2 tasks cannot all have the host port 8080"));
    let two = [text(1, &format!(", {alone}")), service("other", &format!("taskDefinition: web, {alone}"))].concat();
    assert!(
        problems(&two).contains("host port 8080/tcp is wanted by `shop/other` and by `shop/web`"),
        "{}",
        problems(&two)
    );
}
