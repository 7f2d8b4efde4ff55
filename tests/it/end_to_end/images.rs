//! Images: fetched from a registry on this machine, pinned, and refused with a reason.

use std::os::unix::fs::PermissionsExt;

use crate::support::registry::{PASSWORD, Registry, USER};
use crate::support::shop::{Shop, service};
use crate::support::wait::until;

#[test]
fn an_image_is_fetched_and_all_tasks_of_its_deployment_are_made_from_it() {
    let mut registry = Registry::open();
    let shop = Shop::new("pull");
    let image = registry.push("1");
    shop.write(&[service("web").image(&image).count(2), service("api").image(&image)]);
    let ended = shop.converge();
    ended.clone().expect_said(&[&format!("pulling   {image}"), &format!("pulled    {image}")]);
    assert_eq!(ended.stderr.matches("pulling   ").count(), 1, "one fetch for all: {ended}");
    shop.expect_quiet();
    let first = shop.running("web")[0].label("image").to_owned();
    let digest = shop.running("web")[0].label("image-digest").to_owned();
    assert!(first.starts_with("sha256:") && digest.contains("/reconcile-it@sha256:"), "{first} {digest}");

    // The tag comes to mean another image, here and in the registry: what is added is made from the first one.
    registry.push("1");
    registry.build("1");
    shop.write(&[service("web").image(&image).count(3), service("api").image(&image)]);
    shop.converge();
    shop.expect_tasks("web", 3);
    assert!(
        shop.running("web").iter().all(|container| container.label("image") == first),
        "{:#?}",
        shop.running("web")
    );
    let status = shop.run(&["status", "-o", "json"]);
    assert!(status.stdout.contains(&first), "{status}");

    // A new deployment looks the tag up again.
    shop.write(&[service("web").image(&image).count(1).container("user: '0'")]);
    shop.run(&["--allow-delete=1"]).expect_code(0);
    assert_ne!(shop.only("web").label("image"), first);
    shop.expect_quiet();
}

#[test]
fn an_image_that_was_removed_comes_back_by_its_digest() {
    let mut registry = Registry::open();
    let shop = Shop::new("digest");
    let image = registry.push("1");
    shop.write(&[service("web").image(&image)]);
    shop.converge();
    let before = shop.only("web");
    shop.engine.remove(&before.id);
    // Another test's container cannot have it: its layer is of this test alone.
    let removed = shop.engine.try_call("DELETE", &format!("/images/{}?force=1", before.label("image")), None);
    assert_eq!(removed.expect("an answer").status, 200);
    // The memory of the deployment went with its only container, and the tag means the same: it is fetched anew.
    shop.converge().expect_said(&["pulled"]);
    assert_eq!(shop.only("web").label("image"), before.label("image"));
}

#[test]
fn each_behaviour_does_as_it_says_without_the_registry() {
    let mut registry = Registry::open();
    let shop = Shop::new("behave");
    let image = registry.push("1");
    shop.write(&[service("web").image(&image).line("imagePullBehavior: default")]);
    shop.converge().expect_said(&["pulled"]);
    drop(registry);
    // The registry is gone, and with it the image of the registry's own test; this engine has it as long as the container lives.
    let again = |behavior: &str, number: u32| {
        let line = format!("imagePullBehavior: {behavior}");
        let user = format!("dockerLabels: {{ n: '{number}' }}");
        shop.write(&[service("web").image("reconcile-shop:1").container(&user).line(&line)]);
        shop.run(&["--timeout", "100s"])
    };
    again("prefer-cached", 1).expect_code(0);
    again("default", 2).expect_code(0).expect_said(&["failed    pull reconcile-shop:1"]);
    again("always", 3).expect_code(4).expect_said(&["reconcile-shop:1"]);
    shop.expect_tasks("web", 1);
}

#[test]
fn a_private_registry_is_asked_with_what_docker_login_has_stored() {
    let mut registry = Registry::with_password();
    let shop = Shop::new("private");
    let image = registry.push("1");
    shop.write(&[service("web").image(&image)]);
    let nobody = shop.scratch.path().join("nobody");
    std::fs::create_dir(&nobody).expect("a directory");
    let run = |config: &std::path::Path| shop.program(&["--timeout", "100s"]).env("DOCKER_CONFIG", config);
    let refused = run(&nobody).run().expect_code(4);
    refused.clone().expect_said(&["does not give out the image", "without credentials", "docker login"]);

    // A helper that knows another password: nothing of what it says is shown.
    let helper = shop.scratch.path().join("docker-credential-fake");
    let script = format!("#!/bin/sh\nread -r server\necho '{{\"Username\":\"{USER}\",\"Secret\":\"wrong-secret\"}}'\n");
    std::fs::write(&helper, script).expect("a file");
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).expect("a program");
    std::fs::write(nobody.join("config.json"), r#"{"credsStore":"fake"}"#).expect("a file");
    let path = format!("{}:{}", shop.scratch.path().display(), std::env::var("PATH").unwrap_or_default());
    let wrong = run(&nobody).env("PATH", &path).run().expect_code(4);
    wrong.clone().expect_said(&["the credential helper `fake`"]);
    assert!(!wrong.all().contains("wrong-secret"), "{wrong}");

    let good = run(registry.docker_config()).run().expect_code(0);
    assert!(!good.all().contains(PASSWORD), "{good}");
    shop.expect_tasks("web", 1);
    let labels = shop.engine.inspect(&shop.only("web").id).to_string();
    assert!(!labels.contains(PASSWORD) && !labels.contains("wrong-secret"), "{labels}");
}

