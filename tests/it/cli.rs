//! The command line by itself: no engine is asked, or one that is not there.

use std::io::Write;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::program::{Ended, Program};
use crate::support::shop::{manifests, service};
use crate::support::wait::{pause, until};

/// An engine that is not there.
const NOWHERE: &str = "unix:///nonexistent/engine.sock";

/// A directory with one file of this text.
fn directory(text: &str) -> TempDir {
    let directory = TempDir::with_prefix("reconcile-cli-").expect("a temporary directory");
    std::fs::write(directory.path().join("shop.yaml"), text).expect("a file in our own directory");
    directory
}

fn valid() -> TempDir {
    directory(&manifests("shop", &[service("web")]))
}

fn invalid() -> TempDir {
    directory(&manifests("shop", &[service("web").line("desiredCuont: 2")]))
}

fn path(directory: &TempDir) -> &str {
    directory.path().to_str().expect("a path that we made is text")
}

fn reconcile(arguments: &[&str]) -> Ended {
    Program::new(arguments).run()
}

#[test]
fn what_is_valid_is_said_to_be() {
    let directory = valid();
    reconcile(&["validate", path(&directory)]).expect_code(0).expect_said(&["3 manifests in 1 file valid"]);
    // One file is as good as a directory, and the environment as good as an argument.
    reconcile(&["validate", &format!("{}/shop.yaml", path(&directory))]).expect_code(0);
    Program::new(["validate"]).env("RECONCILE_DIR", directory.path()).run().expect_code(0);
}

#[test]
fn without_a_name_the_directory_is_manifests() {
    let outside = TempDir::with_prefix("reconcile-cli-").expect("a temporary directory");
    Program::new(["validate"]).directory(outside.path()).run().expect_code(3).expect_said(&["manifests"]);
    std::fs::create_dir(outside.path().join("manifests")).expect("a directory in our own");
    std::fs::write(outside.path().join("manifests/a.yaml"), manifests("shop", &[service("web")])).expect("a file");
    Program::new(["validate"]).directory(outside.path()).run().expect_code(0);
}

#[test]
fn a_problem_is_told_with_its_place_and_its_remedy() {
    let directory = invalid();
    let text = reconcile(&["validate", path(&directory)]).expect_code(3);
    text.expect_said(&[
        "shop.yaml:22:3",
        "error[RC101]",
        "unknown field `desiredCuont`",
        "did you mean `desiredCount`?",
    ]);

    let short = reconcile(&["validate", "-o", "short", path(&directory)]).expect_code(3);
    assert_eq!(short.stdout.matches(": error[").count(), 1, "{short}");
    assert!(short.stdout.contains("shop.yaml:22:3: error[RC101]: unknown field `desiredCuont`"), "{short}");

    let problems = reconcile(&["validate", "-o", "json", path(&directory)]).expect_code(3).json();
    assert_eq!((&problems["outcome"], &problems["exitCode"]), (&"invalid".into(), &3.into()), "{problems:#}");
    let mut errors =
        problems["diagnostics"].as_array().into_iter().flatten().filter(|problem| problem["severity"] == "error");
    let problem = errors.next_back().expect("it has an error");
    assert_eq!(problem["code"], "RC101");
    assert_eq!((&problem["place"]["line"], &problem["place"]["column"]), (&22.into(), &3.into()), "{problem:#}");
    assert_eq!(problem["suggestion"], "desiredCount");
}

#[test]
fn problems_of_all_files_are_told_at_once() {
    let directory = invalid();
    std::fs::write(directory.path().join("other.yaml"), "kind: Pod\n").expect("a file");
    let ended = reconcile(&["validate", "-o", "short", path(&directory)]).expect_code(3);
    assert!(ended.stdout.contains("other.yaml:") && ended.stdout.contains("shop.yaml:"), "{ended}");
}

