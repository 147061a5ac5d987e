//! What a client has already (RFC 9110, section 13.1.2).

use axum::http::{HeaderMap, header};

/// Whether `If-None-Match` says that the client has what bears this tag.
pub(crate) fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|etags| lists(etags, etag))
}

fn lists(etags: &str, etag: &str) -> bool {
    etags
        .split(',')
        .map(str::trim)
        .any(|item| item == "*" || item.strip_prefix("W/").unwrap_or(item) == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_etag_is_found_in_its_list() {
        for (list, found) in [
            (r#""a""#, true),
            (r#""b", "a""#, true),
            (r#"W/"a""#, true),
            ("*", true),
            (r#""b""#, false),
        ] {
            assert_eq!(lists(list, r#""a""#), found, "{list}");
        }
    }
}
