//! The body of every error, and the table of all error codes (`docs/spec/http-api.md#error-shape`).

use serde::{Deserialize, Serialize};

use crate::codes::codes;
use crate::commitment::Hex32;
use crate::status::MovedTo;

/// The body of every answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "openapi",
    schema(examples(crate::schemas::error, crate::schemas::error_moved))
)]
pub struct ErrorBody {
    /// What is wrong, as one of the table of codes (`docs/spec/http-api.md#error-codes`). A client may
    /// get codes that it does not know.
    pub code: String,
    /// A sentence for people that says what to do.
    pub error: String,
    /// To whoever may not join: the same, signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub signed: Option<Box<SignedRefusal>>,
    /// With `Queue::HandedOver`: where the ceremony went.
    #[serde(default, rename = "movedTo", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub moved_to: Option<Box<MovedTo>>,
}

/// What proves that somebody was turned away (`docs/spec/public-log.md#signed-refusal`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SignedRefusal {
    /// The refusal: a note signed with the key of the public log.
    pub refusal: String,
    /// Opens the commitment that stands for the participant in the log.
    pub nonce: Hex32,
    /// The log's origin.
    pub origin: String,
    /// The log's key, as C2SP `signed-note` writes it.
    pub log_key: String,
}

impl ErrorBody {
    /// An error body with a code of the table.
    #[must_use]
    pub fn new(code: Code, error: impl Into<String>) -> Self {
        Self::with_code(code.as_str(), error)
    }

    /// An error body with any code, such as one of the sequencer's.
    #[must_use]
    pub fn with_code(code: impl Into<String>, error: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            error: error.into(),
            signed: None,
            moved_to: None,
        }
    }

    /// The code, if this version knows it.
    #[must_use]
    pub fn known_code(&self) -> Option<Code> {
        Code::ALL
            .iter()
            .copied()
            .find(|code| code.as_str() == self.code)
    }
}

macro_rules! codes_with_meanings {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $status:literal;)+) => {
        codes! {
            /// Every error code that a client can see. Codes are part of the interface: none is
            /// derived from a type's name, and none ever changes its meaning.
            Code
            $($(#[doc = $doc])+ $name = $code, $status;)+
        }

        impl Code {
            /// What the code means, in a sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc,)+).trim_ascii(),)+ }
            }
        }
    };
}

