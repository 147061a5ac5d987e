//! Numbers as text for people: durations, sizes, counts.

use std::time::Duration;

/// A duration in its one or two largest units: `0.8 s`, `45 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4
/// h`.
#[must_use]
pub fn duration(duration: Duration) -> String {
    let pair = |large: u64, large_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large} {large_unit}"),
        _ => format!("{large} {large_unit} {small} {small_unit}"),
    };
    let seconds = (duration.as_millis() + 500) as u64 / 1000;
    match seconds {
        0..10 => {
            let tenths = (duration.as_millis() + 50) / 100;
            format!("{}.{} s", tenths / 10, tenths % 10)
        }
        10..60 => format!("{seconds} s"),
        60..3600 => pair(seconds / 60, "min", seconds % 60, "s"),
        3600..86_400 => pair(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => pair(seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
    }
}

/// An estimate of how long something takes. It is never given more exactly than in seconds.
#[must_use]
pub fn about(milliseconds: u64) -> String {
    match milliseconds {
        0..10_000 => "a few seconds".to_owned(),
        _ => format!(
            "about {}",
            duration(Duration::from_secs(milliseconds / 1000))
        ),
    }
}

/// A number of bytes in decimal units: `850 B`, `12.3 kB`, `6.3 MB`.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    let scaled = |unit: u64, name: &str| {
        let tenths = (bytes + unit / 20) / (unit / 10);
        format!("{}.{} {name}", tenths / 10, tenths % 10)
    };
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..999_950 => scaled(1_000, "kB"),
        999_950..999_950_000 => scaled(1_000_000, "MB"),
        _ => scaled(1_000_000_000, "GB"),
    }
}

/// A number with commas between thousands: `141,416`.
#[must_use]
pub fn with_commas(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number and its noun: `1 contribution`, `2 contributions`.
#[must_use]
pub fn count(n: u64, noun: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{} {noun}{s}", with_commas(n))
}

/// Items joined as in a sentence: `1`, `1 and 2`, `1, 2 and 3`.
#[must_use]
pub fn list(items: &[impl ToString]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    match items.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => items.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units_at_most() {
        for (ms, text) in [
            (0, "0.0 s"),
            (849, "0.8 s"),
            (9_400, "9.4 s"),
            (9_700, "10 s"),
            (59_700, "1 min"),
            (200_000, "3 min 20 s"),
            (7_500_000, "2 h 5 min"),
            (274_000_000, "3 d 4 h"),
        ] {
            assert_eq!(duration(Duration::from_millis(ms)), text, "{ms} ms");
        }
    }

    #[test]
    fn an_estimate_is_not_overstated() {
        assert_eq!(about(300), "a few seconds");
        assert_eq!(about(61_900), "about 1 min 1 s");
    }

    #[test]
    fn sizes_and_counts_are_readable() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(6_257_837), "6.3 MB");
        assert_eq!(bytes(999_999), "1.0 MB");
        assert_eq!(bytes(253_714_449_000), "253.7 GB");
        assert_eq!(with_commas(7), "7");
        assert_eq!(with_commas(141_416), "141,416");
        assert_eq!(with_commas(1_000_000), "1,000,000");
        assert_eq!(list(&[1]), "1");
        assert_eq!(list(&[1, 2, 3]), "1, 2 and 3");
        assert_eq!(count(1, "turn"), "1 turn");
        assert_eq!(count(0, "turn"), "0 turns");
    }
}
