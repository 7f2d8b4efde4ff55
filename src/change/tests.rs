use std::fmt::Write as _;
use std::sync::Arc;

use super::*;
use crate::desired::{DesiredService, Origin, Origins, TaskSpec};
use crate::observed::{Health, ObservedState, Phase};
use crate::ownership::{Source, redact};
use crate::testing::{add_network, dedent, desired, document, exited, observed, running, service, task};
use crate::value::Percent;

const WEB: &str = r#"{"name":"web","image":"ghcr.io/acme/web:2.3.1","environment":{"DB_PASSWORD":"hunter2","PORT":"80"},
    "portMappings":[{"containerPort":80}],"memory":128}"#;

fn origin(definition: &str) -> Origin {
    let service = dedent(
        "
        apiVersion: reconcile/v1
        kind: Service
        metadata: { name: web }
        spec:
          cluster: shop
          taskDefinition: web
          desiredCount: 3
          deploymentConfiguration: { minimumHealthyPercent: 66, maximumPercent: 100 }
        ",
    );
    Origin {
        service: document("deploy/web-service.yaml", &service),
        task_definition: document("deploy/web.yaml", &dedent(definition)),
        environment_files: Arc::default(),
    }
}

fn web_origin() -> Origin {
    origin(
        "
        apiVersion: reconcile/v1
        kind: TaskDefinition
        metadata: { name: web }
        spec:
          containerDefinitions:
            - name: web
              image: ghcr.io/acme/web:2.4.0
              environment:
                - { name: PORT, value: \"8080\" }
                - { name: DB_PASSWORD, value: hunter3 }
              portMappings:
                - { containerPort: 80, hostPort: 8080 }
              dockerLabels: { team/owner: a }
        ",
    )
}

fn before(task: &TaskSpec) -> Before {
    Before {
        family: task.family.clone(),
        revision: task.revision,
        containers: task.containers.iter().map(|spec| Arc::new(redact(spec))).collect(),
    }
}

/// One line for each difference: what it says, and where.
fn lines(fields: &[FieldChange]) -> String {
    let line = |field: &FieldChange| {
        let place = field.place.as_ref().map_or_else(String::new, |place| format!(" {place}"));
        let (from, to) = (field.from.as_deref().unwrap_or("-"), field.to.as_deref().unwrap_or("-"));
        let sensitive = if field.sensitive { " sensitive" } else { "" };
        format!("{} {:?}{sensitive}: {from} -> {to}{place}\n", field.path, field.change)
    };
    fields.iter().map(line).collect()
}

fn compare(old: &[&str], new: &[&str]) -> String {
    lines(&changes(&before(&task("web", old)), &task("web", new), None))
}

#[test]
fn every_field_has_a_row_with_the_place_of_its_new_value() {
    let new = r#"{"name":"web","image":"ghcr.io/acme/web:2.4.0","environment":{"DB_PASSWORD":"hunter3","PORT":"8080"},
        "portMappings":[{"containerPort":80,"hostPort":8080}],"dockerLabels":{"team/owner":"a"}}"#;
    let found = changes(&before(&task("web", &[WEB])), &task("web", &[new]), Some(&web_origin()));
    assert_eq!(
        lines(&found),
        dedent(
            "
            image Changed: ghcr.io/acme/web:2.3.1 -> ghcr.io/acme/web:2.4.0 deploy/web.yaml:7:14
            environment.DB_PASSWORD Changed sensitive: - -> - deploy/web.yaml:10:39
            environment.PORT Changed: 80 -> 8080 deploy/web.yaml:9:32
            portMappings[80/tcp].hostPort Changed: any free port -> 8080 deploy/web.yaml:12:42
            memory Removed: 128 MiB -> - deploy/web.yaml:6:7
            dockerLabels.team/owner Added: - -> a deploy/web.yaml:13:35
            "
        )
    );
}

