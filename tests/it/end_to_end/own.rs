//! What is ours and what is not.

use serde_json::{Value, json};

use crate::support::shop::{Shop, manifests, service};

/// What must not change about somebody else's container. The engine counts and measures in the rest.
fn essence(shop: &Shop, id: &str) -> Value {
    let all = shop.engine.inspect(id);
    json!([all["Id"], all["Name"], all["Created"], all["State"], all["Config"], all["NetworkSettings"]["Networks"]])
}

#[test]
fn what_only_looks_like_ours_is_not_touched() {
    let shop = Shop::new("foreign");
    shop.write(&[service("web"), service("gone"), service("api")]);
    shop.converge();
    let name = shop.only("web").name;
    let network = shop.engine.networks(&shop.label())[0]["Id"].as_str().unwrap_or_default().to_owned();
    shop.engine.remove(&shop.only("web").id);

    // The very name that ours will want; and labels that are ours in part.
    let same_name = shop.start_foreign(&name, &json!({}));
    let cluster = shop.cluster.as_str();
    let in_part = shop.start_foreign(
        &format!("{cluster}.gone.0.main"),
        &json!({ "Labels": { "reconcile.cluster": cluster, "reconcile.service": "gone", "reconcile.slot": "0" } }),
    );
    // In our network, without any label of ours.
    let guest = shop.start_foreign(&format!("{cluster}-guest"), &json!({ "HostConfig": { "NetworkMode": network } }));
    // A network of our network's name.
    let twin = json!({ "Name": format!("reconcile.{cluster}"), "Labels": { "reconcile-it": cluster } });
    let twin = shop.engine.call("POST", "/networks/create", Some(&twin))["Id"].as_str().unwrap_or_default().to_owned();
    let look = || {
        let network = shop.engine.get(&format!("/networks/{twin}"));
        let containers = [&same_name, &in_part, &guest].map(|id| essence(&shop, id));
        json!([containers, network["Id"], network["Labels"], network["Containers"]])
    };
    let before = look();

    shop.converge();
    let web = shop.only("web");
    assert_ne!(web.name, name, "somebody else has that name");
    shop.expect_quiet();
    shop.write(&[service("web").count(2), service("api")]);
    shop.converge();
    assert_eq!(shop.running("gone").iter().filter(|container| container.id != in_part).count(), 0);
    assert_eq!(before, look());
    // Our network cannot go while a guest is in it: that is no reason to throw the guest out.
    let _ = shop.run(&["delete", "--timeout", "10s"]);
    assert_eq!(before, look());
}

#[test]
fn a_service_that_nobody_asks_for_goes() {
    let shop = Shop::new("prune");
    shop.write(&[service("web"), service("api"), service("old")]);
    shop.converge();
    let before = shop.ids();
    shop.write(&[service("web"), service("api")]);
    shop.run(&["--dry-run"]).expect_code(0).expect_said(&["old"]);
    shop.converge();
    assert_eq!(shop.containers().iter().filter(|container| container.label("service") == "old").count(), 0);
    let after = shop.ids();
    assert_eq!((&before["web/0/main"], &before["api/0/main"]), (&after["web/0/main"], &after["api/0/main"]));
    shop.expect_quiet();
}

#[test]
fn much_is_deleted_only_when_it_is_meant() {
    let shop = Shop::new("many");
    shop.write(&[service("web"), service("api"), service("old")]);
    shop.converge();
    let before = shop.ids();
    shop.write(&[service("web")]);
    for arguments in [&[][..], &["--allow-delete=1"], &["--allow-delete=3"], &["--dry-run"]] {
        let ended = shop.run(arguments).expect_code(5);
        ended.expect_said(&["2 of 3 services would be deleted", "/api", "/old", "--allow-delete=2"]);
    }
    assert_eq!(shop.ids(), before);
    shop.run(&["--allow-delete=2"]).expect_code(0);
    assert_eq!(shop.ids().len(), 1);
    shop.expect_quiet();
}

#[test]
fn manifests_with_a_problem_delete_nothing() {
    let shop = Shop::new("broken");
    shop.write(&[service("web"), service("api"), service("old")]);
    shop.converge();
    let before = shop.ids();
    let whole = manifests(&shop.cluster, &[service("web"), service("api")]);
    for text in
        ["", "---\n", &whole[..whole.len() - 20], &format!("{whole}\nx: ["), &whole.replace("Service", "Servce")]
    {
        shop.write_text(text);
        shop.run(&[]).expect_code(3);
        assert_eq!(shop.ids(), before, "{text}");
    }
    std::fs::remove_file(shop.directory.join("shop.yaml")).expect("our own file");
    shop.run(&[]).expect_code(3);
    std::fs::remove_dir(&shop.directory).expect("our own directory");
    shop.run(&[]).expect_code(3);
    assert_eq!(shop.ids(), before);
}

#[test]
fn another_directory_does_not_get_a_cluster_by_accident() {
    let shop = Shop::new("claim");
    shop.write(&[service("web")]);
    shop.converge();
    let before = shop.ids();
    let other = shop.scratch.path().join("other");
    std::fs::create_dir(&other).expect("a directory in our own");
    std::fs::write(other.join("shop.yaml"), manifests(&shop.cluster, &[service("api")])).expect("a file in our own");
    let other_name = other.to_str().expect("a path that we made is text").to_owned();
    let run = |arguments: &[&str]| shop.program_at(&shop.engine.host(), &other, arguments).run();
    for arguments in [&[][..], &["--dry-run"], &["--adopt", "/somewhere/else"]] {
        run(arguments).expect_code(5).expect_said(&[&shop.cluster, shop.dir(), &other_name, "--adopt"]);
    }
    // Nor does it delete what it did not declare.
    run(&["delete"]).expect_code(0);
    assert_eq!(shop.ids(), before);

    // On request it takes over: what it does not ask for goes, and the first directory is the stranger now.
    run(&["--adopt", shop.dir(), "--allow-delete=1"]).expect_code(0);
    assert_eq!(shop.ids().keys().collect::<Vec<_>>(), ["api/0/main"]);
    assert_eq!(shop.only("api").label("source"), other_name);
    run(&["--dry-run", "--detailed-exitcode"]).expect_code(0);
    shop.run(&[]).expect_code(5).expect_said(&[&other_name]);
}
#[test]
fn what_is_adopted_as_it_is_need_not_go_down() {
    let shop = Shop::new("adopt");
    shop.write(&[service("web").count(2).percent(50, 200)]);
    shop.converge();
    let moved = shop.scratch.path().join("moved");
    std::fs::rename(&shop.directory, &moved).expect("our own directory");
    let run = |arguments: &[&str]| shop.program_at(&shop.engine.host(), &moved, arguments).run();
    run(&[]).expect_code(5);
    run(&["--adopt", shop.dir()]).expect_code(0);
    shop.expect_tasks("web", 2);
    // Once is enough.
    run(&["--dry-run", "--detailed-exitcode"]).expect_code(0);
}
