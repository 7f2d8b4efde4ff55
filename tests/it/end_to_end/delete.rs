//! `reconcile delete`: what is named goes, and nothing else.

use crate::support::shop::{Shop, service};

#[test]
fn one_service_goes() {
    let shop = Shop::new("del-one");
    shop.write(&[service("web"), service("api").count(2)]);
    shop.converge();
    let before = shop.ids();
    shop.run(&["delete", "--service", &format!("{}/api", shop.cluster)]).expect_code(0);
    let left = shop.containers();
    assert_eq!(left.len(), 1, "{left:#?}");
    assert_eq!(left[0].id, before["web/0/main"]);
    assert_eq!(shop.engine.networks(&shop.label()).len(), 1, "the network is still used");
    // The manifests still ask for it: it comes back.
    shop.converge();
    shop.expect_tasks("api", 2);
}

#[test]
fn one_cluster_goes_and_the_other_one_stays() {
    let shop = Shop::new("del-cluster");
    let other = Shop::new("del-other");
    shop.write(&[service("web")]);
    let text = crate::support::shop::manifests(&other.cluster, &[service("api").image("reconcile-shop:1")]);
    std::fs::write(shop.directory.join("other.yaml"), text).expect("a file in our own directory");
    shop.converge();
    assert_eq!(other.ids().len(), 1);
    shop.run(&["delete", "--cluster", &shop.cluster]).expect_code(0);
    assert_eq!(shop.containers(), []);
    assert_eq!(shop.engine.networks(&shop.label()).len(), 0);
    assert_eq!(other.ids().len(), 1);
    // All that the directory declared goes.
    shop.run(&["delete"]).expect_code(0);
    assert_eq!(other.containers(), []);
    assert_eq!(other.engine.networks(&other.label()).len(), 0);
    // And then there is nothing to delete.
    shop.run(&["delete"]).expect_code(0).expect_said(&["Nothing of this directory is there."]);
}

#[test]
fn what_was_crashing_goes_as_well() {
    let shop = Shop::new("del-crash");
    shop.write(&[service("web").command("[exit, '1']"), service("api").container("entryPoint: [/nope]")]);
    shop.fail();
    shop.run(&["delete"]).expect_code(0);
    assert_eq!(shop.containers(), []);
    assert_eq!(shop.engine.networks(&shop.label()).len(), 0);
}

#[test]
fn an_empty_directory_can_still_delete_what_it_declared() {
    let shop = Shop::new("del-empty");
    shop.write(&[service("web")]);
    shop.converge();
    std::fs::remove_file(shop.directory.join("shop.yaml")).expect("our own file");
    shop.run(&["delete"]).expect_code(0);
    assert_eq!(shop.containers(), []);
}