#[test]
fn a_field_that_goes_back_to_its_default_shows_the_default() {
    let old = r#"{"name":"a","image":"i","essential":false,"cpu":256,"stopTimeout":5,"command":["x"],"user":"1000",
        "healthCheck":{"command":["CMD","/ok"],"interval":5,"timeout":2,"retries":1,"startPeriod":1}}"#;
    let new = r#"{"name":"a","image":"i",
        "healthCheck":{"command":["CMD","/ok"],"interval":30,"timeout":5,"retries":3,"startPeriod":0}}"#;
    assert_eq!(
        compare(&[old], &[new]),
        dedent(
            r#"
            essential Changed: false -> true
            command Removed: ["x"] -> -
            cpu Changed: 256 -> 0
            healthCheck.interval Changed: 5s -> 30s
            healthCheck.timeout Changed: 2s -> 5s
            healthCheck.retries Changed: 1 -> 3
            healthCheck.startPeriod Changed: 1s -> 0s
            stopTimeout Changed: 5s -> 30s
            user Removed: 1000 -> -
            "#
        )
    );
}

#[test]
fn containers_and_volumes_that_come_and_go_take_one_row_each() {
    let mount = |source: &str, read_only: bool| {
        format!(
            r#"{{"name":"a","image":"i:1","mountPoints":[{{"sourceVolume":"v","containerPath":"/v","readOnly":{read_only},"volume":{source}}}]}}"#
        )
    };
    let old = mount(r#"{"kind":"host","sourcePath":"/srv/a"}"#, false);
    let new =
        mount(r#"{"kind":"shared","autoprovision":true,"driver":{"options":{"o":"addr=nas,password=hunter2"}}}"#, true);
    assert_eq!(
        compare(&[&old, r#"{"name":"old","image":"o:1"}"#], &[&new, r#"{"name":"new","image":"n:1"}"#]),
        dedent(
            "
            a.mountPoints[/v].readOnly Changed: false -> true
            volumes[v] Changed: host directory /srv/a -> shared volume, option o=(sensitive)
            new Added: - -> n:1
            old Removed: o:1 -> -
            "
        )
    );
}

#[test]
fn whether_a_sensitive_value_changed_is_said_only_when_it_is_known() {
    let spec = |image: &str, password: &str, token: &str| {
        format!(
            r#"{{"name":"a","image":"{image}","environment":{{"PASSWORD":"{password}","TOKEN":"{token}","URL":"http://a"}}}}"#
        )
    };
    let old = spec("i:1", "hunter2", "t1");
    assert_eq!(compare(&[&old], &[&spec("i:2", "hunter2", "t1")]), "image Changed: i:1 -> i:2\n");
    assert_eq!(
        compare(&[&old], &[&spec("i:1", "hunter3", "t1")]),
        "environment.PASSWORD NotCompared sensitive: - -> -\nenvironment.TOKEN NotCompared sensitive: - -> -\n"
    );
    let one = |password: &str| format!(r#"{{"name":"a","image":"i","environment":{{"PASSWORD":"{password}"}}}}"#);
    assert_eq!(compare(&[&one("a")], &[&one("b")]), "environment.PASSWORD Changed sensitive: - -> -\n");
    let url = |url: &str| format!(r#"{{"name":"a","image":"i","environment":{{"URL":"{url}"}}}}"#);
    assert_eq!(
        compare(&[&url("pg://u:hunter2@db")], &[&url("pg://db")]),
        "environment.URL Changed sensitive: - -> -\n"
    );
    assert_eq!(
        compare(&[r#"{"name":"a","image":"i"}"#], &[&one("b")]),
        "environment.PASSWORD Added sensitive: - -> -\n"
    );
}

#[test]
fn sensitive_words_of_a_command_are_left_out() {
    let command = |secret: &str| {
        format!(
            r#"{{"name":"a","image":"i","command":["serve","--api-token","{secret}","--db-password={secret}","pg://u:{secret}@db","sh -c x --secret={secret}"]}}"#
        )
    };
    let shown = compare(&[r#"{"name":"a","image":"i"}"#], &[&command("hunter2")]);
    assert_eq!(
        shown,
        "command Added: - -> [\"serve\", \"--api-token\", \"(sensitive)\", \"--db-password=(sensitive)\", \"(sensitive)\", \"(sensitive)\"]\n"
    );
    assert_eq!(compare(&[&command("hunter2")], &[&command("hunter3")]), "command Changed sensitive: - -> -\n");
}

#[test]
fn what_cannot_be_seen_is_written_so_that_it_can() {
    let new =
        "{\"name\":\"a\",\"image\":\"i\",\"environment\":{\"A\":\"\\u001b[31mred\\nline\",\"B\":\"\",\"C\":\" x\"}}";
    assert_eq!(
        compare(&[r#"{"name":"a","image":"i"}"#], &[new]),
        "environment.A Added: - -> \"\\u{1b}[31mred\\nline\"\nenvironment.B Added: - -> \"\"\nenvironment.C Added: - -> \" x\"\n"
    );
}

#[test]
fn another_order_is_a_difference_too() {
    let (a, b) = (r#"{"name":"a","image":"i"}"#, r#"{"name":"b","image":"i"}"#);
    assert_eq!(compare(&[a, b], &[b, a]), "containerDefinitions Changed: - -> -\n");
}

fn plain(image: &str) -> Arc<TaskSpec> {
    task("web", &[&format!(r#"{{"name":"web","image":"{image}","memory":64}}"#)])
}

/// One line for each row, with its fields, sentences and warnings below.
fn rows(wanted: &[(&str, DesiredService)], shown: &ObservedState) -> String {
    let overview = service_changes(&desired(wanted), shown, &Origins::new());
    let mut text = String::new();
    for row in &overview.rows {
        let TaskCounts { now, wanted, start, stop, replaced } = row.tasks;
        let detail = row.detail.as_ref().map_or_else(String::new, |detail| format!(" ({detail})"));
        let head = format!("{:?} {}: {}{detail}", row.action, row.name(), row.reason);
        let _ = writeln!(text, "{head}; {now} -> {wanted}, +{start} -{stop} ={replaced}");
        text += &lines(&row.fields);
        text.extend(row.impact.iter().map(|impact| format!("{impact}\n")));
        text.extend(row.warnings.iter().map(|warning| format!("! {}\n", warning.message)));
    }
    text + &format!("unchanged {} settling {}\n", overview.unchanged, overview.settling)
}

#[test]
fn a_converged_host_has_no_rows() {
    let old = plain("web:1");
    let shown = observed(&[running("shop/web/0", &old, 1), running("shop/web/1", &old, 1)]);
    assert_eq!(rows(&[("shop/web", service(2, &old))], &shown), "unchanged 2 settling 0\n");
}

#[test]
fn an_empty_host_gets_everything() {
    let shown = observed(&[]);
    assert_eq!(
        rows(&[("shop/web", service(2, &plain("web:1")))], &shown),
        "Create shop: new; 0 -> 0, +0 -0 =0\nCreate shop/web: new; 0 -> 2, +2 -0 =0\nunchanged 0 settling 0\n"
    );
}

#[test]
fn a_rollout_says_how_many_at_a_time() {
    let (old, new) = (plain("web:1"), plain("web:2"));
    let tasks = [0, 1, 2].map(|slot| running(&format!("shop/web/{slot}"), &old, 1));
    let shown = observed(&tasks);
    let with = |minimum, maximum| DesiredService {
        minimum_healthy: Percent(minimum),
        maximum: Percent(maximum),
        ..service(3, &new)
    };
    let impact = |minimum, maximum| {
        let text = rows(&[("shop/web", with(minimum, maximum))], &shown);
        text.lines().nth(2).expect("a row, its field and a sentence").to_owned()
    };
    assert_eq!(
        rows(&[("shop/web", with(66, 100))], &shown),
        dedent(
            "
            Replace shop/web: spec changed; 3 -> 3, +3 -3 =3
            image Changed: web:1 -> web:2
            1 at a time, old before new, at least 2 of 3 healthy (minimumHealthyPercent 66)
            unchanged 1 settling 0
            "
        )
    );
    assert_eq!(
        impact(100, 200),
        "all 3 at once, new before old, at least 3 of 3 healthy (minimumHealthyPercent 100, maximumPercent 200)"
    );
    assert_eq!(
        impact(100, 134),
        "1 at a time, new before old, at least 3 of 3 healthy (minimumHealthyPercent 100, maximumPercent 134)"
    );
    assert_eq!(
        impact(0, 100),
        "all 3 at once, old before new, no task kept healthy meanwhile (minimumHealthyPercent 0)"
    );
    assert_eq!(
        impact(100, 100),
        "! shop/web cannot be replaced: minimumHealthyPercent 100 and maximumPercent 100 leave no room"
    );
    assert!(
        rows(&[("shop/web", with(0, 100))], &shown)
            .contains("! shop/web is unavailable while its tasks are replaced\n")
    );
}

#[test]
fn a_static_port_forces_the_old_task_out_first() {
    let port = |image: &str| {
        task(
            "web",
            &[&format!(
                r#"{{"name":"web","image":"{image}","portMappings":[{{"containerPort":80,"hostPort":8080}}]}}"#
            )],
        )
    };
    let shown = observed(&[running("shop/web/0", &port("web:1"), 1)]);
    let with = |minimum| DesiredService { minimum_healthy: Percent(minimum), ..service(1, &port("web:2")) };
    assert_eq!(
        rows(&[("shop/web", with(0))], &shown),
        dedent(
            "
            Replace shop/web: spec changed; 1 -> 1, +1 -1 =1
            image Changed: web:1 -> web:2
            1 at a time, old before new, no task kept healthy meanwhile (host port 8080)
            ! shop/web is unavailable while its task is replaced, since one task at a time can hold host port 8080
            unchanged 1 settling 0
            "
        )
    );
    assert!(rows(&[("shop/web", with(100))], &shown).contains(
        "! shop/web cannot be replaced: one task at a time can hold host port 8080, and minimumHealthyPercent 100 keeps the one that does\n"
    ));
}

#[test]
fn a_count_alone_replaces_nothing() {
    let old = plain("web:1");
    let shown = observed(&[running("shop/web/0", &old, 1), running("shop/web/1", &old, 1)]);
    let text = rows(&[("shop/web", service(4, &old))], &shown);
    assert_eq!(
        text,
        "Update shop/web: spec changed; 2 -> 4, +2 -0 =0\ndesiredCount Changed: 2 -> 4\nunchanged 1 settling 0\n"
    );
    let text = rows(&[("shop/web", service(1, &old))], &shown);
    assert_eq!(
        text,
        "Update shop/web: spec changed; 2 -> 1, +0 -1 =0\ndesiredCount Changed: 2 -> 1\nunchanged 1 settling 0\n"
    );
}

#[test]
fn a_dead_task_is_drift_and_says_how_it_ended() {
    let old = plain("web:1");
    let mut dead = exited("shop/web/0", &old, 1, 137, 360);
    if let Phase::Exited { exit: Some(exit) } = &mut dead[0].phase {
        exit.oom_killed = true;
    }
    let shown = observed(&[dead, running("shop/web/1", &old, 1)]);
    assert_eq!(
        rows(&[("shop/web", service(2, &old))], &shown),
        dedent(
            "
            Restart shop/web: drift (1 of 2 tasks missing; task 0: container web was killed because it ran out of memory (exit code 137), 6m ago); 1 -> 2, +1 -0 =0
            ! shop/web: container web ran out of memory (limit 64 MiB) and will again
            unchanged 1 settling 0
            "
        )
    );
    let vanished = observed(&[running("shop/web/1", &old, 1)]);
    assert_eq!(
        rows(&[("shop/web", service(2, &old))], &vanished),
        "Restart shop/web: drift (1 of 2 tasks missing); 1 -> 2, +1 -0 =0\nunchanged 1 settling 0\n"
    );
}

#[test]
fn an_unhealthy_task_is_restarted() {
    let old = task(
        "cache",
        &[
            r#"{"name":"cache","image":"redis","healthCheck":{"command":["CMD","x"],"interval":5,"timeout":2,"retries":1,"startPeriod":0}}"#,
        ],
    );
    let mut sick = running("shop/cache/0", &old, 1);
    sick[0].health = Health::Unhealthy;
    let shown = observed(&[sick]);
    let stop_first = DesiredService { minimum_healthy: Percent(0), maximum: Percent(100), ..service(1, &old) };
    assert_eq!(
        rows(&[("shop/cache", stop_first)], &shown),
        dedent(
            "
            Restart shop/cache: unhealthy (its task is unhealthy); 1 -> 1, +1 -1 =1
            the old task stops before the new one starts
            ! shop/cache runs 1 task: it is unavailable while it restarts
            unchanged 1 settling 0
            "
        )
    );
    let text = rows(&[("shop/cache", service(1, &old))], &shown);
    assert!(text.contains("\nthe new task is healthy before the old one stops\n"), "{text}");
}

#[test]
fn what_only_has_to_be_waited_for_is_no_change() {
    let old = task(
        "web",
        &[
            r#"{"name":"web","image":"web","healthCheck":{"command":["CMD","x"],"interval":5,"timeout":2,"retries":1,"startPeriod":0}}"#,
        ],
    );
    let mut starting = running("shop/web/0", &old, 1);
    starting[0].health = Health::Starting;
    let shown = observed(&[starting]);
    assert_eq!(rows(&[("shop/web", service(1, &old))], &shown), "unchanged 2 settling 1\n");
}

#[test]
fn what_outlives_a_service_that_goes_is_named() {
    let mount = |name: &str, volume: &str| {
        format!(r#"{{"sourceVolume":"{name}","containerPath":"/{name}","volume":{volume}}}"#)
    };
    let shared = r#"{"kind":"shared","autoprovision":true}"#;
    let mounts = [mount("data", shared), mount("logs", shared), mount("tmp", r#"{"kind":"task"}"#)].join(",");
    let old = task("cron", &[&format!(r#"{{"name":"cron","image":"cron:1","mountPoints":[{mounts}]}}"#)]);
    let web = plain("web:1");
    let mut shown = observed(&[running("shop/cron/0", &old, 1), running("shop/web/0", &web, 1)]);
    add_network(&mut shown, "shop");
    let text = rows(&[("shop/web", service(1, &web))], &shown);
    assert!(text.contains("Delete shop/cron: removed; 1 -> 0, +0 -1 =0\nits volumes are kept: data, logs\n"), "{text}");
}

#[test]
fn what_nobody_wants_goes_last_and_the_foreign_stays() {
    let old = plain("web:1");
    let mut foreign = running("bank/web/0", &old, 1);
    foreign[0].identity.source = Source::new("elsewhere");
    let mut shown = observed(&[running("shop/cron/0", &old, 1), running("attic/cron/0", &old, 1), foreign]);
    add_network(&mut shown, "shop");
    assert_eq!(
        rows(&[("shop/web", service(1, &old))], &shown),
        dedent(
            "
            Create shop/web: new; 0 -> 1, +1 -0 =0
            Delete attic/cron: removed; 1 -> 0, +0 -1 =0
            Delete shop/cron: removed; 1 -> 0, +0 -1 =0
            Delete attic: removed; 0 -> 0, +0 -0 =0
            unchanged 1 settling 0
            "
        )
    );
}

#[test]
fn the_rows_agree_with_their_summary() {
    let (old, new) = (plain("web:1"), plain("web:2"));
    let shown = observed(&[running("shop/web/0", &old, 1), running("shop/cron/0", &old, 1)]);
    let wanted = desired(&[("shop/web", service(1, &new)), ("shop/api", service(2, &new))]);
    let summary = service_changes(&wanted, &shown, &Origins::new()).summary();
    let tasks = TaskTotals { start: 3, stop: 2, replaced: 1 };
    assert_eq!(summary, Summary { create: 1, update: 1, replace_tasks: 1, restart: 0, delete: 1, unchanged: 1, tasks });
}

#[test]
fn what_runs_unreadable_is_said_so() {
    let (old, new) = (plain("web:1"), plain("web:2"));
    let mut running = running("shop/web/0", &old, 1);
    running[0].spec = None;
    let text = rows(&[("shop/web", service(1, &new))], &observed(&[running]));
    assert!(text.contains("another release wrote what runs: its fields cannot be compared"), "{text}");
}

/// **The planner alone decides.** Over all small worlds: a row is there exactly when the plan has something to do, now or later, and
/// a converged world is a steady one.
#[test]
fn rows_agree_with_the_plan_in_every_small_world() {
    let check = r#"{"name":"web","image":"web:2","healthCheck":{"command":["CMD","x"],"interval":5,"timeout":2,"retries":1,"startPeriod":0}}"#;
    let (old, new) = (plain("web:1"), task("web", &[check]));
    let in_state = |slot: u32, state: u32| {
        let slot = format!("shop/web/{slot}");
        let with_health = |health| {
            let mut containers = running(&slot, &new, 1);
            containers[0].health = health;
            containers
        };
        match state {
            0 => Vec::new(),
            1 => running(&slot, &new, 1),
            2 => running(&slot, &old, 1),
            3 => exited(&slot, &new, 1, 1, 20),
            4 => exited(&slot, &old, 1, 1, 20),
            5 => with_health(Health::Unhealthy),
            6 => with_health(Health::Starting),
            _ => [exited(&slot, &new, 1, 1, 20), running(&slot, &new, 2)].concat(),
        }
    };
    for world in 0..8 * 8 * 4 * 3 {
        let (first, second, count, limits) = (world % 8, world / 8 % 8, world / 64 % 4, world / 256);
        let (minimum, maximum) = [(100, 200), (0, 100), (100, 100)][limits as usize];
        let service =
            DesiredService { minimum_healthy: Percent(minimum), maximum: Percent(maximum), ..service(count, &new) };
        let wanted = desired(&[("shop/web", service)]);
        let mut shown = observed(&[in_state(0, first), in_state(1, second)]);
        add_network(&mut shown, "shop");
        let plan = crate::plan::plan(&wanted, &shown);
        let overview = service_changes(&wanted, &shown, &Origins::new());
        let story = || format!("slots {first} {second}, {count} wanted, {minimum}/{maximum}:\n{plan}{overview:#?}");
        assert!(!plan.is_converged() || !overview.has_changes(), "a row without a plan: {}", story());
        assert!(plan.steps.is_empty() || overview.has_changes(), "a step without a row: {}", story());
        let status = crate::status::status(Some(&wanted), &shown, Some(&plan));
        let steady = status.services.iter().all(crate::status::ServiceStatus::is_steady);
        assert!(!plan.is_converged() || steady, "converged, and not steady: {}\n{status:#?}", story());
        assert!(!steady || !overview.has_changes() || overview.rows[0].reason == Reason::Leftovers, "{}", story());
    }
}

#[test]
fn options_are_compared_one_by_one() {
    let old = r#"{"name":"web","image":"a","hostname":"a","privileged":true,
        "linuxParameters":{"capabilitiesAdded":["KILL"],"swap":{"maxSwap":0}},
        "logConfiguration":{"logDriver":"splunk","options":{"splunk-token":"hunter2","splunk-url":"a"}},
        "task":{"cpu":512,"tags":{"team":"a"}}}"#;
    let new = r#"{"name":"web","image":"a","hostname":"b","readonlyRootFilesystem":true,
        "links":[{"container":"db","alias":"database"}],"volumesFrom":[{"sourceContainer":"db","readOnly":true}],
        "dnsServers":["10.0.0.1"],"extraHosts":[{"hostname":"a","ipAddress":"10.0.0.2"}],
        "ulimits":[{"name":"nofile","softLimit":1,"hardLimit":2}],"systemControls":{"kernel.msgmax":"1"},
        "linuxParameters":{"devices":[{"hostPath":"/dev/a","containerPath":"/dev/a","permissions":["read"]}],
            "tmpfs":[{"containerPath":"/t","size":1,"mountOptions":["noexec"]}]},
        "logConfiguration":{"logDriver":"splunk","options":{"splunk-token":"hunter2","splunk-url":"b"}},"gpus":"all",
        "task":{"networkMode":"host","cpu":512,"memory":64,"tags":{"team":"b"}}}"#;
    insta::assert_snapshot!(compare(&[old], &[new]), @r#"
    links Added: - -> db:database
    volumesFrom Added: - -> db (read only)
    hostname Changed: a -> b
    dnsServers Added: - -> ["10.0.0.1"]
    extraHosts Added: - -> a=10.0.0.2
    privileged Removed: true -> -
    readonlyRootFilesystem Added: - -> true
    ulimits Added: - -> nofile=1:2
    systemControls Added: - -> kernel.msgmax=1
    linuxParameters.capabilities.add Removed: KILL -> -
    linuxParameters.devices Added: - -> /dev/a:/dev/a:r
    linuxParameters.tmpfs Added: - -> /t (1 MiB, noexec)
    linuxParameters.maxSwap Removed: 0 MiB -> -
    logConfiguration.options.splunk-url Changed: a -> b
    resourceRequirements Added: - -> GPU ALL
    task.networkMode Changed: bridge -> host
    task.memory Added: - -> 64 MiB
    task.tags.team Changed: a -> b
    "#);
}

/// What holds for the task is told once, and not as if it were a container's.
#[test]
fn the_task_as_a_whole_is_told_once() {
    let of = |cpu: u32| ["a", "b"].map(|name| format!(r#"{{"name":"{name}","image":"i","task":{{"cpu":{cpu}}}}}"#));
    let (old, new) = (of(256), of(512));
    let (old, new) = (old.each_ref().map(String::as_str), new.each_ref().map(String::as_str));
    assert_eq!(compare(&old, &new), "task.cpu Changed: 256 -> 512\n");
}

#[test]
fn a_secret_option_of_a_log_driver_is_compared_by_its_version() {
    let of = |from: &str, version: &str| {
        format!(
            r#"{{"name":"web","image":"a","logConfiguration":{{"logDriver":"splunk","secretOptions":[
                {{"name":"token","valueFrom":"{from}","version":"{version:0>8}:{version:0>32}"}}]}}}}"#
        )
    };
    let old = of("env:A", "1");
    assert_eq!(
        compare(&[&old], &[&of("env:B", "1")]),
        "logConfiguration.secretOptions.token.valueFrom Changed: env:A -> env:B\n"
    );
    assert_eq!(
        compare(&[&old], &[&of("env:A", "2")]),
        "logConfiguration.secretOptions.token NotCompared sensitive: - -> -\n"
    );
}

#[test]
fn a_sensitive_option_of_a_log_driver_is_never_seen() {
    let of = |token: &str| {
        format!(
            r#"{{"name":"web","image":"a","logConfiguration":{{"logDriver":"splunk","options":{{"splunk-token":"{token}"}}}}}}"#
        )
    };
    let (old, new) = (of("hunter2"), of("hunter3"));
    assert_eq!(compare(&[&old], &[&new]), "logConfiguration.options.splunk-token Changed sensitive: - -> -\n");
    assert!(!ownership_text(&old).contains("hunter"), "{}", ownership_text(&old));
}

/// What a container carries as its spec.
fn ownership_text(spec: &str) -> String {
    crate::ownership::spec_text(&crate::testing::spec(spec))
}

/// A difference leads to the line of a task definition of ECS's own form, too.
#[test]
fn places_in_a_plain_task_definition() {
    let definition = r#"
        { "family": "web",
          "networkMode": "host",
          "containerDefinitions": [{
            "name": "web", "image": "b",
            "hostname": "c",
            "logConfiguration": { "logDriver": "syslog", "options": {
              "tag": "x" } },
            "environment": [
              { "name": "PORT", "value": "2" }] }] }
        "#;
    let old = r#"{"name":"web","image":"a","environment":{"PORT":"1"},"logConfiguration":{"logDriver":"syslog"}}"#;
    let new = r#"{"name":"web","image":"b","hostname":"c","environment":{"PORT":"2"},
        "logConfiguration":{"logDriver":"syslog","options":{"tag":"x"}},"task":{"networkMode":"host"}}"#;
    let found = changes(&before(&task("web", &[old])), &task("web", &[new]), Some(&origin(definition)));
    insta::assert_snapshot!(lines(&found), @r"
    image Changed: a -> b deploy/web.yaml:4:29
    environment.PORT Changed: 1 -> 2 deploy/web.yaml:9:34
    hostname Added: - -> c deploy/web.yaml:5:17
    logConfiguration.options.tag Added: - -> x deploy/web.yaml:7:14
    task.networkMode Changed: bridge -> host deploy/web.yaml:2:18
    ");
}
