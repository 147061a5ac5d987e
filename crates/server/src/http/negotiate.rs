//! In which form and compression the state goes out (RFC 9110, sections 12.5.1 and 12.5.3).

use axum::http::{HeaderMap, header};

use crate::representation::{Coding, Form};

/// The form that suits `Accept` best; `None` when none of ours does
/// (`docs/spec/http-api.md#forms`).
///
/// Without the header, or where it names anything, the form is JSON. `application/msgpack` alone
/// is the compressed encoding; the uncompressed one is asked for by name, `points=uncompressed`.
#[must_use]
pub(crate) fn form(headers: &HeaderMap) -> Option<Form> {
    const FORMS: [Form; 3] = [Form::Json, Form::Msgpack, Form::MsgpackUncompressed];
    let ranges: Vec<Range> = list(headers, header::ACCEPT)
        .filter_map(|item| Range::parse(&item))
        .collect();
    if ranges.is_empty() {
        return Some(Form::Json);
    }
    // The most specific range decides for a form; of the forms, the highest quality wins, then
    // what stands first in the header.
    FORMS
        .into_iter()
        .filter_map(|form| {
            let (place, range, _) = ranges
                .iter()
                .enumerate()
                .filter_map(|(place, range)| Some((place, range, range.fits(form)?)))
                .max_by_key(|(place, _, fit)| (*fit, std::cmp::Reverse(*place)))?;
            (range.quality > 0).then_some((form, range.quality, place))
        })
        .max_by_key(|(_, quality, place)| (*quality, std::cmp::Reverse(*place)))
        .map(|(form, ..)| form)
}

/// The compression that suits `Accept-Encoding` best, zstd before gzip. Only JSON is compressed:
/// points in MessagePack are random bytes.
#[must_use]
pub(crate) fn coding(headers: &HeaderMap, form: Form) -> Coding {
    if !matches!(form, Form::Json) {
        return Coding::Identity;
    }
    let items: Vec<(String, u16)> = list(headers, header::ACCEPT_ENCODING)
        .filter_map(|item| {
            let (name, parameters) = item.split_once(';').unwrap_or((&item, ""));
            Some((name.trim().to_owned(), quality(parameters)?))
        })
        .collect();
    let wanted = |name: &str| {
        let named = items
            .iter()
            .find(|(item, _)| item == name || item.strip_prefix("x-") == Some(name));
        named
            .or_else(|| items.iter().find(|(item, _)| item == "*"))
            .map_or(0, |(_, q)| *q)
    };
    let (zstd, gzip) = (wanted("zstd"), wanted("gzip"));
    let identity = items
        .iter()
        .find(|(item, _)| item == "identity")
        .map_or(1, |(_, q)| *q);
    if zstd > 0 && zstd >= gzip && zstd >= identity {
        Coding::Zstd
    } else if gzip > 0 && gzip >= identity {
        Coding::Gzip
    } else {
        Coding::Identity
    }
}

/// The items of all lines of a list header, in lower case.
fn list(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = String> + '_ {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|item| item.trim().to_ascii_lowercase())
        .filter(|item| !item.is_empty())
}

/// The `q` among parameters, in thousandths; 1000 without one, `None` when it is no number.
fn quality(parameters: &str) -> Option<u16> {
    let q = parameters
        .split(';')
        .find_map(|parameter| parameter.trim().strip_prefix("q="));
    let Some(q) = q else { return Some(1000) };
    let q: f32 = q.trim().parse().ok()?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 to 1000"
    )]
    (0.0..=1.0)
        .contains(&q)
        .then_some((q * 1000.0).round() as u16)
}

/// One media range of `Accept`.
struct Range {
    media: String,
    points: Option<String>,
    quality: u16,
}

impl Range {
    fn parse(item: &str) -> Option<Self> {
        let (media, parameters) = item.split_once(';').unwrap_or((item, ""));
        let points = parameters
            .split(';')
            .find_map(|parameter| parameter.trim().strip_prefix("points="))
            .map(|value| value.trim_matches('"').to_owned());
        Some(Self {
            media: media.trim().to_owned(),
            points,
            quality: quality(parameters)?,
        })
    }

