//! Every metric: its name, and what it tells. The names are an interface: dashboards and alerts rest
//! on them.

/// A metric.
pub(crate) struct Metric {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    /// The upper bounds of a histogram's buckets; nothing for what is no histogram.
    pub(super) buckets: &'static [f64],
}

impl Metric {
    const fn new(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            help,
            buckets: &[],
        }
    }

    const fn times(name: &'static str, buckets: &'static [f64], help: &'static str) -> Self {
        Self {
            name,
            help,
            buckets,
        }
    }
}

/// For turns and their phases, which people and their computers take: from a fast program to the
/// longest limit that anybody is given.
const TURN: &[f64] = &[
    0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0,
    1200.0,
];
/// For the time between turns, which should be short.
const IDLE: &[f64] = &[
    0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0,
];
/// For verification: a contribution of Ethereum's sizes takes some tenths of a second or some seconds,
/// by the processor.
const VERIFYING: &[f64] = &[
    0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0,
];
/// For commits: a good disk takes a millisecond or two.
const COMMITTING: &[f64] = &[
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
];

pub(super) const JOINED: Metric =
    Metric::new("tauline_joined_total", "Participants who came into line.");
pub(super) const PASSED: Metric = Metric::new(
    "tauline_passed_total",
    "How often somebody absent was passed: a free turn went to somebody behind.",
);
pub(super) const ENDED: Metric = Metric::new(
    "tauline_ended_total",
    "Stays that are over, by how they ended.",
);
pub(super) const ABSENCES: Metric = Metric::new(
    "tauline_absences_total",
    "How often this process stood still for more than two seconds, without a restart; all deadlines moved.",
);
pub(super) const TURN_TIME: Metric = Metric::times(
    "tauline_turn_seconds",
    TURN,
    "Time from the call to the end of a turn, contributed or lost.",
);
pub(super) const TURN_PHASE: Metric = Metric::times(
    "tauline_turn_phase_seconds",
    TURN,
    "Time that turns spend in each phase.",
);
pub(super) const IDLE_TIME: Metric = Metric::times(
    "tauline_idle_seconds",
    IDLE,
    "Time until a participant starts, while somebody is there and nobody contributes.",
);
pub(super) const VERIFICATION: Metric = Metric::times(
    "tauline_verification_seconds",
    VERIFYING,
    "Time that verifying a contribution takes, from when its document is read.",
);
pub(super) const VETTED: Metric = Metric::new(
    "tauline_vetted_total",
    "Contributions that another replica verified: its verdict was believed, refused (it was about something else), or missed (none came). But for the first this one verified them itself.",
);
pub(super) const COPIED_STATES: Metric = Metric::new(
    "tauline_copied_states_total",
    "States to build on that this replica sent from its own copy, while another led.",
);
pub(super) const COMMIT: Metric = Metric::times(
    "tauline_commit_seconds",
    COMMITTING,
    "Time that a commit of the ceremony's log takes. Everybody waits for it.",
);
pub(super) const HELD_ANSWERS: Metric = Metric::new(
    "tauline_held_answers",
    "Check-ins, streams and polls whose answers are held back until something changes.",
);
pub(super) const WATCHERS: Metric = Metric::new(
    "tauline_watchers",
    "Streams of the ceremony's status that are open: those who watch.",
);
pub(super) const HTTP_RESPONSES: Metric = Metric::new(
    "tauline_http_responses_total",
    "Answers over HTTP, by the class of their status.",
);
pub(super) const RATE_LIMITED: Metric = Metric::new(
    "tauline_rate_limited_total",
    "Requests that were refused for being too many, by the limit.",
);
pub(super) const SIGN_INS: Metric = Metric::new(
    "tauline_sign_ins_total",
    "Sign-ins: ok, refused (the proof is not good), failed (on our side, or the provider's).",
);
pub(super) const FORWARDED: Metric = Metric::new(
    "tauline_forwarded_total",
    "Requests that were sent to the leader: answered, repeated (it did not answer, they are sent again), unanswered.",
);
pub(super) const BATCHES: Metric = Metric::new(
    "tauline_forwarded_batches_total",
    "Messages of check-ins that were sent to the leader.",
);
pub(super) const CHECK_INS_IN_BATCHES: Metric = Metric::new(
    "tauline_forwarded_check_ins_total",
    "Check-ins that were sent to the leader in such messages.",
);
pub(super) const LEADER_CHANGES: Metric = Metric::new(
    "tauline_leader_changes_total",
    "How often this replica saw another leader than before, itself among them.",
);

