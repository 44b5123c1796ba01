//! Four eyes need two people who may decide: nothing could ever be decided otherwise. Checked when four eyes are turned on, and
//! when a user is changed or deleted.

use crate::app::App;
use crate::domain::review_settings::FOUR_EYES_KEY;
use crate::domain::scope::Scope;
use crate::http::error::ApiError;
use crate::records::console_user::{ConsoleUser, ConsoleUserStatus};
use crate::records::id::RecordId;
use crate::store::PageRequest;

/// Users that are read at once.
const USERS_AT_ONCE: usize = 100;

/// A user as they will be; without one they are deleted.
pub(crate) type UserChange<'a> = (RecordId, Option<&'a ConsoleUser>);

/// Says whether two people at the console can decide reviews of a team together, after a change of a user.
pub(crate) async fn has_two_deciders(
    app: &App,
    team: Option<&str>,
    change: Option<UserChange<'_>>,
) -> Result<bool, ApiError> {
    let (mut deciders, mut seconds) = (0, 0);
    let mut page = PageRequest { limit: USERS_AT_ONCE, cursor: None };
    loop {
        let users = app.console.list_users(&page).await?;
        for stored in &users.items {
            let user = match change {
                Some((id, changed)) if id == stored.id => changed,
                _ => Some(stored),
            };
            let Some(user) = user.filter(|user| is_eligible(user, team)) else { continue };
            let permissions = user.role.permissions(user.senior);
            deciders += u32::from(permissions.has(Scope::ReviewsDecide));
            seconds += u32::from(permissions.has(Scope::ReviewsSecond));
        }
        if deciders >= 2 && seconds >= 1 {
            return Ok(true);
        }
        let Some(next) = users.next else { return Ok(false) };
        page.cursor = Some(next);
    }
}

fn is_eligible(user: &ConsoleUser, team: Option<&str>) -> bool {
    let reaches = user.teams.as_ref().is_none_or(|teams| teams.iter().any(|own| Some(own.as_str()) == team));
    user.status == ConsoleUserStatus::Active && reaches
}

/// Refuses a change of a user that leaves a team with four eyes and without two people for them. Where there were none before, the
/// change makes nothing worse.
pub(crate) async fn refuse_lonely_decider(
    app: &App,
    before: &ConsoleUser,
    after: Option<&ConsoleUser>,
) -> Result<(), ApiError> {
    let permissions = |user: &ConsoleUser| user.role.permissions(user.senior);
    let is_same = after.is_some_and(|after| {
        permissions(after) == permissions(before) && after.teams == before.teams && after.status == before.status
    });
    if is_same || !permissions(before).has(Scope::ReviewsDecide) {
        return Ok(());
    }
    for setting in app.store.settings().await? {
        let (team, key) = match setting.key.split_once('/') {
            Some((team, key)) => (Some(team), key),
            None => (None, setting.key.as_str()),
        };
        let is_on = key == FOUR_EYES_KEY && setting.value.get() == "true";
        if is_on
            && !has_two_deciders(app, team, Some((before.id, after))).await?
            && has_two_deciders(app, team, None).await?
        {
            return Err(ApiError::conflict(
                "Four eyes need two people",
                "Let another person decide reviews first, one of the two as the second person, or turn four_eyes off",
            ));
        }
    }
    Ok(())
}