    /// How specifically the range names the form; `None` when it does not.
    fn fits(&self, form: Form) -> Option<u8> {
        match self.media.as_str() {
            "*/*" => matches!(form, Form::Json).then_some(0),
            "application/*" => matches!(form, Form::Json).then_some(1),
            "application/json" => matches!(form, Form::Json).then_some(2),
            media if is_msgpack(media) => match (form, self.points.as_deref()) {
                (Form::Msgpack, None) => Some(2),
                (Form::Msgpack, Some("compressed")) => Some(3),
                (Form::MsgpackUncompressed, Some("uncompressed")) => Some(3),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Whether a media type is MessagePack, by its name or one of those used before it had one.
#[must_use]
pub(crate) fn is_msgpack(media: &str) -> bool {
    matches!(
        media,
        "application/msgpack" | "application/vnd.msgpack" | "application/x-msgpack"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn accept(value: &str) -> Option<Form> {
        form(&HeaderMap::from_iter([(
            header::ACCEPT,
            HeaderValue::from_str(value).unwrap(),
        )]))
    }

    fn encoding(value: &str) -> Coding {
        let headers = HeaderMap::from_iter([(
            header::ACCEPT_ENCODING,
            HeaderValue::from_str(value).unwrap(),
        )]);
        assert!(matches!(coding(&headers, Form::Msgpack), Coding::Identity));
        coding(&headers, Form::Json)
    }

    #[test]
    fn json_is_the_default() {
        assert!(matches!(form(&HeaderMap::new()), Some(Form::Json)));
        for any in [
            "*/*",
            "application/*",
            "text/html, */*;q=0.1",
            "application/json",
        ] {
            assert!(matches!(accept(any), Some(Form::Json)), "{any}");
        }
    }

    #[test]
    fn messagepack_comes_when_asked_for() {
        for compressed in [
            "application/msgpack",
            "Application/MsgPack",
            "application/x-msgpack",
            "application/msgpack; points=compressed",
            "application/msgpack, application/json;q=0.9",
            "application/json;q=0.1, application/msgpack;q=0.2, */*;q=0.1",
            "application/json;q=0, application/msgpack;q=0.1",
        ] {
            assert!(
                matches!(accept(compressed), Some(Form::Msgpack)),
                "{compressed}"
            );
        }
        for uncompressed in [
            "application/msgpack;points=uncompressed",
            "application/msgpack; points=\"uncompressed\"; q=0.5, */*;q=0.1",
            "application/msgpack;points=uncompressed, application/msgpack;q=0.9, application/json;q=0.8",
        ] {
            assert!(
                matches!(accept(uncompressed), Some(Form::MsgpackUncompressed)),
                "{uncompressed}"
            );
        }
    }

    #[test]
    fn a_form_with_quality_zero_is_never_sent() {
        for nothing in [
            "text/html",
            "application/json;q=0",
            "*/*;q=0",
            "application/msgpack;points=affine",
        ] {
            assert!(accept(nothing).is_none(), "{nothing}");
        }
    }

    #[test]
    fn compression_follows_accept_encoding() {
        for zstd in [
            "zstd",
            "gzip, zstd",
            "gzip, deflate, br, zstd",
            "*",
            "zstd;q=0.5, gzip;q=0.4",
        ] {
            assert!(matches!(encoding(zstd), Coding::Zstd), "{zstd}");
        }
        for gzip in [
            "gzip",
            "gzip, deflate, br",
            "x-gzip",
            "gzip;q=1, zstd;q=0.5",
            "zstd;q=0, *",
        ] {
            assert!(matches!(encoding(gzip), Coding::Gzip), "{gzip}");
        }
        for plain in [
            "",
            "identity",
            "br",
            "gzip;q=0",
            "*;q=0",
            "identity, gzip;q=0.5",
        ] {
            assert!(matches!(encoding(plain), Coding::Identity), "{plain}");
        }
        assert!(matches!(
            coding(&HeaderMap::new(), Form::Json),
            Coding::Identity
        ));
    }
}