pub(crate) const LEADS: Metric = Metric::new(
    "tauline_leads",
    "Whether this replica leads; only with --store.",
);
pub(crate) const LEADER_EPOCH: Metric = Metric::new(
    "tauline_leader_epoch",
    "Which leader since the ceremony began leads, as far as this replica knows; only with --store.",
);
pub(crate) const INVITES_DIFFER: Metric = Metric::new(
    "tauline_invites_differ",
    "Whether another replica has other invitations than this one; only with --store.",
);
pub(crate) const READY: Metric = Metric::new(
    "tauline_ready",
    "Whether this server can serve participants, as /readyz says.",
);
pub(crate) const BUILD: Metric = Metric::new("tauline_build_info", "The version that runs.");
pub(crate) const MODE: Metric = Metric::new("tauline_mode", "The mode that is 1 is in force.");
pub(crate) const PAUSED: Metric = Metric::new(
    "tauline_paused",
    "Whether the ceremony is halted with people in line.",
);
pub(crate) const CONTRIBUTIONS: Metric = Metric::new(
    "tauline_contributions",
    "Contributions that were accepted since the ceremony began.",
);
pub(crate) const LINE_LENGTH: Metric = Metric::new(
    "tauline_line_length",
    "Participants in line, without the one whose turn it is.",
);
pub(crate) const TURN_AGE: Metric = Metric::new(
    "tauline_turn_age_seconds",
    "Time since the participant was called whose turn it is; 0 while it is nobody's.",
);
pub(crate) const MEAN_TURN: Metric = Metric::new(
    "tauline_mean_turn_seconds",
    "Mean length of recent turns, those that were lost among them.",
);
pub(crate) const EXPECTED_WAIT: Metric = Metric::new(
    "tauline_expected_wait_seconds",
    "Expected wait of somebody who joins now.",
);
pub(crate) const LOG_ENTRIES: Metric =
    Metric::new("tauline_log_entries", "Entries of the public log.");
pub(crate) const CHECKPOINT_ENTRIES: Metric = Metric::new(
    "tauline_checkpoint_entries",
    "Entries of the public log that its last checkpoint covers.",
);
pub(crate) const CHECKPOINT_AGE: Metric = Metric::new(
    "tauline_checkpoint_age_seconds",
    "Time since the last checkpoint was signed. Without new entries there is no new one.",
);
pub(crate) const WITNESSES: Metric = Metric::new(
    "tauline_witnesses",
    "Witnesses to which the last checkpoint was offered.",
);
pub(crate) const COSIGNATURES: Metric = Metric::new(
    "tauline_cosignatures",
    "Witnesses that have cosigned the checkpoint that is served.",
);
pub(crate) const CONNECTIONS: Metric = Metric::new(
    "tauline_connections",
    "Open connections, of participants (a session came over them) and of strangers.",
);
pub(crate) const CONNECTIONS_MAX: Metric = Metric::new(
    "tauline_connections_max",
    "How many connections there may be.",
);
pub(crate) const CONNECTIONS_REFUSED: Metric = Metric::new(
    "tauline_connections_refused_total",
    "Connections that were refused, or closed for others: many from one address, no room, or none from the system.",
);
pub(crate) const DISK_FREE: Metric = Metric::new(
    "tauline_disk_free_bytes",
    "Free space on the disk that the data is on.",
);
pub(crate) const DISK_MIN_FREE: Metric = Metric::new(
    "tauline_disk_min_free_bytes",
    "Free space below which the log warns: --min-free-disk.",
);
pub(crate) const CERTIFICATE_LEFT: Metric = Metric::new(
    "tauline_tls_certificate_left_seconds",
    "Time until the certificate that is in force expires.",
);
pub(crate) const CERTIFICATE_BROKEN: Metric = Metric::new(
    "tauline_tls_certificate_broken",
    "Whether the files of --tls-certificate and --tls-key hold a pair that cannot be used; the one before is in force.",
);

/// Those that are times, which have buckets.
pub(super) const HISTOGRAMS: [&Metric; 5] =
    [&TURN_TIME, &TURN_PHASE, &IDLE_TIME, &VERIFICATION, &COMMIT];
