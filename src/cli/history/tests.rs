use super::*;
use crate::history::What;
use crate::testing::{NOW, cluster, service_name};

fn records(names: &[(&str, &str)]) -> Vec<Record> {
    let record = |(of, name): &(&str, &str)| Record {
        version: 1,
        at: NOW,
        cluster: cluster(of),
        service: service_name(name),
        what: What::ServiceDeleted,
    };
    names.iter().map(record).collect()
}

#[test]
fn a_service_is_found_by_either_of_its_names() {
    let records = records(&[("shop", "web"), ("blog", "web"), ("shop", "api"), ("shop", "api")]);
    let name = |text| find(text, &records).map(|(cluster, service)| format!("{cluster}/{service}"));
    assert_eq!(name("api").ok().as_deref(), Some("shop/api"));
    assert_eq!(name("blog/web").ok().as_deref(), Some("blog/web"));
    let exit = name("web").expect_err("there are two");
    assert_eq!((exit.code, exit.message().contains("blog/web, shop/web")), (exit::USAGE, true));
    let exit = name("shop/wbe").expect_err("there is none");
    assert_eq!((exit.code, exit.message().contains("did you mean `shop/web`?")), (exit::RUNTIME, true));
    assert!(name("database").expect_err("there is none").message().contains("`reconcile history` shows"));
}
