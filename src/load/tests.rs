//! Directories and files of every kind, friendly and not.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::time::Instant;

use tempfile::TempDir;

use super::*;
use crate::cli::render::problems::render_short;

const CLUSTER: &str = "apiVersion: reconcile/v1\nkind: Cluster\nmetadata: { name: shop }\n";

struct World {
    root: TempDir,
}

impl World {
    fn new() -> Self {
        Self { root: tempfile::tempdir().expect("a temporary directory") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("it is below the root")).expect("writable");
        fs::write(path, text).expect("writable");
    }

    fn load(&self) -> Loaded {
        load_directory(self.root.path())
    }

    /// The short form of all problems, with names relative to the root.
    fn problems(&self) -> String {
        render_short(&self.load().problems).replace(&format!("{}/", self.root.path().display()), "")
    }

    fn names(&self) -> Vec<String> {
        let root = format!("{}/", self.root.path().display());
        self.load().files.iter().map(|file| file.name().replace(&root, "")).collect()
    }
}

#[test]
fn manifests_are_found_and_leftovers_are_not() {
    let world = World::new();
    for name in ["b.yaml", "a/z.yml", "a.json", "UPPER.YAML", "web.d/x.yaml", "dir.yaml/inner.yaml"] {
        world.write(name, CLUSTER);
    }
    for name in [
        ".hidden.yaml",
        ".git/config.yaml",
        "a.yaml~",
        "#a.yaml#",
        ".#a.yaml",
        ".a.yaml.swp",
        "4913",
        "README.md",
        "a.yaml___jb_tmp___",
        "x___jb_old___.yaml",
        "a.yaml.orig",
    ] {
        world.write(name, "not: [a manifest");
    }
    assert_eq!(world.names(), ["UPPER.YAML", "a.json", "a/z.yml", "b.yaml", "dir.yaml/inner.yaml", "web.d/x.yaml"]);
    assert_eq!(world.problems(), "");
    assert_eq!(world.load().documents.len(), 6);
}

#[test]
fn a_single_file_is_loaded_whatever_its_name() {
    let world = World::new();
    world.write("manifest.txt", CLUSTER);
    let loaded = load_directory(&world.path("manifest.txt"));
    assert!(loaded.problems.is_empty());
    assert_eq!(loaded.documents.len(), 1);
}

#[test]
fn nothing_is_never_taken_for_nothing_wanted() {
    let world = World::new();
    let text = render_short(&world.load().problems);
    assert!(text.contains("error[RC002]") && text.contains("holds no manifest"), "{text}");
    world.write("only_a_comment.yaml", "# kind: Cluster\n---\n");
    assert!(render_short(&world.load().problems).contains("no manifest is in them"));
    world.write("half_written.yaml", "");
    world.write("good.yaml", CLUSTER);
    assert!(world.problems().starts_with("half_written.yaml:1:1: error[RC002]: the file is empty"));
    let missing = load_directory(&world.path("missing"));
    assert_eq!(missing.problems.len(), 1);
    assert_eq!(missing.problems[0].code, Code::Unreadable);
}

#[test]
fn links_are_followed_but_not_in_circles() {
    let world = World::new();
    world.write("..data_1/web.yaml", CLUSTER);
    symlink("..data_1", world.path("..data")).expect("linked");
    symlink("..data/web.yaml", world.path("web.yaml")).expect("linked");
    world.write("real/api.yaml", CLUSTER);
    assert_eq!(world.names(), ["real/api.yaml", "web.yaml"], "the way in which configuration is mounted");

    symlink("..", world.path("real/up")).expect("linked");
    assert_eq!(world.problems(), "real/up:1:1: error[RC005]: the symbolic link leads back to a directory above it\n");
    fs::remove_file(world.path("real/up")).expect("removed");

    world.write("other/x.yaml", CLUSTER);
    symlink("../other", world.path("real/o")).expect("linked");
    symlink("../real", world.path("other/r")).expect("linked");
    let text = world.problems();
    assert!(text.contains("other/r/o:1:1: error[RC005]") && text.contains("real/o/r:1:1: error[RC005]"), "{text}");
}

