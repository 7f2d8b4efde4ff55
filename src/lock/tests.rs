use super::*;

fn clusters(names: &[&str]) -> BTreeSet<ClusterName> {
    names.iter().map(|name| ClusterName::new(name).expect("a name")).collect()
}

#[tokio::test]
async fn a_cluster_is_locked_once_and_the_second_is_told_by_whom() {
    let endpoint = format!("test {}", std::process::id());
    let mut first = Locks::new(&endpoint);
    let mut second = Locks::new(&endpoint);
    first.hold_exactly(&clusters(&["shop", "bank"])).await.expect("nobody holds them");
    let error = second.hold_exactly(&clusters(&["post", "shop"])).await.expect_err("the first holds one of them");
    let text = error.to_string();
    assert!(text.contains("`shop`") && text.contains(&format!("process {}", std::process::id())), "{text}");

    first.hold_exactly(&clusters(&["bank"])).await.expect("letting go needs no lock");
    second.hold_exactly(&clusters(&["post", "shop"])).await.expect("the first has let go");
    drop(second);
    first.hold_exactly(&clusters(&["shop", "post"])).await.expect("the second has ended");
}

#[tokio::test]
async fn any_number_may_ask() {
    let endpoint = format!("test of many {}", std::process::id());
    let mut holder = Locks::new(&endpoint);
    holder.hold_exactly(&clusters(&["shop"])).await.expect("nobody holds it");
    for _ in 0..400 {
        let error = Locks::new(&endpoint).hold_exactly(&clusters(&["shop"])).await.expect_err("it is held");
        assert!(matches!(error, LockError::Held { .. }));
    }
    holder.answer();
    let error = Locks::new(&endpoint).hold_exactly(&clusters(&["shop"])).await.expect_err("it is held");
    assert!(error.to_string().contains("process"), "{error}");
}

#[tokio::test]
async fn two_engines_have_two_locks() {
    let mut here = Locks::new("unix:///a");
    let mut there = Locks::new("unix:///b");
    here.hold_exactly(&clusters(&["two-engines"])).await.expect("nobody holds it");
    there.hold_exactly(&clusters(&["two-engines"])).await.expect("it is another engine's");
}