#[test]
fn a_warning_is_no_error() {
    let text = manifests("shop", &[service("web")]);
    let unused = "---\napiVersion: reconcile/v1\nkind: TaskDefinition\nmetadata: { name: idle }\nspec:\n  \
                  containerDefinitions: [{ name: main, image: a, memory: 64 }]\n";
    let directory = directory(&format!("{text}{unused}"));
    reconcile(&["validate", path(&directory)]).expect_code(0).expect_said(&["warning[RC132]"]);
}

#[test]
fn where_there_are_no_manifests_nothing_is_wished() {
    let empty = TempDir::with_prefix("reconcile-cli-").expect("a temporary directory");
    let missing = empty.path().join("missing");
    let blank = directory("# nothing but a comment\n");
    let broken = directory("a: [\n");
    let torn = directory("apiVersion: reconcile/v1\nkind: Serv");
    let binary = directory("kind: \u{0}\u{1}");
    for place in [empty.path(), &missing, blank.path(), broken.path(), torn.path(), binary.path()] {
        let place = place.to_str().expect("a path that we made is text");
        for arguments in [&["validate", place][..], &[place], &["--dry-run", place], &["--watch", place]] {
            Program::new(arguments).env("DOCKER_HOST", NOWHERE).run().expect_code(3);
        }
    }
}

#[test]
fn what_cannot_be_read_is_a_problem() {
    let directory = valid();
    // A link that leads nowhere and one that leads to itself cannot be read by anybody, not even by root.
    std::os::unix::fs::symlink("nowhere", directory.path().join("gone.yaml")).expect("a link");
    std::os::unix::fs::symlink("loop.yaml", directory.path().join("loop.yaml")).expect("a link");
    let ended = reconcile(&["validate", path(&directory)]).expect_code(3);
    ended.expect_said(&["gone.yaml", "loop.yaml"]);
}

#[test]
fn each_kind_has_a_schema() {
    for kind in ["Cluster", "TaskDefinition", "Service", "service", "plan", "Validation"] {
        let schema = reconcile(&["schema", kind]).expect_code(0).json();
        assert!(schema["title"].as_str().is_some_and(|title| title.eq_ignore_ascii_case(kind)), "{schema:#}");
    }
    reconcile(&["schema", "Pod"]).expect_code(64).expect_said(&["Cluster, TaskDefinition, Service"]);
}

#[test]
fn the_schemas_in_the_repository_are_fresh() {
    let fresh = TempDir::with_prefix("reconcile-cli-").expect("a temporary directory");
    reconcile(&["schema", "--directory", path(&fresh)]).expect_code(0);
    for kind in ["Cluster", "TaskDefinition", "Service", "Plan", "Validation", "reconcile.schema"] {
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schemas/{kind}.json"));
        let fresh = std::fs::read_to_string(fresh.path().join(format!("{kind}.json"))).expect("it was just written");
        let kept = std::fs::read_to_string(kept).unwrap_or_default();
        assert!(kept == fresh, "schemas/{kind}.json is stale: run `reconcile schema`");
    }
}

#[test]
fn a_code_is_explained() {
    let directory = invalid();
    reconcile(&["validate", path(&directory)]).expect_code(3).expect_said(&["RC101"]);
    let page = reconcile(&["explain", "rc101"]).expect_code(0);
    assert!(page.stdout.starts_with("RC101: ") && page.stdout.contains("desiredCount: 3"), "{page}");
    assert!(reconcile(&["explain"]).expect_code(0).stdout.lines().count() > 30);
    reconcile(&["explain", "RC999"]).expect_code(64).expect_said(&["reconcile explain"]);
}

