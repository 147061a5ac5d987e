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
