//! Pages of lists: where they start, and what narrows them.

use super::{Dialect, PROFILES, PROFILES_OF_STATUS, PROFILES_ORDER, Value};
use crate::domain::profile::{ProfileFilter, Reach};
use crate::store::{PageRequest, Result, StoreError};

/// A cursor is the place of the last row before it.
pub(super) fn place(page: &PageRequest) -> Result<i64> {
    match &page.cursor {
        None => Ok(i64::MAX),
        Some(cursor) => cursor.parse().ok().filter(|place| *place > 0).ok_or(StoreError::BadCursor),
    }
}

/// The statement and its values for one page of profiles.
pub(super) fn profiles_query(
    dialect: &Dialect,
    reach: &Reach,
    filter: ProfileFilter,
    before: i64,
    limit: usize,
) -> (String, Vec<Value<'static>>) {
    let mut text = PROFILES.to_owned();
    let mut values = vec![Value::Number(before)];
    let mut narrow = |condition: &str, value: Value<'static>| {
        values.push(value);
        text.push_str(condition);
        text.push_str(&format!("${}", values.len()));
    };
    if let Reach::Team(team) = reach {
        narrow(" and team = ", Value::Text(team.clone().into()));
    }
    let words = [
        (PROFILES_OF_STATUS, filter.status),
        (" and verification_status = ", filter.verification_status),
        (" and country = ", filter.country),
        (" and user_id = ", filter.user_id),
    ];
    for (condition, word) in words {
        if !word.is_empty() {
            narrow(condition, Value::Text(word.into()));
        }
    }
    if let Some(after) = filter.created_after {
        narrow(" and created > ", Value::Number(after.0));
    }
    if let Some(before) = filter.created_before {
        narrow(" and created < ", Value::Number(before.0));
    }
    if !filter.q.is_empty() {
        let (before, behind) = dialect.search;
        narrow(before, Value::Text(filter.q.into()));
        text.push_str(behind);
    }
    values.push(Value::Number(one_more(limit)));
    text.push_str(&format!("{PROFILES_ORDER}${}", values.len()));
    (text, values)
}

/// Asks for one row more than the page holds, to know whether there is another page.
pub(super) fn one_more(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX - 1) + 1
}
