//! The manifests where a pull request began, without an engine, without a network, and without `git`.

use serde_json::json;
use tempfile::TempDir;

use super::repository::{Repository, changes};
use crate::support::program::Program;
use crate::support::shop::{manifests, service};

#[test]
fn what_a_pull_request_changes() {
    let repository = Repository::new(&[service("web").count(3), service("api"), service("cron")]);
    repository
        .against_main(&["--detailed-exitcode"])
        .expect_code(0)
        .expect_said(&["No changes. 4 objects match deploy @ "]);
    // What happens on the other branch meanwhile is no part of it.
    repository.git(&["checkout", "-q", "main"]);
    repository.services(&[service("web").count(9)]);
    repository.commit();
    repository.git(&["checkout", "-q", "feature"]);
    repository.services(&[service("web").count(3).image("shop:2"), service("api").count(2), service("search")]);
    let head = repository.commit();
    let ended = repository.against_main(&[]).expect_code(0).expect_said(&[
        &format!("Desired   deploy @ {}: 7 manifests in 1 file, all valid\n", &head[..7]),
        "Against   main at ",
        ": 7 manifests in 1 file, not what really runs\n",
        "shop/search",
        "2 update (1 replaces tasks)",
        "1 create",
        "1 delete",
        "Tasks: 5 start, 4 stop, 3 replaced",
        "To do it, on the host:\n  reconcile deploy\n",
    ]);
    assert_eq!(ended.stderr, "", "{ended}");
    assert_eq!(repository.changes(), ["update shop/api", "create shop/search", "update shop/web", "delete shop/cron"]);
}

#[test]
fn the_document_says_what_was_compared() {
    let repository = Repository::new(&[service("web")]);
    let base = repository.git(&["rev-parse", "HEAD"]);
    repository.services(&[service("web").count(2)]);
    let head = repository.commit();
    let plan = repository.against_main(&["-o", "json", "--detailed-exitcode"]).expect_code(2).json();
    assert_eq!((&plan["outcome"], &plan["exitCode"]), (&json!("changes"), &json!(2)));
    assert_eq!((&plan["desired"]["revision"], &plan["desired"]["dirty"]), (&json!(head), &json!(false)));
    assert_eq!(plan["observed"]["source"], "git");
    let compared = json!({ "reference": "main", "mergeBase": base, "commit": base, "manifests": 3, "files": 1 });
    assert_eq!(plan["observed"]["git"], compared);
    let place = &plan["changes"][0]["fields"][0]["place"];
    assert_eq!(place["file"], "deploy/shop.yaml", "{plan:#}");
}

#[test]
fn settings_that_no_container_shows_are_compared_too() {
    let repository = Repository::new(&[service("web"), service("api")]);
    repository.services(&[service("web").percent(50, 150), service("api").image("shop:2").percent(0, 100)]);
    let ended = repository.against_main(&[]).expect_code(0).expect_said(&[
        "deploymentConfiguration.minimumHealthyPercent  100 -> 50",
        "deploymentConfiguration.maximumPercent  200 -> 150",
        "deploymentConfiguration.maximumPercent  200 -> 100",
        "deploy/shop.yaml:22:53",
        "2 update (1 replaces tasks), 1 unchanged",
        "Tasks: 1 start, 1 stop, 1 replaced",
    ]);
    // What does not change takes no step.
    assert!(!ended.stdout.contains("shop/web steady"), "{ended}");
    assert_eq!(repository.changes(), ["update shop/api", "update shop/web"]);
}

#[test]
fn the_commit_that_a_runner_merges_is_compared_with_its_branch() {
    let repository = Repository::new(&[service("web")]);
    repository.write("deploy/api.yaml", "apiVersion: reconcile/v1\nkind: Cluster\nmetadata: { name: bank }\n");
    repository.commit();
    repository.git(&["checkout", "-q", "main"]);
    repository.services(&[service("web").count(5)]);
    repository.commit();
    repository.git(&["checkout", "-q", "--detach"]);
    repository.git(&["merge", "-q", "--no-edit", "feature"]);
    assert_eq!(repository.changes(), ["create bank"]);
}

