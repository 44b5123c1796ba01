//! E-mail about overdue reviews: tells those who may decide them, each at most once an hour, and of several servers one.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::domain::profile::Reach;
use crate::domain::scope::Scope;
use crate::jobs::interval::wait_for_next_round;
use crate::jobs::staff_mail::StaffMail;
use crate::records::console_user::{ConsoleUser, ConsoleUserStatus};
use crate::records::review::Review;
use crate::records::time::Millis;
use crate::store::console::ConsoleStore;
use crate::store::warn_unless_outage;
use crate::store::{PageRequest, Store, StoreError};

/// How often overdue reviews are sought.
const INTERVAL: Duration = Duration::from_secs(60);
/// The shortest time between two messages to a user, in seconds.
const MESSAGE_INTERVAL: i64 = 3_600;
/// The most overdue reviews that are counted: those that became due last.
const COUNTED: usize = 500;
/// Users that are read at once, and the most that get a message in one round.
const USERS_AT_ONCE: usize = 100;
const MESSAGES_PER_ROUND: usize = 50;

/// Tells reviewers of overdue reviews.
pub struct OverdueReviews {
    pub store: Arc<dyn Store>,
    pub console: Arc<ConsoleStore>,
    pub mail: Arc<StaffMail>,
    pub clock: Clock,
}

impl OverdueReviews {
    /// Looks each minute until the server stops. Without an SMTP server there is nothing to do.
    pub fn start(self, mut stop: watch::Receiver<bool>) {
        if self.mail.is_off() || !self.store.keeps_reviews() {
            return;
        }
        tokio::spawn(async move {
            while wait_for_next_round(INTERVAL, &mut stop).await {
                if let Err(error) = self.send_messages().await {
                    warn_unless_outage!(error, "overdue reviews could not be read; the next round tries again");
                }
            }
        });
    }

    /// Sends the messages that are due; returns how many the SMTP server has accepted.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn send_messages(&self) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let overdue = self.store.overdue_reviews(now, COUNTED).await?;
        let (mut accepted, mut tried) = (0, 0);
        if overdue.is_empty() {
            return Ok(accepted);
        }
        let mut cursor = None;
        loop {
            let page = self.console.list_users(&PageRequest { limit: USERS_AT_ONCE, cursor }).await?;
            for user in page.items.iter().filter(|user| may_be_told(user, now)) {
                let Some(count) = count_for_user(user, &overdue) else { continue };
                // The first server that notes it sends it. A message that is lost then is followed by the next hour's.
                if tried < MESSAGES_PER_ROUND && self.console.claim_overdue_mail(user, now).await? {
                    tried += 1;
                    accepted += usize::from(self.mail.send_overdue(user, &count).await);
                }
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(accepted);
            }
        }
    }
}

/// Says whether a user decides reviews, wants the message, and had none within the hour.
fn may_be_told(user: &ConsoleUser, now: Millis) -> bool {
    let is_decider = user.role.permissions(user.senior).has(Scope::ReviewsDecide);
    let is_early = user.overdue_mailed.is_some_and(|at| at.plus_seconds(MESSAGE_INTERVAL) > now);
    user.status == ConsoleUserStatus::Active && is_decider && !user.mutes_overdue && !is_early
}

/// How many overdue reviews a user reaches, as a text; `None` where none became due since the last message.
fn count_for_user(user: &ConsoleUser, overdue: &[Review]) -> Option<String> {
    let reach = user.teams.clone().map_or(Reach::Every, Reach::Teams);
    let reached = || overdue.iter().filter(|review| reach.has_team(&review.team));
    let is_news = reached().any(|review| user.overdue_mailed.is_none_or(|told| review.due_at >= told));
    let count = reached().count();
    let text = if count == COUNTED { format!("{count}+") } else { count.to_string() };
    is_news.then_some(text)
}
