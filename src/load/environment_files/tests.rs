use super::*;
use crate::load::{load_directory, validate_loaded};

/// The files that are read, and the problems, of a directory in which a manifest names `value`.
fn read(directory: &Path, value: &str) -> (Vec<PathBuf>, Vec<Problem>) {
    let text = format!(
        "apiVersion: reconcile/v1\nkind: TaskDefinition\nmetadata: {{ name: web }}\nspec:\n  containerDefinitions:\n    \
         - name: web\n      image: web:1\n      environmentFiles: [{{ type: file, value: '{value}' }}]\n"
    );
    std::fs::write(directory.join("sub/web.yaml"), text).unwrap();
    let loaded = load_directory(directory);
    let validated = validate_loaded(&loaded);
    assert!(validated.problems.is_empty(), "{:?}", validated.problems);
    let mut problems = Vec::new();
    let files = read_files(&Files::Disk, directory, &wanted_files(&validated.task_definitions), &mut problems);
    (files.into_keys().collect(), problems)
}

fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for path in ["deploy/sub", "outside"] {
        std::fs::create_dir_all(directory.path().join(path)).unwrap();
    }
    for path in ["deploy/top.env", "deploy/sub/web.env", "outside/out.env"] {
        std::fs::write(directory.path().join(path), "A=1\n").unwrap();
    }
    std::os::unix::fs::symlink("../../outside/out.env", directory.path().join("deploy/sub/link.env")).unwrap();
    std::fs::create_dir(directory.path().join("deploy/dir.env")).unwrap();
    std::fs::write(directory.path().join("deploy/big.env"), vec![b'a'; FILE_BYTES_MAX + 1]).unwrap();
    std::fs::write(directory.path().join("deploy/long.env"), format!("B=1\nA={}\n", "x".repeat(LINE_BYTES_MAX)))
        .unwrap();
    std::fs::write(directory.path().join("deploy/nul.env"), "A=x\0y\n").unwrap();
    std::fs::write(directory.path().join("deploy/latin.env"), b"A=1\nB=\xe4\n").unwrap();
    directory
}

#[test]
fn files_are_read_beside_the_manifest_and_within_the_directory() {
    let directory = directory();
    let root = directory.path().join("deploy");
    let absolute = directory.path().join("outside/out.env");
    for (value, path) in [
        ("web.env", root.join("sub/web.env")),
        ("./web.env", root.join("sub/web.env")),
        ("../top.env", root.join("top.env")),
        (absolute.to_str().unwrap(), absolute.clone()),
    ] {
        assert_eq!(read(&root, value), (vec![path], Vec::new()), "{value}");
    }
}

#[test]
fn what_cannot_be_read_is_a_problem_with_its_place() {
    let directory = directory();
    let root = directory.path().join("deploy");
    for (value, code, words, place) in [
        ("none.env", Code::Unreadable, "none.env cannot be read: No such file", "sub/web.yaml:8"),
        ("../dir.env", Code::Unreadable, "not a regular file", "sub/web.yaml:8"),
        ("../big.env", Code::Unreadable, "more than 1 MiB", "sub/web.yaml:8"),
        ("../latin.env", Code::NotUtf8, "line 2 of", "sub/web.yaml:8"),
        ("../long.env", Code::Limit, "64 KiB", "long.env:2:1"),
        ("../nul.env", Code::Malformed, "NUL", "nul.env:1:1"),
        ("../../outside/out.env", Code::NotAllowed, "outside of the directory", "sub/web.yaml:8"),
        ("../../outside/none.env", Code::NotAllowed, "outside of the directory", "sub/web.yaml:8"),
        ("link.env", Code::NotAllowed, "outside of the directory", "sub/web.yaml:8"),
    ] {
        let (files, problems) = read(&root, value);
        assert!(files.is_empty() && problems.len() == 1, "{value}: {problems:?}");
        let problem = &problems[0];
        let found = problem.place.as_ref().unwrap().to_string();
        assert!(problem.code == code && problem.message.contains(words) && found.contains(place), "{problem:?}");
    }
}
