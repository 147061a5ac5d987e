//! What a follower tells the leader beside a request that it passes on, and the leader beside its answer.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::base::{BaseId, Has};
use crate::routes::LEFT_OUT;
use crate::vetting::VettingId;

/// Under which number the replica verifies what it passes on.
const VETTING: HeaderName = HeaderName::from_static("x-tauline-vetting");

/// Which state the replica has, and can put into an answer itself.
const HAS: HeaderName = HeaderName::from_static("x-tauline-has");

/// What is told beside a request.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told {
    pub(super) vetting: Option<VettingId>,
    pub(super) has: Option<BaseId>,
}

impl Told {
    /// Puts it into the headers of a request on its way to the leader. Nothing of it is believed of a
    /// participant.
    pub(super) fn put_into(self, headers: &mut HeaderMap) {
        let values = [
            (VETTING, self.vetting.map(|id| id.0.to_string())),
            (HAS, self.has.map(|id| id.to_string())),
        ];
        for (name, value) in values {
            headers.remove(&name);
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
                headers.insert(name, value);
            }
        }
    }

    /// Takes it out of the headers of another replica's request, and hands it on to who answers.
    pub(super) fn hand_on(request: &mut Request) {
        let vetting = taken(request.headers_mut(), VETTING).and_then(|id| id.parse().ok());
        let has = taken(request.headers_mut(), HAS).and_then(|id| id.parse().ok());
        let extensions = request.extensions_mut();
        if let Some(id) = vetting {
            extensions.insert(VettingId(id));
        }
        if let Some(id) = has {
            extensions.insert(Has(id));
        }
    }
}

fn taken(headers: &mut HeaderMap, name: HeaderName) -> Option<String> {
    Some(headers.remove(name)?.to_str().ok()?.to_owned())
}

/// Whether the leader left the state out of its answer.
pub(super) fn take_left_out(headers: &mut HeaderMap) -> bool {
    headers.remove(LEFT_OUT).is_some()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn what_is_told_arrives_and_what_a_participant_says_does_not() {
        let has = BaseId {
            contributions: 3,
            digest: [9; 32],
        };
        let mut request = Request::new(Body::empty());
        for name in [VETTING, HAS] {
            let said = HeaderValue::from_static("7");
            request.headers_mut().insert(name, said);
        }
        let told = Told {
            vetting: None,
            has: Some(has),
        };
        told.put_into(request.headers_mut());
        Told::hand_on(&mut request);
        assert!(request.headers().is_empty());
        assert!(request.extensions().get::<VettingId>().is_none());
        assert_eq!(request.extensions().get(), Some(&Has(has)));
        let told = Told {
            vetting: Some(VettingId(u64::MAX)),
            has: None,
        };
        told.put_into(request.headers_mut());
        Told::hand_on(&mut request);
        let vetting = request.extensions().get();
        assert_eq!(vetting, Some(&VettingId(u64::MAX)));
    }
}
