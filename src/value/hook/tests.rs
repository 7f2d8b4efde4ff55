use super::*;

fn name(text: &str) -> ServiceName {
    ServiceName::read(text).unwrap()
}

#[test]
fn the_name_of_a_hook_is_read_back() {
    let service = ServiceName::new("web").unwrap();
    let family = Family::new("migrate").unwrap();
    let hook = ServiceName::hook(&service, HookStage::PreScaleUp, &family, "9c1d42");
    assert_eq!(hook.as_str(), "web.PRE_SCALE_UP.migrate.9c1d42");
    assert_eq!(ServiceName::read(hook.as_str()), Ok(hook.clone()));
    let place = HookPlace { service: "web", stage: HookStage::PreScaleUp, family: "migrate", revision: "9c1d42" };
    assert_eq!(hook.hook_place(), Some(place));
    assert!(hook.is_hook_of(&service));
    assert_eq!(hook.served(), service);
    assert_eq!(hook.standalone_id(), None);
}

#[test]
fn no_other_name_is_taken_for_a_hook() {
    for text in ["web", "run.job.000000000001"] {
        assert_eq!(name(text).hook_place(), None, "{text}");
        assert_eq!(name(text).served(), name(text));
    }
    for text in ["web.PRE_SCALE_UP.migrate", "web.BAKE_TIME.migrate.9c1d42", "web.PRE_SCALE_UP.migrate.9c1d42.1", "a.b"]
    {
        assert!(ServiceName::read(text).is_err(), "{text}");
    }
    // A service called `run` has hooks like any other.
    let of_run = name("run.POST_SCALE_UP.smoke.9c1d42");
    assert_eq!((of_run.standalone_id(), of_run.served().as_str()), (None, "run"));
}
