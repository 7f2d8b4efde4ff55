use super::*;

#[test]
fn an_image_as_docker_and_as_podman_tell_it() {
    let docker = br#"{"Id":"sha256:ab","RepoTags":["shop:1"],"RepoDigests":["h:5/shop@sha256:cd"],"Architecture":"amd64","Os":"linux","Size":1}"#;
    let image = read_image(docker, Some(Platform::new("linux", "x86_64"))).expect("an image");
    assert_eq!(image.id, ImageId::new("sha256:ab"));
    assert_eq!(image.digests, ["h:5/shop@sha256:cd"]);
    assert_eq!((image.platform.to_string(), image.unfit_host()), ("linux/amd64".to_owned(), None));
    let bare = read_image(br#"{"Id":"ab","RepoDigests":null}"#, None).expect("an image");
    assert_eq!((bare.digests.len(), bare.unfit_host()), (0, None), "what is not told is not compared");
    assert!(read_image(b"{}", None).is_err());
}
