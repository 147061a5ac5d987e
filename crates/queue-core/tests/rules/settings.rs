//! Settings that can be used, and settings that cannot.

use std::time::Duration;

use tauline_queue_core::{Queue, Rules, RulesError, Timestamp};

use crate::world::{Id, secs};

#[test]
fn unusable_rules_are_refused_by_name() {
    let rules = Rules::default();
    assert_eq!(rules.validate(), Ok(()));
    let validate = |rules: Rules| Queue::<Id>::new(rules, Timestamp::EPOCH).unwrap_err();
    assert_eq!(
        validate(Rules {
            start_limit: Duration::from_micros(999),
            ..rules
        }),
        RulesError::Zero {
            setting: "start_limit"
        }
    );
    assert_eq!(
        validate(Rules {
            checkin_min: secs(10),
            checkin_max: secs(9),
            ..rules
        }),
        RulesError::MinAboveMax {
            min: secs(10),
            max: secs(9)
        }
    );
    let value = Duration::MAX;
    assert_eq!(
        validate(Rules {
            checkin_grace: value,
            ..rules
        }),
        RulesError::TooLong {
            setting: "checkin_grace",
            value
        }
    );
    let none = Rules {
        checkin_grace: secs(0),
        lasting_step: secs(0),
        ..rules
    };
    assert_eq!(none.validate(), Ok(()));
}

/// A setting by its name, and how to set it.
type Setting = (&'static str, fn(&mut Rules, Duration));

const POSITIVE: [Setting; 10] = [
    ("checkin_max", |rules, value| rules.checkin_max = value),
    ("checkin_min", |rules, value| rules.checkin_min = value),
    ("start_limit", |rules, value| rules.start_limit = value),
    ("contribution_limit", |rules, value| {
        rules.contribution_limit = value
    }),
    ("stall_limit", |rules, value| rules.stall_limit = value),
    ("disconnect_limit", |rules, value| {
        rules.disconnect_limit = value
    }),
    ("checkin_relaxed", |rules, value| {
        rules.checkin_relaxed = value
    }),
    ("tick", |rules, value| rules.tick = value),
    ("verification_limit", |rules, value| {
        rules.verification_limit = value
    }),
    ("expected_turn", |rules, value| rules.expected_turn = value),
];

const ANY: [Setting; 2] = [
    ("checkin_grace", |rules, value| rules.checkin_grace = value),
    ("lasting_step", |rules, value| rules.lasting_step = value),
];

fn with(set: fn(&mut Rules, Duration), value: Duration) -> Result<(), RulesError> {
    let mut rules = Rules::default();
    set(&mut rules, value);
    rules.validate()
}

#[test]
fn a_setting_is_at_least_a_millisecond_unless_it_may_be_nothing() {
    for (setting, set) in POSITIVE {
        let zero = Err(RulesError::Zero { setting });
        assert_eq!(with(set, Duration::from_micros(999)), zero);
    }
    for (setting, set) in ANY {
        assert_eq!(with(set, Duration::ZERO), Ok(()), "{setting}");
    }
    let mut rules = Rules {
        checkin_rate: 0,
        ..Rules::default()
    };
    assert_eq!(rules.validate(), Err(RulesError::NoRate));
    rules.checkin_rate = 1;
    assert_eq!(rules.validate(), Ok(()));
}

#[test]
fn a_setting_is_a_year_at_most() {
    let year = secs(31_622_400);
    assert_eq!(Rules::MAX_LENGTH, year);
    for (setting, set) in POSITIVE.into_iter().chain(ANY) {
        let value = year + Duration::from_nanos(1);
        let too_long = Err(RulesError::TooLong { setting, value });
        assert_eq!(with(set, value), too_long);
        // A shortest interval of a year needs a longest one of a year, too.
        let mut rules = Rules {
            checkin_max: year,
            ..Rules::default()
        };
        set(&mut rules, year);
        assert_eq!(rules.validate(), Ok(()), "{setting}");
    }
}

#[test]
fn the_shortest_contribution_limit_is_no_longer_than_the_longest() {
    let validate = |min| {
        let rules = Rules {
            contribution_min: Some(min),
            ..Rules::default()
        };
        rules.validate()
    };
    let limit = Rules::default().contribution_limit;
    assert_eq!(validate(limit), Ok(()));
    let min = limit + Duration::from_nanos(1);
    let above = RulesError::ContributionMinAboveLimit { min, limit };
    assert_eq!(validate(min), Err(above));
    let setting = "contribution_min";
    assert_eq!(
        validate(Duration::from_micros(999)),
        Err(RulesError::Zero { setting })
    );
}

#[test]
fn the_shortest_interval_may_be_as_long_as_the_longest() {
    let rules = Rules {
        checkin_min: secs(9),
        checkin_max: secs(9),
        ..Rules::default()
    };
    assert_eq!(rules.validate(), Ok(()));
}
