use super::*;
use crate::cli::render::problems::render_short;

/// What becomes of a text.
fn fixed(name: &str, text: &str) -> (String, usize) {
    let loaded = load_texts(vec![(name.to_owned(), text.to_owned())]);
    match repair(&loaded).pop() {
        Some(repaired) => (repaired.after, repaired.fixes.len()),
        None => (text.to_owned(), 0),
    }
}

fn problems_of(text: &str) -> Vec<Problem> {
    let loaded = load_texts(vec![("m.yaml".to_owned(), text.to_owned())]);
    let mut problems = loaded.problems.clone();
    problems.extend(validate_loaded(&loaded).problems);
    problems
}

const SERVICE: &str =
    "apiVersion: reconcile/v1\nkind: Service\nmetadata: { name: web }\nspec:\n  cluster: shop\n  taskDefinition: web\n";

const KUBERNETES: &str = "\
# what runs
apiVersion: reconcile/v1
kind: taskdefinition
metadata: { name: web }
spec:
  containers:   # two of them
    - name: web
      image: web:1

      env:
        - { name: PORT, value: 8080 } # quoted below
        - DEBUG=1
      ports: [ \"8080:80\", {containerPort: 9,   protocol: TCP} ]
      livenessProbe:
        httpGet: { path: /, port: 80 }
        periodSeconds: 10s
      memory: 512Mi
      essential: yes
      stop_grace_period: 1m
---
apiVersion: reconcile/v1
kind: Service
metadata:
  name: web
spec:
  cluster: shop
  taskDefinition: web
  replicas: \"2\"   # enough
";

const ECS: &str = "\
# what runs
apiVersion: reconcile/v1
kind: TaskDefinition
metadata: { name: web }
spec:
  containerDefinitions:   # two of them
    - name: web
      image: web:1

      environment:
        - { name: PORT, value: \"8080\" } # quoted below
        - { name: DEBUG, value: \"1\" }
      portMappings: [ { containerPort: 80, hostPort: 8080 }, {containerPort: 9,   protocol: tcp} ]
      healthCheck:
        httpGet: { path: /, port: 80 }
        interval: 10
      memory: 512
      essential: true
      stopTimeout: 60
---
apiVersion: reconcile/v1
kind: Service
metadata:
  name: web
spec:
  cluster: shop
  taskDefinition: web
  desiredCount: 2   # enough
";

#[test]
fn what_can_only_be_meant_one_way_is_written_and_the_layout_stays() {
    for (mark, end) in [("", "\n"), ("\u{feff}", "\r\n")] {
        let with = |text: &str| format!("{mark}{}", text.replace('\n', end));
        let (text, count) = fixed("m.yaml", &with(KUBERNETES));
        assert_eq!(text, with(ECS));
        assert_eq!(count, 17);
        assert!(problems_of(&text).is_empty(), "{}", render_short(&problems_of(&text)));
        assert_eq!(fixed("m.yaml", &text), (text.clone(), 0), "there is nothing to do a second time");
    }
}

#[test]
fn an_octal_number_that_is_meant_as_a_text_gets_quotes() {
    let text = "apiVersion: reconcile/v1\nkind: TaskDefinition\nmetadata: { name: a }\nspec: { containerDefinitions: [{ name: a, image: 'a:1', secrets: [{ name: A, valueFrom: 'file:x', path: /run/x, mode: 0400 }] }] }\n";
    assert_eq!(fixed("m.yaml", text), (text.replace("0400", "\"0400\""), 1));
}

#[test]
fn what_is_a_decision_is_left_alone() {
    for fields in [
        "  replicas: 2\n  desiredCount: 3\n",
        "  replicas: 2\n  scale: 3\n",
        "  maxSurge: 1\n",
        "  colour: blue\n",
        "  restart: always\n",
        "  launchType: EC2\n",
        "  x-own: { replicas: 3 }\n",
        "  desiredCount: many\n",
    ] {
        let text = format!("{SERVICE}{fields}");
        assert_eq!(fixed("m.yaml", &text), (text.clone(), 0), "{text}");
    }
    for text in ["", "a: [", "# nothing\n", "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: a }\n"] {
        assert_eq!(fixed("m.yaml", text), (text.to_owned(), 0), "{text}");
    }
    let wrong_name = SERVICE.replace("taskDefinition: web", "taskDefinition: web:3");
    assert_eq!(fixed("m.yaml", &wrong_name), (wrong_name.clone(), 0));
}

#[test]
fn what_an_anchor_repeats_is_left_alone() {
    let text = "apiVersion: reconcile/v1\nkind: TaskDefinition\nmetadata: { name: web }\nx-check: &check { httpGet: { port: 1 }, periodSeconds: 5 }\nspec:\n  containers:\n    - { name: web, image: a:1, healthCheck: *check }\n    - { name: side, image: a:1, readinessCheck: { <<: *check } }\n";
    let (fixed, count) = fixed("m.yaml", text);
    assert_eq!((fixed, count), (text.replace("containers:", "containerDefinitions:"), 1));
}

#[test]
fn a_broken_document_beside_does_not_matter() {
    let text = format!("{SERVICE}  replicas: 2\n---\na: [\n---\n{SERVICE}  scale: 1\n");
    let expected = text.replace("replicas", "desiredCount").replace("scale", "desiredCount");
    assert_eq!(fixed("m.yaml", &text), (expected, 2));
}

#[test]
fn task_definitions_of_aws_stay_json() {
    let text = "{\n  \"family\": \"web\",\n  \"containers\": [],\n  \"containerDefinitions\": [\n    { \"name\": \"web\", \"image\": \"web:1\", \"esential\": \"true\", \"portMappings\": [\"80:80\", { \"containerPort\": 1, \"protocol\": \"TCP\" }] }\n  ]\n}\n";
    let (after, count) = fixed("web.json", text);
    assert!(serde_json::from_str::<serde_json::Value>(&after).is_ok(), "{after}");
    let expected = text.replace("esential", "essential").replace("\"true\"", "true").replace("TCP", "tcp");
    assert_eq!((after, count), (expected, 3));
}

#[test]
fn a_file_is_replaced_in_one_step_and_stays_whose_it_was() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let directory = tempfile::TempDir::new().expect("a temporary directory");
    let (path, link) = (directory.path().join("web.yaml"), directory.path().join("link.yaml"));
    fs::write(&path, "old").expect("a file in our own directory");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("our own file");
    symlink("web.yaml", &link).expect("a link in our own directory");
    replace(&link, "old", "new").expect("it is as it was read");
    assert_eq!(fs::read_to_string(&path).expect("it is there"), "new");
    assert!(link.symlink_metadata().expect("it is there").is_symlink());
    assert_eq!(fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o640);
    assert!(replace(&path, "old", "newer").is_err(), "somebody has changed it meanwhile");
    assert_eq!(fs::read_to_string(&path).expect("it is there"), "new");
    assert_eq!(fs::read_dir(directory.path()).expect("our own directory").count(), 2, "nothing is left behind");
}
