use futures_util::stream;

use super::*;
use crate::testing::NOW;

#[test]
fn what_keeps_breaking_is_opened_ever_more_slowly() {
    let mut hearing = Hearing::new(NOW);
    let mut at = NOW.after(Duration::from_mins(1));
    let mut pauses = Vec::new();
    for _ in 0..6 {
        hearing.lose(at);
        let again_at = hearing.again_at().expect("it is to be opened again");
        pauses.push(again_at.since(at).as_secs());
        at = again_at;
        hearing.open(stream::empty().boxed());
        assert_eq!(hearing.again_at(), None);
    }
    assert_eq!(pauses, [0, 1, 2, 4, 5, 5]);
}

#[tokio::test]
async fn a_hint_shows_that_the_stream_is_well() {
    let mut hearing = Hearing::new(NOW);
    assert!(hearing.is_unused());
    hearing.lose(NOW);
    hearing.lose(NOW);
    assert_eq!(hearing.again_at(), Some(NOW.after(Duration::from_secs(1))));
    hearing.open(stream::iter([Hint::Other, Hint::Lost]).boxed());
    assert_eq!(hearing.next().await, Some(Hint::Other));
    assert_eq!(hearing.next().await, None);
    hearing.lose(NOW);
    assert_eq!(hearing.again_at(), Some(NOW));
    assert!(!hearing.is_unused());
}

#[test]
fn what_was_told_during_a_break_is_asked_for_again() {
    let mut hearing = Hearing::new(NOW);
    hearing.lose(NOW.after(Duration::from_secs(2)));
    assert_eq!(hearing.since(), NOW);
    hearing.lose(NOW.after(Duration::from_mins(1)));
    assert_eq!(hearing.since(), NOW.after(Duration::from_secs(55)));
}