#[test]
fn a_directory_can_be_named_in_every_way() {
    let repository = Repository::new(&[service("web")]);
    repository.services(&[service("web").count(2)]);
    repository.commit();
    let absolute = repository.file("deploy");
    let absolute = absolute.to_str().expect("a path that we made is text");
    for (from, directory) in [
        ("", "deploy"),
        ("", "./deploy/"),
        ("", "deploy/shop.yaml"),
        ("", "."),
        ("", absolute),
        ("deploy", "."),
        ("deploy", "../deploy"),
    ] {
        let program = Program::new(["--dry-run", "--against", "git:main", "-o", "json", directory]);
        let plan = program.directory(&repository.file(from)).run().expect_code(0).json();
        assert_eq!(changes(&plan), ["update shop/web"], "{from} {directory}");
        assert_eq!(plan["desired"]["dirty"], false, "{from} {directory}");
    }
}

#[test]
fn what_cannot_be_compared_is_refused_with_what_to_do() {
    let repository = Repository::new(&[service("web")]);
    let refused = |reference: &str, code: i32, said: &[&str]| {
        let ended = repository.dry_run(&["--against", reference, "deploy"]).expect_code(code).expect_said(said);
        assert_eq!(ended.stdout, "", "{ended}");
    };
    refused(
        "git:nope",
        1,
        &["error: the Git repository has no commit `nope`; nothing is fetched here: git fetch origin nope"],
    );
    refused("git:mian", 1, &["did you mean `git:main`?"]);
    for name in ["git:", "git:-x", "git:--output=/tmp/x", "git:main:deploy", "git:a..b", "git:a b"] {
        refused(name, 64, &["cannot be the name of a Git revision"]);
    }
    refused("main", 64, &["expected git:REF, such as git:origin/main, or snapshot:FILE"]);
    repository.dry_run(&["--against", "git:main", "--host", "unix:///x", "deploy"]).expect_code(64);
    repository.dry_run(&["--against", "git:main", "nowhere"]).expect_code(3).expect_said(&["nowhere does not exist"]);
    // A program that reads the answer gets one.
    let answer = repository.dry_run(&["--against", "git:nope", "-o", "json", "deploy"]).expect_code(1).json();
    assert_eq!(
        (&answer["kind"], &answer["outcome"], &answer["exitCode"]),
        (&json!("Plan"), &json!("failed"), &json!(1))
    );
    assert!(answer["error"].as_str().is_some_and(|error| error.contains("no commit `nope`")), "{answer:#}");
}

#[test]
fn without_a_repository_or_a_commit_there_is_nothing_to_compare_with() {
    let nowhere = TempDir::with_prefix("reconcile-git-").expect("a temporary directory");
    std::fs::create_dir(nowhere.path().join("deploy")).expect("a directory in our own");
    std::fs::write(nowhere.path().join("deploy/shop.yaml"), manifests("shop", &[service("web")])).expect("a file");
    let run = || Program::new(["--dry-run", "--against", "git:main", "deploy"]).directory(nowhere.path()).run();
    run().expect_code(1).expect_said(&["deploy is not in a Git repository, so it has no revisions to compare with"]);
    let repository = Repository::empty();
    repository.services(&[service("web")]);
    repository.against_main(&[]).expect_code(1).expect_said(&["has no commit yet"]);
    repository.commit();
    repository.git(&["checkout", "-q", "--orphan", "alone"]);
    repository.services(&[service("api")]);
    repository.commit();
    repository.against_main(&[]).expect_code(1).expect_said(&["`main` and HEAD have no common ancestor"]);
}

#[test]
fn a_shallow_clone_is_told_from_a_wrong_name() {
    let origin = Repository::new(&[service("web")]);
    for count in [2, 3] {
        origin.services(&[service("web").count(count)]);
        origin.commit();
    }
    let clone = Repository::empty();
    let url = format!("file://{}", origin.path().display());
    clone.git(&["remote", "add", "origin", &url]);
    clone.git(&["fetch", "-q", "--depth", "1", "origin", "feature"]);
    clone.git(&["checkout", "-q", "-b", "feature", "FETCH_HEAD"]);
    let against = || clone.dry_run(&["--against", "git:origin/main", "deploy"]);
    against()
        .expect_code(1)
        .expect_said(&["no commit `origin/main`; this clone is shallow", "`fetch-depth: 0` of actions/checkout"]);
    clone.git(&["fetch", "-q", "--depth", "1", "origin", "main:refs/remotes/origin/main"]);
    against()
        .expect_code(1)
        .expect_said(&["does not reach back to where `origin/main` and HEAD parted", "git fetch --unshallow"]);
    clone.git(&["fetch", "-q", "--unshallow", "origin"]);
    against().expect_code(0).expect_said(&["desiredCount  1 -> 3"]);
}