#[test]
fn a_private_registry_is_asked_with_the_secret_that_the_manifest_names() {
    let mut registry = Registry::with_password();
    let shop = Shop::new("named");
    let image = registry.push("1");
    let nobody = shop.scratch.path().join("nobody");
    std::fs::create_dir(&nobody).expect("a directory");
    let credentials = "repositoryCredentials: { credentialsParameter: 'env:RECONCILE_IT_REGISTRY' }";
    shop.write(&[service("web").image(&image).container(credentials)]);
    let secret = serde_json::json!({ "username": USER, "password": PASSWORD }).to_string();
    let program = shop.program(&["--timeout", "100s"]).env("DOCKER_CONFIG", &nobody);
    let ended = program.env("RECONCILE_IT_REGISTRY", &secret).run().expect_code(0);
    assert!(!ended.all().contains(PASSWORD), "{ended}");
    shop.expect_tasks("web", 1);
}

#[test]
fn what_was_fetched_once_is_not_fetched_again_by_another_process() {
    let mut registry = Registry::open();
    let shop = Shop::new("once");
    let image = registry.push("1");
    let state = shop.scratch.path().join("state");
    let run = |user: &str| {
        let user = format!("user: '{user}'");
        shop.write(&[service("web").image(&image).container(&user).line("imagePullBehavior: once")]);
        shop.program(&["--timeout", "100s"]).env("RECONCILE_STATE_DIR", &state).run().expect_code(0)
    };
    run("0").expect_said(&["pulled"]);
    assert!(!run("1").all().contains("pull"), "the file remembers it");
    std::fs::remove_dir_all(&state).expect("it was made");
    run("2").expect_said(&["pulled"]);
}

#[test]
fn a_secret_that_nobody_can_read_is_told() {
    let registry = Registry::open();
    let shop = Shop::new("secret");
    let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:registry";
    let line = format!("repositoryCredentials: {{ credentialsParameter: '{arn}' }}");
    shop.write(&[service("web").image(&format!("{}/nothing:1", registry.host())).container(&line)]);
    shop.run(&[]).expect_code(4).expect_said(&[arn, "--secret-command"]);
}

#[test]
fn an_image_that_the_registry_does_not_have_is_told_at_once() {
    let mut registry = Registry::open();
    let shop = Shop::new("absent");
    let image = registry.push("1");
    let wrong = image.replace(":1", ":9").replace("127.0.0:9", "127.0.0:1");
    let wrong = format!("{}:9", wrong.rsplit_once(':').expect("a tag").0);
    registry.build("2");
    shop.write(&[service("web").image(&wrong)]);
    let ended = shop.run(&[]).expect_code(4);
    ended.expect_said(&["the registry does not have the image", "did you mean", "reconcile-it:2"]);
}

#[test]
fn a_tag_that_is_built_anew_is_taken_by_the_next_deployment() {
    let mut registry = Registry::open();
    let shop = Shop::new("rebuild");
    let image = registry.build("1");
    shop.write(&[service("web").image(&image)]);
    let mut run = shop.watch();
    until("the task runs", || shop.running("web").len() == 1);
    let first = shop.only("web");
    registry.build("1");
    shop.engine.kill(&first.id);
    until("another task runs", || shop.running("web").iter().any(|container| container.id != first.id));
    assert_eq!(shop.only("web").label("image"), first.label("image"));
    shop.write(&[service("web").image(&image).container("dockerLabels: { build: '2' }")]);
    until("the next deployment runs", || {
        shop.running("web").iter().any(|container| container.label("image") != first.label("image"))
    });
    assert!(run.is_running());
}

#[tokio::test]
async fn an_image_that_nobody_refers_to_can_be_removed() {
    use reconcile::engine::docker::{Docker, Endpoint};
    use reconcile::engine::{Observe, Perform};
    use reconcile::plan::{Action, Effect, Outcome};

    let mut registry = Registry::open();
    let image = registry.push("1");
    let shop = Shop::new("unused");
    let docker = Docker::new(Endpoint::find(Some(&shop.engine.host())).expect("an address"));
    let pull = Action::PullImage { image: image.clone(), credentials: None, platform: None };
    assert_eq!(docker.perform(&pull).await, Outcome::Done(Effect::Pulled));
    let id = docker.look_up_image(&image).await.expect("an answer").expect("it was fetched").id;
    let user = shop.start_foreign(&format!("{}-user", shop.cluster), &serde_json::json!({ "Image": image }));
    let unused = [(image.clone(), id)];
    assert_eq!(docker.remove_images(&unused).await, [], "somebody else's container has it");
    shop.engine.remove(&user);
    assert_eq!(docker.remove_images(&unused).await, [(image.clone(), true)]);
    assert_eq!(docker.look_up_image(&image).await, Ok(None));
    assert!(docker.pulls().is_empty(), "nothing is under way");
}

/// The registry has the image for the machine that runs this, and is asked for another one.
#[test]
fn an_image_is_asked_for_with_the_platform_of_the_manifest() {
    let mut registry = Registry::open();
    let shop = Shop::new("platform");
    let image = registry.push("1");
    shop.engine.try_call("DELETE", &format!("/images/{image}"), None).expect("an answer");
    let (other, name) = if cfg!(target_arch = "aarch64") { ("X86_64", "amd64") } else { ("ARM64", "arm64") };
    let platform = format!("runtimePlatform: {{ cpuArchitecture: {other} }}");
    shop.write(&[service("web").image(&image).definition(&platform)]);
    let ended = shop.run(&["--timeout", "20s"]).expect_code(4);
    ended.expect_said(&[&format!("linux/{name}")]);
    assert_eq!(shop.containers(), []);
}
