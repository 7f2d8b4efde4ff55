use super::*;
use crate::load::{load_texts, validate_loaded};
use crate::secret::{Command, Providers};
use crate::state::Directories;

/// Two containers that want what a command has, and one file each.
const TEXT: &str = "\
apiVersion: reconcile/v1
kind: TaskDefinition
metadata: { name: web }
spec:
  containerDefinitions:
    - name: one
      image: web:1
      secrets: [{ name: A, valueFrom: 'exec:say:a' }, { name: F, valueFrom: 'file:f.txt' }]
    - name: two
      image: web:1
      secrets: [{ name: A, valueFrom: 'exec:say:a' }, { name: F, valueFrom: 'file:f.txt' }]
";

struct World {
    root: tempfile::TempDir,
    secrets: Secrets,
    wanted: Vec<Wanted>,
}

/// A world whose command writes down each time that it is asked.
fn world() -> World {
    let root = tempfile::tempdir().unwrap();
    let script = root.path().join("say");
    let asked = root.path().join("asked");
    // No comma may stand in it, and the file is executed by the shell that is named here: another thread's fork may hold it open for
    // writing, which an execution would be refused for.
    std::fs::write(&script, format!("echo $1 >> {}; echo value of $1", asked.display())).unwrap();
    std::fs::write(root.path().join("f.txt"), "in a file").unwrap();
    let command: Command = format!("/bin/sh,{}", script.display()).parse().unwrap();
    let directories = Directories { state: root.path().join("state"), runtime: root.path().join("run") };
    let secrets = Secrets::new(Providers::new([("say".to_owned(), command)]), directories);
    let name = root.path().join("web.yaml").display().to_string();
    let validated = validate_loaded(&load_texts(vec![(name, TEXT.to_owned())]));
    let wanted = wanted_secrets(root.path(), &validated.task_definitions);
    World { root, secrets, wanted }
}

impl World {
    fn read(
        &self,
        need: Need,
        known: &BTreeMap<SecretId, SecretVersion>,
    ) -> (BTreeMap<SecretId, SecretVersion>, Vec<Problem>) {
        let mut problems = Vec::new();
        let versions = read_versions(&self.secrets, &self.wanted, need, known, &mut problems);
        (versions, problems)
    }

    fn asked(&self) -> usize {
        std::fs::read_to_string(self.root.path().join("asked")).unwrap_or_default().lines().count()
    }
}

#[test]
fn each_value_is_looked_up_once_and_a_command_not_while_its_value_is_known() {
    let world = world();
    let (versions, problems) = world.read(Need::Values, &BTreeMap::new());
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!((versions.len(), world.asked()), (4, 1));
    let digests: std::collections::BTreeSet<_> = versions.values().map(|version| version.digest).collect();
    assert_eq!(digests.len(), 4, "equal values of two secrets show nothing to each other");
    std::fs::write(world.root.path().join("f.txt"), "another").unwrap();
    let (again, _) = world.read(Need::Values, &versions);
    assert_eq!(world.asked(), 1);
    let changed = versions.iter().filter(|(id, version)| again[id] != **version).map(|(id, _)| &*id.name);
    assert_eq!(changed.collect::<Vec<_>>(), ["F", "F"]);
}

#[test]
fn options_of_a_log_driver_are_wanted_where_it_is_used() {
    let text = |driver: &str| {
        format!(
            "apiVersion: reconcile/v1\nkind: TaskDefinition\nmetadata: {{ name: web }}\nspec:\n  containerDefinitions:\n    \
             - name: one\n      image: web:1\n      secrets: [{{ name: tag, valueFrom: 'file:f.txt' }}]\n      \
             logConfiguration: {{ logDriver: {driver}, secretOptions: [{{ name: tag, valueFrom: 'file:f.txt' }}] }}\n"
        )
    };
    for (driver, count) in [("syslog", 2), ("awslogs", 1)] {
        let mut world = world();
        let name = world.root.path().join("web.yaml").display().to_string();
        let validated = validate_loaded(&load_texts(vec![(name, text(driver))]));
        world.wanted = wanted_secrets(world.root.path(), &validated.task_definitions);
        let (versions, problems) = world.read(Need::Values, &BTreeMap::new());
        assert!(problems.is_empty(), "{problems:?}");
        let digests: std::collections::BTreeSet<_> = versions.values().map(|version| version.digest).collect();
        assert_eq!((versions.len(), digests.len()), (count, count), "{driver}: one name for two purposes");
        // What cannot be had is told where it stands.
        std::fs::remove_file(world.root.path().join("f.txt")).unwrap();
        let (_, problems) = world.read(Need::Values, &BTreeMap::new());
        let lines: Vec<_> =
            problems.iter().filter_map(|problem| problem.place.as_ref()).map(ToString::to_string).collect();
        let expected = ["web.yaml:8:", "web.yaml:9:"];
        assert_eq!(lines.len(), count);
        assert!(lines.iter().zip(expected).all(|(line, expected)| line.contains(expected)), "{lines:?}");
    }
}

#[test]
fn only_who_needs_values_makes_a_key() {
    let world = world();
    let (versions, problems) = world.read(Need::Nothing, &BTreeMap::new());
    assert!(versions.is_empty() && problems.is_empty() && world.asked() == 0);
    let (versions, problems) = world.read(Need::Comparison, &BTreeMap::new());
    assert!(versions.is_empty() && problems.len() == 4 && world.asked() == 0, "{problems:?}");
    assert!(problems.iter().all(|problem| problem.code == Code::SecretNotCompared && !problem.is_error()));
    assert!(!world.root.path().join("state").exists());
    std::fs::write(world.root.path().join("state"), "in the way").unwrap();
    let (_, problems) = world.read(Need::Values, &BTreeMap::new());
    assert!(problems.len() == 1 && problems[0].code == Code::SecretUnavailable, "{problems:?}");
    assert!(problems[0].message.contains("RECONCILE_STATE_DIR"), "{problems:?}");
}

#[test]
fn what_cannot_be_had_is_an_error_or_a_warning_at_its_place() {
    let world = world();
    world.secrets.key().unwrap();
    std::fs::remove_file(world.root.path().join("f.txt")).unwrap();
    for (need, is_error, code) in
        [(Need::Values, true, Code::SecretUnavailable), (Need::Comparison, false, Code::SecretNotCompared)]
    {
        let (versions, problems) = world.read(need, &BTreeMap::new());
        assert_eq!((versions.len(), problems.len()), (2, 2), "{problems:?}");
        for problem in problems {
            let place = problem.place.as_ref().map(ToString::to_string).unwrap_or_default();
            assert!(place.contains("web.yaml:8:") || place.contains("web.yaml:11:"), "{place}");
            assert_eq!((problem.is_error(), problem.code), (is_error, code));
        }
    }
}