#[test]
fn a_partial_clone_fetches_nothing() {
    let origin = Repository::new(&[service("web")]);
    origin.git(&["config", "uploadpack.allowFilter", "true"]);
    origin.services(&[service("web").count(2)]);
    origin.commit();
    let clone = Repository::empty();
    let url = format!("file://{}", origin.path().display());
    clone.git(&["remote", "add", "origin", &url]);
    clone.git(&["fetch", "-q", "--filter=blob:none", "origin"]);
    clone.git(&["checkout", "-q", "-b", "feature", "origin/feature"]);
    let against = || clone.dry_run(&["--against", "git:origin/main", "deploy"]);
    against().expect_code(1).expect_said(&[
        "error[RC006]",
        "this is a partial clone (clone without --filter: nothing is fetched here)",
        "are not all in this clone; there is nothing to compare with",
    ]);
    clone.git(&["show", "origin/main:deploy/shop.yaml"]);
    against().expect_code(0).expect_said(&["desiredCount  1 -> 2"]);
}

#[test]
fn a_directory_that_is_new_makes_all_new() {
    let repository = Repository::empty();
    repository.write("README.md", "nothing yet");
    repository.commit();
    repository.git(&["checkout", "-q", "-b", "feature"]);
    repository.services(&[service("web")]);
    repository.commit();
    repository.against_main(&[]).expect_code(0).expect_said(&[": no manifests there, so all is new\n"]);
    assert_eq!(repository.changes(), ["create shop", "create shop/web"]);
}

#[test]
fn a_file_that_was_renamed_or_taken_apart_changes_nothing() {
    let repository = Repository::new(&[service("web"), service("api")]);
    let text = std::fs::read_to_string(repository.file("deploy/shop.yaml")).expect("we wrote it");
    repository.remove("deploy/shop.yaml");
    for (number, document) in text.split("---\n").enumerate() {
        repository.write(&format!("deploy/parts/{number}.yaml"), document);
    }
    repository.commit();
    assert_eq!(repository.changes(), Vec::<String>::new());
}

#[test]
fn links_lead_to_what_was_committed() {
    let repository = Repository::empty();
    let shared = |count| manifests("shop", &[service("web").count(count)]);
    repository.write("shared/shop.yaml", &shared(1));
    std::fs::create_dir(repository.file("deploy")).expect("a directory in our own");
    std::os::unix::fs::symlink("../shared", repository.file("deploy/all")).expect("a link");
    repository.commit();
    repository.git(&["checkout", "-q", "-b", "feature"]);
    repository.write("shared/shop.yaml", &shared(2));
    repository.commit();
    assert_eq!(repository.changes(), ["update shop/web"]);
    // What a link leads to outside of the repository has no history.
    let outside = TempDir::with_prefix("reconcile-git-").expect("a temporary directory");
    std::fs::write(outside.path().join("api.yaml"), "x-nothing: here").expect("a file in our own");
    std::os::unix::fs::symlink(outside.path(), repository.file("deploy/outside")).expect("a link");
    repository.commit();
    repository.remove("deploy/outside");
    let ended = repository.dry_run(&["--against", "git:HEAD", "deploy"]).expect_code(0);
    ended.expect_said(&["warning[RC152]", "the last valid ones, which such a host keeps"]);
}

#[test]
fn a_submodule_is_compared_at_its_commit() {
    let shared = Repository::empty();
    shared.write("shop.yaml", &manifests("shop", &[service("web")]));
    shared.commit();
    let repository = Repository::empty();
    repository.git(&["submodule", "--quiet", "add", &shared.path().display().to_string(), "deploy/shared"]);
    repository.commit();
    repository.git(&["checkout", "-q", "-b", "feature"]);
    repository.write("deploy/shared/shop.yaml", &manifests("shop", &[service("web").count(2)]));
    assert_eq!(repository.changes(), ["update shop/web"]);
    // A checkout without submodules has neither half: that is no wish to delete what they hold.
    repository.git(&["submodule", "--quiet", "deinit", "--force", "deploy/shared"]);
    repository.write("deploy/shop.yaml", &manifests("bank", &[service("api")]));
    let ended = repository.against_main(&[]).expect_code(1);
    ended.expect_said(&["the submodule deploy/shared is not here at commit ", "git submodule update --init"]);
}

