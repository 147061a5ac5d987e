//! The kinds of violations: what a fair coordinator never does, each with the rule that it breaks.

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, $rule:literal;)+) => {
        /// What a fair coordinator never does. The names are part of the interface: none ever changes
        /// its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Kind {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Kind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its name: `called-out-of-order`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// Where the rule is written down that is broken.
            #[must_use]
            pub const fn rule(self) -> &'static str {
                match self { $(Self::$name => $rule,)+ }
            }
        }
    };
}

kinds! {
    /// An entry is not one, or is not in its one form.
    UnreadableEntry = "unreadable-entry", "docs/spec/public-log.md#entries";
    /// An entry is dated before the one ahead of it.
    TimeFalls = "time-falls", "docs/spec/queue.md#log-time";
    /// Nothing says whose log it is.
    NotOpened = "not-opened", "docs/spec/public-log.md#notices";
    /// It is said again whose log it is.
    OpenedTwice = "opened-twice", "docs/spec/public-log.md#notices";
    /// That the log goes on from another one is said elsewhere than in its second entry.
    RecoveredLate = "recovered-late", "docs/spec/public-log.md#recovery";
    /// The coordinator's Ethereum key has not signed the log's key.
    WrongCertificate = "wrong-certificate", "docs/spec/public-log.md#certificate";
    /// The log is another coordinator's than the one that was asked for, and has not come from it.
    OtherCoordinator = "other-coordinator", "docs/spec/public-log.md#certificate";
    /// The log's key is another than the one that was asked for.
    OtherKey = "other-key", "docs/spec/public-log.md#certificate";
    /// The log's checkpoint is not signed by the key that the log has at its size.
    CheckpointNotSigned = "checkpoint-not-signed", "docs/spec/public-log.md#checkpoints";
    /// Too few witnesses of the policy that was asked for have cosigned the log's checkpoint.
    NotCosigned = "not-cosigned", "docs/spec/public-log.md#witnesses";
    /// The policy's witnesses have cosigned the log's checkpoint, and too long ago.
    StaleCheckpoint = "stale-checkpoint", "docs/spec/public-log.md#witnesses";
    /// The ceremony is given away while something runs in it.
    HandedOverWhileRunning = "handed-over-while-running", "docs/spec/public-log.md#handover";
    /// The ceremony is given away, and its coordinator has not signed that.
    HandoverNotSigned = "handover-not-signed", "docs/spec/public-log.md#handover";
    /// After the ceremony was given away, something else follows than that the other one goes on.
    WentOnAfterHandover = "went-on-after-handover", "docs/spec/public-log.md#handover";
    /// Somebody goes on with a ceremony that was given to nobody.
    HandoverNotAnnounced = "handover-not-announced", "docs/spec/public-log.md#handover";
    /// Somebody goes on with a ceremony that was given to another.
    OtherSuccessor = "other-successor", "docs/spec/public-log.md#handover";
    /// The entries are not those that a checkpoint was signed for.
    TwoVersions = "two-versions", "docs/spec/public-log.md#tree";
    /// A signed statement is about more entries than the log has.
    EntriesMissing = "entries-missing", "docs/spec/public-log.md#never-back";
    /// Something happened before the settings were told.
    RulesNotTold = "rules-not-told", "docs/spec/public-log.md#notices";
    /// The settings contradict themselves.
    UnusableRules = "unusable-rules", "docs/spec/queue.md#deadlines";

    /// A stay begins with another ticket than the next.
    TicketOutOfOrder = "ticket-out-of-order", "docs/spec/queue.md#order";
    /// Somebody has two places.
    JoinedTwice = "joined-twice", "docs/spec/queue.md#one-place";
    /// Somebody joins who was used up and not pardoned.
    JoinedThoughUsedUp = "joined-though-used-up", "docs/spec/queue.md#used-up";
    /// Somebody joins while nobody may.
    JoinedWhileClosed = "joined-while-closed", "docs/spec/queue.md#modes";
    /// Somebody has to check in sooner than the rules say.
    CheckInTooShort = "check-in-too-short", "docs/spec/queue.md#check-in";
    /// A deadline comes forward.
    PromiseTakenBack = "promise-taken-back", "docs/spec/queue.md#promise";
    /// A record of a deadline covers too little beyond it.
    PromiseNotCovered = "promise-not-covered", "docs/spec/queue.md#lasting";
    /// Somebody goes on after the last deadline that it can have had.
    LateButKept = "late-but-kept", "docs/spec/queue.md#phases";

    /// A turn begins while another runs.
    TwoTurns = "two-turns", "docs/spec/queue.md#one-turn";
    /// A turn goes to somebody further back, and those ahead are not named as passed.
    CalledOutOfOrder = "called-out-of-order", "docs/spec/queue.md#order";
    /// A turn goes to somebody who is not among the first three in line.
    CalledFromBehind = "called-from-behind", "docs/spec/queue.md#passing";
    /// A turn begins while the ceremony is halted.
    CalledWhileHalted = "called-while-halted", "docs/spec/queue.md#modes";
    /// Somebody is passed more often than the rules allow.
    PassedTooOften = "passed-too-often", "docs/spec/queue.md#passes";
    /// Somebody is passed who was due to check in within the shortest interval.
    PassedThoughExpected = "passed-though-expected", "docs/spec/queue.md#passing";
    /// The time to start is shorter than the rules say.
    StartTooShort = "start-too-short", "docs/spec/queue.md#start";

    /// The time to contribute is shorter than the rules say.
    ContributionTooShort = "contribution-too-short", "docs/spec/queue.md#contribution";
    /// The time to contribute is longer than the rules say.
    ContributionTooLong = "contribution-too-long", "docs/spec/queue.md#contribution";
    /// The first stall deadline is not the one of the rules.
    WrongStallTime = "wrong-stall-time", "docs/spec/queue.md#stall";
    /// A contribution that arrives is given more time than there is.
    ExtendedTooFar = "extended-too-far", "docs/spec/queue.md#upload-extends";
    /// The time to verify is not the one of the rules.
    WrongVerificationTime = "wrong-verification-time", "docs/spec/queue.md#verification";
    /// A turn is started or prolonged while the ceremony is halted.
    StartedWhileHalted = "started-while-halted", "docs/spec/queue.md#modes";
    /// Something happens to a stay that is in no phase for it, or is over.
    WrongPhase = "wrong-phase", "docs/spec/queue.md#phases";
    /// A contribution is accepted that never arrived.
    AcceptedUnsubmitted = "accepted-unsubmitted", "docs/spec/queue.md#phases";
    /// The numbers of the accepted contributions are not 1, 2, 3 and so on.
    Miscounted = "miscounted", "docs/spec/public-log.md#accepted";
    /// A verdict is given after the time for it.
    LateVerdict = "late-verdict", "docs/spec/queue.md#verification";

    /// A stay ends by a deadline that cannot have passed.
    EndedTooEarly = "ended-too-early", "docs/spec/queue.md#grace";
    /// A stay ends by a deadline while the ceremony is halted.
    EndedWhileHalted = "ended-while-halted", "docs/spec/queue.md#modes";
    /// A stay ends long after its deadline: the coordinator was away, and the stay paid for it.
    AbsenceNotMadeGood = "absence-not-made-good", "docs/spec/queue.md#gap";
    /// After a restart something happens before the deadlines are moved.
    RestartNotMadeGood = "restart-not-made-good", "docs/spec/queue.md#absence";
    /// A restart that no notice tells of.
    RestartNotAnnounced = "restart-not-announced", "docs/spec/public-log.md#notices";
    /// An absence is said to have been longer than the log leaves room for.
    AbsenceTooLong = "absence-too-long", "docs/spec/queue.md#absence";
    /// An absence is said to have been shorter than it was.
    AbsenceTooShort = "absence-too-short", "docs/spec/queue.md#absence";
    /// The ceremony goes on after a pause, and the deadlines were not moved.
    PauseNotMadeGood = "pause-not-made-good", "docs/spec/queue.md#pause";
    /// The mode is set to what it is.
    ModeUnchanged = "mode-unchanged", "docs/spec/queue.md#modes";
    /// A drained queue does not halt.
    DrainedGoesOn = "drained-goes-on", "docs/spec/queue.md#drained";

    /// Somebody is pardoned who contributed.
    PardonOfContribution = "pardon-of-contribution", "docs/spec/queue.md#pardon";
    /// Somebody is pardoned who is not used up.
    PardonWithoutCause = "pardon-without-cause", "docs/spec/queue.md#pardon";

    /// The entry that a ticket names is another.
    TicketNotInLog = "ticket-not-in-log", "docs/spec/public-log.md#ticket";
    /// A stay ended before the time until which it was to be kept.
    PromiseBroken = "promise-broken", "docs/spec/public-log.md#place-promise";
    /// Somebody was refused for a reason that the log does not have.
    RefusalNotBorneOut = "refusal-not-borne-out", "docs/spec/public-log.md#signed-refusal";
    /// A receipt was given for a contribution that the log does not have.
    ReceiptNotInLog = "receipt-not-in-log", "docs/spec/ceremony.md#receipt";

    /// The log has a contribution that the transcript does not have.
    NotInTranscript = "not-in-transcript", "docs/spec/public-log.md#accepted";
    /// The transcript has a contribution that the log does not have.
    NotInLog = "not-in-log", "docs/spec/public-log.md#accepted";
    /// A contribution of the transcript is another than the one that was accepted.
    ContributionDiffers = "contribution-differs", "docs/spec/public-log.md#accepted";
    /// A contribution of the transcript is somebody else's than the one who had the turn.
    ContributorDiffers = "contributor-differs", "docs/spec/public-log.md#commitments";
    /// Somebody stands in the transcript twice.
    ContributedTwice = "contributed-twice", "docs/spec/queue.md#used-up";
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Kind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