#[test]
fn what_can_be_repaired_is_repaired_and_said() {
    let text = manifests("shop", &[service("web").line("# how many\n  desiredCuont: '2'   # two")]);
    let directory = directory(&text.replace("  desiredCount: 1\n", ""));
    let file = directory.path().join("shop.yaml");
    let before = std::fs::read_to_string(&file).expect("our own file");
    reconcile(&["validate", path(&directory)]).expect_code(3).expect_said(&[
        "To repair 1 of them",
        "--fix",
        "reconcile explain RC101",
    ]);
    assert_eq!(std::fs::read_to_string(&file).expect("our own file"), before, "without --fix nothing is written");
    let said = ["fixed ", "desiredCuont -> desiredCount", "'2' -> 2", "3 manifests in 1 file valid"];
    reconcile(&["validate", "--fix", path(&directory)]).expect_code(0).expect_said(&said);
    let after = std::fs::read_to_string(&file).expect("our own file");
    assert_eq!(after, before.replace("desiredCuont: '2'", "desiredCount: 2"));
    let again = reconcile(&["validate", "--fix", path(&directory)]).expect_code(0);
    again.expect_said(&["Nothing was changed"]);
    assert_eq!(std::fs::read_to_string(&file).expect("our own file"), after);
}

#[test]
fn a_project_begins_valid_and_is_never_overwritten() {
    let outside = TempDir::with_prefix("reconcile-cli-").expect("a temporary directory");
    let project = outside.path().join("shop");
    let init = |code| reconcile(&["init", project.to_str().expect("a path that we made is text")]).expect_code(code);
    init(0);
    let ended = Program::new(["validate"]).directory(&project).run().expect_code(0);
    assert_eq!(ended.stdout, "", "nothing is wrong, and there is no advice either");
    init(5).expect_said(&["cluster.yaml", "nothing is overwritten"]);
}

/// What a shell gets when it asks for the word after `words`.
fn completions(words: &[&str]) -> String {
    let words = ["--", "reconcile"].iter().chain(words);
    Program::new(words).env("RECONCILE_COMPLETE", "fish").env("DOCKER_HOST", NOWHERE).run().expect_code(0).stdout
}

#[test]
fn a_shell_gets_commands_flags_and_names() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = reconcile(&["completions", shell]).expect_code(0).stdout;
        assert!(script.contains("RECONCILE_COMPLETE"), "{script}");
    }
    assert!(completions(&["val"]).starts_with("validate"));
    assert!(completions(&["logs", "--fol"]).starts_with("--follow"));
    assert!(completions(&["explain", "RC10"]).contains("RC101\tA field is not known"));
    assert_eq!(completions(&["logs", "shop"]), "", "an engine that is not there is not waited for");
    let directory = valid();
    let asked = Program::new(["--", "reconcile", "run", "w"]).env("RECONCILE_COMPLETE", "fish");
    assert_eq!(asked.env("RECONCILE_DIR", directory.path()).run().expect_code(0).stdout, "web\n");
}

#[test]
fn every_command_has_a_manual_page() {
    let directory = TempDir::with_prefix("reconcile-cli-").expect("a temporary directory");
    reconcile(&["man", "--directory", path(&directory)]).expect_code(0);
    let whole = reconcile(&["man"]).expect_code(0).stdout;
    assert!(whole.starts_with(".ie") && whole.contains("Exit codes:"), "{whole}");
    let logs = reconcile(&["man", "logs"]).expect_code(0).stdout;
    let written = std::fs::read_to_string(directory.path().join("reconcile-logs.1")).expect("it was just written");
    assert_eq!(logs, written);
    reconcile(&["man", "nothing"]).expect_code(64);
}

#[test]
fn help_and_version_are_data() {
    let help = reconcile(&["--help"]).expect_code(0);
    assert!(help.stderr.is_empty() && help.stdout.contains("Exit codes:"), "{help}");
    let version = reconcile(&["--version"]).expect_code(0);
    assert_eq!(version.stdout, format!("reconcile {}\n", env!("CARGO_PKG_VERSION")));
    for command in ["validate", "schema", "status", "delete", "run", "stop", "tasks"] {
        assert!(help.stdout.contains(command), "{help}");
        reconcile(&[command, "--help"]).expect_code(0);
    }
}