#[test]
fn manifests_that_are_not_valid_at_the_base_do_not_stop_the_repair() {
    let repository = Repository::empty();
    repository.services(&[service("web")]);
    let valid = repository.commit();
    repository.services(&[service("web").line("desiredCuont: 2")]);
    let broken = repository.commit();
    repository.git(&["checkout", "-q", "-b", "feature"]);
    repository.services(&[service("web").count(2)]);
    repository.commit();
    repository.against_main(&[]).expect_code(0).expect_said(&[
        &format!("Against   main at {}, the last valid manifests before {}: 3 manifests", &valid[..7], &broken[..7]),
        &format!(
            "warning[RC152]: the manifests of main at {} are not valid (1 error): compared with {}",
            &broken[..7],
            &valid[..7]
        ),
        "desiredCount  1 -> 2",
    ]);
}

#[test]
fn where_nothing_before_was_valid_nothing_is_compared() {
    let repository = Repository::empty();
    repository.services(&[service("web").line("desiredCuont: 2")]);
    repository.commit();
    repository.git(&["checkout", "-q", "-b", "feature"]);
    repository.services(&[service("web")]);
    repository.commit();
    let ended = repository.against_main(&[]).expect_code(3);
    ended.expect_said(&["the manifests of the merge base, ", "nor are those of any commit before it", "desiredCuont"]);
    let answer = repository.against_main(&["-o", "json"]).expect_code(3).json();
    assert_eq!((&answer["outcome"], &answer["exitCode"]), (&json!("invalid"), &json!(3)));
    assert_eq!(answer["diagnostics"].as_array().map(Vec::len), Some(1), "{answer:#}");
}

#[test]
fn files_beside_the_manifests_belong_to_their_revision() {
    let web = service("web")
        .container("environmentFiles: [{ value: web.env, type: file }]")
        .container("secrets: [{ name: TOKEN, valueFrom: 'file:private/token:token::' }]");
    let secret = |value: &str| format!("{{ \"token\": \"{value}\", \"other\": \"x\" }}");
    let repository = Repository::empty();
    repository.write("deploy/web.env", "GREETING=hello\nDB_PASSWORD=open-sesame-1\n");
    repository.write("deploy/private/token", &secret("open-sesame-2"));
    repository.services(&[web]);
    repository.commit();
    repository.git(&["checkout", "-q", "-b", "feature"]);
    assert_eq!(repository.changes(), Vec::<String>::new());
    repository.write("deploy/web.env", "GREETING=bye\nDB_PASSWORD=open-sesame-1\n");
    let ended = repository.against_main(&[]).expect_code(0);
    ended.clone().expect_said(&[
        "environment.GREETING  hello -> bye",
        "deploy/web.env:1:1",
        "with changes that are not committed",
    ]);
    assert!(!ended.all().contains("DB_PASSWORD"), "{ended}");
    repository.git(&["checkout", "-q", "deploy/web.env"]);
    repository.write("deploy/private/token", &secret("open-sesame-3"));
    let ended = repository.against_main(&[]).expect_code(0).expect_said(&["secrets.TOKEN", "(sensitive, changed)"]);
    assert!(!ended.all().contains("open-sesame"), "{ended}");
    // Another entry of the file is no change of this one.
    repository.write("deploy/private/token", &secret("open-sesame-2").replace("\"x\"", "\"y\""));
    assert_eq!(repository.changes(), Vec::<String>::new());
    // A secret that is not there, as on any runner, has not changed.
    repository.remove("deploy/private/token");
    assert_eq!(repository.changes(), Vec::<String>::new());
}

#[test]
fn a_file_that_has_no_history_is_taken_as_it_is() {
    let web = |image: &str| service("web").image(image).container("environmentFiles: [{ value: web.env, type: file }]");
    let repository = Repository::empty();
    repository.write(".gitignore", "*.env\n");
    repository.write("deploy/web.env", "A=1\n");
    repository.services(&[web("shop:1")]);
    repository.commit();
    repository.git(&["checkout", "-q", "-b", "feature"]);
    assert_eq!(repository.changes(), Vec::<String>::new());
    repository.services(&[web("shop:2")]);
    let plan = repository.against_main(&["-o", "json"]).expect_code(0).json();
    let fields: Vec<_> = plan["changes"][0]["fields"].as_array().expect("fields").iter().map(|f| &f["path"]).collect();
    assert_eq!(fields, ["image"], "{plan:#}");
}

