//! The address of a coordinator.

use std::net::IpAddr;

use reqwest::Url;

/// Reads `--server URL`.
///
/// # Errors
/// A text that is not the `http` or `https` address of a server. The error is a sentence for the
/// user.
pub fn parse_server(text: &str) -> Result<Url, String> {
    let example = "write it in full, for example https://ceremony.example.org";
    let mut url = match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => url,
        _ if !text.contains("://") => {
            return Err(format!(
                "the address must start with http:// or https://; {example}"
            ));
        }
        Ok(url) => {
            return Err(format!(
                "{}:// is not http:// or https://; {example}",
                url.scheme()
            ));
        }
        Err(error) => return Err(format!("{error}; {example}")),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the address must not hold a user name or password".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("the address must end with its path; {example}"));
    }
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

/// Whether the address is this machine's own.
#[must_use]
pub fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(is_loopback_host)
}

/// Whether the host of an address is this machine.
#[must_use]
pub fn is_loopback_host(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_address_is_http_and_complete() {
        let parsed = |text: &str| parse_server(text).map(String::from);
        assert_eq!(
            parsed("http://127.0.0.1:3000").unwrap(),
            "http://127.0.0.1:3000/"
        );
        assert_eq!(
            parsed("https://a.org/ceremony").unwrap(),
            "https://a.org/ceremony/"
        );
        for (bad, says) in [
            ("localhost:3000", "must start with http://"),
            ("127.0.0.1:3000", "must start with http://"),
            ("", "must start with http://"),
            ("ftp://a.org", "ftp:// is not http://"),
            ("http://", "empty host"),
            ("http://user:pass@a.org", "user name"),
            ("http://a.org/?x=1", "must end with its path"),
        ] {
            let error = parsed(bad).unwrap_err();
            assert!(error.contains(says), "{bad}: {error}");
        }
    }

    #[test]
    fn a_prefix_of_the_path_is_kept() {
        let server = parse_server("https://a.org/ceremony").unwrap();
        assert_eq!(
            server.join("queue/join").unwrap().as_str(),
            "https://a.org/ceremony/queue/join"
        );
    }

    #[test]
    fn loopback_is_recognised() {
        for (text, is) in [
            ("http://localhost:1", true),
            ("http://127.0.0.2", true),
            ("http://[::1]:3000", true),
            ("http://10.0.0.1", false),
            ("http://localhost.example.org", false),
        ] {
            assert_eq!(is_loopback(&parse_server(text).unwrap()), is, "{text}");
        }
    }
}
