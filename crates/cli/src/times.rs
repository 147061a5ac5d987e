//! Times with their date, as the command line takes and shows them: in the form of RFC 3339.

use tauline_queue_core::Timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A time in Unix seconds as text: `2026-10-01T12:00:00Z`.
#[must_use]
pub fn text(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_else(|| format!("{seconds} s after 1970"))
}

/// Reads a time that is still to come.
///
/// # Errors
/// Another form, or a time that is over. The error is a sentence for the user.
pub fn parse_future(text: &str) -> Result<Timestamp, String> {
    later_than(OffsetDateTime::now_utc(), text)
}

fn later_than(now: OffsetDateTime, text: &str) -> Result<Timestamp, String> {
    let at = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| {
        "write the time with its date and its zone: 2026-10-01T12:00:00Z, or \
         2026-10-01T14:00:00+02:00"
            .to_owned()
    })?;
    if at <= now {
        let now = u64::try_from(now.unix_timestamp()).unwrap_or_default();
        return Err(format!(
            "that time is over: by this machine's clock it is {}",
            self::text(now)
        ));
    }
    let millis = at.unix_timestamp_nanos() / 1_000_000;
    Ok(Timestamp::from_millis(
        u64::try_from(millis).unwrap_or_default(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_come_is_read_in_any_zone() {
        let now = OffsetDateTime::from_unix_timestamp(1_790_000_000).unwrap();
        assert_eq!(text(1_790_000_000), "2026-09-21T14:13:20Z");
        for later in [
            "2026-09-21T14:13:21.5Z",
            "2026-09-21T16:13:21.5+02:00",
            "2026-09-21T09:13:21.5-05:00",
        ] {
            assert_eq!(
                later_than(now, later),
                Ok(Timestamp::from_millis(1_790_000_001_500)),
                "{later}"
            );
        }
    }

    #[test]
    fn a_time_that_is_over_or_has_no_zone_is_refused() {
        let now = OffsetDateTime::from_unix_timestamp(1_790_000_000).unwrap();
        for (wrong, says) in [
            ("2026-09-21T14:13:20Z", "it is 2026-09-21T14:13:20Z"),
            ("2026-09-21T16:13:19+02:00", "is over"),
            ("2026-09-22T12:00:00", "its zone"),
            ("2026-09-22", "its date"),
            ("tomorrow", "2026-10-01T12:00:00Z"),
            ("1790000001", "its zone"),
        ] {
            let error = later_than(now, wrong).unwrap_err();
            assert!(error.contains(says), "{wrong}: {error}");
        }
    }
}