codes_with_meanings! {
    /// The body is not readable in the form that `Content-Type` names.
    MalformedBody = "Request::MalformedBody", 400;
    /// A query parameter or a header is missing, unknown or out of range.
    InvalidParameter = "Request::InvalidParameter", 400;
    /// There is nothing at this path.
    NotFound = "Request::NotFound", 404;
    /// The path does not take this method.
    MethodNotAllowed = "Request::MethodNotAllowed", 405;
    /// None of the forms in `Accept` is offered.
    NotAcceptable = "Request::NotAcceptable", 406;
    /// The body did not arrive in time.
    BodyTimeout = "Request::BodyTimeout", 408;
    /// The body is larger than any honest one.
    BodyTooLarge = "Request::BodyTooLarge", 413;
    /// The `Content-Type` or `Content-Encoding` is not one that this path takes.
    UnsupportedMediaType = "Request::UnsupportedMediaType", 415;
    /// The part asked for by `Range` lies past the end.
    RangeNotSatisfiable = "Request::RangeNotSatisfiable", 416;
    /// Too many requests; `Retry-After` says when to come back.
    RateLimited = "Request::RateLimited", 429;

    /// The `Authorization: Bearer` header is missing or malformed: sign in first.
    SessionMissing = "Session::Missing", 401;
    /// The session is unknown or has ended: sign in again; the place in the queue is kept.
    SessionUnknown = "Session::Unknown", 401;
    /// As many people are signed in as the operator allows: try again later.
    SessionsFull = "Session::Full", 503;

    /// The sign-in method is not offered here.
    LoginMethodNotOffered = "Login::MethodNotOffered", 403;
    /// The EIP-4361 message is not readable.
    LoginMalformedMessage = "Login::MalformedMessage", 400;
    /// The nonce is not one of this coordinator's, is used or is too old: ask for another.
    LoginUnknownNonce = "Login::UnknownNonce", 401;
    /// The message is for another domain or URI.
    LoginWrongDomain = "Login::WrongDomain", 401;
    /// The message is for another chain.
    LoginWrongChain = "Login::WrongChain", 401;
    /// The message has expired or is not yet valid.
    LoginExpired = "Login::Expired", 401;
    /// The signature is not by the address that the message names.
    LoginInvalidSignature = "Login::InvalidSignature", 401;
    /// The invitation code is not known.
    LoginUnknownInvite = "Login::UnknownInvite", 401;
    /// The `state` was not made by this coordinator for this browser, is used or is too old: begin
    /// again.
    LoginInvalidState = "Login::InvalidState", 400;
    /// The identity provider does not take the authorization code: begin again.
    LoginInvalidCode = "Login::InvalidCode", 401;
    /// The account is too young, or has sent too few transactions, to take part.
    LoginNotEligible = "Login::NotEligible", 403;
    /// The identity provider or the Ethereum node could not be asked: try again later.
    LoginProviderUnreachable = "Login::ProviderUnreachable", 502;
    /// The identity provider answered something that names no account.
    LoginProviderMisbehaved = "Login::ProviderMisbehaved", 502;
    /// Too many sign in at the moment, or this way: `Retry-After` says when to come back.
    LoginBusy = "Login::Busy", 503;
    /// `redirect_to` is not an address that sessions may be sent to here.
    LoginRedirectNotAllowed = "Login::RedirectNotAllowed", 400;

    /// The participant is not in the queue: join first.
    NotQueued = "Queue::NotQueued", 409;
    /// It is not the participant's turn.
    NotYourTurn = "Queue::NotYourTurn", 409;
    /// The participant's turn has come, but it has not started: call `contribution/start` first.
    NotStarted = "Queue::NotStarted", 409;
    /// A contribution of this participant is being verified already.
    AlreadyVerifying = "Queue::AlreadyVerifying", 409;
    /// The participant's stay is over; the text says why.
    StayEnded = "Queue::StayEnded", 409;
    /// The identity has contributed: nobody contributes twice.
    AlreadyContributed = "Queue::AlreadyContributed", 403;
    /// An earlier contribution of this participant was accepted: the one sent now is another, and
    /// does not count.
    EarlierOneCounted = "Queue::EarlierOneCounted", 409;
    /// The identity was used up by an earlier stay; the text says how it ended.
    UsedUp = "Queue::UsedUp", 403;
    /// The ceremony takes no new entries: it serves those in line, then halts.
    Draining = "Queue::Draining", 503;
    /// The ceremony is halted or paused by its operator; no deadline runs.
    Halted = "Queue::Halted", 503;
    /// The ceremony has moved to another coordinator: the body says where.
    HandedOver = "Queue::HandedOver", 410;

    /// Check 1: another number of sub-ceremonies than the ceremony has.
    ContributionCount = "Contribution::Count", 422;
    /// Check 1: a sub-ceremony of other sizes than the ceremony's.
    ContributionSizes = "Contribution::Sizes", 422;
    /// Check 2: a point does not decode.
    ContributionPoint = "Contribution::Point", 422;
    /// Check 3: a point is not in the prime-order subgroup.
    ContributionSubgroup = "Contribution::Subgroup", 422;
    /// Check 4: the public key is the identity.
    ContributionPubkeyIdentity = "Contribution::PubkeyIdentity", 422;
    /// Check 4: the first power is not the generator.
    ContributionFirstPower = "Contribution::FirstPower", 422;
    /// Check 4: the second power in G1 is the identity.
    ContributionZeroPower = "Contribution::ZeroPower", 422;
    /// Check 5: the update is not proven.
    ContributionUpdateProof = "Contribution::UpdateProof", 422;
    /// Check 6: the powers in G1 are no powers.
    ContributionG1Powers = "Contribution::G1Powers", 422;
    /// Check 7: the powers in G2 do not match those in G1.
    ContributionG2Powers = "Contribution::G2Powers", 422;
    /// The contribution changes nothing: its secret is 1.
    ContributionNoEntropy = "Contribution::NoEntropy", 422;
    /// There is no contribution of this number, or by anybody of this name.
    ContributionUnknown = "Contribution::Unknown", 404;

    /// The coordinator failed; the place in the queue is kept. Try again.
    Internal = "Server::Internal", 500;
    /// The coordinator could not finish verifying; the identity is not used up: join again.
    CoordinatorFault = "Server::CoordinatorFault", 500;
    /// The coordinator is stopping or starting: try again soon; the place is kept.
    Unavailable = "Server::Unavailable", 503;
}
