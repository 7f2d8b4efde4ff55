use super::*;

const DIGEST: &str = "sha256:9c1d42e07a31b5f89c1d42e07a31b5f89c1d42e07a31b5f89c1d42e07a31b5f8";

#[test]
fn references_come_apart() {
    let with_digest = format!("registry.example:5000/shop/web:1.4@{DIGEST}");
    let only_digest = format!("shop/web@{DIGEST}");
    let table = [
        ("web", None, "web", "latest", None),
        ("web:1.4", None, "web", "1.4", None),
        ("shop/web:1.4", None, "shop/web", "1.4", None),
        ("localhost/web", Some("localhost"), "localhost/web", "latest", None),
        ("localhost:5000/web", Some("localhost:5000"), "localhost:5000/web", "latest", None),
        ("[::1]:5000/web:2", Some("[::1]:5000"), "[::1]:5000/web", "2", None),
        ("registry.example/web:1", Some("registry.example"), "registry.example/web", "1", None),
        (&*with_digest, Some("registry.example:5000"), "registry.example:5000/shop/web", "1.4", Some(DIGEST)),
        (&*only_digest, None, "shop/web", "", Some(DIGEST)),
    ];
    for (text, registry, repository, tag, digest) in table {
        let reference = Reference::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(reference.registry(), registry, "{text}");
        assert_eq!(
            (reference.repository, reference.tag_or_default(), reference.digest),
            (repository, tag, digest),
            "{text}"
        );
    }
}

#[test]
fn what_is_no_reference_is_refused() {
    use ReferenceError as Bad;
    let short = "web@sha256:9c1d";
    let other = format!("web@sha512:{}", &DIGEST[7..]);
    let table = [
        ("", Bad::NoRepository),
        ("localhost:5000/", Bad::NoRepository),
        ("Web:1", Bad::UpperCase("Web".to_owned())),
        ("shop//web", Bad::Repository(String::new())),
        ("-web", Bad::Repository("-web".to_owned())),
        ("we..b", Bad::Repository("we..b".to_owned())),
        ("web:", Bad::Tag(String::new())),
        ("web:.1", Bad::Tag(".1".to_owned())),
        ("web:1?x", Bad::Tag("1?x".to_owned())),
        (short, Bad::Digest("sha256:9c1d".to_owned())),
        (&other, Bad::Digest(other[4..].to_owned())),
    ];
    for (text, error) in table {
        assert_eq!(Reference::parse(text), Err(error), "{text}");
    }
}

#[test]
fn a_reference_in_full_names_one_image() {
    assert_eq!(Reference::split("shop/web").to_string(), "shop/web:latest");
    let both = format!("web:1@{DIGEST}");
    for whole in [&*both, &format!("web@{DIGEST}"), "h:5/web:1"] {
        assert_eq!(Reference::split(whole).to_string(), *whole);
    }
}

fn image(digests: &[&str]) -> ObservedImage {
    ObservedImage {
        id: ImageId::new(DIGEST),
        digests: digests.iter().map(|&digest| digest.to_owned()).collect(),
        platform: Platform::new("linux", "amd64"),
        host: None,
    }
}

#[test]
fn a_pin_has_the_digest_of_its_own_repository() {
    let image = image(&["h:5/other@sha256:1", "h:5/shop/web@sha256:2", "shop/web@sha256:3"]);
    assert_eq!(image.pin("h:5/shop/web:1").digest.as_deref(), Some("h:5/shop/web@sha256:2"));
    assert_eq!(image.pin("shop/web").digest.as_deref(), Some("shop/web@sha256:3"));
    assert_eq!(image.pin("default.example/shop/web:1").digest.as_deref(), Some("shop/web@sha256:3"));
    assert_eq!(image.pin("web:1").digest, None);
    assert_eq!(image.id.short(), "9c1d42e07a31");
}

#[test]
fn processors_run_the_programs_of_their_kin() {
    let table = [
        (("linux", "amd64"), ("linux", "amd64"), true),
        (("linux", "x86_64"), ("linux", "amd64"), true),
        (("linux", "amd64"), ("linux", "386"), true),
        (("linux", "arm64"), ("linux", "arm"), true),
        (("linux", "amd64"), ("linux", "arm64"), false),
        (("linux", "arm64"), ("linux", "amd64"), false),
        (("linux", "amd64"), ("windows", "amd64"), false),
        (("linux", "amd64"), ("", ""), true),
        (("", ""), ("linux", "riscv64"), true),
    ];
    for (host, image, fits) in table {
        assert_eq!(Platform::new(host.0, host.1).can_run(&Platform::new(image.0, image.1)), fits, "{host:?} {image:?}");
    }
}

#[test]
fn names_that_come_near() {
    let names = ["shop:1", "shop:2", "shop:latest", "ship:1", "shop/web:1", "busybox:1", "registry.example/shop:1"];
    let names = names.map(str::to_owned);
    let near = |missing| near_names(missing, &names);
    assert_eq!(near("shop:3"), ["shop:1", "shop:2", "shop:latest"]);
    assert_eq!(near("shp:1"), ["ship:1", "shop:1", "shop:2"]);
    assert_eq!(near("elsewhere.example/web:1"), ["shop/web:1"]);
    assert_eq!(near("shop/weeb:1"), ["shop/web:1"]);
    assert_eq!(near("nothing:1"), [""; 0]);
    assert_eq!(near("busibox"), ["busybox:1"]);
}

#[test]
fn progress_is_told_in_layers_and_megabytes() {
    let told =
        |layers_done, layers, bytes_done, bytes| PullProgress { layers_done, layers, bytes_done, bytes }.to_string();
    assert_eq!(told(0, 0, 0, 0), "nothing yet");
    assert_eq!(told(1, 5, 0, 0), "1 of 5 layers");
    assert_eq!(told(3, 5, 12_190_000, 40_000_000), "3 of 5 layers, 12.1 of 40.0 MB");
}