#[test]
fn the_table_of_exit_codes_is_complete() {
    let help = reconcile(&["--help"]).stdout;
    for code in ["0", "1", "2", "3", "4", "5", "6", "64", "130", "143"] {
        let words = help.split(|c: char| !c.is_ascii_digit());
        assert!(words.into_iter().any(|word| word == code), "{code} is not explained:\n{help}");
    }
}

#[test]
fn wrong_usage_has_a_code_of_its_own() {
    let directory = valid();
    let directory = path(&directory);
    let wrong: [&[&str]; 14] = [
        &["--bogus"],
        &["a", "b"],
        &["--watch", "--dry-run"],
        &["--watch", "--timeout", "5s"],
        &["--timeout", "soon"],
        &["--detailed-exitcode"],
        &["-o", "json"],
        &["--dry-run", "-o", "yaml"],
        &["--allow-delete", "all"],
        &["validate", "-o", "xml"],
        &["delete", "--service", "web"],
        &["delete", "--service", "shop/web", "--cluster", "shop"],
        &["delete", "--service", "shop/web", "--volumes"],
        &["delete", "--cluster", "not a name"],
    ];
    for arguments in wrong {
        let program = Program::new(arguments).env("DOCKER_HOST", NOWHERE).env("RECONCILE_DIR", directory);
        let ended = program.run().expect_code(64);
        assert!(ended.stdout.is_empty() && ended.stderr.starts_with("error: "), "{arguments:?}: {ended}");
    }
}

#[test]
fn an_engine_that_is_not_there_has_a_code_of_its_own() {
    let directory = valid();
    let directory = path(&directory);
    let runs: [&[&str]; 4] = [&[directory], &["--dry-run", directory], &["status", directory], &["delete", directory]];
    for arguments in runs {
        let by_flag = Program::new(arguments.iter().copied().chain(["-H", NOWHERE])).run().expect_code(6);
        by_flag.expect_said(&["/nonexistent/engine.sock", "--host"]);
        let by_variable = Program::new(arguments).env("DOCKER_HOST", NOWHERE).run().expect_code(6);
        by_variable.expect_said(&["/nonexistent/engine.sock", "DOCKER_HOST"]);
    }
}

#[test]
fn a_watch_waits_for_an_engine_that_is_not_there() {
    let directory = valid();
    // Nobody else may have the cluster there meanwhile.
    let nowhere = format!("{NOWHERE}.watched");
    let run = Program::new(["--watch", path(&directory), "-H", &nowhere]).start();
    run.wait_for_talk("no answer since");
    run.signal("TERM");
    run.wait().expect_code(143);
}

#[test]
fn an_engine_that_never_answers_can_be_left() {
    let directory = valid();
    let socket = directory.path().join("engine.sock");
    let listener = UnixListener::bind(&socket).expect("a socket in our own directory");
    let host = format!("unix://{}", socket.display());
    let run = Program::new([path(&directory), "-H", &host]).start();
    // It has asked, and will hear nothing.
    let _asked = listener.accept().expect("the program asks");
    run.signal("INT");
    run.wait().expect_code(130);
}

#[test]
fn an_engine_that_is_none_is_named() {
    let directory = valid();
    let socket = directory.path().join("engine.sock");
    let listener = UnixListener::bind(&socket).expect("a socket in our own directory");
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let _ = connection.write_all(b"SSH-2.0-OpenSSH_9.2\r\n");
        }
    });
    let host = format!("unix://{}", socket.display());
    let ended = reconcile(&["--dry-run", path(&directory), "-H", &host]).expect_code(6);
    ended.expect_said(&["engine.sock"]);
}

