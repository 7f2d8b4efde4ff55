use super::*;

#[test]
fn every_command_that_takes_a_name_offers_names() {
    let command = command();
    for (subcommand, name, _) in NAMES {
        let subcommand = command.find_subcommand(subcommand).expect("it is a command");
        let argument = subcommand.get_arguments().find(|argument| argument.get_id() == name).expect("it takes this");
        assert!(argument.get::<ArgValueCandidates>().is_some(), "{name}");
    }
    command.debug_assert();
}

#[test]
fn the_names_of_tasks_and_services_are_told_apart() {
    let task = crate::testing::task("web", &[]);
    let keys: BTreeSet<TaskKey> =
        ["shop/web/0", "shop/web/1", "shop/api/0"].into_iter().map(|slot| crate::testing::key(slot, &task)).collect();
    let values = |candidates: Vec<CompletionCandidate>| -> Vec<String> {
        candidates.iter().map(|candidate| candidate.get_value().to_string_lossy().into_owned()).collect()
    };
    assert_eq!(values(candidates(service_names(&keys))), ["shop/api", "shop/web"]);
    assert_eq!(values(candidates(task_names(&keys))), ["shop/api/0", "shop/web/0", "shop/web/1"]);
}
