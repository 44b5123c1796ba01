//! Four eyes need two people who may decide: nothing could ever be decided otherwise. Checked when four eyes are turned on, and
//! when a user is changed or deleted. The people who are counted are named in the write, which is refused if one has changed.

use crate::app::App;
use crate::domain::review_settings::FOUR_EYES_KEY;
use crate::domain::scope::Scope;
use crate::http::error::ApiError;
use crate::records::console_user::{ConsoleUser, ConsoleUserStatus};
use crate::records::id::RecordId;
use crate::store::PageRequest;

/// Users that are read at once.
const USERS_AT_ONCE: usize = 100;
/// How often people are counted before the caller has to try again. Each try fails only when one of them is changed at that moment.
pub(crate) const TRIES: usize = 8;

/// A user as they will be; without one they are deleted.
pub(crate) type UserChange<'a> = (RecordId, Option<&'a ConsoleUser>);

/// Two people at the console who can decide reviews of a team together, after a change of a user; `None` where there are not.
pub(crate) async fn find_deciders(
    app: &App,
    team: Option<&str>,
    change: Option<UserChange<'_>>,
) -> Result<Option<Vec<ConsoleUser>>, ApiError> {
    let (mut second, mut first): (Option<ConsoleUser>, Option<ConsoleUser>) = (None, None);
    let mut page = PageRequest { limit: USERS_AT_ONCE, cursor: None };
    loop {
        let users = app.console.list_users(&page).await?;
        for stored in users.items {
            let user = match change {
                Some((id, changed)) if id == stored.id => changed.cloned(),
                _ => Some(stored),
            };
            let Some(user) = user.filter(|user| is_eligible(user, team)) else { continue };
            let permissions = user.role.permissions(user.senior);
            if second.is_none() && permissions.has(Scope::ReviewsSecond) && permissions.has(Scope::ReviewsDecide) {
                second = Some(user);
            } else if first.is_none() && permissions.has(Scope::ReviewsDecide) {
                first = Some(user);
            }
        }
        if let (Some(second), Some(first)) = (&second, &first) {
            return Ok(Some(vec![second.clone(), first.clone()]));
        }
        let Some(next) = users.next else { return Ok(None) };
        page.cursor = Some(next);
    }
}

fn is_eligible(user: &ConsoleUser, team: Option<&str>) -> bool {
    let reaches = user.teams.as_ref().is_none_or(|teams| teams.iter().any(|own| Some(own.as_str()) == team));
    user.status == ConsoleUserStatus::Active && reaches
}

/// Refuses a change of a user that leaves a team with four eyes and without two people for them. Where there were none before, the
/// change makes nothing worse. Gives the other people whom teams with four eyes need: the write must name them.
pub(crate) async fn require_deciders(
    app: &App,
    before: &ConsoleUser,
    after: Option<&ConsoleUser>,
) -> Result<Vec<ConsoleUser>, ApiError> {
    let mut needed: Vec<ConsoleUser> = Vec::new();
    let permissions = |user: &ConsoleUser| user.role.permissions(user.senior);
    let is_same = after.is_some_and(|after| {
        permissions(after) == permissions(before) && after.teams == before.teams && after.status == before.status
    });
    if is_same || !permissions(before).has(Scope::ReviewsDecide) {
        return Ok(needed);
    }
    for setting in app.store.settings().await? {
        let (team, key) = match setting.key.split_once('/') {
            Some((team, key)) => (Some(team), key),
            None => (None, setting.key.as_str()),
        };
        if key != FOUR_EYES_KEY || setting.value.get() != "true" {
            continue;
        }
        match find_deciders(app, team, Some((before.id, after))).await? {
            Some(found) => {
                let is_new = |one: &ConsoleUser| one.id != before.id && needed.iter().all(|other| other.id != one.id);
                let found: Vec<ConsoleUser> = found.into_iter().filter(is_new).collect();
                needed.extend(found);
            }
            None if find_deciders(app, team, None).await?.is_some() => return Err(lonely_decider()),
            None => {}
        }
    }
    Ok(needed)
}

/// 409 for a change that would leave one person for four eyes.
pub(crate) fn lonely_decider() -> ApiError {
    ApiError::conflict(
        "Four eyes need two people",
        "Let another person decide reviews first, one of the two as the second person, or turn four_eyes off",
    )
}
