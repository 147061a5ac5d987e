//! The ceremony's status and a participant's queue status.

use serde::{Deserialize, Serialize};

use crate::Identity;
use crate::commitment::Hex32;
use crate::contribution::SignedReceipt;
use crate::notice::SuccessorKey;
pub use crate::words::{EndedWord, ModeWord, QueueWord, SignInMethod};

/// The answer of `GET /ceremony/status`: what anyone may know before joining.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "openapi",
    schema(examples(
        crate::schemas::ceremony_status_recent,
        crate::schemas::ceremony_status_moved
    ))
)]
#[serde(rename_all = "camelCase")]
pub struct CeremonyStatus {
    /// Whether participants can join, are only served, or are halted.
    pub mode: ModeWord,
    /// The number of participants in line, without the one whose turn it is.
    pub queue_length: u64,
    /// The number of contributions accepted so far.
    pub contributions: u64,
    /// The current turn, if there is one.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub turn: Option<TurnStatus>,
    /// The mean length of recent whole turns, in milliseconds.
    pub mean_turn_in_ms: u64,
    /// How long a turn that begins now may last, from its start to the last byte of the
    /// contribution, in milliseconds. 0 from coordinators that do not say
    /// (`docs/spec/http-api.md#announced-limits`).
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub contribution_limit_in_ms: u64,
    /// If the limit follows recent turns: how far it is extended for an upload that makes progress,
    /// in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub contribution_limit_max_in_ms: Option<u64>,
    /// The estimated wait of somebody who joins now, in milliseconds.
    pub expected_wait_in_ms: u64,
    /// When somebody who joins now can expect to start, in Unix seconds.
    pub expected_start_time: u64,
    /// The sub-ceremonies, in order.
    pub sub_ceremonies: Vec<SubCeremony>,
    /// The ways to sign in that this coordinator offers.
    pub sign_in: Vec<SignInMethod>,
    /// The EIP-55 address of the coordinator, which signs receipts.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schemas::EthAddress))]
    pub coordinator_address: String,
    /// The head of the public log.
    pub log: LogHead,
    /// When the operator plans to open or to drain the queue. Absent where nothing is planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub planned: Option<Planned>,
    /// Where the ceremony went. Absent where it is here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub moved_to: Option<MovedTo>,
    /// The coordinator's clock, in Unix seconds.
    pub time: u64,
    /// The latest turns, at most 100, the newest last; in an event that follows another one, those
    /// that are new. Absent from coordinators that do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub recent: Option<Vec<RecentTurn>>,
    /// What the operator calls the ceremony. Absent where it has no name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub name: Option<String>,
}

/// A turn that is over: a stay that was called. Who left or was missed in line had none
/// (`docs/spec/http-api.md#recent`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RecentTurn {
    /// The ticket of the stay.
    pub ticket: u64,
    /// How it ended.
    pub ended: EndedWord,
    /// When it ended, in Unix seconds.
    pub ended_at: u64,
    /// From the call to the end, in milliseconds, without absences of the coordinator.
    pub turn_in_ms: u64,
    /// The number of the contribution. Absent where none was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub number: Option<u64>,
    /// Whose contribution it is. Absent where none was accepted: nobody else is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::schemas::Identity>, nullable = false))]
    pub identity: Option<Identity>,
}

/// When the mode will change as the operator plans it (`docs/spec/http-api.md#announced-plans`,
/// `docs/spec/public-log.md#planned`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Planned {
    /// When everybody may join, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub opens: Option<u64>,
    /// When nobody may join any more, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub drains: Option<u64>,
}

/// The coordinator to which the ceremony was handed over (`docs/spec/http-api.md#moved-to`,
/// `docs/spec/public-log.md#handover`). The last entry of the log that the older coordinator signed
/// says the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MovedTo {
    /// Its key.
    pub key: SuccessorKey,
    /// The EIP-55 address of that key, which signs receipts there.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schemas::EthAddress))]
    pub coordinator_address: String,
    /// Where participants reach it. Absent where the older coordinator was not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, format = "uri"))]
    pub url: Option<String>,
}

