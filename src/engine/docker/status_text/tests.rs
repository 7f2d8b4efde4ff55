use super::*;

#[test]
fn texts() {
    let up = |seconds| Some(Duration::from_secs(seconds));
    for (text, at_least, health) in [
        ("Up Less than a second", up(0), Health::None),
        ("Up Less than a second (health: starting)", up(0), Health::Starting),
        ("Up 1 second", up(1), Health::None),
        ("Up 5 seconds (healthy)", up(5), Health::Healthy),
        ("Up 59 seconds (unhealthy)", up(59), Health::Unhealthy),
        ("Up About a minute (healthy)", up(60), Health::Healthy),
        ("Up 2 minutes", up(120), Health::None),
        ("Up About an hour", up(3600), Health::None),
        ("Up 2 hours (Paused)", up(5400), Health::None),
        ("Up 47 hours (healthy)", up(47 * 3600 - 1800), Health::Healthy),
        ("Up 2 days", up(2 * 86_400 - 1800), Health::None),
        ("Up 3 weeks", up(21 * 86_400 - 1800), Health::None),
        ("Up 4 months", up(120 * 86_400 - 1800), Health::None),
        ("Up 2 years", up(730 * 86_400), Health::None),
        ("Up many moons (healthy)", up(0), Health::Healthy),
        ("Up 99999999999999999999 seconds", up(0), Health::None),
        ("Up", None, Health::None),
        ("Exited (137) 3 minutes ago", None, Health::None),
        ("Exited (0) 3 minutes ago (healthy)", None, Health::None),
        ("Created", None, Health::None),
        ("Dead", None, Health::None),
        ("Removal In Progress", None, Health::None),
        ("Restarting (3) 5 seconds ago", None, Health::None),
        ("", None, Health::None),
        ("Läuft seit 5 Minuten", None, Health::None),
    ] {
        assert_eq!((read_up_at_least(text), read_health(text)), (at_least, health), "{text}");
    }
}

/// Docker's own `units.HumanDuration`, against which the lower bounds are held.
fn human_duration(seconds: u64) -> String {
    let minutes = seconds / 60;
    let hours = (seconds + 1800) / 3600;
    match () {
        () if seconds < 1 => "Less than a second".to_owned(),
        () if seconds == 1 => "1 second".to_owned(),
        () if seconds < 60 => format!("{seconds} seconds"),
        () if minutes == 1 => "About a minute".to_owned(),
        () if minutes < 60 => format!("{minutes} minutes"),
        () if hours == 1 => "About an hour".to_owned(),
        () if hours < 48 => format!("{hours} hours"),
        () if hours < 24 * 7 * 2 => format!("{} days", hours / 24),
        () if hours < 24 * 30 * 2 => format!("{} weeks", hours / 24 / 7),
        () if hours < 24 * 365 * 2 => format!("{} months", hours / 24 / 30),
        () => format!("{} years", seconds / 3600 / 24 / 365),
    }
}

#[test]
fn the_age_is_never_overestimated() {
    for seconds in (0..200_000).chain((200_000..200_000_000).step_by(7919)) {
        let text = format!("Up {}", human_duration(seconds));
        let at_least = read_up_at_least(&text).expect("up").as_secs();
        assert!(at_least <= seconds, "{text}: {at_least} s, in truth {seconds} s");
    }
}