#[test]
fn a_sensitive_value_is_compared_and_not_shown() {
    let web = |password: &str| {
        let line = format!("environment: [{{ name: DB_PASSWORD, value: {password} }}, {{ name: A, value: b }}]");
        service("web").container(&line)
    };
    let repository = Repository::new(&[web("open-sesame-1")]);
    assert_eq!(repository.changes(), Vec::<String>::new());
    repository.services(&[web("open-sesame-2")]);
    let ended =
        repository.against_main(&[]).expect_code(0).expect_said(&["environment.DB_PASSWORD  (sensitive, changed)"]);
    let json = repository.against_main(&["-o", "json"]).expect_code(0);
    assert!(!ended.all().contains("open-sesame") && !json.all().contains("open-sesame"), "{ended}");
}

#[test]
fn what_is_not_committed_counts_and_is_spoken_of() {
    let repository = Repository::new(&[service("web")]);
    let dirty = || repository.against_main(&["-o", "json"]).expect_code(0).json()["desired"]["dirty"].clone();
    assert_eq!(dirty(), false);
    repository.services(&[service("web").count(2)]);
    repository
        .against_main(&[])
        .expect_code(0)
        .expect_said(&["with changes that are not committed", "desiredCount  1 -> 2"]);
    assert_eq!(dirty(), true);
    repository.commit();
    assert_eq!(dirty(), false);
    repository.write("deploy/more.yaml", "apiVersion: reconcile/v1\nkind: Cluster\nmetadata: { name: bank }\n");
    assert_eq!(dirty(), true);
    repository.commit();
    repository.remove("deploy/more.yaml");
    assert_eq!(dirty(), true);
    repository.commit();
    // The line ends that Git puts into a work tree are no change.
    let text = std::fs::read_to_string(repository.file("deploy/shop.yaml")).expect("we wrote it");
    repository.write("deploy/shop.yaml", &text.replace('\n', "\r\n"));
    assert_eq!(dirty(), false);
}

#[test]
fn a_plan_has_the_same_id_however_it_is_written() {
    let repository = Repository::new(&[service("web").count(2), service("api")]);
    let id = || repository.against_main(&["-o", "json"]).expect_code(0).json()["planId"].clone();
    repository.services(&[service("web").count(2).image("shop:2"), service("api")]);
    let first = id();
    assert_eq!(id(), first);
    let text = manifests("shop", &[service("api"), service("web").count(2).image("shop:2")]);
    repository.write("deploy/shop.yaml", &format!("# a note\n\n{text}"));
    assert_eq!(id(), first);
    repository.services(&[service("web").count(3).image("shop:2"), service("api")]);
    assert_ne!(id(), first);
}

#[test]
fn a_check_can_forbid_what_a_plan_does() {
    let repository = Repository::new(&[service("web").count(2), service("api"), service("cron")]);
    let code = |arguments: &[&str]| repository.against_main(arguments).code();
    assert_eq!(code(&["--fail-on", "delete,replace,downtime"]), 0);
    repository.services(&[service("web").count(2).image("shop:2"), service("api"), service("cron")]);
    assert_eq!([code(&["--fail-on", "delete,downtime"]), code(&["--fail-on", "replace"])], [0, 5]);
    // What is forbidden weighs more than that there are changes.
    let ended = repository.against_main(&["--fail-on", "delete,replace", "--detailed-exitcode"]).expect_code(5);
    ended.expect_said(&["The plan has what --fail-on forbids (exit code 5): replace shop/web."]);
    assert_eq!(code(&["--fail-on", "delete", "--detailed-exitcode"]), 2);
    repository.services(&[service("web").count(2), service("api").image("shop:2").percent(0, 100)]);
    let plan =
        repository.against_main(&["--fail-on", "downtime", "--fail-on", "delete", "-o", "json"]).expect_code(5).json();
    assert_eq!((&plan["outcome"], &plan["exitCode"]), (&json!("forbidden"), &json!(5)));
    let found = json!([
        { "kind": "delete", "object": "shop/cron" },
        { "kind": "downtime", "object": "shop/api" },
        { "kind": "downtime", "object": "shop/cron" },
    ]);
    assert_eq!(plan["forbidden"], found);
    repository.dry_run(&["--fail-on", "sadness"]).expect_code(64);
    Program::new(["--fail-on", "delete", "deploy"]).run().expect_code(64);
}

#[test]
fn a_mass_deletion_is_refused_before_it_is_merged() {
    let repository = Repository::new(&[service("web"), service("api"), service("cron")]);
    repository.services(&[service("web")]);
    let ended = repository.against_main(&["--fail-on", "delete"]).expect_code(5);
    ended.expect_said(&["2 of 3 services would be deleted", "if this is meant: reconcile deploy --allow-delete=2"]);
    repository.against_main(&["--allow-delete=2"]).expect_code(0);
}