#[test]
fn what_cannot_be_read_is_a_problem() {
    let world = World::new();
    world.write("good.yaml", CLUSTER);
    symlink("nowhere", world.path("gone.yaml")).expect("linked");
    symlink("nowhere", world.path("gone_directory")).expect("linked");
    symlink("self.yaml", world.path("self.yaml")).expect("linked");
    let _socket = UnixListener::bind(world.path("socket.yaml")).expect("bound");
    let made = std::process::Command::new("mkfifo").arg(world.path("pipe.yaml")).status();
    assert!(made.is_ok_and(|status| status.success()));
    let start = Instant::now();
    let text = world.problems();
    assert!(start.elapsed().as_secs() < 5, "a pipe is not opened");
    for expected in [
        "gone.yaml:1:1: error[RC001]: the symbolic link leads to nothing",
        "gone_directory:1:1: error[RC001]: the symbolic link leads to nothing",
        "pipe.yaml:1:1: error[RC001]: this is not a regular file",
        "socket.yaml:1:1: error[RC001]: this is not a regular file",
        "self.yaml:1:1: error[RC005]: the symbolic link cannot be followed",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    assert_eq!(world.load().documents.len(), 1);
}

#[test]
fn the_first_byte_that_is_not_utf_8_is_shown() {
    let world = World::new();
    world.write("latin.yaml", b"a: 1\nname: \xc3\xa9\xe9 caf\xe9\n");
    world.write("wide.yaml", b"\xff\xfea\0:\0");
    let text = world.problems();
    assert!(text.starts_with("latin.yaml:2:8: error[RC004]: the byte 0xE9 is not UTF-8\n"), "{text}");
    assert!(text.contains("wide.yaml:1:1: error[RC004]: the byte 0xFF is not UTF-8; help: the file looks like UTF-16"));
}

#[test]
fn sizes_are_limited() {
    let world = World::new();
    world.write("good.yaml", CLUSTER);
    world.write("big.yaml", "a".repeat(FILE_BYTES_MAX + 1));
    let text = world.problems();
    assert!(text.starts_with("big.yaml:1:1: error[RC003]: the file has 8388609 bytes"), "{text}");
    let deep = (0..40).fold(String::new(), |path, _| path + "d/");
    world.write(&format!("{deep}x.yaml"), CLUSTER);
    assert!(world.problems().contains("error[RC003]: the directory is more than 32 levels deep"));
    let ten = load_texts(vec![("ten.yaml".to_owned(), "x".repeat(10 << 20))]);
    assert_eq!(ten.problems[0].code, Code::Limit);
}

#[test]
fn the_sum_of_many_bombs_is_limited() {
    let laugh = |level: usize| format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 10].join(", "));
    let laughs: Vec<String> = (1..4).map(laugh).collect();
    let bomb = format!("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n{}", laughs.concat());
    let texts = (0..2000).map(|number| (format!("{number}.yaml"), bomb.clone())).collect();
    let loaded = load_texts(texts);
    assert!(loaded.documents.is_empty());
    assert_eq!(loaded.problems.len(), 1);
    assert_eq!(loaded.problems[0].code, Code::Limit);
}

#[test]
fn files_that_are_no_yaml_end_in_bounded_time_and_memory() {
    let fill = |piece: &str| piece.repeat((FILE_BYTES_MAX / 16) / piece.len());
    for piece in [
        "---\na: [\n",
        "---\na\n",
        "---\n- a\n- b: *x\n",
        "{",
        "[[],",
        "- ",
        "\"",
        "a: 1\n",
        "\t",
        "? ",
        "| \n",
        "&a ",
        "!x ",
    ] {
        let start = Instant::now();
        let loaded = load_texts(vec![("m.yaml".to_owned(), fill(piece))]);
        let validated = validate_loaded(&loaded);
        let problems = loaded.problems.len() + validated.problems.len();
        assert!(problems > 0 && problems <= 2 * LOAD_PROBLEMS_MAX + 2, "{piece:?}: {problems}");
        assert!(start.elapsed().as_secs() < 30, "{piece:?}: {:?}", start.elapsed());
    }
}

#[test]
fn many_threads_give_what_one_gives() {
    let document = |number: usize| match number % 7 {
        0 => "a: [1\n".to_owned(),
        1 => "a: 1\na: 2\n".to_owned(),
        _ => format!("a: {number}\n# {}\n", "x".repeat(200)),
    };
    let text = (0..4000).map(|number| format!("---\n{}", document(number))).collect::<Vec<_>>().concat();
    assert!(text.len() > PARALLEL_BYTES_MIN);
    let loaded = load_texts(vec![("m.yaml".to_owned(), text.clone())]);
    let file = Arc::new(File::new("m.yaml", text));
    let mut alone = read_file(&file, &Budget::default());
    sort_problems(&mut alone.problems);
    assert_eq!(loaded.problems, alone.problems);
    let values: Vec<_> = loaded.documents.iter().map(|document| document.to_value()).collect();
    assert_eq!(values, alone.documents.iter().map(Document::to_value).collect::<Vec<_>>());
}

#[test]
fn the_digest_tells_whether_anything_changed() {
    let world = World::new();
    world.write("a.yaml", CLUSTER);
    let first = world.load().digest;
    assert_eq!(world.load().digest, first);
    assert_eq!(first.to_string().len(), 64);
    world.write("notes.txt", "x");
    assert_eq!(world.load().digest, first);
    world.write("a.yaml", format!("{CLUSTER}\n"));
    let second = world.load().digest;
    assert_ne!(second, first);
    fs::rename(world.path("a.yaml"), world.path("b.yaml")).expect("renamed");
    assert_ne!(world.load().digest, second);
    symlink("nowhere", world.path("gone")).expect("linked");
    assert_ne!(world.load().digest, second);
}

/// Measured by hand: `cargo test --release -- --ignored twenty_thousand --nocapture`.
#[test]
#[ignore = "a measurement"]
fn twenty_thousand_documents_are_fast() {
    let text = (0..10_000)
        .map(|number| {
            format!(
                "---\napiVersion: reconcile/v1\nkind: Service\nmetadata:\n  name: service-{number}\nspec:\n  cluster: shop\n  \
                 taskDefinition: service-{number}\n  desiredCount: 2\n---\napiVersion: reconcile/v1\nkind: TaskDefinition\n\
                 metadata:\n  name: service-{number}\nspec:\n  containerDefinitions:\n    - name: web\n      image: shop/web:1\n      \
                 memory: 64\n      environment:\n        - {{ name: PORT, value: \"8080\" }}\n      portMappings:\n        \
                 - containerPort: 8080\n"
            )
        })
        .collect::<Vec<_>>()
        .concat();
    let start = Instant::now();
    let loaded = load_texts(vec![("m.yaml".to_owned(), text)]);
    let loading = start.elapsed();
    let start = Instant::now();
    let validated = validate_loaded(&loaded);
    assert_eq!((validated.services.len(), validated.problems.len()), (10_000, 0));
    assert!(loading.as_millis() + start.elapsed().as_millis() < 1000, "{loading:?} and {:?}", start.elapsed());
}
