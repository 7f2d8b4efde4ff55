use super::*;

#[test]
fn a_threshold_follows_the_desired_count() {
    use Threshold::{BoundedPercent, Count, UnboundedPercent};
    for (threshold, desired_count, failures) in [
        (BoundedPercent(50), 0, 3),
        (BoundedPercent(50), 1, 3),
        (BoundedPercent(50), 6, 3),
        (BoundedPercent(50), 25, 13),
        (BoundedPercent(50), 400, 200),
        (BoundedPercent(100), 5000, 200),
        (BoundedPercent(1), 100, 3),
        (UnboundedPercent(50), 1, 1),
        (UnboundedPercent(50), 3, 2),
        (UnboundedPercent(100), 5000, 5000),
        (UnboundedPercent(10), 0, 1),
        (Count(0), 10, 1),
        (Count(1), 10, 1),
        (Count(7), 1, 7),
    ] {
        assert_eq!(threshold.of(desired_count), failures, "{threshold:?} of {desired_count}");
    }
    assert_eq!(CircuitBreaker::default().threshold, BoundedPercent(50));
}
