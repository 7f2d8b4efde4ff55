use super::*;

#[test]
fn a_variable_has_a_name() {
    assert_eq!(parse_variable("A="), Ok("A=".to_owned()));
    assert!(parse_variable("A").is_err() && parse_variable("=b").is_err());
}

fn pieces(pieces: &[&str]) -> crate::engine::ExecOutput {
    let pieces: Vec<_> = pieces.iter().map(|text| Ok((LogStream::Stdout, text.as_bytes().to_vec()))).collect();
    futures_util::stream::iter(pieces).boxed()
}

#[tokio::test]
async fn a_complaint_of_the_engine_is_kept_back() {
    let show = async |texts: &[&str]| {
        let (sender, mut shown) = mpsc::channel(PIECES_MAX);
        let (_done, ended) = oneshot::channel();
        let mut screen = Screen { pieces: sender, ended };
        let mut complaint = Vec::new();
        let end = copy(&mut pieces(texts), &mut screen, &mut complaint).await;
        assert!(matches!(end, Ok(End::Output)));
        drop(screen);
        let mut all = Vec::new();
        while let Some((_, bytes)) = shown.recv().await {
            all.extend(bytes);
        }
        (String::from_utf8(all).expect("it was text"), String::from_utf8(complaint).expect("it was text"))
    };
    let words = "OCI runtime exec failed: exec failed: no\r\n";
    assert_eq!(show(&["hello\n", words]).await, (format!("hello\n{words}"), String::new()));
    assert_eq!(show(&[words]).await, (String::new(), words.to_owned()));
    assert_eq!(show(&[words, "more"]).await, (format!("{words}more"), String::new()));
}