#[test]
fn a_reader_that_has_read_enough_is_no_error() {
    let schema = Program::new(["schema", "TaskDefinition"]);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let ended = schema.stdout(writer).run().expect_code(0);
    assert_eq!(ended.stderr, "");
    let full = std::fs::File::options().write(true).open("/dev/full").expect("/dev/full");
    let _ = Program::new(["schema", "TaskDefinition"]).stdout(full).run();
    let help = Program::new(["--help"]);
    help.stdout(Stdio::null()).run().expect_code(0);
}

#[test]
fn no_escape_codes_leave_the_program_but_for_a_terminal() {
    let directory = invalid();
    let runs: [&[&str]; 3] =
        [&["validate", path(&directory)], &["--help"], &["--dry-run", path(&directory), "-H", NOWHERE]];
    for arguments in runs {
        for (name, value) in [("TERM", "xterm-256color"), ("NO_COLOR", "1")] {
            let ended = Program::new(arguments).env(name, value).run();
            assert!(!ended.all().contains('\u{1b}'), "{arguments:?}: {ended}");
        }
    }
}

/// `script` gives the program a terminal of its own.
fn on_a_terminal(variable: &str, arguments: &str) -> String {
    let program = env!("CARGO_BIN_EXE_reconcile");
    let script = format!("{variable} {program} {arguments}");
    let output =
        std::process::Command::new("script").args(["-qec", &script, "/dev/null"]).stdin(Stdio::null()).output();
    String::from_utf8_lossy(&output.expect("`script` of util-linux").stdout).into_owned()
}

#[test]
fn on_a_terminal_there_are_colours_unless_they_are_not_wanted() {
    let directory = invalid();
    let arguments = format!("validate {}", path(&directory));
    assert!(on_a_terminal("TERM=xterm-256color", &arguments).contains('\u{1b}'));
    assert!(!on_a_terminal("TERM=xterm-256color NO_COLOR=1", &arguments).contains('\u{1b}'));
    assert!(!on_a_terminal("TERM=dumb", &arguments).contains('\u{1b}'));
}

#[test]
fn a_hostile_text_cannot_steer_the_terminal() {
    let directory = directory("kind: \"\\e[2J\\e]0;owned\\a\"\n");
    let ended = reconcile(&["validate", path(&directory)]).expect_code(3);
    assert!(!ended.all().contains('\u{1b}') && !ended.all().contains('\u{7}'), "{ended}");
}

#[test]
fn huge_and_deep_files_end_in_a_clear_error() {
    let bomb = (1..12).fold("a0: &a0 [x, x]\n".to_owned(), |text, n| {
        let before = n - 1;
        format!(
            "{text}a{n}: &a{n} [*a{before}, *a{before}, *a{before}, *a{before}, *a{before}, *a{before}, *a{before}]\n"
        )
    });
    let deep = "[".repeat(100_000);
    let huge = format!("x: \"{}\"\n", "y".repeat(12 << 20));
    for text in [bomb, deep, huge] {
        let directory = directory(&text);
        let ended = reconcile(&["validate", "-o", "short", path(&directory)]).expect_code(3);
        assert!(ended.stdout.contains("error[") && ended.stdout.len() < 10_000, "{} bytes", ended.stdout.len());
    }
}

#[test]
fn a_directory_that_appears_later_does_not_start_a_watch() {
    // Whoever mistypes the name of a directory is told so, and does not wait for ever.
    let run = Program::new(["--watch", "/nonexistent/manifests", "-H", NOWHERE]).run();
    run.expect_code(3).expect_said(&["/nonexistent/manifests does not exist"]);
}

#[test]
fn a_signal_ends_it_at_any_moment() {
    let directory = valid();
    for delay in [0, 1, 2, 5, 10, 20] {
        let mut run = Program::new(["--watch", path(&directory), "-H", NOWHERE]).start();
        pause(Duration::from_millis(delay));
        run.signal("INT");
        until("it has ended", || !run.is_running());
        run.wait().expect_code(130);
    }
}