/// The sizes of a sub-ceremony.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SubCeremony {
    /// The number of powers in G1.
    #[serde(rename = "numG1Powers")]
    pub num_g1_powers: u32,
    /// The number of powers in G2.
    #[serde(rename = "numG2Powers")]
    pub num_g2_powers: u32,
}

/// The current turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TurnStatus {
    /// The ticket whose turn it is.
    pub ticket: u64,
    /// The phase of the turn.
    pub phase: QueueWord,
    /// The time since the participant was called, in milliseconds.
    pub age_in_ms: u64,
}

/// The head of the hash chain over the durable records of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LogHead {
    /// The number of records in the log.
    pub records: u64,
    /// The hash of the last record, which covers all records before it: 64 lower-case hex digits
    /// after `0x`.
    #[cfg_attr(feature = "openapi", schema(pattern = "^0x[0-9a-f]{64}$"))]
    pub hash: String,
    /// How many of the witnesses have cosigned the checkpoint that is served. Absent where there are
    /// none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub cosigned: Option<Cosigned>,
    /// When the checkpoint that is served was signed, in Unix seconds. Absent before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub at: Option<u64>,
}

/// How many witnesses have cosigned a checkpoint (`docs/spec/public-log.md#witnesses`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Cosigned {
    /// How many have.
    pub by: u64,
    /// How many are asked.
    pub of: u64,
}

/// A participant's place, and what it has to do next (`docs/spec/http-api.md#queue-status`).
///
/// This is the answer of `queue/join` and `queue/checkin`, and the data of every event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "openapi",
    schema(examples(
        crate::schemas::queue_status_waiting,
        crate::schemas::queue_status_contributed
    ))
)]
#[serde(rename_all = "camelCase")]
pub struct QueueStatus {
    /// The participant.
    #[cfg_attr(feature = "openapi", schema(value_type = crate::schemas::Identity))]
    pub id: Identity,
    /// The number of the current or last stay in the queue; `null` before the first.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub ticket: Option<u64>,
    /// Where the participant stands.
    pub queue_status: QueueWord,
    /// 0 while the participant has the turn, 1 at the head of the line, and so on; `null` while it
    /// is not in the queue.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub queue_position: Option<u64>,
    /// How many turns went to somebody behind the participant because it was not present when they
    /// were free. It kept its place, and is next.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub passed: u32,
    /// How many other sessions of the same identity wait for a check-in's answer or have an event
    /// stream now. As long as there is another, leaving in one of them does not end the stay
    /// (`docs/spec/http-api.md#other-clients`).
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub other_clients: u32,
    /// The mode of the ceremony. While it is `halted`, nobody is called and no deadline runs.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub mode: ModeWord,
    /// When the participant's turn is expected to start, in Unix seconds.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub expected_start_time: Option<u64>,
    /// The same as milliseconds from now.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub expected_start_in_ms: Option<u64>,
    /// The time before which the participant has to check in or, in its turn, to act, in Unix
    /// seconds.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub next_checkin_time: Option<u64>,
    /// The same as milliseconds from now.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub next_checkin_in_ms: Option<u64>,
    /// While contributing: the time that is left until the last byte has to arrive, in
    /// milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub contribute_in_ms: Option<u64>,
    /// The answer to joining only: the ticket, signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub signed_ticket: Option<SignedTicket>,
    /// Until when the place or the offered turn is kept, signed with the key of the public log
    /// (`docs/spec/public-log.md#place-promise`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub promise: Option<String>,
    /// How the last stay ended; `null` during a stay, and before the first.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub ended: Option<EndedWord>,
    /// The check that failed, or the reason that was given for an abort or an expulsion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub ended_because: Option<String>,
    /// The signed receipt of an accepted contribution.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub receipt: Option<SignedReceipt>,
}

/// What proves that a participant has joined (`docs/spec/public-log.md#ticket`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SignedTicket {
    /// The ticket: a note signed with the key of the public log.
    pub ticket: String,
    /// Opens the commitment that stands for the participant in the log. Who has it can tell whose
    /// place it is, so it is the participant's alone.
    pub nonce: Hex32,
    /// A checkpoint of the log that covers the entry of joining.
    pub checkpoint: String,
    /// The log's origin.
    pub origin: String,
    /// The log's key, as C2SP `signed-note` writes it.
    pub log_key: String,
}
