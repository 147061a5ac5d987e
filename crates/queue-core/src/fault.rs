//! Deliberate faults in the rules, for tests that must notice them. Compiled only with the
//! `faults` feature, which nothing but this crate's own tests turns on.

/// A rule to break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The turn goes to the head of the line whether it is there or not.
    CallsAbsentHead,
    /// The turn goes to whoever checks in first.
    CallsWhoeverAsks,
    /// Deadlines lie in the past: the interval is subtracted.
    DeadlineHasWrongSign,
    /// The allowance for latency is not given.
    GraceForgotten,
    /// A command is decided before the deadlines that have passed are looked at.
    LateIsInTime,
    /// A check-in may take back what an earlier one promised.
    CheckInShortens,
    /// Deadlines are computed as if nobody were ahead.
    EstimateIgnoresLine,
    /// Taking the state again restarts the clock.
    StartRestartsClock,
    /// There is no deadline for starting.
    ReadyHasNoTimer,
    /// There is no deadline for verification.
    VerifyingHasNoTimer,
    /// The time that verification takes counts against the participant.
    VerificationIsOnTheParticipant,
    /// A verdict counts for whoever is being verified.
    VerdictIsNotFenced,
    /// Stalling is reported as a time-out.
    StalledIsCalledTimedOut,
    /// A fault of the coordinator's uses the identity up.
    CoordinatorFaultUsesUp,
    /// Those who failed may join again without a pardon.
    FailedMayRejoin,
    /// A restart costs the time it takes.
    RestartCounts,
    /// A stall of the coordinator costs the time it takes.
    CoordinatorStallCounts,
    /// A pause costs the time it takes.
    PauseCounts,
    /// Deadlines run while the queue is halted.
    HaltedClockRuns,
    /// Promises are never written to the durable log.
    PromisesAreNotLogged,
    /// New entries are taken while the queue drains.
    DrainingAdmits,
    /// A drained queue does not halt.
    DrainNeverHalts,
    /// A second join gives a second place.
    JoinsTwice,
    /// Time follows the clock when that jumps back.
    TimeFalls,
    /// Whoever polls gets the turn.
    PollJumpsTheLine,
    /// Polling on while contributing restarts the clock.
    PollRestartsClock,
    /// Deadlines of those who poll are as short as anybody's.
    PollerIsNotWaitedFor,
    /// Whoever was passed is passed again.
    PassesAgain,
    /// Somebody is passed who is expected within the shortest interval.
    PassesWhoIsExpected,
    /// Somebody is passed who has just been heard of.
    PassesWhoIsThere,
    /// A free turn goes to anybody in line who asks, past all who may be passed.
    PassesFromAnywhere,
    /// Deadlines in line are as long as half the wait, whatever the check-in budget.
    BudgetIsIgnored,
    /// Whoever says at the start that it will check in need not.
    StartDoesNotArm,
    /// A closed connection is not noticed.
    DisconnectIsIgnored,
    /// A turn ends although its contribution is arriving.
    UploadIsNotWaitedFor,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 35] = [
        Fault::CallsAbsentHead,
        Fault::CallsWhoeverAsks,
        Fault::DeadlineHasWrongSign,
        Fault::GraceForgotten,
        Fault::LateIsInTime,
        Fault::CheckInShortens,
        Fault::EstimateIgnoresLine,
        Fault::StartRestartsClock,
        Fault::ReadyHasNoTimer,
        Fault::VerifyingHasNoTimer,
        Fault::VerificationIsOnTheParticipant,
        Fault::VerdictIsNotFenced,
        Fault::StalledIsCalledTimedOut,
        Fault::CoordinatorFaultUsesUp,
        Fault::FailedMayRejoin,
        Fault::RestartCounts,
        Fault::CoordinatorStallCounts,
        Fault::PauseCounts,
        Fault::HaltedClockRuns,
        Fault::PromisesAreNotLogged,
        Fault::DrainingAdmits,
        Fault::DrainNeverHalts,
        Fault::JoinsTwice,
        Fault::TimeFalls,
        Fault::PollJumpsTheLine,
        Fault::PollRestartsClock,
        Fault::PollerIsNotWaitedFor,
        Fault::PassesAgain,
        Fault::PassesWhoIsExpected,
        Fault::PassesWhoIsThere,
        Fault::PassesFromAnywhere,
        Fault::BudgetIsIgnored,
        Fault::StartDoesNotArm,
        Fault::DisconnectIsIgnored,
        Fault::UploadIsNotWaitedFor,
    ];
}
