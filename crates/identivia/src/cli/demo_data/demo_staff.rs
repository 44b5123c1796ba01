//! The invented reviewers of the demo data: users of the console who cannot sign in.

use std::sync::Arc;

use anyhow::anyhow;

use super::demo_person::TEAM;
use crate::domain::event::EventKind;
use crate::records::RecordKind;
use crate::records::audit_event::AuditEvent;
use crate::records::console_user::{ConsoleRole, ConsoleUser, ConsoleUserStatus};
use crate::records::review::{Decider, DeciderKind};
use crate::records::time::Millis;
use crate::store::console::{ConsoleStore, UserWrite};

/// Their names, which say what they are, and their roles. The last two may decide as the second person.
const STAFF: [(&str, &str, ConsoleRole, bool); 3] = [
    ("Mirabel Thistledown (demo)", "mirabel@demo.invalid", ConsoleRole::Reviewer, false),
    ("Osric Puddlewick (demo)", "osric@demo.invalid", ConsoleRole::Reviewer, true),
    ("Petronella Snowdrift (demo)", "petronella@demo.invalid", ConsoleRole::Admin, false),
];

/// The reviewers who decide reviews of the demo data.
pub(super) struct DemoStaff([ConsoleUser; 3]);

impl DemoStaff {
    /// Writes them, or finds those that an interrupted run has written. They are disabled and have no password.
    pub(super) async fn write(console: &Arc<ConsoleStore>, actor: &str, now: Millis) -> anyhow::Result<Self> {
        let mut staff = Vec::with_capacity(STAFF.len());
        for (name, email, role, senior) in STAFF {
            if let Some(user) = console.user_of_email(email).await? {
                staff.push(user);
                continue;
            }
            let invited = ConsoleUser::invited(email.to_owned(), name.to_owned(), role, now);
            let user = ConsoleUser {
                status: ConsoleUserStatus::Disabled,
                teams: Some(vec![TEAM.to_owned()]),
                senior,
                ..invited
            };
            let event = AuditEvent::new(EventKind::UserInvited, now, actor);
            let event = event.on(RecordKind::ConsoleUsers, user.id.as_str()).with_detail("demo data, disabled");
            let added = console.add_user(&user, &UserWrite::default(), &[event]).await?;
            added.map_err(|refusal| anyhow!("another program writes the same users ({refusal:?}); stop it"))?;
            staff.push(user);
        }
        staff.try_into().map(Self).map_err(|_| anyhow!("there are three demo reviewers"))
    }

    /// The reviewer of that number. Numbers begin anew behind the last one.
    pub(super) fn decider(&self, number: usize) -> Decider {
        let [first, second, third] = &self.0;
        let user = match number % STAFF.len() {
            0 => first,
            1 => second,
            _ => third,
        };
        Decider {
            kind: DeciderKind::User,
            id: user.id.to_string(),
            name: user.name.clone(),
            email: Some(user.email.clone()),
            oidc_subject: None,
        }
    }
}
